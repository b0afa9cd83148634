"""Where a value comes from, as a message names it: an override, or a file and a line."""

import pytest

from ibid.spec.origin import origins

FILES = {
    "config.yaml": "defaults: [count, _self_, speed: slow]\nseed: 1\n",
    "count.yaml": "# @package count\ntimes: 2\nrates: [1, 2]\nlike: ${deep}\nseed: ${seed}\n"
    "none: ${other.value}\nless: ${deep.fourth}\n",
    "speed/slow.yaml": "# @package _global_\ndeep: {first: {second: 1}}\n",
    "speed/fast.yaml": "# @package _global_\ncount:\n  times: 1\ndeep: {first: {}}\n",
}


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "speed").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


CASES = {
    "a file of its own": ([], "count.times", "count.yaml, line 2"),
    "an item of a list": ([], "count.rates.1", "count.yaml, line 3"),
    "the file that wins": (["speed=fast"], "count.times", "speed/fast.yaml, line 3"),
    "an override": (["count.times=9"], "count.times", "override count.times=9"),
    "the last override": (["seed=2", "seed=3"], "seed", "override seed=3"),
    "an override of what holds it": (["count={a: 9}"], "count.a", "override count={a: 9}"),
    "an override of what it holds": (["count.times=9"], "count", "override count.times=9"),
    "an addition": (["+count.tims=9"], "count.tims", "override +count.tims=9"),
    "a deletion": (["~count.times"], "count.times", "override ~count.times"),
    "a choice is no value": (["speed=fast"], "seed", "config.yaml, line 2"),
    "a reference": ([], "count.seed", "config.yaml, line 2"),
    "a reference to an override": (["seed=3"], "count.seed", "override seed=3"),
    "a part of what is referred to": ([], "count.like.first.second", "speed/slow.yaml, line 2"),
    "a reference to nothing": ([], "count.none", "count.yaml, line 6"),
    "a reference to nothing in a file that is there": ([], "count.less", "count.yaml, line 7"),
    "what is missing in no file": ([], "other", "config.yaml, line 1"),
    "what is missing": ([], "count.tempo", "count.yaml, line 1"),
    "what is missing where another wins": (["speed=fast"], "count.tempo", "count.yaml, line 1"),
    "what is missing deep below": (["speed=fast"], "deep.first.second", "speed/fast.yaml, line 4"),
    "a reference in circles": (
        ["count.times=${count.times}"],
        "count.times",
        "override count.times=${count.times}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_value_is_from(conf, case):
    overrides, at, source = CASES[case]
    assert origins(conf, overrides).of(*at.split(".")) == source


def test_files_that_refer_in_circles_end(conf):
    (conf / "count.yaml").write_text(
        "# @package count\ntimes: ${count.rate}\nrate: ${count.times}\n"
    )
    assert origins(conf, []).of("count", "times") in {"count.yaml, line 2", "count.yaml, line 3"}
