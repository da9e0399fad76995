"""What staff decide by hand. A TOML file, with one table for each student, by identifier, email or name:

    ["20241234"]
    points = 40            # or: delta = 2.5, or -2.5
    reason = "regraded by hand: the plot was in the report"

    ["20245678"]
    release = ["2-1"]      # what is held there until a person has looked; of some of it: release = {"2-1" = 15}
    reason = "the images are the model's own"

It lies beside the ledger and is read anew for every gradebook, so that it is kept whatever is graded again.
"""

import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.classroom.people import Person
from autograder.classroom.roster import decoded
from autograder.errors import UserError
from autograder.kit.names import same_email, same_id, same_name
from autograder.submission.rules import listed
from autograder.text import clean_line
from autograder.verdict import Verdict


@dataclass(frozen=True)
class Override:
    """`points`, in the place of what was earned, or `delta`, added to it after the late penalty, or `release`: of the points that are
    held in a task, so many count as earned (None: all).
    """

    reason: str
    points: float | None = None
    delta: float = 0.0
    release: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def said(self) -> str:
        if self.release:
            return f"released {listed([t if p is None else f'{p:g} of {t}' for t, p in self.release.items()])}"
        return f"set to {self.points:g}" if self.points is not None else f"{self.delta:+g}"

    def release_in(self, verdict: Verdict, student: str) -> Verdict:
        """The verdict with what is released. Raises UserError for a task in which nothing, or less, is held."""
        for task, points in self.release.items():
            held = verdict.held_in(task)
            if not held or (points is not None and points > held):
                what = f"{held:g} points are" if held else "nothing is"
                raise UserError(f"The override of {student} releases points of {task}, where {what} held.")
            if points is not None and verdict.rule == "tiers":
                raise UserError(f'The override of {student} must release all of {task}, as ["{task}"]: tiers know no part of it.')
        return verdict.released(self.release)

    def apply(self, earned: float, maximum: float, student: str) -> float:
        """Points, 0 … maximum. Raises UserError for more than there are."""
        if self.points is not None and self.points > maximum:
            raise UserError(f"The override of {student} gives {self.points:g} points, and there are {maximum:g}.")
        return min(max(self.points if self.points is not None else earned + self.delta, 0.0), maximum)


def read_overrides(path: Path) -> dict[str, Override]:
    """The overrides in a file. Raises UserError that names the student and the key at fault."""
    try:
        data = tomllib.loads(decoded(path.read_bytes(), str(path)))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}.") from error
    return {student: _override(f"{path}: [{student}]", table) for student, table in data.items()}


def _override(where: str, table: object) -> Override:
    if not isinstance(table, dict):
        raise UserError(
            f'{where} must be a table with points, delta or release, and a reason: write ["the student\'s id"] above them.'
        )
    known = ("points", "delta", "release", "reason")
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise UserError(f"{where}: unknown key {key!r}; the nearest known key is {near!r}.")
    if sum(key in table for key in ("points", "delta", "release")) != 1:
        raise UserError(f"{where}: give either points or delta or release.")
    reason = table.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise UserError(f"{where}: a reason is missing; say in a sentence why the grade is changed.")
    if "release" in table:
        return Override(clean_line(reason, 500), release=_release(where, table["release"]))
    value = table.get("points", table.get("delta"))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e6 < value < 1e6:
        raise UserError(f"{where}: points and delta are numbers, not {value!r}.")
    if "points" in table and value < 0:
        raise UserError(f"{where}: points are 0 or more, not {value:g}.")
    reason = clean_line(reason, 500)
    return Override(reason, points=float(value)) if "points" in table else Override(reason, delta=float(value))


def _release(where: str, value: object) -> dict[str, float | None]:
    """["2-1"] or {"2-1" = 15}."""
    given: dict[str, Any] = dict.fromkeys(value) if isinstance(value, list) and _texts(value) else {}
    given = dict(value) if isinstance(value, dict) else given
    good = all(p is None or (type(p) in (int, float) and 0 <= p < 1e6) for p in given.values())
    if not given or not good:
        raise UserError(f'{where}: release takes tasks, ["2-1"], or the points of each, {{"2-1" = 15}}, not {value!r}.')
    return {task: None if points is None else float(points) for task, points in given.items()}


def _texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def match_overrides(overrides: Mapping[str, Override], people: Sequence[Person]) -> dict[int, Override]:
    """Whom each override is about, by identifier, else by email, else by name: the number of the person in `people` → override.

    Raises UserError for one about nobody, naming the nearest; about several; or about a person who has another one.
    """
    chosen: dict[int, Override] = {}
    for key, override in overrides.items():
        found = next((hits for keys in _KEYS if (hits := [n for n, who in enumerate(people) if keys(key, who)])), [])
        if not found:
            names = sorted({part for who in people for part in (*_numbers(who), who.email, who.name) if part})
            near = difflib.get_close_matches(key, names, n=1, cutoff=0.0)
            raise UserError(
                f"There is no student {key!r} in the ledger; the nearest is {near[0]!r}."
                if near
                else "The ledger is empty."
            )
        if len(found) > 1:
            raise UserError(f"{len(found)} students are called {key!r}; override by identifier or email.")
        if found[0] in chosen:
            raise UserError(f"{key!r} is a student who has another override already; keep one.")
        chosen[found[0]] = override
    return chosen


def _numbers(who: Person) -> tuple[str, ...]:
    return who.school_id, who.canvas_id, who.moodle_id, who.other_id, who.login, who.github


_KEYS: tuple[Callable[[str, Person], bool], ...] = (
    lambda key, who: same_id(key) in [same_id(number) for number in _numbers(who) if number],
    lambda key, who: same_email(key) == same_email(who.email) != "",
    lambda key, who: same_name(key) == same_name(who.name) != "",
)
