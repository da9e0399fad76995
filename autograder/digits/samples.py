"""What samples of digits are worth: whether a classifier takes them for the digits asked for, how far they are from real ones, and copies."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autograder.digits import Kind, load_digits
from autograder.digits.classifier import classify, scores
from autograder.digits.mnist import read_mnist
from fid.frechet import fid_of_features

Floats = NDArray[np.float64]
REAL, RESAMPLED = 1000, 40
COPY = 0.25  # of the usual distance from a digit to the nearest other: so near is a copy
NAMES: dict[Kind, str] = {"mnist": "MNIST", "drawn": "drawn digits"}


@dataclass(frozen=True)
class Judged:
    """images: (N, 28, 28), as they came. `wrong`: share that the classifier takes for another digit. `distance`: Fréchet's, of a classifier's ten
    scores, to MNIST where it is, and else to drawn digits, with its standard error by resampling the samples. `copies`: a sentence, or "".
    """

    images: Floats
    wrong: float
    distance: float
    distance_error: float
    classified_as: str
    copies: str


def judged_samples(images: Floats, labels: NDArray[np.int64], folder: Path | None) -> Judged:
    """By the classifier, of MNIST or of drawn digits, that knows them better: weights that are handed in may come from either. `folder`: of MNIST, to
    which the distance is then.
    """
    pictures = np.clip(images, 0, 1).astype(np.float32)
    wrong = {kind: float((classify(pictures, kind) != labels).mean()) for kind in NAMES}
    kind = min(wrong, key=lambda one: (wrong[one], (one == "drawn") == (folder is not None)))
    distance, error = _distance(pictures, folder)
    return Judged(images, wrong[kind], distance, error, NAMES[kind], _copies(pictures, folder) if kind == "mnist" else "")


def _distance(pictures: NDArray[np.float32], folder: Path | None) -> tuple[float, float]:
    kind: Kind = "drawn" if folder is None else "mnist"
    real = scores(load_digits(REAL, 28, 0, folder).images, kind).astype(np.float64)
    mine, generator = scores(pictures, kind).astype(np.float64), np.random.default_rng(0)
    again = [fid_of_features(mine[generator.integers(0, len(mine), len(mine))], real) for _ in range(RESAMPLED)]
    return fid_of_features(mine, real), float(np.std(again))


def _copies(pictures: NDArray[np.float32], folder: Path | None) -> str:
    """A sentence where samples are training digits, or ""."""
    if folder is None:
        return "Copies of training digits were not looked for: AUTOGRADER_MNIST names no MNIST."
    training = read_mnist(folder)[0].reshape(-1, 784)
    tested = read_mnist(folder, train=False)[0][:200].reshape(-1, 784)
    usual = float(np.median(_nearest(tested, training)))
    count = int((_nearest(pictures.reshape(-1, 784), training) < COPY * usual).sum())
    return f"{count} of {len(pictures)} samples are copies of training digits: were they drawn by this network?" if count else ""


def _nearest(some: NDArray[np.float32], training: NDArray[np.float32]) -> Floats:
    """The distance to the nearest digit for training, (N,)."""
    found = np.full(len(some), np.inf)
    for start in range(0, len(training), 10_000):
        part = training[start : start + 10_000]
        squares = (some**2).sum(axis=1)[:, None] + (part**2).sum(axis=1)[None] - 2 * some @ part.T
        found = np.minimum(found, squares.min(axis=1))
    return np.sqrt(np.clip(found, 0, None)).astype(np.float64)
