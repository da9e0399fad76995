"""Import the files of the image assignment as a student's Python does, without leaving their names behind for other tests.

`ddpm.py` is Task 1's file: both assignments share it.
"""

import functools
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

SOLUTIONS = Path(__file__).resolve().parent.parent / "solutions"
FOLDER, TASK_1 = SOLUTIONS / "image_diffusion_todo", SOLUTIONS / "2d_plot_diffusion_todo"


@functools.lru_cache(maxsize=1)
def image_assignment() -> SimpleNamespace:
    """The modules of the assignment by name: faces, dataset, network, ddpm, trainer, …"""
    names = sorted({path.stem for path in FOLDER.glob("*.py")} | {"ddpm"})
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    paths = [str(FOLDER), str(TASK_1)]
    sys.path[:0] = paths
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        for path in paths:
            sys.path.remove(path)
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def write_images(
    root: Path, per_category: int = 4, size: int = 16, splits=("train", "val"), categories=("cat", "dog", "wild")
) -> Path:
    """Random images in AFHQ's layout; the same file names in every category."""
    rng = np.random.default_rng(0)
    for split in splits:
        for category in categories:
            folder = root / split / category
            folder.mkdir(parents=True)
            for i in range(per_category):
                Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(folder / f"{i:03d}.png")
    return root


def refused(function, *args) -> str:
    """The sentence with which a script's `main` ends for bad input: one line, exit status 1."""
    with pytest.raises(SystemExit) as stopped:
        image_assignment().errors.run(functools.partial(function, *args))
    sentence = stopped.value.code
    assert isinstance(sentence, str), "a string makes the exit status 1"
    assert sentence.startswith("Error: ")
    assert "\n" not in sentence
    return sentence
