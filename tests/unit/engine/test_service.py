"""A service: what it is shown, what is said of it, and what one leaves that was killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from ibid.engine.repair import look
from tests.unit.engine.isolated import WITHOUT, processes

SERVICE = """
- name: show
  description: Show the texts.
  environment: plain
  cmd: [sh, -c, '{command}']
  service: {{internal_port: 6006, external_port: 30888}}
  input: {{pfs: {{repo: texts, glob: "/*"{more}}}}}
"""


@pytest.fixture
def serving(words):
    """Start a service, and wait until it says where it is."""
    started = []

    def start(command="exec sleep 60", *, more="", missing=""):
        words.declare(SERVICE.format(command=command, more=more))
        words.put(one="a")
        prefix = [sys.executable, str(WITHOUT), missing, "--"] if missing else []
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "ibid.cli", "service", "show"],
            cwd=words.root,
            env=os.environ | {"COLUMNS": "200"},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert "http://127.0.0.1:6006/" in process.stderr.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def folders(words):
    return sorted((words.root / ".ibid").glob("service-*"))


def test_empty_files_are_empty_in_a_service_too(serving):
    assert serving("test -s $texts").wait() == 0
    assert serving("test -f $texts -a ! -s $texts", more=", empty_files: true").wait() == 0


def test_what_is_weaker_is_said_while_the_service_runs(serving):
    mark = f"20.{os.getpid()}{time.monotonic_ns()}"
    process = serving(f"exec sleep {mark}", missing="filters")
    assert "Weaker here (namespaces" in process.stderr.readline()
    while not processes(mark):
        assert process.poll() is None
        time.sleep(0.05)


def test_what_a_killed_service_left_is_cleared_and_what_a_running_one_has_is_not(words, serving):
    killed = serving()
    (left,) = folders(words)
    running = serving()
    (kept,) = {*folders(words)} - {left}
    killed.kill()
    killed.wait()
    with contextlib.closing(words.open()) as store:
        assert [found.subject for found in look(words.project(), store).findings] == [str(left)]
    words.run()
    assert folders(words) == [kept]
    assert (kept / "pfs/texts/one").read_text() == "a"
    running.send_signal(signal.SIGINT)
    assert running.wait() == 0
    assert folders(words) == []
