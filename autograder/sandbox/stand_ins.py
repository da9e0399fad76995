"""In the worker: the grader's version of what a submission finds around it, a given file of the handout or the globals of its own module."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

PLAIN = (bool, int, float, str, bytes, type(None))  # whose identity says nothing


def stand_in(folder: str, name: str, values: Mapping[str, Any]) -> ModuleType:
    """The module `name` with these values, whether there is a file of it or not; its file is not run for this.

    Modules of the submission that have imported a value by name, under whatever name, get the new one.
    """
    module = sys.modules.get(name)
    if module is None:
        module = sys.modules[name] = ModuleType(name)
    old = {key: vars(module)[key] for key in values if key in vars(module)}
    vars(module).update(values)
    for other in list(sys.modules.values()):
        if other is not module and str(getattr(other, "__file__", None) or "").startswith(folder + os.sep):
            for key, value in list(vars(other).items()):
                for known, before in old.items():
                    if value is before and (key == known or not isinstance(value, PLAIN)):
                        vars(other)[key] = values[known]
    return module


def import_with(name: str, values: Mapping[str, Any]) -> ModuleType:
    """The module `name`, run anew with these globals, which it has before its first line, and still after its last."""
    found = importlib.util.find_spec(name)
    if found is None or found.loader is None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)
    module = importlib.util.module_from_spec(found)
    vars(module).update(values)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    vars(module).update(values)
    return module
