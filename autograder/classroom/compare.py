"""Whose grade moves between two ledgers, by how much, and because of which checks."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table

from autograder.classroom.ledger import Line, current
from autograder.classroom.progress import say
from autograder.report.terminal import make_console
from autograder.verdict import CheckResult, Verdict

MOST_REASONS = 6  # that the table shows of one student


@dataclass(frozen=True)
class Move:
    """One student whose grade is not the same. `before` or `after` is None where only one of the ledgers has the student."""

    student: str
    before: float | None
    after: float | None
    reasons: tuple[str, ...]

    @property
    def difference(self) -> float:
        return (self.after or 0.0) - (self.before or 0.0)


def compare(first: Iterable[Line], second: Iterable[Line]) -> list[Move]:
    """The students whose score, or state, differs, or whom one ledger lacks; the largest losses first."""
    one = {line.handed_in.identity: line for line in current(first)}
    other = {line.handed_in.identity: line for line in current(second)}
    moves = []
    for identity in {**one, **other}:
        old, new = one.get(identity), other.get(identity)
        if old is None or new is None:
            line = old or new
            assert line is not None
            where = "only the first ledger has this student" if old else "only the second ledger has this student"
            scores = (old.verdict.score if old else None, new.verdict.score if new else None)
            moves.append(Move(line.handed_in.student, *scores, (where,)))
        elif _grade(old.verdict) != _grade(new.verdict):
            reasons = tuple(why(old, new))
            moves.append(Move(new.handed_in.student, old.verdict.score, new.verdict.score, reasons))
    return sorted(moves, key=lambda move: (move.difference, move.student))


def _grade(verdict: Verdict) -> tuple[float, float, bool]:
    return verdict.score, verdict.max_score, verdict.state == "refused"


def why(old: Line, new: Line) -> list[str]:
    """What differs between two lines about one student, in words."""
    reasons = []
    if old.key.digest != new.key.digest:
        reasons.append("another submission")
    if old.verdict.state != new.verdict.state:
        reasons.append(f"{old.verdict.state} before, {new.verdict.state} now")
    before = {check.id: check for check in old.verdict.checks}
    after = {check.id: check for check in new.verdict.checks}
    for identifier in {**before, **after}:
        then, now = before.get(identifier), after.get(identifier)
        if _outcome(then) != _outcome(now):
            reasons.append(f"{identifier}: {_said(then)} → {_said(now)}")
    taken = [sum(notice.deduction for notice in line.verdict.notices) for line in (old, new)]
    if taken[0] != taken[1]:
        reasons.append(f"deductions: {taken[0]:g} → {taken[1]:g}")
    void = [any(notice.voids for notice in line.verdict.notices) for line in (old, new)]
    if void[0] != void[1]:
        reasons.append("edits outside the TODO marks cost everything " + ("now" if void[1] else "before"))
    if old.verdict.profile != new.verdict.profile:
        reasons.append(f"profile: {old.verdict.profile} → {new.verdict.profile}")
    return reasons


def _outcome(check: CheckResult | None) -> tuple[str, float, float] | None:
    return (check.status, check.awarded, check.max_points) if check else None


def _said(check: CheckResult | None) -> str:
    return f"{check.status} {check.awarded:g} / {check.max_points:g}" if check else "not in the rubric"


def print_moves(moves: list[Move], first: str, second: str) -> None:
    """A table of them, or one sentence."""
    if not moves:
        say("No grade moves.")
        return
    table = Table("student", "from", "to", "by", "because of", title=f"{first} → {second}")
    for move in moves:
        scores = ["–" if score is None else f"{score:g}" for score in (move.before, move.after)]
        shown = [*move.reasons[:MOST_REASONS]]
        more = len(move.reasons) - len(shown)
        text = "\n".join([*shown, *([f"and {more} more"] if more else [])])
        table.add_row(_plain(move.student), *scores, f"{move.difference:+g}", _plain(text))
    make_console().print(table)
    up, down = (sum(sign * move.difference > 0 for move in moves) for sign in (1, -1))
    say(f"{len(moves)} grades differ: {up} rise, {down} fall.")


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
