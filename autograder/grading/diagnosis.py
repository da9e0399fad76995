"""Which known mistake explains a failed region: the student's code and every misconception are run on the same inputs.

A misconception matches when all failed checks of the region fail in the same way with the same numbers. Where several
match, the checks that passed must agree as well. Where none matches, the pairs are tried whose mistakes explain the most
of these numbers by themselves. These inputs are the same for all submissions, unlike those of the grade, so that what a mistake gives
is found out once: see `known_answers`.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autograder.grading.known_answers import known_answers
from autograder.grading.mutants import Misconception, apply_misconceptions, solution_files
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement, run_check
from autograder.manifest import Manifest
from autograder.sandbox.launcher import Lane
from autograder.sandbox.proxies import Student

PROBE_SECRET = b"inputs of the diagnosis"  # no grade depends on it
PAIRS = 60  # that are tried, the likeliest; a diagnosis is a help, not a duty

Version = tuple[Misconception, ...]  # the solution with these mistakes in it
JudgeMutant = Callable[[Version, Check], Judgement | None]
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

    def explains(chosen: Version, evidence: Sequence[tuple[Check, Judgement]]) -> bool:
        for check, judgement in evidence:
            mutant = judge_mutant(chosen, check)
            if mutant is None or not mutant.looks_like(judgement):
                return False
        return True

    matches: list[Version] = [(m,) for m in candidates if explains((m,), failed)]
    if len(matches) > 1:
        matches = [match for match in matches if explains(match, passed)] or matches
    if not matches and pairs:
        likely = _likeliest_first(candidates, failed, judge_mutant)[:PAIRS]
        matches = list(itertools.islice((pair for pair in likely if explains(pair, failed)), 1))
    if not matches:
        return None
    best = matches[0]
    return Diagnosis(
        tuple(m.id for m in best),
        " ".join(m.explanation for m in best),
        tuple(m.id for match in matches[1:] for m in match),
    )


def _likeliest_first(
    candidates: Sequence[Misconception],
    failed: Sequence[tuple[Check, Judgement]],
    judge_mutant: JudgeMutant,
) -> list[Version]:
    """All pairs, ordered by how many of the numbers behind the failed checks one mistake of the pair, or the other, gives."""
    explained: dict[str, set[tuple[str, str]]] = {m.id: set() for m in candidates}
    for check, judgement in failed:
        for m in candidates:
            mutant = judge_mutant((m,), check)
            if mutant is not None:
                explained[m.id] |= {(check.id, name) for name in mutant.note.shared_with(judgement.note)}
    pairs = list(itertools.combinations(candidates, 2))
    return sorted(pairs, key=lambda pair: -len(explained[pair[0].id] | explained[pair[1].id]))


class Probe:
    """Judges on inputs that are the same for all submissions, and remembers what each mistake gives."""

    def __init__(self, manifest: Manifest, lane: Lane, wrong_regions: frozenset[str]):
        self.manifest, self.wrong_regions = manifest, wrong_regions
        self.mutant = Student(lane, solution_files(manifest), manifest.limits)
        self.known = known_answers(manifest.id, lane.sandbox.versions)

    def judge(self, check: Check, student: Student) -> Judgement:
        """A wrong answer in one of the accepted forms is enough here; the grade has been decided on all of them."""
        return run_check(check, student, PROBE_SECRET, "diagnosis", self.wrong_regions, one_form=True)

    def judge_mutant(self, chosen: Version, check: Check) -> Judgement | None:
        """A JudgeMutant. All versions run in one worker, one after the other: they are the grader's own."""
        carried = sorted(self.wrong_regions) if "carry" in check.parameters else []
        mistakes = [mistake.id for mistake in chosen]
        return self.known.get([check.id, *mistakes, "beside", *carried], lambda: self._run(chosen, check))

    def _run(self, chosen: Version, check: Check) -> Judgement | None:
        try:
            files = apply_misconceptions(self.manifest, chosen)
        except ValueError:
            return None
        self.mutant.replace(files)
        return self.judge(check, self.mutant)
