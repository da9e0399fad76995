"""What the known mistakes give on the inputs of the diagnosis, remembered from run to run and shared by the processes of one user.

These answers depend on the grader's own code and on its packages, and on nothing of a submission, so that each is worked out once for
one version of them. They are kept in $XDG_CACHE_HOME, or ~/.cache, as plain data; where that cannot be written, or is damaged, a
process remembers its own and no more. No grade depends on them.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.rubric_version import rubric_version
from autograder.grading.runner import Judgement

UNUSED_DAYS = 30  # after which the answers of another version are deleted
_BUSY_SECONDS = 2.0
_ACCIDENTS = ("timed out", "died")  # may come from a busy machine, so that another process shall try again

Answer = Judgement | None  # None: the mistakes cannot be made together


class KnownAnswers:
    """A memory of answers by key. `path`: the file of this version, or None to remember in this process only."""

    def __init__(self, path: Path | None):
        self.path = path
        self.answers: dict[str, Answer] = {}

    def get(self, parts: Sequence[str], work_out: Callable[[], Answer]) -> Answer:
        """The answer that belongs to `parts`; `work_out` is called where nobody knows it yet."""
        key = json.dumps(parts)
        if key not in self.answers:
            self.answers[key] = self._recall(key, work_out)
        return self.answers[key]

    def _recall(self, key: str, work_out: Callable[[], Answer]) -> Answer:
        with contextlib.suppress(sqlite3.Error, OSError, ValueError, TypeError, KeyError), self._file() as file:
            for (text,) in file.execute("SELECT answer FROM answers WHERE key = ?", (key,)):
                return _from_text(text)
        answer = work_out()
        if answer is None or answer.kind not in _ACCIDENTS:
            with contextlib.suppress(sqlite3.Error, OSError), self._file() as file, file:
                file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, _to_text(answer)))
        return answer

    @contextlib.contextmanager
    def _file(self) -> Iterator[sqlite3.Connection]:
        """Opened anew each time: a grader works in several threads and forks. Raises sqlite3.Error and OSError."""
        if self.path is None:
            raise OSError("nothing is kept on disk")
        if not self.path.exists():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _delete_unused(self.path.parent)
        with contextlib.closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS)) as file:
            file.execute("PRAGMA synchronous = OFF")  # what is lost is worked out again
            file.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)")
            yield file


def known_answers(assignment: str, versions: Mapping[str, str]) -> KnownAnswers:
    """The memory of this version of the grader, with these `versions` of its packages."""
    return _known_answers(assignment, json.dumps(dict(versions), sort_keys=True))


@cache
def _known_answers(assignment: str, versions: str) -> KnownAnswers:
    try:
        version = hashlib.sha256(f"{rubric_version(assignment)} {versions}".encode()).hexdigest()
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except (RuntimeError, OSError):  # a user without a home; a grader that is not all there
        return KnownAnswers(None)
    return KnownAnswers(home / "diffusion-autograder" / f"known-answers-{assignment}-{version[:16]}.sqlite")


def _delete_unused(folder: Path) -> None:
    for path in folder.glob("known-answers-*.sqlite"):
        if time.time() - path.stat().st_mtime > UNUSED_DAYS * 86400:
            path.unlink(missing_ok=True)


def _to_text(answer: Answer) -> str:
    if answer is None:
        return "null"
    numbers = {name: [values.tolist(), tolerance] for name, (values, tolerance) in answer.note.values.items()}
    return json.dumps({"status": answer.status, "kind": answer.kind, "line": answer.line, "numbers": numbers})


def _from_text(text: str) -> Answer:
    """Raises ValueError, TypeError or KeyError for what `_to_text` has not written."""
    data = json.loads(text)
    if data is None:
        return None
    numbers = {name: (np.array(values, dtype=np.float64), float(t)) for name, (values, t) in data["numbers"].items()}
    if data["status"] not in ("passed", "failed", "broken", "grader_error"):
        raise ValueError("an unknown status")
    return Judgement(data["status"], kind=str(data["kind"]), note=Note(numbers), line=str(data["line"]))
