"""What all unit tests share."""

import pytest

from ibid.engine import scratch


@pytest.fixture(autouse=True, scope="session")
def nothing_left_by_others():
    """Remove what runs of homes that are gone have left in memory: a doctor would tell of it."""
    for folder in scratch.abandoned():
        scratch.remove(folder)
