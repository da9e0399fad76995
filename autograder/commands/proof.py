"""The grader graded: known mistakes, known right solutions, measured outcomes."""

import functools
from pathlib import Path
from typing import Annotated, NoReturn

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
    generated: Annotated[
        int, typer.Option(min=0, help="Judge this many mutants made by operators, in place of the known mistakes and variants.")
    ] = 0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Which mutants are drawn; the day's date as a number when not given.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for a JSON file with all generated mutants.")] = None,
) -> None:
    """Grade the grader: all known mistakes, all known right solutions, many secrets; or mutants made by operators."""
    if generated:
        _generated(assignment, generated, seed, processes, out)
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


def _generated(assignment: str | None, number: int, seed: int | None, processes: int | None, out: Path | None) -> NoReturn:
    """Exit status 1 where too many mutants survive, or cost points in a wrong task."""
    from rich.progress import Progress

    from autograder.grading.generated.campaign import Campaign, run, seed_of_the_day
    from autograder.grading.generated.drawing import draw
    from autograder.report import make_console
    from autograder.report.generated import print_campaign, write_campaign

    seed = seed_of_the_day() if seed is None else seed
    short = False
    for identifier in [assignment] if assignment else assignment_ids():
        mutants, campaign, written = draw(load_manifest(identifier), number, seed), Campaign(identifier, seed), None
        with Progress(console=make_console()) as progress:
            bar = progress.add_task(f"mutants of {identifier}, seed {seed}", total=len(mutants))
            for campaign in run(mutants, seed, processes):
                progress.update(bar, completed=len(campaign.outcomes))
                if out is not None:  # each time, so that a run that is stopped leaves what it has found
                    written = write_campaign(campaign, out)
        print_campaign(campaign)
        if written is not None:
            typer.echo(f"All mutants are in {written}.")
        short = short or bool(campaign.falls_short)
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
