"""One campaign for all tests of this folder: its scenes take a while to prepare."""

import random

import pytest

from tests.torture.campaign import Campaign
from tests.torture.project import Project


@pytest.fixture(scope="session")
def campaign(tmp_path_factory):
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    return Campaign(tmp_path_factory.mktemp("campaign"), seed)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project", texts=2)
