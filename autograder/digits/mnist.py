"""MNIST from the four files of its authors, where somebody has put them. Nothing is downloaded. Needs NumPy only."""

import gzip
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autograder.errors import UserError

NAME = "MNIST"
VARIABLE = "AUTOGRADER_MNIST"  # the folder that holds MNIST/raw/, or the files themselves
_PLACES = ("", "raw", "MNIST/raw")
_FILES = {True: ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), False: ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}


def mnist_folder() -> Path | None:
    """The folder that AUTOGRADER_MNIST names; None where it is not set."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def read_mnist(folder: Path, train: bool = True) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images, (N, 28, 28) in 0 … 1, and labels, (N,). Raises UserError where the files are not there, or are damaged."""
    images, labels = (_read(_find(folder, name)) for name in _FILES[train])
    if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.shape != images.shape[:1] or not len(images):
        raise UserError(f"The files of MNIST in {folder} do not belong together; take all of them from one place.")
    return (images / 255).astype(np.float32), labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    for place in _PLACES:
        for path in (folder / place / name, folder / place / f"{name}.gz"):
            if path.is_file():
                return path
    raise UserError(f"{folder} holds no {name}[.gz]; let {VARIABLE} name the folder with the four files of MNIST, or leave it unset.")


def _read(path: Path) -> NDArray[np.uint8]:
    """An idx file of bytes: two zeros, the type 8, the number of dimensions, their sizes in four bytes each, the numbers."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise UserError(f"{path} cannot be read ({error}); put the file there again.") from error
    rank = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    start = 4 + 4 * rank
    shape = tuple(np.frombuffer(content[4:start], ">u4").astype(int)) if rank and len(content) >= start else ()
    if not shape or len(content) - start != int(np.prod(shape)):
        raise UserError(f"{path} is no whole file of MNIST; put the file there again.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
