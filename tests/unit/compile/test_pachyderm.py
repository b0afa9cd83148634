"""The generated Pachyderm specs, as Pachyderm itself and the embedded engine read them."""

import copy
import json
import re
from pathlib import Path

import betterproto
import jsonschema
import pytest
from pachyderm_sdk.api import pps

from ibid.compile.pachyderm import compile_pipeline
from ibid.spec.pipeline import Workflow
from ibid.spec.spec import read_spec

ROOT = Path(__file__).parents[3]
SPECS = sorted(ROOT.glob("pipelines/*/generated/pachyderm/*.json"))
SCHEMA = ROOT.parent / "shared/schemas/pachyderm-create-pipeline-request-v2.11.6.json"

each_spec = pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)


def workflow(*pipelines, **fields):
    return Workflow.model_validate(
        {
            "version": 1,
            "name": "words",
            "description": "Words.",
            "image": "words:1",
            "inputs": {"texts": {"description": "a"}, "params": {"description": "b"}},
            "environments": {"plain": {}, "train": {"extra": "train", "machine": True}},
            "pipelines": pipelines,
            **fields,
        }
    )


def pipeline(**fields):
    return {
        "name": "count",
        "description": "Count.",
        "component": "words.count",
        "environment": "plain",
        "input": {"pfs": {"repo": "texts", "glob": "/*"}},
        **fields,
    }


def compiled(parameters=True, **fields):
    extra = {"parameters": {"model": "a:B"}} if parameters else {}
    whole = workflow(pipeline(**fields), **extra)
    return compile_pipeline(whole, whole.pipelines[0])


def test_the_least_that_is_said_gives_a_whole_spec():
    assert compiled(parameters=False) == {
        "pipeline": {"name": "count"},
        "description": "Count.",
        "metadata": {"annotations": {"ibid/component": "words.count"}},
        "transform": {
            "image": "words:1",
            "cmd": ["python", "-m", "words.count"],
            "env": {"PYTHONHASHSEED": "0"},
        },
        "input": {"pfs": {"repo": "texts", "name": "texts", "glob": "/*"}},
        "parallelism_spec": {"constant": 1},
        "resource_requests": {"cpu": 1, "memory": "1G"},
        "datum_tries": 1,
        "autoscaling": True,
    }


PARAMS = {"pfs": {"repo": "params", "name": "params", "glob": "/count.json"}}
TEXTS = {"pfs": {"repo": "texts", "glob": "/"}}


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        (TEXTS, ["pfs", "pfs"]),
        ({"cross": [TEXTS, TEXTS | {"pfs": {**TEXTS["pfs"], "name": "b"}}]}, ["pfs"] * 3),
        ({"group": [TEXTS]}, ["group", "pfs"]),
    ],
)
def test_a_component_gets_its_own_file_of_parameters(asked, kinds):
    made = compiled(input=asked)["input"]
    assert list(made) == ["cross"]
    assert [next(iter(part)) for part in made["cross"]] == kinds
    assert made["cross"][-1] == PARAMS


def test_a_foreign_command_gets_no_parameters():
    made = compiled(component=None, cmd=["sh", "-c", "true"])
    assert made["input"] == {"pfs": {"repo": "texts", "name": "texts", "glob": "/*"}}
    assert made["transform"]["cmd"] == ["sh", "-c", "true"]


def test_a_batch_is_told_to_pachyderm_and_to_the_stage():
    transform = compiled(batch=True)["transform"]
    assert transform["datum_batching"] is True
    assert transform["env"]["DATUM_BATCHING"] == "true"


def test_a_service_has_its_ports_and_does_not_scale():
    made = compiled(service={"internal_port": 80, "external_port": 30080})
    assert made["service"] == {"internal_port": 80, "external_port": 30080, "type": "ClusterIP"}
    assert "autoscaling" not in made


def test_what_pachyderm_has_no_field_for_is_read_back_from_annotations():
    made = compiled(
        environment="train", effect=True, files=["a", "b"], metrics=["m.json"], timeout="9s"
    )
    spec = read_spec(made)
    assert (spec.component, spec.extra, spec.machine) == ("words.count", "train", True)
    assert (spec.effect, spec.files, spec.metrics) == (True, ("a", "b"), ("m.json",))
    assert spec.timeout == 9


def both(kind):
    leaf = {"repo": "texts", "glob": "/(*)", "join_on": "$1", "group_by": "$1"}
    return {kind: [{"pfs": leaf}, {"pfs": {**leaf, "name": "b", "outer_join": True}}]}


EVERY_INPUT = {
    "pfs": {"pfs": {"repo": "texts", "glob": "/", "branch": "master", "empty_files": True}},
    "lazy": {"pfs": {"repo": "texts", "glob": "/", "lazy": True}},
    "cross": both("cross"),
    "union": both("union"),
    "join": both("join"),
    "group": both("group"),
    "cron": {
        "cron": {
            "name": "tick",
            "spec": "@every 1h",
            "start": "2024-01-01T00:00:00Z",
            "overwrite": True,
        }
    },
    "nested": {
        "cross": [
            {"union": [both("join"), both("group")]},
            {"cron": {"name": "t", "spec": "@daily"}},
        ]
    },
}


@pytest.mark.parametrize("asked", EVERY_INPUT.values(), ids=EVERY_INPUT)
def test_every_kind_of_input_goes_through_pachyderm_whole_and_is_read(asked):
    made = compiled(input=asked, parameters=False)
    back = round_trip(made)
    assert list(lost(made, back)) == []
    assert list(lost(back, made)) == []
    assert read_spec(made).sources


def test_a_cron_names_the_repo_that_it_ticks_into():
    made = compiled(input={"cron": {"name": "tick", "spec": "@daily"}}, parameters=False)
    assert made["input"] == {"cron": {"name": "tick", "spec": "@daily", "repo": "count_tick"}}


def test_what_a_stage_is_given_beside_its_inputs_goes_through_pachyderm_whole():
    made = compiled(
        stdin=["a"],
        err_cmd=["sh"],
        err_stdin=["exit 0"],
        env={"A": "b"},
        tries=2,
        parallelism=3,
        secrets=[
            {"name": "token", "key": "value", "env_var": "TOKEN"},
            {"name": "keys", "mount_path": "/var/keys"},
        ],
    )
    back = round_trip(made)
    assert list(lost(made, back)) == []
    assert list(lost(back, made)) == []
    spec = read_spec(made)
    assert (spec.stdin, spec.err_cmd, spec.err_stdin) == (("a",), ("sh",), ("exit 0",))
    assert (spec.tries, spec.parallelism) == (2, 3)
    assert [(s.name, s.key, s.env_var, s.mount_path) for s in spec.secrets] == [
        ("token", "value", "TOKEN", ""),
        ("keys", "", "", "/var/keys"),
    ]


def test_limits_and_times_are_pachyderms_own_fields_and_the_network_is_an_annotation():
    limits = {"memory": "2G", "disk": "1Gi"}
    made = compiled(limits=limits, job_timeout="60s", network=True)
    assert made["resource_limits"] == limits
    assert made["metadata"]["annotations"]["ibid/network"] == "true"
    assert list(lost(made, round_trip(made))) == []
    spec = read_spec(made)
    assert (spec.memory_limit, spec.disk_limit) == (2 * 10**9, 1 << 30)
    assert (spec.job_timeout, spec.network) == (60, True)
    assert compiled(limits={"disk": "1G"})["resource_limits"] == {"disk": "1G"}


def round_trip(request):
    message = pps.CreatePipelineRequest().from_dict(copy.deepcopy(request))
    parsed = pps.CreatePipelineRequest().parse(bytes(message))
    return parsed.to_dict(casing=betterproto.Casing.SNAKE)


def canonical(value):
    """Read a value as protobuf's JSON does: 64-bit numbers are strings, durations have zeros."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    duration = re.fullmatch(r"([0-9.]+)s", value) if isinstance(value, str) else None
    return f"{float(duration[1])}s" if duration else value


def lost(request, back, path=""):
    """List what a request holds and its copy does not."""
    if isinstance(request, dict) and isinstance(back, dict):
        for key, value in request.items():
            if key not in back:
                yield f"{path}{key}"
            else:
                yield from lost(value, back[key], f"{path}{key}.")
    elif isinstance(request, list) and isinstance(back, list) and len(request) == len(back):
        for number, (one, other) in enumerate(zip(request, back, strict=True)):
            yield from lost(one, other, f"{path}{number}.")
    elif request != back and canonical(request) != canonical(back):
        yield f"{path.rstrip('.')}: {request!r} became {back!r}"


@each_spec
def test_nothing_of_a_spec_is_lost_on_its_way_through_pachyderm(path):
    request = json.loads(path.read_bytes())
    back = round_trip(request)
    assert list(lost(request, back)) == []
    assert list(lost(back, request)) == []


@pytest.mark.parametrize(
    "path",
    [
        ("datum_trys",),
        ("transform", "accept_code"),
        ("input", "cross", 1, "pfs", "globb"),
        ("resource_requests", "cpus"),
    ],
)
def test_a_mistyped_key_would_be_found_lost(path):
    """The SDK drops what it does not know without a word."""
    request = json.loads((SPECS[0].parent / "transform.json").read_bytes())
    inner = request
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = "x"
    assert list(lost(request, round_trip(request))) == [".".join(map(str, path))]


def test_a_changed_value_would_be_found():
    request = json.loads(SPECS[0].read_bytes())
    back = round_trip(request)
    back["pipeline"]["name"] = "other"
    (found,) = lost(request, back)
    assert found.endswith("became 'other'")


THEIR_OWN = {"env", "labels", "annotations", "node_selector"}


def camel(value, key=""):
    """Spell keys as the schema does, but for those that are the user's own."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict) or key in THEIR_OWN:
        return value
    return {
        re.sub(r"_([a-z])", lambda found: found[1].upper(), name): camel(inner, name)
        for name, inner in value.items()
    }


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft4Validator(json.loads(SCHEMA.read_bytes()))


@pytest.mark.shared
@each_spec
def test_a_spec_obeys_pachyderms_schema(path, validator):
    validator.validate(camel(json.loads(path.read_bytes())))


@pytest.mark.shared
@pytest.mark.parametrize(
    "asked", [{"input": asked} for asked in EVERY_INPUT.values()] + [{"err_cmd": ["a"]}]
)
def test_every_input_obeys_pachyderms_schema(asked, validator):
    validator.validate(camel(compiled(**asked)))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("field", "value"),
    [
        (("datum_trys",), 1),
        (("datum_timeout",), "5m"),
        (("datum_tries",), "many"),
        (("transform", "accept_code"), [4]),
        (("transform", "env", "A"), 1),
        (("input", "pfs", "globb"), "/"),
        (("parallelism_spec", "coefficient"), 2.0),
        (("service", "internal_port"), "80"),
    ],
)
def test_the_schema_refuses_what_pachyderm_would(field, value, validator):
    request = json.loads((SPECS[0].parent / "tensorboard.json").read_bytes())
    validator.validate(camel(request))
    inner = request
    for name in field[:-1]:
        inner = inner[name]
    inner[field[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(camel(request))


def test_only_the_keys_of_the_spec_are_spelled_otherwise():
    assert camel({"a_b": [{"c_d": 1}], "env": {"E_F": "g_h"}}) == {
        "aB": [{"cD": 1}],
        "env": {"E_F": "g_h"},
    }
