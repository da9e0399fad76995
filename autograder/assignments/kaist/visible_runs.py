"""How the visible checks of `ddpm.py` run steps, loops and losses around a network that gives prepared answers. Shipped as it is."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograder.kit.checks import (
    Code,
    Compare,
    Floats,
    WrongAnswer,
    any_form,
    describe,
    example,
    expect,
    expect_tensor,
    seed,
)
from autograder.measuring import (
    Fit,
    LoopStep,
    chain_fault,
    descent_fault,
    fit_step,
    has_a_time_for_each_row,
    listed,
    times_of_rows,
)

T, BETA_1, BETA_T = 10, 0.02, 0.2
SCHEDULE = f" (T = {T}, β from {BETA_1} to {BETA_T})"
ROWS = 4096
Form = Callable[[int, int], Any]  # (t, rows) → t as a step is given it
FORMS: tuple[Form, ...] = (
    lambda t, rows: torch.tensor([t]),
    lambda t, rows: torch.tensor(t),
    lambda t, rows: torch.full((rows,), t),
    lambda t, rows: t,
)


class Network(torch.nn.Module):
    """A noise predictor that gives prepared answers, and remembers what it was asked. Equal questions in a row count once."""

    def __init__(self, answer: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]):
        super().__init__()
        self.answer = answer
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.calls: list[tuple[Floats, Floats]] = []

    def forward(self, x: torch.Tensor, t: Any) -> torch.Tensor:
        times = timesteps(t, len(x))
        call = (x.detach().double().numpy().copy(), times)
        if not self.calls or not all(np.array_equal(a, b) for a, b in zip(self.calls[-1], call)):
            self.calls.append(call)
        return self.scale * self.answer(x, torch.from_numpy(times))


def timesteps(t: Any, rows: int) -> Floats:
    """The time of each row, from any accepted form."""
    if isinstance(t, torch.Tensor) and has_a_time_for_each_row(tuple(t.shape), rows):
        return times_of_rows(t.detach().numpy(), rows)
    if isinstance(t, (int, float, np.number)):
        return np.full(rows, float(t))
    raise WrongAnswer(f"t must be an integer or a tensor of shape (), (1,) or (B,); yours is {describe(t)}.")


def build(code: Code, network: Network, num_timesteps: int = T, beta_1: float = BETA_1, beta_T: float = BETA_T) -> Any:
    ddpm = code.module("ddpm")
    return ddpm.DiffusionModule(network, ddpm.BaseScheduler(num_timesteps, beta_1=beta_1, beta_T=beta_T, mode="linear"))


def unasked(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x)


def ddim_loop(diffusion: Any, shape: tuple[int, ...], **settings: Any) -> Any:
    return diffusion.ddim_p_sample_loop(shape, **settings)


def in_any_form(judge: Callable[[Form], None]) -> None:
    """`judge`, with t in the forms that a step may take; nobody fails for one of them."""
    any_form([functools.partial(judge, form) for form in FORMS])


def p_step(form: Form, t: int) -> Callable[[Any, torch.Tensor], Any]:
    return lambda diffusion, x: diffusion.p_sample(x, form(t, len(x)))


def ddim_step(form: Form, t: int, t_prev: int, eta: float) -> Callable[[Any, torch.Tensor], Any]:
    return lambda diffusion, x: diffusion.ddim_p_sample(x, form(t, len(x)), form(t_prev, len(x)), eta)


def measure(code: Code, take: Callable[[Any, torch.Tensor], Any], t: int) -> Fit:
    """A step at t, on x_t of data within the range of images, where many a sampler clamps its estimate of them."""
    shape = (max(16384 // int(np.prod(code.sample_shape)), 64), *code.sample_shape)
    generator = torch.Generator().manual_seed(0)
    prediction = torch.zeros(shape)
    diffusion = build(code, Network(lambda x, t: prediction))
    alpha_bar = diffusion.var_scheduler.alphas_cumprod[t]
    inputs, outputs = [], []
    for number in (1, 1, 2):
        x0, prediction = (limit * (2 * torch.rand(shape, generator=generator) - 1) for limit in (0.9, 1.2))
        x = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * prediction
        inputs.append((x.double().numpy(), prediction.double().numpy()))
        seed(number)
        outputs.append(expect_tensor(take(diffusion, x.clone()), shape, "The result of the step"))
    return fit_step(inputs, outputs)


def compare_means(compare: Compare, step: Fit, place: str) -> None:
    within = 1e-3 + min(step.error, 0.05)
    moves = (("x_t", step.a), ("the predicted noise", -step.b))
    for what, got in moves:
        says = "{what}, the mean of the result must change by {expected}; yours changes by {got}."
        compare(f"{place[0].upper()}{place[1:]}, when {what} grows by 1", got, within=within, says=says)
    offset = float(step.noise.mean())
    allowed = 6 * step.sigma / np.sqrt(step.noise.size) + 1e-3
    expect(
        abs(offset) < allowed,
        f"The mean must depend on x_t and the predicted noise only; yours is off by {offset:.4f}, {place}.",
    )


def compare_noise(compare: Compare, steps: list[Fit], places: list[str]) -> None:
    sigmas = [step.sigma for step in steps]
    what = f"The standard deviation of the added noise{SCHEDULE}"
    says = "{what}{place} must be about {expected}; yours is {got}."
    compare(what, sigmas, within=1e-3, relative=0.06, places=places, says=says, digits=2)


def expect_fresh(step: Fit, what: str) -> None:
    """New noise at every call, and for every number."""
    rows = step.noise.reshape(len(step.noise), -1)
    expect(
        rows.std(axis=0).min() > step.sigma / 2, f"{what} must draw noise for every row; yours gives all rows the same."
    )
    within_row = (rows - rows.mean(axis=1, keepdims=True)).std()
    expect(within_row > step.sigma / 4, f"{what} must draw noise for every number; yours has the same in a whole row.")
    likeness = float(np.corrcoef(step.noise.ravel(), step.other_noise.ravel())[0, 1])
    expect(abs(likeness) < 0.1, f"{what} must draw new noise at every call; yours used the same noise again.")


def expect_call(code: Code, t: int, take: Callable[[Any, torch.Tensor], Any], what: str) -> None:
    shape = (8, *code.sample_shape)
    network = Network(lambda x, t: torch.zeros_like(x))
    x = example(*shape)
    result = take(build(code, network), x.clone())
    expect(network.calls, f"{what} must call self.network(xt, t); yours never did.")
    expect(len(network.calls) == 1, f"{what} must call the network once; yours did {len(network.calls)} times.")
    got, times = network.calls[0]
    expect((times == t).all(), f"Called at t = {t}, {what} must give the network this t; yours gives {times[0]:g}.")
    same = got.shape == shape and abs(got - x.double().numpy()).max() < 1e-5
    expect(same, f"{what} must give the network x_t as it is; yours gives something else.")
    expect_tensor(result, shape, f"The result of {what}")


@dataclass(frozen=True)
class LoopRun:
    steps: list[LoopStep]
    result: Floats


def run_loop(code: Code, name: str, num_timesteps: int, run: Callable[[Any, tuple[int, ...]], Any]) -> LoopRun:
    """Run a loop whose step is replaced by one that only remembers. Where the loop does not call it, or calls it with more than
    the handout's arguments, the loop is run as it is, and the network's calls tell what it did.
    """
    shape = (ROWS, *code.sample_shape)
    steps: list[LoopStep] = []
    unfit = False

    def remember(xt: torch.Tensor, t: Any, t_prev: Any = None, eta: Any = 0.0, **more: Any) -> torch.Tensor:
        nonlocal unfit
        unfit = unfit or any(value is not None for value in more.values())
        result = 0.5 * xt + 0.1  # any step will do: it must only be passed on
        before = None if t_prev is None else float(timesteps(t_prev, len(xt))[0])
        x, answer = (tensor.detach().double().numpy().copy() for tensor in (xt, result))
        steps.append(
            LoopStep(x, float(timesteps(t, len(xt))[0]), before, None if before is None else float(eta), answer)
        )
        return result

    network = Network(unasked)
    diffusion = build(code, network, num_timesteps)
    setattr(diffusion, name, remember)
    seed(1)
    try:
        result = run(diffusion, shape)
    except Exception:
        if not unfit:
            raise
    if unfit or not steps:
        network = Network(unasked)
        seed(1)
        result = run(build(code, network, num_timesteps), shape)
        steps = [LoopStep(x, float(t[0])) for x, t in network.calls]
    expect(steps, f"{name}_loop must take steps; yours took none.")
    start = steps[0].x
    expect(start.shape == shape, f"{name}_loop must start from noise of shape {shape}; yours has {start.shape}.")
    normal = abs(start.mean()) < 0.1 and abs(start.std() - 1) < 0.1 and (abs(start) > 2).any()
    spread = f"mean {start.mean():.2f} and standard deviation {start.std():.2f}"
    expect(normal, f"{name}_loop must start from standard normal noise; yours starts with {spread}.")
    expect(start.std(axis=0).min() > 0.5, f"{name}_loop must start each sample from noise of its own; yours does not.")
    return LoopRun(steps, expect_tensor(result, shape, f"The result of {name}_loop"))


def expect_chain(run: LoopRun, what: str) -> None:
    """Each step gets the result of the one before, and the last result is returned. Known only of steps that stood in."""
    fault = chain_fault(run.steps, run.result, what)
    expect(fault is None, fault or "")


def expect_descent(times: list[float], num_timesteps: int, count: int) -> None:
    """Any sequence that descends through the range in about equal steps is right."""
    what = f"ddim_p_sample_loop with T = {num_timesteps} and {count} steps"
    expect(len(times) == count, f"{what} must take {count} steps; yours took {len(times)}: {listed(times)}.")
    fault = descent_fault(times, range(num_timesteps), count, what)
    expect(fault is None, fault or "")


ALL_NOISE = 1 - 1e-12  # as β: in such a schedule x_t is the noise itself


@dataclass(frozen=True)
class Noised:
    """What q_sample was asked for."""

    t: Floats
    noise: Floats


def run_loss(
    code: Code, answer: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...]
) -> tuple[Any, Network, Noised | None]:
    """The loss with a network that answers `answer(noise)`: what came back, the network, and what q_sample was asked for.

    A stand-in for q_sample hides the noise in x_t in its own way. Where it is not called, x_t is noise alone by the schedule.
    """
    asked: list[Noised] = []

    def q_sample(x0: torch.Tensor, t: Any, noise: torch.Tensor | None = None) -> torch.Tensor:
        hidden = torch.randn_like(x0) if noise is None else noise
        asked.append(Noised(timesteps(t, len(x0)), hidden.detach().double().numpy().copy()))
        return 2 * hidden + 1

    for stand_in in (True, False):
        network = Network(functools.partial(_answer_noise, answer, stand_in))
        diffusion = build(code, network, T, ALL_NOISE, ALL_NOISE)
        if stand_in:
            diffusion.q_sample = q_sample
        loss = diffusion.compute_loss(example(*shape))
        if asked:
            return loss, network, asked[0]
    return loss, network, None


def _answer_noise(
    answer: Callable[[torch.Tensor], torch.Tensor], hidden: bool, x: torch.Tensor, t: torch.Tensor
) -> torch.Tensor:
    return answer((x - 1) / 2 if hidden else x)
