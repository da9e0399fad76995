"""Task 1-5: the rule, and the reference standing in for parts that are wrong. Trainings are cut short: what is tested
is who does what, not how well.
"""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from autograder.assignments.swiss_roll.outcome import Measured, Outcome
from autograder.assignments.swiss_roll.stand_ins import Plan
from autograder.assignments.swiss_roll.training import Trained
from autograder.grading.checks import Carry, Held, Note, WrongAnswer
from autograder.grading.mutants import apply_misconceptions, misconceptions, solution_files
from autograder.grading.outcome import OutcomeContext
from autograder.manifest import load_manifest
from autograder.regions import shortest
from autograder.sandbox.training import FusedAdam
from tests.check_runs import named

MANIFEST = load_manifest("swiss_roll")
SHORT = {
    **MANIFEST.training,
    "num_train_timesteps": 40,
    "num_iterations": 30,
    "num_samples": 256,
    "num_inference_timesteps": 5,
    "dataset_size": 20_000,
}
RULE: Any = MANIFEST.outcome
ANY = dataclasses.replace(RULE, ddpm_threshold=1e9, ddim_threshold=1e9, average_last=10)  # every finite distance is met


def short_outcome(sandbox, files=None, untouched=frozenset(), outcome="own", **rule):
    manifest = dataclasses.replace(MANIFEST, training=SHORT, outcome=dataclasses.replace(ANY, **rule))
    files = files or solution_files(MANIFEST)
    return Outcome(
        OutcomeContext(manifest, sandbox, files, manifest.limits, b"a secret of the tests", "digest", untouched, outcome=outcome)
    )


def mutant(*names):
    return apply_misconceptions(MANIFEST, tuple(m for m in misconceptions(MANIFEST) if m.id in names))


@pytest.mark.parametrize(
    ("wrong", "sampler", "stand_ins"),
    [
        (set(), "ddpm", set()),
        (set(), "ddim", set()),
        ({"p_sample"}, "ddpm", {"p_sample"}),
        ({"p_sample_loop"}, "ddpm", {"p_sample_loop"}),
        ({"p_sample"}, "ddim", set()),
        ({"ddim_p_sample"}, "ddim", {"ddim_p_sample"}),
        ({"ddim_p_sample_loop"}, "ddim", {"ddim_p_sample_loop"}),
        ({"SimpleNet"}, "ddpm", {"SimpleNet"}),
        ({"compute_loss"}, "ddim", {"compute_loss"}),
        ({"q_sample"}, "ddpm", {"compute_loss"}),
        ({"SimpleNet", "compute_loss"}, "ddim", {"SimpleNet", "compute_loss"}),
        ({"SimpleNet", "p_sample"}, "ddpm", {"SimpleNet", "p_sample"}),
        ({"compute_loss", "p_sample_loop"}, "ddpm", {"compute_loss", "p_sample_loop"}),
    ],
)
def test_the_reference_stands_in_for_what_is_wrong(sandbox, wrong, sampler, stand_ins):
    outcome, carry, note = short_outcome(sandbox), Carry(named(*wrong)), Note()
    try:
        outcome.expect(sampler, note, carry)
    finally:
        outcome.close()
    assert set(map(shortest, carry.stood_in)) == stand_ins
    assert np.isfinite(note.values["Chamfer distance"][0]).all()


CALLS = {"p_sample": b"def p_sample(self, xt", "ddim_p_sample": b"def ddim_p_sample(self, xt"}


@pytest.mark.parametrize(("step", "sampler"), [("p_sample", "ddpm"), ("ddim_p_sample", "ddim")])
def test_a_raising_step_does_not_matter_where_the_reference_stands_in(sandbox, step, sampler):
    """The student's loop runs all the same: with one that stops, too, the samples are not what they are."""
    files = solution_files(MANIFEST)
    files["ddpm.py"] = (
        files["ddpm.py"]
        .replace(CALLS[step], CALLS[step] + b", must_be_given")
        .replace(b"def compute_loss(self, x0", b"def compute_loss(self, x0, must_be_given")
    )
    outcome = short_outcome(sandbox, files)
    try:
        outcome.expect(sampler, Note(), Carry(named(step, "compute_loss")))
    finally:
        outcome.close()


def sampled(sandbox, files, wrong, sampler):
    outcome = short_outcome(sandbox, files)
    try:
        outcome.expect(sampler, Note(), Carry(named(*wrong)))
        return outcome.measured[sampler][0].samples
    finally:
        outcome.close()


def test_the_loop_that_runs_around_the_reference_step_is_the_students(sandbox):
    files = solution_files(MANIFEST)
    files["ddpm.py"] = files["ddpm.py"].replace(
        b"            xt = self.p_sample(xt, t)\n        return xt\n",
        b"            xt = self.p_sample(xt, t)\n        return xt + 100\n",
    )
    assert sampled(sandbox, files, {"p_sample"}, "ddpm").mean() > 50
    assert abs(sampled(sandbox, files, {"p_sample_loop"}, "ddpm").mean()) < 50


@pytest.mark.parametrize(("step", "sampler"), [("p_sample", "ddpm"), ("ddim_p_sample", "ddim")])
def test_the_step_in_the_reference_loop_is_the_students(sandbox, step, sampler):
    files = solution_files(MANIFEST)
    files["ddpm.py"] += f"""
right = DiffusionModule.{step}
DiffusionModule.{step} = lambda self, xt, t, *more: right(self, xt, t, *more) + 100 * (torch.as_tensor(t) == 0).reshape(-1, 1)
""".encode()
    assert sampled(sandbox, files, {f"{step}_loop"}, sampler).mean() > 50
    assert abs(sampled(sandbox, files, {step}, sampler).mean()) < 50


@pytest.mark.parametrize("step", ["p_sample", "ddim_p_sample"])
def test_a_step_that_takes_t_in_one_form_only_gets_it(sandbox, step):
    files = solution_files(MANIFEST)
    files["ddpm.py"] += f"""
right = DiffusionModule.{step}
def of_an_integer(self, xt, t, *more):
    if type(t) is not int:
        raise TypeError("t must be an integer")
    return right(self, xt, t, *more)
DiffusionModule.{step} = of_an_integer
""".encode()
    assert sampled(sandbox, files, {f"{step}_loop"}, "ddpm" if step == "p_sample" else "ddim").shape == (256, 2)


def test_what_is_not_done_is_not_replaced(sandbox):
    outcome = short_outcome(sandbox)
    region = named("p_sample_loop")
    with pytest.raises(WrongAnswer, match="needs p_sample_loop, which is not done yet"):
        outcome.expect("ddpm", Note(), Carry(region, undone=region, without_work=region))


def test_the_first_training_runs_in_the_background_and_is_the_same_as_in_the_foreground(sandbox):
    losses = []
    for in_background in (True, False):
        outcome = short_outcome(sandbox)
        try:
            if in_background:
                outcome.start()
            outcome.expect("ddim", Note(), Carry())
            losses.append(outcome.trained[0].losses)
        finally:
            outcome.close()
    assert np.array_equal(*losses)


def judged(medians, **rule):
    """The rule on made-up medians, one for each training. Returns (met, trainings used)."""
    outcome = Outcome.__new__(Outcome)
    outcome.context = OutcomeContext(MANIFEST, None, {}, MANIFEST.limits, b"", "")
    outcome.rule, outcome.measured, used = dataclasses.replace(RULE, **rule), {"ddpm": [], "ddim": []}, []

    def training(plan: Plan, index: int, proved: frozenset[str]) -> Trained:
        used.append(index)
        return Trained(np.zeros(1), 0.0, None, None, index)

    outcome.training, outcome.trained = training, [Trained(np.zeros(1), 0.0, None, None, 0)]
    outcome.measure = lambda sampler, plan, trained, threshold: Measured((medians[trained.seed],), np.zeros((1, 2)))
    outcome._ignores_network = lambda sampler, plan: False
    try:
        outcome.expect("ddim", Note(), Carry())
        return True, len(used)
    except WrongAnswer:
        return False, len(used)


@pytest.mark.parametrize(
    ("medians", "verdict"),
    [
        ((39.9,), (True, 1)),
        ((41.0, 35.0), (True, 2)),
        ((90.0, 70.0, 39.0), (True, 3)),
        ((90.0, 70.0, 40.0), (False, 3)),
        ((250.0, 10.0), (False, 1)),  # beyond five times the threshold nothing is tried again
        ((float("nan"),) * 3, (False, 3)),
    ],
)
def test_the_best_of_three_trainings_counts(medians, verdict):
    assert judged(medians) == verdict


@pytest.mark.slow
def test_a_mistake_that_ruins_the_samples_misses_the_threshold(sandbox):
    """A short training with the true thresholds: the solution's samples are far away too, so the rule must say so in
    a sentence.
    """
    rule = {"ddpm_threshold": 20.0, "ddim_threshold": 40.0}
    outcome = short_outcome(sandbox, mutant("noise-never-added"), **rule)
    try:
        with pytest.raises(WrongAnswer, match=r"Chamfer distance of .* must be below 20; yours is"):
            outcome.expect("ddpm", Note(), Carry())
    finally:
        outcome.close()


def test_the_trainers_adam_is_torchs_to_the_last_bit():
    """The trainer uses torch's functional Adam; a parameter that never gets a gradient stays as it is, as in the
    class.
    """

    def trained(optimise):
        torch.manual_seed(1)
        model = torch.nn.Sequential(
            torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2), torch.nn.Linear(3, 3)
        )
        step = optimise(list(model.parameters()))
        for x in torch.randn(50, 16, 2):
            model.zero_grad()
            model[:3](x).square().mean().backward()
            step()
        return [p.detach() for p in model.parameters()]

    ours = trained(lambda parameters: FusedAdam(parameters, 1e-3).step)
    theirs = trained(lambda parameters: torch.optim.Adam(parameters, lr=1e-3, fused=True).step)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs))


ROLL = """
        from sklearn import datasets

        points = datasets.make_swiss_roll(n_samples=shape[0], noise=0.0, hole=True)[0][:, [0, 2]]
        return torch.tensor((points - points.mean()) / points.std() * 2).float()
"""


def gives_the_roll(files, function):
    """The files, with a loop that draws the data by itself."""
    code = files["ddpm.py"].decode()
    start = code.index('"""', code.index('"""', code.index(f"def {function}(")) + 3) + 4
    return {**files, "ddpm.py": (code[:start] + ROLL + code[start:]).encode()}


@pytest.mark.parametrize(("sampler", "function"), [("ddpm", "p_sample_loop"), ("ddim", "ddim_p_sample_loop")])
def test_a_sampler_that_gives_the_data_without_the_network_is_held(sandbox, sampler, function):
    outcome = short_outcome(sandbox, gives_the_roll(solution_files(MANIFEST), function))
    try:
        with pytest.raises(Held, match=f"Your {function} gives the Swiss roll with a network that was not trained"):
            outcome.expect(sampler, Note(), Carry())
        other = "ddim" if sampler == "ddpm" else "ddpm"
        outcome.expect(other, Note(), Carry())  # the other sampler is its own
    finally:
        outcome.close()


def test_the_policy_decides_whether_it_is_held(sandbox, monkeypatch):
    monkeypatch.setattr(Outcome, "_ignores_network", lambda *_: True)
    outcome = short_outcome(sandbox)
    try:
        with pytest.raises(Held):
            outcome.expect("ddim", Note(), Carry())
        lenient = dataclasses.replace(outcome.context.manifest, policy=dataclasses.replace(MANIFEST.policy, hold=()))
        outcome.context = dataclasses.replace(outcome.context, manifest=lenient)
        outcome.expect("ddim", Note(), Carry())
    finally:
        outcome.close()
