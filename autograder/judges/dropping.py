"""Judgement of dropped labels in training (Ho and Salimans 2022, Alg. 1): each label is dropped with probability p, by itself."""

from collections.abc import Callable

import numpy as np
from scipy.special import bdtr, bdtrc

from autograder.grading.checks import Floats, Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges.conditions import NONE
from autograder.oracles.statistics import ALPHA

ROWS, SMALL, BATCHES = 4096, 24, 24
Told = Callable[[int, float], tuple[Floats, Floats]]  # rows, p → the labels of a batch, and what the network was told


def judge_dropping(told: Told, draw: Draw, note: Note, name: str) -> None:
    """`told` runs the loss once. Raises WrongAnswer. Five statistics at ALPHA.

    With p = 0 no label is dropped, with p = 1 all are. A rate off by 0.05, labels dropped for the whole batch, for a fixed number of its images, or
    for its first ones are seen always.
    """
    for p in (0.0, 1.0):
        share = float((told(ROWS, p)[1] == NONE).mean())
        note(f"dropped at p = {p:g}", share, 1e-3)
        note.measured_work(p == 1 and share == 1)
        expect(
            abs(share - p) < 1e-3,  # `>` and `>=` are both right, and differ once in 2^24 images
            f"With p_uncond = {p:g}, {name} must drop {'no label' if p == 0 else 'every label'}; yours drops {100 * share:.3g} %.",
        )
    p = float(draw.uniform(0.25, 0.45))
    labels, seen = told(ROWS, p)
    dropped = seen == NONE
    note("share dropped, relative to p", dropped.mean() / p, 0.1)
    note.measured_work(bool(0 < dropped.mean() < 1))
    expect((seen == labels)[~dropped].all(), f"The labels that {name} does not drop must be those of the images; yours are others.")
    _expect_rate(int(dropped.sum()), ROWS, p, f"With p_uncond = {p:.3f}, {name} must drop each label with this probability")
    where = f"{name} must drop each label by itself, wherever in the batch its image stands"
    _expect_rate(int(dropped[: ROWS // 2].sum()), ROWS // 2, p, where)
    _expect_rate(int((dropped[::2] & dropped[1::2]).sum()), ROWS // 2, p * p, f"{name} must drop each label by itself; of neighbours, both")
    small = [told(SMALL, p)[1] == NONE for _ in range(BATCHES)]
    counts = [int(dropped.sum()) for dropped in small]
    note("the same images at every call", all(np.array_equal(small[0], other) for other in small), 0)
    note("counts in small batches differ", len(set(counts)) > 1, 0)
    note("small batches dropped whole, or not at all", sum(count in (0, SMALL) for count in counts) == BATCHES, 0)
    expect(
        len(set(counts)) > 1,  # equal by chance: less than 0.2^23
        f"{name} must drop each label with probability p_uncond; yours drops exactly {counts[0]} of {SMALL} in every batch.",
    )


def _expect_rate(count: int, of: int, p: float, what: str) -> None:
    """Raises WrongAnswer where a binomial number is out of the limits that a right program leaves with probability ALPHA."""
    if min(bdtr(count, of, p), bdtrc(count - 1, of, p) if count else 1.0) < ALPHA / 2:
        raise WrongAnswer(f"{what}; yours drops {100 * count / of:.3g} % where {100 * p:.3g} % must be dropped.")
