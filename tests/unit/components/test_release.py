import hashlib
import json

import jsonschema
import pytest
import tiny_pets
import yaml

from components.release import stage
from ibid.stage.contract import BadInputError, ExitCode

SHARED = tiny_pets.ROOT.parent / "shared"
METRICS = ("iou", "f1", "mean_iou", "accuracy", "precision", "loss")
GOOD = {"mean_mask": 0.35, "baseline": 0.5, "model": 0.81, "calibrated": 0.8}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def write_inputs(home, means):
    """Write the inputs of release; each model has one value for every metric."""
    inputs = {name: home / name for name in ("evaluate", "model", "calibrate")}
    for folder in inputs.values():
        folder.mkdir(parents=True)
    (inputs["model"] / "model.keras").write_bytes(b"a model")
    (inputs["calibrate"] / "calibration.npz").write_bytes(b"a calibration")
    scores = {model: dict.fromkeys(METRICS, value) for model, value in means.items()}
    groups = ("all", "pet", "background", "border")
    result = {
        "version": 1,
        "photos": 24,
        "size": 128,
        "models": {model: dict.fromkeys(groups, scores[model]) for model in means},
        "inputs": {
            "model": sha256(b"a model"),
            "calibration": sha256(b"a calibration"),
            "baseline": sha256(b"a baseline"),
        },
    }
    (inputs["evaluate"] / "evaluation_result.json").write_text(json.dumps(result))
    return inputs


def release(home, means=GOOD, **changes):
    """Run the stage; returns its exit code and the folder that it wrote."""
    output = home / "out"
    output.mkdir()
    params = tiny_pets.defaults("release") | changes
    return stage.run(write_inputs(home / "in", means), output, params), output


def read(output):
    return json.loads((output / "release.json").read_text())


def test_a_model_that_passes_every_gate_is_accepted(tmp_path, capsys):
    code, output = release(tmp_path)
    assert code == ExitCode.DONE
    assert read(output)["verdict"] == "accepted"
    assert all(gate["passed"] for gate in read(output)["gates"])
    assert capsys.readouterr().err == ""


def test_a_refusal_is_written_whole_and_names_each_gate_value_and_threshold(tmp_path, capsys):
    code, output = release(tmp_path, GOOD | {"calibrated": 0.38})
    assert code == ExitCode.GATE_REFUSED
    assert read(output)["verdict"] == "refused"
    assert {path.name for path in output.iterdir()} == {
        "MODEL_CARD.md",
        "release.json",
        "seldondeployment.yaml",
    }
    lines = capsys.readouterr().err.splitlines()
    assert "minimum mean_iou: failed with 0.3800, threshold 0.4000" in lines
    assert "better than baseline: failed with 0.3800, threshold 0.5000" in lines
    assert len(lines) == sum(not gate["passed"] for gate in read(output)["gates"]) == 4
    assert "Refused: not to be used." in (output / "MODEL_CARD.md").read_text()


def test_equal_to_the_baseline_is_not_better(tmp_path):
    code, _ = release(tmp_path, GOOD | {"baseline": 0.8})
    assert code == ExitCode.GATE_REFUSED


def test_a_least_value_that_is_just_reached_is_enough(tmp_path):
    code, _ = release(tmp_path, minimum={"mean_iou": 0.8})
    assert code == ExitCode.DONE


def test_what_counts_is_the_model_that_is_served(tmp_path):
    code, output = release(tmp_path, GOOD | {"model": 0.1})
    assert code == ExitCode.DONE
    assert {gate["model"] for gate in read(output)["gates"]} == {"calibrated"}


def test_release_names_everything_by_content(tmp_path):
    _, output = release(tmp_path)
    digests = read(output)["digests"]
    assert digests["model.keras"] == sha256(b"a model")
    assert digests["calibration.npz"] == sha256(b"a calibration")
    for name in ("MODEL_CARD.md", "seldondeployment.yaml"):
        assert digests[name] == sha256((output / name).read_bytes())


def test_an_evaluation_of_another_model_is_refused(tmp_path):
    inputs = write_inputs(tmp_path, GOOD)
    (inputs["model"] / "model.keras").write_bytes(b"another model")
    with pytest.raises(BadInputError, match=r"evaluation of the model\.keras"):
        stage.run(inputs, tmp_path, tiny_pets.defaults("release"))


@pytest.mark.parametrize("content", [None, "", "{}", '{"version": 2}'])
def test_results_that_evaluate_did_not_write_are_refused(tmp_path, content):
    inputs = write_inputs(tmp_path, GOOD)
    path = inputs["evaluate"] / "evaluation_result.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadInputError, match=r"evaluation_result\.json"):
        stage.run(inputs, tmp_path, tiny_pets.defaults("release"))


def test_card_says_what_a_user_has_to_know(tmp_path):
    licence = "CC BY-SA 4.0, O. M. Parkhi et al."
    _, output = release(tmp_path, data_licence=licence)
    card = (output / "MODEL_CARD.md").read_text()
    for heading in ("Data", "Metrics", "Gates", "Intended use", "Limits", "How to cite"):
        assert f"\n## {heading}\n" in card
    assert licence in card
    assert sha256(b"a model") in card
    assert "| calibrated model | 0.800 |" in card
    assert "On 24 test photos" in card


def test_manifest_names_the_model_and_keeps_to_a_page(tmp_path):
    _, output = release(tmp_path)
    text = (output / "seldondeployment.yaml").read_text()
    (predictor,) = yaml.safe_load(text)["spec"]["predictors"]
    (container,) = predictor["componentSpecs"][0]["spec"]["containers"]
    given = {entry["name"]: entry["value"] for entry in predictor["graph"]["parameters"]}
    assert given["model_sha256"] == sha256(b"a model")
    assert given["calibration_sha256"] == sha256(b"a calibration")
    assert predictor["graph"]["name"] == container["name"]
    assert len(text.splitlines()) < 50


def closed(schema):
    """Refuse unknown keys, and take what Kubernetes calls int-or-string."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    if "properties" in schema and schema.get("type") == "object":
        schema.setdefault("additionalProperties", False)
    return schema


@pytest.mark.shared
def test_manifest_is_valid_for_seldon(tmp_path):
    path = SHARED / "schemas" / "seldondeployment-v1-1.17.1.json"
    schema = closed(json.loads(path.read_text())["schema"])
    _, output = release(tmp_path)
    manifest = yaml.safe_load((output / "seldondeployment.yaml").read_text())
    jsonschema.validate(manifest, schema)
    manifest["spec"]["predictors"][0]["grpah"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(manifest, schema)


@pytest.mark.parametrize(
    "serving",
    [
        {"image": "x: y"},
        {"image": "ibid/serve:1\nhostNetwork: true"},
        {"cpu": "lots"},
        {"memory": "2G, gpu: 1"},
        {"replicas": 0},
        {"port": 80},
    ],
)
def test_what_would_not_be_a_manifest_is_refused(tmp_path, serving):
    with pytest.raises(BadInputError, match="parameters"):
        release(tmp_path, serving=tiny_pets.defaults("release")["serving"] | serving)
