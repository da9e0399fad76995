"""What staff decide by hand. A TOML file, with one table for each student, by identifier, email or name:

    ["20241234"]
    points = 40            # or: delta = 2.5, or -2.5
    reason = "regraded by hand: the plot was in the report"

It lies beside the ledger and is read anew for every gradebook, so that it is kept whatever is graded again.
"""

import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.people import Person
from autograder.classroom.roster import decoded
from autograder.errors import UserError
from autograder.kit.names import same_email, same_id, same_name
from autograder.report.clean import clean_line


@dataclass(frozen=True)
class Override:
    """Either `points`, in the place of what was earned, or `delta`, added to it after the late penalty."""

    reason: str
    points: float | None = None
    delta: float = 0.0

    @property
    def said(self) -> str:
        return f"set to {self.points:g}" if self.points is not None else f"{self.delta:+g}"

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
            f'{where} must be a table with points or delta, and a reason: write ["the student\'s id"] above them.'
        )
    known = ("points", "delta", "reason")
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise UserError(f"{where}: unknown key {key!r}; the nearest known key is {near!r}.")
    if ("points" in table) == ("delta" in table):
        raise UserError(f"{where}: give either points or delta.")
    reason = table.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise UserError(f"{where}: a reason is missing; say in a sentence why the grade is changed.")
    value = table.get("points", table.get("delta"))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e6 < value < 1e6:
        raise UserError(f"{where}: points and delta are numbers, not {value!r}.")
    if "points" in table and value < 0:
        raise UserError(f"{where}: points are 0 or more, not {value:g}.")
    reason = clean_line(reason, 500)
    return Override(reason, points=float(value)) if "points" in table else Override(reason, delta=float(value))


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
