"""The grader graded: known mistakes, known right solutions, measured outcomes."""

import functools
from pathlib import Path
from typing import Annotated

import typer

from autograder.errors import UserError
from autograder.manifest import assignment_ids, load_manifest


def validate(
    assignment: Annotated[
        str | None, typer.Argument(help="Identifier of the assignment; all when not given.", show_default=False)
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=0, help="How often the statistical checks are repeated for each right solution.")
    ] = 200,
    processes: Annotated[
        int | None, typer.Option(min=1, help="How many processes; three for two processors when not given.")
    ] = None,
) -> None:
    """Grade the grader: all known mistakes, all known right solutions, many secrets."""
    from rich.progress import Progress

    from autograder.grading.validate import plan
    from autograder.grading.validate import validate as run
    from autograder.report import make_console
    from autograder.report.validation import print_report

    short = False
    for identifier in [assignment] if assignment else assignment_ids():
        manifest = load_manifest(identifier)
        jobs = plan(manifest, seeds)
        with Progress(console=make_console()) as progress:
            bar = progress.add_task(f"validating {identifier}", total=len(jobs))
            report = run(manifest, jobs, processes, on_progress=functools.partial(progress.advance, bar))
        print_report(report)
        short = short or bool(report.falls_short)
    raise typer.Exit(1 if short else 0)


def calibrate(
    assignment: Annotated[str, typer.Argument(help="Identifier of the assignment.")],
    trainings: Annotated[int, typer.Option(min=1, help="Trainings of the solution and of each chosen variant.")] = 20,
    processes: Annotated[
        int | None, typer.Option(min=1, help="How many processes; three for two processors when not given.")
    ] = None,
    ledger: Annotated[
        Path, typer.Option(help="File that keeps every finished training, so that a stopped run goes on.")
    ] = Path("reports/calibration.jsonl"),
) -> None:
    """Measure how the outcome is distributed, and how often each rule fails a right solution or passes a wrong one."""
    import importlib

    manifest = load_manifest(assignment)
    try:
        module = importlib.import_module(f"autograder.assignments.{assignment}.calibrate")
    except ModuleNotFoundError as error:
        raise UserError(f"{assignment} has no outcome to calibrate.") from error
    typer.echo(module.run(manifest, trainings, ledger, processes))
