"""`autograder grade` and `autograder demo`: read, judge, print, write."""

import contextlib
import importlib
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from autograder.errors import UserError
from autograder.grading.seeds import load_secret
from autograder.grading.session import Grading, Options, refused_verdict
from autograder.grading.verdict import Figure, Verdict, write_atomically
from autograder.manifest import REPOSITORY, Manifest, load_manifest
from autograder.report import IndexEntry, TerminalReport, make_console, print_summary, write_index, write_reports
from autograder.report.view import score_text
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import read_submission
from autograder.submission.rules import Refused

EXAMPLES = REPOSITORY / "examples"


def grade_one(
    path: Path,
    manifest: Manifest,
    options: Options,
    out: Path,
    sandbox: Sandbox | None = None,
    quiet: bool = False,
    require: str | None = None,
) -> Verdict:
    """Grade the submission at `path` and leave verdict.json, results.json and report.html in `out`.

    `require`: the isolation level below which no student code is run, where no `sandbox` is given.

    A submission that cannot be read gives a verdict of state "refused", with the reason; everything else that is wrong
    with it is part of the verdict.
    """
    manifest.profile(options.profile)
    if options.task is not None:
        manifest.task(options.task)
    with _writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
    try:
        submission = read_submission(path, manifest)
    except UserError as error:
        verdict = refused_verdict(manifest, path.name, str(error), options.profile)
        _write(verdict, [], out)
        return verdict
    secret = load_secret()
    if sandbox is None:
        with Sandbox(require=require) as own:
            return grade_one(path, manifest, options, out, own, quiet)
    try:
        grading = Grading(manifest, submission, options, sandbox, secret)
    except Refused as refused:  # what takes too long to look into
        verdict = refused_verdict(manifest, path.name, str(refused), options.profile)
        _write(verdict, [], out)
        return verdict
    console = make_console()
    with TerminalReport(console) as terminal:

        def observe(verdict: Verdict, running: str | None, progress: tuple[str, int, int] | None) -> None:
            if running is None and progress is None:
                with _writing_to(out):
                    write_atomically(out / "verdict.json", verdict.to_json())
            if not quiet:
                terminal.update(verdict, running, progress)

        grading.observe = observe
        verdict = grading.run()
    _write(verdict, grading.figures, out)
    if not quiet:
        print_summary(verdict, console, report=str(out / "report.html"))
    return verdict


def _write(verdict: Verdict, figures: list[Figure], out: Path) -> None:
    with _writing_to(out):
        write_atomically(out / "verdict.json", verdict.to_json())
        write_reports(verdict, figures, out)


@contextlib.contextmanager
def _writing_to(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"The reports cannot be written to {out} ({error.strerror}); choose another folder with --out."
        ) from error


def grade_examples(out: Path) -> None:
    """Grade every sample submission that examples.toml marks for the demo, print a table, and write index.html."""
    with open(EXAMPLES / "examples.toml", "rb") as file:
        examples = [e for e in tomllib.load(file)["examples"] if e.get("demo")]
    console = make_console()
    entries, rows = [], []
    with Sandbox() as sandbox:
        for example in examples:
            console.print(f"Grading {example['name']}: {example['shows']}")
            manifest = load_manifest(example["assignment"])
            folder = out / example["name"].replace(".", "_")
            with _as_handed_in(example) as path:
                verdict = grade_one(
                    path, manifest, Options(train=example.get("train", True)), folder, sandbox, quiet=True
                )
            entries.append(IndexEntry.of(verdict, f"{folder.name}/report.html", about=example["shows"]))
            rows.append((example["name"], verdict))
    write_index(out / "index.html", entries, title="Sample submissions")
    table = Table(title="Sample submissions")
    task_ids = sorted({check.task for _, verdict in rows for check in verdict.checks})
    for heading in ("submission", *task_ids, "score"):
        table.add_column(heading, justify="left" if heading == "submission" else "right")
    for name, verdict in rows:
        judged = {check.task for check in verdict.checks}
        points = [f"{verdict.task_points(task)[0]:g}" if task in judged else "" for task in task_ids]
        table.add_row(name, *points, score_text(verdict.score, verdict.max_score, verdict.held))
    console.print(table)
    console.print(f"Open {out / 'index.html'} in a browser.")


@contextlib.contextmanager
def _as_handed_in(example: Mapping[str, Any]) -> Iterator[Path]:
    """Where the sample submission lies: in examples/, or a copy with the images that the demo draws."""
    path = EXAMPLES / "submissions" / example["name"]
    if not example.get("drawn"):
        yield path
        return
    sampler = importlib.import_module(f"autograder.assignments.{example['assignment']}.perfect_sampler")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / path.name
        shutil.copytree(path, copy)
        sampler.write_samples(copy / "samples", example["drawn"])
        yield copy
