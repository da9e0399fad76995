"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

AssignmentOption = Annotated[
    str | None,
    typer.Option(
        "--assignment", "-a", help="Identifier of the assignment; where not given, what is handed in shows it."
    ),
]

IsolationOption = Annotated[
    str | None, typer.Option(help="Refuse to run student code below this level: process, user, files or network.")
]

RosterOption = Annotated[
    Path | None,
    typer.Option(
        help="A CSV of who is in the course: name, id, email, github_username, section; also what Canvas, Moodle, Gradescope or GitHub "
        "Classroom exports."
    ),
]
