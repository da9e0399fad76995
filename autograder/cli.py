"""The command line. Errors that users can cause end in one sentence and exit status 2, never in a traceback."""

import sys
from collections.abc import Callable

import typer

from autograder.commands import classroom, grading, proof, release, student
from autograder.errors import UserError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Grade assignments on diffusion models.",
)

PANELS: dict[str, list[Callable[..., None]]] = {
    "One submission": [grading.grade, grading.show, grading.replay, grading.demo],
    "Your own work": [student.check, student.pack],
    "Hand out": [release.release, release.bundle, release.new],
    "A class": [classroom.grade_class, classroom.gradebook, classroom.compare],
    "Why it can be trusted": [grading.doctor, proof.validate, proof.calibrate],
}
NAMES: dict[Callable[..., None], str] = {classroom.grade_class: "class"}  # "class" cannot be the name of a function
for panel, commands in PANELS.items():
    for command in commands:
        app.command(NAMES.get(command), rich_help_panel=panel)(command)


def main() -> None:
    """Entry point of the console script `autograder`."""
    try:
        app()
    except UserError as error:
        typer.echo(f"autograder: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("autograder: stopped.", err=True)
        sys.exit(130)
