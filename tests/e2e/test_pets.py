"""The whole DAG of the pets as a user runs it: preset `tiny`, by the command line."""

import json
import re
import signal
import time
import urllib.error
import urllib.request

import pytest

PETS = 60
TAGS = "http://127.0.0.1:16006/data/plugin/scalars/tags"
OUTPUTS = {
    "ingest": {"pets"},
    "transform": {"training", "validation", "calibration", "test"},
    "survey": {"report.html", "report.json"},
    "train": {"model.keras", "history.csv", "mean_mask.npz", "tensorboard", "weights.csv"},
    "tune": {"optimal_hp.json", "trials.csv"},
    "model": {"model.keras", "history.csv", "mean_mask.npz", "tensorboard", "weights.csv"},
    "calibrate": {"calibration.npz", "calibration.json", "reliability.csv"},
    "evaluate": {"report.ipynb", "report.html", "evaluation_result.csv", "evaluation_result.json"},
    "release": {"release.json", "MODEL_CARD.md", "seldondeployment.yaml"},
    "deploy": {"deployment.json"},
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory, new_home):
    folder = tmp_path_factory.mktemp("drawn") / "sample"
    arguments = ["sample", folder, "--pets", PETS]
    new_home(folder).ibid(*arguments)
    return folder


@pytest.fixture(scope="module")
def released(tmp_path_factory, new_home, sample):
    home = new_home(tmp_path_factory.mktemp("released"))
    home.put(sample)
    jobs = home.run()
    assert {name: job["state"] for name, job in jobs.items()} == dict.fromkeys(OUTPUTS, "success")
    home.first = home.digests()
    return home


def test_every_output_holds_what_the_next_stage_and_people_need(released):
    for repo, names in OUTPUTS.items():
        assert names <= {entry["name"] for entry in released.json("ls", repo)}, repo


def test_the_release_is_accepted_and_put_where_it_is_to_run(released):
    release = json.loads(released.ibid("cat", "release:/release.json")[0])
    assert release["verdict"] == "accepted"
    assert all(gate["passed"] for gate in release["gates"])
    deployed = json.loads((released.path / "deployed" / "current" / "release.json").read_text())
    assert deployed == release


def test_the_report_opens_without_a_network(released):
    for repo in ("evaluate", "survey"):
        page, _ = released.ibid("cat", f"{repo}:/report.html")
        assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page) == []


def test_the_data_report_counts_every_pet_of_the_upload(released):
    found = released.json("report")
    breeds, _, uploads = found["tables"][:3]
    assert breeds["rows"][-1][0] == "all"
    assert breeds["rows"][-1][-1] == PETS
    assert uploads["rows"][0][:3] == ["0001-sample", PETS, PETS]


def test_a_second_run_runs_no_datum(released):
    assert released.run() == {}


def test_the_lineage_of_the_release_reaches_the_upload(released):
    found = released.json("lineage", "release")
    stream = next(o for o in found["origins"].values() if o["repo"] == "stream")
    assert stream["holds"] == ["0001-sample"]
    assert {origin["repo"] for origin in found["origins"].values()} >= {*OUTPUTS} - {
        "deploy",
        "survey",
    }


def test_the_curves_are_served_as_a_page(released):
    process = released.start("service", "tensorboard", "--port", "16006")
    try:
        deadline = time.monotonic() + 120
        page = None
        # It answers with nothing until it has read the curves.
        while not page and time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(
                    "http://127.0.0.1:16006/data/plugin/scalars/tags"
                ) as got:
                    page = json.load(got)
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.3)
    finally:
        process.send_signal(signal.SIGTERM)  # SIGINT is ignored below a shell's background job
        process.communicate(timeout=60)
    assert page, "no page came"
    assert process.returncode == 0
    assert list(released.path.glob("service-*")) == []


def test_killed_in_transform_and_in_model_it_goes_on_to_the_same_digests(released, sample, home):
    home.put(sample)
    home.run_and_kill_amid("transform")
    assert home.digests()["transform"] is None
    home.run_and_kill_when(lambda: home.has_printed("model", "Epoch[2]"))
    transform = next(job for job in home.json("jobs") if job["pipeline"] == "transform")
    assert 0 < transform["skipped"] < transform["datums"] == PETS
    assert home.processes() == []
    assert "train" not in home.run()
    assert home.has_printed("model", "Going on from a checkpoint, after")
    assert home.digests() == released.first
    assert home.json("size")["state"] == 0


def test_a_change_to_calibrate_runs_it_and_what_follows_and_nothing_else(released):
    released.params("calibrate.bins=12")
    jobs = released.run()
    # The bins are of the reliability curve: the release is the same, so there is nothing to deploy.
    assert set(jobs) == {"calibrate", "evaluate", "release"}
    assert [name for name, job in jobs.items() if job["same"]] == ["release"]
    assert released.json("compare", "release@master^", "release")["parameters"] == [
        {"name": "calibrate.bins", "a": 15, "b": 12}
    ]
    released.params()
    back = released.run()
    skipped = {j["pipeline"]: j["skipped"] for j in released.json("jobs")[: len(back)]}
    assert skipped == dict.fromkeys(back, 1)
    assert released.digests() == released.first


def test_a_refusal_is_committed_names_its_gate_and_stands(released):
    released.params("release.minimum.mean_iou=0.99")
    assert set(released.run(code=4)) == {"release", "deploy"}
    release = json.loads(released.ibid("cat", "release:/release.json")[0])
    (failed,) = [gate for gate in release["gates"] if not gate["passed"]]
    assert (release["verdict"], failed["metric"], failed["threshold"]) == (
        "refused",
        "mean_iou",
        0.99,
    )
    assert "mean_iou" in released.ibid("logs", "release")[0]
    assert not json.loads(released.ibid("cat", "deploy:/deployment.json")[0])["deployed"]
    current = json.loads((released.path / "deployed" / "current" / "release.json").read_text())
    assert current["verdict"] == "accepted"
    assert released.run(code=4) == {}
    released.params()
    released.run()
    assert released.digests() == released.first
