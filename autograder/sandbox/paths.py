"""Places on the grader's machine, which no student needs to know: taken out of whatever a worker says."""

import re
import sys
import sysconfig
from functools import cache
from pathlib import Path

from autograder.places import REPOSITORY


def without_our_places(text: str, *folders: Path) -> str:
    """`text` with paths below Python's own folders, the grader's, and `folders`, cut to what comes below: "typing.py", "torch/nn/init.py".

    Paths of a student's own, such as one that does not exist here, stay as they are.
    """
    for folder in folders:
        text = re.sub(_below(folder), "", text)
    return _ours().sub("", text)


def _below(folder: Path) -> str:
    return re.escape(str(folder)) + r"(?:/|(?![\w.-]))"


@cache
def _ours() -> re.Pattern[str]:
    folders = {Path(path) for name, path in sysconfig.get_paths().items() if name in _OF_PYTHON}
    folders |= {Path(path) for path in (sys.prefix, sys.base_prefix, sys.executable) if path.count("/") > 2}
    folders |= {REPOSITORY, *(folder / "lib-dynload" for folder in folders)}
    folders |= {folder.resolve() for folder in folders}
    return re.compile("|".join(_below(folder) for folder in sorted(folders, key=lambda f: len(str(f)), reverse=True)))


_OF_PYTHON = ("stdlib", "platstdlib", "purelib", "platlib")
