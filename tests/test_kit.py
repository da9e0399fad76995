"""The student kit: nothing in it that students must not see, and visible checks that are right about right and wrong code."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from autograder.grading.mutants import apply_misconceptions, apply_variant, misconceptions, solution_files, variants
from autograder.grading.rubric import load_rubric
from autograder.kit.check import job_of
from autograder.kit.facts import Kit, untouched
from autograder.manifest import load_manifest
from autograder.places import REPOSITORY
from autograder.release.handout import HandoutError
from autograder.release.kit import find_kit_leaks, kit_files, make_kit, write_kit

SWISS_ROLL = load_manifest("swiss_roll")
both = pytest.mark.parametrize("assignment", ["swiss_roll", "image_diffusion"])


@cache
def kit(assignment: str) -> Kit:
    return make_kit(load_manifest(assignment))


@cache
def files(assignment: str) -> dict[str, bytes]:
    return kit_files(load_manifest(assignment))


def lay_out(folder: Path, content: Mapping[str, bytes]) -> Path:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    return folder


def judge_all(
    assignment: str, folder: Path, submissions: Mapping[str, Mapping[str, bytes]]
) -> dict[str, dict[str, str]]:
    """Submission → the visible checks that it does not pass, with the message."""
    own = kit(assignment)
    jobs = [
        json.dumps(job_of(own, lay_out(folder / name, content), own.checks(), []))
        for name, content in submissions.items()
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.kit_runs"], input="\n".join(jobs), capture_output=True, encoding="utf-8", cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"},
    )  # fmt: skip
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == len(submissions), done.stderr[-2000:]
    expected = {entry["id"] for entry in own.checks()}
    for record in records:
        assert expected <= record.keys() or any(r["status"] == "failed" for r in record.values())
    return {
        name: {check: r["message"] for check, r in record.items() if r["status"] not in ("passed", None)}
        for name, record in zip(submissions, records)
    }


# Nothing leaks


def _answer_line() -> str:
    return "x0_pred = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()"


def _notebook(line: str) -> bytes:
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": ["# a note\n", line],
        "outputs": [],
        "execution_count": None,
        "id": "a",
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def _archive(line: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", line)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.md", _answer_line().encode()),
        ("other.ipynb", _notebook(_answer_line())),
        ("checker/numbers.json", json.dumps({"a": ["b", f"# x\n{_answer_line()}"]}).encode()),
        ("figures/plot.png", b"\x89PNG\r\n\xff\xfe" + _answer_line().encode() + b"\xff"),
        ("__pycache__/ddpm.cpython-311.pyc", b"\xa7\r\r\n"),
        ("checker/numbers.npz", _archive(_answer_line())),
        ("notes.txt", misconceptions(SWISS_ROLL)[20].explanation.encode()),
        ("hints.json", json.dumps([misconceptions(SWISS_ROLL)[100].explanation]).encode()),
        ("checker/rubric.py", (REPOSITORY / "autograder/judges/forward_process.py").read_bytes()),
        ("checker/more.py", b"def test_reverse_step_mean(student): ..."),
        ("about.txt", load_rubric(SWISS_ROLL)[6].title.encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # an archive holds the time at which it was made
)
def test_what_must_not_be_seen_is_found_wherever_it_stands(name: str, content: bytes):
    problems = find_kit_leaks(SWISS_ROLL, {"README.md": b"# A handout", name: content})
    assert problems
    assert all(problem.startswith(name) for problem in problems)


def test_a_kit_that_leaks_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from autograder.release import kit as release

    real = release._shipped(SWISS_ROLL)
    monkeypatch.setattr(release, "make_kit", lambda manifest: kit("swiss_roll"))
    monkeypatch.setattr(release, "_shipped", lambda manifest: {**real, "kit/more.py": _answer_line().encode()})
    with pytest.raises(HandoutError, match=r"kit/more\.py, line 1: shows a line of the answer"):
        write_kit(SWISS_ROLL, tmp_path / "kit.zip")
    assert list(tmp_path.iterdir()) == []


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("one.zip", "two.zip"):
        write_kit(SWISS_ROLL, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


# The visible checks

OTHER_EDITIONS = ("edition-of-2025",)  # whose functions have other names than those of the handout, which check.py is for


@pytest.mark.proof  # the solution itself does in `make test`, for every assignment (promises.py)
@pytest.mark.parametrize("assignment", ["swiss_roll", "image_diffusion", "latent_diffusion"])
def test_every_right_solution_passes_every_visible_check(assignment: str, tmp_path: Path):
    manifest = load_manifest(assignment)
    chosen = [v for v in variants(manifest) if v.id not in OTHER_EDITIONS]
    right = {"solution": solution_files(manifest)} | {v.id: apply_variant(manifest, v) for v in chosen}
    found = judge_all(assignment, tmp_path, right)
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.proof
def test_most_known_mistakes_fail_a_visible_check_of_their_own_region(tmp_path: Path):
    chosen = misconceptions(SWISS_ROLL)[::3]
    found = judge_all("swiss_roll", tmp_path, {m.id: apply_misconceptions(SWISS_ROLL, (m,)) for m in chosen})
    regions_of = {check["id"]: check["regions"] for check in kit("swiss_roll").checks()}
    caught = 0
    for mistake in chosen:
        blamed = [regions_of[name] for name in found[mistake.id] if name in regions_of]
        caught += bool(blamed)
        assert all(mistake.region in regions for regions in blamed), mistake.id
    assert caught >= 0.8 * len(chosen)


@pytest.mark.proof
def test_most_known_mistakes_in_the_bonuses_of_latent_diffusion_fail_a_visible_check_of_their_own_task(tmp_path: Path):
    """Of one region it cannot be: a checkpoint is laid into the network that is judged by it."""
    manifest = load_manifest("latent_diffusion")
    chosen = [m for m in misconceptions(manifest) if m.task in ("edm", "fid", "sd")][::3]
    found = judge_all(manifest.id, tmp_path, {m.id: apply_misconceptions(manifest, (m,)) for m in chosen})
    task_of = {check["id"]: check["task"] for check in kit(manifest.id).checks()}
    for mistake in chosen:
        assert {task_of[name] for name in found[mistake.id]} <= {mistake.task}, mistake.id
    assert sum(bool(found[mistake.id]) for mistake in chosen) >= 0.9 * len(chosen)


def test_a_solution_has_no_untouched_region(tmp_path: Path):
    assert untouched(kit("swiss_roll"), lay_out(tmp_path, solution_files(SWISS_ROLL))) == set()
