"""`results.json` on a disk that may fill up: at every moment there is one, it is valid, and it is the newest that could be written."""

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

from autograder.report import results_json
from autograder.verdict import write_atomically

RESERVE = 1 << 20  # bytes kept free for results.json
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class ResultsFile:
    """Writes results.json, whole or not at all. Room is set aside at once, and given up when the disk is full.

    `problem` says why the last results could not be written as they are; "" when they could.
    """

    def __init__(self, path: Path):
        self.path = path
        self.reserve = path.with_name(".room")
        self.problem = ""
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob("." + path.name + "*"):  # by a run that was killed while it wrote
            left.unlink(missing_ok=True)
        self._set_aside()

    def write(self, results: dict[str, Any]) -> bool:
        """Write the results, as they are or, where there is no room, shorter. False where the file keeps what it held."""
        self.problem = ""
        for form in (lambda: results, lambda: _shorter(results)):
            try:
                self._write(results_json(form()))
                return True
            except OSError as error:
                self.problem = f"results.json could not be written as it is ({error.strerror})."
                if error.errno not in _NO_ROOM:
                    return False
        return False

    def close(self) -> None:
        self.reserve.unlink(missing_ok=True)

    def _write(self, text: str) -> None:
        try:
            write_atomically(self.path, text)
        except OSError as error:
            if error.errno not in _NO_ROOM or not self.reserve.exists():
                raise
            self.reserve.unlink(missing_ok=True)
            write_atomically(self.path, text)
        self._set_aside()

    def _set_aside(self) -> None:
        if self.reserve.exists():
            return
        with contextlib.suppress(OSError), open(self.reserve, "wb") as file:
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, RESERVE)
                else:
                    file.write(bytes(RESERVE))
            except OSError:
                self.reserve.unlink(missing_ok=True)


def _shorter(results: dict[str, Any]) -> dict[str, Any]:
    """The same points in less room: without the numbers and texts of the checks."""
    note = "The disk of the grader was full, so the texts were left out.\n\n"
    tests = [
        {key: test[key] for key in test if key not in ("output", "extra_data")} for test in results.get("tests", ())
    ]
    return {**results, "output": note + results["output"][:1000], "tests": tests}
