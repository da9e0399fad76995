"""Durham's assignment: its traps are kind sentences, right designs of one's own pass, and the worker trains by any recipe."""

import re

import numpy as np
import pytest

from autograder.grading.mutants import (
    Variant,
    apply_misconceptions,
    apply_variant,
    misconceptions,
    solution_files,
    variants,
)
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.manifest import load_manifest
from autograder.sandbox.proxies import Student, from_wire, to_wire

MANIFEST = load_manifest("minimal_diffusion")
CHECKS = {check.id: check for check in load_rubric(MANIFEST)}
WRONG = {m.id: m for m in misconceptions(MANIFEST)}
RIGHT = {v.id: v for v in variants(MANIFEST)}
SECRET = b"secret of the tests of minimal diffusion"


@pytest.fixture(scope="module")
def lane(sandbox):
    with sandbox.lane() as lane:
        yield lane


def judged(lane, files, check, wrong=frozenset()):
    student = Student(lane, files, MANIFEST.limits)
    try:
        return run_check(CHECKS[check], student, SECRET, "digest", frozenset(wrong))
    finally:
        student.fresh()


def test_there_are_enough_mistakes_and_right_versions_and_every_region_has_some():
    assert len(WRONG) >= 40
    assert len(RIGHT) >= 20
    assert {m.region for m in WRONG.values()} == {region for task in MANIFEST.tasks for region in task.regions}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "check", "sentence"),
    [
        ("fifth-block-never-run", "3.gradients", "lazy layer that it never runs: `down5.0`.*Run it in forward, or take it out"),
        ("conditional-fifth-block-never-run", "4.conditional_unet", "lazy layer that it never runs: `down5.0`"),
        ("layer-made-in-forward", "3.gradients", "made in __init__; yours makes `extra`.*made before never trains"),
        ("labels-without-modulo", "4.conditional_start", "image i must have the label i modulo 10.*there are only 10"),
        ("input-link-missing", "3.links", "the fourth up block the diagram has a concatenation with the input x; yours goes on with"),
        ("conditional-links-missing", "4.conditional_unet", "At 16 × 16 .*by a link across.*The same is so at 8 × 8, 4 × 4"),
        ("down-blocks-in-a-list", "3.links", "ordinary list"),
        ("t-from-0", "1.times", "uniformly from 1 … .*reaches from 0"),
        ("noise-at-t-0", "2.noise_of_steps", "the last step, DDPM.sample must add no noise"),
        ("loop-from-T-to-0", "2.start_and_steps", r"must take the \d+ steps"),
    ],
)
def test_a_trap_is_a_kind_sentence(lane, mistake, check, sentence):
    judgement = judged(lane, apply_misconceptions(MANIFEST, (WRONG[mistake],)), check)
    assert judgement.status == "failed"
    assert re.search(sentence, judgement.message), judgement.message


@pytest.mark.slow
@pytest.mark.parametrize("check", ["1.noised_images", "1.times", "2.mean_of_steps", "2.noise_of_steps", "4.conditional_steps"])
def test_a_wrong_schedule_costs_its_own_check_only(lane, check):
    files = apply_misconceptions(MANIFEST, (WRONG["sigma-is-the-variance"],))
    assert judged(lane, files, "1.schedule").status == "failed"
    assert judged(lane, files, check, {"ddpm.py:schedule"}).status == "passed"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "check"),
    [("fifth-level-that-runs", "3.links"), ("own-widths-and-silu", "3.gradients"), ("interpolation-and-pooling", "3.links"),
     ("posterior-variance", "2.noise_of_steps"), ("flat-tables", "1.schedule"), ("labels-wanted", "4.conditional_start")],
)  # fmt: skip
def test_a_right_version_of_another_shape_passes(lane, variant, check):
    judgement = judged(lane, apply_variant(MANIFEST, RIGHT[variant]), check)
    assert judgement.status == "passed", judgement.message


def test_numbers_of_a_generator_of_ones_own_are_judged_like_any_others(lane):
    body = """
        generator = torch.Generator()
        generator.seed()
        t = torch.randint(1, T + 1, (len(x),), generator=generator)
        eps = torch.randn(x.shape, generator=generator)
        return F.mse_loss(self.net(sqrtab[t] * x + sqrtmab[t] * eps), eps)
    """
    right = apply_variant(MANIFEST, Variant("own-generator", "", bodies={"ddpm.py:DDPM.forward": body}))
    wrong = body.replace("sqrtmab[t] * eps", "sqrtmab[t] ** 2 * eps")
    files = apply_variant(MANIFEST, Variant("own-generator", "", bodies={"ddpm.py:DDPM.forward": wrong}))
    for check, passes in (("1.noised_images", False), ("1.times", True), ("1.loss_value", False)):
        judgement = judged(lane, right, check)
        assert judgement.status == "passed", judgement.message
        assert (judged(lane, files, check).status == "passed") == passes


def test_the_worker_trains_any_loss_of_images_and_labels_with_rates_that_change(lane):
    """A weight of 0 with loss (w − label)²; Adam's first steps are as long as the rate."""
    model = """
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(()))
    def error(self, x, c):
        return (self.w - c.float().mean()) ** 2 + 0 * x.sum()
"""
    student = Student(lane, {"model.py": model.encode()}, MANIFEST.limits)
    made = student.module("model").new("Model")
    fields = {
        "model": made.ref, "loss": "error", "data": [to_wire(np.zeros((4, 1, 2, 2), np.float32)), to_wire(np.full(4, 3))],
        "order": to_wire(np.array([[0, 1], [2, 3]])), "rates": to_wire(np.array([0.5, 0.25], np.float32)),
        "learning_rate": 9.0, "average_last": 0, "report_every": 10,
    }  # fmt: skip
    losses = from_wire(made.worker.request("train_on", fields, seconds=60.0))
    assert losses[0] == pytest.approx(9)
    assert losses[1] == pytest.approx(2.5**2, abs=1e-4)
    assert float(made.get("w")) == pytest.approx(0.75, abs=0.02)
    student.fresh()


def test_the_solution_stands_in_for_one_file_and_not_for_both():
    from autograder.assignments.minimal_diffusion.outcome import FILE_OF
    from autograder.grading.checks import Carry, WrongAnswer
    from autograder.grading.standing_in import files_replaced

    assert files_replaced(Carry(), FILE_OF) == frozenset()
    assert files_replaced(Carry(frozenset({"ddpm.py:DDPM.forward", "ddpm.py:DDPM.sample"})), FILE_OF) == {"ddpm.py"}
    assert files_replaced(Carry(frozenset({"unet.py:UNet", "conditional.py:UNet"})), FILE_OF) == {"unet.py"}
    for carry in (
        Carry(frozenset({"ddpm.py:schedule", "unet.py:UNet"})),
        Carry(undone=frozenset({"unet.py:UNet"})),
        Carry(frozenset({"ddpm.py:DDPM.forward"}), without_work=frozenset({"ddpm.py:DDPM.forward"})),
    ):
        with pytest.raises(WrongAnswer):
            files_replaced(carry, FILE_OF)


def test_solution_files_hold_what_is_given():
    assert {"digits.py", "drawn_digits.py"} <= solution_files(MANIFEST).keys()


def test_the_loss_is_smoothed_as_the_course_does_it():
    from autograder.assignments.minimal_diffusion.rule import smoothed

    losses = np.random.default_rng(5).uniform(0, 2, 300)
    expected = losses[0]
    for loss in losses[1:]:
        expected += 0.01 * (loss - expected)
    assert smoothed(losses, 0.01) == pytest.approx(expected)
    assert smoothed(losses[:1], 0.01) == losses[0]
