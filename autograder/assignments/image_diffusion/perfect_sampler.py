"""Samples as a perfect sampler would draw them, for the demo: faces of the stand-in's own program with seeds that no data set uses."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

from autograder.manifest import load_manifest

FIRST_SEED = 20_000_000  # training images begin at 0, validation images, of which the reference is made, at 10,000,000
MODULES = ("faces", "face_painting", "face_traits")


def write_samples(folder: Path, count: int) -> None:
    """Write folder/0.png …, `count` faces of 64 × 64 pixels, the categories in turn. The same files every time."""
    from PIL import Image

    faces = load_faces()
    folder.mkdir(parents=True)
    for index in range(count):
        category = faces.CATEGORIES[index % len(faces.CATEGORIES)]
        Image.fromarray(faces.render_face(category, FIRST_SEED + index)).save(folder / f"{index}.png")


def load_faces() -> ModuleType:
    """faces.py of the handout, without leaving its folder on the path."""
    folder = str(load_manifest("image_diffusion").solution)
    before = {name: sys.modules.pop(name, None) for name in MODULES}
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("faces")
    finally:
        sys.path.remove(folder)
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
