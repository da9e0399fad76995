"""Tells digits apart: a small network for each kind of digits, whose weights are in the repository.

    python -m autograder.digits.classifier train drawn      writes weights/drawn.npz, and says how often it is right
    python -m autograder.digits.classifier train mnist      the same, from the MNIST that AUTOGRADER_MNIST names

An image of any size is brought to 16 × 16, and goes through one hidden layer: p = softmax(W₂ ReLU(W₁ x + b₁) + b₂).
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autograder.digits import Kind, load_digits, mnist, resized
from autograder.errors import UserError

SIDE, HIDDEN = 16, 128
WEIGHTS = Path(__file__).resolve().parent / "weights"
Weights = dict[str, NDArray[np.float32]]


@cache
def weights_of(kind: Kind) -> Weights:
    with np.load(WEIGHTS / f"{kind}.npz") as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def scores(images: NDArray[np.float32], kind: Kind) -> NDArray[np.float32]:
    """Of each digit, (N, 10), before the softmax."""
    weights = weights_of(kind)
    hidden = np.maximum(_features(images) @ weights["w1"] + weights["b1"], 0)
    return np.asarray(hidden @ weights["w2"] + weights["b2"], dtype=np.float32)


def probabilities(images: NDArray[np.float32], kind: Kind) -> NDArray[np.float32]:
    """Of each digit, (N, 10), for images, (N, S, S) in 0 … 1."""
    told = scores(images, kind)
    likely = np.exp(told - told.max(axis=1, keepdims=True))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True), dtype=np.float32)


def classify(images: NDArray[np.float32], kind: Kind) -> NDArray[np.int64]:
    """The likeliest digit of each image, (N,)."""
    return probabilities(images, kind).argmax(axis=1)


def _features(images: NDArray[np.float32]) -> NDArray[np.float32]:
    small = images if images.shape[1] == SIDE else resized(images, SIDE)
    return small.reshape(len(small), -1) - np.float32(0.1)


def train(kind: Kind, folder: Path | None, epochs: int = 30) -> Weights:
    """Adam on the cross-entropy, with images moved by up to a pixel. Needs torch, which the grader's process does not."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    digits = load_digits(20_000 if kind == "drawn" else 60_000, SIDE, 1, folder)
    x, y = torch.from_numpy(digits.images), torch.from_numpy(digits.labels)
    first, last = torch.nn.Linear(SIDE * SIDE, HIDDEN), torch.nn.Linear(HIDDEN, 10)
    net = torch.nn.Sequential(first, torch.nn.ReLU(), last)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-5)
    steps = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(256):
            moved = torch.roll(x[rows], tuple(torch.randint(-1, 2, (2,)).tolist()), dims=(1, 2))
            loss = torch.nn.functional.cross_entropy(net(moved.flatten(1) - 0.1), y[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()
        steps.step()
    tensors = {"w1": first.weight.T, "b1": first.bias, "w2": last.weight.T, "b2": last.bias}
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def accuracy(kind: Kind, folder: Path | None) -> float:
    """How often it is right on digits that it was not trained on: the 10,000 for testing, or 10,000 that are drawn anew, 28 × 28."""
    if folder is not None:
        images, labels = mnist.read_mnist(folder, train=False)
    else:
        digits = load_digits(10_000, 28, 2, None)
        images, labels = digits.images, digits.labels
    return float((classify(images, kind) == labels).mean())


def main(arguments: list[str]) -> None:
    if len(arguments) != 2 or arguments[0] not in ("train", "test") or arguments[1] not in ("drawn", "mnist"):
        raise UserError("Write: python -m autograder.digits.classifier train|test drawn|mnist.")
    kind: Kind = "mnist" if arguments[1] == "mnist" else "drawn"
    folder = mnist.mnist_folder() if kind == "mnist" else None
    if kind == "mnist" and folder is None:
        raise UserError(f"Let {mnist.VARIABLE} name the folder with MNIST.")
    if arguments[0] == "train":
        WEIGHTS.mkdir(exist_ok=True)
        trained = {name: value.astype(np.float16) for name, value in train(kind, folder).items()}
        np.savez_compressed(WEIGHTS / f"{kind}.npz", **trained)  # type: ignore[arg-type]
        weights_of.cache_clear()
    print(f"{kind}: right for {100 * accuracy(kind, folder):.2f} % of 10,000 digits")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
