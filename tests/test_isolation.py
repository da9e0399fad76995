"""What a worker can reach, tried by small hostile programs that run inside the real sandbox, and the layers' own probes.

Each guarantee is tried at every way of isolation that belongs to it: "process" (that layer alone), "bare" (all layers without namespaces:
Landlock and seccomp) and "highest" (all that this machine has). When the tests run as root, they run once more as an ordinary user and
as root without CAP_SYS_ADMIN, as in most containers.
"""

import contextlib
import ctypes
import json
import os
import re
import secrets
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from autograder.classroom.engine import GraderPlugin
from autograder.errors import UserError
from autograder.limits import Limits
from autograder.places import REPOSITORY
from autograder.sandbox import forkserver, layers, wire, zygote
from autograder.sandbox.channel import Channel
from autograder.sandbox.failures import Died, Raised, StudentFailure, TimedOut
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.layers import files, kernel, network
from autograder.sandbox.remote_worker import Worker
from tests.bulk import bulk
from tests.processes import still_alive

ROOT = os.geteuid() == 0
ELSEWHERE = "AUTOGRADER_TEST_ELSEWHERE"  # set where these tests run as somebody else
SECRET = "the secret of the test, 32 characters"
LIMITS = Limits(seconds_per_call=20.0, seconds_training=10.0, memory_megabytes=512, output_kilobytes=64)

linux = pytest.mark.skipif(sys.platform != "linux", reason="these layers are Linux's")
pytestmark = [pytest.mark.slow]


# The sandboxes, and a way to run an attack in one


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the grader with a secret in it that everybody could read, if they could get there."""
    folder = tmp_path_factory.mktemp("grader")
    (folder / "secret").write_text(SECRET)
    return folder


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    """Opened when they are first asked for."""
    opened: dict[str, Sandbox] = {}
    before = os.environ.get("AUTOGRADER_SECRET")
    os.environ["AUTOGRADER_SECRET"] = SECRET
    try:
        yield opened
    finally:
        os.environ.pop("AUTOGRADER_SECRET")
        if before is not None:
            os.environ["AUTOGRADER_SECRET"] = before
        for sandbox in opened.values():
            sandbox.__exit__(None, None, None)


WAYS: dict[str, dict[str, Any]] = {
    "process": {"use": ["process"]},
    "bare": {"namespaces": False},
    "highest": {},
}


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, sandboxes: dict[str, Sandbox]) -> Sandbox:
    way, layer = request.param
    if way not in sandboxes:
        sandboxes[way] = Sandbox(**WAYS[way]).__enter__()
    if layer not in sandboxes[way].layers:
        pytest.skip(f"{layer} is not reached here: {sandboxes[way].problems.get(layer)}")
    return sandboxes[way]


def guarantee(layer: str) -> pytest.MarkDecorator:
    """The test holds in every way of isolation that reaches `layer`. The others have the layer "process", too: by itself it is in `make proof`."""
    ways = WAYS if layer == "process" else ("bare", "highest")
    alone = {"process": pytest.mark.proof}
    return pytest.mark.parametrize("sandbox", [pytest.param((way, layer), id=way, marks=alone.get(way, ())) for way in ways], indirect=True)


class Run:
    """What came of an attack: its answer, or the failure in its place; what it printed; what it left behind."""

    def __init__(self, sandbox: Sandbox, source: str, *args: Any, seconds: float = 20.0):
        lane = open_lane(sandbox)
        before = processes()
        self.answer: Any = None
        self.failure: StudentFailure | None = None
        with lane.start({"attack.py": textwrap.dedent(source).encode()}, LIMITS) as worker:
            try:
                module = worker.request("import", {"module": "attack"}, keep=True, seconds=seconds)
                fields = {"target": module, "path": "attack", "args": list(args), "kwargs": {}}
                self.answer = worker.request("call", fields, seconds=seconds)
            except StudentFailure as error:
                self.failure = error
            self.printed = worker.printed_text()
            worker.close()
            self.left = processes() - before


def open_lane(sandbox: Sandbox) -> Lane:
    """One lane for all attacks in a sandbox."""
    if not hasattr(sandbox, "lane_of_the_tests"):
        sandbox.lane_of_the_tests = sandbox.lane()  # type: ignore[attr-defined]
    return sandbox.lane_of_the_tests  # type: ignore[attr-defined]


def processes() -> set[int]:
    """All processes below this one."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def refused(sandbox: Sandbox, source: str, *args: Any) -> str:
    """Run an attack that must end in an OSError; the name of the error."""
    run = Run(sandbox, source, *args)
    assert isinstance(run.failure, Raised), run.answer
    assert run.failure.type_name in (
        "PermissionError", "FileNotFoundError", "NotADirectoryError", "OSError", "ProcessLookupError", "gaierror"
    ), str(run.failure)  # fmt: skip
    return run.failure.type_name


# Process: nothing inherited


@guarantee("process")
def test_environment_and_arguments_hold_nothing_of_the_grader(sandbox: Sandbox) -> None:
    """No secret, and no path of the repository unless Python itself lies there."""
    run = Run(
        sandbox,
        """
        import os, sys
        def attack():
            texts = [repr(dict(os.environ)), repr(sys.argv), repr(sys.orig_argv)]
            for name in ("environ", "cmdline"):
                try:
                    texts.append(open("/proc/self/" + name).read())
                except OSError:
                    pass
            return "".join(texts)
        """,
    )
    assert run.failure is None
    assert SECRET not in run.answer
    if not sys.prefix.startswith(str(REPOSITORY)):
        assert str(REPOSITORY) not in run.answer


@guarantee("process")
def test_only_the_channel_is_inherited(sandbox: Sandbox) -> None:
    run = Run(
        sandbox,
        """
        import os, stat
        def attack():
            found = []
            for number in range(4096):
                try:
                    found.append((number, stat.S_IFMT(os.fstat(number).st_mode)))
                except OSError:
                    pass
            return [list(item) for item in found] + [os.read(0, 1) == b""]
        """,
    )
    *found, nothing_to_read = run.answer
    assert nothing_to_read
    assert [number for number, _ in found[:3]] == [0, 1, 2]
    assert len(found) == 4, found


@guarantee("process")
def test_a_flood_of_output_is_dropped(sandbox: Sandbox) -> None:
    run = Run(sandbox, "import os\ndef attack():\n    for _ in range(200): os.write(1, b'x' * 100_000)\n    return 1")
    assert run.answer == 1
    assert len(run.printed) < 70_000
    assert "dropped" in run.printed


# Process: nothing survives

DAEMON = """
import os, signal, time
def attack(stop):
    if os.fork() == 0:
        try:
            os.setsid()
        except OSError:
            pass
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            if stop:
                signal.raise_signal(signal.SIGSTOP)
            while True:
                time.sleep(0.1)
        os._exit(0)
    os.wait()
    return 1
"""


@guarantee("process")
@pytest.mark.parametrize("stop", [False, True], ids=["ignores signals", "stopped"])
def test_daemons_die_with_the_worker(sandbox: Sandbox, stop: bool) -> None:
    """Twice forked, in a session of its own where it may have one, deaf to signals: dead when close() returns."""
    run = Run(sandbox, DAEMON, stop)
    assert run.answer == 1
    assert run.left == set()


BOMBS = {"doubling": "os.fork()", "moving": "os.fork() and os._exit(0)"}


@guarantee("process")
@pytest.mark.parametrize("bomb", bulk(BOMBS, kept=["doubling"]))
def test_a_fork_bomb_is_bounded_and_killed(sandbox: Sandbox, bomb: str) -> None:
    """Both in `make proof`: they keep every processor busy."""
    run = Run(
        sandbox,
        f"""
        import os
        def attack():
            while True:
                try:
                    {BOMBS[bomb]}
                except OSError:
                    pass
        """,
        seconds=1.5,
    )
    assert isinstance(run.failure, (TimedOut, Died))
    assert run.left == set()


@guarantee("process")
def test_the_number_of_processes_is_limited(sandbox: Sandbox) -> None:
    run = Run(
        sandbox,
        """
        import os, time
        def attack():
            for count in range(2000):
                try:
                    if os.fork() == 0:
                        time.sleep(60)
                        os._exit(0)
                except OSError:
                    return count
            return 2000
        """,
    )
    assert isinstance(run.failure, Died) or run.answer <= 256
    assert run.left == set()


@guarantee("process")
def test_a_worker_that_stops_itself_is_ended_in_time(sandbox: Sandbox) -> None:
    run = Run(
        sandbox, "import os, signal\ndef attack():\n    os.kill(os.getpid(), signal.SIGSTOP)\n    return 1", seconds=1
    )
    assert isinstance(run.failure, TimedOut)
    assert run.left == set()


@pytest.mark.parametrize("way", ["bare", "highest"])
def test_everything_dies_when_the_grader_is_killed(way: str, tmp_path: Path) -> None:
    """SIGKILL for the grader: zygote, lane, worker and its daemon are gone, and their folder."""
    script = tmp_path / "grader.py"
    script.write_text(f"""
import sys, time, tempfile
tempfile.tempdir = {str(tmp_path)!r}
from autograder.limits import Limits
from autograder.sandbox.launcher import Sandbox
sandbox = Sandbox(**{WAYS[way]!r}).__enter__()
worker = sandbox.lane().start({{"attack.py": {DAEMON!r}.encode()}}, Limits())
module = worker.request("import", {{"module": "attack"}}, keep=True)
worker.request("call", {{"target": module, "path": "attack", "args": [False], "kwargs": {{}}}})
print("ready", flush=True)
time.sleep(600)
""")
    tmp_path.chmod(0o755)
    grader = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    assert grader.stdout is not None
    assert grader.stdout.readline() == b"ready\n"
    below = psutil.Process(grader.pid).children(recursive=True)
    assert len(below) >= 4
    grader.kill()
    grader.wait()
    alive = still_alive(below, timeout=10)
    grader.stdout.close()
    assert alive == []
    assert not list(tmp_path.glob("autograder-*"))


# Process: limits


@guarantee("process")
@pytest.mark.parametrize(
    "body",
    [
        "[bytearray(50_000_000) for _ in range(200)]",
        "__import__('torch').ones(2_000_000_000)",
        "[memoryview(__import__('mmap').mmap(-1, 50_000_000)).cast('B') for _ in range(200)]",
    ],
    ids=["bytes", "tensor", "shared"],
)
def test_a_memory_bomb_is_refused(sandbox: Sandbox, body: str) -> None:
    run = Run(sandbox, f"def attack():\n    kept = {body}\n    return len(kept)")
    assert run.failure is not None, run.answer
    assert "memory" in str(run.failure) or isinstance(run.failure, (Died, Raised))


@guarantee("process")
def test_memory_of_the_whole_tree_is_limited(sandbox: Sandbox) -> None:
    """Each process is within the kernel's limit, all together are not."""
    run = Run(
        sandbox,
        """
        import os, time
        def attack():
            for _ in range(10):
                if os.fork() == 0:
                    kept = bytearray(os.urandom(1) * 200_000_000)
                    time.sleep(60)
                time.sleep(0.3)
            time.sleep(60)
        """,
    )
    assert isinstance(run.failure, Died)
    assert "memory" in str(run.failure)
    assert run.left == set()


@linux
@guarantee("process")
def test_memory_of_programs_that_are_executed_counts_from_the_first_byte(sandbox: Sandbox) -> None:
    """Each of them stays below what a fork of the zygote has from the beginning."""
    run = Run(
        sandbox,
        """
        import subprocess, sys, time
        CODE = "import time; kept = bytearray(b'x' * (60 << 20)); print('ready', flush=True); time.sleep(60)"
        def attack():
            started = [subprocess.Popen([sys.executable, "-I", "-S", "-c", CODE], stdout=subprocess.PIPE) for _ in range(12)]
            for process in started:
                process.stdout.readline()
            time.sleep(60)
        """,
        seconds=40.0,
    )
    assert isinstance(run.failure, Died), run.failure
    assert "memory" in str(run.failure)
    assert run.left == set()


@linux
@guarantee("process")
def test_forks_that_hold_nothing_of_their_own_count_for_little(sandbox: Sandbox) -> None:
    """Seven forks of a process that has imported torch, which holds hundreds of megabytes itself."""
    run = Run(
        sandbox,
        """
        import os, time
        def attack():
            children = []
            for _ in range(7):
                children.append(os.fork())
                if not children[-1]:
                    time.sleep(60)
            time.sleep(0.5)
            return len(children)
        """,
    )
    assert run.answer == 7


@guarantee("process")
def test_threads_and_descriptors_are_limited(sandbox: Sandbox) -> None:
    run = Run(
        sandbox,
        """
        import os
        def attack():
            kept = []
            try:
                while len(kept) < 5000:
                    kept.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                pass
            return len(kept)
        """,
    )
    assert 0 < run.answer < 300


@guarantee("process")
def test_a_large_file_is_refused(sandbox: Sandbox) -> None:
    run = Run(
        sandbox,
        """
        def attack():
            with open("large", "wb") as file:
                for _ in range(100):
                    file.write(bytes(2_000_000))
        """,
    )
    assert isinstance(run.failure, (Raised, Died))
    assert run.left == set()


@guarantee("files")
@pytest.mark.parametrize("size", [1_000_000, 0], ids=["many megabytes", "very many"])
def test_the_scratch_folder_has_a_limit(sandbox: Sandbox, size: int) -> None:
    run = Run(
        sandbox,
        """
        import os, time
        def attack(size):
            for number in range(20_000):
                with open(f"file-{number}", "wb") as file:
                    file.write(bytes(size))
                if number > 4000 or number * size > 60_000_000:
                    time.sleep(0.01)
            return number
        """,
        size,
    )
    assert isinstance(run.failure, (Raised, Died)), run.answer


# User


@linux
@guarantee("user")
def test_a_worker_is_nobody(sandbox: Sandbox) -> None:
    """A user and a group of its own, no other groups, no capabilities, and no way back."""
    run = Run(
        sandbox,
        """
        import os
        def attack():
            for function in (os.setuid, os.setgid, os.seteuid):
                try:
                    function(0)
                    return "root again"
                except OSError:
                    pass
            status = dict(line.split(":", 1) for line in open("/proc/self/status"))
            caps = [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
            return [list(os.getresuid()), list(os.getresgid()), os.getgroups(), caps, int(status["NoNewPrivs"])]
        """,
    )
    users, groups, others, capabilities, no_new_privileges = run.answer
    assert len({*users, *groups}) == 1
    assert users[0] not in (0, os.geteuid())
    assert others == []
    assert not any(capabilities)
    assert no_new_privileges == 1


@linux
@guarantee("user")
def test_two_workers_are_two_users(sandbox: Sandbox) -> None:
    source = "import os\ndef attack(): return os.getuid()"
    assert Run(sandbox, source).answer != Run(sandbox, source).answer


# User and network: other processes

REACH = """
import os
def attack(what, target):
    if target == "parent":
        target = os.getppid()
    if what == "kill":
        for number in (0, 15, 9, 19):
            try:
                os.kill(target, number)
            except OSError:
                continue
            if target != 1:  # the init of a process namespace is deaf to signals from inside
                return "reached"
        raise PermissionError
    with open(f"/proc/{target}/{what}", "rb") as file:
        return file.read(64) and "reached"
"""


@linux
@guarantee("network")
@pytest.mark.parametrize("target", ["parent", "grader"])
@pytest.mark.parametrize("what", ["kill", "environ", "mem", "maps", "fd/0"])
def test_the_grader_and_the_lane_are_out_of_reach(sandbox: Sandbox, what: str, target: str) -> None:
    """No signal, no memory, no environment, no open file."""
    refused(sandbox, REACH, what, os.getpid() if target == "grader" else target)
    assert Run(sandbox, "def attack(): return 1").answer == 1


# Files

READ = """
def attack(path):
    with open(path, "rb") as file:
        return len(file.read(100))
"""


@linux
@guarantee("files")
@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/hostname",
        str(REPOSITORY / "pyproject.toml"),
        str(REPOSITORY / "autograder" / "manifest.py"),
        str(REPOSITORY / "autograder" / "assignments" / "swiss_roll" / "assignment.toml"),
        str(REPOSITORY / ".git" / "HEAD"),
        "{home}/secret",
    ],
)
def test_files_of_the_grader_and_of_the_system_are_out_of_reach(sandbox: Sandbox, path: str, home: Path) -> None:
    refused(sandbox, READ, path.format(home=home))


@linux
@guarantee("files")
def test_links_lead_nowhere(sandbox: Sandbox, home: Path) -> None:
    """A symbolic link to a secret does not open, and a hard link is not made."""
    refused(
        sandbox, "import os\ndef attack(p):\n    os.symlink(p, 'link')\n    open('link').read()", str(home / "secret")
    )
    refused(sandbox, "import os\ndef attack(p):\n    os.link(p, 'link')\n    open('link').read()", str(home / "secret"))


@linux
@guarantee("files")
@pytest.mark.parametrize("folder", ["/", "/var/tmp", "/usr", "{home}", "{library}", "{packages}"])
def test_nothing_is_written_outside_the_scratch_folder(sandbox: Sandbox, folder: str, home: Path) -> None:
    import torch

    library, packages = os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(torch.__file__))
    folder = folder.format(home=home, library=library, packages=packages)
    run = Run(
        sandbox, "import os\ndef attack(f):\n    open(f + '/new', 'w').close()\n    return os.path.realpath(f)", folder
    )
    assert run.answer in (None, "/submission/files"), run.answer
    assert not os.path.exists(folder + "/new")


@linux
@guarantee("network")
@pytest.mark.parametrize(
    "call", ["chmod(path, 0o777)", "utime(path, (0, 0))", "chown(path, -1, os.getgid())", "unlink(path)"]
)
def test_nothing_about_a_file_of_the_grader_is_changed(sandbox: Sandbox, call: str, home: Path) -> None:
    """Neither rights, nor times, nor owner; Landlock alone would let them through."""
    before = (home / "secret").stat()
    refused(sandbox, f"import os\ndef attack(path): os.{call}", str(home / "secret"))
    after = (home / "secret").stat()
    assert (after.st_mode, after.st_mtime, after.st_uid) == (before.st_mode, before.st_mtime, before.st_uid)


@guarantee("process")
def test_student_code_keeps_what_it_needs(sandbox: Sandbox) -> None:
    """Late imports, two threads of torch, a subprocess, temporary files, relative paths."""
    run = Run(
        sandbox,
        """
        import os, subprocess, tempfile, threading
        def attack():
            import sklearn.cluster, torch.nn.functional, torch.utils.data, scipy.stats
            torch.set_num_threads(2)
            x = torch.ones(300, 300) @ torch.ones(300, 300)
            worker = threading.Thread(target=os.getpid)
            worker.start()
            worker.join()
            with tempfile.TemporaryFile() as file:
                file.write(b"x")
            with open("notes.txt", "w") as file:
                file.write("x")
            loader = torch.utils.data.DataLoader(torch.arange(4), batch_size=2)
            text = subprocess.run(["/bin/echo", "hello"], capture_output=True, text=True).stdout
            return [float(x[0, 0]), text, open("attack.py").read(6), len(list(loader))]
        """,
        seconds=60,
    )
    assert run.failure is None, str(run.failure)
    assert run.answer == [300.0, "hello\n", "\nimpor", 2]


# Network


@linux
@guarantee("network")
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"])
def test_no_socket_can_be_made(sandbox: Sandbox, family: str) -> None:
    source = "import socket\ndef attack(f):\n    socket.socket(getattr(socket, f), socket.SOCK_DGRAM)\n    return 1"
    assert refused(sandbox, source, family) == "PermissionError"


@linux
@guarantee("network")
def test_no_name_is_looked_up(sandbox: Sandbox) -> None:
    refused(sandbox, "import socket\ndef attack(): return str(socket.getaddrinfo('example.org', 80))")


@linux
@guarantee("network")
def test_every_refused_call_fails(sandbox: Sandbox) -> None:
    """By its number, past every library; with arguments that do nothing where it is not refused."""
    column = 0 if kernel.MACHINE == "x86_64" else 1
    named = {name: numbers[column] for name, numbers in network.REFUSED.items() if numbers[column] is not None}
    source = """
    import ctypes
    def attack(named):
        libc = ctypes.CDLL(None, use_errno=True)
        return {name: [libc.syscall(number, -1, -1, -1, -1, -1, -1), ctypes.get_errno()] for name, number in named.items()}
    """
    assert Run(sandbox, source, named).answer == {name: [-1, 1] for name in named}


@linux
@guarantee("network")
@pytest.mark.parametrize(
    "body",
    [
        "__import__('mmap').mmap(-1, 1 << 20)",
        "__import__('mmap').mmap(os.open('/dev/zero', os.O_RDONLY), 1 << 20, prot=__import__('mmap').PROT_READ)",
        "os.setsid()",
        "os.setpgid(0, 0)",
        "fcntl.flock(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.lockf(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)",
        "fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), 1024, 0)",
    ],
    ids=["shared memory", "shared zeros", "session", "group", "flock", "lockf", "lease"],
)
def test_nothing_is_shared_that_nobody_counts(sandbox: Sandbox, body: str) -> None:
    refused(sandbox, f"import fcntl, os\ndef attack():\n    {body}\n    return 'done'")


@guarantee("process")
def test_the_place_of_an_error_is_one_short_line(sandbox: Sandbox) -> None:
    message = {
        "kind": "raised",
        "type": "E\n" * 400,
        "message": "m\n" * 900,
        "where": ["f\n" * 900, 10**12, "g " * 900, "c\n" * 900],
    }
    failure = Run(sandbox, FORGERY, message, 0).failure
    assert isinstance(failure, Raised)
    assert "\n" not in str(failure)
    assert len(str(failure)) < 1200
    assert failure.where == (("f " * 50)[:100], 10**6, ("g " * 50)[:100], ("c " * 100)[:200])


@linux
@guarantee("network")
@pytest.mark.parametrize("flag", ["NEWNS", "NEWUSER", "NEWPID", "NEWNET"])
def test_no_namespace_can_be_made_by_clone(sandbox: Sandbox, flag: str) -> None:
    number = network.CLONE[0 if kernel.MACHINE == "x86_64" else 1]
    source = """
    import ctypes
    def attack(number, flag):
        libc = ctypes.CDLL(None, use_errno=True)
        return [libc.syscall(number, ctypes.c_ulong(flag | 17), None, None, None, None), ctypes.get_errno()]
    """
    assert Run(sandbox, source, number, getattr(kernel, f"CLONE_{flag}")).answer == [-1, 1]


# The channel


@guarantee("process")
def test_garbage_in_the_channel_is_the_worker_s_end(sandbox: Sandbox) -> None:
    source = "import os\ndef attack():\n    for n in range(3, 64):\n        try: os.write(n, b'x' * 100)\n        except OSError: pass\n"
    run = Run(sandbox, source)
    assert isinstance(run.failure, Died)
    assert "not an answer" in str(run.failure)


FORGERY = """
import gc, os, sys
wire = sys.modules["autograder.sandbox.wire"]
def worker():
    return next(thing for thing in gc.get_objects() if type(thing).__name__ == "Worker" and hasattr(thing, "question"))
def send(message):
    for number in range(3, 64):
        try:
            os.write(number, wire.encode(message))
        except OSError:
            pass
def attack(message, asked):
    send({**message, "question": worker().question + asked} if type(message) is dict else message)
"""


@guarantee("process")
@pytest.mark.parametrize("message", [{"kind": "ready"}, {"kind": "callback", "remote": [1], "args": [], "kwargs": {}}, [1]],
                         ids=["ready", "callback", "list"])  # fmt: skip
def test_a_forged_frame_that_is_no_answer_is_the_end(sandbox: Sandbox, message: Any) -> None:
    run = Run(sandbox, FORGERY, message, 0)
    assert isinstance(run.failure, Died)
    assert "not an answer" in str(run.failure)


@guarantee("process")
@pytest.mark.parametrize("kind", ["result", "raised", "callback", "progress"])
def test_an_answer_to_another_question_is_the_end(sandbox: Sandbox, kind: str) -> None:
    """A frame counts only with the number of the request that it answers."""
    message = {"kind": kind, "value": 42, "remote": 1, "args": [], "kwargs": {}, "type": "E", "message": ""}
    run = Run(sandbox, FORGERY, message, 1)
    assert isinstance(run.failure, Died)
    assert "an answer to a question that was not asked" in str(run.failure)


@guarantee("process")
def test_a_forged_result_is_only_a_result(sandbox: Sandbox) -> None:
    assert Run(sandbox, FORGERY, {"kind": "result", "value": 42}, 0).answer == 42


IN_ADVANCE = (
    FORGERY
    + """
def attack():
    send({"kind": "result", "question": worker().question, "value": 1})
    send({"kind": "result", "question": worker().question, "value": 2})
    send({"kind": "result", "value": 3})
def asked_later():
    return 4
"""
)


@guarantee("process")
@pytest.mark.parametrize("waiting", [False, True], ids=["alone", "with a request that waited"])
def test_answers_that_were_sent_in_advance_are_the_end(sandbox: Sandbox, waiting: bool) -> None:
    with open_lane(sandbox).start({"attack.py": IN_ADVANCE.encode()}, LIMITS) as worker:
        module = worker.request("import", {"module": "attack"}, keep=True)
        call = {"target": module, "args": [], "kwargs": {}}
        assert worker.request("call", {**call, "path": "attack"}) == 1
        if waiting:
            worker.later("call", {**call, "path": "asked_later"})
        with pytest.raises(Died, match="a question that was not asked"):
            worker.request("call", {**call, "path": "asked_later"})


@guarantee("process")
def test_no_two_questions_have_one_number(sandbox: Sandbox) -> None:
    """Also a callback, a request that waited, and one that raises, have that of their request."""
    source = (
        FORGERY + "def attack(grader):\n    seen = worker().question\n    return [seen, grader(), worker().question]\n"
    )
    with open_lane(sandbox).start({"attack.py": source.encode()}, LIMITS) as worker:
        module = worker.request("import", {"module": "attack"}, keep=True)
        call = {"target": module, "path": "attack", "args": [worker.remote(lambda: 5)], "kwargs": {}}
        seen = []
        for _ in range(20):
            worker.later("get", {"target": module, "path": "os"})
            first, answered, last = worker.request("call", call)
            assert (first, answered) == (last, 5)
            seen.append(first)
            with pytest.raises(Raised):
                worker.request("get", {"target": module, "path": "nothing"})
        assert len(set(seen)) == 20
        assert max(seen) > 2**50


@pytest.mark.skipif(torch.version.cuda is None, reason="a build of torch without CUDA looks for no GPU")
def test_torch_still_has_the_function_by_which_it_counts_gpus() -> None:
    """forkserver._look_for_gpus does without it in silence, and then every worker looks for a driver."""
    count = ctypes.CDLL("libc10_cuda.so")["_ZN3c104cuda12device_countEv"]
    count.restype = ctypes.c_int8
    assert count() == torch.cuda.device_count() == 0


# One zygote for several graders


ANSWERS = {"answer.py": b"import os\n\ndef parents():\n    return os.getpid()\n"}


def ended(running: list[psutil.Process], number: int) -> None:
    """Wait until so many of these have ended."""
    deadline = time.monotonic() + 30
    while len(running) - len(still_alive(running, 0)) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(running) - len(still_alive(running, 0)) == number


@contextlib.contextmanager
def the_grader_s(home: Path | None) -> Iterator[Sandbox]:
    """The sandbox of a grader that is told to join a zygote."""
    plugin = GraderPlugin("swiss_roll", None, home)
    yield plugin.sandbox()
    plugin.renew()


def answers(lane: Lane) -> bool:
    with lane.start(ANSWERS, LIMITS) as worker:
        module = worker.request("import", {"module": "answer"}, keep=True)
        return type(worker.request("call", {"target": module, "path": "parents", "args": [], "kwargs": {}})) is int


@linux
@pytest.mark.skipif(not ROOT, reason="only workers that are users of their own share a zygote")
def test_graders_share_a_zygote_and_end_without_each_other() -> None:
    before = processes()
    with zygote.shared(2) as home:
        assert home is not None
        assert stat.S_IMODE((home / zygote.DOOR).stat().st_mode) == 0o600
        (own,) = [child.pid for child in psutil.Process().children() if child.pid not in before]
        with Sandbox(shared=home) as one, Sandbox(shared=home) as other:
            assert {child.pid for child in psutil.Process().children()} - before == {own}
            assert one.layers == other.layers == set(layers.LAYERS) - one.problems.keys()
            assert one.versions["torch"]
            with one.lane() as lane, other.lane() as second:
                assert answers(lane)
                assert answers(second)
                lane.start(ANSWERS, LIMITS)
                running = psutil.Process(own).children(recursive=True)
                one.__exit__(None, None, None)
                ended(running, 2)  # the lane and its worker
                assert answers(second)
            with the_grader_s(home) as third, third.lane() as lane:  # as many have joined as may
                assert {child.pid for child in psutil.Process().children()} - before > {own}
                assert answers(lane)
            with other.lane() as lane:
                assert answers(lane)
            assert [path.name for path in home.iterdir() if path.is_dir()].count("view") == 1
    assert not home.exists()
    assert still_alive([psutil.Process(pid) for pid in processes() - before], 30) == []


@linux
@pytest.mark.skipif(not ROOT, reason="only workers that are users of their own share a zygote")
@pytest.mark.proof
def test_with_its_owner_a_shared_zygote_ends_and_the_others_say_so() -> None:
    with contextlib.ExitStack() as owner:
        home = owner.enter_context(zygote.shared(2))
        with Sandbox(shared=home) as joined, joined.lane() as lane:
            worker = lane.start(ANSWERS, LIMITS)
            owner.close()
            with pytest.raises(UserError, match="has ended"):  # nothing that the student's code has done
                worker.request("import", {"module": "answer"})
            with pytest.raises(UserError, match="has ended"):
                joined.lane()
        with the_grader_s(home) as late, late.lane() as lane:  # has one of its own
            assert answers(lane)


@pytest.mark.parametrize("reason", ["ordinary user", "no socket"])
def test_where_a_zygote_cannot_be_shared_each_grader_has_its_own(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(home: Path) -> None:
        raise OSError("Operation not supported")

    monkeypatch.setattr(os, "geteuid", lambda: 1000 if reason == "ordinary user" else 0)
    monkeypatch.setattr(zygote, "_door", no_socket)
    before = processes()
    with zygote.shared(2) as home:
        assert home is None
        assert processes() == before


def test_a_zygote_that_cannot_fork_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    ours, theirs = socket.socketpair()
    monkeypatch.setattr(os, "fork", fork)
    serving = threading.Thread(target=forkserver._Zygote(theirs, None, 0, {}).serve)
    serving.start()
    grader = zygote.Zygote(ours)
    for _ in range(2):
        with pytest.raises(UserError, match=r"Resource temporarily unavailable.*; end some"):
            grader.lane()
    grader.close()
    serving.join(30)
    assert not serving.is_alive()


class NoLane:
    """In the place of the lane of a worker that has no process."""

    def next_clock(self) -> None:
        return None

    def stop(self, grace: float) -> tuple[None, str]:
        return None, ""

    def say_late(self, *_: object) -> str:
        return "It was late."


def test_calls_that_were_sent_in_advance_end_with_the_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that only these calls set forward."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    output, printed_to = os.pipe()
    os.set_blocking(output, False)
    worker = Worker(NoLane(), Channel(ours, output, 1 << 10), tmp_path / "files", LIMITS)  # type: ignore[arg-type]
    calls: list[float] = []
    worker.remote(lambda: calls.append(0.02))
    monkeypatch.setattr(time, "monotonic", lambda: sum(calls))
    monkeypatch.setattr(secrets, "randbits", lambda bits: 7)
    advance = wire.encode({"kind": "callback", "question": 7, "remote": 1, "args": [], "kwargs": {}}) * 500
    assert len(advance) < 1 << 16  # one call of the system reads them all
    theirs.sendall(advance)
    with pytest.raises(TimedOut):
        worker.request("call", {}, seconds=0.5)
    assert len(calls) in (25, 26)  # of 500
    theirs.close()
    os.close(printed_to)


# Layers that do not hold are noticed


BROKEN = """
from autograder.sandbox import layers
from autograder.sandbox.layers import files, namespaces, network, user
user.become = lambda number: None
files.restrict = lambda *a: None
namespaces.enter = lambda *a: "switched off by the test"
confine = layers.confine
def confine_less(settings, scratch, *a):
    if "less.txt" in __import__("os").listdir(scratch):
        network.restrict = lambda *a: None
    return confine(settings, scratch, *a)
layers.confine = confine_less
"""


@linux
def test_layers_that_do_not_hold_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers do nothing from the start: they are not claimed. A third does nothing in a later worker: it is taken off the sandbox."""
    monkeypatch.setattr(zygote, "CODE", BROKEN + zygote.CODE)
    with Sandbox() as sandbox, sandbox.lane() as lane:
        assert sandbox.isolation == "process, network"
        assert re.search(r"the worker can read .*autograder", sandbox.problems["files"])
        assert "user" in sandbox.problems
        lane.start({"more.txt": b""}, LIMITS).close()
        assert sandbox.isolation == "process, network"
        lane.start({"less.txt": b""}, LIMITS).close()
        assert sandbox.isolation == "process"
        assert "socket" in sandbox.problems["network"]
        sandbox.required = frozenset({"network"})
        with pytest.raises(
            UserError, match=r"layer 'network' is missing: the worker can open a socket.*To get it, .*doctor"
        ):
            lane.start({"more.txt": b""}, LIMITS)
        assert lane.worker is None


@pytest.mark.parametrize("sandbox", [pytest.param(("process", "process"), id="process")], indirect=True)
def test_a_level_that_is_not_reached_is_refused(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that says what is missing and how to get it; an unknown level is named as such."""
    monkeypatch.setattr(sandbox, "required", layers.included("files", root=False))
    with pytest.raises(UserError, match=r"layer 'files' is missing\. To get it, use Linux .*autograder doctor"):
        sandbox.lose({})
    with pytest.raises(UserError, match="one of process, user, files, network, not 'best'"):
        Sandbox(require="best")


def test_levels_are_ordered() -> None:
    """A level includes those before it; only root has a user to leave."""
    assert layers.included("process", root=True) == {"process"}
    assert layers.included("network", root=True) == {"process", "user", "files", "network"}
    assert layers.included("network", root=False) == {"process", "files", "network"}
    assert layers.included("user", root=False) == {"process", "user"}


# Pure parts


def test_what_is_hidden_is_left_out_of_what_is_readable(tmp_path: Path) -> None:
    """The grader's package among others in a folder of Python: its neighbours stay readable, it does not."""
    packages = tmp_path / "python" / "packages"
    for name in ("torch", "numpy", "autograder"):
        (packages / name).mkdir(parents=True)
    (packages / "six.py").touch()
    hidden = [str(packages / "autograder")]
    allowed = {
        rule.path for rule in files.reading_rules([str(tmp_path / "python")], hidden) if rule.rights & files.READ_FILE
    }
    assert allowed == {str(packages / name) for name in ("torch", "numpy", "six.py")}


def simulate(program: bytes, number: int, architecture: int, arguments: tuple[int, ...] = ()) -> int:
    """Run classic BPF on a struct seccomp_data: the errno of a refusal, or 0."""
    code = [(int.from_bytes(program[i : i + 2], sys.byteorder), program[i + 2], program[i + 3],
             int.from_bytes(program[i + 4 : i + 8], sys.byteorder)) for i in range(0, len(program), 8)]  # fmt: skip
    words = {0: number, 4: architecture} | {16 + 8 * i: value & 0xFFFFFFFF for i, value in enumerate(arguments)}
    position, accumulator = 0, 0
    while True:
        operation, if_true, if_false, constant = code[position]
        position += 1
        if operation == 0x20:
            accumulator = words.get(constant, 0)
        elif operation == 0x54:
            accumulator &= constant
        elif operation == 0x06:
            return 0 if constant == 0x7FFF0000 else constant & 0xFFFF
        else:
            truth = {0x15: accumulator == constant, 0x35: accumulator >= constant, 0x45: bool(accumulator & constant)}
            position += if_true if truth[operation] else if_false


@pytest.mark.parametrize(("machine", "column", "architecture"), [("x86_64", 0, 0xC000003E), ("aarch64", 1, 0xC00000B7)])
def test_the_filter_refuses_what_it_names_and_nothing_else(machine: str, column: int, architecture: int) -> None:
    program = network.program(machine, 1234, True, True)
    assert len(program) // 8 < 4096  # BPF_MAXINSNS
    tables = (network.REFUSED, network.SAME_USER, network.METADATA)
    named = {numbers[column] for table in tables for numbers in table.values()} - {None}
    special = {item[column] for item in (network.CLONE, network.CLONE3, *network.TO_ITSELF.values())}
    for number in range(600):
        expected = 1 if number in named else 38 if number == network.CLONE3[column] else 0
        if number not in special - {network.CLONE3[column]}:
            assert simulate(program, number, architecture) == expected, number
    assert simulate(program, 0, 0x40000003) == 1  # 32-bit x86
    clone, kill = network.CLONE[column], network.TO_ITSELF["kill"][column]
    assert simulate(program, clone, architecture, (0x003D0F00,)) == 0  # a thread
    assert simulate(program, clone, architecture, (kernel.CLONE_NEWUSER | 17,)) == 1
    assert [simulate(program, kill, architecture, (pid,)) for pid in (1234, 0, 1, 1233, -1)] == [0, 0, 1, 1, 1]
    mmap, fcntl = network.MMAP[column], network.FCNTL[column]
    kinds = {0x01: 0, 0x02: 0, 0x22: 0, 0x4022: 0, 0x21: 1, 0x23: 1, 0x8021: 1, 0x28: 0}  # shared, private, anonymous
    assert {flags: simulate(program, mmap, architecture, (0, 4096, 3, flags)) for flags in kinds} == kinds
    commands = {1: 0, 3: 0, 1030: 0, 1031: 0, 6: 1, 7: 1, 37: 1, 38: 1, 1024: 1, 8: 1}
    assert {command: simulate(program, fcntl, architecture, (3, command)) for command in commands} == commands
    apart = network.program(machine, 0, False, False)
    assert [simulate(apart, fcntl, architecture, (3, command)) for command in (6, 8)] == [1, 0]
    if machine == "x86_64":
        assert simulate(program, 0x40000000 + 1, architecture) == 1  # x32


@pytest.mark.parametrize(
    ("column", "header", "pattern"),
    [
        (0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", r"#define __NR_(\w+) (\d+)"),
        (1, "/usr/include/asm-generic/unistd.h", r"#define __NR(?:3264)?_(\w+) (\d+)"),
    ],
    ids=["x86_64", "aarch64"],
)
def test_numbers_of_system_calls_are_those_of_the_kernel(column: int, header: str, pattern: str) -> None:
    if not os.path.exists(header):
        pytest.skip(f"{header} is not installed")
    known = {name: int(number) for name, number in re.findall(pattern, Path(header).read_text())}
    tables = (network.REFUSED, network.SAME_USER, network.METADATA, network.TO_ITSELF)
    ours = {name: numbers[column] for table in tables for name, numbers in table.items()}
    ours |= {
        "clone": network.CLONE[column],
        "clone3": network.CLONE3[column],
        "fcntl": network.FCNTL[column],
        "mmap": network.MMAP[column],
    }
    assert {name: number for name, number in ours.items() if name in known and known[name] != number} == {}
    assert len(ours.keys() & known.keys()) > 60


# The same, as somebody else


@linux
@pytest.mark.skipif(not ROOT or ELSEWHERE in os.environ, reason="already somebody else, or not root")
@pytest.mark.parametrize("who", ["ordinary user", "root without CAP_SYS_ADMIN"])
@pytest.mark.proof  # most tests of this file once more, in another process
def test_the_same_holds_as(who: str) -> None:
    """These tests once more in a process of its own. Python may lie where only root gets: there it is made visible by a mount of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        select = ["-k", "bare or highest or noticed or zygote"] if who == "ordinary user" else ["-k", "bare or zygote"]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-m",
            "",  # those of the proof too
            "-x",
            "--basetemp",
            f"{folder}/pytest",
            __file__,
            *select,
        ]
        environment = {**os.environ, ELSEWHERE: "1", "TMPDIR": folder, "HOME": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        plan = json.dumps(
            {"who": who, "needed": [sys.prefix, sys.base_prefix, str(REPOSITORY)], "command": command, "folder": folder}
        )
        code = f"from tests.test_isolation import become; become({plan!r})"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=600
        )
    if done.returncode == 77:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    print(done.stdout[-2000:])
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def become(plan: str) -> None:
    """Make Python readable for everybody, become somebody else, and go on as a command. Exits with 77 where that is impossible."""
    settings = json.loads(plan)
    try:
        closed = [path for path in settings["needed"] if _closed_folder_above(path)]
        if closed:
            kernel.unshare(kernel.CLONE_NEWNS)
            kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
            _open_up(closed, settings["folder"])
        if settings["who"] == "ordinary user":
            os.setgroups([])
            os.setresgid(54321, 54321, 54321)
            os.setresuid(54321, 54321, 54321)
        else:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.prctl(24, 21, 0, 0, 0):  # PR_CAPBSET_DROP, CAP_SYS_ADMIN
                raise OSError("CAP_SYS_ADMIN cannot be dropped")
        for path in settings["needed"]:
            os.listdir(path)
    except OSError as error:
        print(f"not possible here: {error}", file=sys.stderr)
        os._exit(77)
    os.chdir(REPOSITORY)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(settings["command"][0], settings["command"])


def _closed_folder_above(path: str) -> str:
    """The highest folder on the way to `path` that others cannot enter, or ""."""
    for folder in reversed([Path(path).resolve(), *Path(path).resolve().parents]):
        if not folder.stat().st_mode & 0o001:
            return str(folder)
    return ""


def _open_up(paths: list[str], place: str) -> None:
    """Lay an empty folder that everybody can enter over each closed one, and show in it only what is needed."""
    held = []
    for number, path in enumerate(sorted({str(Path(path).resolve()) for path in paths})):
        spare = os.path.join(place, f"mount-{number}")
        os.mkdir(spare)
        kernel.mount(path, spare, "", kernel.MS_BIND | kernel.MS_REC)
        held.append((spare, path))
    for folder in sorted({_closed_folder_above(path) for _, path in held}):
        kernel.mount("tmpfs", folder, "tmpfs", 0, "mode=755")
    for spare, path in held:
        _show(spare, path)
        kernel.unmount(spare, kernel.MNT_DETACH)


def _show(place: str, path: str) -> None:
    """Let what lies at `place` appear at `path`; of a folder that others cannot enter, each entry by itself."""
    if os.path.islink(place):
        if not os.path.lexists(path):
            os.symlink(os.readlink(place), path)
        return
    if os.path.isdir(place):
        os.makedirs(path, exist_ok=True)
    elif not os.path.exists(path):
        Path(path).touch()
    if os.path.isdir(place) and not os.stat(place).st_mode & 0o001:
        for entry in os.listdir(place):
            _show(os.path.join(place, entry), os.path.join(path, entry))
    else:
        kernel.mount(place, path, "", kernel.MS_BIND | kernel.MS_REC)
