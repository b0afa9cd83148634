"""A secret reaches its stage and nothing else."""

import contextlib
import json

import pytest

from ibid.engine.events import JobDone
from ibid.engine.process import Process
from ibid.engine.sandbox import Sandbox
from ibid.engine.secrets import FILE
from ibid.stage.contract import UsageError

VALUE = "correct-horse-battery-staple"
USE = """
- name: use
  description: Use a secret.
  environment: plain
  cmd: [sh, -c, {command}]
  secrets:
    - {{name: login, key: password, env_var: PASSWORD}}
    - {{name: login, mount_path: /var/login}}
  input: {{pfs: {{repo: texts, glob: "/*"}}}}
"""


@pytest.fixture
def using(words, tmp_path, monkeypatch):
    file = tmp_path / "secrets.yaml"
    file.write_text(json.dumps({"login": {"password": VALUE, "user": "somebody"}}))
    file.chmod(0o600)
    monkeypatch.setenv(FILE, str(file))
    words.file = file

    def call(command, more=""):
        given = USE.format(command=json.dumps(command))
        words.declare(given.replace("  input:", f"{more}  input:"))
        words.put(a="1")
        run, events = words.run()
        return run, next((e for e in events if isinstance(e, JobDone)), None)

    return call


def test_a_stage_is_given_its_secrets_as_variables_and_files(words, using):
    check = (
        f'test "$PASSWORD" = {VALUE} && test "$(cat $SECRETS_ROOT/var/login/password)" = {VALUE} &&'
        " ls $SECRETS_ROOT/var/login > $PFS_ROOT/out/keys"
    )
    assert using(check)[0].code == 0
    assert words.read("use", "/keys").split() == ["password", "user"]


PRINTS = (
    "echo $PASSWORD; echo $PASSWORD >&2; printf ${PASSWORD%staple}; sleep 0.1; echo staple;"
    " cat $SECRETS_ROOT/var/login/password; set -x; : $PASSWORD; exit 9"
)


@pytest.mark.parametrize("end", ["", "; exit 9"])
def test_a_value_is_nowhere_in_the_home_whatever_the_stage_prints(words, using, end):
    using(PRINTS.replace("; exit 9", end) + ("" if end else "; echo x > $PFS_ROOT/out/x"))
    log = words.ibid("logs", "use").stdout
    assert log.count("***") >= 4
    assert VALUE not in log
    files = [path for path in (words.root / ".ibid").rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" for path in files)
    assert [path for path in files if VALUE.encode() in path.read_bytes()] == []
    generated = (words.root / "pipelines/words/generated").rglob("*.json")
    assert not any(VALUE in path.read_text() for path in generated)


def test_a_value_is_in_no_message_of_a_batch(words, using):
    text = (words.root / "pipelines/words/pipeline.yaml").read_text()
    secret = "secrets: [{name: login, key: password, env_var: PASSWORD}]"
    text = text.replace("batch: true", f"batch: true\n    {secret}", 1)
    (words.root / "pipelines/words/pipeline.yaml").write_text(text)
    words.edit(
        "words/count/__main__.py",
        'print("counting", text.name)',
        'raise ValueError(__import__("os").environ["PASSWORD"])',
    )
    words.compile()
    words.put(a="1", b="2", c="3")
    _, events = words.run()
    failed = next(e for e in events if isinstance(e, JobDone) and e.pipeline == "count")
    assert "ValueError: ***" in failed.error
    assert "ValueError: ***" in words.ibid("logs", "count").stdout
    files = [path for path in (words.root / ".ibid").rglob("*") if path.is_file()]
    assert [path for path in files if VALUE.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    "command",
    [
        "echo a $PASSWORD > $PFS_ROOT/out/x",
        "touch $PFS_ROOT/out/$PASSWORD",
        "cp $SECRETS_ROOT/var/login/password $PFS_ROOT/out/",
    ],
)
def test_an_output_with_a_value_is_refused_and_not_stored(words, using, command):
    run, job = using(command)
    assert run.code == 3
    assert "without the value of a secret" in job.error
    assert VALUE not in job.error
    files = [path for path in (words.root / ".ibid").rglob("*") if path.is_file()]
    assert [path for path in files if VALUE.encode() in path.read_bytes()] == []


def test_another_value_runs_nothing_again_and_another_name_does(words, using):
    using("echo x > $PFS_ROOT/out/x")
    words.file.write_text(words.file.read_text().replace(VALUE, "another-value"))
    assert words.run()[1] == []
    words.edit("pipelines/words/pipeline.yaml", "key: password, env_var", "key: user, env_var")
    words.compile()
    assert "secrets" in words.plan()["use"].reasons[0]
    with contextlib.closing(words.open()) as store:
        spec = json.loads(store.head("use").provenance)["spec"]
        assert [secret["name"] for secret in spec["secrets"]] == ["login", "login"]


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (None, 0o600, "Expected secrets in"),
        ('{"login": {"password": "aaaa-aaaa"}}', 0o644, "readable by its owner alone"),
        ('{"login": {"password": "aaaa-aaaa"}}', 0o620, "readable by its owner alone"),
        ('{"logins": {"password": "aaaa-aaaa"}}', 0o600, "did you mean logins?"),
        ('{"login": {"pass": "aaaa-aaaa"}}', 0o600, "the key 'password'"),
        ('{"login": {"password": 12345678}}', 0o600, "quote it"),
        ('{"login": {"password": "aaa"}}', 0o600, "4 characters"),
        ('{"login": {"../x": "aaaa-aaaa"}}', 0o600, "can name a file"),
        ('{"login": "aaaa-aaaa"}', 0o600, "NAME: {KEY: VALUE}"),
        ("a: b: aaaa-aaaa", 0o600, "Expected YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_without_what_it_holds(words, using, text, mode, told):
    words.file.unlink()
    if text is not None:
        words.file.write_text(text)
        words.file.chmod(mode)
    run, job = using("true")
    assert run.code == int(UsageError.code)
    assert told in job.error
    assert "aaaa" not in job.error


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("mount_path: /var/login", "login.user and other.user at /var/login/user"),
        ("key: user, env_var: PASSWORD", "login.password and other.user at PASSWORD"),
        ("mount_path: /var/login/user", "login.user and other.user at /var/login/user"),
        ("mount_path: /var/other", None),
    ],
)
def test_two_secrets_in_one_place_are_refused(words, using, more, told):
    secrets = {"login": {"password": VALUE, "user": "somebody"}, "other": {"user": "another"}}
    words.file.write_text(json.dumps(secrets))
    job = using("true", f"    - {{name: other, {more}}}\n")[1]
    assert job.code == (int(UsageError.code) if told else 0)
    assert (told or "") in job.error


def test_the_file_is_in_the_home_where_nothing_else_is_said(words, using, monkeypatch):
    monkeypatch.delenv(FILE)
    (words.root / ".ibid").mkdir()
    words.file.rename(words.root / ".ibid/secrets.yaml")
    assert using("echo x > $PFS_ROOT/out/x")[0].code == 0


@pytest.mark.parametrize("link", ['"/nowhere/$PASSWORD"', "/nowhere"])
def test_a_link_that_leads_nowhere_shows_no_value(words, using, link):
    run, job = using(f'ln -s {link} "$PFS_ROOT/out/l"')
    assert run.code == 3
    assert VALUE not in job.error
    assert ("without the value" in job.error) == ("$" in link)
    files = [path for path in (words.root / ".ibid").rglob("*") if path.is_file()]
    assert [path for path in files if VALUE.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("effect", ["", "effect: true"])
@pytest.mark.parametrize("named", [True, False])
def test_a_stage_cannot_read_the_file(words, using, monkeypatch, effect, named):
    if not named:
        monkeypatch.delenv(FILE)
        (words.root / ".ibid").mkdir()
        words.file = words.file.rename(words.root / ".ibid/secrets.yaml")
    words.declare(
        USE.partition("  secrets:")[0].format(command=json.dumps(f"cat {words.file} > $OUT/x"))
        + f"  env: {{OUT: ../pfs/out}}\n  {effect}\n"
        + '  input: {pfs: {repo: texts, glob: "/*"}}\n'
    )
    words.put(a="1")
    run, _ = words.run()
    assert (run.code, words.read("use", "/x")) == (0, "")


@pytest.mark.parametrize("protected", [True, False])
def test_what_is_hidden_is_not_seen_but_for_what_a_stage_has_to_see(tmp_path, protected):
    own, other = tmp_path / "all/own", tmp_path / "all/other"
    for folder in (own, other):
        folder.mkdir(parents=True)
        (folder / "secret").write_text(VALUE)
    (tmp_path / "file").write_text(VALUE)
    sandbox = Sandbox(
        cwd=tmp_path,
        readable=(),
        writable=(own,),
        protected=(tmp_path,) if protected else (),
        hidden=(tmp_path / "all", tmp_path / "file", tmp_path / "none"),
    )
    script = f"grep -rl {VALUE} . > all/own/found; touch all/new all/other/new file; true"
    process = Process(sandbox, ["sh", "-c", script], {"PATH": "/usr/bin:/bin"})
    process.wait()
    process.close()
    if process.weaker:
        pytest.skip(f"this system refuses a part of the sandbox: {process.weaker}")
    assert (own / "found").read_text() == "./all/own/secret\n"
    assert sorted(each.name for each in tmp_path.rglob("new")) == []
