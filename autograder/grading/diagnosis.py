"""Which known mistake explains a failed region: every misconception is run on the very inputs that the student's code
got.

A misconception matches when all failed checks of the region fail in the same way with the same numbers. Where several
match, the checks that passed must agree as well. Where none matches, pairs are tried. The mutants are the project's
own code; they still run in a worker, because that is where code runs.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autograder.grading.mutants import Misconception
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement

PAIR_SECONDS = 20.0  # for trying pairs; a diagnosis is a help, not a duty

JudgeMutant = Callable[[tuple[Misconception, ...], Check], Judgement | None]
"""The judgement of a check on the solution with these mistakes in it; None where they cannot be made together."""


@dataclass(frozen=True)
class Diagnosis:
    """`ids`: the misconceptions that make up the explanation. `alternatives`: others that cannot be told apart on
    these inputs.
    """

    ids: tuple[str, ...]
    explanation: str
    alternatives: tuple[str, ...] = ()


def region_name(region: str) -> str:
    """The name by which checks call a region of the manifest: "ddpm.py:DiffusionModule.p_sample" → "p_sample", a
    constructor → its class.
    """
    owner, _, function = region.rpartition(":")[2].rpartition(".")
    return owner if owner and function in ("__init__", "forward") else function


def diagnose(
    judged: Sequence[tuple[Check, Judgement]],
    candidates: Sequence[Misconception],
    judge_mutant: JudgeMutant,
    pairs: bool = True,
) -> Diagnosis | None:
    """The mistake that explains `judged`, all checks of one region, or None. `candidates` are the misconceptions of
    that region.
    """
    failed = [(check, judgement) for check, judgement in judged if judgement.status in ("failed", "broken")]
    passed = [(check, judgement) for check, judgement in judged if judgement.status == "passed"]
    if not failed:
        return None

    def explains(chosen: tuple[Misconception, ...], evidence: Sequence[tuple[Check, Judgement]]) -> bool:
        for check, judgement in evidence:
            mutant = judge_mutant(chosen, check)
            if mutant is None or not mutant.looks_like(judgement):
                return False
        return True

    matches: list[tuple[Misconception, ...]] = [(m,) for m in candidates if explains((m,), failed)]
    if len(matches) > 1:
        matches = [match for match in matches if explains(match, passed)] or matches
    if not matches and pairs:
        deadline = time.monotonic() + PAIR_SECONDS
        for pair in itertools.combinations(candidates, 2):
            if time.monotonic() > deadline:
                break
            if explains(pair, failed):
                matches = [pair]
                break
    if not matches:
        return None
    best = matches[0]
    return Diagnosis(
        tuple(m.id for m in best),
        " ".join(m.explanation for m in best),
        tuple(m.id for match in matches[1:] for m in match),
    )
