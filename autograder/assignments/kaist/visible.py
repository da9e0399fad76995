"""The visible checks of `ddpm.py` (tasks 1-2, 1-3 and 1-4): what students run themselves, in the kit. Shipped as it is.

They know contracts (shapes, which t the network is given, how often) and numbers that the solution gave. What a step does is measured:
two calls with equal random numbers differ by what the change of x_t and of the prediction makes, and by nothing else.
"""

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
    visible,
)
from autograder.measuring import (
    Fit,
    chain_fault,
    descent_fault,
    fit_step,
    has_a_time_for_each_row,
    listed,
    times_of_rows,
)

ALSO_RIGHT = ("posterior-variance",)  # variants whose numbers are right, too
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


# Task 1-2


@visible("1-2", region="q_sample", where="DDPM, Eq. 4")
def q_sample_numbers(code: Code, compare: Compare) -> None:
    """`q_sample` gives the x_t of the worked example, for rows at different t."""
    shape = (T, *code.sample_shape)
    x0, noise, t = example(*shape), example(*shape, salt=1), torch.arange(T)
    xt = expect_tensor(build(code, Network(unasked)).q_sample(x0.clone(), t, noise.clone()), shape, "x_t")
    first = x0.reshape(T, -1)[:, 0], noise.reshape(T, -1)[:, 0]
    places = [f"at t = {i}, for x_0 = {first[0][i]:.1f} and ε = {first[1][i]:.1f}," for i in range(T)]
    compare(f"x_t{SCHEDULE}", xt.reshape(T, -1)[:, 0], places=places)
    compare(f"the other numbers of x_t{SCHEDULE}", xt.reshape(T, -1), places=[f"at t = {i}" for i in range(T)])


@visible("1-2", region="q_sample", where="DDPM, Eq. 4")
def q_sample_draws_noise(code: Code, compare: Compare) -> None:
    """Without `noise`, `q_sample` draws its own, new at each call."""
    diffusion, shape = build(code, Network(unasked)), (ROWS, *code.sample_shape)
    draws = []
    for number in (1, 2):
        seed(number)
        xt = diffusion.q_sample(torch.zeros(shape), torch.full((ROWS,), T - 1))
        draws.append(expect_tensor(xt, shape, "x_t"))
    expect(
        not np.array_equal(draws[0], draws[1]),
        "Called twice, q_sample must draw new noise; yours gave the same x_t twice.",
    )
    expect(abs(draws[0].mean()) < 0.1, f"The noise must have mean 0; that in your x_t has {draws[0].mean():.3f}.")


@visible("1-2", region="p_sample", where="DDPM, Algorithm 2")
def p_sample_calls_the_network(code: Code, compare: Compare) -> None:
    """`p_sample` asks the network once, with x_t and t, and returns a tensor like x_t."""

    def judge(form: Form) -> None:
        for t in (T - 1, 0):
            expect_call(code, t, p_step(form, t), "p_sample")

    in_any_form(judge)


@visible("1-2", region="p_sample", where="DDPM, Eq. 11")
def p_sample_mean_numbers(code: Code, compare: Compare) -> None:
    """The mean of `p_sample` moves with x_t and with the predicted noise as in the worked example."""

    def judge(form: Form) -> None:
        for t in (T - 1, T // 2, 1, 0):
            step = measure(code, p_step(form, t))
            compare_means(compare, step, f"at t = {t}{SCHEDULE}")

    in_any_form(judge)


@visible("1-2", region="p_sample", where="DDPM, Algorithm 2 and Sec. 3.2")
def p_sample_noise_numbers(code: Code, compare: Compare) -> None:
    """`p_sample` adds as much noise as the paper, at each t, and none at t = 0."""

    def judge(form: Form) -> None:
        times = (T - 1, T // 2, 1, 0)
        steps = {t: measure(code, p_step(form, t)) for t in times}
        compare_noise(compare, list(steps.values()), [f"at t = {t}" for t in times])
        for t in times[:-1]:
            expect_fresh(steps[t], f"At t = {t}, p_sample")

    in_any_form(judge)


@visible("1-2", region="p_sample_loop", where="DDPM, Algorithm 2")
def p_sample_loop_steps(code: Code, compare: Compare) -> None:
    """`p_sample_loop` starts from standard normal noise, takes the steps t = T−1, …, 1, 0, each on the result of the last, and returns the last."""
    expected = [float(t) for t in range(T - 1, -1, -1)]

    run = run_loop(code, "p_sample", T, lambda diffusion, shape: diffusion.p_sample_loop(shape))
    taken = [step.t for step in run.steps]
    expect(taken == expected, f"With T = {T}, the steps must be t = {listed(expected)}; yours are {listed(taken)}.")
    expect_chain(run, "p_sample_loop")


# Task 1-3


@visible("1-3", region="ddim_p_sample", where="DDIM, Eq. 12")
def ddim_step_calls_the_network(code: Code, compare: Compare) -> None:
    """`ddim_p_sample` asks the network once, with x_t and t, and returns a tensor like x_t."""

    def judge(form: Form) -> None:
        for t, t_prev in ((T - 1, T - 4), (2, -1)):
            expect_call(code, t, ddim_step(form, t, t_prev, 0.0), "ddim_p_sample")

    in_any_form(judge)


@visible("1-3", region="ddim_p_sample", where="DDIM, Eq. 12")
def ddim_step_numbers(code: Code, compare: Compare) -> None:
    """With η = 0, `ddim_p_sample` gives the numbers of the worked example, and the same ones at every call."""

    def judge(form: Form) -> None:
        for t, t_prev in ((T - 1, T - 4), (5, 1), (3, 0)):
            step = measure(code, ddim_step(form, t, t_prev, 0.0))
            place = f"from t = {t} to t_prev = {t_prev} with η = 0"
            expect(step.sigma < 1e-3, f"{place[0].upper()}{place[1:]}, ddim_p_sample must add no noise; yours does.")
            compare_means(compare, step, place + SCHEDULE)

    in_any_form(judge)


@visible("1-3", region="ddim_p_sample", where="DDIM, Eq. 12; the handout on clean data")
def ddim_last_step_numbers(code: Code, compare: Compare) -> None:
    """For a negative t_prev, `ddim_p_sample` goes all the way to clean data, for every η."""

    def judge(form: Form) -> None:
        for t, t_prev, eta in ((2, -1, 0.0), (T - 1, -1, 0.0), (3, -2, 1.0)):
            step = measure(code, ddim_step(form, t, t_prev, eta))
            place = f"from t = {t} to t_prev = {t_prev} with η = {eta:g}"
            expect(step.sigma < 1e-3, f"{place[0].upper()}{place[1:]}, ddim_p_sample must add no noise; yours does.")
            compare_means(compare, step, place + SCHEDULE)

    in_any_form(judge)


@visible("1-3", region="ddim_p_sample", where="DDIM, Eq. 12 and 16")
def ddim_step_with_noise_numbers(code: Code, compare: Compare) -> None:
    """With η > 0, `ddim_p_sample` adds as much noise as the paper, and its mean makes room for it."""

    def judge(form: Form) -> None:
        cases = ((T - 1, T - 4, 1.0), (5, 1, 0.5), (1, 0, 1.0))
        steps = [measure(code, ddim_step(form, *case)) for case in cases]
        places = [f"from t = {t} to t_prev = {t_prev} with η = {eta:g}" for t, t_prev, eta in cases]
        compare_noise(compare, steps, places)
        for step, place in zip(steps, places):
            compare_means(compare, step, place + SCHEDULE)
            expect_fresh(step, f"{place[0].upper()}{place[1:]}, ddim_p_sample")

    in_any_form(judge)


@visible("1-3", region="ddim_p_sample_loop", where="DDIM, Sec. 4.2")
def ddim_loop_steps(code: Code, compare: Compare) -> None:
    """`ddim_p_sample_loop` takes `num_inference_timesteps` steps from noise to clean data, each on the result of the last, and passes η on."""
    for num_timesteps, count, eta in ((20, 5, 0.0), (23, 5, 0.5)):
        run = run_loop(
            code,
            "ddim_p_sample",
            num_timesteps,
            functools.partial(ddim_loop, num_inference_timesteps=count, eta=eta),
        )
        expect_descent([step.t for step in run.steps], num_timesteps, count)
        for step, following in zip(run.steps, [*run.steps[1:], None]):
            aim = "clean data, t_prev < 0" if following is None else f"the next t, {following.t:g}"
            right = step.t_prev is None or (step.t_prev < 0 if following is None else step.t_prev == following.t)
            expect(right, f"The step at t = {step.t:g} must aim at {aim}; yours aims at t_prev = {step.t_prev}.")
            passed = step.eta is None or abs(step.eta - eta) < 1e-6
            expect(passed, f"Called with eta = {eta:g}, every step must get it; yours gets {step.eta}.")
        expect_chain(run, "ddim_p_sample_loop")


# Task 1-4


@visible("1-4", region="compute_loss", where="DDPM, Eq. 14")
def loss_numbers(code: Code, compare: Compare) -> None:
    """`compute_loss` is 0 for a network that finds the noise exactly, and the number of the worked example where it errs."""
    shape = (64, *code.sample_shape)
    errors = torch.zeros(shape)
    errors[:16] = 2.0
    cases = (
        ("when the network finds the noise exactly", 0.0),
        ("when it is off by 1 everywhere", 1.0),
        ("when it is off by −3 everywhere", -3.0),
        ("when it is off by 2 in a quarter of the rows", errors),
    )
    losses = []
    for _, error in cases:
        loss, network, _ = run_loss(code, functools.partial(torch.add, other=error), shape)
        calls = network.calls
        one_number = isinstance(loss, torch.Tensor) and loss.numel() == 1
        expect(one_number, f"compute_loss must return one number as a tensor; yours returned {describe(loss)}.")
        expect(len(calls) == 1, f"compute_loss must ask the network once; yours did {len(calls)} times.")
        expect(calls[0][0].shape == shape, f"The network must get x_t, {shape}; yours got {calls[0][0].shape}.")
        losses.append(float(loss.detach().ravel()[0]))
    compare("The loss", losses, within=1e-3, relative=1e-3, places=[case for case, _ in cases])


@visible("1-4", region="compute_loss", where="DDPM, Algorithm 1")
def loss_draws(code: Code, compare: Compare) -> None:
    """`compute_loss` draws a t for each row, from 0 to T−1, and new noise, at every call."""
    seen = []
    for number in (1, 2):
        seed(number)
        _, network, noised = run_loss(code, torch.zeros_like, (ROWS, *code.sample_shape))
        calls = network.calls
        expect(calls, "compute_loss must ask the network; yours never did.")
        seen.append((calls[0][0], calls[0][1], noised))
    (xt, t, noised), (other_xt, other_t, _) = seen
    kinds, every = sorted(set(t.tolist())), [float(step) for step in range(T)]
    expect(kinds == every, f"With T = {T}, t must be drawn from 0, 1, …, {T - 1}; yours takes {listed(kinds)}.")
    expect(not np.array_equal(t, other_t), "Each call must draw new t; yours drew the same ones again.")
    same_t = noised is None or np.array_equal(noised.t, t)
    expect(same_t, "The network must get the t with which x_t was made; yours gets another.")
    noise = (xt if noised is None else noised.noise).reshape(ROWS, -1)
    spread = float(noise.std())
    expect(abs(spread - 1) < 0.1, f"The noise must be standard normal; yours has standard deviation {spread:.2f}.")
    expect(noise.std(axis=0).min() > 0.5, "Each row must get noise of its own; yours gives all rows the same.")
    expect(not np.array_equal(xt, other_xt), "Each call must draw new noise; yours used the same again.")


@visible("1-4", region="compute_loss", where="DDPM, Algorithm 1")
def loss_has_a_gradient(code: Code, compare: Compare) -> None:
    """The gradient of `compute_loss` reaches the network."""
    loss, network, _ = run_loss(code, lambda noise: noise + 1, (64, *code.sample_shape))
    attached = isinstance(loss, torch.Tensor) and loss.requires_grad
    expect(attached, "The loss must be a tensor with a gradient; yours is cut off from the network.")
    loss.backward()
    gradient = network.scale.grad
    expect(gradient is not None and float(gradient) != 0, "The gradient must reach the network; yours does not.")


# How steps, loops and losses are run


def ddim_loop(diffusion: Any, shape: tuple[int, ...], **settings: Any) -> Any:
    return diffusion.ddim_p_sample_loop(shape, **settings)


def in_any_form(judge: Callable[[Form], None]) -> None:
    """`judge`, with t in the forms that a step may take; nobody fails for one of them."""
    any_form([functools.partial(judge, form) for form in FORMS])


def p_step(form: Form, t: int) -> Callable[[Any, torch.Tensor], Any]:
    return lambda diffusion, x: diffusion.p_sample(x, form(t, len(x)))


def ddim_step(form: Form, t: int, t_prev: int, eta: float) -> Callable[[Any, torch.Tensor], Any]:
    return lambda diffusion, x: diffusion.ddim_p_sample(x, form(t, len(x)), form(t_prev, len(x)), eta)


def measure(code: Code, take: Callable[[Any, torch.Tensor], Any]) -> Fit:
    shape = (max(16384 // int(np.prod(code.sample_shape)), 64), *code.sample_shape)
    generator = torch.Generator().manual_seed(0)
    prediction = torch.zeros(shape)
    diffusion = build(code, Network(lambda x, t: prediction))
    inputs, outputs = [], []
    for number in (1, 1, 2):
        x, prediction = (2.4 * torch.rand(shape, generator=generator) - 1.2 for _ in range(2))
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
class LoopStep:
    x: Floats
    t: float
    t_prev: float | None = None
    eta: float | None = None
    out: Floats | None = None


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
