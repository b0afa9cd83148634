"""What the end-to-end tests share: the command line over a store of its own."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INPUTS = {"stream", "params", "weights"}


class Home:
    """A store of its own; every command in a process of its own."""

    def __init__(self, path):
        self.path = path

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "ibid.cli", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"IBID_HOME": str(self.path), "IBID_PIPELINE": "pets"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ibid(self, *arguments, code=0):
        process = self.start(*arguments)
        out, log = process.communicate()
        assert process.returncode == code, f"exit {process.returncode}\n{out}\n{log}"
        return out, log

    def json(self, *arguments):
        return json.loads(self.ibid(*arguments, "--json")[0])

    def put(self, folder, *overrides):
        self.ibid("put", "stream", folder, "--replace", "--no-run")
        self.params(*overrides)

    def params(self, *overrides):
        self.ibid("params", "preset=tiny", *overrides, "--commit", "--no-run")

    def run(self, code=0):
        """Run; returns the jobs by pipeline."""
        process = self.start("run", "--json")
        out, log = process.communicate()
        assert process.returncode == code, f"exit {process.returncode}\n{out}\n{log}"
        return {job["pipeline"]: job for job in json.loads(out)["jobs"]}

    def digests(self):
        return {
            row["repo"]: row["digest"] for row in self.json("repos") if row["repo"] not in INPUTS
        }

    def run_and_kill_when(self, is_time):
        """Run, and SIGKILL the engine as soon as it is time."""
        process = self.start("run")
        while process.poll() is None and not is_time():
            time.sleep(0.02)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "the run ended before it could be killed"

    def run_and_kill_amid(self, pipeline):
        """Run, and SIGKILL the engine when some datums of a pipeline are done, and not all.

        Between moments of work its stages are held, so that no machine is too fast to be caught.
        """
        process = self.start("run")
        while process.poll() is None and not self.finished_datums(pipeline):
            for pid in self.processes(f"PPS_PIPELINE_NAME={pipeline}"):
                _signal(pid, signal.SIGSTOP)
            time.sleep(0.2)
            if not self.finished_datums(pipeline):
                for pid in self.processes(f"PPS_PIPELINE_NAME={pipeline}"):
                    _signal(pid, signal.SIGCONT)
                time.sleep(0.02)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "the run ended before it could be killed"

    def finished_datums(self, pipeline):
        if not (self.path / "ibid.db").exists():
            return 0
        database = sqlite3.connect(self.path / "ibid.db")
        with contextlib.closing(database):
            query = "SELECT count(*) FROM datums WHERE pipeline = ? AND state = 'success'"
            return database.execute(query, (pipeline,)).fetchone()[0]

    def has_printed(self, pipeline, sign):
        logs = self.path.glob(f"logs/{pipeline}@*/*.log")
        return any(sign in log.read_text(errors="replace") for log in logs)

    def processes(self, mark=""):
        """List the processes that were started for this home's stages."""
        links = Path("/dev/shm").glob("ibid-*/home")
        memory = [link.parent for link in links if link.readlink() == self.path]
        places = [f"PFS_ROOT={place}/".encode() for place in (self.path, *memory)]
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):  # it ended meanwhile, or is not ours
                told = environ.read_bytes()
                if mark.encode() in told and any(place in told for place in places):
                    found.append(int(environ.parent.name))
        return found


def _signal(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@pytest.fixture(scope="session")
def new_home():
    """Make a home in a folder."""
    return Home


@pytest.fixture
def home(tmp_path):
    """A home for one test."""
    return Home(tmp_path / "home")
