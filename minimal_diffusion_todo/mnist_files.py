"""MNIST from the four files of its authors, plain or as .gz (given; nothing to do here)."""

import gzip
from pathlib import Path

import numpy as np

PLACES = ("MNIST/raw", "raw", "")  # below the folder of the data


class Damaged(Exception):
    """A file of MNIST that cannot be read. The message says which, and what to do."""


def read_mnist(folder, train=True):
    """The images for training, or for testing, uint8 (N, 28, 28), and labels, uint8 (N,); None where they are not there. Raises Damaged."""
    first = "train" if train else "t10k"
    found = [_find(Path(folder), f"{first}-{name}-ubyte") for name in ("images-idx3", "labels-idx1")]
    if None in found:
        return None
    images, labels = map(_read, found)
    if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise Damaged(f"The files of MNIST in {folder} do not belong together; take all of them from one place.")
    return images, labels


def _find(folder, name):
    paths = [folder / place / (name + suffix) for place in PLACES for suffix in ("", ".gz")]
    return next((path for path in paths if path.is_file()), None)


def _read(path):
    """An idx file of bytes: two zeros, the type 8, the number of dimensions, their sizes in four bytes each, the numbers."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise Damaged(f"{path} cannot be read ({error}); put the file there again.") from None
    rank = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    shape = np.frombuffer(content[4 : 4 + 4 * rank], ">u4").astype(int) if len(content) >= 4 + 4 * rank else []
    if not rank or len(content) != 4 + 4 * rank + np.prod(shape):
        raise Damaged(f"{path} is no whole file of MNIST; put the file there again.")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()
