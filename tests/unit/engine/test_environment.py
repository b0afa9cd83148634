"""The environment that stands in the key: packages by hash, and the machine where it matters."""

import pytest

from ibid.engine import environment
from ibid.engine.memo import Memo
from ibid.engine.packages import packages
from ibid.stage.contract import UsageError

STRICT = {"determinism": {"level": "strict", "threads": None, "isa": None}}
PORTABLE = {"determinism": {"level": "portable", "threads": 2, "isa": "AVX2"}}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    memo = Memo(tmp_path_factory.mktemp("memo"))
    return lambda extra: packages(extra, memo)


def test_an_extra_is_its_whole_closure_without_the_engines_own_needs(installed):
    names = installed("data").identities
    assert {"numpy", "pillow", "pydantic", "pydantic-core"} <= set(names)
    assert not {"tensorflow", "typer", "rich", "hydra-core", "ibid"} & set(names)


def test_an_extra_that_takes_in_another_holds_its_packages(installed):
    assert installed("data").identities.items() <= installed("train").identities.items()


def test_the_machine_is_in_the_key_only_where_numbers_depend_on_it(installed):
    assert set(environment.describe(installed("data"), False, {})) == {"packages"}
    facts = environment.describe(installed("data"), True, STRICT)["machine"]
    assert {"python", "level", "threads", "instruction_set", "processor"} <= set(facts)


def test_a_portable_run_does_not_ask_which_processor(installed):
    facts = environment.describe(installed("data"), True, PORTABLE)["machine"]
    assert (facts["threads"], facts["instruction_set"]) == (2, "AVX2")
    assert "processor" not in facts


def test_no_environment_has_no_packages(installed):
    assert environment.describe(installed(None), False, {}) == {"packages": {}}


def test_an_unknown_extra_is_refused(installed):
    with pytest.raises(UsageError, match="Expected an extra"):
        installed("dta")


def test_the_modules_of_an_environment_are_those_that_its_packages_bring(installed):
    assert {"numpy", "PIL", "pydantic_core"} <= installed("data").modules
    assert not {"tensorflow", "rich", "ibid"} & installed("data").modules


def test_what_is_remembered_is_what_was_read(installed):
    assert installed("data") == installed("data")
