"""Versions of the solution with mistakes in them, and which pairs of mistakes can be behind what the checks of a region found.

A version takes up to a second to judge, and pairs are many. So each mistake is first looked at alone, which is known by then or soon used
again, and pairs that cannot be are left out.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autograder.grading.mutants import Misconception
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement

Version = tuple[Misconception, ...]  # the solution with these mistakes, or other right forms, in it
JudgeMutant = Callable[[Version, Check], Judgement | None]
"""The judgement of a check on the solution with these mistakes in it; None where they cannot be made together."""
Judged = Sequence[tuple[Check, Judgement]]
Place = tuple[str, str]  # a check, and the name of a number in it

_EXCEPTION = "an exception"  # beside the names of numbers


def contradicts(version: Version, judged: Judged, judge_mutant: JudgeMutant) -> bool:
    """Whether this version fails a check in which the student's code does not fail just so."""
    for check, judgement in judged:
        mutant = judge_mutant(version, check)
        if mutant is None or (mutant.status != "passed" and not mutant.looks_like(judgement)):
            return True
    return False


def likely_pairs(
    mistakes: Sequence[Misconception], formulas: frozenset[str], base: Version, failed: Judged, passed: Judged, judge_mutant: JudgeMutant
) -> Iterator[Version]:
    """Pairs that can be, but those of two `formulas`; those first of which one mistake, or the other, gives the most of the student's numbers.

    Two mistakes change what one of them changes. So each must show in a failed check, must leave right what the student has right there, and
    must fail no check that passed; and every number that the student has wrong one of the two must change. An exception may be raised by both
    together only.
    """
    right = {check.id: judge_mutant(base, check) for check, _ in failed}
    wrong = {place for check, judgement in failed for place in _changed(check, judgement, right[check.id], judgement)}
    numbers = {place for place in wrong if place[1] != _EXCEPTION}
    alone = {m: seen for m in mistakes if (seen := _alone((*base, m), failed, right, judge_mutant))}
    can_be = [m for m, seen in alone.items() if seen.shows and seen.surely <= wrong]
    pairs = [
        (one, two)
        for one, two in itertools.combinations(can_be, 2)
        if not {one.id, two.id} <= formulas and numbers <= alone[one].changes | alone[two].changes
    ]
    pairs.sort(key=lambda pair: -len(alone[pair[0]].gives | alone[pair[1]].gives))
    is_refuted = functools.cache(lambda m: contradicts((*base, m), passed, judge_mutant))
    return ((*base, *pair) for pair in pairs if not any(map(is_refuted, pair)))


@dataclass(frozen=True)
class _Alone:
    """What a mistake does by itself in the failed checks. `shows`: it fails one of them. `gives`: the student's numbers. `changes`: what is not as in
    the right version, or is not there; `surely`: those of them that are there.
    """

    shows: bool
    gives: frozenset[Place]
    changes: frozenset[Place]
    surely: frozenset[Place]


def _alone(version: Version, failed: Judged, right: dict[str, Judgement | None], judge_mutant: JudgeMutant) -> _Alone | None:
    """None where the mistake cannot be made."""
    shows, gives, changes, surely = False, set[Place](), set[Place](), set[Place]()
    for check, judgement in failed:
        mutant = judge_mutant(version, check)
        if mutant is None:
            return None
        shows = shows or mutant.status != "passed"
        gives |= {(check.id, name) for name in mutant.note.shared_with(judgement.note)}
        changed = _changed(check, mutant, right[check.id], judgement)
        changes |= changed
        surely |= {place for place in changed if place[1] in mutant.note.values or place[1] == _EXCEPTION}
    return _Alone(shows, frozenset(gives), frozenset(changes), frozenset(surely))


def _changed(check: Check, judgement: Judgement, right: Judgement | None, student: Judgement) -> set[Place]:
    """Which numbers of the student's are others here than in the right version, or are not there; and _EXCEPTION, where one was raised."""
    names = student.note.values.keys() - (judgement.note.shared_with(right.note) if right else set())
    return {(check.id, name) for name in names} | ({(check.id, _EXCEPTION)} if judgement.status == "broken" else set())
