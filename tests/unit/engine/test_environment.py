"""The environment that stands in the key: packages by hash, and the machine where it matters."""

import pytest

from ibid.engine import environment
from ibid.stage.contract import UsageError

STRICT = {"determinism": {"level": "strict", "threads": None, "isa": None}}
PORTABLE = {"determinism": {"level": "portable", "threads": 2, "isa": "AVX2"}}


def test_an_extra_is_its_whole_closure_without_the_engines_own_needs():
    names = dict(environment.packages("data"))
    assert {"numpy", "pillow", "pydantic", "pydantic-core"} <= set(names)
    assert not {"tensorflow", "typer", "rich", "hydra-core", "ibid"} & set(names)


def test_an_extra_that_takes_in_another_holds_its_packages():
    assert dict(environment.packages("data")).items() <= dict(environment.packages("train")).items()


def test_the_machine_is_in_the_key_only_where_numbers_depend_on_it():
    assert set(environment.describe("data", False, {})) == {"packages"}
    facts = environment.describe("data", True, STRICT)["machine"]
    assert {"python", "level", "threads", "instruction_set", "processor"} <= set(facts)


def test_a_portable_run_does_not_ask_which_processor():
    facts = environment.describe("data", True, PORTABLE)["machine"]
    assert (facts["threads"], facts["instruction_set"]) == (2, "AVX2")
    assert "processor" not in facts


def test_no_environment_has_no_packages():
    assert environment.describe(None, False, {}) == {"packages": {}}


def test_an_unknown_extra_is_refused():
    with pytest.raises(UsageError, match="Expected an extra"):
        environment.packages("dta")
