"""The download of the real data set, from servers of every temper on the loopback."""

import hashlib
import os
import random
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import tiny_pets

from components.oxford import archive, download, progress
from components.oxford.__main__ import main
from components.oxford.archive import Archive
from ibid.stage.contract import BadInputError, ExitCode, IbidError, TemporaryError, UsageError

BYTES = random.Random(0).randbytes(3 * archive.BLOCK + 17)
WANTED = Archive("images.tar.gz", len(BYTES), hashlib.sha256(BYTES).hexdigest())
HALF = len(BYTES) // 2
CERTIFICATE = tiny_pets.ROOT / "tests" / "data" / "loopback.pem"


class Handler(BaseHTTPRequestHandler):
    """Answers as its server is told to; notes what it was asked."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers["Range"]))
        answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        answer(self, int(self.headers["Range"].removeprefix("bytes=").removesuffix("-")))

    def do_CONNECT(self):
        self.server.asked.append((self.path, None))
        self.send_error(407)

    def log_message(self, *_):
        pass

    def give(self, status, body, **headers):
        self.send_response(status)
        for name, value in ({"Content_Length": len(body)} | headers).items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)


def whole(handler, start, content=BYTES):
    """As most servers: the rest, and from where it is."""
    told = f"bytes {start}-{len(content) - 1}/{len(content)}"
    handler.give(206, content[start:], Content_Range=told)


def without_ranges(handler, _):
    handler.give(200, BYTES)


def no_length(handler, start):
    """Told twice, as some proxies do, and so no number."""
    rest = BYTES[start:]
    told = f"bytes {start}-{len(BYTES) - 1}/{len(BYTES)}"
    handler.give(206, rest, Content_Length=f"{len(rest)}, {len(rest)}", Content_Range=told)


def torn(handler, start):
    """Half of what is asked for, and the line is cut."""
    rest = BYTES[start:]
    told = f"bytes {start}-{len(BYTES) - 1}/{len(BYTES)}"
    cut = rest[: len(rest) // 2]
    handler.give(206, cut, Content_Length=len(rest), Content_Range=told)


def endless(handler, start):
    handler.give(206, BYTES[start:] + b"more", Content_Length=None, Content_Range=f"bytes {start}-")


def other(handler, start):
    whole(handler, start, BYTES[:-1] + bytes([BYTES[-1] ^ 1]))


def page(handler, _):
    handler.give(200, b"<html>Sign in</html>")


def misplaced(handler, start):
    handler.give(206, BYTES[start:], Content_Range="bytes 0-9/10")


def beyond(handler, _):
    handler.send_error(416)


def status(code):
    return lambda handler, _: handler.send_error(code)


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Those who ask hang up when they have seen enough."""


@contextmanager
def serving(*answers, tls=None):
    """A server that gives these answers, one a request, and the last again and again."""
    server = Server(("127.0.0.1", 0), Handler)
    server.answers, server.asked = list(answers), []
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def fetch(url, folder, wanted=WANTED):
    told = []
    return download.fetch(wanted, url, folder, told.append, pause=0), told


def refusal(kind, url, folder):
    with pytest.raises(IbidError) as refused:
        fetch(url, folder)
    assert type(refused.value) is kind, refused.value
    assert refused.value.hint
    assert not (folder / WANTED.name).exists()
    return str(refused.value)


def begin(folder, content=BYTES[:HALF]):
    folder.mkdir(exist_ok=True)
    (folder / "images.tar.gz.part").write_bytes(content)


def test_an_archive_is_fetched_and_how_far_it_is_is_told(tmp_path):
    with serving(whole) as server:
        fetched, told = fetch(server.url, tmp_path / "new")
    assert fetched
    assert (tmp_path / "new" / WANTED.name).read_bytes() == BYTES
    assert [path.name for path in (tmp_path / "new").iterdir()] == [WANTED.name]
    assert told == sorted(told)
    assert told[-1] == len(BYTES)


def test_what_is_there_is_checked_and_not_fetched_again(tmp_path):
    (tmp_path / WANTED.name).write_bytes(BYTES)
    with serving(whole) as server:
        assert fetch(server.url, tmp_path) == (False, [])
        assert server.asked == []


def test_other_bytes_that_are_there_are_left_alone_and_refused(tmp_path):
    (tmp_path / WANTED.name).write_bytes(b"mine")
    with pytest.raises(BadInputError, match=WANTED.sha256) as refused:
        fetch("http://127.0.0.1:9", tmp_path)
    assert refused.value.received == hashlib.sha256(b"mine").hexdigest()
    assert "make run DATA=./FOLDER" in refused.value.hint
    assert (tmp_path / WANTED.name).read_bytes() == b"mine"


RESUMED = {
    "from where it stopped": ((whole,), [HALF]),
    "from a server that knows no ranges": ((without_ranges,), [HALF]),
    "from a server whose length is no number": ((no_length,), [HALF]),
    "over a line that is cut again and again": (
        (torn, torn, torn, torn, torn, torn, whole),
        None,
    ),
    "after errors of the server": ((status(500), status(503), status(429), whole), [HALF] * 4),
}


@pytest.mark.parametrize("case", RESUMED)
def test_a_download_goes_on(tmp_path, case):
    answers, starts = RESUMED[case]
    begin(tmp_path)
    with serving(*answers) as server:
        assert fetch(server.url, tmp_path)[0]
    asked = [int(told[6:-1]) for _, told in server.asked]
    assert (tmp_path / WANTED.name).read_bytes() == BYTES
    assert asked == starts if starts else asked == sorted(set(asked))


def test_a_download_that_lacks_only_its_name_is_not_asked_for(tmp_path):
    begin(tmp_path, BYTES)
    with serving(whole) as server:
        assert fetch(server.url, tmp_path)[0]
        assert server.asked == []


def test_more_than_there_can_be_begins_anew(tmp_path):
    begin(tmp_path, BYTES + b"more")
    with serving(whole) as server:
        assert fetch(server.url, tmp_path)[0]
    assert server.asked == [("/images.tar.gz", "bytes=0-")]


REFUSED = {
    "no such file": (
        status(404),
        BadInputError,
        "Received: 404 Not Found",
        "ibid fetch oxford DIR --from URL",
    ),
    "not allowed": (
        status(403),
        BadInputError,
        "Received: 403 Forbidden",
        "ibid fetch oxford DIR --from URL",
    ),
    "a server that is broken": (
        status(500),
        TemporaryError,
        "Received: 500 Internal Server Error",
        "run the same command later: it goes on where it stopped",
    ),
    "a page in its place": (
        page,
        BadInputError,
        "Received: 20 bytes: another file, or a page in its place",
        "open the address in a browser",
    ),
    "more bytes than there should be": (
        endless,
        BadInputError,
        f"Received: {len(BYTES) + 4} bytes: another file",
        "open the address in a browser",
    ),
    "a shorter file": (
        beyond,
        BadInputError,
        f"Received: {HALF} bytes: another file",
        "open the address in a browser",
    ),
    "another piece": (misplaced, BadInputError, "Received: bytes 0-9/10", "rm "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_answer_that_does_not_help_is_told_and_what_came_is_kept(tmp_path, case):
    answer, kind, received, hint = REFUSED[case]
    begin(tmp_path)
    with serving(answer) as server:
        told = refusal(kind, server.url, tmp_path)
    assert f"{server.url}/images.tar.gz" in told
    assert received in told
    assert hint in told.partition("hint: ")[2]
    kept = (tmp_path / "images.tar.gz.part").read_bytes()
    assert kept.startswith(BYTES[:HALF])
    assert BYTES.startswith(kept)


def test_other_bytes_are_refused_and_not_gone_on_from(tmp_path):
    with serving(other) as server:
        told = refusal(BadInputError, server.url, tmp_path)
    assert f"Expected images.tar.gz with the sha256 {WANTED.sha256}." in told
    assert hashlib.sha256(BYTES[:-1] + bytes([BYTES[-1] ^ 1])).hexdigest() in told
    assert "hint: run the same command again" in told
    with serving(whole) as server:
        assert fetch(server.url, tmp_path)[0]


def test_a_line_that_brings_nothing_any_more_is_given_up_and_gone_on_with_later(tmp_path):
    begin(tmp_path)
    with serving(lambda handler, start: handler.give(206, b"", Content_Length=len(BYTES) - start,
                 Content_Range=f"bytes {start}-")) as server:  # fmt: skip
        told = refusal(TemporaryError, server.url, tmp_path)
    assert f"it ended after {HALF} of {len(BYTES)} bytes" in told
    assert len(server.asked) == download.TRIES
    with serving(whole) as server:
        assert fetch(server.url, tmp_path)[0]


def test_no_network_is_told_with_what_to_do(tmp_path):
    told = refusal(TemporaryError, "http://pets.invalid", tmp_path)
    assert "Expected the network." in told
    assert "hint: check the network, or set https_proxy" in told
    assert f"bring images.tar.gz into {tmp_path} yourself" in told


def test_nobody_at_the_address_is_told(tmp_path):
    with serving(whole) as server:
        pass
    told = refusal(TemporaryError, server.url, tmp_path)
    assert f"Expected an answer from {server.url}/images.tar.gz." in told
    assert "Connection refused" in told


def test_behind_a_proxy_it_is_asked(tmp_path, monkeypatch):
    with serving(whole) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert fetch("http://pets.invalid/data", tmp_path)[0]
    assert proxy.asked == [("http://pets.invalid/data/images.tar.gz", "bytes=0-")]


def test_what_needs_no_proxy_goes_past_it(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(whole) as server:
        assert fetch(server.url, tmp_path)[0]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_is_named_without_one(tmp_path, monkeypatch, scheme):
    with serving(status(407)) as proxy:
        address = proxy.url.removeprefix("http://")
        monkeypatch.setenv(f"{scheme}_proxy", f"http://me:hidden@{address}")
        told = refusal(BadInputError, f"{scheme}://pets.invalid", tmp_path)
    assert f"through the proxy {address}." in told
    assert "https_proxy=http://NAME:PASSWORD@HOST:PORT" in told
    assert "hidden" not in told


def test_a_proxy_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    told = refusal(TemporaryError, "http://pets.invalid", tmp_path)
    assert "from http://pets.invalid/images.tar.gz through the proxy 127.0.0.1:9." in told


def test_a_certificate_that_nobody_knows_is_told_with_what_to_do(tmp_path, monkeypatch):
    with serving(whole, tls=CERTIFICATE) as server:
        told = refusal(BadInputError, server.url, tmp_path)
        assert f"Expected a certificate that this machine trusts, from {server.url}" in told
        assert "hint: a proxy that opens TLS needs its own: SSL_CERT_FILE=" in told
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        assert fetch(server.url, tmp_path)[0]


@pytest.mark.parametrize("url", ["file:///etc", "ftp://x", "pets"])
def test_another_kind_of_address_is_refused(tmp_path, url):
    with pytest.raises(UsageError, match="http or https"):
        fetch(url, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "http://[",
        "http://",
        "http:///pets",
        "http://127.0.0.1:80a",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:9/my pets",
        "http://127.0.0.1:9/\npets",
        "http://127.0.0.1:9/kätzchen",
        "http://a..b",
    ],
)
def test_an_address_that_cannot_be_parsed_is_refused_before_anybody_is_asked(tmp_path, url):
    told = refusal(UsageError, url, tmp_path / "new")
    assert "Expected a URL as http://HOST:PORT/FOLDER" in told
    assert not (tmp_path / "new").exists()


def test_a_disk_that_is_too_small_is_told_before_anything_comes(tmp_path):
    with pytest.raises(TemporaryError, match=f"Expected room for {10**18} bytes") as refused:
        download.expect_room(10**18, tmp_path / "not" / "there" / "yet")
    assert "bytes free" in refused.value.received
    assert "goes on where it stopped" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_is_told_with_what_is_missing(tmp_path):
    (tmp_path / "images.tar.gz.part").symlink_to("/dev/full")
    with serving(whole) as server:
        told = refusal(TemporaryError, server.url, tmp_path)
    assert f"Expected room for {len(BYTES)} bytes more in {tmp_path}." in told
    assert "No space left on device" in told
    assert "goes on where it stopped" in told


def test_two_downloads_at_once_are_one_too_many(tmp_path):
    begin(tmp_path)
    with download._part(tmp_path / WANTED.name):
        told = refusal_alone(tmp_path)
    assert "another download is at work" in told


def refusal_alone(folder):
    with pytest.raises(TemporaryError) as refused:
        fetch("http://127.0.0.1:9", folder)
    return str(refused.value)


def test_what_is_missing_counts_what_has_come(tmp_path):
    assert download.missing(WANTED, tmp_path) == len(BYTES)
    begin(tmp_path)
    assert download.missing(WANTED, tmp_path) == len(BYTES) - HALF
    (tmp_path / WANTED.name).write_bytes(BYTES)
    assert download.missing(WANTED, tmp_path) == 0


def test_where_there_is_no_terminal_progress_is_lines(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with progress.watching(WANTED, HALF) as watch:
        watch(len(BYTES))
    assert capsys.readouterr().err.splitlines() == [
        "images.tar.gz: 1.6 MB of 3.1 MB to fetch",
        "images.tar.gz: 3.1 MB of 3.1 MB",
    ]


def test_what_is_complete_shows_nothing(capsys):
    with progress.watching(WANTED, 0) as watch:
        watch(len(BYTES))
    assert capsys.readouterr().err == ""


def test_the_pins_are_the_sizes_and_digests_of_two_files():
    names = {each.name: (each.size, each.sha256) for each in archive.ARCHIVES}
    assert set(names) == {"images.tar.gz", "annotations.tar.gz"}
    assert all(len(bytes.fromhex(sha256)) == 32 for _, sha256 in names.values())
    assert archive.SOURCE.startswith("https://")


def test_the_command_ends_with_the_exit_code_and_the_words(tmp_path):
    with serving(page) as server:
        done = subprocess.run(
            [sys.executable, "-m", "components.oxford", tmp_path / "oxford", "--from", server.url],
            env=tiny_pets.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == ExitCode.BAD_INPUT
    assert "annotations.tar.gz: 19.2 MB of 19.2 MB to fetch\nerror: Expected 19173078 bytes" in (
        done.stderr
    )
    assert "Traceback" not in done.stderr


def test_a_folder_of_somebody_elses_photos_is_left_alone(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    assert main([str(tmp_path)]) == ExitCode.BAD_INPUT
    told = capsys.readouterr().err
    assert "Received: images" in told
    assert f"make run DATA=./{tmp_path.name}" in told
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_make_fetches_it_commits_it_and_takes_any_other_folder_as_before():
    def commands(data):
        return subprocess.run(
            ["make", "--dry-run", "run", f"DATA={data}"],
            cwd=tiny_pets.ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    fetched = commands("oxford")
    assert fetched.index("ibid fetch oxford oxford") < fetched.index(
        'put stream "oxford" --replace'
    )
    for folder in ("/photos", "./oxford"):
        assert "fetch" not in commands(folder)
        assert f'put stream "{folder}" --replace' in commands(folder)


def test_a_folder_that_cannot_be_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file" / "oxford")]) == ExitCode.BAD_INPUT
    assert "error: Expected to write in" in capsys.readouterr().err
