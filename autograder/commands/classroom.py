"""A whole class: grade it, give the grades out, see what a change would do to them."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.options import AssignmentOption, IsolationOption


def grade_class(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Zips and folders, one for each student, or what Gradescope, Canvas or Moodle exports, unzipped.",
            show_default=False,
        ),
    ],
    assignment: AssignmentOption = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Grading processes; three for two processors when not given.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler that runs already, such as tcp://10.0.0.1:8786.")
    ] = None,
    no_train: Annotated[
        bool, typer.Option("--no-train", help="Skip the tasks that need a training; about a second a submission.")
    ] = False,
    profile: Annotated[str | None, typer.Option(help="How points are summed, as named in the manifest.")] = None,
    regrade: Annotated[
        str | None, typer.Option(help="Judge this task again, such as 1-3, and keep what was judged of the others.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for ledger.jsonl, index.html and the reports.")] = Path(
        "reports/class"
    ),
    require_isolation: IsolationOption = None,
) -> None:
    """Grade a folder of submissions. Stopped at any moment, the same command goes on where it was."""
    from autograder.classroom.grade_class import ClassOptions
    from autograder.classroom.grade_class import grade_class as run

    options = ClassOptions(
        assignment=assignment,
        workers=workers,
        scheduler=scheduler,
        train=not no_train,
        profile=profile,
        regrade=regrade,
        require=require_isolation,
    )
    run(folder, out, options)


def compare(
    first: Annotated[Path, typer.Argument(help="A ledger.jsonl, or its folder.", show_default=False)],
    second: Annotated[Path, typer.Argument(help="The one to compare it with.", show_default=False)],
) -> None:
    """Say whose grade moves between two gradings of a class, by how much and why (exit status 1 if any does)."""
    from autograder.classroom.compare import compare as run
    from autograder.classroom.compare import print_moves
    from autograder.classroom.ledger import read_ledger

    moves = run(read_ledger(first), read_ledger(second))
    print_moves(moves, str(first), str(second))
    raise typer.Exit(1 if moves else 0)
