"""Which label a network was told for each row, in any form: whole numbers beside a mask, one-hot inside or by the caller, zeros for none; and
how often it was told none, in the training of classifier-free guidance (Ho and Salimans 2022, Alg. 1).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import Floats, Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges.network import Call
from autograder.judges.signature import Given
from autograder.measuring import has_a_time_for_each_row, times_of_rows
from autograder.oracles.statistics import ALPHA, z_limit
from autograder.oracles.tolerance import finite, near
from autograder.sandbox.proxies import describe

Labels = NDArray[np.int64]
Rows = NDArray[np.bool_]
Asked = Callable[[int, float], tuple[Call, Labels]]
"""A loss for so many images and p_uncond: what it called the network with, and the labels of the images."""

MOST_CLASSES = 1_000_000
FEW, OFTEN, CALLS = 1024, 16_384, 5  # of OFTEN labels an exact share is dropped by chance with probability 0.007, CALLS times hardly ever


class Unreadable(WrongAnswer):
    """What the network was given for its labels is neither whole numbers nor one-hot."""


def one_hot(labels: Labels, classes: int) -> NDArray[np.float32]:
    """(B, classes)."""
    return np.eye(classes, dtype=np.float32)[labels]


def without_the_last(labels: Labels | None, classes: int) -> Labels | None:
    """No image of the last class, so that one-hot vectors that are as long as the largest label has it are seen."""
    return None if labels is None else labels % (classes - 1)


def relabelled(c: NDArray[Any], rows: Rows, classes: int) -> NDArray[Any]:
    """Labels, as numbers or one-hot, with another label in these rows; where a row is zero, none, and it stays as it is."""
    others = c.copy()
    others[rows] = np.roll(c[rows], 1, axis=1) if c.ndim == 2 and c.shape[1] > 1 else (c[rows] + 1) % classes
    return others


def told(call: Call, where: str, network: str) -> tuple[Labels, Rows]:
    """The label of each row, and whether the network is to look at it. Raises Unreadable, or WrongAnswer for the mask."""
    rows, c = len(call.x), call.more.get("c")
    expect(c is not None, f"{where} must give the network the labels as well, {network}.")
    if not isinstance(c, np.ndarray) or c.dtype.kind not in "iufb" or c.ndim not in (1, 2) or len(c) != rows or not finite(c):
        raise Unreadable(f"{where} must give the network the labels c, of shape ({rows},); yours gave it {describe(c)}.")
    kept = _from_mask(call.more.get("mask"), rows, where)
    if c.ndim == 2 and c.shape[1] > 1:
        labels, known = _from_one_hot(c, where)
        return labels, kept & known
    numbers = c.ravel().astype(np.float64)
    if (numbers != numbers.round()).any() or abs(numbers).max() > MOST_CLASSES:
        raise Unreadable(f"{where} must give the network whole numbers as labels; yours gave it {numbers[0]:g} and others.")
    return numbers.astype(np.int64), kept


def with_dropped_labels(asked: Sequence[Given], network: str) -> list[Given]:
    """The calls in which some label is dropped. Raises what `told` raises where the labels of a call cannot be read."""
    return [given for given in asked if not told(Call(given["x"], np.empty(0), given), "Your code", network)[1].all()]


def expect_length_of_one_hot(asked: Sequence[Given], where: str, network: str, classes: int, note: Note) -> None:
    """One-hot vectors have a number for each class, whichever labels there are. `asked`: calls of the network for images `without_the_last` class."""
    lengths = [given["c"].shape[1] for given in asked if given["c"].ndim == 2 and given["c"].shape[1] not in (1, classes)]
    note("one-hot vectors of another length", bool(lengths), 0)
    if lengths:
        raise WrongAnswer(
            f"One-hot vectors must have {classes} numbers, one for each class, as {network} takes them; those of {where} have {lengths[0]}, "
            f"for labels up to {classes - 2}. F.one_hot takes the number of classes as its second argument."
        )


def _from_one_hot(c: NDArray[Any], where: str) -> tuple[Labels, Rows]:
    if not np.isin(c, (0, 1)).all() or (c.sum(axis=1) > 1).any():
        raise Unreadable(f"{where} must give the network one-hot vectors with a single 1, or zeros for no label; some of yours hold something else.")
    return c.argmax(axis=1).astype(np.int64), c.any(axis=1).astype(bool)


def _from_mask(mask: Any, rows: int, where: str) -> Rows:
    if mask is None:
        return np.ones(rows, dtype=bool)
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in "iufb" or not has_a_time_for_each_row(mask.shape, rows):
        raise WrongAnswer(f"{where} must give the network a mask of shape ({rows},); yours gave it {describe(mask)}.")
    numbers = times_of_rows(mask, rows)
    others = numbers[~np.isin(numbers, (0, 1))]
    expect(not others.size, f"{where} must give the network a mask of 0 and 1; yours holds {others[:1].sum():g}.")
    kept: Rows = numbers == 1
    return kept


def expect_own_labels(given: Labels, kept: Rows, labels: Labels, where: str, note: Note) -> None:
    """Whatever the network was told of an image, as far as it was told, is the label of that image."""
    wrong = kept & (given != labels)
    note("share with another label", wrong.mean(), 0.02)
    if wrong.any():
        row = int(wrong.argmax())
        raise WrongAnswer(
            f"{where} must give the network the label of each image; yours gave it the label {given[row]} for an image of class {labels[row]}."
        )


def judge_dropping(asked: Asked, where: str, network: str, draw: Draw, note: Note) -> None:
    """Each label is dropped with probability p_uncond, by itself, anew at every call, and whatever the t of its image."""

    def heard(rows: int, p: float) -> tuple[Floats, Rows]:
        call, labels = asked(rows, p)
        given, kept = told(call, where, network)
        expect_own_labels(given, kept, labels, where, note)
        return call.t, kept

    for p, what in ((0.0, "no label may be dropped"), (1.0, "every label must be dropped")):
        dropped = int((~heard(FEW, p)[1]).sum())
        note(f"share dropped at {p:g}", dropped / FEW, 0.03)
        # A random number may be 0 itself, once in 2^24: twice in so many it is with probability 2e-9
        expect(abs(dropped - FEW * p) <= 1, f"With p_uncond = {p:g}, {what}; yours dropped {dropped} of {FEW}.")
    p = float(draw.uniform(0.25, 0.4))
    note.inputs["p_uncond"] = p
    times, kept = map(np.array, zip(*[heard(OFTEN, p) for _ in range(CALLS)]))
    counts = (~kept).sum(axis=1)
    note("share dropped", counts[0] / OFTEN, 0.02)
    note("the same number each time", len(set(counts)) == 1, 0)
    note("all or none", _all_or_none(counts), 0)
    _expect_counts(counts, p)
    same = (kept[1:] == kept[0]).all(axis=1).any()
    expect(not same, f"{where} must draw anew at every call which labels it drops; yours dropped those of the same images again.")
    _expect_any_time(times, kept, note)


def _all_or_none(counts: NDArray[np.int64]) -> bool:
    return bool(np.isin(counts, (0, OFTEN)).all())


def _expect_counts(counts: NDArray[np.int64], p: float) -> None:
    if _all_or_none(counts):
        raise WrongAnswer("Each label must be dropped by itself; yours are dropped all together, or not at all.")
    shares, error = counts / OFTEN, z_limit(ALPHA / CALLS) * np.sqrt(p * (1 - p) / OFTEN)
    worst = shares[abs(shares - p).argmax()]
    expect(
        near(shares, p, error + 1 / OFTEN),
        f"With p_uncond = {p:.3f}, each label must be dropped with that probability; yours dropped {worst:.1%} of {OFTEN:,}.",
    )
    expect(
        len(set(counts)) > 1,
        f"Each label must be dropped with probability p_uncond, by itself; yours dropped just {counts[0]:,} of {OFTEN:,} in each of "
        f"{CALLS} batches, as if an exact share were chosen.",
    )


def _expect_any_time(t: Floats, kept: Rows, note: Note) -> None:
    offset = t[~kept].mean() - t[kept].mean()
    note("later where dropped", offset, 0.03)
    error = z_limit() * t.std() * np.sqrt(1 / kept.sum() + 1 / (~kept).sum())
    expect(
        near(offset, 0, error),
        f"Which labels are dropped must have nothing to do with t; where yours are, t is {t[~kept].mean():.3f} on average, else "
        f"{t[kept].mean():.3f}. Look for one random number that is used twice.",
    )
