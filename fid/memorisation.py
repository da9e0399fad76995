"""Are samples copies of training images? Nearest neighbours in a bank of real images, calibrated by how near real images lie to each other.

Two distances, from a sample to every image of the bank:

- pixels: root mean square at 32 × 32, least over the mirrored image and shifts of up to one such pixel;
- features: Euclidean in the feature network, least over the image and its mirror image.

Each becomes *relative nearness* d₁ / mean(d₂ … d₅₁), nearest over the next 50, since a blurred or plain image is near to everything, in pixels,
without being a copy of anything. A copy has nearly 0. The calibration asks the same of bank images, each with itself left out. A sample is
*closer than real* if it is nearer than the closest 1 % of those. If samples are as new as real images are to each other, the number of such samples
follows a beta-binomial distribution: the binomial excess test with the error of the estimated threshold taken in. The test of both distances
at once uses, for each image, the less conspicuous of its two ranks.

What follows from an excess is for a person to decide; nothing here takes points. Nothing here imports torch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import betabinom

from fid.images import ImageSet

Array = np.ndarray
SIDE = 32
MIDDLE = np.float32(127.5)
NEXT = 50
CALIBRATION = 1000
LEVEL = 0.01
SUSPICIOUS = 1e-3
"""p-value under which the report asks a person to look."""


@dataclass(frozen=True)
class Nearness:
    """Of each of n images: the relative nearness (n,) and the index (n,) of the nearest image of the bank."""

    relative: Array
    nearest: Array


@dataclass(frozen=True)
class Excess:
    """How many of n samples are closer than the closest 1 % of real images, how many were to be expected, and P(as many or more)."""

    count: int
    expected: float
    p_value: float


@dataclass(frozen=True)
class Memorisation:
    """The three tests, and for each sample its joint rank in [0, 1] (0: closer than all real images) and its nearest bank images."""

    pixels: Excess
    features: Excess
    both: Excess
    rank: Array
    nearest_in_pixels: Array
    nearest_in_features: Array
    relative_pixels: Array
    relative_features: Array


def thumbnails(images: ImageSet) -> Array:
    """(n, 32, 32, 3) float32 in [0, 255]: means over blocks where the side is a multiple of 32, else by Pillow's box filter."""
    from PIL import Image

    result = np.empty((len(images), SIDE, SIDE, 3), np.float32)
    for index in range(len(images)):
        image = images.image(index)
        height, width = image.shape[:2]
        if height % SIDE == 0 and width % SIDE == 0:
            result[index] = image.reshape(SIDE, height // SIDE, SIDE, width // SIDE, 3).mean(
                axis=(1, 3), dtype=np.float32
            )
        else:
            result[index] = np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX))
    return result


def pixel_distances(samples: Array, bank: Array, chunk: int = 200) -> Callable[[int], tuple[slice, Array]]:
    """A function of the chunk's number that gives (slice of samples, squared distances (≤ chunk, N)), least over mirror images and shifts."""
    inner = bank[:, 1:-1, 1:-1].reshape(len(bank), -1) - MIDDLE
    squares = np.einsum("ij,ij->i", inner, inner)
    window = SIDE - 2

    def distances(number: int) -> tuple[slice, Array]:
        part = slice(number * chunk, (number + 1) * chunk)
        least = np.full((len(samples[part]), len(bank)), np.inf, np.float32)
        for turned in (samples[part], samples[part, :, ::-1]):
            for dy in range(3):
                for dx in range(3):
                    query = turned[:, dy : dy + window, dx : dx + window].reshape(len(turned), -1) - MIDDLE
                    np.minimum(
                        least, np.einsum("ij,ij->i", query, query)[:, None] + squares - 2 * query @ inner.T, out=least
                    )
        return part, np.maximum(least, 0)

    return distances


def feature_distances(
    samples: Array, mirrored: Array, bank: Array, chunk: int = 100
) -> Callable[[int], tuple[slice, Array]]:
    """As `pixel_distances`, for features (n, D) of the samples, of their mirror images, and of the bank (N, D)."""
    bank = bank.astype(np.float64)
    squares = np.einsum("ij,ij->i", bank, bank)

    def distances(number: int) -> tuple[slice, Array]:
        part = slice(number * chunk, (number + 1) * chunk)
        both = []
        for rows in (samples[part].astype(np.float64), mirrored[part].astype(np.float64)):
            both.append(np.einsum("ij,ij->i", rows, rows)[:, None] + squares - 2 * rows @ bank.T)
        return part, np.maximum(np.minimum(*both), 0)

    return distances


def nearness(distances: Callable[[int], tuple[slice, Array]], n: int, own: Array | None = None) -> Nearness:
    """Relative nearness of n images from their squared distances; `own` (n,) is the index in the bank that each must not be compared with."""
    relative, nearest = np.empty(n), np.empty(n, np.int64)
    number = done = 0
    while done < n:
        part, squared = distances(number)
        if own is not None:
            squared[np.arange(len(squared)), own[part]] = np.inf
        root = np.sqrt(squared.astype(np.float64))
        nearest[part] = root.argmin(axis=1)
        usable = root.shape[1] - (own is not None)
        closest = np.sort(root, axis=1)[:, : min(NEXT + 1, usable)]
        beyond = closest[:, 1:].mean(axis=1) if closest.shape[1] > 1 else np.ones(len(closest))
        relative[part] = np.divide(closest[:, 0], beyond, out=np.zeros(len(closest)), where=beyond > 0)
        done += len(squared)
        number += 1
    return Nearness(relative, nearest)


def excess(samples: Array, calibration: Array) -> Excess:
    """The test for one score, small for copies: samples (n,) against real images (m,), which are exchangeable if nothing is copied.

    With the threshold at the j-th smallest of m scores, the number of n new ones below is beta-binomial (n, j, m − j + 1), whatever the distribution.
    """
    n, m = len(samples), len(calibration)
    j = max(1, int(LEVEL * m))
    threshold = np.sort(calibration)[j - 1]
    count = int((samples < threshold).sum())
    return Excess(count, n * j / (m + 1), float(betabinom.sf(count - 1, n, j, m - j + 1)))


def ranks(values: Array, calibration: Array) -> Array:
    """The share of the calibration that is smaller than each value, in [0, 1]."""
    return np.searchsorted(np.sort(calibration), values, side="left") / len(calibration)


def calibration_indices(size: int) -> Array:
    """Which images of a bank of that size the calibration uses."""
    return np.sort(np.random.default_rng(0).permutation(size)[:CALIBRATION])


def compare(
    sample_pixels: Nearness, sample_features: Nearness, real_pixels: Nearness, real_features: Nearness
) -> Memorisation:
    """The three tests from the nearness of samples and of calibration images."""
    joint = np.maximum(
        ranks(sample_pixels.relative, real_pixels.relative), ranks(sample_features.relative, real_features.relative)
    )
    real_joint = np.maximum(
        ranks(real_pixels.relative, real_pixels.relative), ranks(real_features.relative, real_features.relative)
    )
    return Memorisation(
        excess(sample_pixels.relative, real_pixels.relative), excess(sample_features.relative, real_features.relative), excess(joint, real_joint),
        joint, sample_pixels.nearest, sample_features.nearest, sample_pixels.relative, sample_features.relative,
    )  # fmt: skip
