from ibid.spec.near import did_you_mean


def test_a_mistyped_name_finds_what_it_may_have_meant():
    assert did_you_mean("tranform", ["ingest", "transform", "train"]) == "transform"


def test_a_name_like_nothing_finds_nothing():
    assert did_you_mean("xyz", ["ingest", "transform"]) is None
    assert did_you_mean("xyz", []) is None
