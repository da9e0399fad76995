"""The sampler whose steps stand inside its loop, in a made-up course whose network is not told t: what is seen, said and left alone."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from autograder.grading.checks import Carry, CheckMark, Note, WrongAnswer
from autograder.grading.diagnosis import Known, diagnose
from autograder.grading.formulas import together
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement
from autograder.grading.seeds import Draw
from autograder.judges import ddpm_loop, loss, sampling
from autograder.judges.formulas import P_SAMPLE, P_SAMPLE_LOOP
from autograder.judges.interface import Interface, Names
from autograder.judges.network import Network
from autograder.limits import Limits
from autograder.oracles.schedule import Schedule
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Handle, Student

T = 30
ALGORITHM = together(P_SAMPLE, P_SAMPLE_LOOP)
CODE = """
import numpy as np
import torch

own = np.random.default_rng(1)
T = {T}
beta_t = {beta_1} + ({beta_2} - {beta_1}) * torch.arange(0, T + 1) / T
alpha_t = 1 - beta_t
alphabar_t = torch.exp(torch.cumsum(torch.log(alpha_t), 0))

class Sampler(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def sample(self, n, size):
        x = {start}
        for i in range({times}):
            z = {noise}
            eps = self.net(x)
            x = {mean} + {sigma} * z
        return {result}

    def forward(self, x_0):
        t = torch.randint({least}, T + 1, (len(x_0),))
        eps = torch.randn_like(x_0)
        now = alphabar_t[t].reshape(-1, 1, 1, 1)
        out = self.net({signal} * x_0 + {spread} * eps)
        return (({target} - {out}) ** 2).{reduced}()
"""
RIGHT = {
    "T": T, "beta_1": 1e-4, "beta_2": 0.15, "start": "torch.randn(n, *size)", "times": "T, 0, -1",
    "noise": "torch.randn(n, *size) if i > 1 else 0", "mean": "(x - beta_t[i] / (1 - alphabar_t[i]).sqrt() * eps) / alpha_t[i].sqrt()",
    "sigma": "beta_t[i].sqrt()", "result": "x",
    "least": "1", "target": "eps", "signal": "now.sqrt()", "spread": "(1 - now).sqrt()", "out": "out", "reduced": "mean",
}  # fmt: skip
OWN = "torch.from_numpy(own.standard_normal((n, *size))).float() if i > 1 else 0"  # whatever the seed of torch is
X0 = "((x - (1 - alphabar_t[i]).sqrt() * eps) / alphabar_t[i].sqrt())"
POSTERIOR = (
    "alphabar_t[i - 1].sqrt() * beta_t[i] / (1 - alphabar_t[i]) * {x0}"
    " + alpha_t[i].sqrt() * (1 - alphabar_t[i - 1]) / (1 - alphabar_t[i]) * x"
)
CLAMPED = POSTERIOR.format(x0=f"{X0}.clamp(-1, 1)")


class Toy(Interface):
    names = Names(p_sample_loop="Sampler.sample", compute_loss="forward", network="self.net(x)")
    network_arguments = ("x",)

    def schedule(self, draw: Draw, num_timesteps: int | None = None) -> Schedule:
        return Schedule(1e-4 + (0.15 - 1e-4) * np.arange(T + 1) / T, first=1)

    def build(self, schedule: Schedule, network: Network) -> Handle:
        return self.student.module("toy").later("Sampler", self.student.network(network))

    def network_gradient(self, model: Any) -> Any:
        return model.get("net.scale.grad")

    def replace(self, model: Any, name: str, function: Callable[..., Any]) -> None:
        """There is no function within another."""

    def p_sample_loop(self, model: Any, shape: tuple[int, ...], labels: Any = None) -> Any:
        return model.call("sample", shape[0], list(shape[1:]))


class Long(Toy):
    """Durham's schedule, in which neighbouring t differ by little."""

    def schedule(self, draw: Draw, num_timesteps: int | None = None) -> Schedule:
        return Schedule(1e-4 + (0.02 - 1e-4) * np.arange(401) / 400, first=1)


@pytest.fixture(scope="module")
def lane(sandbox: Sandbox) -> Iterator[Lane]:
    with sandbox.lane() as opened:
        yield opened


def fails(lane: Lane, **changes: str) -> dict[str, tuple[str, Note]]:
    """Of each judgement, what it says ("" where it is content) and what it notes."""
    found = {}
    student = Student(lane, {"toy.py": CODE.format(**{**RIGHT, **changes}).encode()}, Limits())
    for name in ("steps", "mean", "noise"):
        note = Note()
        student.begin(1)
        try:
            getattr(sampling, f"judge_{name}")(Toy(student, (3, 2, 2)), Draw(b"secret", "digest", name), note)
            found[name] = ("", note)
        except WrongAnswer as error:
            found[name] = (str(error), note)
    student.fresh()
    return found


def explained(found: dict[str, tuple[str, Note]]) -> tuple[set[str], str]:
    """The mistakes that the tables name, without a misconception of the course, and the sentences."""
    judged = [
        (
            Check(name, name, CheckMark("1", 1.0, "sample", 0.0, ""), lambda: None, (3, 2, 2)),
            Judgement("failed" if message else "passed", kind="wrong" if message else "", note=note),
        )
        for name, (message, note) in found.items()
    ]
    diagnosis = diagnose(judged, Known([], ALGORITHM), lambda version, check: None, pairs=False)
    return (set(diagnosis.ids), " ".join(text for _, text in diagnosis.hints.values())) if diagnosis else (set(), "")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mean": POSTERIOR.format(x0=X0)},
        {"sigma": "((1 - alphabar_t[i - 1]) / (1 - alphabar_t[i]) * beta_t[i]).sqrt()"},
        {"mean": CLAMPED, "result": "x.clamp(-1, 1)"},
        {"noise": OWN},
        {"noise": "torch.randn_like(x) * (i > 1)"},
    ],
    ids=["as in the handout", "by way of x_0", "posterior variance", "clamped", "noise of its own", "gate by a factor"],
)
def test_right_forms_pass(lane: Lane, changes: dict[str, str]) -> None:
    found = fails(lane, **changes)
    assert {name: message for name, (message, _) in found.items()} == dict.fromkeys(found, "")


@pytest.mark.parametrize(
    ("changes", "failed", "mistake", "says"),
    [
        ({"times": "T, 1, -1"}, {"steps", "mean", "noise"}, "loop-stops-at-t-1", "must take the 30 steps"),
        ({"start": "torch.zeros(n, *size)"}, {"steps"}, "start-from-zeros", "x_T ~ N(0, I)"),
        ({"noise": "torch.randn(n, *size)"}, {"noise"}, "noise-at-t-0", "At t = 1, the last step"),
        ({"noise": "torch.randn(n, *size) if i > 2 else 0"}, {"noise"}, "no-noise-at-t-1", "yours adds none"),
        ({"noise": "torch.randn(1, *size) if i > 1 else 0"}, {"noise"}, "", "every row"),
        ({"noise": "0"}, {"noise"}, "noise-never-added", "yours adds none"),
        ({"sigma": "beta_t[i]"}, {"noise"}, "variance-for-standard-deviation", "standard deviation"),
        ({"sigma": "(beta_t[i] / alpha_t[i]).sqrt()"}, {"noise"}, "noise-inside-the-division", "standard deviation"),
        ({"mean": "(x - beta_t[i] / (1 - alphabar_t[i]) * eps) / alpha_t[i].sqrt()"}, {"mean"}, "eps-coefficient-without-root", "−ε_θ times"),
        ({"mean": RIGHT["mean"].replace("alphabar_t[i]", "alphabar_t[i - 1]")}, {"mean"}, "alpha-bar-of-t-minus-1", "−ε_θ times"),
        ({"mean": RIGHT["mean"].replace("alpha_t[i].sqrt()", "alpha_t[i]")}, {"mean"}, "divided-by-alpha", "x_t times"),
        ({"mean": RIGHT["mean"].replace("(x -", "(x +")}, {"mean"}, "eps-added", "−ε_θ times"),
        ({"mean": RIGHT["mean"] + " + 0.01"}, {"mean"}, "", "must depend on x_t and ε_θ only"),
        ({"mean": f"({RIGHT['mean']}).clamp(-1, 1)"}, {"mean", "noise"}, "", "clamped"),
    ],
)  # fmt: skip
def test_a_mistake_is_seen_told_and_explained_by_its_formula(
    lane: Lane, changes: dict[str, str], failed: set[str], mistake: str, says: str
) -> None:
    found = fails(lane, **changes)
    assert {name for name, (message, _) in found.items() if message} == failed, found
    assert all(says in message for message, _ in found.values() if message), found
    named, sentences = explained(found)
    assert named == ({mistake} if mistake else set()), found
    assert bool(sentences) == bool(mistake)


def test_a_coefficient_is_known_to_its_standard_error_where_no_seed_reaches_the_noise(lane: Lane) -> None:
    """At t = 1 there is no noise, so that 1 % is always seen; the first t at which it shows is told."""
    found = fails(lane, mean=RIGHT["mean"].replace("* eps)", "* 1.01 * eps)"), noise=OWN)
    assert {name for name, (message, _) in found.items() if message} == {"mean"}, found
    said = re.search(r"At t = (\d+), .* −ε_θ times .*, (\S+) times as much", found["mean"][0])
    assert said, found["mean"][0]
    t, ratio = int(said[1]), float(said[2])
    schedule = Toy(Student(lane, {}, Limits()), (3, 2, 2)).schedule(Draw(b"", "", ""))
    numbers = sampling.NUMBERS // 12 * 12
    error = np.sqrt(schedule.betas[t] / numbers) / sampling.STRONG / schedule.p_coefficients(t)[1]
    assert abs(ratio - 1.01) < 6 * error + 1e-3  # and float32, and four digits


@pytest.mark.parametrize("sigma", [RIGHT["sigma"], "(beta_t[i] / 2).sqrt()"])
def test_the_samples_of_a_gaussian_are_its_own(sigma: str, lane: Lane) -> None:
    student = Student(lane, {"toy.py": CODE.format(**{**RIGHT, "sigma": sigma}).encode()}, Limits())
    student.begin(1)
    fault = ""
    try:
        ddpm_loop.judge_distribution(
            Toy(student, (3, 2, 2)), Draw(b"secret", "digest", "distribution"), Note(), Carry()
        )
    except WrongAnswer as error:
        fault = str(error)
    assert bool(fault) == (sigma != RIGHT["sigma"]), fault
    student.fresh()


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({}, {}),
        ({"T": "400", "beta_2": "0.02"}, {}),
        ({"least": "2"}, {"timesteps": "1 never comes up"}),
        ({"least": "0"}, {"timesteps": "must stay in 1 … 30"}),
        ({"least": "0", "T": "400", "beta_2": "0.02"}, {"timesteps": "must stay in 1 … 400"}),
        ({"out": "(0.5 * out + 0.5 * out.detach())"}, {"gradient": "detached"}),
        ({"spread": "(1 - now).sqrt() * (1 + 0.1 * (t == 7)).reshape(-1, 1, 1, 1)"},
         {"noise": "At t = 7, the noise", "value": "times as much"}),
        ({"signal": "now.sqrt() * 0.9999"}, dict.fromkeys(("value", "noise", "timesteps", "gradient"), "another factor")),
        ({"signal": "1"}, dict.fromkeys(("noise", "timesteps"), "another factor") | {"value": ""}),
        ({"signal": "now"}, {"value": "another factor", "noise": "another factor", "timesteps": "another factor", "gradient": "another factor"}),
        ({"spread": "(1 - now)"}, {"noise": "standard deviation", "value": "mean of (ε − ε_θ)²"}),
        ({"target": "x_0"}, {"value": "times as much"}),
        ({"target": "torch.randn_like(eps)"}, {"value": "times as much"}),
        ({"reduced": "sum"}, {"value": "times as much"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_the_loss_is_judged_where_the_network_is_not_told_t(
    changes: dict[str, str], failed: dict[str, str], lane: Lane
) -> None:
    student = Student(lane, {"toy.py": CODE.format(**{**RIGHT, **changes}).encode()}, Limits())
    found = {}
    for name in ("value", "noise", "timesteps", "gradient"):
        student.begin(1)
        course = Toy(student, (3, 4, 4))
        if "T" in changes:
            course = Long(student, (3, 4, 4))
        try:
            getattr(loss, f"judge_{name}")(course, Draw(b"secret", "digest", name), Note())
        except WrongAnswer as error:
            found[name] = str(error)
    student.fresh()
    assert found.keys() == failed.keys(), found
    assert all(says in found[name] for name, says in failed.items()), found
