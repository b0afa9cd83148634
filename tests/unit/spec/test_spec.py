"""Pachyderm specs as the embedded engine reads them: no field is ignored in silence."""

import copy
import json
from pathlib import Path

import pytest

from ibid.spec.secret import Secret
from ibid.spec.sources import Cron, missing
from ibid.spec.spec import CLUSTER_ONLY, HONOURED, read_spec
from ibid.stage.contract import UsageError

PETS = Path(__file__).parents[3] / "pipelines" / "pets" / "generated" / "pachyderm"

REQUEST = {
    "pipeline": {"name": "count"},
    "transform": {"cmd": ["sh", "-c", "true"]},
    "input": {"pfs": {"repo": "texts", "glob": "/*"}},
}


def request(**fields):
    made = copy.deepcopy(REQUEST)
    for path, value in fields.items():
        *parents, last = path.split("__")
        inner = made
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return made


def test_what_a_spec_leaves_out_is_as_in_pachyderm():
    spec = read_spec(REQUEST)
    assert (spec.tries, spec.timeout, spec.parallelism, spec.batching) == (3, None, 1, False)
    assert spec.accept == {0}
    (source,) = spec.sources
    assert (source.name, source.repo) == ("texts", "texts")
    assert spec.cluster_only == ()


def test_every_honoured_field_changes_what_is_run():
    spec = read_spec(
        request(
            description="Count.",
            metadata__annotations={
                "ibid/component": "words.count",
                "ibid/environment": "data",
                "ibid/machine": "true",
                "ibid/effect": "true",
                "ibid/files": "a b",
                "ibid/metrics": "c.json",
                "other/thing": "x",
            },
            transform__stdin=["a"],
            transform__env={"A": "1"},
            transform__accept_return_code=[4],
            transform__err_cmd=["b"],
            transform__err_stdin=["c"],
            transform__secrets=[{"name": "s", "key": "k", "env_var": "K"}],
            transform__datum_batching=True,
            parallelism_spec__constant=3,
            resource_requests__cpu=0.5,
            datum_tries=2,
            datum_timeout="1.5s",
            service__internal_port=80,
        )
    )
    assert (spec.name, spec.description, spec.cmd) == ("count", "Count.", ("sh", "-c", "true"))
    assert (spec.component, spec.extra, spec.machine, spec.effect) == (
        "words.count",
        "data",
        True,
        True,
    )
    assert (spec.files, spec.metrics) == (("a", "b"), ("c.json",))
    assert (spec.stdin, spec.env, spec.accept) == (("a",), {"A": "1"}, {0, 4})
    assert (spec.err_cmd, spec.err_stdin) == (("b",), ("c",))
    assert spec.secrets == (Secret("s", "k", "K"),)
    assert (spec.batching, spec.parallelism, spec.cpu) == (True, 3, 0.5)
    assert (spec.tries, spec.timeout, spec.port) == (2, 1.5, 80)
    assert spec.cluster_only == ()


@pytest.mark.parametrize("path", sorted(CLUSTER_ONLY))
def test_a_field_for_clusters_is_shown_and_not_refused(path):
    value = {} if path == "pod_patch" else "x"
    assert read_spec(request(**{path.replace(".", "__"): value})).cluster_only == (
        (path,) if value else ()
    )


def test_the_fields_inside_one_for_clusters_are_shown_too():
    spec = read_spec(request(resource_limits={"cpu": "1"}, tolerations=[{"key": "a"}]))
    assert spec.cluster_only == ("resource_limits.cpu", "tolerations")


@pytest.mark.parametrize(
    "path",
    [
        "spout",
        "egress",
        "s3_out",
        "output_branch",
        "reprocess_spec",
        "datum_set_spec",
        "resource_limits.ephemeral",
        "determined",
        "parallelism_spec.coefficient",
        "pipeline.project",
        "transform.working_dir",
        "transform.user",
        "metadata.finalizers",
        "service.extra",
        "datumTries",
    ],
)
def test_a_field_that_is_neither_is_refused_by_its_name(path):
    with pytest.raises(UsageError, match="spec of 'count'") as caught:
        read_spec(request(**{path.replace(".", "__"): 1}))
    assert caught.value.received == path


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ({"name": "a"}, "neither env_var nor mount_path"),
        ({"name": "a", "env_var": "A"}, "one of env_var and key"),
        ({"name": "a", "mount_path": "/a", "mode": 0o400}, "mode"),
    ],
)
def test_a_secret_that_is_not_whole_is_refused(secret, told):
    with pytest.raises(UsageError, match="secret of 'count'") as caught:
        read_spec(request(transform__secrets=[secret]))
    assert told in str(caught.value.received)


def test_a_cron_ticks_into_a_repo_of_its_own():
    value = {"cron": {"name": "tick", "spec": "@daily", "overwrite": True}}
    (source,) = read_spec(request(input=value)).sources
    assert (source.name, source.repo, source.glob.pattern) == ("tick", "count_tick", "/*")
    assert source.cron == Cron("@daily", None, True)


def test_late_files_are_for_clusters_and_empty_ones_are_not():
    value = {"pfs": {"repo": "a", "glob": "/", "lazy": True, "branch": "master"}}
    assert read_spec(request(input=value)).cluster_only == ("input.pfs.lazy",)
    value = {"pfs": {"repo": "a", "glob": "/", "empty_files": True}}
    assert read_spec(request(input=value)).cluster_only == ()


A, B = ({"pfs": {"repo": name, "glob": "/(*)", "join_on": "$1"}} for name in ("a", "b"))
OUTER = {"pfs": {**B["pfs"], "outer_join": True}}


@pytest.mark.parametrize(
    ("value", "there", "lacking"),
    [
        (A, "", "a"),
        ({"cross": [A, B]}, "a", "b"),
        ({"cross": [A, B]}, "", "ab"),
        ({"union": [A, B]}, "a", ""),
        ({"union": [A, B]}, "", "ab"),
        ({"group": [A, B]}, "b", ""),
        ({"join": [A, B]}, "a", "b"),
        ({"join": [A, OUTER]}, "a", "b"),
        ({"join": [A, OUTER]}, "b", ""),
        ({"cross": [{"union": [A, B]}, {"pfs": {"repo": "p", "glob": "/"}}]}, "ap", ""),
        ({"cross": [{"union": [A, B]}, {"pfs": {"repo": "p", "glob": "/"}}]}, "a", "p"),
    ],
)
def test_an_input_waits_only_for_what_it_cannot_do_without(value, there, lacking):
    spec = read_spec(request(input=value))
    assert missing(spec.input, dict.fromkeys(there, True)) == tuple(lacking)


def test_no_field_is_both_honoured_and_for_clusters():
    assert not HONOURED & CLUSTER_ONLY


@pytest.mark.parametrize("path", sorted(PETS.glob("*.json")), ids=lambda path: path.stem)
def test_every_field_of_the_pets_is_honoured_or_for_clusters(path):
    fields = json.loads(path.read_bytes())
    spec = read_spec(fields)
    used = {
        f"{key}.{inner}" if isinstance(value, dict) and key != "input" else key
        for key, value in fields.items()
        for inner in (value if isinstance(value, dict) and key != "input" else [None])
    }
    assert used - set(spec.cluster_only) <= HONOURED
    assert set(spec.cluster_only) <= CLUSTER_ONLY
    assert "transform.image" in spec.cluster_only


@pytest.mark.parametrize("kind", ["git", "spout"])
def test_a_kind_of_input_that_is_not_known_is_refused_by_name(kind):
    with pytest.raises(UsageError, match="pfs, cross, union, join, group, cron") as caught:
        read_spec(request(input={kind: []}))
    assert caught.value.received == kind


@pytest.mark.parametrize("field", ["s3", "trigger", "project", "commit"])
def test_a_field_of_an_input_that_is_not_known_is_refused_by_name(field):
    with pytest.raises(UsageError) as caught:
        read_spec(request(input={"pfs": {"repo": "a", "glob": "/", field: "x"}}))
    assert caught.value.received == field


def test_two_kinds_of_input_in_one_are_refused():
    both = {"pfs": {"repo": "a", "glob": "/"}, "cross": []}
    with pytest.raises(UsageError) as caught:
        read_spec(request(input=both))
    assert caught.value.received == "pfs, cross"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("pipeline", "pipeline.name"),
        ("transform", "transform.cmd"),
        ("input", "input"),
    ],
)
def test_a_spec_without_what_every_spec_has_is_refused(path, told):
    made = request()
    del made[path]
    with pytest.raises(UsageError, match=told):
        read_spec(made)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, "one of pfs, cross, union"),
        ({"pfs": {"glob": "/"}}, "pfs.repo"),
        ({"pfs": {"repo": "a"}}, "pfs.glob"),
        ({"pfs": {"repo": "a", "glob": "/("}}, "bracket"),
        ({"pfs": {"repo": "a", "glob": "/", "branch": "b"}}, "branch b"),
        ({"cron": {"spec": "@daily"}}, "cron.name"),
        ({"cron": {"name": "tick"}}, "cron.spec"),
        ({"cron": {"name": "tick", "spec": "@daily", "commit": "x"}}, "commit"),
    ],
)
def test_an_input_that_is_not_whole_is_refused(value, told):
    with pytest.raises(UsageError) as caught:
        read_spec(request(input=value))
    assert told in str(caught.value)


@pytest.mark.parametrize("field", ["datum_timeout", "job_timeout"])
@pytest.mark.parametrize("timeout", ["5m", "5", 5, "", "s", "0s", "0.0s"])
def test_a_timeout_that_is_not_in_seconds_is_refused(field, timeout):
    with pytest.raises(UsageError, match=field):
        read_spec(request(**{field: timeout}))


def test_limits_are_read_in_bytes_and_a_bad_one_is_refused():
    spec = read_spec(request(resource_limits={"memory": "2Gi", "disk": "1.5G"}, job_timeout="9s"))
    assert (spec.memory_limit, spec.disk_limit, spec.job_timeout) == (2 << 30, 1500000000, 9)
    for amount in ("2GB", "0", "-1G", "", "much"):
        with pytest.raises(UsageError, match="500M"):
            read_spec(request(resource_limits={"memory": amount}))


def test_inputs_nest_and_keep_their_order():
    leaf = [{"pfs": {"repo": repo, "glob": "/"}} for repo in "abc"]
    spec = read_spec(request(input={"cross": [{"group": leaf[:2]}, leaf[2]]}))
    assert [source.repo for source in spec.sources] == ["a", "b", "c"]


CHANGES_RESULTS = {
    "transform__cmd": ["sh"],
    "transform__stdin": ["a"],
    "transform__env": {"A": "1"},
    "transform__accept_return_code": [4],
    "metadata": {"annotations": {"ibid/network": "true"}},
}
CHANGES_NOTHING = {
    "description": "Other words.",
    "parallelism_spec__constant": 8,
    "resource_requests__cpu": 4,
    "datum_tries": 9,
    "datum_timeout": "9s",
    "job_timeout": "9s",
    "resource_limits": {"memory": "1G", "disk": "1G"},
    "transform__image": "other:2",
    "autoscaling": True,
}


@pytest.mark.parametrize("path", CHANGES_RESULTS)
def test_what_can_change_a_result_is_part_of_the_meaning(path):
    changed = read_spec(request(**{path: CHANGES_RESULTS[path]}))
    assert changed.meaning() != read_spec(REQUEST).meaning()


@pytest.mark.parametrize("path", CHANGES_NOTHING)
def test_how_fast_and_where_it_runs_is_no_part_of_the_meaning(path):
    changed = read_spec(request(**{path: CHANGES_NOTHING[path]}))
    assert changed.meaning() == read_spec(REQUEST).meaning()


@pytest.mark.parametrize(
    "fields",
    [
        {"transform__env": {"PYTHONPATH": "/somewhere"}},
        {"transform__secrets": [{"name": "s", "key": "k", "env_var": "HOME"}]},
        {"input": {"pfs": {"repo": "texts", "name": "PFS_ROOT", "glob": "/"}}},
    ],
)
def test_no_spec_replaces_what_the_engine_tells_its_stage(fields):
    with pytest.raises(UsageError, match="a variable that the engine sets"):
        read_spec(request(**fields))


def test_a_spec_that_joins_on_a_bracket_which_its_glob_lacks_is_refused():
    pfs = {"repo": "texts", "glob": "/(*)", "join_on": "$2"}
    with pytest.raises(UsageError, match=r"which has 1\.\s+Received: \$2"):
        read_spec(request(input={"pfs": pfs}))
