"""ingest and transform give the same bytes wherever, whenever and for whomever they run."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import data_drawn as drawn
import pytest

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "PYTHONHASHSEED": "123",
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    # What Pachyderm tells foreign code; ours must not read it.
    "PACH_JOB_ID": "feed",
    "PACH_DATUM_ID": "beef",
    "PACH_OUTPUT_COMMIT_ID": "cafe",
    "stream_COMMIT": "dead",
    "ingest_COMMIT": "dead",
}


def digest(folder):
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found
    return found


def start(module, out, params, cwd, environment, cores, **inputs):
    out.mkdir(parents=True)
    file = out.parent / f"{module}.json"
    file.write_text(params)
    given = [f"--in={name}={path}" for name, path in {**inputs, "params": file}.items()]
    subprocess.run(
        [sys.executable, "-m", f"components.{module}", *given, f"--out={out}"],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        check=True,
        preexec_fn=lambda: (os.umask(0o077), os.sched_setaffinity(0, cores)),
    )


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    subprocess.run(
        [sys.executable, "-m", "components.sample", folder / "0001-a", "--pets", "20"],
        cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return folder


def test_another_place_time_locale_mask_seed_and_core_count_give_the_same_bytes(stream, tmp_path):
    results = []
    cores = os.sched_getaffinity(0)
    for number, (environment, some_cores) in enumerate([({}, cores), (ELSEWHERE, {min(cores)})]):
        home = tmp_path / str(number)
        home.mkdir()
        taken, made = home / "ingest", home / "transform"
        settings = (home, environment, some_cores)
        start("ingest", taken, json.dumps(drawn.INGEST), *settings, stream=stream)
        start("transform", made, '{"version": 1, "image_size": 32}', *settings, ingest=taken)
        results.append((digest(taken), digest(made)))
    assert results[0] == results[1]
