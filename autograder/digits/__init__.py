"""Digits for the courses on MNIST: real ones where somebody has put them, drawn ones otherwise, and a classifier for each.

It stands below grading, and knows nothing of it, as `fid/` does; it is in this package because the grader asks it in its own process, so
that bundles find it by its imports. NumPy only: the grader never imports torch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autograder.digits import drawn, mnist

Kind = Literal["mnist", "drawn"]


@dataclass(frozen=True)
class Digits:
    """images: (N, size, size) in 0 … 1; labels: (N,). `name` says where they come from, and that drawn ones stand in."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    kind: Kind

    @property
    def name(self) -> str:
        return mnist.NAME if self.kind == "mnist" else drawn.NAME


def load_digits(count: int, size: int, seed: int, folder: Path | None) -> Digits:
    """`count` different digits in random order: of the MNIST in `folder`, or drawn where that is None. Raises UserError for a damaged MNIST."""
    if folder is None:
        drawn_images, drawn_labels = drawn.drawn_digits(count, size, seed)
        return Digits(drawn_images, drawn_labels, "drawn")
    images, labels = mnist.read_mnist(folder)
    rows = np.random.default_rng(seed).permutation(len(images))[:count]
    return Digits(resized(images[rows], size), labels[rows], "mnist")


def resized(images: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """(N, S, S) → (N, size, size), bilinear, each pixel a point in the middle of its square; smaller images average what they cover."""
    weights = _weights(images.shape[1], size)
    return np.einsum("ij,njk,lk->nil", weights, images, weights, optimize=True).astype(np.float32)


def _weights(old: int, new: int) -> NDArray[np.float64]:
    """(new, old): each row a triangle around the middle of the new pixel, as wide as the larger of the two pixels."""
    middle = (np.arange(new) + 0.5) * old / new - 0.5
    width = max(1.0, old / new)
    distance = abs(np.clip(middle, 0, old - 1)[:, None] - np.arange(old)) / width
    weights = np.clip(1 - distance, 0, None)
    return weights / weights.sum(axis=1, keepdims=True)
