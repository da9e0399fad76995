"""What samples of a text-conditioned model are worth: whether a classifier sees in them what their prompts ask for.

A hybrid is looked at twice, from afar and from near; an illusion upright and upside down. The pairs of FLIP_PAIRS are so alike that plain
drawings of the one, turned upside down, are nearly always taken for the other: that a sample reads both ways does not prove that both
prompts drew it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autograder.drawings.classifier import CLASSES, NOTHING, Floats, indices, probabilities
from autograder.drawings.drawings import CONTENTS, content_of

SIGMA = 2.0  # of the blur that parts low from high frequencies, pixels (Factorized Diffusion, Geng et al. 2024, as the course sets it)
Pictures = NDArray[np.floating]


def probability_of(pictures: Pictures, prompt: str) -> NDArray[np.float64]:
    """That each picture, (N, 64, 64, 3) in [0, 1], shows what the prompt asks for, (N,).

    An open prompt, "" or "a high quality photo", asks for any of the contents. Raises ValueError for an unknown prompt, and as
    classifier.scores.
    """
    content = content_of(prompt)
    shown = CONTENTS if content is None else (content,)
    return probabilities(pictures)[:, indices(shown)].sum(axis=1, dtype=np.float64)


def shown(pictures: Pictures, prompts: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each picture, (N, 64, 64, 3) in [0, 1], is taken for what its own prompt asks for, (N,). Errors as probability_of."""
    if len(pictures) != len(prompts):
        raise ValueError(f"There are {len(pictures)} pictures and {len(prompts)} prompts; each picture needs its own.")
    asked = [content_of(prompt) for prompt in prompts]
    seen = [CLASSES[index] for index in probabilities(pictures).argmax(axis=1)]
    return np.array(
        [one != NOTHING if wanted is None else one == wanted for one, wanted in zip(seen, asked)], dtype=bool
    )


def share_shown(pictures: Pictures, prompts: Sequence[str]) -> float:
    """The share of pictures, (N, 64, 64, 3) in [0, 1], that show what their prompts ask for; 0 of none. Errors as probability_of."""
    return float(shown(pictures, prompts).mean()) if len(prompts) else 0.0


def upside_down(pictures: Pictures) -> Pictures:
    """The pictures, (N, 64, 64, 3), with their rows in the opposite order, as torch.flip(x, [2]) does with (N, 3, 64, 64)."""
    return pictures[:, ::-1]


def from_afar(pictures: Pictures) -> Floats:
    """The low frequencies of pictures, (N, 64, 64, 3): a Gaussian blur with SIGMA, edges mirrored."""
    matrix = _blur(pictures.shape[1])
    return np.einsum("ij,njkc,lk->nilc", matrix, pictures, matrix, optimize=True).astype(np.float32)


def from_near(pictures: Pictures) -> Floats:
    """The high frequencies of pictures, (N, 64, 64, 3) in [0, 1]: what from_afar takes away, around grey."""
    return np.clip(pictures - from_afar(pictures) + 0.5, 0, 1).astype(np.float32)


def _blur(size: int, sigma: float = SIGMA) -> NDArray[np.float64]:
    """(size, size): a Gaussian around each pixel; what falls over an edge is mirrored at its pixel, as torchvision's gaussian_blur does."""
    places = np.arange(-size + 1, 2 * size - 1)
    mirrored = (size - 1) - np.abs((size - 1) - np.abs(places))
    matrix = np.zeros((size, size))
    for row in range(size):
        np.add.at(matrix[row], mirrored, np.exp(-0.5 * ((places - row) / sigma) ** 2))
    return matrix / matrix.sum(axis=1, keepdims=True)
