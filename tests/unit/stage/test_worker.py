"""Batches, over a real socket and over a real NextDatum."""

import json
import os
import shutil
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from pachyderm_sdk.api.worker import NextDatumRequest, NextDatumResponse

from ibid.stage import worker
from ibid.stage.contract import ExitCode


class Launcher:
    """The other end of a batch's socket."""

    def __init__(self, toy) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            number = str(theirs.fileno())
            self.process = toy.start(pass_fds=(theirs.fileno(),), DATUM_SOCKET=number)
        ours.settimeout(60)
        with ours:
            self.lines = ours.makefile("rw", encoding="utf-8", newline="\n")

    def hear(self):
        return json.loads(self.lines.readline() or "null")

    def say(self, message):
        self.lines.write(json.dumps(message) + "\n")
        self.lines.flush()

    def give(self, pfs):
        assert self.hear() == {"next": True}
        self.say({"pfs": str(pfs)})
        return self.hear()

    def end(self):
        out, err = self.process.communicate(timeout=60)
        self.lines.close()
        return self.process.returncode, out, err


def test_one_process_works_through_many_datums(toy):
    launcher = Launcher(toy)
    folders = [toy.pfs(word, {"times": 2}, name=word) for word in ("a", "b", "ü")]
    for pfs in folders:
        assert launcher.give(pfs) == {"exit": 0, "error": ""}
    assert launcher.hear() == {"next": True}
    launcher.say({})
    assert launcher.end() == (ExitCode.DONE, "", "")
    assert [(pfs / "out" / "word").read_text() for pfs in folders] == ["aa", "bb", "üü"]


def test_a_bad_datum_does_not_cost_the_others(toy):
    launcher = Launcher(toy)
    answers = [launcher.give(toy.pfs(w, name=w)) for w in ("a", "bad", "bug", "later", "gate", "b")]
    assert [answer["exit"] for answer in answers] == [0, 3, 1, 75, 4, 0]
    assert answers[1]["error"].startswith("Expected a good word.\n  Received: bad")
    assert answers[2]["error"].startswith("ZeroDivisionError: ")
    assert launcher.hear() == {"next": True}
    launcher.say({})
    code, _, err = launcher.end()
    assert code == ExitCode.DONE
    assert "ZeroDivisionError" in err


def test_a_datum_whose_folder_is_missing_does_not_cost_the_others(toy, tmp_path):
    launcher = Launcher(toy)
    answer = launcher.give(tmp_path / "nowhere")
    assert answer["exit"] == ExitCode.USAGE
    assert "nowhere" in answer["error"]
    assert launcher.give(toy.pfs("a")) == {"exit": 0, "error": ""}
    launcher.hear()
    launcher.say({})
    assert launcher.end()[0] == ExitCode.DONE


def test_a_reason_with_bytes_that_are_no_text_can_be_told(toy):
    launcher = Launcher(toy)
    answer = launcher.give(toy.pfs("bytes"))
    assert answer["exit"] == ExitCode.BAD_INPUT
    assert answer["error"].encode()
    launcher.hear()
    launcher.say({})
    launcher.end()


def test_a_datum_with_bad_parameters_does_not_cost_the_others(toy):
    launcher = Launcher(toy)
    assert launcher.give(toy.pfs("a", "{", name="x"))["exit"] == ExitCode.BAD_INPUT
    assert launcher.give(toy.pfs("a", "{}", name="y"))["exit"] == ExitCode.DONE
    launcher.hear()
    launcher.say({})
    launcher.end()


def test_a_launcher_that_is_gone_ends_the_batch(toy):
    launcher = Launcher(toy)
    assert launcher.hear() == {"next": True}
    launcher.lines.close()
    assert launcher.process.wait(60) == ExitCode.DONE
    launcher.process.communicate()


def test_without_a_launcher_there_is_no_link(monkeypatch):
    for name in ("DATUM_SOCKET", "DATUM_BATCHING", "PPS_WORKER_GRPC_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert worker.connect() is None
    monkeypatch.setenv("DATUM_BATCHING", "true")
    assert worker.connect() is None
    monkeypatch.delenv("DATUM_BATCHING")
    monkeypatch.setenv("PPS_WORKER_GRPC_PORT", "1080")
    assert worker.connect() is None


def test_what_a_stage_starts_does_not_inherit_the_link(monkeypatch):
    ours, theirs = socket.socketpair()
    with ours:
        monkeypatch.setenv("DATUM_SOCKET", str(theirs.detach()))
        link = worker.connect()
        assert "DATUM_SOCKET" not in os.environ
        link.report(0, "")
        assert json.loads(ours.recv(100)) == {"exit": 0, "error": ""}
        link._lines.close()
        link._socket.close()


class NextDatum:
    """Pachyderm's worker: swaps what `/pfs` holds, and ends the stage when there is no more."""

    def __init__(self, toy, words) -> None:
        self.toy, self.words = toy, list(words)
        self.heard, self.outputs = [], []
        self.pfs = toy.folder / "pfs"
        self.ended = threading.Event()
        self.server = grpc.server(ThreadPoolExecutor(2))
        rpc = grpc.unary_unary_rpc_method_handler(
            self.next_datum, NextDatumRequest.FromString, NextDatumResponse.SerializeToString
        )
        self.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("pachyderm.worker.Worker", {"NextDatum": rpc})]
        )
        self.port = self.server.add_insecure_port("localhost:0")
        self.server.start()

    def next_datum(self, request, context):
        self.heard.append(request.error)
        if self.pfs.exists():
            out = self.pfs / "out" / "word"
            self.outputs.append(out.read_text() if out.exists() else None)
            shutil.rmtree(self.pfs)
        if self.words:
            self.toy.pfs(self.words.pop(0))
        else:
            self.ended.set()
            self.process.kill()
        return NextDatumResponse()

    def run(self):
        self.process = self.toy.start(
            DATUM_BATCHING="true", PPS_WORKER_GRPC_PORT=str(self.port), PFS_ROOT=str(self.pfs)
        )
        assert self.ended.wait(60), self.process.communicate()
        self.process.communicate(timeout=60)
        self.server.stop(None).wait(10)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_in_a_pachyderm_worker_datums_come_from_next_datum(toy):
    pachyderm = NextDatum(toy, ["a", "bad", "gate", "b"])
    pachyderm.run()
    assert pachyderm.outputs == ["a", None, None, "b"]
    first, after_a, after_bad, after_gate, after_b = pachyderm.heard
    assert (first, after_a, after_b) == ("", "", "")
    assert after_bad.startswith("Expected a good word.")
    assert after_gate == "exit code 4"


def test_what_one_datum_is_told_is_not_there_for_the_next(monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    ours, theirs = socket.socketpair()
    seen = []
    with ours:
        link = worker.SocketLink(theirs.detach())
        datums = link.datums()
        for told in ({"A": "1", "B": "1"}, {"B": "2"}, {}):
            ours.sendall(json.dumps({"pfs": "/", "env": told}).encode() + b"\n")
            next(datums)
            seen.append(tuple(map(os.environ.get, ("A", "B", "KEPT"))))
    link._lines.close()
    link._socket.close()
    assert seen == [("1", "1", "1"), (None, "2", "1"), (None, None, "1")]
