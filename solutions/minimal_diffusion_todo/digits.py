"""The training data: MNIST where it is, else digits drawn by a program, which stand in for it.

    python digits.py --download       puts MNIST into data/ (11 MB), once
"""

import sys

import torch
import torch.nn.functional as F
from drawn_digits import NAME, drawn_digits
from mnist_files import Damaged, read_mnist

BATCH_SIZE = 16


def load_digits(size=32, count=20_000, folder="data"):
    """Images, (N, 3, size, size) in −1 … 1, and labels, (N,). Prints where they come from."""
    try:
        found = read_mnist(folder)
    except Damaged as error:
        sys.exit(f"Error: {error}")
    if found:
        pixels, labels = map(torch.from_numpy, found)
        images = F.interpolate(pixels[:, None].float() / 255, size, mode="bilinear", align_corners=False)
        labels, name = labels.long(), "MNIST"
    else:
        drawn, labels = map(torch.from_numpy, drawn_digits(count, size, seed=0))
        images, name = drawn[:, None], NAME
    print(f"{len(images):,} images: {name}")
    return (images * 2 - 1).expand(-1, 3, -1, -1), labels


def batches(images, labels):
    """Batches (x, c) of 16, in a new order in every round, without end."""
    while True:
        for rows in torch.randperm(len(images)).split(BATCH_SIZE):
            if len(rows) == BATCH_SIZE:
                yield images[rows].contiguous(), labels[rows]


def normalise(x):
    """x brought to 0 … 1, for pictures: (x − min)/(max − min)."""
    return (x - x.min()) / (x.max() - x.min())


if __name__ == "__main__":
    if sys.argv[1:] != ["--download"]:
        sys.exit("Write: python digits.py --download")
    from torchvision.datasets import MNIST

    MNIST("data", train=True, download=True)
