"""One submission: grade it, look at the verdict again, and what confines it."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.options import AssignmentOption, IsolationOption, OutcomeOption, outcome_policy
from autograder.errors import UserError
from autograder.manifest import load_manifest


def grade(
    path: Annotated[Path, typer.Argument(help="The submission: a folder or a zip file.", show_default=False)],
    assignment: AssignmentOption = None,
    task: Annotated[str | None, typer.Option(help="Judge this task only, such as 1-2.")] = None,
    no_train: Annotated[
        bool, typer.Option("--no-train", help="Skip the tasks that need a training; takes seconds.")
    ] = False,
    profile: Annotated[str | None, typer.Option(help="How points are summed, as named in the manifest.")] = None,
    hints: Annotated[str | None, typer.Option(help="How much to explain: none, where or what.")] = None,
    outcome: OutcomeOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for verdict.json, results.json and report.html.", show_default="reports/<name>"),
    ] = None,
    require_isolation: IsolationOption = None,
) -> None:
    """Grade one submission, print what was found, and write the verdict and its renderings."""
    from autograder.commands.grade_one import grade_one

    if hints not in (None, "none", "where", "what"):
        raise UserError(f"--hints takes none, where or what, not {hints!r}.")
    from autograder.grading.session import Options
    from autograder.submission.guess import guess_assignment

    manifest = load_manifest(assignment or guess_assignment(path))

    options = Options(profile=profile, task=task, train=not no_train, hints=hints, outcome=outcome_policy(outcome))
    out = out or Path("reports") / (path.resolve().stem or "submission")
    verdict = grade_one(path, manifest, options, out, require=require_isolation)
    if verdict.state == "refused":
        raise UserError(verdict.reason)
    if verdict.state == "interrupted":
        raise KeyboardInterrupt


def show(path: Annotated[Path, typer.Argument(help="A verdict.json.", show_default=False)]) -> None:
    """Print a verdict again."""
    from autograder.grading.replay import read_verdict
    from autograder.report import print_summary

    print_summary(read_verdict(path))


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


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the reports and index.html.")] = Path("reports/demo"),
) -> None:
    """Grade the sample submissions in examples/submissions and leave a page that links their reports."""
    from autograder.commands.demo import grade_examples

    grade_examples(out)


def doctor() -> None:
    """Show which isolation layers hold on this machine, how to get more, and what a worker costs."""
    from autograder.sandbox.doctor import examine, report

    report(examine())
