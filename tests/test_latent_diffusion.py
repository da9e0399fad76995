"""Submissions to latent_diffusion in the forms that are handed in: both editions, with bonuses and without, as a zip, with a trained model."""

import json
import subprocess
import sys

import pytest

from autograder.assignments.latent_diffusion.handed_in import Unusable, read_configuration
from autograder.errors import UserError
from autograder.grading.mutants import solution_files
from autograder.grading.session import Grading, Options
from autograder.manifest import load_manifest, parse_manifest
from autograder.submission.intake import read_submission
from tests.latent_editions import edition
from tests.notebook_files import folder_with

MANIFEST = load_manifest("latent_diffusion")
CORE = ("1", "2", "3", "4", "5")
BONUS = [task for task in MANIFEST.tasks if task.bonus]


def graded(path, sandbox):
    submission = read_submission(path, MANIFEST)
    return Grading(MANIFEST, submission, Options(train=False, hints="none"), sandbox, b"the secret of a test").run()


def points_of(verdict) -> dict[str, float]:
    return {task.id: sum(check.points for check in verdict.checks if check.task == task.id) for task in MANIFEST.tasks}


@pytest.mark.slow
@pytest.mark.parametrize("year", [2023, pytest.param(2025, marks=pytest.mark.proof)])
def test_both_editions_are_graded_unchanged(year, tmp_path, sandbox):
    verdict = graded(folder_with(tmp_path / "work", edition(year)), sandbox)
    wrong = [(check.id, check.message) for check in verdict.checks if check.task in CORE and check.status != "passed"]
    assert not wrong
    assert all(points_of(verdict)[task.id] == 0 for task in BONUS)
    assert verdict.score == sum(MANIFEST.task(name).points for name in CORE)


@pytest.mark.slow
def test_all_bonuses_come_on_top(tmp_path, sandbox):
    verdict = graded(folder_with(tmp_path / "work", solution_files(MANIFEST)), sandbox)
    points = points_of(verdict)
    assert all(points[task.id] == pytest.approx(task.points) for task in BONUS)
    assert verdict.score == pytest.approx(6 + min(MANIFEST.max_bonus, sum(task.points for task in BONUS)))


@pytest.mark.slow
def test_the_zip_of_zip_submission_is_graded_unchanged(tmp_path, sandbox):
    folder = folder_with(tmp_path / "team" / "latent_diffusion_todo", solution_files(MANIFEST))
    (folder / "writeup").mkdir()
    (folder / "writeup" / "report.pdf").write_bytes(b"%PDF-1.4")
    training = tmp_path / "team" / "logs" / "mnist"
    training.mkdir(parents=True)
    (training / "model.safetensors").write_bytes(model_file({}))
    done = subprocess.run([sys.executable, "zip_submission.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    submission = read_submission(folder / "submission.zip", MANIFEST)
    assert not submission.missing
    assert set(submission.weights) == {"mnist"}
    points = points_of(graded(folder / "submission.zip", sandbox))
    assert all(points[name] == pytest.approx(MANIFEST.task(name).points) for name in CORE)


# A model that is handed in

CONFIGURATION = {"img_shape": [1, 28, 28], "timesteps": 200, "dim": 16, "context_dim": 32, "num_classes": 10, "dim_mults": [1, 2], "attn_levels": [1]}


def model_file(changes, **others) -> bytes:
    """A safetensors file without tensors."""
    made_of = json.dumps({"config": {"model": {**CONFIGURATION, **changes}, **others}, "data": "MNIST"})
    header = json.dumps({"__metadata__": {"made of": made_of}}).encode()
    return len(header).to_bytes(8, "little") + header


def test_the_configuration_is_read_from_the_file():
    configuration = read_configuration(model_file({"img_shape": [1, 32, 32]}))
    assert (configuration.timesteps, configuration.side) == (200, 32)
    assert configuration.arguments == {**CONFIGURATION, "img_shape": [1, 32, 32]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no model.safetensors"),
        (b"\x80\x04pickled", "no model.safetensors"),
        (b"\xff" * 40, "no model.safetensors"),
        (model_file({"timesteps": True}), "no model.safetensors"),
        (model_file({"dim": 10**9}), "no model.safetensors"),
        (model_file({"dim_mults": "124"}), "no model.safetensors"),
        (model_file({"num_classes": 3}), "3 classes"),
        (model_file({"img_shape": [3, 64, 64]}), r"\(3, 64, 64\)"),
        (model_file({"use_vae": True}), "in latent space"),
    ],
)
def test_other_files_are_told_apart(content, said):
    with pytest.raises(Unusable, match=said):
        read_configuration(content)


# Regions that two tasks judge


@pytest.mark.parametrize("shared", ["ddpm.py:Nothing", "libs/unet.py:UNet.forward"])
def test_only_a_region_of_another_task_can_be_shared(shared):
    text = (MANIFEST.home / "assignment.toml").read_text(encoding="utf-8")
    changed = text.replace('id = "1"\n', f'id = "1"\nshares = ["{shared}"]\n')
    with pytest.raises(UserError, match="a region of no other task"):
        parse_manifest(changed, "assignment.toml")
