"""Which pairs of mistakes a diagnosis tries: those that the mistakes alone do not rule out, the likeliest first."""

from types import SimpleNamespace
from typing import Any

import pytest

from autograder.grading.checks import Note
from autograder.grading.mutants import Misconception
from autograder.grading.pairs import likely_pairs
from autograder.grading.runner import Judgement

ONE, TWO, PASSED = (SimpleNamespace(id=name) for name in ("one", "two", "passed"))
RIGHT = {"a": 1.0, "b": 2.0, "c": 3.0}


def noted(numbers: dict[str, float], status: Any = "failed", kind: str = "wrong") -> Judgement:
    note = Note()
    for name, value in numbers.items():
        note(name, value, 1e-3)
    return Judgement(status, kind=kind, note=note)


def mistake(name: str) -> Misconception:
    return Misconception(name, "1", "one.py:f", name)


STUDENT = noted(RIGHT | {"a": 5.0, "b": 7.0})  # c is right
ALONE = {  # what each gives in check ONE
    "changes a": noted(RIGHT | {"a": 5.0}),
    "changes b": noted(RIGHT | {"b": 6.0}),
    "changes c": noted(RIGHT | {"c": 9.0}),
    "changes a and fails what passed": noted(RIGHT | {"a": 4.0}),
    "raises": noted({}, "broken", "TypeError"),
    "shows elsewhere": noted(RIGHT, "passed", ""),
    "ends before b": noted({"a": 1.0}),
}


def judge_mutant(version: Any, check: Any) -> Judgement | None:
    names = {m.id for m in version}
    if not names:
        return noted(RIGHT, "passed", "")
    if check is PASSED:
        return noted({}, *(("failed", "wrong") if "changes a and fails what passed" in names else ("passed", "")))
    return ALONE[names.pop()] if len(names) == 1 else None


def tried(student: Judgement, *names: str, formulas: frozenset[str] = frozenset()) -> list[set[str]]:
    passed = [(PASSED, noted({}, "passed", ""))]
    pairs: Any = likely_pairs([mistake(name) for name in names], formulas, (), [(ONE, student)], passed, judge_mutant)  # type: ignore[list-item]
    return [{m.id for m in pair} for pair in pairs]


def test_each_of_a_pair_leaves_right_what_the_student_has_right_and_every_wrong_number_is_changed():
    assert tried(STUDENT, *ALONE) == [{"changes a", "changes b"}, {"changes a", "ends before b"}]


@pytest.mark.parametrize("other", ["changes c", "raises", "shows elsewhere", "changes a and fails what passed"])
def test_what_cannot_be_is_left_out(other: str):
    assert tried(STUDENT, "changes b", other) == []


def test_an_exception_of_the_students_may_come_of_two_mistakes_that_raise_none():
    assert {"changes a", "changes b"} in tried(noted({"a": 5.0}, "broken", "TypeError"), "changes a", "changes b", "raises")


def test_two_formulas_are_no_pair_for_versions_of_the_solution():
    assert tried(STUDENT, "changes a", "changes b", formulas=frozenset({"changes a", "changes b"})) == []
    assert tried(STUDENT, "changes a", "changes b", formulas=frozenset({"changes a"})) != []
