"""The memory of what known mistakes give: shared between processes, and worth nothing more than the time it saves."""

import os
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from autograder.grading import known_answers as module
from autograder.grading.checks import Note
from autograder.grading.known_answers import KnownAnswers, known_answers
from autograder.grading.runner import Judgement


def wrong(kind: str = "wrong") -> Judgement:
    note = Note()
    note("a at 3", [1.5, np.nan, np.inf], 2e-3)
    return Judgement("failed", "A sentence.", kind, note)


def never() -> Judgement:
    raise AssertionError("worked out a second time")


def test_another_process_finds_what_one_has_worked_out(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "known-answers-x.sqlite"
    KnownAnswers(path).get(["check", "mistake"], wrong)
    KnownAnswers(path).get(["check", "two", "mistakes"], lambda: None)
    again = KnownAnswers(path)
    found = again.get(["check", "mistake"], never)
    assert found is not None
    assert found.looks_like(wrong())
    assert wrong().looks_like(found)
    assert again.get(["check", "two", "mistakes"], never) is None
    assert again.get(["check", "other"], lambda: Judgement("passed")) != found
    assert path.parent.stat().st_mode & 0o077 == 0


def test_what_a_busy_machine_may_have_caused_is_tried_again_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "known-answers-x.sqlite"
    first = KnownAnswers(path)
    first.get(["check"], lambda: wrong("timed out"))
    assert first.get(["check"], never) == first.answers['["check"]']
    assert KnownAnswers(path).get(["check"], lambda: Judgement("passed")) == Judgement("passed")


@pytest.mark.parametrize("damage", ["not a database", "no table", "no JSON", "an unknown status"])
def test_a_damaged_file_costs_time_only(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "known-answers-x.sqlite"
    KnownAnswers(path).get(["check"], wrong)
    if damage == "not a database":
        path.write_bytes(b"\0" * 4096)
    else:
        with sqlite3.connect(path) as file:
            file.execute(
                {
                    "no table": "ALTER TABLE answers RENAME COLUMN answer TO other",
                    "no JSON": "UPDATE answers SET answer = 'wrong'",
                    "an unknown status": """UPDATE answers SET answer = '{"status": "won", "kind": "", "numbers": {}}'""",
                }[damage]
            )
    assert KnownAnswers(path).get(["check"], lambda: Judgement("passed")) == Judgement("passed")


def test_without_a_place_to_write_a_process_remembers_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (None, tmp_path / "file" / "known-answers-x.sqlite"):
        memory = KnownAnswers(path)
        memory.get(["check"], wrong)
        assert memory.get(["check"], never) is not None


def test_each_version_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    module._known_answers.cache_clear()
    one, other = known_answers("swiss_roll", {"torch": "2.0"}), known_answers("swiss_roll", {"torch": "3.0"})
    assert one is known_answers("swiss_roll", {"torch": "2.0"})
    assert one.path != other.path
    assert {one.path.parent, other.path.parent} == {tmp_path / "diffusion-autograder"}
    module._known_answers.cache_clear()


def test_answers_of_versions_that_nobody_uses_go(tmp_path: Path) -> None:
    old, recent = tmp_path / "known-answers-old.sqlite", tmp_path / "known-answers-recent.sqlite"
    for path, days in ((old, module.UNUSED_DAYS + 1), (recent, module.UNUSED_DAYS - 1)):
        path.touch()
        os.utime(path, (time.time() - days * 86400,) * 2)
    KnownAnswers(tmp_path / "known-answers-new.sqlite").get(["check"], wrong)
    assert not old.exists()
    assert recent.exists()
