import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibid.spec.preimage import digest, digest_bytes, preimage

steady = settings(deadline=None, max_examples=40)


def test_the_bytes_that_are_hashed_are_known():
    """A change of these is a change of every digest: it needs another version in the tag."""
    assert preimage("key", {"b": [1, "ü"], "a": None}) == (
        '["ibid/key/1",{"a":null,"b":[1,"ü"]}]'.encode()
    )


def test_a_digest_is_the_sha256_of_its_pre_image():
    assert digest("tree", []) == hashlib.sha256(b'["ibid/tree/1",[]]').hexdigest()
    assert digest_bytes(b"abc").startswith("ba7816bf")


def test_values_of_two_kinds_never_share_a_digest():
    assert digest("tree", []) != digest("key", [])


@steady
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers()))
def test_the_order_of_a_dictionary_is_no_part_of_its_digest(value):
    turned = dict(reversed(value.items()))
    assert digest("key", turned) == digest("key", value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        preimage("key", [value])
