"""Run a command in a root file system: unshare(1), chroot, setpriv(1), control groups. Needs root."""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CAPABILITIES = (  # of a container that Docker starts without further options
    "chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "net_bind_service", "net_raw", "sys_chroot",
    "mknod", "audit_write", "setfcap",
)  # fmt: skip
GROUPS = Path("/sys/fs/cgroup")


def why_not() -> str:
    """Why no such container can be had here, or ""."""
    if sys.platform != "linux":
        return "this needs Linux"
    if os.geteuid() != 0:
        return "mount namespaces and chroot need root"
    for program in ("unshare", "setpriv", "chroot", "mount"):
        if shutil.which(program) is None:
            return f"there is no program {program}"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True)
    return f"this system has no namespaces ({tried.stderr.strip()})" if tried.returncode else ""


@dataclass(frozen=True)
class Group:
    """Limits of a container: processors and bytes. `folders`: of its control group, by controller; none where limits cannot be set here."""

    folders: Mapping[str, Path]

    def enter(self) -> None:
        """Put this process into the group; called between fork and exec."""
        for folder in self.folders.values():
            (folder / "cgroup.procs").write_text(str(os.getpid()))


@contextlib.contextmanager
def group(processors: float, memory_megabytes: int) -> Iterator[Group]:
    """A control group with these limits, version 1 or 2; removed afterwards. Yields one without folders where there may be none."""
    name = f"gradescope-{uuid.uuid4().hex[:8]}"
    period, size = 100_000, memory_megabytes << 20
    one = {controller: GROUPS / controller / name for controller in ("cpu", "memory")}
    two = GROUPS / name
    try:
        if (GROUPS / "cgroup.controllers").exists():
            two.mkdir()
            (two / "cpu.max").write_text(f"{int(processors * period)} {period}")
            (two / "memory.max").write_text(str(size))
            folders = {"": two}
        else:
            for folder in one.values():
                folder.mkdir()
            (one["cpu"] / "cpu.cfs_period_us").write_text(str(period))
            (one["cpu"] / "cpu.cfs_quota_us").write_text(str(int(processors * period)))
            (one["memory"] / "memory.limit_in_bytes").write_text(str(size))
            folders = dict(one)
    except OSError:
        folders = {}
    try:
        yield Group(folders)
    finally:
        for folder in (*one.values(), two):
            with contextlib.suppress(OSError):
                folder.rmdir()


@dataclass(frozen=True)
class Container:
    """`root`: the folder of the file system. `binds`: what it sees of this machine, read only: (what, where inside)."""

    root: Path
    binds: tuple[tuple[Path, str], ...] = ()
    capabilities: tuple[str, ...] = CAPABILITIES

    def fill(self, bundle: Path) -> None:
        """Lay out /autograder as Gradescope does."""
        home = self.root / "autograder"
        shutil.rmtree(home, ignore_errors=True)
        for name in ("source", "submission", "results"):
            (home / name).mkdir(parents=True)
        with zipfile.ZipFile(bundle) as archive:
            for entry in archive.infolist():
                path = Path(archive.extract(entry, home / "source"))
                path.chmod(entry.external_attr >> 16 & 0o777)

    def submit(self, files: Mapping[str, bytes], metadata: str | None) -> None:
        """Put a submission there, in place of the one before."""
        home = self.root / "autograder"
        for name in ("submission", "results"):
            shutil.rmtree(home / name, ignore_errors=True)
            (home / name).mkdir()
        for name, content in files.items():
            path = home / "submission" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (home / "submission_metadata.json").unlink(missing_ok=True)
        if metadata is not None:
            (home / "submission_metadata.json").write_text(metadata)

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        limits: Group | None = None,
        results_size: str = "",
    ) -> subprocess.Popen[str]:
        """Start a command inside. `results_size`: gives /autograder/results a file system of its own of that size, as for mount(8)."""
        root = shlex.quote(str(self.root))
        lines = ["set -e", "mount --make-rprivate /"]
        for what, where in self.binds:
            place = shlex.quote(f"{self.root}{where}")
            lines += [
                f"mkdir -p {place}",
                f"mount --bind {shlex.quote(str(what))} {place}",
                f"mount -o remount,bind,ro {place}",
            ]
        lines += [f"mkdir -p {root}/proc {root}/sys/fs/cgroup {root}/dev {root}/tmp", f"mount -t proc proc {root}/proc"]
        lines += [
            f"mount -t tmpfs -o mode=755 devices {root}/dev",
            f"mkdir {root}/dev/shm",
            f"ln -s /proc/self/fd {root}/dev/fd",
        ]
        for device in ("null", "zero", "full", "random", "urandom", "tty"):
            lines += [f"touch {root}/dev/{device}", f"mount --bind /dev/{device} {root}/dev/{device}"]
        lines += [f"mount -t tmpfs -o mode=1777,size=64m shm {root}/dev/shm", f"chmod 1777 {root}/tmp"]
        lines += [f"mount -t tmpfs -o mode=755 groups {root}/sys/fs/cgroup"]
        for controller, folder in (limits.folders if limits else {}).items():
            place = f"{root}/sys/fs/cgroup/{controller}"
            lines += [
                f"mkdir -p {place}",
                f"mount --bind {shlex.quote(str(folder))} {place}",
                f"mount -o remount,bind,ro {place}",
            ]
        if results_size:
            lines += [f"mount -t tmpfs -o mode=755,size={results_size} results {root}/autograder/results"]
        bounding = ",".join(["-all", *(f"+{name}" for name in self.capabilities)])
        inner = [
            "setpriv",
            f"--bounding-set={bounding}",
            f"--inh-caps={bounding}",
            "env",
            "-i",
            *self._variables(environment),
            *command,
        ]
        after = [f"cp -r {root}/autograder/results/. {root}/autograder/kept"] if results_size else []
        if after:
            lines += [
                f"mkdir -p {root}/autograder/kept",
                "status=0",
                f"chroot {root} {shlex.join(inner)} || status=$?",
                *after,
                "exit $status",
            ]
        else:
            lines += [f"exec chroot {root} {shlex.join(inner)}"]
        return subprocess.Popen(
            ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", "\n".join(lines)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            preexec_fn=limits.enter if limits else None,
        )  # fmt: skip

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        limits: Group | None = None,
        results_size: str = "",
    ) -> tuple[int, str]:
        """Run a command inside to its end: its exit status and what it printed."""
        process = self.start(command, environment, limits, results_size)
        printed, _ = process.communicate()
        return process.returncode, printed

    def _variables(self, environment: Mapping[str, str]) -> list[str]:
        common = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
        }
        return [f"{name}={value}" for name, value in {**common, **environment}.items()]

    @property
    def results(self) -> Path:
        return self.root / "autograder" / "results" / "results.json"
