"""pipeline.yaml: what a user who has made a mistake gets to read."""

from pathlib import Path

import guide
import pytest

from ibid.spec import pipeline
from ibid.stage.contract import UsageError

ROOT = Path(__file__).parents[3]

# The line numbers below are of this text: its first line is 1.
GOOD = """\
version: 1
name: words
description: Count words.
image: example/words:1
inputs:
  texts: {description: One file a text.}
  params: {description: Parameters.}
parameters:
  model: words.parameters:Parameters
summary: {pipeline: total, file: total.csv}
environments:
  plain: {}
pipelines:
  - name: count
    description: Count.
    component: words.count
    environment: plain
    input: {pfs: {repo: texts, glob: "/*"}}
    parallelism: 2
  - name: shout
    description: Shout.
    cmd: [sh, -c, "true"]
    environment: plain
    input: {pfs: {repo: texts, glob: "/*"}}
  - name: total
    description: Add them up.
    component: words.total
    environment: plain
    input:
      cross:
        - pfs: {repo: count, glob: /}
        - pfs: {repo: shout, glob: /}
"""


def read(folder, text):
    path = folder / "pipeline.yaml"
    path.write_text(text)
    return pipeline.read(path)


def refusal(folder, text):
    with pytest.raises(UsageError) as caught:
        read(folder, text)
    told = str(caught.value)
    assert str(folder / "pipeline.yaml") in told
    return told


def test_a_good_pipeline_is_read(tmp_path):
    workflow = read(tmp_path, GOOD)
    assert [each.name for each in workflow.pipelines] == ["count", "shout", "total"]
    assert [leaf.repo for leaf in workflow.pipelines[2].input.leaves()] == ["count", "shout"]
    assert workflow.pipelines[0].tries == 1


def test_the_pets_are_read():
    workflow = pipeline.read(ROOT / "pipelines" / "pets" / "pipeline.yaml")
    order = workflow.order()
    for upstream, downstream in [
        ("ingest", "transform"),
        ("transform", "survey"),
        ("tune", "model"),
        ("train", "evaluate"),
        ("calibrate", "evaluate"),
        ("evaluate", "release"),
    ]:
        assert order.index(upstream) < order.index(downstream)


MISTAKES = {
    "a cycle": (
        'repo: texts, glob: "/*"',
        'repo: total, glob: "/*"',
        "line 18: pipelines.count.input: expected no cycle, received count -> total -> count",
    ),
    "a pipeline that reads itself": (
        'repo: texts, glob: "/*"',
        'repo: count, glob: "/*"',
        "line 18: pipelines.count.input: expected no cycle, received count -> count",
    ),
    "an unknown input": (
        "repo: count, glob",
        "repo: cuont, glob",
        (
            "line 29: pipelines.total.input: unknown input 'cuont', expected one of count, params, "
            "shout, texts, total; did you mean count?"
        ),
    ),
    "an unknown environment": (
        "environment: plain",
        "environment: plane",
        (
            "line 17: pipelines.count.environment: unknown environment 'plane', "
            "expected one of plain; did you mean plain?"
        ),
    ),
    "an unknown pipeline in the report": (
        "summary: {pipeline: total, file: total.csv}",
        "report: {pipeline: sums, page: a.html, data: a.json}",
        "line 10: report.pipeline: unknown pipeline 'sums', expected one of count, shout, total",
    ),
    "an unknown pipeline in the summary": (
        "pipeline: total,",
        "pipeline: sums,",
        "line 10: summary.pipeline: unknown pipeline 'sums', expected one of count, shout, total",
    ),
    "parameters without a repo for them": (
        "  params: {description: Parameters.}\n",
        "",
        "line 7: parameters: unknown input 'params', expected one of texts",
    ),
    "two pipelines of one name": (
        "name: shout",
        "name: count",
        (
            "line 20: pipelines.count.name: expected one repo of each name, "
            "'count' stands there already"
        ),
    ),
    "a pipeline with the name of an input": (
        "name: shout",
        "name: texts",
        (
            "line 20: pipelines.texts.name: expected one repo of each name, "
            "'texts' stands there already"
        ),
    ),
    "an unknown key": (
        "parallelism: 2",
        "paralelism: 2",
        "line 19: pipelines.count.paralelism: unknown key; did you mean parallelism?",
    ),
    "a missing key": (
        "    description: Add them up.\n",
        "",
        "line 25: pipelines.total.description: expected, but missing",
    ),
    "a missing key of the whole": (
        "image: example/words:1\n",
        "",
        "line 1: image: expected, but missing",
    ),
    "two kinds of input": (
        "    input:\n      cross:",
        '    input:\n      pfs: {repo: texts, glob: "/*"}\n      cross:',
        (
            "line 29: pipelines.total.input: expected exactly one of "
            "pfs, cross, union, join, group, cron, "
            "received pfs, cross"
        ),
    ),
    "no kind of input": (
        'input: {pfs: {repo: texts, glob: "/*"}}',
        "input: {}",
        (
            "line 18: pipelines.count.input: expected exactly one of "
            "pfs, cross, union, join, group, cron, "
            "received none of them"
        ),
    ),
    "an input that is left empty": (
        'input: {pfs: {repo: texts, glob: "/*"}}',
        "input: {pfs: }",
        (
            "line 18: pipelines.count.input: expected exactly one of "
            "pfs, cross, union, join, group, cron, "
            "received none of them"
        ),
    ),
    "a cross of nothing": (
        'input: {pfs: {repo: texts, glob: "/*"}}',
        "input: {cross: []}",
        "line 18: pipelines.count.input.cross: expected at least 1 item, received an empty list",
    ),
    "a list where a mapping belongs": (
        'input: {pfs: {repo: texts, glob: "/*"}}',
        "input: [texts]",
        "line 18: pipelines.count.input: expected a mapping, received a list",
    ),
    "a bad name": (
        "name: shout",
        "name: sh/out",
        (
            "line 20: pipelines.sh/out.name: expected a name or text that matches "
            "'^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$', received 'sh/out'"
        ),
    ),
    "a bad name of an input": (
        "texts: {desc",
        "te xts: {desc",
        (
            "line 6: inputs.te xts: expected a name or text that matches "
            "'^[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}$', received 'te xts'"
        ),
    ),
    "a word for a number": (
        "parallelism: 2",
        "parallelism: two",
        "line 19: pipelines.count.parallelism: expected an integer, received 'two'",
    ),
    "a number for a word": (
        "description: Shout.",
        "description: 7",
        "line 21: pipelines.shout.description: expected a string, received 7",
    ),
    "a key without a value": (
        "description: Shout.",
        "description:",
        "line 21: pipelines.shout.description: expected a string, received nothing",
    ),
    "too many workers": (
        "parallelism: 2",
        "parallelism: 20",
        "line 19: pipelines.count.parallelism: expected less than or equal to 8, received 20",
    ),
    "a timeout in minutes": (
        "parallelism: 2",
        "timeout: 5m",
        (
            "line 19: pipelines.count.timeout: expected a name or text that matches "
            "'^[1-9]\\d*s$', received '5m'"
        ),
    ),
    "a timeout of nothing": (
        "parallelism: 2",
        "timeout: 0s",
        (
            "line 19: pipelines.count.timeout: expected a name or text that matches "
            "'^[1-9]\\d*s$', received '0s'"
        ),
    ),
    "a limit in no known unit": (
        "parallelism: 2",
        "limits: {memory: 2GB}",
        (
            "line 19: pipelines.count.limits.memory: expected an amount such as 500M or 2Gi, more "
            "than 0, received '2GB'"
        ),
    ),
    "another version": ("version: 1", "version: 2", "line 1: version: expected 1, received 2"),
    "a glob that is none": (
        'glob: "/*"',
        'glob: "/{a"',
        (
            "line 18: pipelines.count.input.pfs.glob: "
            "expected every bracket of a glob to be closed, "
            "received '/{a'"
        ),
    ),
    "a glob that is not closed": (
        'glob: "/*"',
        'glob: "/(*"',
        (
            "line 18: pipelines.count.input.pfs.glob: expected every bracket of a glob to be "
            "closed, received '/(*'"
        ),
    ),
    "a join without a value to join on": (
        'input: {pfs: {repo: texts, glob: "/*"}}',
        'input: {join: [{pfs: {repo: texts, glob: "/(*)"}}]}',
        (
            "line 18: pipelines.count.input: expected join_on in every pfs input of a join, "
            "received none"
        ),
    ),
    "a group by a bracket that is not there": (
        'glob: "/*"',
        'glob: "/(*)-@(a|b)", group_by: "$1-${3}"',
        (
            "line 18: pipelines.count.input.pfs: expected group_by to name round brackets "
            "of the glob /(*)-@(a|b), which has 2, received ${3}"
        ),
    ),
    "a value to join on without any bracket": (
        'glob: "/*"',
        'glob: "/*", join_on: $1',
        (
            "line 18: pipelines.count.input.pfs: expected join_on to name round brackets of the "
            "glob /*, which has none, received $1"
        ),
    ),
    "an outer join on nothing": (
        'glob: "/*"',
        'glob: "/*", outer_join: true',
        ("line 18: pipelines.count.input.pfs: expected join_on beside outer_join, received none"),
    ),
    "a branch that cannot be": (
        'glob: "/*"',
        'glob: "/*", branch: staging',
        "line 18: pipelines.count.input.pfs.branch: expected 'master', received 'staging'",
    ),
    "files that are late and empty": (
        'glob: "/*"',
        'glob: "/*", lazy: true, empty_files: true',
        (
            "line 18: pipelines.count.input.pfs: expected at most one of lazy, empty_files, "
            "received both"
        ),
    ),
    "a cron that is none": (
        'input: {pfs: {repo: texts, glob: "/*"}}',
        'input: {cron: {name: tick, spec: "* * * *"}}',
        (
            "line 18: pipelines.count.input.cron.spec: expected a cron of five fields in UTC, or "
            "@hourly, @daily, @weekly, @monthly, @yearly, @every 1h30m, @never, "
            "received '* * * *'"
        ),
    ),
    "a cron from a time of no place": (
        'input: {pfs: {repo: texts, glob: "/*"}}',
        "input: {cron: {name: tick, spec: '@daily', start: 2024-01-01 00:00:00}}",
        (
            "line 18: pipelines.count.input.cron.start: expected a time with its zone, as "
            "2024-01-31T06:00:00Z, received '2024-01-01T00:00:00'"
        ),
    ),
    "a cron that ticks into another's repo": (
        'input: {pfs: {repo: texts, glob: "/*"}}',
        "input: {cron: {name: tick, spec: '@daily', repo: texts}}",
        (
            "line 18: pipelines.count.input: expected one repo of each name, 'texts' stands there "
            "already"
        ),
    ),
    "a secret that leads nowhere": (
        "component: words.count",
        "component: words.count\n    secrets: [{name: token}]",
        (
            "line 17: pipelines.count.secrets.token: expected env_var with key, or mount_path, "
            "received neither env_var nor mount_path"
        ),
    ),
    "a secret for a variable without its key": (
        "component: words.count",
        "component: words.count\n    secrets: [{name: token, env_var: TOKEN}]",
        (
            "line 17: pipelines.count.secrets.token: expected env_var with key, or mount_path, "
            "received one of env_var and key without the other"
        ),
    ),
    "words for a command that is not there": (
        "component: words.count",
        "component: words.count\n    err_stdin: [a]",
        "line 14: pipelines.count: expected err_cmd beside err_stdin, received none",
    ),
    "a component and a command": (
        "component: words.count",
        "component: words.count\n    cmd: [sh]",
        "line 14: pipelines.count: expected exactly one of component, cmd, received both",
    ),
    "neither component nor command": (
        "    component: words.count\n",
        "",
        "line 14: pipelines.count: expected exactly one of component, cmd, received neither",
    ),
    "two inputs in one folder": (
        "repo: shout, glob: /",
        "repo: count, glob: /a",
        (
            "line 29: pipelines.total.input: expected inputs of different names, 'count' is taken; "
            "give it a `name`"
        ),
    ),
    "an input in the folder of the output": (
        'repo: texts, glob: "/*"',
        'repo: texts, name: out, glob: "/*"',
        (
            "line 18: pipelines.count.input: expected inputs of different names, 'out' is taken; "
            "give it a `name`"
        ),
    ),
    "an input in the folder of the parameters": (
        "repo: shout, glob: /",
        "repo: params, glob: /",
        (
            "line 29: pipelines.total.input: "
            "expected inputs of different names, 'params' is taken; "
            "give it a `name`"
        ),
    ),
    "a yes for a number": (
        "parallelism: 2",
        "parallelism: yes",
        "line 19: pipelines.count.parallelism: expected an integer, received True",
    ),
    "endless cores": (
        "parallelism: 2",
        "resources: {cpu: .inf}",
        "line 19: pipelines.count.resources.cpu: expected a finite number, received inf",
    ),
    "an amount that is none": (
        "parallelism: 2",
        "resources: {memory: lots}",
        (
            "line 19: pipelines.count.resources.memory: "
            "expected an amount such as 500M or 2Gi, more than 0, received 'lots'"
        ),
    ),
    "a number as a key": (
        "parallelism: 2",
        "1: 2",
        "line 19: pipelines.count.1: expected text as a key, received 1",
    ),
    "a key twice": (
        "    parallelism: 2",
        "    parallelism: 2\n    parallelism: 3",
        "line 20: parallelism: expected once, stands on line 19 already",
    ),
    "a tab": (
        "    parallelism: 2",
        "\tparallelism: 2",
        "line 19: found character '\\t' that cannot start any token",
    ),
    "an open bracket": (
        "summary: {pipeline: total, file: total.csv}",
        "summary: {pipeline: total, file: total.csv",
        "line 11: expected ',' or '}', but got ':'",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_file_line_and_what_was_expected(tmp_path, mistake):
    old, new, told = MISTAKES[mistake]
    assert old in GOOD
    received = refusal(tmp_path, GOOD.replace(old, new, 1)).partition("Received: ")[2]
    assert received.splitlines()[0] == told


ALONE = {
    "a glob in a group": (
        "group: [{pfs: {repo: texts, glob: '/[a', group_by: $1}}]",
        "pipelines.count.input.group.0.pfs.glob: ",
    ),
    "a part in a group": (
        "group: [{pfs: {repo: texts, glob: '/(*)', group_by: $2}}]",
        "pipelines.count.input.group.0.pfs: ",
    ),
    "a glob in a cross": (
        "cross: [{pfs: {repo: texts, glob: '/[a'}}]",
        "pipelines.count.input.cross.0.pfs.glob: ",
    ),
}


@pytest.mark.parametrize("case", ALONE)
def test_a_list_is_not_called_too_short_for_what_is_wrong_in_it(tmp_path, case):
    new, told = ALONE[case]
    old = 'pfs: {repo: texts, glob: "/*"}'
    with pytest.raises(UsageError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    (line,) = caught.value.received.splitlines()
    assert told in line


def test_each_row_of_the_guide_is_a_mistake():
    assert guide.untold("in `pipeline.yaml`", [told for *_, told in MISTAKES.values()]) == []


def test_each_mistake_is_told(tmp_path):
    text = GOOD.replace("parallelism: 2", "paralelism: 2").replace("description: Shout.", "x: 1")
    told = refusal(tmp_path, text).splitlines()
    assert told[2:5] == [
        "    line 19: pipelines.count.paralelism: unknown key; did you mean parallelism?",
        "    line 20: pipelines.shout.description: expected, but missing",
        "    line 21: pipelines.shout.x: unknown key",
    ]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a\n", "words\n"])
def test_what_is_no_mapping_is_refused(tmp_path, text):
    assert "expected a mapping, received" in refusal(tmp_path, text)


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="Expected YAML") as caught:
        pipeline.read(tmp_path / "pipeline.yaml")
    assert "No such file" in str(caught.value)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(UsageError, match="in UTF-8") as caught:
        pipeline.read(path)
    assert "hint: mend that file" in str(caught.value)


def test_a_control_character_is_refused(tmp_path):
    assert "Expected YAML" in refusal(tmp_path, "name: a\x00b\n")


def test_an_anchor_is_no_repeated_key(tmp_path):
    text = GOOD.replace("  plain: {}\n", "  plain: &p {}\n  other: {<<: *p, machine: true}\n")
    assert read(tmp_path, text).environments["other"].machine


def test_a_pipeline_comes_after_all_that_it_reads_however_they_are_listed(tmp_path):
    head, *pipelines = GOOD.split("  - name: ")
    turned = "  - name: ".join([head, *reversed(pipelines)])
    assert read(tmp_path, turned).order()[-1] == "total"


def test_what_was_read_cannot_be_changed(tmp_path):
    workflow = read(tmp_path, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        workflow.name = "other"


def test_the_parts_of_a_union_may_share_a_name_and_a_cross_beside_it_may_not(tmp_path):
    part = "{pfs: {repo: texts, glob: '/a'}}"
    old = 'input: {pfs: {repo: texts, glob: "/*"}}'
    read(tmp_path, GOOD.replace(old, f"input: {{union: [{part}, {part}]}}", 1))
    beside = f"input: {{cross: [{{union: [{part}, {part}]}}, {part}]}}"
    assert "'texts' is taken" in refusal(tmp_path, GOOD.replace(old, beside, 1))
    for union in (f"{{union: [{part}, {part}]}}", f"{{cross: [{{union: [{part}, {part}]}}]}}"):
        grouped = f"input: {{group: [{union}]}}"
        assert "'texts' is taken" in refusal(tmp_path, GOOD.replace(old, grouped, 1))


def test_a_pipeline_can_take_the_ticks_of_anothers_cron(tmp_path):
    old = 'input: {pfs: {repo: texts, glob: "/*"}}'
    text = GOOD.replace(old, "input: {cron: {name: tick, spec: '@daily'}}", 1)
    text = text.replace("repo: shout", "repo: count_tick", 1)
    assert read(tmp_path, text).cron_repos() == {"count_tick": "count"}
