"""Judgements of what is made of features: the Fréchet distance of Gaussians (Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge
to a Local Nash Equilibrium", 2017, Eq. 6), and the distance to the nearest training example. The oracle is this project's own, fid/frechet.py.

Arguments may come as arrays of NumPy or as tensors, of either precision: a right program takes one of these forms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, NotFinite, any_form, expect
from autograder.grading.seeds import Draw
from autograder.judges.results import numbers_of
from autograder.oracles.tolerance import near
from autograder.sandbox.proxies import Student
from fid.frechet import frechet_distance, moments

Form = Callable[[Student, Floats], Any]
FORMS: tuple[tuple[float, Form], ...] = (  # with the relative error that its precision leaves
    (1e-5, lambda student, value: student.module("numpy").later("asarray", value)),
    (1e-5, lambda student, value: value),
    (1e-3, lambda student, value: value.astype(np.float32)),
)
OFFSET = 1e-6  # that programs add to the diagonals of singular covariances, as the usual one does
SQUARES = 1e-5  # error of a squared distance, relative to the squared norms: float32 by |x|² + |y|² − 2 x·y loses some 1e-6


@dataclass(frozen=True)
class Features:
    """What the course calls its functions, around one submission."""

    student: Student
    file: str = "libs.fid"
    frechet: str = "frechet_distance"
    nearest: str = "nearest_training_distance"

    def call(self, name: str, form: Form, note: Note, *given: Floats) -> Floats:
        """What a function returns for arguments in this form, as a row of numbers."""
        arguments = [form(self.student, value) for value in given]
        try:
            return numbers_of(self.student, self.student.module(self.file).new(name, *arguments), name)
        except NotFinite:
            note(f"finite numbers from {name}", 0, 0)
            raise


# The Fréchet distance


@dataclass(frozen=True)
class Pair:
    """Two sets of features, (n, D), and how sentences call them."""

    name: str
    first: Floats
    second: Floats

    @property
    def given(self) -> tuple[Floats, Floats, Floats, Floats]:
        """μ₁, Σ₁, μ₂, Σ₂."""
        return (*_moments(self.first), *_moments(self.second))

    @property
    def distance(self) -> float:
        return frechet_distance(moments(self.first), moments(self.second))

    @property
    def scale(self) -> float:
        mu_1, sigma_1, mu_2, sigma_2 = self.given
        return float(np.trace(sigma_1) + np.trace(sigma_2) + ((mu_1 - mu_2) ** 2).sum())

    @property
    def of_offset(self) -> float:
        """By how much OFFSET on both diagonals changes tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½), at most: 2 √OFFSET tr(Σ^½) for each."""
        roots = [np.linalg.svd(x - x.mean(axis=0), compute_uv=False).sum() / np.sqrt(len(x) - 1) for x in (self.first, self.second)]
        return float(2 * np.sqrt(OFFSET) * sum(roots) + 4 * OFFSET * self.first.shape[1])


def _moments(features: Floats) -> tuple[Floats, Floats]:
    return features.mean(axis=0), np.cov(features, rowvar=False)


def drawn(draw: Draw, rows: int, dimensions: int, share: float = 1.0) -> Floats:
    """Features whose coordinates are correlated, in directions of their own. share: how many of the dimensions there are."""
    rank = max(int(share * dimensions), 1)
    return 3 * draw.uniform(-1, 1, dimensions) + draw.normal(rows, rank) @ draw.normal(rank, dimensions)


def judge_distance(course: Features, draw: Draw, note: Note) -> None:
    """Of sets with other means and covariances; and the same with the arguments swapped."""
    first, second = drawn(draw, 40, 8), drawn(draw, 30, 8)
    pairs = [Pair("two sets", first, second), Pair("two sets, swapped", second, first), Pair("one dimension less", first[:, 1:], second[:, 1:])]
    _judge_pairs(course, pairs, note)


def judge_equal_and_shifted(course: Features, draw: Draw, note: Note) -> None:
    """0 for equal sets, ‖δ‖² for a set that is shifted by δ."""
    features = drawn(draw, 40, 9)
    shifted = features + 2 * draw.normal(9)
    _judge_pairs(course, [Pair("equal sets", features, features), Pair("a set that is shifted as a whole", features, shifted)], note)


def judge_singular(course: Features, draw: Draw, note: Note) -> None:
    """Of sets with fewer images than dimensions, and of one that varies in few directions."""
    few, others = drawn(draw, 6, 16), drawn(draw, 9, 16)
    pairs = [
        Pair("fewer images than dimensions", few, others), Pair("equal sets of fewer images than dimensions", few, few),
        Pair("a set that varies in some directions only", drawn(draw, 40, 10, 0.5), drawn(draw, 40, 10)),
    ]  # fmt: skip
    _judge_pairs(course, pairs, note, offset=True)


def _judge_pairs(course: Features, pairs: Sequence[Pair], note: Note, offset: bool = False) -> None:
    note.inputs["pairs"] = {pair.name: pair.given for pair in pairs}

    def in_form(precision: float, form: Form) -> None:
        found = [course.call(course.frechet, form, note, *pair.given) for pair in pairs]
        for pair, got in zip(pairs, found):
            note(f"distance, {pair.name}", got, 5e-3)
        note.measured_work(all(got.size == 1 for got in found) and len({round(float(got[0]), 6) for got in found}) > 1)
        for pair, got in zip(pairs, found):
            allowed = 10 * precision * pair.scale + (pair.of_offset + 2e-3 * pair.scale if offset else 0)
            expect(got.size == 1, f"{course.frechet} must return one number; yours returned {got.size}.")
            expect(
                near(got[0], pair.distance, allowed),
                f"For {pair.name}, {course.frechet} must be {pair.distance:.4f} (Heusel et al., Eq. 6); yours is {got[0]:.4f}.",
            )

    any_form(note, [partial(in_form, *form) for form in FORMS])


# The nearest training example


def judge_nearest(course: Features, draw: Draw, note: Note) -> None:
    """The Euclidean distance of each feature to the nearest training feature, whatever numbers of them there are.

    Some lie near the first and the last row of every part in which a student may take the training features, such as 100 at a time.
    """
    training = drawn(draw, 1203, 12)
    ends = {0, 1202, *(row for size in (100, 128, 256) for first in range(size, 1203, size) for row in (first - 1, first))}
    features = training[sorted(ends)] + 0.2 * draw.normal(len(ends), 12)
    others = training[draw.generator.permutation(1203)[:31]] + draw.uniform(0.2, 2, 31, 1) * draw.normal(31, 12)
    features = draw.generator.permutation(np.concatenate([features, others]))
    _judge_sets(course, [(features, training), (training[:5] + 1, features[:3]), (features[:1], training[:1])], note)


def judge_copies(course: Features, draw: Draw, note: Note) -> None:
    """About 0 for copies, wherever they lie in the training set, a little more for near ones, and more for the others."""
    training = drawn(draw, 1100, 12)
    places = np.array([0, 1099, *draw.generator.permutation(np.arange(1, 1099))[:10]])
    features = drawn(draw, 24, 12)
    features[: len(places)] = training[places]
    features[6:12] += 0.02 * draw.normal(6, 12)  # of copies that are mirrored, shifted or noised, features are near, and not equal
    order = draw.generator.permutation(len(features))
    _judge_sets(course, [(features[order], training)], note, {int(row): "of a copy" for row in np.flatnonzero(order < 6)})


def _judge_sets(course: Features, sets: Sequence[tuple[Floats, Floats]], note: Note, copies: dict[int, str] | None = None) -> None:
    note.inputs["sets"] = list(sets)

    def in_form(precision: float, form: Form) -> None:
        found = [course.call(course.nearest, form, note, *both) for both in sets]
        for number, got in enumerate(found):
            note(f"nearest, set {number}", got, 5e-3)
        numbers = np.concatenate(found)
        note.measured_work(bool(numbers.size and np.ptp(numbers) > 1e-3 and numbers.min() >= 0))
        for (features, training), got in zip(sets, found):
            expected = np.array([np.sqrt(((training - feature) ** 2).sum(axis=1)).min() for feature in features])
            shapes = f"For features of shape {features.shape} and training features of shape {training.shape},"
            expect(got.size == len(features), f"{shapes} {course.nearest} must return {len(features)} distances; yours returned {got.size}.")
            allowed = SQUARES * ((features**2).sum(axis=1) + (training**2).sum(axis=1).max())
            wrong = ~((got >= -1e-6) & (abs(got**2 - expected**2) <= allowed))
            if wrong.any():
                row = int(wrong.argmax())
                which = (copies or {}).get(row, "of row " + str(row))
                expect(False, f"{shapes} the distance {which} must be {expected[row]:.4f}; yours is {got[row]:.4f}.")

    any_form(note, [partial(in_form, *form) for form in FORMS])
