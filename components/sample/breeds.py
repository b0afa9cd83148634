"""The drawn breeds, and the names that their pets get.

Names follow Oxford's convention: capitalised for cats, then a number.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

Colour = tuple[int, int, int]

# The tenths of MD5 that decide a pet's partition, in turns, so that the partitions of any number
# of pets are as balanced as they can be: no luck is needed for a small sample to be usable.
TENTHS = (0, 7, 1, 8, 2, 9, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Breed:
    """A drawn breed: its colours, and the pattern of its coat."""

    name: str
    species: str
    coats: tuple[tuple[Colour, Colour], ...]
    pattern: str


BREEDS = (
    Breed(
        "Tabby_Drawn",
        "cat",
        (((150, 122, 92), (74, 56, 40)), ((128, 118, 106), (60, 54, 50))),
        "stripes",
    ),
    Breed(
        "spotted_drawn",
        "dog",
        (((226, 220, 208), (52, 44, 40)), ((222, 206, 182), (128, 82, 48))),
        "spots",
    ),
    Breed(
        "Ginger_Drawn",
        "cat",
        (((206, 134, 72), (160, 86, 36)), ((222, 164, 104), (182, 110, 56))),
        "stripes",
    ),
    Breed(
        "russet_drawn",
        "dog",
        (((160, 94, 50), (110, 60, 32)), ((190, 140, 86), (140, 92, 52))),
        "plain",
    ),
    Breed(
        "Tuxedo_Drawn",
        "cat",
        (((50, 48, 52), (232, 228, 222)), ((88, 84, 86), (236, 232, 228))),
        "bib",
    ),
    Breed(
        "piebald_drawn",
        "dog",
        (((212, 200, 184), (134, 88, 54)), ((220, 214, 206), (78, 66, 58))),
        "patches",
    ),
    Breed(
        "Smoke_Drawn",
        "cat",
        (((126, 128, 136), (96, 98, 106)), ((182, 176, 170), (148, 142, 138))),
        "plain",
    ),
)


def names(count: int) -> Iterator[tuple[str, Breed]]:
    """Name pets, breeds in turns, each with its breed's next number of the wanted tenth."""
    used = dict.fromkeys(BREEDS, 0)
    for index in range(count):
        breed = BREEDS[index % len(BREEDS)]
        number = used[breed] + 1
        while _tenth(f"{breed.name}_{number}") != TENTHS[index % len(TENTHS)]:
            number += 1
        used[breed] = number
        yield f"{breed.name}_{number}", breed


def _tenth(name: str) -> int:
    return int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(), 16) % 10
