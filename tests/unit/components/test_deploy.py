import hashlib
import json

import pytest
import tiny_pets

from components.deploy import local, stage
from ibid.stage.contract import BadInputError, ExitCode


def write_release(folder, verdict="accepted", manifest=b"kind: SeldonDeployment\n"):
    """Write an input `release`; returns the digest that names it."""
    folder.mkdir(parents=True)
    (folder / "seldondeployment.yaml").write_bytes(manifest)
    gates = {"minimum mean_iou": verdict == "accepted", "better than baseline": True}
    content = {
        "verdict": verdict,
        "gates": [{"name": name, "passed": passed} for name, passed in gates.items()],
        "digests": {"seldondeployment.yaml": hashlib.sha256(manifest).hexdigest()},
    }
    (folder / "release.json").write_text(json.dumps(content))
    return hashlib.sha256((folder / "release.json").read_bytes()).hexdigest()


def deploy(release, folder, output):
    output.mkdir(parents=True, exist_ok=True)
    params = tiny_pets.defaults("deploy") | {"folder": folder and str(folder)}
    stage.run({"release": release}, output, params)
    return json.loads((output / "deployment.json").read_text())


def test_an_accepted_release_becomes_current(tmp_path, capsys):
    digest = write_release(tmp_path / "release")
    record = deploy(tmp_path / "release", tmp_path / "run", tmp_path / "out")
    assert record == {"version": 1, "deployed": True, "release": digest, "target": "local"}
    current = tmp_path / "run" / "current"
    assert current.readlink().name == digest
    assert tiny_pets.files(current) == tiny_pets.files(tmp_path / "release")
    assert capsys.readouterr().err == f"deployed {digest}\n"


def test_deploying_again_changes_nothing_and_says_so(tmp_path, capsys):
    write_release(tmp_path / "release")
    first = deploy(tmp_path / "release", tmp_path / "run", tmp_path / "out1")
    before = (tmp_path / "run" / "current").lstat()
    second = deploy(tmp_path / "release", tmp_path / "run", tmp_path / "out2")
    after = (tmp_path / "run" / "current").lstat()
    assert first == second
    assert before.st_ino == after.st_ino
    assert "already deployed" in capsys.readouterr().err


def test_a_new_release_takes_over_and_the_old_one_stays(tmp_path):
    old = write_release(tmp_path / "old", manifest=b"replicas: 1\n")
    new = write_release(tmp_path / "new", manifest=b"replicas: 2\n")
    for name in ("old", "new"):
        deploy(tmp_path / name, tmp_path / "run", tmp_path / "out")
    assert (tmp_path / "run" / "current").readlink().name == new
    assert {path.name for path in (tmp_path / "run").iterdir()} == {old, new, "current"}


def test_a_refused_release_leaves_what_runs(tmp_path):
    good = write_release(tmp_path / "good")
    deploy(tmp_path / "good", tmp_path / "run", tmp_path / "out")
    write_release(tmp_path / "bad", verdict="refused")
    record = deploy(tmp_path / "bad", tmp_path / "run", tmp_path / "out")
    assert record["deployed"] is False
    assert record["reason"] == "the release was refused: minimum mean_iou"
    assert (tmp_path / "run" / "current").readlink().name == good


def test_a_refused_release_needs_no_place(tmp_path, monkeypatch):
    monkeypatch.delenv("DEPLOY_FOLDER", raising=False)
    write_release(tmp_path / "bad", verdict="refused")
    assert deploy(tmp_path / "bad", None, tmp_path / "out")["deployed"] is False


def test_what_was_changed_by_hand_is_put_right(tmp_path):
    write_release(tmp_path / "release")
    deploy(tmp_path / "release", tmp_path / "run", tmp_path / "out")
    altered = tmp_path / "run" / "current" / "seldondeployment.yaml"
    altered.write_text("kind: Pod\n")
    deploy(tmp_path / "release", tmp_path / "run", tmp_path / "out")
    assert altered.read_text() == "kind: SeldonDeployment\n"


def test_a_deployment_cut_short_leaves_the_old_one_and_can_be_repeated(tmp_path, monkeypatch):
    old = write_release(tmp_path / "old", manifest=b"replicas: 1\n")
    new = write_release(tmp_path / "new", manifest=b"replicas: 2\n")
    deploy(tmp_path / "old", tmp_path / "run", tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(local, "_point", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deploy(tmp_path / "new", tmp_path / "run", tmp_path / "out")
    assert (tmp_path / "run" / "current").readlink().name == old
    deploy(tmp_path / "new", tmp_path / "run", tmp_path / "out")
    assert (tmp_path / "run" / "current").readlink().name == new


def test_the_launcher_names_the_folder_where_the_parameters_do_not(tmp_path, monkeypatch):
    write_release(tmp_path / "release")
    monkeypatch.setenv("DEPLOY_FOLDER", str(tmp_path / "given"))
    deploy(tmp_path / "release", None, tmp_path / "out")
    assert (tmp_path / "given" / "current" / "release.json").exists()


def test_nowhere_to_deploy_to_is_bad_input(tmp_path, monkeypatch):
    monkeypatch.delenv("DEPLOY_FOLDER", raising=False)
    write_release(tmp_path / "release")
    with pytest.raises(BadInputError, match=r"deploy\.folder"):
        deploy(tmp_path / "release", None, tmp_path / "out")


def test_a_place_that_is_no_folder_is_bad_input(tmp_path):
    write_release(tmp_path / "release")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInputError, match="can be written"):
        deploy(tmp_path / "release", tmp_path / "file", tmp_path / "out")


def test_a_manifest_that_was_not_released_is_bad_input(tmp_path):
    write_release(tmp_path / "release")
    (tmp_path / "release" / "seldondeployment.yaml").write_text("kind: Pod\n")
    with pytest.raises(BadInputError, match=r"seldondeployment\.yaml"):
        deploy(tmp_path / "release", tmp_path / "run", tmp_path / "out")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_what_is_no_release_is_bad_input(tmp_path, content):
    write_release(tmp_path / "release")
    (tmp_path / "release" / "release.json").write_text(content)
    with pytest.raises(BadInputError, match=r"release\.json"):
        deploy(tmp_path / "release", tmp_path / "run", tmp_path / "out")


def test_stage_starts_from_the_command_line(tmp_path):
    write_release(tmp_path / "world" / "release")
    done = tiny_pets.start(
        "deploy",
        tmp_path / "world",
        tmp_path / "out",
        tiny_pets.defaults("deploy"),
        DEPLOY_FOLDER=str(tmp_path / "run"),
    )
    assert done.returncode == ExitCode.DONE, done.stderr
    assert (tmp_path / "run" / "current").is_symlink()
