"""Wait until a student's file is saved: with `watchfiles` where it is installed, else by looking twice a second."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.kit.leftovers import LEFTOVERS

_LEFT_ALONE = LEFTOVERS | {"checker", "venv", "env"}


def snapshot(folder: Path) -> dict[str, str]:
    """Name → digest of every Python file of the student's, so that a save without a change is no change."""
    found = {}
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LEFT_ALONE and not name.startswith(".")]
        for name in names:
            path = Path(top, name)
            if path.suffix == ".py":
                try:
                    found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
                except OSError:
                    continue  # is being replaced just now
    return found


def changes(folder: Path, before: dict[str, str]) -> Iterator[list[str]]:
    """Yield the names of the files that have changed since `before`, or since the last time, whenever some have. Endless."""
    for _ in _ticks(folder):
        now = snapshot(folder)
        if changed := sorted(
            Path(path).name for path in now.keys() | before.keys() if now.get(path) != before.get(path)
        ):
            before = now
            yield changed


def _ticks(folder: Path) -> Iterator[None]:
    yield  # something may have been saved while the last checks ran
    try:
        import watchfiles
    except ImportError:
        while True:
            time.sleep(0.5)
            yield
    for _ in watchfiles.watch(
        folder, debounce=200, step=50, rust_timeout=1000, yield_on_timeout=True, raise_interrupt=True
    ):
        yield
