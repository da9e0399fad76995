"""What runs on Gradescope: `python -m autograder.bundle.gradescope [ROOT]`, called by run_autograder. ROOT is /autograder unless given.

Reads ROOT/submission and ROOT/submission_metadata.json, writes ROOT/results/results.json. The platform's contract is documented at
https://gradescope-autograders.readthedocs.io/en/latest/specs/. Results are written as checks finish, worded as if they were the last, because
they are when this process is killed.
"""

import time

STARTED = time.monotonic()  # before the imports, which take a while on half a processor

import contextlib  # noqa: E402
import dataclasses  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import stat  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from datetime import timedelta  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from autograder.bundle.results_file import ResultsFile  # noqa: E402
from autograder.bundle.settings import Settings, read_settings  # noqa: E402
from autograder.bundle.submission_metadata import SubmissionMetadata, kept_results, read_metadata  # noqa: E402
from autograder.bundle.usage import Usage  # noqa: E402
from autograder.errors import UserError  # noqa: E402
from autograder.grading.publishing import refused_verdict  # noqa: E402
from autograder.grading.seeds import SECRET_FILE_VARIABLE, SECRET_VARIABLE, load_secret  # noqa: E402
from autograder.grading.session import Grading, Options  # noqa: E402
from autograder.manifest import Limits, Manifest, assignment_ids, load_manifest  # noqa: E402
from autograder.places import REPOSITORY  # noqa: E402
from autograder.report import make_console, print_summary, to_gradescope  # noqa: E402
from autograder.sandbox import machine  # noqa: E402
from autograder.sandbox.launcher import Sandbox  # noqa: E402
from autograder.submission.intake import Submission, read_submission  # noqa: E402
from autograder.submission.rules import Refused, listed, shown  # noqa: E402
from autograder.submission.sources import only_zip  # noqa: E402
from autograder.text import clean_text  # noqa: E402
from autograder.verdict import Notice, Verdict  # noqa: E402

SETTINGS, SECRET = "bundle.toml", "secret"  # beside the package, in the bundle
RESERVED_SECONDS = 45.0  # of the platform's limit: the grading stops so long before it
PATIENCE_SECONDS = 15.0  # after that, until the process ends whatever it is doing
RESERVED_MEGABYTES = 64  # of the container, for what the grader may still need once workers run
KILLED = (
    "the grader ended before it had finished: it was stopped from outside, or ran out of memory or time. This is what was known "
    "then; the course staff can run the autograder again"
)


def main(root: Path) -> int:
    """Grade what lies in `root`. Always leaves a valid results.json; returns the exit status."""
    results = ResultsFile(root / "results" / "results.json")
    run = None
    try:
        with private(root):
            run = Run(root, results)
            run.grade()
        return 0
    except Exception as error:
        if run is None or run.tells_staff:
            print(f"FOR STAFF: {type(error).__name__}: {error}")
        if run is None or not run.has_written:  # else what was judged stays
            results.write(_nothing_judged(error))
        return 1
    finally:
        results.close()


def _nothing_judged(error: Exception) -> dict[str, Any]:
    """The results where the grader could not even begin."""
    why = (
        f"is not set up as it should be: {error}"
        if isinstance(error, UserError)
        else f"itself failed ({type(error).__name__})."
    )
    text = f"The grader {why} This is not your mistake, and your submission is safe: tell the course staff, who can run it again."
    return {"score": 0.0, "output": text, "output_format": "text", "tests": [], "extra_data": {"state": "interrupted"}}


@contextlib.contextmanager
def private(root: Path) -> Iterator[None]:
    """While student code may run, only the grader's user may look at anything in `root`: metadata, results, the submission, the grader.

    The results get their permissions back at the end, since the platform collects them.
    """
    before: dict[Path, int] = {}
    for name in ("submission_metadata.json", "submission", "results", "source"):
        path = root / name
        with contextlib.suppress(OSError):
            before[path] = stat.S_IMODE(path.stat().st_mode)
            path.chmod(before[path] & 0o700)
    try:
        yield
    finally:
        for path, mode in before.items():
            if path.name == "results":
                with contextlib.suppress(OSError):
                    path.chmod(mode)


class Run:
    """One run of the autograder, from the files of the platform to results.json."""

    def __init__(self, root: Path, results: ResultsFile):
        self.root, self.results = root, results
        self.manifest, self.settings = bundled()
        os.environ.setdefault(machine.PROCESSORS_VARIABLE, str(self.settings.processors))
        self.metadata = read_metadata(root / "submission_metadata.json")
        memory = machine.memory()
        limit = memory.limit if memory.container else min(memory.limit, self.settings.memory_megabytes << 20)
        self.usage = Usage(STARTED, self.settings.minutes * 60, limit)
        self.verdict: Verdict | None = None  # the newest
        self.late = False  # whether the time is over
        self.has_written = False  # results with the checks in them

    def grade(self) -> None:
        kept = kept_results(self.metadata, self.settings)
        if kept is not None:
            self.has_written = self.results.write(kept)
            print(kept["output"].split("\n")[0])
            return
        failure = ""
        with self._stopping_in_time():
            try:
                verdict = self._judge()
            except KeyboardInterrupt:  # outside of the checks
                verdict = self.verdict or self._refused("")
            except Exception as error:  # what was judged before stays
                failure = f"the grader itself failed ({type(error).__name__}). This is not your mistake; the course staff can run it again"
                if self.tells_staff:
                    print(f"FOR STAFF: {type(error).__name__}: {error}")
                verdict = self.verdict or self._refused("")
        if verdict.state == "running":
            verdict = dataclasses.replace(verdict, state="interrupted")
        if verdict.state == "interrupted":
            verdict = dataclasses.replace(verdict, reason=failure or self._why_stopped())
        self._publish(verdict)
        self.usage.close()
        self._tell_staff(self._complete(verdict))

    def _judge(self) -> Verdict:
        self._publish(self._refused(""))
        try:
            submission = self._submission()
        except Refused as error:
            return self._refused(str(error))
        with Sandbox(require={"process", "user"} if os.geteuid() == 0 else None) as sandbox:
            manifest = dataclasses.replace(self.manifest, limits=self._limits())
            grading = Grading(
                manifest, submission, Options(profile=self.settings.profile), sandbox, load_secret(), self._observe
            )
            return grading.run()

    def _submission(self) -> Submission:
        """What was handed in, under the names of who handed it in. The platform unpacks zips, but not one that lies beside other files."""
        submission = read_submission(only_zip(self.root / "submission"), self.manifest)
        return dataclasses.replace(submission, name=self._names())

    def _names(self) -> str:
        return shown(listed(list(self.metadata.names), most=8)) if self.metadata.names else "submission"

    @property
    def tells_staff(self) -> bool:
        """Whether what is printed is for staff alone."""
        return self.settings.stdout_visibility == "hidden"

    def _refused(self, reason: str) -> Verdict:
        verdict = refused_verdict(self.manifest, self._names(), reason, self.settings.profile)
        return verdict if reason else dataclasses.replace(verdict, state="running")

    def _limits(self) -> Limits:
        """The manifest's limits as they fit this container: calls may take longer on less than one processor, and no worker
        more memory than is left. Called when the process that has imported torch is there.
        """
        limits, slower = self.manifest.limits, max(1.0, 1 / machine.processors())
        left = (self.usage.memory_limit - machine.memory().used >> 20) - RESERVED_MEGABYTES
        return dataclasses.replace(
            limits,
            seconds_per_call=limits.seconds_per_call * slower,
            seconds_training=limits.seconds_training * slower,
            seconds_per_check=limits.seconds_per_check * slower,
            seconds_per_task=limits.seconds_per_task * slower,
            seconds_per_submission=limits.seconds_per_submission * slower,
            memory_megabytes=max(128, min(limits.memory_megabytes, left)),
        )

    # The clock

    @contextlib.contextmanager
    def _stopping_in_time(self) -> Iterator[None]:
        """Interrupt the grading, as Ctrl-C would, shortly before the platform kills it; end the process if that does not help."""
        left = max(1.0, self.usage.seconds_limit - RESERVED_SECONDS - self.usage.seconds)
        last_resort = threading.Timer(left + PATIENCE_SECONDS, self._end)
        last_resort.daemon = True

        def interrupt(*_: object) -> None:
            self.late = True
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt), signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, left)
        last_resort.start()
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before[0])
            signal.signal(signal.SIGTERM, before[1])
            last_resort.cancel()

    def _end(self) -> None:
        """The main thread did not react: say what is known, and end. Workers die with this process."""
        self.late = True
        verdict = self.verdict or self._refused("")
        self._publish(dataclasses.replace(verdict, state="interrupted", reason=self._why_stopped()))
        os._exit(0)

    def _why_stopped(self) -> str:
        if self.late:
            return (
                f"the time limit of {self.settings.minutes:g} minutes was near. What had not been judged by then is worth nothing yet; "
                "the course staff have to look at it"
            )
        return KILLED

    # What is written

    def _observe(self, verdict: Verdict, running: str | None, progress: tuple[str, int, int] | None) -> None:
        self.verdict = verdict
        if running is None and progress is None:
            self._publish(verdict)

    def _publish(self, verdict: Verdict) -> None:
        """Write the verdict; one that still runs is worded as if this process had just been killed."""
        self.verdict = verdict
        if verdict.state == "running":
            verdict = dataclasses.replace(verdict, state="interrupted", reason=KILLED)
        results = as_results(self._complete(verdict), self.settings, self.manifest, self.metadata)
        self.has_written = self.results.write(results) or self.has_written

    def _complete(self, verdict: Verdict) -> Verdict:
        """The verdict with what the platform adds: lateness, notices for staff, how close the run came to the limits."""
        return dataclasses.replace(
            verdict,
            notices=(*verdict.notices, *platform_notices(verdict, self.settings, self.metadata)),
            environment={**verdict.environment, "handed in by": self._names(), **self.usage.facts()},
        )

    def _tell_staff(self, verdict: Verdict) -> None:
        """On stdout, which the platform shows to staff; to students too only where the settings say so."""
        for name, value in self.usage.facts().items():
            print(f"{name}: {value}")
        if not self.tells_staff:
            return
        print_summary(verdict, make_console())
        for notice in verdict.notices:
            if notice.kind == "staff":
                print(f"FOR STAFF: {notice.message}")
        if verdict.state == "interrupted":
            print(
                f"FOR STAFF: not everything was judged: {verdict.reason}. Run the autograder again for this submission."
            )
        for check in verdict.checks:
            if check.status == "grader_error":
                print(f"FOR STAFF: {check.id}: {check.message}")
        if self.results.problem:
            print(f"FOR STAFF: {self.results.problem}")


def bundled() -> tuple[Manifest, Settings]:
    """The one assignment of this bundle and its settings. Raises UserError where the bundle is not whole."""
    ids = assignment_ids()
    if len(ids) != 1:
        raise UserError(
            f"This bundle holds {len(ids)} assignments instead of one; make it again with `autograder bundle`."
        )
    manifest = load_manifest(ids[0])
    return manifest, read_settings(manifest, REPOSITORY / SETTINGS)


def platform_notices(verdict: Verdict, settings: Settings, metadata: SubmissionMetadata) -> list[Notice]:
    """What follows from when the work was handed in, and what staff should know."""
    notices = [Notice("staff", problem) for problem in metadata.problems]
    days = metadata.days_late(timedelta(minutes=settings.grace_minutes))
    if days and metadata.created and metadata.due:
        share = min(1.0, days * settings.late_penalty_per_day)
        times = [time.isoformat(sep=" ", timespec="minutes") for time in (metadata.created, metadata.due)]
        message = f"Handed in at {times[0]}, due at {times[1]}: {days} {'day' if days == 1 else 'days'} late."
        if share:
            message += f" Each day begun costs {settings.late_penalty_per_day:.0%} of all points."
        notices.append(Notice("late", message, deduction=share * verdict.max_score))
    return notices


def as_results(
    verdict: Verdict, settings: Settings, manifest: Manifest, metadata: SubmissionMetadata
) -> dict[str, Any]:
    """The verdict as Gradescope's results, with visibilities, leaderboard, and what the next attempt asks for."""
    visibilities = {task.id: settings.visibility(task.kind) for task in manifest.tasks}
    results = to_gradescope(verdict, "visible", settings.stdout_visibility, visibilities)
    if any(value != "visible" for value in visibilities.values()):
        results["output"] = without_total(verdict)
    results["extra_data"]["attempts_within_a_day"] = metadata.attempts_within_a_day() + 1
    if settings.leaderboard and settings.outcome_visibility == "visible" and verdict.state == "complete":
        results["leaderboard"] = leaderboard(verdict, settings)
    return results


def without_total(verdict: Verdict) -> str:
    """The text on top where some checks are shown later: students always see it, so it tells no points and nothing of single checks."""
    notices = [notice for notice in verdict.notices if notice.kind != "staff"]
    parts = ["Some checks are shown later, so no total stands here yet.", verdict.reason]
    return "\n\n".join([clean_text(part, 3000) for part in (*parts, *(notice.message for notice in notices)) if part])


def leaderboard(verdict: Verdict, settings: Settings) -> list[dict[str, Any]]:
    """The figures of this submission, where they are its own: not those for which the reference stood in. No names are sent; Gradescope
    shows the pseudonym that the student chose.
    """
    checks = {check.id: check for check in verdict.checks}
    entries = []
    for ranking in settings.rankings:
        check = checks.get(ranking.check)
        value = check.evidence.get(ranking.figure) if check else None
        if check and not check.carried and isinstance(value, float) and math.isfinite(value):
            entries.append({"name": ranking.name, "value": value, "order": ranking.order})
    return entries


if __name__ == "__main__":
    if (REPOSITORY / SECRET).is_file():
        os.environ.pop(SECRET_VARIABLE, None)
        os.environ[SECRET_FILE_VARIABLE] = str(REPOSITORY / SECRET)
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    status = main(Path(sys.argv[1] if len(sys.argv) > 1 else "/autograder"))
    sys.stdout.flush()
    os._exit(status)  # whatever threads are left
