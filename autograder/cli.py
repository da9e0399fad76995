"""The command line. Errors that users can cause end in one sentence and exit status 2, never in a traceback."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from autograder.errors import UserError
from autograder.manifest import assignment_ids, load_manifest

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Grade assignments on diffusion models.",
)

AssignmentOption = Annotated[
    str | None,
    typer.Option(
        "--assignment", "-a", help="Identifier of the assignment; where not given, what is handed in shows it."
    ),
]

IsolationOption = Annotated[
    str | None, typer.Option(help="Refuse to run student code below this level: process, user, files or network.")
]


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


@app.command()
def grade(
    path: Annotated[Path, typer.Argument(help="The submission: a folder or a zip file.", show_default=False)],
    assignment: AssignmentOption = None,
    task: Annotated[str | None, typer.Option(help="Judge this task only, such as 1-2.")] = None,
    no_train: Annotated[
        bool, typer.Option("--no-train", help="Skip the tasks that need a training; takes seconds.")
    ] = False,
    profile: Annotated[str | None, typer.Option(help="How points are summed, as named in the manifest.")] = None,
    hints: Annotated[str | None, typer.Option(help="How much to explain: none, where or what.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for verdict.json, results.json and report.html.", show_default="reports/<name>"),
    ] = None,
    require_isolation: IsolationOption = None,
) -> None:
    """Grade one submission, print what was found, and write the verdict and its renderings."""
    from autograder.grading.command import grade_one

    if hints not in (None, "none", "where", "what"):
        raise UserError(f"--hints takes none, where or what, not {hints!r}.")
    from autograder.grading.session import Options
    from autograder.submission.guess import guess_assignment

    manifest = load_manifest(assignment or guess_assignment(path))

    options = Options(profile=profile, task=task, train=not no_train, hints=hints)
    out = out or Path("reports") / (path.resolve().stem or "submission")
    verdict = grade_one(path, manifest, options, out, require=require_isolation)
    if verdict.state == "refused":
        raise UserError(verdict.reason)
    if verdict.state == "interrupted":
        raise KeyboardInterrupt


@app.command()
def doctor() -> None:
    """Show which isolation layers hold on this machine, how to get more, and what a worker costs."""
    from autograder.sandbox.doctor import examine, report

    report(examine())


@app.command()
def release(
    assignment: AssignmentOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail when the student folder is stale or an answer leaks.")
    ] = False,
) -> None:
    """Derive the student folders from solutions/."""
    from autograder.release.command import release as run

    raise typer.Exit(run(assignment, check))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the reports and index.html.")] = Path("reports/demo"),
) -> None:
    """Grade the sample submissions in examples/submissions and leave a page that links their reports."""
    from autograder.grading.command import grade_examples

    grade_examples(out)


@app.command()
def show(path: Annotated[Path, typer.Argument(help="A verdict.json.", show_default=False)]) -> None:
    """Print a verdict again."""
    from autograder.grading.replay import read_verdict
    from autograder.report import print_summary

    print_summary(read_verdict(path))


@app.command()
def replay(
    verdict: Annotated[Path, typer.Argument(help="A verdict.json.", show_default=False)],
    submission: Annotated[Path, typer.Argument(help="The submission that it judges.", show_default=False)],
    no_train: Annotated[
        bool, typer.Option("--no-train", help="Leave out the tasks that need a training; takes seconds.")
    ] = False,
    require_isolation: IsolationOption = None,
) -> None:
    """Judge a submission again with the seeds of its verdict, and say where the two differ (exit status 1)."""
    from autograder.grading.replay import replay as run
    from autograder.report import TerminalReport, make_console
    from autograder.report.replay import print_replay

    with TerminalReport(make_console()) as terminal:
        result = run(verdict, submission, train=not no_train, require=require_isolation, observe=terminal.update)
    print_replay(result)
    raise typer.Exit(1 if result.differences else 0)


@app.command()
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
    from autograder.grading.validate import plan, print_report
    from autograder.grading.validate import validate as run

    short = False
    for identifier in [assignment] if assignment else assignment_ids():
        manifest = load_manifest(identifier)
        report = run(manifest, plan(manifest, seeds), processes)
        print_report(report)
        short = short or bool(report.falls_short)
    raise typer.Exit(1 if short else 0)


@app.command()
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
