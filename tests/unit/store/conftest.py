"""A store in a folder of its own, and what several tests ask of it."""

import pytest

from ibid.store.home import Home
from ibid.store.objects import Objects
from ibid.store.trees import Trees


@pytest.fixture
def objects(tmp_path):
    return Objects(tmp_path / "objects")


@pytest.fixture
def trees(objects):
    return Trees(objects)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def store(home):
    opened = home.open("pets")
    yield opened
    opened.close()


@pytest.fixture
def commit(store):
    """Commit files to a repo: each test's history begins empty, its ids count up."""
    made = []

    def make(repo, branch="master", commit_id=None, **files):
        tree = store.trees.write_files({name: data.encode() for name, data in files.items()})
        made.append(commit_id or f"{len(made):032x}"[::-1])
        return store.commit(repo, made[-1], tree, "{}", branch)

    return make
