"""A verdict as it grows: every change is shown to whoever watches, so that what is known is never lost."""

import dataclasses
import platform
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from autograder import __version__
from autograder.grading.rubric import Check, judged_checks, tasks_by_hand
from autograder.manifest import Manifest
from autograder.sandbox.launcher import Sandbox
from autograder.verdict import CheckResult, Notice, Verdict, by_hand_id

Progress = tuple[str, int, int]  # what, done, total
Observer = Callable[[Verdict, str | None, Progress | None], None]  # verdict, running check, progress


class Publisher:
    """Holds the verdict of one submission. `observe` is called with every new state of it."""

    def __init__(self, verdict: Verdict, sandbox: Sandbox, observe: Observer):
        self.verdict, self.sandbox, self.observe = verdict, sandbox, observe
        self.progress: Progress | None = None
        self.started = time.monotonic()

    def result(self, check: Check) -> CheckResult:
        return next(result for result in self.verdict.checks if result.id == check.id)

    def put(self, result: CheckResult) -> None:
        self.verdict = self.verdict.with_check(result)

    def add(self, notice: Notice) -> None:
        self.verdict = self.verdict.with_notice(notice)

    def publish(self, **changes: Any) -> None:
        """Show the verdict with these fields changed."""
        changes["environment"] = {**self.verdict.environment, "isolation": self.sandbox.isolation}
        self.verdict = dataclasses.replace(self.verdict, seconds=round(time.monotonic() - self.started, 3), **changes)
        self.observe(self.verdict, None, None)

    def running(self, check: Check) -> None:
        self.observe(self.verdict, check.id, None)

    def note_progress(self, what: str, done: int, total: int) -> None:
        """Trainings may run in a thread; only the main thread talks to the observer."""
        self.progress = (what, done, total)
        if threading.current_thread() is threading.main_thread():
            self.still_there()

    def still_there(self) -> None:
        """Show how far a training is."""
        self.observe(self.verdict, None, self.progress)


def empty_verdict(
    manifest: Manifest, name: str, digest: str, profile: str | None, checks: Sequence[Check], **more: Any
) -> Verdict:
    """A verdict with every check not run. `more`: further fields of Verdict."""
    chosen = manifest.profile(profile)
    results = [CheckResult(c.id, c.mark.task, c.title, 0.0, c.mark.points) for c in checks]
    results += [CheckResult(by_hand_id(t.id), t.id, t.title, t.points, t.points) for t in tasks_by_hand(manifest, chosen)]
    ids = {result.task for result in results}
    more["environment"] = {"grader": __version__, **more.get("environment", {})}
    return Verdict(
        assignment=manifest.id,
        title=manifest.title,
        submission=name,
        digest=digest,
        profile=profile or manifest.default_profile,
        tasks=tuple(
            {"id": t.id, "title": t.title, "points": t.points, "regions": list(t.regions), "bonus": t.bonus}
            for t in manifest.tasks
            if t.id in ids
        ),
        checks=tuple(results),
        max_bonus=manifest.bonus,
        rule=chosen.rule,
        tiers=(chosen.both, chosen.one),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        **more,
    )


def refused_verdict(manifest: Manifest, name: str, reason: str, profile: str | None = None) -> Verdict:
    """The verdict of a submission that could not be read: every check not run, and the reason."""
    checks = judged_checks(manifest, manifest.profile(profile))
    return empty_verdict(manifest, name, "", profile, checks, state="refused", reason=reason)


def environment(sandbox: Sandbox) -> dict[str, str]:
    """What the verdict says of the machine."""
    return {
        **sandbox.versions,
        "platform": f"{platform.system()} {platform.machine()}",
        "isolation": sandbox.isolation,
    }
