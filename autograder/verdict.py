"""The verdict: the structured result of one submission. Every output format is a rendering of it.

It is a total function of evidence: it starts with every check of the rubric as "not_run", worth nothing, and is
replaced check by check as results come in, so what is on disk is true at every moment. Points are clamped to 0 … max
and summed over the rubric.
"""

import dataclasses
import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

SCHEMA = "autograder-verdict-1"

Status = Literal["passed", "failed", "broken", "held", "not_run", "grader_error"]
# passed        the property holds
# failed        the student's code gave a wrong answer
# broken        the student's code gave no answer: raised, timed out, died, missing
# held          its points wait for a person, who gives them by an override; `points` says how many at most, `message` why
# not_run       not judged (yet): the grade was interrupted, or this part was switched off
# grader_error  the grader itself failed; worth nothing, but flagged for staff


@dataclass(frozen=True)
class CheckResult:
    """One check of the rubric. Texts are plain text; renderings escape them."""

    id: str  # "1-2.test_forward_process_closed_form"
    task: str  # "1-2"
    title: str  # the sentence that the check proves
    points: float
    max_points: float
    status: Status = "not_run"
    message: str = ""  # what was expected, what came, where they part
    hint: str = ""  # the likeliest mistake (diagnosis)
    misconceptions: tuple[str, ...] = ()  # identifiers behind the hint
    carried: tuple[str, ...] = ()  # regions, or classes, that the reference stood in for: "ddpm.py:DiffusionModule.p_sample"
    evidence: dict[str, Any] = field(default_factory=dict)  # JSON data: numbers behind the message
    printed: str = ""  # the last of what the student's code printed
    seconds: float = 0.0
    shows_work: bool | None = None  # whether it has seen work of the region's own; None where it could not tell

    @property
    def by_hand(self) -> bool:
        """Whether no code judges this: a person reads it."""
        return self.id == by_hand_id(self.task)

    @property
    def awarded(self) -> float:
        """Points that count: finite, between 0 and max_points, and only for a check that passed or says how much it
        is worth.
        """
        return 0.0 if self.status in ("not_run", "grader_error", "broken", "held") else self._possible

    @property
    def held(self) -> float:
        """Points that a person may still give, 0 … max_points."""
        return self._possible if self.status == "held" else 0.0

    @property
    def _possible(self) -> float:
        return min(max(self.points, 0.0), self.max_points) if math.isfinite(self.points) else 0.0


def by_hand_id(task: str) -> str:
    """The identifier of what stands for a check in a task that a person judges."""
    return f"{task}.by_hand"


@dataclass(frozen=True)
class Notice:
    """Something about the whole submission: an edit outside the TODO marks, a hard-coded device, an ignored file."""

    kind: str  # "outside_todo", "hard_coded_device", "intake", "staff", ...
    message: str
    detail: str = ""  # e.g. a diff
    deduction: float = 0.0  # points taken off, ≥ 0
    voids: bool = False  # the whole submission earns nothing (policy outside_todo = "zero")


@dataclass(frozen=True)
class Figure:
    """A picture for the report: PNG bytes are kept beside the verdict, never inside JSON."""

    name: str  # file name without suffix
    caption: str
    png: bytes


@dataclass(frozen=True)
class Verdict:
    assignment: str
    title: str
    submission: str  # the name that was given
    digest: str  # SHA-256 of the judged files
    profile: str
    tasks: tuple[dict[str, Any], ...]  # {"id", "title", "points", "regions", "bonus"} in order
    checks: tuple[CheckResult, ...]
    notices: tuple[Notice, ...] = ()
    state: Literal["running", "complete", "interrupted", "refused"] = "running"
    reason: str = ""  # why it was refused or interrupted
    max_bonus: float = 0.0  # that the bonus tasks may add to the score, above max_score
    rule: Literal["sum", "tiers"] = "sum"
    tiers: tuple[float, float] = (0.0, 0.0)  # (both, one) for rule "tiers"
    outcome: Literal["own", "shared"] = "own"  # whose trainings might be judged, see Policy; each check's evidence says which was
    environment: dict[str, str] = field(default_factory=dict)  # versions, platform, isolation level reached
    seed_commitment: str = ""
    started: str = ""  # ISO 8601, UTC
    seconds: float = 0.0
    peak_megabytes: float = 0.0  # the most that one worker was seen to hold, beyond a fresh one

    @property
    def max_score(self) -> float:
        if self.rule == "tiers":
            return self.tiers[0]
        return sum(check.max_points for check in self.checks if not self.is_bonus(check.task))

    @property
    def highest(self) -> float:
        """The score with everything right and every bonus that counts."""
        return self.max_score + self._bonus(lambda check: check.max_points)

    @property
    def score(self) -> float:
        """Points after deductions, 0 … highest, without what is held."""
        return self._score(lambda check: check.awarded, ("passed",))

    @property
    def held(self) -> float:
        """What the score would rise by if every check that is held got its points, 0 … highest."""
        return round(self._score(lambda check: check.awarded + check.held, ("passed", "held")) - self.score, 6)

    @property
    def bonus(self) -> float:
        """What the bonus tasks add, before deductions, 0 … max_bonus."""
        return self._bonus(lambda check: check.awarded)

    def is_bonus(self, task: str) -> bool:
        return any(record.get("bonus") and record.get("id") == task for record in self.tasks)

    def _bonus(self, points_of: Callable[[CheckResult], float]) -> float:
        return min(sum(points_of(check) for check in self.checks if self.is_bonus(check.task)), max(self.max_bonus, 0.0))

    def _score(self, points_of: Callable[[CheckResult], float], met: tuple[Status, ...]) -> float:
        if self.state == "refused" or any(notice.voids for notice in self.notices):
            return 0.0
        asked_for = [check for check in self.checks if not self.is_bonus(check.task)]
        points = sum(map(points_of, asked_for))
        if self.rule == "tiers":
            number = sum(check.status in met for check in asked_for)
            points = {0: 0.0, 1: self.tiers[1]}.get(number, self.tiers[0])
        points += self._bonus(points_of)
        points -= sum(notice.deduction for notice in self.notices if notice.deduction > 0)
        return round(min(max(points, 0.0), self.highest), 6)

    def held_in(self, task: str) -> float:
        """The points of one task that are held."""
        return sum(check.held for check in self.checks if check.task == task)

    def released(self, given: Mapping[str, float | None]) -> "Verdict":
        """The verdict after a person has looked: of what is held in each task, so many points are given; None: all of them."""
        left = {task: self.held_in(task) if points is None else points for task, points in given.items()}
        checks = []
        for check in self.checks:
            if check.status == "held" and check.task in left:
                points = min(check.held, left[check.task])
                left[check.task] -= points
                said = f"A person has given {points:g} of {check.max_points:g} points." if check.by_hand else check.message
                status: Status = "passed" if points == check.held else "failed"
                check = dataclasses.replace(check, status=status, points=points, message=said)
            checks.append(check)
        return dataclasses.replace(self, checks=tuple(checks))

    def task_points(self, identifier: str) -> tuple[float, float]:
        """(awarded, maximum) of one task, before deductions."""
        checks = [check for check in self.checks if check.task == identifier]
        return sum(check.awarded for check in checks), sum(check.max_points for check in checks)

    def with_check(self, result: CheckResult) -> "Verdict":
        """The verdict with one check replaced, by id. Raises KeyError for a check that the rubric does not have."""
        if result.id not in {check.id for check in self.checks}:
            raise KeyError(result.id)
        return dataclasses.replace(
            self, checks=tuple(result if check.id == result.id else check for check in self.checks)
        )

    def with_notice(self, notice: Notice) -> "Verdict":
        return dataclasses.replace(self, notices=(*self.notices, notice))

    def to_json(self) -> str:
        derived = {"score": self.score, "held": self.held, "max_score": self.max_score}
        data = {"schema": SCHEMA, **dataclasses.asdict(self), **derived}
        for check, plain in zip(self.checks, data["checks"]):
            plain["awarded"] = check.awarded
        return json.dumps(_finite(data), indent=2, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "Verdict":
        """Read what `to_json` wrote. Raises ValueError for anything else."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
            raise ValueError("not a verdict of this version")
        try:
            return _verdict(data)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("a verdict that is damaged") from error


def _verdict(data: dict[str, Any]) -> Verdict:
    """The record of plain data. Raises AttributeError, KeyError, TypeError or ValueError for data of another shape."""
    for derived in ("score", "max_score"):
        data.pop(derived)
    data.pop("held", None)  # a verdict of an earlier version has none
    checks = []
    for check in data["checks"]:
        check.pop("awarded")
        numbers = {name: float(check[name]) for name in ("points", "max_points", "seconds")}  # "nan" is written as text
        tuples = {name: tuple(check[name]) for name in ("misconceptions", "carried")}
        checks.append(CheckResult(**{**check, **numbers, **tuples}))
    tuples = {name: tuple(data[name]) for name in ("tasks", "tiers")}
    notices = tuple(Notice(**notice) for notice in data["notices"])
    return Verdict(**{**data, **tuples, "notices": notices, "checks": tuple(checks)})


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the new, and a crash leaves one of the two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix="." + path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _finite(value: Any) -> Any:
    """JSON has no NaN or infinity: they become the strings "nan", "inf", "-inf"."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
