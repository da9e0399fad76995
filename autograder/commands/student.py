"""What students run on their own work; in the kit, `check.py` and `pack.py` do the same."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.options import AssignmentOption
from autograder.manifest import Manifest, load_manifest

PathArgument = Annotated[Path, typer.Argument(help="The folder with the work.")]


def check(
    path: PathArgument = Path("."),
    assignment: AssignmentOption = None,
    task: Annotated[str | None, typer.Option(help="Check this task only, such as 1-2.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Check again whenever a file is saved; Ctrl-C ends it.")
    ] = False,
) -> None:
    """Run the visible checks on a folder, in seconds: what is done, what is wrong, where to look.

    Code runs without any isolation here: for your own work only. `autograder grade` judges what others hand in.
    """
    from autograder.kit.check import run
    from autograder.release.kit import make_kit

    raise typer.Exit(run(make_kit(_manifest(path, assignment)), path, task, watch))


def pack(
    name: Annotated[str, typer.Option(help="Name of the student, such as JaneDoe.")],
    student_id: Annotated[str, typer.Option("--id", help="Student ID, such as 20241234.")],
    path: PathArgument = Path("."),
    assignment: AssignmentOption = None,
    incomplete: Annotated[bool, typer.Option("--incomplete", help="Pack although something is missing.")] = False,
) -> None:
    """Make NAME_ID.zip for handing in, and say what will be graded and what was left out."""
    from autograder.kit.pack import run
    from autograder.release.kit import facts_kit

    raise typer.Exit(run(facts_kit(_manifest(path, assignment)), path, name, student_id, incomplete))


def _manifest(path: Path, assignment: str | None) -> Manifest:
    from autograder.submission.guess import guess_assignment

    return load_manifest(assignment or guess_assignment(path))
