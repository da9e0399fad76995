"""The judgements in a made-up course of another shape: free functions, t = 1 … T, a table that begins with ᾱ_0 = 1, a network that gets t/T."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autograder.grading.checks import Note, WrongAnswer
from autograder.grading.seeds import Draw
from autograder.judges import forward_process, loss, sampling
from autograder.judges.interface import Interface, Names
from autograder.judges.network import Network
from autograder.limits import Limits
from autograder.oracles.schedule import Floats, Schedule
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Handle, Student

T = 15
CODE = """
import torch

def noised(alpha_bars, x_0, t, noise=None):
    noise = torch.randn_like(x_0) if noise is None else noise
    alpha_bar = alpha_bars[t].reshape(-1, *[1] * (x_0.ndim - 1))
    return {signal} * x_0 + (1 - alpha_bar).sqrt() * noise

def ddpm_forward(unet, alpha_bars, x_0, num_ts):
    t = torch.randint({least}, num_ts + 1, (len(x_0),))
    noise = torch.randn_like(x_0)
    return ((unet(noised(alpha_bars, x_0, t, noise), t / num_ts) - noise) ** 2).{reduced}()

def ddpm_sample(unet, alpha_bars, shape, num_ts):
    x = torch.randn(shape)
    for t in range(num_ts, 0, -1):
        now, before = alpha_bars[t], alpha_bars[t - 1]
        alpha = now / before
        eps = unet(x, torch.full((shape[0],), {time}))
        x_0 = (x - (1 - now).sqrt() * eps) / now.sqrt()
        mean = before.sqrt() * (1 - alpha) / (1 - now) * x_0 + alpha.sqrt() * (1 - before) / (1 - now) * x
        x = mean + ((1 - alpha).sqrt() * torch.randn_like(x) if t > {gate} else 0)
    return x, [x]
"""
RIGHT = {"signal": "alpha_bar.sqrt()", "least": "1", "reduced": "mean", "time": "t / num_ts", "gate": "1"}


class Free(Interface):
    names = Names("noised", p_sample_loop="ddpm_sample", compute_loss="ddpm_forward", network="unet(x_t, t / T)")

    def schedule(self, draw: Draw, num_timesteps: int | None = None) -> Schedule:
        return Schedule(np.append(0.0, np.linspace(0.02, draw.uniform(0.2, 0.3), T)), first=1)

    def build(self, schedule: Schedule, network: Network) -> Any:
        holder = self.student.module("types").later("SimpleNamespace", unet=self.student.network(network))
        alpha_bars = schedule.alphas_cumprod.astype(np.float32)
        return SimpleNamespace(functions=self.student.module("toy"), unet=holder.part("unet"), alpha_bars=alpha_bars)

    def time_for_network(self, schedule: Schedule, t: Floats) -> Floats:
        return t / T

    def row_of(self, schedule: Schedule, time: float) -> float:
        return round(time * T, 4)

    def network_gradient(self, model: Any) -> Any:
        return model.unet.get("scale.grad")

    def q_sample(self, model: Any, x0: Any, t: Any, noise: Any = None) -> Any:
        return model.functions.call("noised", model.alpha_bars, x0, t, noise)

    def compute_loss(self, model: Any, x0: Any, labels: Any = None) -> Handle:
        found: Handle = model.functions.new("ddpm_forward", model.unet, model.alpha_bars, x0, T)
        return found

    def p_sample_loop(self, model: Any, shape: tuple[int, ...], labels: Any = None) -> Any:
        return model.functions.call("ddpm_sample", model.unet, model.alpha_bars, list(shape), T)[0]

    def replace(self, model: Any, name: str, function: Callable[..., Any]) -> None:
        """Functions of a module stay as they are."""


class Labelled(Free):
    """The network takes labels, which the loss and the loop are told."""

    network_arguments = ("x", "t", "c")
    classes = 5

    def compute_loss(self, model: Any, x0: Any, labels: Any = None) -> Handle:
        found: Handle = model.functions.new("ddpm_forward", model.unet, model.alpha_bars, x0, T, labels)
        return found

    def p_sample_loop(self, model: Any, shape: tuple[int, ...], labels: Any = None) -> Any:
        return model.functions.call("ddpm_sample", model.unet, model.alpha_bars, list(shape), T, labels)[0]


LABELLED = (
    CODE.replace("num_ts):", "num_ts, c):")
    .replace("t / num_ts) - noise", "t / num_ts, {of_loss}) - noise")
    .replace("{time}))", "{time}), {of_loop})")
)


JUDGEMENTS: dict[str, Callable[[Interface, Draw, Note], None]] = {
    "closed form": forward_process.judge_closed_form,
    "own noise": forward_process.judge_own_noise,
    "loss": loss.judge_value,
    "noise in the loss": loss.judge_noise,
    "times of the loss": loss.judge_timesteps,
    "gradient": loss.judge_gradient,
    "steps": sampling.judge_steps,
    "mean": sampling.judge_mean,
    "noise": sampling.judge_noise,
}


@pytest.fixture(scope="module")
def lane(sandbox: Sandbox) -> Iterator[Lane]:
    with sandbox.lane() as opened:
        yield opened


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({}, {}),
        ({"signal": "alpha_bar"}, {"closed form": "x_0 times", "loss": "", "noise in the loss": ""}),
        ({"least": "0"}, {"times of the loss": "must stay in 1 … 15", "loss": "", "noise in the loss": ""}),
        ({"least": "2"}, {"times of the loss": "1 never comes up"}),
        ({"reduced": "sum"}, {"loss": "times as much"}),
        ({"time": "float(t)"}, {"steps": "t = 15, 14, …, 2, 1", "mean": "t = 15, 14", "noise": "t = 15, 14"}),
        ({"gate": "0"}, {"noise": "At t = 1, the last step"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_each_judgement_sees_its_own_mistakes_and_leaves_right_code_alone(
    changes: dict[str, str], failed: dict[str, str], lane: Lane
) -> None:
    student = Student(lane, {"toy.py": CODE.format(**{**RIGHT, **changes}).encode()}, Limits())
    found = {}
    for name, judge in JUDGEMENTS.items():
        student.begin(1)
        try:
            judge(Free(student, (3, 2, 2)), Draw(b"secret", "digest", name), Note())
        except WrongAnswer as error:
            found[name] = str(error)
    student.fresh()
    assert found.keys() == failed.keys(), found
    assert all(says in found[name] for name, says in failed.items()), found


@pytest.mark.parametrize(
    ("of_loss", "of_loop", "failed"),
    [
        ("c", "c", {}),
        ("c.flip(0)", "c", {"loss", "noise in the loss", "times of the loss", "gradient"}),
        ("c", "c if t > 1 else c.flip(0)", {"steps", "mean", "noise"}),
        ("torch.zeros(len(x_0), 5)", "c[:1]", JUDGEMENTS.keys() - {"closed form", "own noise"}),
    ],
)
def test_the_network_must_be_given_the_labels_of_the_batch_at_every_call(
    of_loss: str, of_loop: str, failed: set[str], lane: Lane
) -> None:
    code = LABELLED.format(**RIGHT, of_loss=of_loss, of_loop=of_loop)
    student = Student(lane, {"toy.py": code.encode()}, Limits())
    found = {}
    for name, judge in JUDGEMENTS.items():
        student.begin(1)
        try:
            judge(Labelled(student, (3, 2, 2)), Draw(b"secret", "digest", name), Note())
        except WrongAnswer as error:
            found[name] = str(error)
    student.fresh()
    assert found.keys() == {*failed}, found
    assert all("must give the network the labels" in message for message in found.values()), found
