"""The student's folder of `latent_diffusion`, imported as a student's Python does, with trainings so small that a step takes milliseconds."""

import functools
import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import yaml

from autograder.places import solutions

FOLDER = solutions() / "latent_diffusion_todo"
TINY = {
    "data": {"drawn_per_class": 1, "images": 7},
    "model": {"img_shape": [1, 28, 28], "timesteps": 5, "dim": 8, "context_dim": 8, "attn_levels": [2]},
    "training": {"epochs": 2, "batch_size": 2, "learning_rate": 1e-3},  # 3 steps an epoch
    "sampling": {"per_class": 1},
}
TINY_FACES = {
    "data": {"name": "afhq", "drawn_per_class": 2, "mirror": True},
    "model": {
        "img_shape": [3, 32, 32], "timesteps": 5, "dim": 8, "context_dim": 8, "num_classes": 3, "attn_levels": [2], "use_vae": True,
    },
    "training": {"epochs": 2, "batch_size": 2, "learning_rate": 1e-3},
    "sampling": {"per_class": 1},
}  # fmt: skip


@functools.cache
def _modules() -> dict[str, ModuleType]:
    """All modules of the folder by name, without leaving their names behind."""
    names = sorted({path.stem for path in FOLDER.glob("*.py")} - {"latent_diffusion"})  # the notebook's source
    names += [
        "libs",
        *sorted(f"libs.{path.stem}" for path in (FOLDER / "libs").glob("*.py") if path.stem != "__init__"),
    ]
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(FOLDER))
    try:
        return {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(FOLDER))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def student_folder(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules, those of libs/ without that name, and known to Python under their names until the test ends."""
    for name, module in _modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return SimpleNamespace(
        **{name.removeprefix("libs."): module for name, module in _modules().items() if name != "libs"}
    )


def write_config(settings: dict, path: Path) -> str:
    path.write_text(yaml.safe_dump(settings))
    return str(path)
