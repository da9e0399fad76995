"""The data: MNIST where it is, else digits drawn by a program, which stand in for it (given; nothing to do here).

    python digits.py --download       puts MNIST into data/ (11 MB), once
"""

import sys
from typing import NamedTuple

import torch
from drawn_digits import NAME as DRAWN
from drawn_digits import drawn_digits
from errors import UserError, run
from mnist_files import Damaged, read_mnist

SIDE = 28
MOST_DRAWN = 20_000  # of the drawn digits; a thousand of them take a second


class Digits(NamedTuple):
    """images: (N, 1, 28, 28) in 0 … 1, white on black; labels: (N,). `name` says where they come from; every figure shows it."""

    images: torch.Tensor
    labels: torch.Tensor
    name: str


def load_digits(count: int, train: bool = True, folder: str = "data") -> Digits:
    """The first `count` digits for training, or for testing: those of MNIST in `folder`, else drawn ones; fewer where there are fewer.

    Raises UserError for an MNIST that is damaged.
    """
    try:
        found = read_mnist(folder, train)
    except Damaged as error:
        raise UserError(f"{error} Or delete {folder}/MNIST and get it again: python digits.py --download") from None
    if found is None:
        images, labels = drawn_digits(min(count, MOST_DRAWN), SIDE, seed=0 if train else 1)
        return Digits(torch.from_numpy(images)[:, None], torch.from_numpy(labels), DRAWN)
    images, labels = (torch.from_numpy(part[:count]) for part in found)
    return Digits(images[:, None].float() / 255, labels.long(), "MNIST")


def one_of_each(digits: Digits) -> torch.Tensor:
    """The first 0, the first 1, …, the first 9: (10, 1, 28, 28)."""
    return torch.stack([digits.images[digits.labels == digit][0] for digit in range(10)])


def main() -> None:
    if sys.argv[1:] != ["--download"]:
        raise UserError("Write: python digits.py --download")
    try:
        from torchvision.datasets import MNIST

        MNIST("data", train=True, download=True)
    except ImportError:
        raise UserError("This needs torchvision: pip install torchvision") from None
    except (OSError, RuntimeError) as error:  # OSError: the network
        raise UserError(f"MNIST could not be downloaded ({error}). Try again, or put its four .gz files into data/MNIST/raw yourself.") from None


if __name__ == "__main__":
    run(main)
