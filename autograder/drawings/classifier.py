"""Says what a picture of 64 × 64 pixels shows: a small convolutional network, whose weights are in the repository.

    python -m autograder.drawings.training      writes weights/contents.npz, and says how often it is right

Four convolutions with ReLU, each of stride 2, then the mean over the picture and one linear layer. A style counts as what is drawn in it.
Pictures that show none of the contents are a class of their own, so that noise is not taken for whatever looks most like it.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autograder.drawings.drawings import CONTENTS, SIZE

NOTHING = "none of these"
CLASSES = (*CONTENTS, NOTHING)
WEIGHTS = Path(__file__).resolve().parent / "weights" / "contents.npz"
LAYERS, STRIDE, AT_ONCE = 4, 2, 64
Floats = NDArray[np.float32]


@cache
def weights() -> dict[str, Floats]:
    """ "w1" … "w4", (k, k, C, D), and "b1" … "b4" of the convolutions, "w5" and "b5" of the linear layer."""
    with np.load(WEIGHTS) as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def from_model(x: NDArray[np.floating]) -> Floats:
    """What a diffusion model gives, (N, 3, 64, 64) in [−1, 1], as pictures, (N, 64, 64, 3) in [0, 1]; what lies outside is cut off."""
    return np.clip(np.asarray(x, dtype=np.float32).transpose(0, 2, 3, 1) / 2 + 0.5, 0, 1)


def scores(pictures: NDArray[np.floating]) -> Floats:
    """Of each of CLASSES before the softmax, (N, 23), for pictures, (N, 64, 64, 3) in [0, 1].

    Raises ValueError for another shape, and for values that are not finite or far outside of [0, 1].
    """
    pictures = np.asarray(pictures, dtype=np.float32)
    if pictures.ndim != 4 or pictures.shape[1:] != (SIZE, SIZE, 3):
        raise ValueError(f"The classifier takes pictures of shape (N, {SIZE}, {SIZE}, 3), and got {pictures.shape}.")
    if not (np.isfinite(pictures).all() and (np.abs(pictures - 0.5) <= 0.51).all()):
        raise ValueError(
            "The classifier takes pictures in [0, 1]; from_model brings there what a model gives in [−1, 1]."
        )
    parts = [_network(pictures[start : start + AT_ONCE]) for start in range(0, len(pictures), AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros((0, len(CLASSES)), np.float32)


def probabilities(pictures: NDArray[np.floating]) -> Floats:
    """Of each of CLASSES, (N, 23), for pictures, (N, 64, 64, 3) in [0, 1]. Raises ValueError as scores."""
    told = scores(pictures)
    likely = np.exp(told - told.max(axis=1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True), dtype=np.float32)


def classify(pictures: NDArray[np.floating]) -> list[str]:
    """The likeliest of CLASSES for each picture. Raises ValueError as scores."""
    return [CLASSES[index] for index in scores(pictures).argmax(axis=1)]


def indices(contents: Iterable[str]) -> NDArray[np.int64]:
    """Where the contents stand in CLASSES, (N,)."""
    return np.array([CLASSES.index(content) for content in contents], dtype=np.int64)


def _network(x: Floats) -> Floats:
    known = weights()
    x = 2 * x - 1
    for layer in range(1, LAYERS + 1):
        x = np.maximum(_convolved(x, known[f"w{layer}"]) + known[f"b{layer}"], 0)
    return np.asarray(x.mean(axis=(1, 2)) @ known["w5"] + known["b5"], dtype=np.float32)


def _convolved(x: Floats, kernel: Floats) -> Floats:
    """(N, H, W, C) and (k, k, C, D) → (N, H/2, W/2, D), with k//2 zeros around."""
    side = len(kernel)
    around = (side // 2, side // 2)
    padded = np.pad(x, ((0, 0), around, around, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))[
        :, ::STRIDE, ::STRIDE
    ]  # (N, h, w, C, k, k)
    return np.tensordot(windows, kernel, axes=((4, 5, 3), (0, 1, 2)))
