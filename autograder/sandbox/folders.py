"""The folders that student code may write, and how they are removed."""

import contextlib
import shutil
import subprocess
from pathlib import Path

FILE_MEGABYTES = 64  # in the folder that a worker may write


def remove(folder: Path) -> None:
    """Remove a folder whatever a worker has made of it: unreadable, or deeper than Python's recursion. What cannot be removed stays."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            subprocess.run(
                [*command, "--", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
            )
