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
from autograder.oracles.blur import gaussian_blur

KERNEL, SIGMA = 33, 2.0  # of the blur that parts low from high frequencies, pixels (Factorized Diffusion, Geng et al. 2024, as the course sets it)
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
    return np.moveaxis(gaussian_blur(np.moveaxis(pictures.astype(np.float64), -1, 1), KERNEL, SIGMA), 1, -1).astype(np.float32)


def from_near(pictures: Pictures) -> Floats:
    """The high frequencies of pictures, (N, 64, 64, 3) in [0, 1]: what from_afar takes away, around grey."""
    return np.clip(pictures - from_afar(pictures) + 0.5, 0, 1).astype(np.float32)
