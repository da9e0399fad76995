"""The student's folder of `mnist_diffusion`, imported as a student's Python does, with trainings so small that a step takes milliseconds."""

import dataclasses
import functools
import importlib
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder.manifest import load_manifest

MANIFEST = load_manifest("mnist_diffusion")
NOTEBOOK = "mnist_diffusion"


@functools.cache
def student_folder() -> SimpleNamespace:
    """The modules of the solution by name, without leaving their names behind for other tests."""
    names = sorted({path.stem for path in MANIFEST.solution.glob("*.py")} - {NOTEBOOK})
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(MANIFEST.solution))
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(MANIFEST.solution))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def tiny() -> dict:
    """The laptop preset: 3 steps an epoch, two epochs."""
    small = dict(batch_size=4, epochs=2, num_hiddens=4, images=14, num_ts=5)
    return {name: dataclasses.replace(chosen, **small) for name, chosen in student_folder().recipe.LAPTOP.items()}


def trained(model: str, folder: str, *options: str) -> dict:
    """Train with the laptop preset; the state that is left."""
    given = student_folder()
    given.train.main([model, "--preset", "laptop", "--folder", folder, *options])
    return given.run_folder.load_state(Path(folder))


def refused(function, *arguments) -> str:
    """The sentence with which a script's `main` ends for bad input: one line, exit status 1."""
    with pytest.raises(SystemExit) as stopped:
        student_folder().errors.run(functools.partial(function, *arguments))
    assert isinstance(stopped.value.code, str)
    assert stopped.value.code.startswith("Error: ")
    assert "\n" not in stopped.value.code
    return stopped.value.code


def write_mnist(folder: Path) -> None:
    """A small MNIST in torchvision's layout: 20 images for training, all of brightness 255, and 10 for testing, of 51."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, count, level in (("train", 20, 255), ("t10k", 10, 51)):
        images = struct.pack(">HBBIII", 0, 8, 3, count, 28, 28) + bytes([level]) * count * 784
        labels = struct.pack(">HBBI", 0, 8, 1, count) + bytes(i % 10 for i in range(count))
        (raw / f"{name}-images-idx3-ubyte").write_bytes(images)
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(labels)
