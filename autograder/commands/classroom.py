"""A whole class: grade it, give the grades out, see what a change would do to them."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.options import AssignmentOption, IsolationOption, OutcomeOption, RosterOption, outcome_policy
from autograder.errors import UserError


def grade_class(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Zips and folders, one for each student, or what Gradescope, Canvas or Moodle exports, unzipped; also sections.",
            show_default=False,
        ),
    ],
    assignment: AssignmentOption = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Grading processes; three for two processors when not given, at most one a submission."
        ),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler that runs already, such as tcp://10.0.0.1:8786.")
    ] = None,
    no_train: Annotated[
        bool, typer.Option("--no-train", help="Skip the tasks that need a training; about a second a submission.")
    ] = False,
    profile: Annotated[str | None, typer.Option(help="How points are summed, as named in the manifest.")] = None,
    outcome: OutcomeOption = None,
    regrade: Annotated[
        str | None, typer.Option(help="Judge this task again, such as 1-3, and keep what was judged of the others.")
    ] = None,
    earlier: Annotated[
        Path | None, typer.Option(help="Submissions of earlier years, which those of this class are compared with too.")
    ] = None,
    roster: RosterOption = None,
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
        outcome=outcome_policy(outcome),
        regrade=regrade,
        require=require_isolation,
        earlier=earlier,
        roster=roster,
    )
    run(folder, out, options)


def gradebook(
    ledger: Annotated[Path, typer.Argument(help="A ledger.jsonl, or its folder.", show_default=False)],
    format: Annotated[str, typer.Option(help="canvas, gradescope, moodle or csv.")] = "csv",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; to the terminal when not given.")
    ] = None,
    due: Annotated[
        str | None, typer.Option(help="When it was due, with the offset: 2026-03-01T23:59-08:00.", show_default=False)
    ] = None,
    late_percent: Annotated[
        float, typer.Option(min=0, max=100, help="Taken off the points earned for each day begun after that.")
    ] = 10.0,
    late_grace: Annotated[float, typer.Option(min=0, max=1e6, help="Minutes in which nothing is taken off.")] = 0.0,
    late_cap: Annotated[float, typer.Option(min=0, max=100, help="Percent that is taken off at most.")] = 100.0,
    overrides: Annotated[
        Path | None,
        typer.Option(help='A TOML file: ["student id"], then points = 40, delta = -2 or release = ["2-1"], and reason = "…".'),
    ] = None,
    roster: RosterOption = None,
    zeros: Annotated[
        bool, typer.Option("--zeros", help="A row of 0 points for everybody on the roster who handed in nothing.")
    ] = False,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="For Moodle: a comment for everybody, in place of what is written there.")
    ] = False,
) -> None:
    """Write the grades of a class, late rules and overrides applied, rounded half up to two decimals at the end."""
    from autograder.classroom.gradebook import Course, LateRule, make_gradebook
    from autograder.classroom.gradebook_formats import BYTE_ORDER_MARK, FORMATS, REMARKS, moodle
    from autograder.classroom.last_run import read_last_run
    from autograder.classroom.ledger import read_ledger
    from autograder.classroom.overrides import read_overrides
    from autograder.classroom.roster import read_roster
    from autograder.verdict import write_atomically

    if format not in FORMATS:
        raise UserError(f"--format takes {', '.join(FORMATS)}, not {format!r}.")
    if feedback and format != "moodle":
        raise UserError("--feedback writes Moodle's column of comments; it goes with --format moodle.")
    rule = LateRule(_moment(due), late_percent, timedelta(minutes=late_grace), late_cap) if due else None
    last = read_last_run(ledger if ledger.is_dir() else ledger.parent)
    rosters = tuple(filter(None, (last.roster if last else (), read_roster(roster) if roster else ())))
    if zeros and not rosters:
        raise UserError("--zeros is for those who handed in nothing; say who is in the course, with --roster.")
    course = Course(rosters, last, zeros)
    book = make_gradebook(read_ledger(ledger), rule, read_overrides(overrides) if overrides else {}, course)
    text = moodle(book, feedback) if format == "moodle" else FORMATS[format](book)
    for remark in (*book.remarks, *REMARKS[format](book)):
        typer.echo(remark, err=True)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        write_atomically(out, BYTE_ORDER_MARK + text)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}).") from error
    typer.echo(f"{out}: {len(book.grades)} grades, in points, rounded half up to two decimals.")


def _moment(text: str) -> datetime:
    """A moment with its offset: without one, nobody knows which midnight is meant. A date alone is not enough, and the advice is its end."""
    if day := re.fullmatch(r"\s*(\d{4}-\d\d-\d\d)([+-]\d\d:?\d\d|Z)\s*", text):  # Python reads the offset as a time
        raise UserError(f"--due {text} needs a time too; for the end of that day write {day[1]}T23:59{day[2]}.")
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UserError(f"--due takes a date and a time such as 2026-03-01T23:59-08:00, not {text!r}.") from error
    if moment.tzinfo is None:
        alone = not re.search(r"[T :]\s*\d", text.strip())
        said = moment.replace(hour=23, minute=59) if alone else moment
        likely = said.isoformat(timespec="seconds" if said.second else "minutes")
        what = (
            "a time and the offset of its time zone; for the end of that day"
            if alone
            else "the offset of its time zone;"
        )
        raise UserError(
            f"--due {text} needs {what} write {likely}-08:00 or {likely}+09:00, with the offset where you are."
        )
    return moment


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
