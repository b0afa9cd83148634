"""What a stage cannot do, what it leaves, and what is said where the kernel helps less."""

import json
import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ibid.engine import scratch
from ibid.store.home import Home
from ibid.store.objects import Objects
from ibid.store.trees import Trees
from tests.unit.engine.isolated import Person, processes

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
pytestmark = LINUX


REFUSALS = {}


def person(tmp_path, user):
    """Make a project for a user; skip where the kernel would not give the whole sandbox."""
    folder = Path(tempfile.mkdtemp(prefix="ibid-user-")) if user else tmp_path  # open to nobody
    try:
        made = Person(folder, ("root",) if user else ())
        if user:
            for path in (folder, made.words.texts):
                os.chown(path, 65534, 65534)
        if REFUSALS.setdefault(user, made.refusals() if user not in REFUSALS else ""):
            pytest.skip(f"this system refuses a part of the sandbox: {REFUSALS[user]}")
        yield made
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["this user", pytest.param("an ordinary user", marks=ROOT_ONLY)])
def anybody(request, tmp_path):
    yield from person(tmp_path, request.param != "this user")


@pytest.fixture
def somebody(tmp_path):
    yield from person(tmp_path, False)


@pytest.fixture
def ordinary(tmp_path):
    yield from person(tmp_path, os.geteuid() == 0)


def gone(mark):
    """Wait for processes to end; returns those that have not, after a while that is generous."""
    for _ in range(100):
        if not processes(mark):
            break
        time.sleep(0.1)
    return processes(mark)


def groups(home):
    """List the control groups that runs in a home have left."""
    found = Path("/sys/fs/cgroup").rglob(f"{scratch.group_prefix(Home(home))}*")
    return [folder for folder in found if folder.is_dir()]


# Where a stage tries to write, by name.
PLACES = {
    "out": "$PFS_ROOT/out/new",
    "home": "$HOME/new",
    "tmp": "$TMPDIR/new",
    "work": "new",
    "shm": "/dev/shm/new",
    "device": "/dev/null",
    "input": "$texts",
    "pfs": "$PFS_ROOT/new",
    "code": "${PYTHONPATH#*:}/new",
    "guard": "${PYTHONPATH%%:*}/new",
    "worker": "$PFS_ROOT/../new",
    "another": "$PFS_ROOT/../../new",
    "objects": "{home}/objects/new",
    "database": "{home}/ibid.db",
    "deployed": "{home}/deployed/new",
    "project": "{home}/../new",
    "tmp of all": f"/tmp/ibid-new-{os.getpid()}",
    "etc": "/etc/ibid-new",
    "kernel": "/proc/sys/kernel/hostname",
    "oom": "/proc/self/oom_score_adj",
}
OF_THE_MACHINE = {"guard", "etc", "kernel", "oom"}
ITS_OWN = ["out", "home", "tmp", "work", "shm", "device"]


def tries(home, places=frozenset(PLACES)):
    """Write a shell command that lists the places it can write to, with an empty file in each."""
    lines = [
        f'(: >> "{place}") 2>/dev/null && echo "{name}" >> "$PFS_ROOT/out/can"'
        for name, place in PLACES.items()
        if name in places
    ]
    return "; ".join([*lines, "true"]).replace("{home}", str(home))


def test_a_stage_can_write_to_its_own_folders_and_to_nothing_else(anybody):
    anybody.give(tries(anybody.home))
    jobs, told = anybody.run()
    assert jobs["try"]["code"] == 0, told
    assert anybody.outputs["try"]["can"].splitlines() == ITS_OWN
    assert told == []


def test_a_worker_in_a_batch_cannot_write_elsewhere_either(words):
    where = '[text, output.parent / "new"]'
    words.edit(
        "words/count/__main__.py",
        '        print("counting", text.name)',
        f"        for path in {where}:\n"
        "            try:\n"
        '                path.open("a").close()\n'
        "            except OSError as error:\n"
        "                print(error.strerror)",
    )
    words.put(one="a", two="b", three="c")
    assert words.run()[0].code == 0
    logs = "".join(log.read_text() for log in words.root.glob(".ibid/logs/count@*/*.log"))
    assert logs.count("Read-only file system") == 6


def test_an_effect_may_change_the_world_but_not_the_store(anybody):
    places = PLACES.keys() - OF_THE_MACHINE  # root could write there
    anybody.give(tries(anybody.home, places), ["effect: true"])
    jobs, told = anybody.run()
    assert jobs["try"]["code"] == 0, told
    can = set(anybody.outputs["try"]["can"].splitlines())
    assert can >= {"out", "home", "tmp", "work", "deployed", "project", "tmp of all"}
    assert not can & {"objects", "database", "input", "code", "worker", "another"}
    Path(PLACES["tmp of all"]).unlink()


@ROOT_ONLY
def test_root_can_neither_reach_a_disk_nor_undo_the_sandbox(somebody):
    somebody.give(
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "out = os.environ['PFS_ROOT']\n"
        "calls = {'remount': libc.mount(b'none', b'/', None, 32 | 4096, None),\n"
        "    'unmount': libc.umount2(out.encode(), 2), 'setns': libc.setns(0, 0)}\n"
        "try:\n"
        "    os.mknod(out + '/out/disk', 0o60600, os.makedev(254, 0))\n"
        "except PermissionError:\n"
        "    calls['mknod'] = -1\n"
        "disks = [n for n in os.listdir('/dev') if os.path.exists('/sys/block/' + n)]\n"
        "open(out + '/out/calls', 'w').write(f'{calls} {disks}')\n"
    )
    jobs, told = somebody.run()
    assert jobs["try"]["code"] == 0, told
    expected = {"remount": -1, "unmount": -1, "setns": -1, "mknod": -1}
    assert somebody.outputs["try"]["calls"] == f"{expected} []"


ESCAPES = """
import ctypes, os, platform, subprocess, threading
libc = ctypes.CDLL(None, use_errno=True)
CLONE, CLONE3 = {"x86_64": (56, 435), "aarch64": (220, 435)}[platform.machine()]
USERS, MOUNTS, GROUPS, CHILD = 0x10000000, 0x20000, 0x02000000, 17
arguments = (ctypes.c_uint64 * 8)(USERS, 0, 0, 0, CHILD)
calls = {
    "users": lambda: libc.unshare(USERS),
    "groups": lambda: libc.unshare(USERS | MOUNTS | GROUPS),
    "clone": lambda: libc.syscall(CLONE, USERS | CHILD, None, None, None, None),
    "clone3": lambda: libc.syscall(CLONE3, ctypes.byref(arguments), 64),
    "setns": lambda: libc.setns(os.open("/proc/self/ns/user", os.O_RDONLY), 0),
}
told = []
for name, call in calls.items():
    found = call()
    if found == 0 and name.startswith("clone"):
        os._exit(0)
    told.append(f"{name} {os.strerror(ctypes.get_errno()) if found < 0 else 'done'}")
threads = []
one = threading.Thread(target=threads.append, args=[1])
one.start()
one.join()
told.append(f"{len(threads)} thread, {subprocess.run(['echo', 'a child'], stdout=-1).stdout}")
open(os.environ["PFS_ROOT"] + "/out/told", "w").write("\\n".join(told))
"""


def test_a_stage_gets_no_namespace_in_which_root_could_lift_its_limits(anybody):
    anybody.give(ESCAPES)
    jobs, told = anybody.run()
    assert jobs["try"]["code"] == 0, told
    refused = "Operation not permitted"
    assert anybody.outputs["try"]["told"].splitlines() == [
        f"users {refused}",
        f"groups {refused}",
        f"clone {refused}",
        "clone3 Function not implemented",
        f"setns {refused}",
        "1 thread, b'a child\\n'",
    ]


CONNECT = """\
import os, socket
def reached(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True
own = socket.create_server(("127.0.0.1", 0))
told = [reached({port}), reached(own.getsockname()[1])]
open(os.environ["PFS_ROOT"] + "/out/told", "w").write(str(told))
"""


@pytest.mark.parametrize(
    ("line", "open_to_all"), [("", False), ("network: true", True), ("effect: true", True)]
)
def test_the_network_is_off_unless_the_spec_has_it_on(anybody, line, open_to_all):
    with socket.create_server(("127.0.0.1", 0)) as server:
        anybody.give(CONNECT.format(port=server.getsockname()[1]), [line])
        jobs, told = anybody.run()
    assert jobs["try"]["code"] == 0, told
    assert anybody.outputs["try"]["told"] == f"[{open_to_all}, True]"


# Two children that hold 60 MB each, for as long as the test lets them.
HOARD = """\
import subprocess, sys, time
hold = "import time; kept = b'x' * 60_000_000; time.sleep(60)"
running = [subprocess.Popen([sys.executable, "-c", hold]) for _ in range(2)]
for child in running:
    child.wait()
time.sleep(60)
"""


def test_memory_is_limited_for_all_processes_of_a_stage_together(anybody):
    anybody.give(HOARD, ["limits: {memory: 100M}"])
    jobs, told = anybody.run()
    assert jobs["try"]["state"] == "failure"
    how = "measured" if any("Weaker here (memory" in line for line in told) else "the kernel ended"
    assert f"allows, 100.0 MB: {how}" in jobs["try"]["error"]
    assert "took more memory than resource_limits.memory allows, 100.0 MB" in jobs["try"]["error"]
    assert "limits: {memory: ...}" in jobs["try"]["error"]
    assert jobs["other"]["state"] == "success"
    assert groups(anybody.home) == []


def test_a_worker_within_its_limits_is_left_alone(anybody):
    anybody.give(
        'head -c 9000000 /dev/zero > "$PFS_ROOT/out/x"', ["limits: {memory: 1G, disk: 10M}"]
    )
    jobs, told = anybody.run()
    assert jobs["try"]["state"] == "success", told


@pytest.mark.parametrize("ending", ["time.sleep(60)", "sys.exit(0)"])
def test_a_stage_that_fills_its_output_is_ended(anybody, ending):
    anybody.give(
        "import os, sys, time\n"
        "for n in range(20):\n"
        '    open(os.environ["PFS_ROOT"] + f"/out/{n}", "wb").write(bytes(1_000_000))\n' + ending,
        ["limits: {disk: 5M}"],
    )
    jobs, _ = anybody.run()
    assert "took more disk than resource_limits.disk allows, 5.0 MB" in jobs["try"]["error"]


def test_a_job_ends_with_its_time_and_keeps_what_was_done(somebody):
    command = 'case "$texts" in */slow) sleep 60;; esac; cp "$texts" "$PFS_ROOT/out/"'
    somebody.give(command, ["job_timeout: 2s"], a="a", slow="b", z="c")
    jobs, _ = somebody.run()
    assert "job_timeout, 2 s" in jobs["try"]["error"]
    assert "1 of 3 datums done" in jobs["try"]["error"]
    assert "raise job_timeout of try" in jobs["try"]["error"]
    somebody.give(command.replace("60", "0"), ["job_timeout: 60s"], a="a", slow="b", z="c")
    jobs, _ = somebody.run()
    assert jobs["try"]["state"] == "success"


DAEMON = "(setsid sh -c 'exec sleep {mark}' &) ; sleep {mark} & "


@pytest.mark.parametrize("missing", [(), ("processes",), ("namespaces",)])
def test_what_a_stage_leaves_running_ends_with_it(anybody, missing):
    mark = f"600.{os.getpid()}{time.monotonic_ns()}"
    anybody.give(DAEMON.format(mark=mark) + "pidof sleep; cp $texts $PFS_ROOT/out/")
    jobs, told = anybody.run(missing)
    assert jobs["try"]["state"] == "success", told
    assert processes(mark) == []
    assert any("Weaker here (processes" in line for line in told) == bool(missing)


@pytest.mark.parametrize("missing", [(), ("processes",)])
def test_a_stage_and_its_children_end_with_an_engine_that_is_killed(anybody, missing):
    mark = f"600.{os.getpid()}{time.monotonic_ns()}"
    anybody.give(DAEMON.format(mark=mark) + "echo begun; wait", ["limits: {memory: 500M}"])
    ibid = [sys.executable, "-m", "ibid.cli"]
    put = anybody.start(*ibid, "put", "texts", "texts", "--no-run")
    assert put.wait() == 0
    running = anybody.start(*ibid, "run", missing=missing)
    while len(processes(mark)) < 2:
        assert running.poll() is None
        time.sleep(0.05)
    running.kill()
    running.wait()
    assert gone(mark) == []
    anybody.give("true")
    anybody.run()
    assert groups(anybody.home) == []


def test_what_a_batch_leaves_running_ends_with_its_worker(words):
    mark = f"600.{os.getpid()}{time.monotonic_ns()}"
    words.edit(
        "words/count/__main__.py",
        'print("counting", text.name)',
        f'__import__("subprocess").Popen(["sleep", "{mark}"], start_new_session=True)',
    )
    words.put(one="a", two="b")
    assert words.run()[0].code == 0
    assert processes(mark) == []


def test_a_child_that_holds_the_socket_of_a_dead_stage_holds_up_nothing(words):
    words.edit("pipelines/words/pipeline.yaml", "batch: true", "batch: true\n    timeout: 500s")
    words.compile()
    words.edit(
        "words/count/__main__.py",
        'print("counting", text.name)',
        'os = __import__("os"); os.fork() and os._exit(9); __import__("time").sleep(500)',
    )
    words.put(one="a")
    run, _ = words.run()
    assert "exit code 9" in run.done["count"].error


ANSWERS = {
    "a list": ("[1]", "no answer of a stage that batches: '[1]'"),
    "a code that none is": ('{"exit": 1' + "0" * 30 + "}", "no answer"),
    "a code below 0": ('{"exit": -1, "error": ""}', "no answer"),
    "an error that is no text": ('{"exit": 9, "error": 1}', "no answer"),
    "what is not UTF-8": ("\xff", "no answer"),
    "no error": ('{"exit": 9}', ""),
    "half a sign": ('{"exit": 9, "error": "\\\\ud800"}', "\\ud800"),
    "no end": ("x' * 3000000 + '", "no answer of a stage that batches: 'xxx"),
}


@pytest.mark.parametrize("said", ANSWERS)
def test_whatever_a_batch_answers_fails_its_datum_alone(words, said):
    answer, message = ANSWERS[said]
    end = "" if said == "no end" else "\\n"
    send = f"o.sendall(('{answer}' + '{end}').encode('latin-1'))"
    garbage = f'text.name == "bad" and [{send} for o in __import__("gc").get_objects()'
    words.edit(
        "words/count/__main__.py",
        'print("counting", text.name)',
        f'{garbage} if type(o).__name__ == "socket"] and __import__("time").sleep(500)',
    )
    words.put(bad="a", good="b")
    run, _ = words.run()
    assert run.done["count"].error.startswith("1 of 2 datums failed; the first, /bad")
    assert message in run.done["count"].error


def test_a_stage_that_opens_its_output_anew_cuts_nothing_off(somebody):
    somebody.give("echo first; echo second > /dev/stdout; echo third >&2")
    jobs, told = somebody.run()
    assert jobs["try"]["state"] == "success", told
    (log,) = somebody.home.glob("logs/try@*/*.log")
    assert log.read_text() == "first\nsecond\nthird\n"


def test_a_name_with_a_line_break_is_kept_and_shown_on_one_line(anybody):
    anybody.give("import os\nopen(os.environ['PFS_ROOT'] + '/out/a\\nb\\x1b[31m', 'w').close()\n")
    jobs, told = anybody.run()
    assert jobs["try"]["state"] == "success", told
    assert "a\\nb\\x1b[31m\n" in anybody.ibid("ls", "try")
    assert json.loads(anybody.ibid("ls", "try", "--json"))[0]["name"] == "a\nb\x1b[31m"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ("open(b'bad\\xff', 'w')", "Expected file names in UTF-8"),
        ("os.mkfifo('fifo')", "Expected files and folders"),
        ("socket.socket(socket.AF_UNIX).bind('socket')", "Expected files and folders"),
        ("os.symlink('/etc/passwd', 'link')", "Expected links to stay in"),
        ("os.mkdir('shut', 0)", None),
    ],
)
def test_an_output_that_cannot_be_kept_fails_its_datum_alone(anybody, make, message):
    odd = f"if os.environ['texts'].endswith('odd'):\n    {make}\n"
    anybody.give(
        "import os, socket\nos.chdir(os.environ['PFS_ROOT'] + '/out')\n" + odd, fine="a", odd="b"
    )
    jobs, told = anybody.run()
    if message is None and jobs["try"]["state"] == "success":
        assert os.geteuid() == 0  # it may look into any folder, and this one is empty
        return
    assert jobs["try"]["state"] == "failure", told
    assert (message or "Expected the system to allow") in jobs["try"]["error"]
    assert "1 of 2 datums failed; the first, /odd" in jobs["try"]["error"]
    assert jobs["other"]["state"] == "success"


def test_a_module_with_an_underscore_is_no_way_around_the_environment(words):
    words.edit("words/count/__main__.py", 'print("counting", text.name)', "import _pytest")
    words.put(one="a")
    assert words.run()[0].code == 1
    assert "No module named '_pytest'" in words.ibid("logs", "count").stdout


WHAT_IS_SAID = {
    "namespaces": ["files", "ipc", "network", "processes"],
    "processes": ["processes"],
    "network": ["network"],
    "filters": ["namespaces"],
}


@pytest.mark.parametrize("missing", WHAT_IS_SAID)
def test_what_the_kernel_refuses_is_said_once_and_changes_no_result(anybody, missing, tmp_path):
    anybody.give('cp "$texts" "$PFS_ROOT/out/"', one="a", two="b")
    jobs, told = anybody.run((missing,))
    expected = Trees(Objects(tmp_path / "apart")).add(anybody.words.texts).digest
    assert jobs["try"]["digest"] == jobs["other"]["digest"] == expected
    said = sorted(line.partition("(")[2].partition(":")[0] for line in told)
    assert said == anybody.provenance["try"]["weaker"] == WHAT_IS_SAID[missing]


def test_who_may_have_a_user_but_no_mount_namespace_stays_who_he_is(anybody):
    anybody.give('id -u > "$PFS_ROOT/out/id"')
    jobs, told = anybody.run(("mounts",))
    assert jobs["try"]["state"] == "success", told
    assert "Weaker here (files" in "".join(told)
    assert int(anybody.outputs["try"]["id"]) == anybody.words.texts.stat().st_uid


def test_a_service_has_the_network_and_writes_to_its_own_folders_only(somebody):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = CONNECT.format(port=port).replace('os.environ["PFS_ROOT"] + "/out/told"', '"told"')
        place = somebody.home.parent / "new"
        end = (
            f"try:\n    open({str(place)!r}, 'w')\nexcept OSError:\n    raise SystemExit(told[0])\n"
        )
        somebody.give("print('served')\n")
        somebody.run()
        lines = ["service: {internal_port: 6006, external_port: 30888}"]
        somebody.give(code + end, lines)
        running = somebody.start(sys.executable, "-m", "ibid.cli", "service", "try")
        assert running.wait() == 1
    assert not place.exists()


def test_an_older_kernel_confines_as_well(anybody):
    anybody.give(tries(anybody.home))
    jobs, told = anybody.run(("setattr",))
    assert jobs["try"]["code"] == 0, told
    assert anybody.outputs["try"]["can"].splitlines() == ITS_OWN


@ROOT_ONLY
def test_a_proc_that_cannot_be_mounted_is_said_and_the_rest_holds(ordinary):
    ordinary.give(tries(ordinary.home))
    jobs, told = ordinary.run(("proc",))
    assert jobs["try"]["code"] == 0, told
    assert [line.partition(":")[0] for line in told] == ["Weaker here (proc"]
    assert ordinary.outputs["try"]["can"].splitlines() == ITS_OWN


@ROOT_ONLY
def test_a_disk_that_is_full_when_an_output_is_stored_costs_that_job_alone(somebody):
    somebody.give('head -c 7000000 /dev/urandom > "$PFS_ROOT/out/x"')
    jobs, _ = somebody.run(("disk",))
    assert jobs["try"]["code"] == 75
    assert "Expected room on the disk" in jobs["try"]["error"]
    assert "No space left on device" in jobs["try"]["error"]
    assert jobs["other"]["state"] == "success"
