"""An assignment of another shape holds what every assignment must hold: free functions, two files of one name in folders, a network of
three arguments, no tensors, no data of any shape, no leaderboard, no packages, no notebook.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.manifest import Manifest, load_manifest
from autograder.release.command import release
from autograder.sandbox.launcher import Sandbox
from tests.courses import courses_in
from tests.promises import PROMISES, Promise

TOY = Path(__file__).with_name("toy")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manifest]:
    """The assignment in a folder of its own, released."""
    root = tmp_path_factory.mktemp("courses")
    shutil.copytree(TOY, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    with courses_in(root):
        assert release("toy") == 0
        yield load_manifest("toy")


@pytest.mark.slow
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_the_toy_holds(toy: Manifest, promise: Promise, sandbox: Sandbox, tmp_path: Path):
    promise(toy, sandbox, tmp_path)
