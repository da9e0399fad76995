"""CS180's samplers are compared with their own losses: in a layout of the tables that fits both, and not in one that fits the sampler alone."""

import pytest

from autograder.grading.mutants import right_files
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.manifest import load_manifest
from autograder.sandbox.proxies import Student

MANIFEST = load_manifest("mnist_diffusion")
CHECKS = {check.id: check for check in load_rubric(MANIFEST)}
VARIANT = "alpha-0-in-the-product-and-all-rows"  # whose tables of T + 1 entries fit three layouts, and its loss two of them
TOLD = [
    ("2-3.time_told", "time_conditional.py", "torch.tensor([t / num_ts])"),
    ("2-5.time_told", "class_conditional.py", "torch.full((n,), t / num_ts)"),
]


def judged(sandbox, check, files):
    with sandbox.lane() as lane:
        student = Student(lane, files, MANIFEST.limits)
        judgement = run_check(CHECKS[check], student, b"secret of the tests of the time told", "digest")
        student.fresh()
    return judgement


@pytest.mark.parametrize(("check", "name", "told"), TOLD)
def test_another_time_than_that_of_the_loss(sandbox, check, name, told):
    right = right_files(MANIFEST, VARIANT)
    text = right[name].decode()
    assert text.count(told) == 1
    wrong = {**right, name: text.replace(told, told.replace("t / num_ts", "t / (1.05 * num_ts)")).encode()}
    judgement = judged(sandbox, check, right)
    assert judgement.status == "passed", judgement.message
    judgement = judged(sandbox, check, wrong)
    assert judgement.status == "failed", judgement.message
    assert "at the noise of step" in judgement.message
    assert "ddpm_forward tells it 1.0000 and ddpm_sample 0.9524" in judgement.message


@pytest.mark.parametrize("factor", ["1.05 *", "0.97 *", "1.02 *"])
def test_a_time_of_the_loss_near_the_usual_is_the_fault_of_the_loss(sandbox, factor):
    """t/(T − 1) is usual, 1.05 t/T is not, also where T is small."""
    right, name, told = right_files(MANIFEST, ""), "time_conditional.py", "unet(x_t, t / num_ts)"
    assert right[name].decode().count(told) == 1
    wrong = {**right, name: right[name].decode().replace(told, told.replace("t /", f"{factor} t /")).encode()}
    assert judged(sandbox, "2-2.time_told", wrong).status == "failed"
    assert judged(sandbox, "2-3.time_told", wrong).status == "passed"


@pytest.mark.parametrize("time", ["t / (num_ts - 1)", "(t - 1) / num_ts", "(t - 1) / (num_ts - 1)", "t / (num_ts + 1)"])
def test_a_usual_time_of_the_loss_is_what_the_sampler_must_tell(sandbox, time):
    right, name, told = right_files(MANIFEST, ""), "time_conditional.py", "unet(x_t, t / num_ts)"
    wrong = {**right, name: right[name].decode().replace(told, f"unet(x_t, {time})").encode()}
    assert judged(sandbox, "2-2.time_told", wrong).status == "passed"
    assert judged(sandbox, "2-3.time_told", wrong).status == "failed"
