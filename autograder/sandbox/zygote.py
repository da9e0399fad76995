"""The grader's end of the zygote, the process that has imported torch and forks lanes; forkserver.py is its other end.

A grader starts one of its own and owns it: when the grader ends, so does the zygote with everything below. Several graders of one class
may share one, because importing torch costs seconds of processor time and 200 MB: who owns it passes its folder on, and the others join.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from autograder import eager
from autograder.errors import UserError
from autograder.places import REPOSITORY, courses, solutions
from autograder.sandbox import folders, huge_pages, layers, machine

START_SECONDS = 300.0  # importing torch from a cold disk takes a while
DOOR = "zygote.socket"  # in the zygote's folder, as long as somebody may still join
CODE = "from autograder.sandbox import forkserver; forkserver.main({}, {})"


class Zygote:
    """A connection with a zygote. `process`: of the zygote, when it is this grader's own."""

    def __init__(self, control: socket.socket, process: subprocess.Popen[bytes] | None = None):
        control.settimeout(START_SECONDS)
        self.control, self.process = control, process
        self.lines = control.makefile("rb")
        self.asking = threading.Lock()

    @classmethod
    def start(cls, home: Path, use: frozenset[str], namespaces: bool, others: int = 0) -> "Zygote":
        """One of our own; does not wait until it has imported torch. `home`: its folder; `others`: how many graders may join."""
        ours, theirs = socket.socketpair()
        door = _door(home) if others else None
        inherited = [theirs.fileno(), *([door.fileno()] if door else [])]
        command = [sys.executable, "-I", "-c", CODE.format(theirs.fileno(), door.fileno() if door else None)]
        with theirs, door or contextlib.nullcontext():
            process = subprocess.Popen(
                command, pass_fds=inherited, env=_environment(), stdin=subprocess.DEVNULL, start_new_session=True, cwd="/"
            )  # fmt: skip
        view = home / "view"
        view.mkdir()
        settings = {
            "layers": list(layers.ordered(use)),
            "namespaces": namespaces,
            "home": str(home),
            "view": str(view),
            "hidden": _hidden(),
            "forbidden": [layers.__file__],
            "others": others,
        }
        zygote = cls(ours, process)
        with contextlib.suppress(OSError):  # it has ended; await_ready says so
            ours.sendall(json.dumps(settings).encode() + b"\n")
        return zygote

    @classmethod
    def join(cls, home: Path) -> "Zygote":
        """That of another grader, which has said that others may. Raises OSError when it has gone, or as many have joined as may."""
        control = socket.socket(socket.AF_UNIX)
        try:
            with _short(home / DOOR) as path:
                control.connect(path)
        except OSError:
            control.close()
            raise
        return cls(control)

    def await_ready(self) -> dict[str, Any]:
        """What the zygote says when it has imported torch: "versions", and "namespaces", why it is in none, or "". Raises UserError."""
        return self._reply()

    def lane(self) -> socket.socket:
        """Our end of the socket of a new lane. Raises UserError when the zygote has ended, or cannot fork."""
        ours, theirs = socket.socketpair()
        with theirs, self.asking:
            with contextlib.suppress(OSError):  # it has ended; _reply says so
                socket.send_fds(self.control, [json.dumps({"op": "lane"}).encode() + b"\n"], [theirs.fileno()])
            try:
                problem = self._reply()["problem"]
            except UserError:
                ours.close()
                raise
        if problem:
            ours.close()
            raise UserError(f"No further process could be started ({problem}); end some, then start the grader again.")
        return ours

    def import_ahead(self, modules: Sequence[str]) -> None:
        """Let it import packages, so that lanes from now on have them. Raises UserError when it has ended."""
        with self.asking:
            with contextlib.suppress(OSError):  # _reply says so
                self.control.sendall(json.dumps({"op": "import", "modules": list(modules)}).encode() + b"\n")
            self._reply()

    def close(self) -> None:
        """Leave; one of our own ends with everything below it."""
        with contextlib.suppress(OSError):
            self.lines.close()
            self.control.close()
        if self.process is None:
            return
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _reply(self) -> dict[str, Any]:
        try:
            line = self.lines.readline()
        except OSError:  # it has gone, or takes longer than START_SECONDS
            line = b""
        if not line:
            raise UserError(
                "The process that imports torch could not start, or has ended; check that `import torch` works here, then start again."
            )
        return json.loads(line)


@contextlib.contextmanager
def shared(graders: int) -> Iterator[Path | None]:
    """A zygote that so many graders may join: its folder, or None where none can be shared and each grader starts its own.

    Shared where each worker is a user of its own: elsewhere the kernel counts the processes of all workers of a zygote together, so that
    one submission could use up what another needs (see layers.process.most_processes).
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        yield None
        return
    with contextlib.ExitStack() as closing:
        home: Path | None = None
        with contextlib.suppress(OSError):  # a folder that can hold no socket
            found = new_home()
            closing.callback(folders.remove, found)
            closing.callback(Zygote.start(found, frozenset(layers.LAYERS), namespaces=True, others=graders).close)
            home = found
        yield home


def new_home(inside: Path | None = None) -> Path:
    """A folder for the submissions that a grader's workers get; in that of a shared zygote it ends with the zygote at the latest."""
    home = Path(tempfile.mkdtemp(prefix="autograder-", dir=inside)).resolve()
    home.chmod(0o711)
    return home


def _door(home: Path) -> socket.socket:
    door = socket.socket(socket.AF_UNIX)
    with _short(home / DOOR) as path:
        door.bind(path)
    (home / DOOR).chmod(0o600)  # a worker that is another user cannot knock
    door.listen()
    return door


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of a file that is short enough for the address of a socket, sun_path in unix(7), wherever its folder lies."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _hidden() -> list[str]:
    """Folders and files that no worker may read, wherever they lie: the grader's packages, the repository, the secret."""
    hidden = [REPOSITORY / "autograder", REPOSITORY / "fid"]
    own_folder = (REPOSITORY / "pyproject.toml").exists() or solutions().is_dir()  # a checkout, or a bundle
    if own_folder:  # else the packages lie among others, in site-packages
        hidden.append(REPOSITORY)
    if courses() != REPOSITORY:
        hidden.append(courses().absolute())
    if named := os.environ.get("AUTOGRADER_SECRET_FILE"):
        hidden.append(Path(named).absolute())
    return [str(path) for path in hidden]


def _environment() -> dict[str, str]:
    """What workers see: nothing of the grader's environment but where programs are. GPUs are hidden: grading runs on the CPU, everywhere alike."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "USER": "student",
        "LOGNAME": "student",
        "OMP_NUM_THREADS": str(machine.threads()),
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait for each other sleep: on a busy machine two that spin took eight times as long as one
        "CUDA_VISIBLE_DEVICES": "",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/nonexistent",
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
        "PYTHONDONTWRITEBYTECODE": "1",
        **huge_pages.ENVIRONMENT,
        **eager.ENVIRONMENT,
    }
