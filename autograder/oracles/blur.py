"""The Gaussian blur of torchvision's `gaussian_blur`: a kernel of a given length, and borders that are mirrored without their last line."""

from functools import cache

import numpy as np

from autograder.oracles.schedule import Floats


def gaussian_kernel(kernel_size: int, sigma: float) -> Floats:
    """exp(−d²/2σ²) at the distances d from the middle, divided by the sum; kernel_size is odd."""
    distances = np.arange(kernel_size) - (kernel_size - 1) / 2
    weights = np.exp(-0.5 * (distances / sigma) ** 2)
    return weights / weights.sum()


def gaussian_blur(image: Floats, kernel_size: int, sigma: float) -> Floats:
    """The blur of each of the images, (…, H, W), in height and width."""
    for axis in (-2, -1):
        image = _matrix(image.shape[axis], kernel_size, sigma) @ image if axis == -2 else image @ _matrix(image.shape[-1], kernel_size, sigma).T
    return image


@cache
def _matrix(size: int, kernel_size: int, sigma: float) -> Floats:
    """Of the blur along one axis, (size, size)."""
    half = kernel_size // 2
    source = np.pad(np.arange(size), half, mode="reflect")
    matrix = np.zeros((size, size))
    for offset, weight in enumerate(gaussian_kernel(kernel_size, sigma)):
        np.add.at(matrix, (np.arange(size), source[offset : offset + size]), weight)
    return matrix
