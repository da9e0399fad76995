"""The visible checks of `ddpm.py` (tasks 1-2, 1-3 and 1-4): what students run themselves, in the kit. Shipped as it is.

They know contracts (shapes, which t the network is given, how often) and numbers that the solution gave. What a step does is measured:
two calls with equal random numbers differ by what the change of x_t and of the prediction makes, and by nothing else.
"""

import functools

import numpy as np
import torch

from autograder.assignments.kaist.visible_runs import (
    ROWS,
    SCHEDULE,
    Form,
    Network,
    T,
    build,
    compare_means,
    compare_noise,
    ddim_loop,
    ddim_step,
    expect_call,
    expect_chain,
    expect_descent,
    expect_fresh,
    in_any_form,
    measure,
    p_step,
    run_loop,
    run_loss,
    unasked,
)
from autograder.kit.checks import (
    Code,
    Compare,
    describe,
    example,
    expect,
    expect_tensor,
    seed,
    visible,
)
from autograder.measuring import (
    listed,
)

ALSO_RIGHT = ("posterior-variance",)  # variants whose numbers are right, too
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
            step = measure(code, p_step(form, t), t)
            compare_means(compare, step, f"at t = {t}{SCHEDULE}")

    in_any_form(judge)


@visible("1-2", region="p_sample", where="DDPM, Algorithm 2 and Sec. 3.2")
def p_sample_noise_numbers(code: Code, compare: Compare) -> None:
    """`p_sample` adds as much noise as the paper, at each t, and none at t = 0."""

    def judge(form: Form) -> None:
        times = (T - 1, T // 2, 1, 0)
        steps = {t: measure(code, p_step(form, t), t) for t in times}
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
            step = measure(code, ddim_step(form, t, t_prev, 0.0), t)
            place = f"from t = {t} to t_prev = {t_prev} with η = 0"
            expect(step.sigma < 1e-3, f"{place[0].upper()}{place[1:]}, ddim_p_sample must add no noise; yours does.")
            compare_means(compare, step, place + SCHEDULE)

    in_any_form(judge)


@visible("1-3", region="ddim_p_sample", where="DDIM, Eq. 12; the handout on clean data")
def ddim_last_step_numbers(code: Code, compare: Compare) -> None:
    """For a negative t_prev, `ddim_p_sample` goes all the way to clean data, for every η."""

    def judge(form: Form) -> None:
        for t, t_prev, eta in ((2, -1, 0.0), (T - 1, -1, 0.0), (3, -2, 1.0)):
            step = measure(code, ddim_step(form, t, t_prev, eta), t)
            place = f"from t = {t} to t_prev = {t_prev} with η = {eta:g}"
            expect(step.sigma < 1e-3, f"{place[0].upper()}{place[1:]}, ddim_p_sample must add no noise; yours does.")
            compare_means(compare, step, place + SCHEDULE)

    in_any_form(judge)


@visible("1-3", region="ddim_p_sample", where="DDIM, Eq. 12 and 16")
def ddim_step_with_noise_numbers(code: Code, compare: Compare) -> None:
    """With η > 0, `ddim_p_sample` adds as much noise as the paper, and its mean makes room for it."""

    def judge(form: Form) -> None:
        cases = ((T - 1, T - 4, 1.0), (5, 1, 0.5), (1, 0, 1.0))
        steps = [measure(code, ddim_step(form, *case), case[0]) for case in cases]
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
