"""What is made of features (judges/frechet.py). Its numbers: of inputs["pairs"], by name (μ₁, Σ₁, μ₂, Σ₂), "distance, name"; of inputs["sets"],
pairs of features and training features, "nearest, set 0" and so on.
"""

from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake

EQ = "Heusel et al., Eq. 6"


def _distances(p: Any, note: Note) -> Numbers:
    found = {}
    for name, (mu_1, sigma_1, mu_2, sigma_2) in note.inputs.get("pairs", {}).items():
        found[f"distance, {name}"] = p.whole(p.shift(mu_1 - mu_2) + p.spread(sigma_1, sigma_2) - p.factor() * p.root(sigma_1, sigma_2))
    return found


def trace_of_root(one: Any, other: Any) -> float:
    """tr (Σ₁ Σ₂)^½."""
    return float(np.sqrt(np.linalg.eigvals(one @ other).real.clip(min=0)).sum())


def _root_of(matrix: Any) -> Any:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


FRECHET = Algorithm(
    parts=dict(
        shift=lambda delta: (delta**2).sum(),
        spread=lambda one, other: np.trace(one) + np.trace(other),
        factor=lambda: 2,
        root=trace_of_root,
        whole=lambda value: value,
    ),
    measure=_distances,
    mistakes=(
        mistake("shift-not-squared", f"The distance of the means seems not to be squared. Look at the first term of {EQ}.", shift=np.linalg.norm),
        mistake(
            "shift-averaged",
            f"The squared distance of the means seems to be divided by their number. Look at the first term of {EQ}.",
            shift=lambda delta: (delta**2).mean(),
        ),
        mistake("shift-left-out", f"The means seem not to count. Look at the first term of {EQ}.", shift=lambda delta: 0.0),
        mistake("root-once", f"The root seems to count with another factor than in {EQ}.", factor=lambda: 1),
        mistake("root-left-out", f"The root of Σ₁ Σ₂ seems to be missing. Look at the last term of {EQ}.", factor=lambda: 0),
        mistake("root-added", f"The root of Σ₁ Σ₂ seems to be added. Look at the signs in {EQ}.", factor=lambda: -2),
        mistake(
            "root-of-each-number",
            f"The root in your distance seems to be one of each number of Σ₁ Σ₂. What is the root of a matrix ({EQ})?",
            root=lambda one, other: np.sqrt(np.diag(one @ other).clip(min=0)).sum(),
        ),
        mistake(
            "product-of-each-number",
            f"Your Σ₁ Σ₂ seems to be a product number by number. Look at the operator with which you multiply matrices ({EQ}).",
            root=lambda one, other: float(np.sqrt(np.linalg.eigvals(one * other).real.clip(min=0)).sum()),
        ),
        mistake(
            "product-of-roots",
            f"Your root seems to be a product of the roots of Σ₁ and of Σ₂, which is another matrix than the root of the product ({EQ}).",
            root=lambda one, other: float(np.trace(_root_of(one) @ _root_of(other))),
        ),
        mistake(
            "trace-of-the-product",
            f"The trace of Σ₁ Σ₂ itself seems to be in your distance. Look for its root in {EQ}.",
            root=lambda one, other: float(np.trace(one @ other)),
        ),
        mistake(
            "root-of-the-trace",
            f"The root in your distance seems to be one of a trace. Which of the two comes first in {EQ}?",
            root=lambda one, other: float(np.sqrt(np.trace(one @ other))),
        ),
        mistake(
            "roots-of-the-diagonals",
            f"Your distance seems to look at the diagonals only, as if no two coordinates had anything to do with each other ({EQ}).",
            root=lambda one, other: np.sqrt(np.diag(one) * np.diag(other)).sum(),
        ),
        mistake("distance-not-squared", f"What you return seems to be the root of {EQ}.", whole=lambda value: np.sqrt(max(value, 0))),
        mistake("one-trace", f"The trace of one of the covariances seems to be missing ({EQ}).", spread=lambda one, other: np.trace(one)),
    ),
)


def _nearest(p: Any, note: Note) -> Numbers:
    found = {}
    for number, (features, training) in enumerate(note.inputs.get("sets", [])):
        found[f"nearest, set {number}"] = np.ravel(p.chosen(p.distance(features[:, None] - training[None])))[:64]
    return found


NEAREST = Algorithm(
    parts=dict(distance=lambda between: np.sqrt((between**2).sum(axis=-1)), chosen=lambda distances: distances.min(axis=1)),
    measure=_nearest,
    mistakes=(
        mistake("squared", "Your distances seem to be squared. Euclidean ones are asked for.", distance=lambda between: (between**2).sum(axis=-1)),
        mistake(
            "of-absolute-values",
            "Your distances seem to be sums of absolute values. Euclidean ones are asked for.",
            distance=lambda between: abs(between).sum(axis=-1),
        ),
        mistake(
            "root-of-the-mean",
            "Your distances seem to be divided by the root of the number of dimensions. Euclidean ones are asked for.",
            distance=lambda between: np.sqrt((between**2).mean(axis=-1)),
        ),
        mistake("farthest", "You seem to look for the farthest training feature.", chosen=lambda distances: distances.max(axis=1)),
        mistake("mean", "You seem to average over the training features. The nearest alone is asked for.", chosen=lambda d: d.mean(axis=1)),
        mistake(
            "of-each-training-feature",
            "There seems to be a distance for each training feature. Look at the axis over which you look for the nearest.",
            chosen=lambda distances: distances.min(axis=0),
        ),
        mistake(
            "second-nearest",
            "You seem to leave out the nearest training feature, as for features that are in the set themselves. A copy is what you look for.",
            chosen=lambda distances: np.sort(distances, axis=1)[:, min(1, distances.shape[1] - 1)],
        ),
        mistake("the-place", "What you return seems to be where the nearest one is. Its distance is asked for.", chosen=lambda d: d.argmin(axis=1)),
        mistake("of-all", "What you return seems to be the least distance of all. There is to be one for each feature.", chosen=lambda d: d.min()),
    ),
)
