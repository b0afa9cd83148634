"""Cache honesty, of everything but most source files: those are `make determinism`'s."""

import contextlib

import pytest

from tests.determinism import cache

READERS = {
    "components/calibrate/folds.py": {"calibrate"},
    "components/evaluate/report.ipynb": {"evaluate"},
    "components/segmentation/losses.py": cache.TRAINING,
    "components/segmentation/inference.py": cache.FRAMEWORK,
    "ibid/stage/contract.py": cache.STAGES,
}


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    pets = cache.Pets(tmp_path_factory.mktemp("pets") / "project")
    with contextlib.closing(pets.store):
        yield pets


def test_with_nothing_changed_nothing_would_run(pets):
    assert pets.to_run() == set()


@pytest.mark.parametrize("kind", ["a stored file", "a parameter", "a package", "anything else"])
def test_a_change_re_runs_what_it_is_part_of_and_nothing_else(pets, kind):
    number, wrong = cache.dishonest(pets, cache.KINDS[kind](pets))
    assert number
    assert wrong == []


def test_a_source_file_re_runs_the_stages_that_can_reach_it(pets):
    reached = pets.sources()
    assert {path: reached[path] for path in READERS} == READERS
    changes = ((path, pets.source(path), readers) for path, readers in READERS.items())
    assert cache.dishonest(pets, changes) == (len(READERS), [])
