"""Another place for commits: a folder, and a real S3 server where there is one."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from ibid.engine.record import cited
from ibid.engine.repair import look, repair
from ibid.stage.contract import BadInputError, TemporaryError
from ibid.store.commits import PurgedError
from ibid.store.home import Home
from ibid.store.objects import CorruptObjectError
from ibid.store.remote import Remote

SERVER = Path(__file__).parents[3] / ".tools" / "versitygw"
START_SECONDS = 30


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """An S3 server of this test's own on loopback; yields what clients need to know of it."""
    if not SERVER.exists():
        pytest.skip("needs an S3 server: make s3-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    folder = tmp_path_factory.mktemp("s3")
    (folder / "bucket").mkdir()
    facts = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_ENDPOINT_URL": f"http://{address}",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server = subprocess.Popen(
        [SERVER, "--port", address, "--access", "test", "--secret", "test-secret", "--quiet",
         "posix", "--sidecar", tmp_path_factory.mktemp("meta"), folder],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(address, server)
        yield facts
    finally:
        server.terminate()
        server.wait(60)


def _wait_for(address, server):
    host, port = address.split(":")
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        assert server.poll() is None, "the S3 server has ended"
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.05)
    raise AssertionError("the S3 server does not answer")


@pytest.fixture(params=["folder", "s3"])
def url(request, tmp_path, monkeypatch):
    if request.param == "folder":
        return (tmp_path / "remote").as_uri()
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    return f"s3://bucket/{uuid.uuid4().hex}"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "remote"


@pytest.fixture
def here(done):
    with contextlib.closing(done.open()) as store:
        yield store


@pytest.fixture
def there(tmp_path):
    with contextlib.closing(Home(tmp_path / "there").open("words")) as store:
        yield store


def heads(store):
    return {repo: store.head(repo).id for repo in store.repos()}


def test_what_is_pushed_can_be_pulled_whole_and_only_what_is_missing_is_sent(
    done, here, there, url
):
    first = Remote(url).push(here, cited)
    assert first.commits == 4
    assert Remote(url).push(here, cited).objects == 0
    Remote(url).pull(there, cited)
    assert heads(there) == heads(here)
    assert look(done.project(), there).wrong == ()
    done.put(three="d")
    done.run()
    second = Remote(url).push(here, cited)
    assert second.commits == 4
    assert 0 < second.objects < first.objects
    Remote(url).pull(there, cited)
    assert heads(there) == heads(here)
    assert Remote(url).pull(there, cited).commits == ()


def test_machines_that_push_at_once_keep_one_anothers_commits(done, here, there, url):
    Remote(url).push(here, cited)
    Remote(url).pull(there, cited)
    for store, name in ((here, "mine"), (there, "theirs")):
        tree = store.trees.write_files({name: name.encode()})
        store.commit("texts", uuid.uuid4().hex, tree, '{"kind": "input"}')
        Remote(url).push(store, cited)
    adopted = Remote(url).pull(here, cited)
    assert [commit.repo for commit in adopted.commits] == ["texts"]
    assert adopted.apart == ("texts",)
    assert len(here.history("texts")) == 3


def test_a_push_that_is_killed_shows_nothing_partial(done, here, there, folder):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ibid.engine.record import cited\n"
        "from ibid.store.home import Home\n"
        "from ibid.store import remote\n"
        "sent = []\n"
        "send = remote.Remote._send\n"
        "def dying(self, store, digest):\n"
        "    sent.append(digest)\n"
        "    if len(sent) > 5:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    send(self, store, digest)\n"
        "remote.Remote._send = dying\n"
        "remote.Remote(sys.argv[2]).push(Home(Path(sys.argv[1])).open('words'), cited)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, done.root / ".ibid", folder.as_uri()], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert Remote(folder.as_uri()).pull(there, cited).commits == ()
    Remote(folder.as_uri()).push(here, cited)
    Remote(folder.as_uri()).pull(there, cited)
    assert heads(there) == heads(here)


def test_bytes_that_are_not_what_their_name_says_are_refused(here, there, folder):
    Remote(folder.as_uri()).push(here, cited)
    digest = here.head("count").tree
    (folder / "objects" / digest[:2] / digest[2:]).write_bytes(b"tampered with")
    with pytest.raises(BadInputError, match="the bytes of an object") as caught:
        Remote(folder.as_uri()).pull(there, cited)
    assert digest in str(caught.value)
    assert "push --check" in str(caught.value)
    assert there.repos() == []
    Remote(folder.as_uri()).push(here, cited)
    with pytest.raises(BadInputError):
        Remote(folder.as_uri()).pull(there, cited)
    assert Remote(folder.as_uri()).push(here, cited, check=True).objects == 1
    Remote(folder.as_uri()).pull(there, cited)
    assert heads(there) == heads(here)


def test_bytes_that_are_damaged_here_are_not_sent(here, there, folder):
    digest = here.head("count").tree
    path = here.objects.path(digest)
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(b"z" * len(whole))
    with pytest.raises(CorruptObjectError, match=digest):
        Remote(folder.as_uri()).push(here, cited)
    assert Remote(folder.as_uri()).pull(there, cited).commits == ()
    path.write_bytes(whole)
    Remote(folder.as_uri()).push(here, cited)
    Remote(folder.as_uri()).pull(there, cited)
    assert heads(there) == heads(here)


def test_a_purge_before_the_first_push_does_not_hinder_a_pull(done, here, there, folder):
    done.put(three="xyzzy")
    done.run()
    digest = here.trees.find(here.head("texts").tree, "/three").digest
    done.ibid("rm", "texts:three", "--purge")
    Remote(folder.as_uri()).push(here, cited)
    Remote(folder.as_uri()).pull(there, cited)
    assert heads(there) == heads(here)
    assert look(done.project(), there).wrong == ()
    with pytest.raises(PurgedError), there.reading(there.resolve("texts", "master^")):
        there.objects.read(digest)
    assert Remote(folder.as_uri()).push(there, cited).objects == 0


def test_a_bad_object_there_does_not_keep_a_repair_from_the_others(here, folder):
    Remote(folder.as_uri()).push(here, cited)
    lost = [here.trees.find(here.head("texts").tree, path).digest for path in ("/one", "/two")]
    (folder / "objects" / lost[0][:2] / lost[0][2:]).write_bytes(b"tampered with")
    for digest in lost:
        here.objects.path(digest).unlink()
    (said,) = Remote(folder.as_uri()).fetch(here, lost)
    assert lost[0] in said
    assert lost[1] in here.objects


def test_a_fault_of_this_disk_is_not_taken_for_one_of_the_remote(here, there, url):
    Remote(url).push(here, cited)
    (there.objects.folder / "incoming").rmdir()
    with pytest.raises(FileNotFoundError):
        Remote(url).pull(there, cited)


def test_a_changed_manifest_is_refused(here, there, folder):
    Remote(folder.as_uri()).push(here, cited)
    for manifest in (folder / "commits" / "words").iterdir():
        manifest.write_bytes(manifest.read_bytes().replace(b"total", b"other"))
    with pytest.raises(BadInputError):
        Remote(folder.as_uri()).pull(there, cited)
    assert there.repos() == []


def test_an_object_that_the_remote_has_lost_is_named(here, there, folder):
    Remote(folder.as_uri()).push(here, cited)
    digest = here.trees.find(here.head("texts").tree, "/one").digest
    (folder / "objects" / digest[:2] / digest[2:]).unlink()
    with pytest.raises(BadInputError, match=digest):
        Remote(folder.as_uri()).pull(there, cited)
    assert there.repos() == []
    assert Remote(folder.as_uri()).push(here, cited, check=True).objects == 1
    Remote(folder.as_uri()).pull(there, cited)
    assert heads(there) == heads(here)


def test_a_remote_that_does_not_answer_is_a_temporary_failure(here, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(TemporaryError, match="reach the remote"):
        Remote("s3://bucket/x").push(here, cited)


def test_a_repair_fetches_what_is_lost(done, here, url):
    Remote(url).push(here, cited)
    lost = [here.head("texts").tree, here.trees.find(here.head("texts").tree, "/one").digest]
    for digest in lost:
        here.objects.path(digest).unlink()
    fetch = lambda digests: Remote(url).fetch(here, digests)  # noqa: E731
    mended = repair(done.project(), here, fetch, lambda _: None, lambda _: None)
    assert mended.after.findings == ()


def test_what_was_purged_here_does_not_come_back_by_a_pull(done, here, folder):
    done.put(three="xyzzy")
    done.run()
    Remote(folder.as_uri()).push(here, cited)
    digest = here.trees.find(here.head("texts").tree, "/three").digest
    done.ibid("rm", "texts:three", "--purge")
    Remote(folder.as_uri()).pull(here, cited)
    assert digest not in here.objects
    assert look(done.project(), here).wrong == ()


def test_the_commands_take_the_url_from_the_environment(done, tmp_path):
    url = {"IBID_REMOTE": (tmp_path / "remote").as_uri()}
    assert "sent 4 commits" in done.ibid("push", **url).stderr
    elsewhere = url | {"IBID_HOME": str(tmp_path / "home")}
    assert "total@" in done.ibid("pull", **elsewhere).stderr
    assert "Nothing to do" in done.ibid("run", **elsewhere).stderr
    assert "IBID_REMOTE" in done.ibid("push", code=2).stderr


def test_without_its_packages_the_command_says_what_to_install(done):
    code = (
        "import sys; sys.modules['fsspec'] = None; sys.modules['fsspec.core'] = None\n"
        "sys.argv = ['ibid', 'push', '--remote', '/tmp/x']\n"
        "from ibid.cli.main import main\nmain()\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=done.root, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 2
    assert "make setup-remote" in said.stderr
