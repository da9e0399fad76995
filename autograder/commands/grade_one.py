"""`autograder grade`: read, judge, print, write."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import UserError
from autograder.grading.publishing import refused_verdict
from autograder.grading.seeds import load_secret
from autograder.grading.session import Grading, Options
from autograder.manifest import Manifest
from autograder.places import REPOSITORY
from autograder.report import TerminalReport, make_console, print_summary, write_reports
from autograder.sandbox.launcher import Sandbox
from autograder.submission.intake import read_submission
from autograder.submission.rules import Refused
from autograder.verdict import Figure, Verdict, write_atomically

EXAMPLES = REPOSITORY / "examples"


def grade_one(
    path: Path,
    manifest: Manifest,
    options: Options,
    out: Path,
    sandbox: Sandbox | None = None,
    quiet: bool = False,
    require: str | None = None,
) -> Verdict:
    """Grade the submission at `path` and leave verdict.json, results.json and report.html in `out`.

    `require`: the isolation level below which no student code is run, where no `sandbox` is given.

    A submission that cannot be read gives a verdict of state "refused", with the reason; everything else that is wrong
    with it is part of the verdict.
    """
    manifest.profile(options.profile)
    if options.task is not None:
        manifest.task(options.task)
    with _writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
    try:
        submission = read_submission(path, manifest)
    except UserError as error:
        verdict = refused_verdict(manifest, path.name, str(error), options.profile)
        _write(verdict, [], out)
        return verdict
    secret = load_secret()
    if sandbox is None:
        with Sandbox(require=require) as own:
            return grade_one(path, manifest, options, out, own, quiet)
    try:
        grading = Grading(manifest, submission, options, sandbox, secret)
    except Refused as refused:  # what takes too long to look into
        verdict = refused_verdict(manifest, path.name, str(refused), options.profile)
        _write(verdict, [], out)
        return verdict
    console = make_console()
    with TerminalReport(console) as terminal:

        def observe(verdict: Verdict, running: str | None, progress: tuple[str, int, int] | None) -> None:
            if running is None and progress is None:
                with _writing_to(out):
                    write_atomically(out / "verdict.json", verdict.to_json())
            if not quiet:
                terminal.update(verdict, running, progress)

        grading.observe = observe
        verdict = grading.run()
    _write(verdict, grading.figures, out)
    if not quiet:
        print_summary(verdict, console, report=str(out / "report.html"))
    return verdict


def _write(verdict: Verdict, figures: list[Figure], out: Path) -> None:
    with _writing_to(out):
        write_atomically(out / "verdict.json", verdict.to_json())
        write_reports(verdict, figures, out)


@contextlib.contextmanager
def _writing_to(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"The reports cannot be written to {out} ({error.strerror}); choose another folder with --out."
        ) from error
