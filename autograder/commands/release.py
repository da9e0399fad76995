"""What leaves this repository: the student folders."""

from typing import Annotated

import typer

from autograder.commands.options import AssignmentOption


def release(
    assignment: AssignmentOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the student folder is stale or an answer leaks.")
    ] = False,
) -> None:
    """Derive the student folders from solutions/."""
    from autograder.release.command import release as run

    raise typer.Exit(run(assignment, check))
