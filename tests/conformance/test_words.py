"""A pipeline of your own, with components of its own, runs as the pets do."""


def test_it_runs_by_its_name_from_the_readme_of_pipelines(words):
    words.write(one="to be or not to be", two="be")
    words.ibid("put", "texts", words.texts, "--no-run", "--pipeline", "words")
    words.ibid("run", "--pipeline", "words")
    assert words.read("total", "/total.json") == (
        '{\n  "be": 3,\n  "not": 1,\n  "or": 1,\n  "to": 2\n}\n'
    )
    assert words.read("shout", "/two") == "BE"


def test_two_pipelines_in_one_home_do_not_mix(words):
    other = words.root / "pipelines" / "others"
    other.mkdir()
    text = (words.root / "pipelines/words/pipeline.yaml").read_text()
    (other / "pipeline.yaml").write_text(text.replace("name: words", "name: others", 1))
    words.ibid("specs", "--pipeline", "others")
    words.write(one="a")
    words.ibid("put", "texts", words.texts, "--pipeline", "words")
    assert "nothing is committed" in words.ibid("run", "--pipeline", "others", code=3).stderr
    assert "several" not in words.ibid("run", code=2).stdout
    words.ibid("run", IBID_PIPELINE="words")
