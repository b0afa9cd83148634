"""Which pets teach, and which only judge. By name alone, so that no new upload moves a pet."""

import hashlib

PARTITIONS = ("training", "validation", "calibration", "test")


def partition_of(pet_id: str) -> str:
    """Return a pet's partition: seven tenths train, one tenth each for the others."""
    tenth = int(hashlib.md5(pet_id.encode(), usedforsecurity=False).hexdigest(), 16) % 10
    return PARTITIONS[max(0, tenth - 6)]
