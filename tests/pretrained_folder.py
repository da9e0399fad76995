"""The student's folder of `pretrained_diffusion`, imported as a student's Python does."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from autograder.places import solutions

FOLDER = solutions() / "pretrained_diffusion_todo"


@contextmanager
def imported(*names: str, **stand_ins: ModuleType) -> Iterator[list[ModuleType]]:
    """Modules of the folder by their names, which are free again afterwards. `stand_ins`: modules in the place of some of the folder's."""
    own = {path.stem for path in FOLDER.glob("*.py")} | {"small_model"}
    before = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] in own}
    sys.modules.update(stand_ins)
    sys.path.insert(0, str(FOLDER))
    try:
        yield [importlib.import_module(name) for name in names]
    finally:
        sys.path.remove(str(FOLDER))
        for name in [name for name in sys.modules if name.partition(".")[0] in own]:
            del sys.modules[name]
        sys.modules.update(before)
