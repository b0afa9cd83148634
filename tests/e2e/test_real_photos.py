"""Real photos, some of each split, through the whole DAG with the preset `tiny`."""

import json
import tarfile
from collections import defaultdict
from pathlib import Path

import pytest

from components.segmentation.partition import partition_of

PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "pets-240"
WANTED = {"training": 90, "validation": 12, "calibration": 16, "test": 16}

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """Unpack so many photos of each split, with their masks, in Oxford's layout."""
    folder = tmp_path_factory.mktemp("real") / "real"
    with tarfile.open(PHOTOS / "images.tar.gz") as archive:
        names = sorted(Path(name).stem for name in archive.getnames() if name.endswith(".jpg"))
        split = defaultdict(list)
        for name in names:
            split[partition_of(name)].append(name)
        kept = {name for part, number in WANTED.items() for name in split[part][:number]}
        archive.extractall(folder, members=_of(archive, kept), filter="data")
    with tarfile.open(PHOTOS / "annotations.tar.gz") as archive:
        members = [*_of(archive, kept), archive.getmember("annotations/list.txt")]
        archive.extractall(folder, members=members, filter="data")
    return folder


def _of(archive, kept):
    return [member for member in archive.getmembers() if Path(member.name).stem in kept]


def test_a_model_is_released_that_beats_the_baseline_and_the_mean_mask(chosen, home):
    home.put(chosen)
    home.run()
    release = json.loads(home.ibid("cat", "release:/release.json")[0])
    assert release["verdict"] == "accepted"
    models = json.loads(home.ibid("cat", "evaluate:/evaluation_result.json")[0])["models"]
    reached = release["metrics"]["mean_iou"]
    assert reached == models["calibrated"]["all"]["mean_iou"]
    assert reached > models["baseline"]["all"]["mean_iou"]
    assert reached > models["mean_mask"]["all"]["mean_iou"]
