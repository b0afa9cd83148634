import hashlib
import io
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibid.spec.preimage import Digest
from ibid.store.objects import CHUNK, MissingObjectError, Objects

steady = settings(deadline=None, max_examples=40)


def there(objects):
    """List every file of the folder that could be taken for an object."""
    return sorted(
        path
        for path in objects.folder.rglob("*")
        if path.is_file() and path.parts[-2] != "incoming"
    )


def incoming(objects):
    return list((objects.folder / "incoming").iterdir())


@steady
@given(data=st.binary(max_size=300))
def test_bytes_are_found_at_their_sha256(tmp_path_factory, data):
    objects = Objects(tmp_path_factory.mktemp("objects"))
    digest = objects.put_bytes(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert digest in objects
    assert objects.read(digest) == data


def test_equal_bytes_are_one_object(objects, tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    digests = {
        objects.put_bytes(b"abc"),
        objects.put_file(str(tmp_path / "file"))[0],
        objects.put_stream(io.BytesIO(b"abc"))[0],
    }
    assert len(digests) == 1
    assert len(there(objects)) == 1
    assert incoming(objects) == []


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_a_stream_of_any_length_is_stored_whole(objects, size):
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    for _ in range(2):
        digest, stored = objects.put_stream(io.BytesIO(data))
        assert (digest, stored) == (hashlib.sha256(data).hexdigest(), size)
        assert objects.read(digest) == data
        assert incoming(objects) == []


def test_a_pipe_that_gives_little_at_a_time_is_read_to_its_end(objects):
    reading, writing = os.pipe()
    data = os.urandom(3 * CHUNK)
    with ThreadPoolExecutor(1) as pool, os.fdopen(reading, "rb", buffering=0) as source:

        def write():
            with os.fdopen(writing, "wb") as target:
                target.write(data)

        done = pool.submit(write)
        digest, size = objects.put_stream(source)
        done.result()
    assert size == len(data)
    assert objects.read(digest) == data


def test_an_object_that_is_missing_is_an_error_that_names_it(objects, tmp_path):
    digest = Digest("0" * 64)
    assert digest not in objects
    with pytest.raises(MissingObjectError, match="an object that it cites") as caught:
        objects.read(digest)
    assert digest in str(caught.value)
    with pytest.raises(MissingObjectError):
        objects.copy(digest, tmp_path / "copy")


def test_a_copy_is_the_users_own(objects, tmp_path):
    digest = objects.put_bytes(b"abc")
    copy = tmp_path / "copy"
    objects.copy(digest, copy)
    assert copy.stat().st_mode & 0o200
    copy.write_bytes(b"changed")
    assert objects.read(digest) == b"abc"


def test_a_stored_object_is_not_writable(objects):
    path = objects.path(objects.put_bytes(b"abc"))
    assert path.stat().st_mode & 0o222 == 0


def test_objects_survive_being_opened_again(objects):
    digest = objects.put_bytes(b"abc")
    objects.sync()
    assert Objects(objects.folder).read(digest) == b"abc"


class Breaking(io.RawIOBase):
    """A stream that fails after a while."""

    reads = 0

    def read(self, size=-1):
        self.reads += 1
        if self.reads > 2:
            raise OSError("the disk is gone")
        return bytes(size)


def test_a_source_that_breaks_leaves_nothing_behind(objects):
    with pytest.raises(OSError, match="the disk is gone"):
        objects.put_stream(Breaking())
    assert there(objects) == []
    assert incoming(objects) == []


ENDLESS = """
import sys
from pathlib import Path
from ibid.store.objects import Objects

class Endless:
    read_so_far = 0
    def read(self, size):
        self.read_so_far += size
        if self.read_so_far > 8 << 20:
            print("writing", flush=True)
            sys.stdin.read()
        return bytes(size)

Objects(Path(sys.argv[1])).put_stream(Endless())
"""


def test_a_writer_killed_in_the_middle_shows_nothing_and_harms_nothing(objects):
    kept = objects.put_bytes(b"abc")
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, objects.folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"writing\n"
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    again = Objects(objects.folder)
    assert there(again) == [again.path(kept)]
    data = bytes(10 << 20)
    digest, _ = again.put_stream(io.BytesIO(data))
    assert again.read(digest) == data


WRITER = """
import sys
from pathlib import Path
from ibid.store.objects import Objects

objects = Objects(Path(sys.argv[1]))
objects.put_bytes(b"written")
(objects.folder / "incoming" / "half").write_bytes(b"half")
print("writing", flush=True)
sys.stdin.readline()
"""


def test_what_a_writer_has_begun_stays_while_it_lives_and_is_removed_when_it_is_dead(objects):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, objects.folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"writing\n"
    objects.put_bytes(b"meanwhile")
    objects.close()
    assert [path.name for path in incoming(objects)] == ["half"]
    process.kill()
    process.communicate()
    objects.put_bytes(b"afterwards")
    assert incoming(objects) == []
    objects.close()


def test_a_name_that_stands_for_less_than_its_bytes_is_put_right(objects):
    """As a power cut may leave it."""
    path = objects.path(objects.put_bytes(b"whole"))
    path.chmod(0o644)
    path.write_bytes(b"wh")
    assert objects.read(objects.put_bytes(b"whole")) == b"whole"


def test_an_object_that_cannot_have_its_name_leaves_nothing_behind(objects):
    digest = hashlib.sha256(b"abc").hexdigest()
    (objects.folder / digest[:2]).write_text("in the way")
    with pytest.raises(OSError, match="Not a directory"):
        objects.put_bytes(b"abc")
    assert incoming(objects) == []


def test_many_threads_may_store_the_same_bytes(objects):
    data = [os.urandom(10) for _ in range(5)] * 20
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(objects.put_bytes, data))
    assert {digest: objects.read(digest) for digest in digests} == {
        hashlib.sha256(each).hexdigest(): each for each in data
    }
    assert len(there(objects)) == 5
    assert incoming(objects) == []
