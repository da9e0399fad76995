"""`autograder demo`: the sample submissions graded, and a page that links their reports."""

import contextlib
import importlib
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from autograder.commands.grade_one import grade_one
from autograder.grading.session import Options
from autograder.manifest import load_manifest
from autograder.places import REPOSITORY
from autograder.report import IndexEntry, make_console, write_index
from autograder.report.wording import score_text
from autograder.sandbox.launcher import Sandbox
from autograder.verdict import Verdict

EXAMPLES = REPOSITORY / "examples"


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
    console.print(as_table(rows))
    console.print(f"Open {out / 'index.html'} in a browser.")


def as_table(rows: Sequence[tuple[str, Verdict]]) -> Table:
    """Which tasks have lost points, and the score: the tasks of several courses are too many for columns."""
    table = Table("submission", "assignment", "lost in", title="Sample submissions")
    table.add_column("score", justify="right")
    for name, verdict in rows:
        failed = [check.task for check in verdict.checks if check.status in ("failed", "broken", "grader_error")]
        table.add_row(name, verdict.assignment, ", ".join(dict.fromkeys(failed)), score_text(verdict.score, verdict.max_score, verdict.held))
    return table


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
