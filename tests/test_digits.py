"""The digits kit: real digits where somebody has put them, drawn ones otherwise, and a classifier for each."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from autograder.digits import load_digits, resized
from autograder.digits.classifier import WEIGHTS, accuracy, classify, probabilities
from autograder.digits.mnist import VARIABLE, mnist_folder, read_mnist
from autograder.errors import UserError

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def write_idx(path: Path, array: np.ndarray, packed: bool = False) -> None:
    content = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if packed else content)


@pytest.fixture
def mnist(tmp_path):
    """A folder in MNIST's layout, with seven made-up images."""
    images = np.arange(7 * 28 * 28).reshape(7, 28, 28) % 256
    write_idx(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz", images, packed=True)
    write_idx(tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte", np.array([3, 1, 4, 1, 5, 9, 2]))
    return tmp_path


def test_drawn_digits_are_the_same_for_one_seed_and_say_that_they_stand_in():
    one, two, other = (load_digits(40, 32, seed, None) for seed in (1, 1, 2))
    assert np.array_equal(one.images, two.images)
    assert not np.array_equal(one.images, other.images)
    assert one.images.shape == (40, 32, 32)
    assert one.images.min() == 0
    assert one.images.max() == 1
    assert np.bincount(one.labels).tolist() == [4] * 10
    assert "stand-in" in one.name


def test_mnist_is_read_packed_or_not_from_where_it_lies(mnist):
    found = load_digits(7, 32, 0, mnist)
    assert found.name == "MNIST"
    assert found.images.shape == (7, 32, 32)
    assert sorted(found.labels) == [1, 1, 2, 3, 4, 5, 9]
    assert read_mnist(mnist)[0].max() <= 1


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert mnist_folder() == tmp_path
    monkeypatch.delenv(VARIABLE)
    assert mnist_folder() is None


@pytest.mark.parametrize("damage", ["missing", "truncated", "no gzip", "no idx", "labels of others", "empty"])
def test_a_damaged_mnist_is_one_clear_sentence(mnist, damage):
    images, labels = mnist / "MNIST" / "raw" / "train-images-idx3-ubyte.gz", mnist / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    if damage == "missing":
        labels.unlink()
    elif damage == "truncated":
        images.write_bytes(images.read_bytes()[:-100])
    elif damage == "no gzip":
        images.write_bytes(b"not packed at all")
    elif damage == "no idx":
        labels.write_bytes(b"\0\0")
    elif damage == "empty":
        labels.write_bytes(b"")
    else:
        write_idx(labels, np.zeros(6))
    with pytest.raises(UserError, match=r"MNIST|put the file there again"):
        load_digits(7, 32, 0, mnist)


def test_resizing_keeps_what_is_constant_and_averages_what_it_covers():
    assert np.allclose(resized(np.full((2, 28, 28), 0.3, np.float32), 32), 0.3)
    checks = np.indices((8, 8)).sum(0)[None] % 2
    assert np.allclose(resized(checks.astype(np.float32), 4)[0, 1:-1, 1:-1], 0.5)


def test_the_classifier_of_drawn_digits_is_right_for_more_than_99_percent():
    digits = load_digits(1000, 28, 77, None)
    assert (classify(digits.images, "drawn") == digits.labels).mean() > 0.99
    assert np.allclose(probabilities(digits.images, "drawn").sum(axis=1), 1, atol=1e-5)


def test_the_classifier_of_mnist_is_right_for_more_than_96_percent():
    if not (SHARED / "MNIST").is_dir():
        pytest.skip("there is no MNIST on this machine")
    assert accuracy("mnist", SHARED) > 0.96


def test_the_weights_of_both_are_small():
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*.npz")) < 1_000_000
