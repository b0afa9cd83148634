"""What is installed is what the key cites, or nothing is made with it."""

import base64
import contextlib
import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ibid.engine import intact
from ibid.engine.events import JobDone
from ibid.engine.execution import Execution, Task
from ibid.engine.intact import AlteredError
from ibid.engine.memo import SETTLED_NS, Memo
from ibid.engine.plan import State
from ibid.engine.slots import Slots
from ibid.stage.contract import ExitCode
from ibid.store.commits import new_id
from ibid.store.jobs import Jobs

PACKAGE = {"adding/__init__.py": "from adding.sums import add\n", "adding/sums.py": "add = sum\n"}
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n{}"


class Installed:
    """A folder of installed packages, as an installer leaves it."""

    def __init__(self, folder):
        self.folder = folder
        self.add("adding", PACKAGE)
        self.add("ibid", {}, "Provides-Extra: adding\nRequires-Dist: adding; extra == 'adding'\n")

    def add(self, name, files, more=""):
        told = f"{name}-1.0.dist-info"
        files = files | {f"{told}/METADATA": METADATA.format(name, more)}
        lines = [f"{path},{_hashed(text)},{len(text)}" for path, text in files.items()]
        files[f"{told}/RECORD"] = "".join(f"{line}\n" for line in [*lines, f"{told}/RECORD,,"])
        for path, text in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def edit(self, path, old, new):
        """Change a file and hide it: same size, same time of modification."""
        file = self.folder / path
        before, text = file.stat(), file.read_text()
        assert old in text
        assert len(old) == len(new)
        file.write_text(text.replace(old, new))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _hashed(text):
    found = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={found.rstrip(b'=').decode()}"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "nowhere"))  # for memos: not this one's
    return Installed(folder)


@pytest.fixture
def check(installed, tmp_path):
    memo = Memo(tmp_path / "memo")
    return lambda: intact.check(["adding"], memo)


def test_what_is_as_it_was_installed_passes(check):
    check()


def test_bytecode_and_headers_are_not_looked_at(check, installed):
    (installed.folder / "adding/__pycache__").mkdir()
    (installed.folder / "adding/__pycache__/sums.cpython-311.pyc").touch()
    (installed.folder / "adding/sums.h").touch()
    check()


def test_a_changed_file_is_noticed_though_size_and_time_are_the_same(check, installed):
    time.sleep(SETTLED_NS / 1e9)
    check()  # from here on what was seen is relied on
    installed.edit("adding/sums.py", "sum", "max")
    with pytest.raises(AlteredError) as found:
        check()
    assert found.value.received == "adding/sums.py changed"
    assert found.value.hint == "uv pip install --reinstall-package adding adding==1.0"


def test_a_tampered_dist_info_is_noticed(check, installed):
    installed.edit("adding-1.0.dist-info/METADATA", "2.1", "2.2")
    with pytest.raises(AlteredError, match="METADATA changed"):
        check()


def test_a_file_that_is_gone_and_one_that_nobody_installed_are_noticed(check, installed):
    (installed.folder / "adding/sums.py").rename(installed.folder / "adding/more.py")
    with pytest.raises(AlteredError) as found:
        check()
    assert found.value.received == "adding/sums.py is gone\nadding/more.py is in no record"


@pytest.mark.parametrize(
    "path", ["evil.pth", "sitecustomize.py", "usercustomize/__init__.py", "adding.so"]
)
def test_what_python_would_run_or_find_before_a_package_is_noticed(check, installed, path):
    place = installed.folder / path
    place.parent.mkdir(exist_ok=True)
    place.write_text("import os\n")
    with pytest.raises(AlteredError, match="is in no record"):
        check()


def test_a_start_that_another_package_has_installed_passes_unless_it_was_changed(check, installed):
    installed.add("starting", {"starting.pth": "import sys\n"})
    (installed.folder / "_virtualenv.pth").write_text("import _virtualenv\n")
    check()
    installed.edit("starting.pth", "sys", "ast")
    with pytest.raises(AlteredError, match=r"starting\.pth changed"):
        check()


def test_a_folder_that_nobody_installed_is_noticed_within_a_package(check, installed):
    (installed.folder / "adding/sums/__pycache__").mkdir(parents=True)
    check()  # nothing that could be read
    (installed.folder / "adding/sums/__init__.py").write_text("add = max\n")
    with pytest.raises(AlteredError, match=r"adding/sums/__init__\.py is in no record"):
        check()


def test_a_file_of_another_package_in_the_same_folder_is_no_stranger(check, installed):
    installed.add("more", {"adding/more.py": "more = 1\n"})
    check()


@pytest.fixture
def citing(words, installed):
    """A project that cites the package, and has run."""
    file = words.root / "pipelines/words/pipeline.yaml"
    file.write_text(file.read_text().replace("plain: {}", "plain: {extra: adding}"))
    words.compile()
    words.put(one="a b")
    assert words.run()[0].code == 0
    return words


def test_nothing_is_made_with_an_altered_package_and_the_run_says_which(citing, installed):
    citing.put(two="c d")
    installed.edit("adding/sums.py", "sum", "max")
    run, events = citing.run()
    assert run.code == ExitCode.NOT_REPRODUCIBLE
    errors = [event.error for event in events if isinstance(event, JobDone)]
    assert all("adding/sums.py changed" in error for error in errors)
    installed.edit("adding/sums.py", "max", "sum")
    assert citing.run()[0].code == 0


@pytest.fixture
def changing(citing, installed):
    """A stage that ends once its package is changed, and what changes that when it has begun."""
    place = installed.folder / "adding/sums.py"
    citing.declare(
        f"""
        - name: count
          description: Change a package.
          environment: plain
          cmd: [sh, -c, 'while ! grep -q max {place}; do sleep 0.02; done; touch $PFS_ROOT/out/a']
          input: {{pfs: {{repo: texts, glob: /}}}}
        """
    )

    def change_when_begun():
        logs = citing.project().home.logs
        while not [*logs.glob("count@*/*.log")][1:]:  # of the first run, and of this one
            time.sleep(0.02)
        installed.edit("adding/sums.py", "sum", "max")

    return change_when_begun


def test_a_package_that_is_changed_while_it_is_used_makes_nothing(citing, changing):
    with contextlib.closing(citing.open()) as store:
        before = store.head("count").id
    with ThreadPoolExecutor(1) as pool:
        changed = pool.submit(changing)
        assert citing.run()[0].code == ExitCode.NOT_REPRODUCIBLE
        changed.result()
    with contextlib.closing(citing.open()) as store:
        assert store.head("count").id == before
        keys = citing.plan()["count"].work.keys
        assert Jobs(store).results(keys) == {}  # nor will it be taken as known


def test_a_package_that_is_changed_while_something_is_checked_with_it_is_noticed(citing, changing):
    work, home = citing.plan()["count"].work, citing.project().home
    tasks = [Task(*pair) for pair in zip(work.datums, work.keys, strict=True)]
    execution = Execution(home, work, new_id(), Slots(2), lambda _: None, keep=False)
    with ThreadPoolExecutor(1) as pool:
        changed = pool.submit(changing)
        with pytest.raises(AlteredError, match=r"adding/sums\.py changed"):
            execution.run(tasks)
        changed.result()


def test_a_record_that_was_rewritten_to_match_is_another_key(citing, installed):
    old, new = PACKAGE["adding/sums.py"], "add = max\n"
    installed.edit("adding/sums.py", old, new)
    installed.edit("adding-1.0.dist-info/RECORD", _hashed(old), _hashed(new))
    step = citing.plan()["count"]
    assert step.state is State.RUN
    assert [reason.split(":")[0].split()[0] for reason in step.reasons] == ["packages.adding"]
    assert citing.run()[0].code == 0


def test_provenance_holds_what_was_in_force_where_it_ran(citing):
    with contextlib.closing(citing.open()) as store:
        cited = json.loads(store.head("count").provenance)["in_force"]
        (found,) = json.loads(store.objects.read(cited))
        assert found["variables"]["PYTHONHASHSEED"] == "0"
        assert found["variables"]["TZ"] == "UTC"
        foreign = json.loads(store.head("shout").provenance)["in_force"]
        assert json.loads(store.objects.read(foreign)) == []
    origins = citing.json("lineage", "count")["origins"].values()
    assert [found] == next(each["in_force"] for each in origins if each["repo"] == "count")
