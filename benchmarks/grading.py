"""Speed and memory of grading one right submission."""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import psutil

from autograder.grading.mutants import solution_files
from autograder.grading.session import Grading, Options
from autograder.manifest import Manifest, assignment_ids, load_manifest
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import Submission, digest_of

EXECUTE_NOTEBOOK = (
    "import nbformat, nbclient; n = nbformat.read('ddpm_tutorial.ipynb', 4); nbclient.NotebookClient(n, timeout=3600).execute()"
)
Row = tuple[str, str, str]  # what, figure, bound


def submission(manifest: Manifest) -> Submission:
    files = {name: content for name, content in solution_files(manifest).items() if name in manifest.files.todo}
    return Submission("solution", files, digest_of(files))


def behaviour(runs: int = 5) -> list[Row]:
    """Seconds for the behaviour part of one submission of each assignment, the fork server being warm."""
    rows = []
    with Sandbox() as sandbox:
        for identifier in assignment_ids():
            manifest, seconds = load_manifest(identifier), []
            for run in range(runs + 1):
                started = time.perf_counter()
                Grading(
                    manifest, submission(manifest), Options(train=False), sandbox, b"benchmark secret" + bytes([run])
                ).run()
                seconds.append(time.perf_counter() - started)
            told = f"{median(seconds[1:]):.2f} s ({min(seconds[1:]):.2f} to {max(seconds[1:]):.2f})"
            rows.append((f"behaviour rubric of {identifier}, warm", told, "under 4 s"))
    return rows


def verdict(rounds: int = 2) -> list[Row]:
    """Whole `autograder grade` against the bare pipeline and against the notebook, taken in turn, as whole processes; memory of the grader's tree."""
    manifest = load_manifest("swiss_roll")
    ours, shared, bare, notebook, memory = [], [], [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = with_notebook(manifest, Path(name) / "solution")
        for _ in range(rounds):
            bare.append(_run(["-m", "benchmarks.as_the_notebook", str(folder)])[0])
            grade = ["-m", "autograder", "grade", str(folder), "--out", str(Path(name) / "out")]
            taken, peak = _run([*grade, "--outcome", "own"])
            ours.append(taken)
            memory.append(peak)
            shared.append(_run([*grade, "--outcome", "shared"])[0])
        notebook.append(_run(["-c", EXECUTE_NOTEBOOK], cwd=str(folder))[0])
    ratios = [o / b for o, b in zip(ours, bare)]
    return [
        ("whole verdict, by the submission's own training", f"{median(ours):.1f} s", ""),
        ("whole verdict, by a shared training", f"{median(shared):.1f} s", "under 15 s"),
        ("bare training and sampling", f"{median(bare):.1f} s", ""),
        ("notebook, executed", f"{median(notebook):.1f} s", ""),
        ("verdict / bare", f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})", "at most 0.80"),
        ("verdict / notebook", f"{median(ours) / median(notebook):.2f}", "below 1"),
        (
            "memory of the whole tree (proportional set size)",
            f"{max(memory):.0f} MB",
            "under 768 MB with the CPU build of torch",
        ),
    ]


def with_notebook(manifest: Manifest, folder: Path) -> Path:
    """A new folder with the solution and the handout's notebook."""
    folder.mkdir()
    for file, content in solution_files(manifest).items():
        (folder / file).write_bytes(content)
    (folder / "ddpm_tutorial.ipynb").write_bytes((manifest.handout / "ddpm_tutorial.ipynb").read_bytes())
    return folder


def _run(arguments: list[str], cwd: str | None = None) -> tuple[float, float]:
    """Seconds, and the largest proportional set size of the process and all below it, in MB."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=cwd)
    peak = [0.0]

    def watch() -> None:
        while process.poll() is None:
            peak[0] = max(peak[0], _proportional_set_size(process.pid))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, errors = process.communicate()
    seconds = time.perf_counter() - started
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments[:3])} failed: {errors.decode(errors='replace')[-500:]}")
    return seconds, peak[0]


def _proportional_set_size(pid: int) -> float:
    total = 0
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    except (psutil.Error, OSError):
        pass
    return total / 1024
