"""Which known mistakes explain a failed region.

Evidence is needed: the text of an exception that only this mistake leads to; numbers that a formula of the mistake gives and a right one
does not; or a version of the solution with the mistake in it that fails in the same words with the same numbers. An explanation that
contradicts any check of the region is none. Where several explain as much, only what they have in common is certain. No hint is better
than a false one.

These inputs are the same for all submissions, unlike those of the grade, so that what a mistake gives is found out once: see `known_answers`.
"""

import functools
import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Formula, Numbers
from autograder.grading.known_answers import known_answers
from autograder.grading.mutants import (
    Misconception,
    algorithms,
    apply_misconceptions,
    misconceptions,
    right_forms,
    solution_files,
)
from autograder.grading.pairs import Judged, JudgeMutant, Version, contradicts, likely_pairs
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement, run_check
from autograder.manifest import Manifest
from autograder.regions import parts_of
from autograder.sandbox.lane import Lane
from autograder.sandbox.proxies import Student

PROBE_SECRET = b"inputs of the diagnosis"  # no grade depends on it
PAIRS = 60  # that are tried, the likeliest; a diagnosis is a help, not a duty
MOST_ALTERNATIVES = 2  # that are told, where they cannot be told apart
ENOUGH = 3  # numbers that differ from the right ones, where fewer fit by chance: for two mistakes, or for one check of several


@dataclass(frozen=True)
class Diagnosis:
    """`ids`: the misconceptions that make up the explanation. `alternatives`: others that cannot be told apart on these inputs.
    `hints`: for each check that is explained, which of them explain it, and the sentences for the student.
    """

    ids: tuple[str, ...]
    alternatives: tuple[str, ...] = ()
    hints: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What is known about one region: its mistakes, their formulas, and its other right forms."""

    mistakes: Sequence[Misconception]
    algorithm: Algorithm | None = None
    forms: Sequence[Misconception] = ()

    @property
    def explanations(self) -> dict[str, str]:
        """What is said about each mistake: in the words of the course, else in those that stand with the formula."""
        of_formulas = self.algorithm.explanations if self.algorithm else {}
        return of_formulas | {m.id: m.explanation for m in self.mistakes}

    @property
    def formulas(self) -> frozenset[str]:
        """The mistakes that have a formula: what that does not explain, a version of the solution does not explain either."""
        return frozenset(change.id for change in self.algorithm.mistakes) if self.algorithm else frozenset()


def known_about(manifest: Manifest, region: str) -> Known:
    """`region`: as a check of the rubric has it."""
    parts = parts_of(region, manifest.regions)
    return Known(
        [m for m in misconceptions(manifest) if m.region in parts],
        algorithms(manifest).get(region),
        [m for m in right_forms(manifest) if m.region in parts],
    )


def diagnose(judged: Judged, known: Known, judge_mutant: JudgeMutant, pairs: bool = True) -> Diagnosis | None:
    """The mistakes that explain `judged`, all checks of one region, or None. A check that nothing explains is not among its hints."""
    open_checks = [(check, judgement) for check, judgement in judged if judgement.status in ("failed", "broken")]
    passed = [(check, judgement) for check, judgement in judged if judgement.status == "passed"]
    by_id = {m.id: m for m in known.mistakes}
    found: dict[str, list[tuple[str, ...]]] = {}  # by check: alternative explanations

    def explained(by_check: Mapping[str, list[tuple[str, ...]]]) -> None:
        nonlocal open_checks
        found.update(by_check)
        open_checks = [(check, judgement) for check, judgement in open_checks if check.id not in found]

    explained(_by_failure(open_checks, known.mistakes))
    if known.algorithm and open_checks:
        explained(_by_formula(open_checks, judged, known.algorithm))
    certain = {name for choices in found.values() if len(choices) == 1 for name in choices[0]}
    explained(_as_consequence(open_checks, [by_id[name] for name in sorted(certain) if name in by_id], judge_mutant))
    if open_checks and known.mistakes:
        explained(_by_mutant(open_checks, passed, known, judge_mutant, pairs))
    if not found:
        return None
    first = [choices[0] for choices in found.values()]
    others = [choice for choices in found.values() for choice in choices[1:]]
    ids = tuple(dict.fromkeys(itertools.chain(*first)))
    return Diagnosis(
        ids,
        tuple(dict.fromkeys(name for name in itertools.chain(*others) if name not in ids)),
        {name: (choices[0], _sentences(choices, known.explanations)) for name, choices in found.items()},
    )


def _sentences(choices: Sequence[tuple[str, ...]], explanations: Mapping[str, str]) -> str:
    return " Or else: ".join(" ".join(explanations[name] for name in ids) for ids in choices)


# By the text of an exception


def _by_failure(failed: Judged, mistakes: Iterable[Misconception]) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for check, judgement in failed:
        for m in mistakes:
            if m.failure and re.fullmatch(m.failure[0], judgement.kind) and re.fullmatch(m.failure[1], judgement.line, re.DOTALL):
                found[check.id] = [(m.id,)]
                break
    return found


# By formulas


@dataclass(frozen=True)
class _Fit:
    """An explanation, the checks that it explains, and how many numbers it gives that a right version does not."""

    ids: tuple[str, ...]
    explains: frozenset[str]
    strength: int


def _by_formula(failed: Judged, judged: Judged, algorithm: Algorithm) -> dict[str, list[tuple[str, ...]]]:
    """The explanation of the most checks, the simplest of these, and so on for the checks that are left."""
    measured = [(check, judgement) for check, judgement in judged if judgement.status in ("passed", "failed")]
    right = {check.id: [f.predict(judgement.note) for f in algorithm.right()] for check, judgement in measured}
    decisive = {c.id: _one_wrong_number(j, right[c.id]) for c, j in failed if j.kind == "wrong"}
    todo = frozenset(name for name, note in decisive.items() if note)
    found: dict[str, list[tuple[str, ...]]] = {}

    def fits(count: int) -> list[_Fit]:
        likely = (f for f in algorithm.wrong(count) if any(_gives(f, decisive[name]) for name in todo))
        some = (_fit(f, measured, right, todo) for f in likely)
        return [fit for fit in some if fit.explains and fit.strength >= (1 if count == 1 else ENOUGH)]

    def shows() -> set[tuple[str, str]]:
        """Which mistakes show by themselves, and in which checks."""
        return {(f.ids[0], c.id) for f in algorithm.wrong(1) for c, j in measured if _shows(f, j, right[c.id])}

    while todo:
        some = fits(1)
        if not any(fit.explains == todo for fit in some):
            some += fits(2)
        best = _best(some)
        if not _certain(fit.ids for fit in best):
            break
        alone = shows() if len(best[0].ids) > 1 else set()
        told = {name: _certain(_seen(fit.ids, name, alone) for fit in best) for name in best[0].explains}
        found |= {name: choices for name, choices in told.items() if choices}
        todo -= best[0].explains
    return found


def _seen(ids: tuple[str, ...], check: str, shows: Collection[tuple[str, str]]) -> tuple[str, ...]:
    """Those of several mistakes that a check sees by themselves; all of them, where it sees none alone."""
    return tuple(name for name in ids if (name, check) in shows) or ids


def _one_wrong_number(judgement: Judgement, right: Sequence[Numbers]) -> Note | None:
    """A number of the student's that no right version gives, with its inputs: what gives another need not be looked at further."""
    note = judgement.note
    for name, number in note.values.items():
        known = [numbers[name] for numbers in right if name in numbers]
        if known and not any(note.holds(name, value) for value in known):
            return Note({name: number}, inputs=note.inputs)
    return None


def _gives(formula: Formula, note: Note | None) -> bool:
    return note is not None and all(note.holds(name, value) for name, value in formula.predict(note).items() if name in note.values)


def _fit(formula: Formula, measured: Judged, right: Mapping[str, list[Numbers]], todo: Collection[str]) -> _Fit:
    explains, strength = set(), 0
    for check, judgement in measured:
        predicted = formula.predict(judgement.note)
        names = predicted.keys() & judgement.note.values.keys()
        wrong = [name for name in names if not _is_right(judgement, name, predicted[name], right[check.id])]
        if not wrong:
            continue  # the mistake does not show in this check
        if not all(judgement.note.holds(name, predicted[name]) for name in names):
            return _Fit(formula.ids, frozenset(), 0)
        if check.id in todo:
            explains.add(check.id)
            strength += len(wrong)
    return _Fit(formula.ids, frozenset(explains), strength)


def _shows(formula: Formula, judgement: Judgement, right: Sequence[Numbers]) -> bool:
    """Whether a mistake gives some number of a check that no right version gives."""
    predicted = formula.predict(judgement.note)
    return any(not _is_right(judgement, name, predicted[name], right) for name in predicted.keys() & judgement.note.values.keys())


def _is_right(judgement: Judgement, name: str, value: object, right: Sequence[Numbers]) -> bool:
    return any(name in numbers and judgement.note.near(name, value, numbers[name]) for numbers in right)


def _best(fits: Sequence[_Fit]) -> list[_Fit]:
    ranks = [(len(fit.explains), -len(fit.ids), fit.strength) for fit in fits]
    return [fit for fit, rank in zip(fits, ranks) if rank == max(ranks)]


def _certain(explanations: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """What several equally good explanations leave certain: what they have in common, or a choice of two single mistakes, or nothing."""
    choices = list(dict.fromkeys(explanations))
    if len(choices) < 2:
        return choices
    common = [name for name in choices[0] if all(name in ids for ids in choices)]
    if common:
        return [tuple(common)]
    return choices if len(choices) <= MOST_ALTERNATIVES and all(len(ids) == 1 for ids in choices) else []


# By versions of the solution with mistakes in them


def _as_consequence(
    failed: Judged, certain: Sequence[Misconception], judge_mutant: JudgeMutant
) -> dict[str, list[tuple[str, ...]]]:
    """Checks that a mistake which is certain fails too, in whatever numbers."""
    found = {}
    for check, judgement in failed:
        mutants = [(m.id, judge_mutant((m,), check)) for m in certain]
        causes = tuple(name for name, mutant in mutants if mutant and (mutant.status, mutant.kind) == (judgement.status, judgement.kind))
        if causes:
            found[check.id] = [causes]
    return found


def _by_mutant(
    failed: Judged, passed: Judged, known: Known, judge_mutant: JudgeMutant, pairs: bool
) -> dict[str, list[tuple[str, ...]]]:
    """One mistake that explains all of `failed`; else two; else, for each check, one that explains it and contradicts no other."""
    bases: list[Version] = [(), *[(form,) for form in known.forms]]
    singles = [(*base, m) for m in known.mistakes if m.id not in known.formulas for base in bases]

    def fits_all(version: Version) -> bool:
        return _explains(version, failed, judge_mutant) and not contradicts(version, passed, judge_mutant)

    matches = [version for version in singles if fits_all(version)]
    if len(_ids(matches)) > 1:
        matches = [version for version in matches if _explains(version, passed, judge_mutant)] or matches
    if not matches and pairs:
        base = max(bases, key=lambda base: _shared(base, (*failed, *passed), judge_mutant))
        likely = itertools.islice(likely_pairs(known.mistakes, known.formulas, base, failed, passed, judge_mutant), PAIRS)
        alone = functools.cache(lambda m: fits_all((*base, m)))  # which has its formula, and is told where that is certain
        pair = next((version for version in likely if fits_all(version) and not any(map(alone, version[len(base) :]))), None)
        if pair:
            return _told_apart(pair, failed, judge_mutant)
    if matches:
        choices = _certain(_ids(matches))
        return {check.id: choices for check, _ in failed} if choices else {}
    found = {}
    for check, judgement in failed:
        rest = [(other, theirs) for other, theirs in (*failed, *passed) if other is not check]
        if judgement.status == "failed" and len(_wrong_numbers(check, judgement, judge_mutant)) < ENOUGH:
            continue
        fits = [v for v in singles if _explains(v, [(check, judgement)], judge_mutant) and not contradicts(v, rest, judge_mutant)]
        choices = _certain(_ids(fits))
        if choices:
            found[check.id] = choices
    return found


def _ids(versions: Iterable[Version]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(m.id for m in version if m.explanation) for version in versions))


def _explains(version: Version, judged: Judged, judge_mutant: JudgeMutant) -> bool:
    """Whether this version fails, or passes, all of these checks as the student's code does. For a failure without words of its own,
    some number must differ from the solution's.
    """
    for check, judgement in judged:
        mutant = judge_mutant(version, check)
        if mutant is None or not mutant.looks_like(judgement):
            return False
        if judgement.status != "passed" and not judgement.line and not _wrong_numbers(check, judgement, judge_mutant):
            return False
    return True


def _wrong_numbers(check: Check, judgement: Judgement, judge_mutant: JudgeMutant) -> set[str]:
    """The names of the student's numbers that are not the solution's."""
    solution = judge_mutant((), check)
    return judgement.note.values.keys() - (solution.note.shared_with(judgement.note) if solution else set())


def _told_apart(pair: Version, failed: Judged, judge_mutant: JudgeMutant) -> dict[str, list[tuple[str, ...]]]:
    """Which of two mistakes each check sees; both for all, where one of them alone is seen by none."""
    base = tuple(m for m in pair if not m.explanation)
    mistakes = [m for m in pair if m.explanation]
    seen = {}
    for check, _ in failed:
        alone = [(m.id, judge_mutant((*base, m), check)) for m in mistakes]
        seen[check.id] = [tuple(name for name, mutant in alone if mutant and mutant.status != "passed")]
    both = tuple(m.id for m in mistakes)
    told = {name for choices in seen.values() for name in choices[0]}
    return {name: choices if told == set(both) and choices[0] else [both] for name, choices in seen.items()}


def _shared(version: Version, judged: Judged, judge_mutant: JudgeMutant) -> int:
    """How many of the student's numbers this version gives."""
    mutants = [(judge_mutant(version, check), judgement) for check, judgement in judged]
    return sum(len(mutant.note.shared_with(judgement.note)) for mutant, judgement in mutants if mutant)


class Probe:
    """Judges on inputs that are the same for all submissions, and remembers what each mistake gives."""

    def __init__(self, manifest: Manifest, lane: Lane, wrong_regions: frozenset[str]):
        self.manifest, self.wrong_regions = manifest, wrong_regions
        self.mutant = Student(lane, solution_files(manifest), manifest.limits)
        self.known = known_answers(manifest.id, lane.sandbox.versions)

    def judge(self, check: Check, student: Student) -> Judgement:
        """A wrong answer in one of the accepted forms is enough here; the grade has been decided on all of them."""
        return run_check(check, student, PROBE_SECRET, "diagnosis", self.wrong_regions, one_form=True)

    def look_at(self, student: Student, checks: Iterable[Check]) -> list[tuple[Check, Judgement]]:
        """What the checks find; the student's worker is ended, so that the mistakes can have the lane."""
        judged = [(check, self.judge(check, student)) for check in checks]
        student.fresh()
        return judged

    def judge_mutant(self, chosen: Version, check: Check) -> Judgement | None:
        """A JudgeMutant. All versions run in one worker, one after the other: they are the grader's own."""
        carried = sorted(self.wrong_regions) if "carry" in check.parameters else []
        mistakes = [mistake.id for mistake in chosen]
        return self.known.get([check.id, *mistakes, "beside", *carried], lambda: self._run(chosen, check))

    def explain(self, region: str, judged: Judged) -> Diagnosis | None:
        """What explains a region whose checks were `judged` by `judge`."""
        return diagnose(judged, known_about(self.manifest, region), self.judge_mutant)

    def _run(self, chosen: Version, check: Check) -> Judgement | None:
        try:
            files = apply_misconceptions(self.manifest, chosen)
        except ValueError:
            return None
        self.mutant.replace(files)
        return self.judge(check, self.mutant)
