"""A class of generated submissions: throughput, a Dask cluster, and what two kills leave of it.

python -m benchmarks class_behaviour class_training class_dask
python -m benchmarks.classroom interrupted [NUMBER]     a class killed twice and finished, beside one that was left alone
"""

import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from autograder.classroom.ledger import NAME, canonical, read_ledger
from autograder.grading.mutants import (
    apply_misconceptions,
    apply_variant,
    combinations,
    misconceptions,
    variants,
)
from autograder.grading.seeds import SECRET_VARIABLE
from autograder.manifest import Manifest, load_manifest
from autograder.places import REPOSITORY
from benchmarks.grading import EXECUTE_NOTEBOOK, with_notebook
from tests.red_team.attacks import ATTACKS
from tests.red_team.trial import attack_files

Row = tuple[str, str, str]  # what, figure, bound
Files = dict[str, bytes]

FIRST = (
    "Ada",
    "Grace",
    "Emmy",
    "Alan",
    "Sofia",
    "Minjun",
    "Seoyeon",
    "Zoé",
    "Jürgen",
    "Priya",
    "Omar",
    "Yui",
    "Noa",
    "Chidi",
)
LAST = (
    "Kim",
    "Lovelace",
    "Hopper",
    "Noether",
    "Turing",
    "Gauß",
    "Lee",
    "Okafor",
    "Patel",
    "Ito",
    "García",
    "Langevin",
    "Wiener",
)
HOSTILE = (  # attacks that do not run out the clock, and whose answers do not change from run to run
    "results-forged", "frames-searched", "modules-searched", "solution-read-from-disk", "hidden-checks-imported", "builtins-patched",
    "pytest-patched", "worker-answers-replaced", "torch-function-patched", "default-dtype-changed", "skip-test", "system-exit",
    "recursion", "killed-by-itself", "daemons-left-behind", "connection-opened", "answers-forged", "channel-closed", "not-a-number",
    "subclass-tensor",
)  # fmt: skip
UNSEEDED = "generators-of-its-own"  # its generator asks the system for a seed, so its evidence differs from run to run, and no points
SAMPLES = (
    "corrupt_zip.zip", "encrypted.zip", "half_uploaded.zip", "not_an_archive.zip", "zip_inside_zip.zip", "only_the_notebook", "missing_file",
    "syntax_error", "import_error", "crashes_half_way", "hard_coded_cuda", "edits_outside_todo", "returns_none", "wrong_dtype",
    "untouched_stub", "done_half", "kills_its_process", "calls_sys_exit",
)  # fmt: skip


def make_class(folder: Path, number: int = 200) -> None:
    """`number` submissions in `folder`, the same ones every time: of ten, three right ones of another shape, three with a known mistake,
    two with several, one hostile, one odd or broken sample. Half are zips. Each is somebody's, and a few students hand in the same.
    """
    manifest = load_manifest("swiss_roll")
    chance = random.Random(20240301)
    makers = {
        "variant": _endless(
            chance, [lambda v=v: apply_variant(manifest, v) for v in variants(manifest) if v.id != UNSEEDED]
        ),
        "mistake": _endless(
            chance, [lambda m=m: apply_misconceptions(manifest, (m,)) for m in misconceptions(manifest)]
        ),
        "mistakes": _endless(chance, [lambda c=c: _combined(manifest, c) for c in combinations(manifest)]),
        "hostile": _endless(chance, [lambda a=a: _hostile(manifest, a) for a in HOSTILE]),
        "sample": _endless(chance, [lambda s=s: REPOSITORY / "examples" / "submissions" / s for s in SAMPLES]),
    }
    kinds = ["variant"] * 3 + ["mistake"] * 3 + ["mistakes"] * 2 + ["hostile", "sample"]
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(number):
        made = next(makers[kinds[index % len(kinds)]])()
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}_{20240000 + index}"
        if isinstance(made, Path):
            _copy(made, folder / name)
        elif index % 2:
            (folder / f"{name}.zip").write_bytes(_zip(made))
        else:
            for path, content in made.items():
                (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / name / path).write_bytes(content)


def _endless(chance: random.Random, makers: list) -> Iterator:  # type: ignore[type-arg]
    while True:
        yield from chance.sample(makers, len(makers))


def _combined(manifest: Manifest, identifiers: tuple[str, ...]) -> Files:
    known = {mistake.id: mistake for mistake in misconceptions(manifest)}
    return apply_misconceptions(manifest, tuple(known[identifier] for identifier in identifiers))


def _hostile(manifest: Manifest, identifier: str) -> Files:
    attack = next(attack for attack in ATTACKS if attack.id == identifier)
    places = dict.fromkeys(("CANARY", "OUT", "REPOSITORY"), "/nonexistent") | {"GRADER": "999999", "PORT": "9"}
    return {name: text.encode() for name, text in attack_files(attack, manifest, places).items()}


def _copy(sample: Path, to: Path) -> None:
    if sample.is_file():
        to.with_name(to.name + sample.suffix).write_bytes(sample.read_bytes())
        return
    for path in sample.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            target = to / path.relative_to(sample)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


def _zip(files: Files) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"work/{name}"), content)
    return packed.getvalue()


# The command as a process of its own


def start(folder: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "autograder",
        "class",
        str(folder),
        "--assignment",
        "swiss_roll",
        "--out",
        str(out),
        *options,
    ]
    environment = {**os.environ, SECRET_VARIABLE: "the secret of the generated class"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, cwd=REPOSITORY)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Raises RuntimeError when it does not end well."""
    _, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"autograder class: {errors.decode(errors='replace')[-800:]}")


def lines_in(out: Path) -> int:
    ledger = out / NAME
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


def kill_after(
    process: subprocess.Popen[bytes], out: Path, lines: int, number: int = signal.SIGKILL
) -> list[psutil.Process]:
    """Send a signal once the ledger has that many lines. Gives what ran below the process then. Raises RuntimeError when it ends before."""
    while lines_in(out) < lines:
        if process.poll() is not None:
            raise RuntimeError(
                f"it ended with {lines_in(out)} lines: {process.stderr.read().decode() if process.stderr else ''}"
            )
        time.sleep(0.05)
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    process.wait()
    return below


# Measurements


def class_behaviour(number: int = 200) -> list[Row]:
    """Submissions a second of a mixed class, behaviour only, on all cores: from the start of the grading processes to the page."""
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "class", Path(name) / "out"
        make_class(folder, number)
        started = time.perf_counter()
        finish(start(folder, out, "--no-train"))
        seconds = time.perf_counter() - started
    return [
        (f"class of {number}, behaviour: submissions a second", f"{number / seconds:.2f}", "2 or more, on 2 cores"),
        (f"class of {number}, behaviour: whole command", f"{seconds:.0f} s", ""),
    ]


def class_training(number: int = 6) -> list[Row]:
    """Share of the machine's cores that are busy while a small class is graded with training, until the last tenth of it is reached."""
    manifest = load_manifest("swiss_roll")
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "class", Path(name) / "out"
        folder.mkdir()
        for index, variant in enumerate(variants(manifest)[:number]):
            (folder / f"student_{20240000 + index}.zip").write_bytes(_zip(apply_variant(manifest, variant)))
        share = _share_busy(start(folder, out, "--outcome", "own"), out, number)
    return [("class with training: share of the cores busy", f"{share:.1f} %", "95 % or more")]


def class_outcomes(number: int = 200, notebooks: int = 20) -> list[Row]:
    """A mixed class with its outcomes, by shared trainings, beside notebooks of right submissions that are executed, two at a time."""
    manifest = load_manifest("swiss_roll")
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name) / "class", Path(name) / "out"
        make_class(folder, number)
        started = time.perf_counter()
        share = _share_busy(start(folder, out), out, number)
        graded = (time.perf_counter() - started) / number
        started = time.perf_counter()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda k: _execute_notebook(manifest, Path(name) / f"notebook {k}"), range(notebooks)))
        executed = (time.perf_counter() - started) / notebooks
    return [
        (f"class of {number} with outcomes: whole command", f"{graded * number:.0f} s", "under 600 s, on 2 cores"),
        ("  share of the cores busy", f"{share:.1f} %", "90 % or more"),
        (f"  a submission; a notebook, of {notebooks} executed", f"{graded:.2f} s; {executed:.1f} s; {executed / graded:.0f} times", ""),
    ]


def _share_busy(process: subprocess.Popen[bytes], out: Path, number: int) -> float:
    """Percent of all cores while a class is graded, without the first tenth of the time and the last of the submissions. Waits for the end."""
    busy: list[float] = []
    while process.poll() is None and lines_in(out) < 0.9 * number - 1:
        busy.append(psutil.cpu_percent(interval=1.0))
    finish(process)
    steady = busy[len(busy) // 10 :]
    return sum(steady) / len(steady)


def _execute_notebook(manifest: Manifest, folder: Path) -> None:
    """The handout's notebook beside the solution, on one thread, as a process of its own."""
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", EXECUTE_NOTEBOOK], cwd=with_notebook(manifest, folder), env=one_thread, check=True, capture_output=True)


def class_dask(number: int = 12) -> list[Row]:
    """Two workers of a Dask scheduler that runs by itself give the ledger that the local engine gives."""
    with tempfile.TemporaryDirectory() as name:
        folder, local, remote = Path(name) / "class", Path(name) / "local", Path(name) / "remote"
        make_class(folder, number)
        finish(start(folder, local, "--no-train", "--workers", "1"))
        with dask_cluster(Path(name), workers=2) as address:
            finish(start(folder, remote, "--no-train", "--scheduler", address))
        same = canonical(read_ledger(local)) == canonical(read_ledger(remote))
    return [(f"class of {number} through a Dask scheduler: ledger", "identical" if same else "DIFFERENT", "identical")]


class dask_cluster:
    """`dask scheduler` and `dask worker` as processes of their own on this machine. Gives the address."""

    def __init__(self, folder: Path, workers: int):
        self.folder, self.workers, self.processes = folder, workers, list[subprocess.Popen[bytes]]()

    def __enter__(self) -> str:
        settings = {
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "2",
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.0",
        }
        file = self.folder / "scheduler.json"
        common = ["--scheduler-file", str(file), "--no-dashboard"]
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", *common, **settings)
        for number in range(self.workers):
            own = self.folder / f"worker-{number}"
            self._start(
                "worker",
                "--host",
                "127.0.0.1",
                "--nthreads",
                "1",
                "--memory-limit",
                "0",
                "--local-directory",
                str(own),
                *common,
            )
        while not file.exists() or not file.read_text():
            time.sleep(0.1)
        return json.loads(file.read_text())["address"]

    def _start(self, *arguments: str, **settings: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **settings}
        command = [sys.executable, "-m", "dask", *arguments]
        self.processes.append(
            subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder
            )
        )

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)


def interrupted(number: int = 200) -> bool:
    """Kill a class twice with SIGKILL, finish it, and compare its ledger with that of a class that was left alone."""
    with tempfile.TemporaryDirectory() as name:
        folder, killed, whole = Path(name) / "class", Path(name) / "killed", Path(name) / "whole"
        make_class(folder, number)
        started = time.perf_counter()
        for share in (0.3, 0.6):
            kill_after(start(folder, killed, "--no-train"), killed, int(share * number))
            print(
                f"killed with {lines_in(killed)} of {number} in the ledger, after {time.perf_counter() - started:.0f} s",
                flush=True,
            )
        finish(start(folder, killed, "--no-train"))
        print(f"finished with {lines_in(killed)} lines, after {time.perf_counter() - started:.0f} s", flush=True)
        started = time.perf_counter()
        finish(start(folder, whole, "--no-train"))
        seconds = time.perf_counter() - started
        print(
            f"uninterrupted: {lines_in(whole)} lines, {seconds:.0f} s, {number / seconds:.2f} submissions a second",
            flush=True,
        )
        one, other = canonical(read_ledger(killed)), canonical(read_ledger(whole))
        print(f"ledgers: {'identical' if one == other else 'DIFFERENT'} in {len(one)} students, times and memory apart")
        for first, second in zip(one, other):
            if first != second:
                print(_difference(first, second))
    return one == other


def _difference(one: str, other: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    return f"  … {one[max(0, at - 200) : at + 120]}\n  … {other[max(0, at - 200) : at + 120]}"


if __name__ == "__main__":
    if sys.argv[1:2] != ["interrupted"]:
        sys.exit("usage: python -m benchmarks.classroom interrupted [NUMBER]")
    sys.exit(0 if interrupted(*map(int, sys.argv[2:3])) else 1)
