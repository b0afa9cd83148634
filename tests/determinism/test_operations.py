"""The kinds of arithmetic that `make determinism` compares; here, that those of the loop work."""

from tests.determinism.moves import STRICT, Case


def test_a_training_and_an_inference_have_a_digest_each():
    digests = Case("as it is", kinds=("inference", "training")).digests(STRICT)
    assert [*digests] == ["inference", "training"]
    assert len({*digests.values()}) == 2
