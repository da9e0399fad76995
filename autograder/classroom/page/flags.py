"""What the class page says to look at: known mistakes by frequency, outcomes near a threshold, and flags."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from autograder.classroom.page.records import Course, Flag, Mistake, Near, Student
from autograder.classroom.records import Graded
from autograder.classroom.similarity import Pair
from autograder.outcome_rule import Measure
from autograder.report.view import LINE, MESSAGE
from autograder.text import clean_line, clean_text
from autograder.verdict import CheckResult, Verdict

Of = Callable[[Graded], Student]


# --- what went wrong --------------------------------------------------------------------------------------------------


def find_mistakes(graded: Sequence[Graded], of: Of, course: Course) -> tuple[Mistake, ...]:
    """By frequency. Within a task, lost checks of behaviour without a known misconception stand together."""
    who: dict[tuple[str, str], list[Student]] = {}
    for item in graded:
        found: set[tuple[str, str]] = set()
        for check in item.verdict.checks:
            if check.misconceptions:
                found |= {(clean_line(m, LINE), "") for m in check.misconceptions}
            elif check.status == "failed" and check.task not in course.outcomes:
                found.add(("", clean_line(check.task, 20)))
        for key in found:
            who.setdefault(key, []).append(of(item))
    mistakes = []
    for (name, task), students in who.items():
        known_task, explanation = course.explanations.get(name, (task, ""))
        mistakes.append(Mistake(name, known_task or task, clean_text(explanation, MESSAGE), tuple(students)))
    return tuple(sorted(mistakes, key=lambda m: (not m.id, -len(m.students), m.task, m.id)))


def find_near(graded: Sequence[Graded], of: Of, course: Course) -> tuple[Near, ...]:
    """Outcomes so close to their threshold that another seed might have decided otherwise, the closest first."""
    cases = []
    for item in graded:
        for check in item.verdict.checks:
            case = _near_case(check, of(item), course.measures.get(check.id))
            if case:
                cases.append(case)
    return tuple(sorted(cases, key=lambda case: abs(case.value / case.threshold - 1)))


def _near_case(check: CheckResult, student: Student, measure: Measure | None) -> Near | None:
    if measure is None or check.status not in ("passed", "held", "failed"):
        return None
    value: Any = check.evidence.get(measure.figure)
    if not is_number(value):
        return None
    error = check.evidence.get(measure.error, 0.0)
    error = float(error) if is_number(error) and error > 0 else 0.0
    margin = 2 * error if error else measure.near * measure.threshold
    if abs(value - measure.threshold) > margin:
        return None
    met = check.status != "failed"
    return Near(student, measure.title, float(value), measure.threshold, error, met, check.max_points)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# --- what a person should look at -------------------------------------------------------------------------------------


def find_flags(graded: Sequence[Graded], of: Of, pairs: Sequence[Pair]) -> tuple[Flag, ...]:
    found: dict[tuple[str, str], list[tuple[Student, str]]] = {}

    def say(heading: str, text: str, item: Graded, note: str = "") -> None:
        found.setdefault((heading, text), []).append((of(item), clean_line(note, 300)))

    layers = {id(item): _layers(item.verdict) for item in graded}
    best = max(layers.values(), key=len, default=frozenset())
    for item in graded:
        verdict = item.verdict
        if verdict.state == "refused":
            say("Refused", "These could not be read, so nothing of them was graded.", item, verdict.reason)
        elif verdict.state != "complete":
            text = "Grading did not come to its end; grade them again. What had not finished earns nothing."
            say("Not finished", text, item, verdict.reason)
        if errors := [check for check in verdict.checks if check.status == "grader_error"]:
            text = "The grader itself failed on a check, which earns nothing: not the student's mistake. Mend, then grade again."
            say("Grader error", text, item, f"{errors[0].id}: {errors[0].message}")
        if held := [check for check in verdict.checks if check.held and not check.by_hand]:
            text = "Points are held until a person has looked; give them with release in overrides.toml, and say why."
            say("Held points", text, item, f"up to {verdict.held:g} points, {held[0].task}: {held[0].message}")
        own = layers[id(item)]
        if own and ("files" not in own or own < best):
            missing = sorted(best - own) or ["files"]
            say("Isolation", "Graded with fewer layers around the student's code than there should be.", item,
                f"without {', '.join(missing)}")  # fmt: skip
        for notice in verdict.notices:
            if notice.kind == "outside_todo":
                text = "Given code was changed outside the TODO marks; the report shows the difference."
                say("Edits outside the TODO marks", text, item)
            elif notice.kind == "staff":
                say("Notices for staff", _pattern(notice.message), item, notice.message)
    by_folder = {item.folder: item for item in graded}
    alike = {p.folder: None for pair in pairs for side in (pair.first, pair.second) if side for p in side.people}
    for folder in alike:
        if folder in by_folder:
            say("Similar code", "Code in common with somebody, to be looked at side by side below.", by_folder[folder])
    graded_in_part = sum(item.verdict.state != "refused" for item in graded)
    flags = [_flag(heading, text, who, graded_in_part) for (heading, text), who in found.items()]
    return tuple(sorted(flags, key=lambda flag: (_ORDER.index(flag.heading), -len(flag.students))))


_ORDER = [
    "Grader error",
    "Held points",
    "Refused",
    "Not finished",
    "Isolation",
    "Notices for staff",
    "Similar code",
    "Edits outside the TODO marks",
    "About the whole class",
]


def _flag(heading: str, text: str, who: list[tuple[Student, str]], total: int) -> Flag:
    """What is said of nearly everybody is said once, of the class."""
    if heading == "Notices for staff":
        notes = {note for _, note in who}
        text = next(iter(notes)) if len(notes) == 1 else clean_line(text, 300)
        who = [(student, note if len(notes) > 1 else "") for student, note in who]
        if len(notes) == 1 and len(who) > max(3, total // 2):
            return Flag("About the whole class", f"{text} (said of {len(who):,} of {total:,} submissions)", ())
    return Flag(heading, text, tuple(dict.fromkeys(who)))


def _pattern(message: str) -> str:
    """A notice without its numbers, so that notices of one kind stand together."""
    return re.sub(r"\d[\d.,]*", "…", clean_line(message, 300))


def _layers(verdict: Verdict) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", verdict.environment.get("isolation", "")))
