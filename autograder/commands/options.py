"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from autograder.errors import UserError
from autograder.manifest import OutcomePolicy

AssignmentOption = Annotated[
    str | None,
    typer.Option(
        "--assignment", "-a", help="Identifier of the assignment; where not given, what is handed in shows it."
    ),
]

IsolationOption = Annotated[
    str | None, typer.Option(help="Refuse to run student code below this level: process, user, files or network.")
]

OutcomeOption = Annotated[
    str | None,
    typer.Option(
        help="Whose training is judged: own (of each submission) or shared (of the reference, where network and loss were proved right)."
    ),
]

RosterOption = Annotated[
    Path | None,
    typer.Option(
        help="A CSV of who is in the course: name, id, email, github_username, section; also what Canvas, Moodle, Gradescope or GitHub "
        "Classroom exports."
    ),
]


def outcome_policy(value: str | None) -> OutcomePolicy | None:
    """What --outcome says. Raises UserError for anything else."""
    if value is not None and value not in get_args(OutcomePolicy):
        raise UserError(f"--outcome takes {' or '.join(get_args(OutcomePolicy))}, not {value!r}.")
    return cast(OutcomePolicy | None, value)
