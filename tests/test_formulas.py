"""Known mistakes as formulas: whatever form the rest has, the numbers of a mistake are explained by it, and those of no mistake by none."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from autograder.assignments.swiss_roll.misconceptions import MISCONCEPTIONS
from autograder.grading.checks import CheckMark, Note
from autograder.grading.diagnosis import Diagnosis, Known, diagnose
from autograder.grading.formulas import Formula, together
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement
from autograder.judges.formulas import ALGORITHMS
from autograder.oracles.schedule import EvenlySpaced
from autograder.regions import shortest

SCHEDULE = EvenlySpaced(15, 0.031, 0.26)
LAST = SCHEDULE.num_timesteps - 1
TIMES = (LAST, LAST // 2, 1, 0)
PAIRS = ((LAST, LAST - 3), (LAST // 2, 1), (3, 0), (1, 0))
CLEAN = ((0, -1), (2, -3), (3, -1))


STEP = ("a", "b", "σ", "offset")


def _at(symbols: tuple[str, ...], places: Any, tolerance: float) -> dict[str, float]:
    return {f"{symbol} at {', '.join(f'{n:g}' for n in place)}": tolerance for place in places for symbol in symbols}


# By region: for each check, the names that it notes, with their tolerances
NAMES: Mapping[str, list[dict[str, float]]] = {
    "q_sample": [{f"{what} at {t}": 1e-3 for t in range(LAST + 1) for what in ("x_0", "ε")}],
    "p_sample": [
        {f"{what} at {t}": 2e-3 for t in TIMES for what in "ab"},
        {f"σ at {t}": 0.01 for t in TIMES},
        {f"t fed at {t}": 1e-6 for t in TIMES},
    ],
    "ddim_p_sample": [
        _at(STEP, PAIRS, 2e-3),
        _at(STEP, [(*pair, eta) for pair in CLEAN for eta in (0, 1)], 2e-3),
        _at(STEP, [(*pair, eta) for pair in PAIRS for eta in (0.437, 1)], 2e-3),
        {f"t fed at {t}": 1e-6 for t, _ in PAIRS},
    ],
    "p_sample_loop": [{"t": 0, "number of steps": 0, "calls of the network": 0, "x_T spread": 0.02}],
    "compute_loss": [
        {"x_t is x_0": 0, "loss": 1e-3, "of another noise": 0, "noise given to q_sample": 0},
        {"range of t": 0, "range of t again": 0, "kinds of t": 0},
    ],
}


def inputs() -> dict[str, Any]:
    random = np.random.default_rng(0)
    x0, noise, eps_hat = random.normal(size=(3, 64, 3))
    t = random.integers(0, LAST, 64)
    xt = SCHEDULE.q_sample(x0, t, noise)
    level = 1 - SCHEDULE.alphas_cumprod[t]
    return {
        "schedule": SCHEDULE, "t_prev": dict(PAIRS), "x0": x0, "noise": noise, "eps_hat": eps_hat, "xt": xt, "noise_level": level,
    }  # fmt: skip


GIVEN = inputs()
UNKNOWN = {"loss": 0.987}  # what comes where a formula cannot say
SAME = frozenset({"one-t-for-the-batch", "t-always-last"})  # in some numbers


def numbers(region: str, formula: Formula) -> list[Note]:
    """What each check of the region would note of code that computes this formula."""
    notes = []
    for names in NAMES[region]:
        asked = Note(dict.fromkeys(names, (np.zeros(1), 0.0)), inputs=GIVEN)
        note = Note(inputs=GIVEN)
        for name, value in {**{name: UNKNOWN[name] for name in names if name in UNKNOWN}, **formula.predict(asked)}.items():
            note(name, value, names[name])
        notes.append(note)
    return notes


def judged(region: str, notes: list[Note]) -> list[tuple[Check, Judgement]]:
    """A check fails where its numbers are not those of any right form."""
    right = [numbers(region, formula) for formula in ALGORITHMS[region].right()]
    found = []
    for i, note in enumerate(notes):
        passes = any(note.agrees_with(good[i]) for good in right)
        check = Check(f"1.{i}", "title", CheckMark("1", 1.0, region, 0.0, ""), lambda: None, (2,))
        found.append((check, Judgement("passed" if passes else "failed", kind="" if passes else "wrong", note=note)))
    return found


def explained(region: str, notes: list[Note]) -> Diagnosis | None:
    known = Known([m for m in MISCONCEPTIONS if shortest(m.region) == region], ALGORITHMS[region])
    return diagnose(judged(region, notes), known, lambda version, check: None, pairs=False)


def versions(count: int) -> list[tuple[str, Formula]]:
    return [(region, formula) for region, algorithm in ALGORITHMS.items() for formula in algorithm.wrong(count)]


@pytest.mark.parametrize("region", ALGORITHMS)
def test_every_single_mistake_in_every_right_form_is_named_and_no_other(region: str) -> None:
    for formula in ALGORITHMS[region].wrong(1):
        notes = numbers(region, formula)
        if all(judgement.status == "passed" for _, judgement in judged(region, notes)):
            continue  # in this form the mistake is none, such as noise at t = 0 whose variance is β̃_0 = 0
        found = explained(region, notes)
        assert found is not None, formula.ids
        if SAME.issuperset(formula.ids):
            assert formula.ids[0] in (*found.ids, *found.alternatives), (formula.ids, found)
        else:
            assert (found.ids, found.alternatives) == (formula.ids, ()), (formula.ids, found)


@pytest.mark.parametrize("region", ALGORITHMS)
def test_every_formula_belongs_to_a_misconception_of_its_region(region: str) -> None:
    ids = {m.id for m in MISCONCEPTIONS if shortest(m.region) == region}
    assert {change.id for change in ALGORITHMS[region].mistakes} <= ids


NAMES_OF_A_COURSE = re.compile(r"q_sample|p_sample|compute_loss|scheduler|\.py|TODO|docstring|handout|self\.|torch|\.sqrt|\*\*|==")


@pytest.mark.parametrize("region", ALGORITHMS)
def test_every_mistake_is_explained_in_words_of_no_course(region: str) -> None:
    algorithm = ALGORITHMS[region]
    assert algorithm.explanations.keys() == {change.id for change in algorithm.mistakes}
    for text in algorithm.explanations.values():
        assert 40 < len(text) < 320, text
        assert text.endswith((".", "?")), text
        assert not NAMES_OF_A_COURSE.search(text), text


def test_a_mistake_that_the_course_does_not_list_is_explained_by_its_formula() -> None:
    formula = next(f for f in ALGORITHMS["p_sample"].wrong(1) if f.ids == ("divided-by-alpha",))
    found = diagnose(
        judged("p_sample", numbers("p_sample", formula)), Known([], ALGORITHMS["p_sample"]), lambda version, check: None, pairs=False
    )
    assert found is not None
    assert found.ids == ("divided-by-alpha",)
    assert [text for _, text in found.hints.values()] == [ALGORITHMS["p_sample"].explanations["divided-by-alpha"]]


def test_algorithms_in_one_function_are_one() -> None:
    both = together(ALGORITHMS["p_sample"], ALGORITHMS["p_sample_loop"])
    note = Note(dict.fromkeys(["a at 3", "number of steps"], (np.zeros(1), 0.0)), inputs=GIVEN)
    found = [f.predict(note) for f in both.wrong(2) if set(f.ids) == {"divided-by-alpha", "loop-starts-late"}]
    assert {"a at 3": 1 / SCHEDULE.alphas[3], "number of steps": LAST}.items() <= found[0].items()
    with pytest.raises(ValueError, match="one name"):
        together(ALGORITHMS["p_sample"], ALGORITHMS["p_sample"])
