"""What people commit: uploads in folders of their own, files, parameters."""

import contextlib
import json

import pytest

from ibid.engine import inputs
from ibid.engine.project import load
from ibid.stage.contract import BadInputError, UsageError
from ibid.store.commits import WHOLE


@pytest.fixture
def pets(request, tmp_path, monkeypatch):
    monkeypatch.setenv("IBID_HOME", str(tmp_path / "home"))
    project = load(request.config.rootpath, "pets")
    with contextlib.closing(project.home.open("pets")) as store:
        yield Pets(project, store, tmp_path)


class Pets:
    def __init__(self, project, store, folder):
        self.project, self.store, self.folder = project, store, folder

    def put(self, name, text, *, replace=False, repo="stream"):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "file").write_text(text)
        return inputs.put(self.project, self.store, repo, folder, replace=replace)

    @property
    def uploads(self):
        return [upload.name for upload in inputs.uploads(self.store, "stream")]


def test_each_upload_has_a_folder_with_its_number_and_name(pets):
    pets.put("holiday photos", "a")
    pets.put("b", "b")
    assert pets.uploads == ["0001-holiday-photos", "0002-b"]


def test_equal_bytes_make_no_commit(pets):
    assert pets.put("a", "x") is not None
    assert pets.put("a", "x") is None
    assert pets.put("another-name", "x") is None
    assert pets.uploads == ["0001-a"]


def test_replace_takes_the_place_of_the_upload_that_replaced_before_and_of_no_other(pets):
    pets.put("mine", "1")
    pets.put("sample", "2", replace=True)
    pets.put("mine-too", "3")
    pets.put("real", "4", replace=True)
    assert pets.uploads == ["0001-mine", "0003-mine-too", "0004-real"]
    assert len(pets.store.history("stream")) == 4


def test_replace_with_the_same_bytes_makes_no_commit(pets):
    pets.put("sample", "2", replace=True)
    assert pets.put("sample", "2", replace=True) is None


def test_bytes_that_another_upload_holds_are_not_put_a_second_time(pets):
    pets.put("mine", "1")
    assert pets.put("sample", "1", replace=True) is None
    pets.put("sample", "2", replace=True)
    pets.put("again", "1", replace=True)
    assert pets.uploads == ["0001-mine"]


def test_replaced_bytes_can_come_back(pets):
    first = pets.put("sample", "2", replace=True)
    pets.put("real", "4", replace=True)
    assert pets.put("sample", "2", replace=True) is not None
    assert pets.uploads == ["0003-sample"]
    assert pets.store.get("stream", first.id) is not None


def test_a_repo_of_files_takes_files_by_their_names(pets):
    inputs.commit_initial(pets.project, pets.store)
    pets.put("some", "weights", repo="weights")
    names = [e.name for e in pets.store.trees.read(pets.store.head("weights").tree)]
    assert names == ["file", "weights.json"]


def test_a_repo_that_always_holds_something_starts_with_it_once(pets):
    inputs.commit_initial(pets.project, pets.store)
    inputs.commit_initial(pets.project, pets.store)
    assert len(pets.store.history("weights")) == 1


def test_an_output_repo_takes_no_input(pets):
    with pytest.raises(UsageError, match=r"Expected an input repo: .*stream"):
        pets.put("x", "x", repo="model")


def test_an_empty_or_missing_folder_is_refused(pets):
    (pets.folder / "empty").mkdir()
    with pytest.raises(BadInputError, match="files in it"):
        inputs.put(pets.project, pets.store, "stream", pets.folder / "empty", replace=False)
    with pytest.raises(BadInputError, match="to commit"):
        inputs.put(pets.project, pets.store, "stream", pets.folder / "none", replace=False)


def test_parameters_are_one_file_a_pipeline_and_no_commit_when_they_are_as_they_were(pets):
    files = {"train.json": b"{}\n", "model.json": b'{"a": 1}\n'}
    assert inputs.commit_params(pets.store, files, ("a=1",)) is not None
    assert inputs.commit_params(pets.store, files, ()) is None


def forget_numbers(pets):
    """Take from the records what those of the first format did not say."""
    for commit in pets.store.history("stream"):
        told = json.loads(commit.provenance)
        if told.pop("sequence", None):
            told["replaceable"] = told["replaceable"] == told["upload"]
        pets.store.database.execute(
            "UPDATE commits SET provenance = ? WHERE id = ?", (json.dumps(told), commit.id)
        )


def test_a_number_is_given_once_though_no_record_says_which_was_the_last(pets):
    pets.put("a", "1")
    pets.put("b", "2", replace=True)
    forget_numbers(pets)
    pets.put("a", "3")
    assert pets.uploads == ["0001-a", "0002-b", "0003-a"]
    forget_numbers(pets)
    pets.put("c", "4", replace=True)
    assert pets.uploads == ["0001-a", "0003-a", "0004-c"]


def test_an_upload_never_takes_the_place_of_a_name_that_is_there(pets):
    head = pets.put("a", "1")
    pets.store.database.execute(
        "UPDATE commits SET provenance = ? WHERE id = ?",
        (head.provenance.replace('"sequence": 1', '"sequence": 0'), head.id),
    )
    pets.put("a", "2")
    assert pets.uploads == ["0001-a", "0002-a"]


@pytest.mark.parametrize("repo", ["stream", "weights"])
def test_a_head_that_is_purged_in_whole_holds_nothing(pets, repo):
    head = pets.put("a", "1", repo=repo)
    pets.store.mark_purged(head, WHOLE, 1.0)
    pets.store.objects.path(head.tree).unlink()
    made = pets.put("a", "1", repo=repo)
    assert made is not None
    assert pets.store.trees.read(made.tree)
    assert pets.put("b", "2", repo=repo) is not None


def test_parameters_that_were_purged_in_whole_are_committed_again(pets):
    head = inputs.commit_params(pets.store, {"train.json": b"{}\n"}, ())
    pets.store.mark_purged(head, WHOLE, 1.0)
    assert inputs.commit_params(pets.store, {"train.json": b"{}\n"}, ()) is not None
