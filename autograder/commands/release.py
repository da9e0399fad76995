"""What leaves this repository: the student folders, and the grader for other machines."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.options import AssignmentOption
from autograder.errors import UserError


def release(
    name: Annotated[
        str | None, typer.Argument(metavar="[ASSIGNMENT]", help="Identifier of the assignment.", show_default=False)
    ] = None,
    assignment: AssignmentOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the student folder is stale or an answer leaks.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the student kit, a zip.", show_default=False)
    ] = None,
) -> None:
    """Derive the student folders from solutions/; with -o, the kit for students: handout and visible checks in a zip."""
    if name and assignment and name != assignment:
        raise UserError(f"Two assignments are named, {name} and {assignment}; name one.")
    if check and out is not None:
        raise UserError("--check writes nothing, and -o writes the kit; give one of the two.")
    from autograder.release.command import release as run
    from autograder.release.command import release_kit

    if out is not None:
        release_kit(name or assignment, out)
    else:
        raise typer.Exit(run(name or assignment, check))


def new(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Identifier of the new assignment, such as flow_matching.", show_default=False)
    ],
    course: Annotated[str, typer.Option(help="For which course it is: a line for people.", show_default=False)],
) -> None:
    """Write the beginnings of an assignment: one task that validates as it stands, to be replaced by yours."""
    from autograder.places import courses
    from autograder.release.command import release as run
    from autograder.release.new_assignment import new_assignment

    for path in new_assignment(identifier, course):
        typer.echo(path.relative_to(courses()))
    status = run(identifier)
    typer.echo(f"Next: autograder validate {identifier}; then docs/new-assignment.md.")
    raise typer.Exit(status)


def bundle(
    assignment: Annotated[str, typer.Argument(help="Identifier of the assignment.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The zip to write.")] = Path("autograder.zip"),
    gradescope: Annotated[bool, typer.Option("--gradescope", help="The zip to upload to Gradescope.")] = False,
    docker: Annotated[
        bool, typer.Option("--docker", help="A folder for `docker build`, for a machine of your own.")
    ] = False,
    github_classroom: Annotated[
        bool,
        typer.Option("--github-classroom", help="A workflow for the template repository; needs the image of --docker."),
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="A TOML file of keys that replace those of [gradescope] in assignment.toml.", show_default=False
        ),
    ] = None,
) -> None:
    """Pack the grader of one assignment for the place where it will run."""
    from autograder.bundle.make import bundle as run

    targets = {"gradescope": gradescope, "docker": docker, "github-classroom": github_classroom}
    chosen = [name for name, wanted in targets.items() if wanted]
    if len(chosen) != 1:
        raise UserError("Say where the grader will run: exactly one of --gradescope, --docker and --github-classroom.")
    for line in run(assignment, chosen[0], out, settings):
        typer.echo(line)
