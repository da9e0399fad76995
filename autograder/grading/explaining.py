"""Hints for the checks that failed, as far as the policy allows. Every check has been judged by then: a stop costs nothing of the grade."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Literal

from autograder.errors import UserError
from autograder.grading.diagnosis import Diagnosis, Probe
from autograder.grading.publishing import Publisher
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement
from autograder.grading.standing import Standing
from autograder.regions import file_of, path_of
from autograder.sandbox.clock import Clock
from autograder.sandbox.proxies import Student

RIGHT = ("passed", "held")
NOTHING_TO_EXPLAIN = ("missing", "untouched", "timed out", "died")  # kinds of a judgement that say why by themselves


def explain(
    standing: Standing,
    student: Student,
    publisher: Publisher,
    level: Literal["none", "where", "what"],
    called: Callable[[str], str] = str,
) -> dict[str, Diagnosis]:
    """Give every failed check of behaviour a hint. Returns the diagnosis of each region that has one. `called`: what the student knows a
    file as.
    """
    diagnoses: dict[str, Diagnosis] = {}
    if level == "none":
        return diagnoses
    wrong = standing.wrong()
    for region in sorted({check.mark.region for check, _ in standing.judged if not wrong.isdisjoint(check.regions)}):
        judged = standing.of(region)
        if not standing.untouched.isdisjoint(judged[0][0].regions) or all(
            judgement.importing or judgement.kind in NOTHING_TO_EXPLAIN
            for _, judgement in judged
            if judgement.status not in RIGHT
        ):
            continue
        found = None
        if level == "what":
            with contextlib.suppress(UserError):
                found = _known_mistake(standing, student, region, wrong)
        if found:
            diagnoses[region] = found
        _put_hints(publisher, judged, found, _where(judged[0][0], called))
    publisher.publish()
    return diagnoses


def _where(check: Check, called: Callable[[str], str]) -> str:
    return f"Look at {' and '.join(map(path_of, check.regions))} in {called(file_of(check.regions[0]))}."


def _put_hints(
    publisher: Publisher, judged: list[tuple[Check, Judgement]], found: Diagnosis | None, where: str
) -> None:
    for check, judgement in judged:
        if judgement.status not in RIGHT:
            ids, hint = found.hints.get(check.id, ((), where)) if found else ((), where)
            publisher.put(dataclasses.replace(publisher.result(check), hint=hint, misconceptions=ids))


def _known_mistake(standing: Standing, student: Student, region: str, wrong: frozenset[str]) -> Diagnosis | None:
    """The misconceptions that explain what the student's code gives on the inputs of the probe. What has run into its time limit
    is not run again.
    """
    judged, manifest, lane = standing.of(region), standing.manifest, student.lane
    if any(judgement.kind == "timed out" for _, judgement in judged):
        return None
    student.fresh()
    probe = Probe(manifest, lane, wrong)
    lane.clocks = (Clock.start("a hint may take", manifest.limits.seconds_per_check),)
    probed = probe.look_at(student, [check for check, _ in judged])
    lane.clocks = ()  # a mistake of the grader's own takes what it takes: its answer is kept for others
    try:
        return probe.explain(region, probed)
    finally:
        probe.mutant.fresh()
