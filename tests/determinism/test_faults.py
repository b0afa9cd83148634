"""Some of the planted faults are found, and the pipeline without one raises no alarm."""

import pytest

from tests.determinism import faults

SAMPLE = ("a set iterated into a file", "an unsorted directory listing", "time.time() in an output")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_planted_fault_is_found_with_its_file_and_its_cause(name, tmp_path):
    (fault,) = (fault for fault in faults.FAULTS if fault.name == name)
    assert faults.try_fault(fault, tmp_path)[1] == []


def test_a_dependency_that_was_upgraded_is_shown(tmp_path):
    assert faults.upgrade(tmp_path)[1] == []


def test_twenty_verifies_of_the_correct_pipeline_raise_no_alarm(tmp_path):
    assert faults.no_false_alarm(tmp_path, 20)[1] == []
