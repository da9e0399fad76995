"""Gradescope's submission_metadata.json: who handed in, when, until when, and what came of it before.

The format is documented at https://gradescope-autograders.readthedocs.io/en/latest/submission_metadata/. All rules here count from the time
of the submission, `created_at`, and never from the clock, so that a regrade weeks later comes to the same result. All times carry an offset.
"""

import json
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from autograder.bundle.settings import Settings

DAY = timedelta(days=1)
OVER_LIMIT = "over_limit"  # extra_data.state in the results of a submission that was not graded


@dataclass(frozen=True)
class Earlier:
    """A previous submission of the same student or group."""

    time: datetime
    score: float
    results: dict[str, Any]

    @property
    def counts(self) -> bool:
        """Whether it was graded to the end, and so counts as an attempt; one that the grader could not judge does not."""
        extra = self.results.get("extra_data")
        state = extra.get("state") if isinstance(extra, dict) else None
        return state in (None, "complete")


@dataclass(frozen=True)
class SubmissionMetadata:
    """What the platform knows. `problems`: sentences for staff about what could not be read; nothing is guessed in its place."""

    created: datetime | None = None
    due: datetime | None = None  # the most generous one of the members of a group, extensions included
    names: tuple[str, ...] = ()
    earlier: tuple[Earlier, ...] = ()  # oldest first
    problems: tuple[str, ...] = field(default_factory=tuple)

    def days_late(self, grace: timedelta) -> int:
        """Days begun after the due date and the grace; 0 when in time, or when one of the times is not known."""
        if self.created is None or self.due is None or self.created <= self.due + grace:
            return 0
        return math.ceil((self.created - self.due) / DAY)

    def attempts_within_a_day(self) -> int:
        """Graded submissions in the 24 hours before this one."""
        if self.created is None:
            return 0
        start = self.created - DAY
        return sum(start < earlier.time <= self.created and earlier.counts for earlier in self.earlier)


def read_metadata(path: Path) -> SubmissionMetadata:
    """Read the file as far as it can be read; a grade must not be lost over it. Raises nothing."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(data, dict)
    except (OSError, ValueError, AssertionError, RecursionError):
        return SubmissionMetadata(
            problems=("submission_metadata.json cannot be read, so no late and no attempt rule was applied.",)
        )
    problems: list[str] = []
    created = _time(data.get("created_at"), "created_at", problems)
    if created is None and not problems:
        problems.append("submission_metadata.json has no created_at, so no late and no attempt rule was applied.")
    users = [user for user in _list(data.get("users")) if isinstance(user, dict)]
    found = data.get("assignment")
    assignment: dict[str, Any] = found if isinstance(found, dict) else {}
    names = tuple(name for user in users if isinstance(name := user.get("name") or user.get("email"), str))
    return SubmissionMetadata(
        created, _due(assignment, users, problems), names, tuple(_earlier(data, problems)), tuple(problems)
    )


def _due(assignment: dict[str, Any], users: list[dict[str, Any]], problems: list[str]) -> datetime | None:
    """The latest due date of the members. An extension stands in the `assignment` inside of a user; who has none has the assignment's."""
    common = _time(assignment.get("due_date"), "due_date", problems)
    dates = []
    for user in users:
        own = user.get("assignment")
        date = _time(own.get("due_date"), "the due_date of a user", problems) if isinstance(own, dict) else None
        dates.append(date or common)
    known = [date for date in dates or [common] if date is not None]
    return max(known, default=None)


def _earlier(data: dict[str, Any], problems: list[str]) -> list[Earlier]:
    found = []
    for entry in _list(data.get("previous_submissions")):
        if not isinstance(entry, dict):
            continue
        time = _time(entry.get("submission_time"), "the time of an earlier submission", problems)
        try:
            score = float(entry.get("score"))  # type: ignore[arg-type]
        except (OverflowError, TypeError, ValueError):
            continue  # it has no score: it could not be graded
        results = entry.get("results")
        if time is not None and math.isfinite(score):
            found.append(Earlier(time, score, results if isinstance(results, dict) else {}))
    return sorted(found, key=lambda earlier: earlier.time)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _time(value: Any, name: str, problems: list[str]) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        time = None
    if time is None or time.tzinfo is None or not 1970 < time.year < 9000:
        problems.append(f"In submission_metadata.json, {name} is no time with an offset, so no rule was applied to it.")
        return None
    return time


def kept_results(metadata: SubmissionMetadata, settings: Settings) -> dict[str, Any] | None:
    """The `results.json` of a submission over the limit of attempts: an earlier score and one sentence; None where it is to be graded."""
    graded = [earlier for earlier in metadata.earlier if earlier.counts]
    most, attempts = settings.max_attempts_per_day, metadata.attempts_within_a_day()
    if not most or attempts < most or not graded or metadata.created is None:
        return None
    kept = graded[-1] if settings.over_limit_keeps == "last" else max(graded, key=lambda one: (one.score, one.time))
    again = sorted(earlier.time for earlier in graded if earlier.time > metadata.created - DAY)[-most] + DAY
    sentence = (
        f"Not graded: {attempts} of your submissions were graded in the 24 hours before this one, and {most} are allowed. "
        f"You keep the {'last' if settings.over_limit_keeps == 'last' else 'best'} score so far, {kept.score:g} "
        f"(of {kept.time.isoformat(sep=' ', timespec='minutes')}); hand in again after {again.isoformat(sep=' ', timespec='minutes')}."
    )
    before = kept.results.get("output")
    extra = kept.results.get("extra_data")
    extra = {**(extra if isinstance(extra, dict) else {}), "state": OVER_LIMIT}
    output = f"{sentence}\n\nThat submission:\n{before}" if isinstance(before, str) and before else sentence
    return {
        "tests": [],
        **kept.results,
        "score": kept.score,
        "output": output,
        "output_format": "text",
        "extra_data": extra,
    }
