"""Known mistakes in the equations of DDPM and DDIM, as formulas of the schedule for the numbers that the judgements measure.

They explain any course's code, in whichever right form the rest of it is: either variance, β_t or β̃_t, the mean by way of ε or of x_0.
What a student reads about each stands with the misconception of the same id. A judgement gives its Note the schedule as
inputs["schedule"]; the names of the numbers are those below.

    q_sample        "x_0 at t", "ε at t": the factors in x_t = c x_0 + d ε
    p_sample        "a at t", "b at t", "σ at t": of the step a x_t − b ε_θ + σ z; "t fed at t": what the network got
    ddim_p_sample   "a at t, t_prev, η", and so on, and "offset at …", the mean of what is neither x_t nor ε_θ; without η where it is 0
    loops           "t": the times of the steps; "x_T spread"
    compute_loss    "x_t is x_0": 1 where the network got clean data; "loss", of inputs["x0"], ["noise"], ["eps_hat"], ["xt"],
                    ["noise_level"] = 1 − ᾱ_t of each row; "range of t": least t, largest t − T; "kinds of t"
"""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, form, mistake
from autograder.oracles.schedule import Schedule

Step = SimpleNamespace  # s: the schedule; T, t; beta, alpha, bar = ᾱ_t, before = ᾱ_{t−1}, and for DDIM t_prev and eta


def _at(s: Schedule, t: int) -> Step:
    """The tables at t; an index below 0 reads them from their end, as it does in a student's code."""
    return Step(
        s=s, T=s.num_timesteps, t=t, beta=s.betas[t], alpha=s.alphas[t], bar=s.alphas_cumprod[t], before=s.alphas_cumprod_prev[t]
    )  # fmt: skip


def _with(v: Step, **changes: Any) -> Step:
    return Step(**{**vars(v), **changes})


def _shifted(s: Schedule, t: int) -> Step:
    return _with(_at(s, max(t - 1, 0)), t=t)


def _schedule(note: Note) -> Schedule | None:
    return note.inputs.get("schedule")


# q_sample: x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε (DDPM, Eq. 4)


def _q_numbers(p: Any, note: Note) -> Numbers:
    schedule, found = _schedule(note), {}
    for name in note.values:
        parsed = re.fullmatch(r"(x_0|ε) at (\d+)", name)
        if parsed and schedule:
            v = p.tables(schedule, int(parsed[2]))
            v = _with(v, bar=p.bar(v))
            found[name] = p.signal(v) if parsed[1] == "x_0" else p.noise(v)
    return found


Q_SAMPLE = Algorithm(
    parts=dict(
        tables=_at,
        bar=lambda v: v.bar,
        signal=lambda v: np.sqrt(v.bar),
        noise=lambda v: np.sqrt(1 - v.bar),
    ),
    measure=_q_numbers,
    mistakes=(
        mistake("root-missing-on-x0", signal=lambda v: v.bar),
        mistake("root-missing-on-noise", noise=lambda v: 1 - v.bar),
        mistake("both-roots-missing", signal=lambda v: v.bar, noise=lambda v: 1 - v.bar),
        mistake("root-inside-the-difference", noise=lambda v: 1 - np.sqrt(v.bar)),
        mistake("x0-and-noise-swapped", signal=lambda v: np.sqrt(1 - v.bar), noise=lambda v: np.sqrt(v.bar)),
        mistake("q-alpha-for-alpha-bar", bar=lambda v: v.alpha),
        mistake("q-beta-for-alpha-bar", bar=lambda v: v.beta),
        mistake("q-product-of-betas", bar=lambda v: np.multiply.accumulate(v.s.betas)[v.t]),
        mistake("q-of-step-before", tables=_shifted),
        mistake("q-index-minus-one", tables=lambda s, t: _at(s, t - 1)),
        mistake("q-t-of-first-row-for-all", tables=lambda s, t: _at(s, 0)),
        mistake("noise-subtracted", noise=lambda v: -np.sqrt(1 - v.bar)),
        mistake("noise-left-out", noise=lambda v: 0.0),
        mistake("x0-not-scaled-down", signal=lambda v: 1.0),
        mistake("noise-of-one-step", noise=lambda v: np.sqrt(v.beta)),
        mistake(
            "q-clean-at-t-0",
            signal=lambda v: np.sqrt(v.bar) if v.t else 1.0,
            noise=lambda v: np.sqrt(1 - v.bar) if v.t else 0.0,
        ),
    ),
)

# p_sample: x_{t−1} = 1/√α_t (x_t − β_t/√(1−ᾱ_t) ε_θ) + σ_t z (DDPM, Alg. 2 and Eq. 11)


def _p_numbers(p: Any, note: Note) -> Numbers:
    schedule, found = _schedule(note), {}
    for name in note.values:
        parsed = re.fullmatch(r"(a|b|σ|t fed) at (\d+)", name)
        if not parsed or not schedule:
            continue
        what, t = parsed[1], int(parsed[2])
        v = p.tables(schedule, t)
        if what in ("a", "b"):
            found[name] = p.mean(v, p.factor(v), p.coefficient(v))["ab".index(what)]
        elif what == "t fed":
            found[name] = p.asked(v)
        else:
            found[name] = p.scale(v) * p.root(p.variance(v)) if p.gate(v) else 0.0
    return found


def _root(variance: float) -> float:
    return float(np.sqrt(variance))


def _from_x0(v: Step, of_x0: float, of_x: float) -> tuple[float, float]:
    """(a, b) of of_x0 x̂_0 + of_x x_t with x̂_0 = (x_t − √(1−ᾱ_t) ε_θ) / √ᾱ_t."""
    return of_x0 / np.sqrt(v.bar) + of_x, of_x0 * np.sqrt(1 - v.bar) / np.sqrt(v.bar)


def _posterior(v: Step, before: float) -> tuple[float, float]:
    """The weights of x_0 and x_t in μ̃_t, with this ᾱ_{t−1} (DDPM, Eq. 7)."""
    return np.sqrt(before) * v.beta / (1 - v.bar), np.sqrt(v.alpha) * (1 - before) / (1 - v.bar)


def _clamped_before(v: Step) -> float:
    return float(v.s.alphas_cumprod[max(v.t - 1, 0)])


P_SAMPLE = Algorithm(
    parts=dict(
        tables=_at,
        factor=lambda v: 1 / np.sqrt(v.alpha),
        coefficient=lambda v: v.beta / np.sqrt(1 - v.bar),
        mean=lambda v, factor, coefficient: (factor, factor * coefficient),
        variance=lambda v: v.beta,
        root=_root,
        scale=lambda v: 1.0,
        gate=lambda v: v.t > 0,
        asked=lambda v: v.t,
    ),
    measure=_p_numbers,
    forms=(
        (
            form(variance=lambda v: (1 - v.before) / (1 - v.bar) * v.beta),
            form(variance=lambda v: (1 - _clamped_before(v)) / (1 - v.bar) * v.beta),
        ),
    ),
    mistakes=(
        # The gate on the noise
        mistake("noise-at-t-0", gate=lambda v: True),
        mistake("no-noise-at-t-1", gate=lambda v: v.t > 1),
        mistake("noise-only-at-t-0", gate=lambda v: v.t == 0, variance=lambda v: v.beta),  # β̃_0 = 0 would be no noise at all
        mistake("no-noise-at-first-step", gate=lambda v: v.t < v.T - 1),
        mistake("noise-never-added", gate=lambda v: False),
        # The noise
        mistake("variance-for-standard-deviation", root=lambda variance: variance),
        mistake("root-of-standard-deviation", root=lambda variance: variance**0.25),
        mistake("unit-noise", variance=lambda v: 1.0),
        mistake("sigma-from-alpha", variance=lambda v: v.alpha),
        mistake("sigma-from-alpha-bar", variance=lambda v: 1 - v.bar),
        mistake("sigma-of-step-before", variance=lambda v: v.s.betas[max(v.t - 1, 0)]),
        mistake("posterior-variance-upside-down", variance=lambda v: (1 - v.bar) / (1 - _clamped_before(v)) * v.beta),
        mistake("posterior-variance-without-beta", variance=lambda v: (1 - _clamped_before(v)) / (1 - v.bar)),
        mistake(
            "posterior-variance-index-minus-one",
            variance=lambda v: (1 - v.s.alphas_cumprod[v.t - 1]) / (1 - v.bar) * v.beta,
            gate=lambda v: True,
        ),
        mistake("noise-inside-the-division", scale=lambda v: 1 / np.sqrt(v.alpha)),
        # The network
        mistake("network-fed-t-minus-1", asked=lambda v: v.t - 1),
        mistake("network-fed-t-plus-1", asked=lambda v: v.t + 1),
        mistake("network-fed-fraction", asked=lambda v: v.t / v.T),
        mistake("network-fed-constant-t", asked=lambda v: 0),
        # The mean
        mistake("multiplied-by-root-alpha", factor=lambda v: np.sqrt(v.alpha)),
        mistake("divided-by-alpha", factor=lambda v: 1 / v.alpha),
        mistake("division-forgotten", factor=lambda v: 1.0),
        mistake("divided-by-root-alpha-bar", factor=lambda v: 1 / np.sqrt(v.bar)),
        mistake("only-x-divided", mean=lambda v, factor, coefficient: (factor, coefficient)),
        mistake("eps-coefficient-without-root", coefficient=lambda v: v.beta / (1 - v.bar)),
        mistake("eps-coefficient-with-alpha", coefficient=lambda v: v.beta / np.sqrt(1 - v.alpha)),
        mistake("eps-coefficient-with-alpha-bar-above", coefficient=lambda v: np.sqrt(1 - v.bar)),
        mistake("eps-without-coefficient", coefficient=lambda v: 1.0),
        mistake("eps-beta-forgotten", coefficient=lambda v: 1 / np.sqrt(1 - v.bar)),
        mistake("eps-root-of-beta", coefficient=lambda v: np.sqrt(v.beta) / np.sqrt(1 - v.bar)),
        mistake("eps-added", mean=lambda v, factor, coefficient: (factor, -factor * coefficient)),
        mistake("alpha-bar-of-t-minus-1", coefficient=lambda v: v.beta / np.sqrt(1 - _clamped_before(v))),
        mistake("beta-and-alpha-bar-swapped", tables=lambda s, t: _swapped(_at(s, t), "beta", "bar")),
        mistake("alpha-and-alpha-bar-swapped", tables=lambda s, t: _swapped(_at(s, t), "alpha", "bar")),
        mistake("coefficients-of-t-minus-1", tables=_shifted),
        mistake(
            "posterior-mean-index-minus-one",
            mean=lambda v, *_: _from_x0(v, *_posterior(v, v.s.alphas_cumprod[v.t - 1])),
        ),
        mistake("posterior-mean-with-alpha-bar-of-t", mean=lambda v, *_: _from_x0(v, *_posterior(v, v.bar))),
        mistake("posterior-mean-weights-swapped", mean=lambda v, *_: _from_x0(v, *_posterior(v, v.before)[::-1])),
        mistake("returns-estimate-of-x0", mean=lambda v, *_: _from_x0(v, 1.0, 0.0)),
        mistake(
            "last-step-left-out",
            mean=lambda v, factor, coefficient: (factor, factor * coefficient) if v.t else (1.0, 0.0),
        ),
    ),
)


def _swapped(v: Step, one: str, other: str) -> Step:
    return _with(v, **{one: getattr(v, other), other: getattr(v, one)})


# ddim_p_sample: √ᾱ_prev x̂_0 + √(1 − ᾱ_prev − σ²) ε_θ + σ z (DDIM, Eq. 12), σ = η √((1−ᾱ_prev)/(1−ᾱ_t) (1 − ᾱ_t/ᾱ_prev)) (Eq. 16)


def _ddim_numbers(p: Any, note: Note) -> Numbers:
    schedule, found = _schedule(note), {}
    for name in note.values:
        parsed = re.fullmatch(r"(a|b|σ|offset) at (\d+), (-?\d+)(?:, ([\d.]+))?", name)
        if parsed and schedule:
            found[name] = _ddim_step(p, schedule, int(parsed[2]), int(parsed[3]), float(parsed[4] or 0))[parsed[1]]
    asked = {name: re.fullmatch(r"t fed at (\d+)", name) for name in note.values}
    for name, match in asked.items():
        if match and schedule and int(match[1]) in (times := note.inputs.get("t_prev", {})):
            found[name] = p.asked(_with(_at(schedule, int(match[1])), t_prev=times[int(match[1])]))
    return found


def _ddim_step(p: Any, schedule: Schedule, t: int, t_prev: int, eta: float) -> dict[str, float]:
    """The step a x_t − b ε_θ + σ z + offset."""
    v = _with(_at(schedule, t), t_prev=t_prev, eta=eta)
    v = _with(v, bar=p.now(v), before=p.before(v))
    v = p.tables(v)
    of_x, of_eps = p.x0(v)
    back = p.back(v)
    v.sigma = p.sigma(v, p.variance(v))
    step = {"a": back * of_x, "b": back * of_eps - p.direction(v), "σ": abs(p.noise(v)), "offset": p.offset(v)}
    return step if np.isfinite([*step.values()]).all() else dict.fromkeys(step, np.nan)


def _prev(v: Step, clean: float = 1.0) -> float:
    return float(v.s.alphas_cumprod[v.t_prev]) if v.t_prev >= 0 else clean


def _ddim_variance(v: Step) -> float:
    return float((1 - v.before) / (1 - v.bar) * (1 - v.bar / v.before))


def _at_noisy_target(variance: Callable[[Step], float]) -> tuple[Callable[[Step], float], Callable[[Step], float]]:
    """Both ways of a wrong σ² to clean data: as it comes, and 0."""
    return variance, lambda v: variance(v) if v.t_prev >= 0 else 0.0


def _direction(v: Step) -> float:
    return float(np.sqrt(np.maximum(1 - v.before - v.sigma**2, 0)))


def _bare_direction(v: Step) -> float:
    return float(np.sqrt(1 - v.before - v.sigma**2))


def _sigma_from(id: str, variance: Callable[[Step], float]) -> tuple[Any, ...]:
    return tuple(mistake(id, variance=choice) for choice in _at_noisy_target(variance))


DDIM_P_SAMPLE = Algorithm(
    parts=dict(
        now=lambda v: v.bar,
        before=_prev,
        tables=lambda v: v,
        x0=lambda v: (1 / np.sqrt(v.bar), np.sqrt(1 - v.bar) / np.sqrt(v.bar)),
        back=lambda v: np.sqrt(v.before),
        variance=_ddim_variance,
        sigma=lambda v, variance: v.eta * np.sqrt(variance),
        direction=_direction,
        noise=lambda v: v.sigma,
        offset=lambda v: 0.0,
        asked=lambda v: v.t,
    ),
    measure=_ddim_numbers,
    forms=((form(direction=_bare_direction),),),
    mistakes=(
        # ᾱ at t and at t_prev
        mistake(
            "ddim-alpha-for-alpha-bar",
            now=lambda v: v.alpha,
            before=lambda v: v.s.alphas[v.t_prev] if v.t_prev >= 0 else 1.0,
        ),
        mistake("ddim-index-minus-one", before=lambda v: v.s.alphas_cumprod[v.t_prev]),
        mistake("t-prev-clamped-to-0", before=lambda v: _prev(v, v.s.alphas_cumprod[0])),
        mistake("t-prev-0-taken-as-clean", before=lambda v: _prev(v) if v.t_prev else 1.0),
        mistake("previous-is-t-minus-1", before=lambda v: v.s.alphas_cumprod_prev[v.t]),
        mistake("t-and-t-prev-exchanged", tables=lambda v: _swapped(v, "bar", "before"), variance=lambda v: max(_ddim_variance(v), 0.0)),
        # The estimate of x_0
        mistake("x0-from-previous-alpha-bar", x0=lambda v: (1 / np.sqrt(v.before), np.sqrt(1 - v.before) / np.sqrt(v.before))),
        mistake("x0-not-divided", x0=lambda v: (1.0, np.sqrt(1 - v.bar))),
        mistake("x0-divided-without-root", x0=lambda v: (1 / v.bar, np.sqrt(1 - v.bar) / v.bar)),
        mistake("x0-root-missing-on-noise", x0=lambda v: (1 / np.sqrt(v.bar), (1 - v.bar) / np.sqrt(v.bar))),
        mistake("x0-noise-added", x0=lambda v: (1 / np.sqrt(v.bar), -np.sqrt(1 - v.bar) / np.sqrt(v.bar))),
        mistake("x0-scaled-by-alpha-bar-of-t", back=lambda v: np.sqrt(v.bar)),
        mistake("x0-not-scaled-back", back=lambda v: 1.0),
        mistake("x0-scaled-back-without-root", back=lambda v: v.before),
        # The direction
        mistake("direction-dropped", direction=lambda v: 0.0),
        mistake("direction-without-eps", direction=lambda v: 0.0, offset=_direction),
        mistake("direction-without-root", direction=lambda v: np.maximum(1 - v.before - v.sigma**2, 0)),
        mistake("direction-from-alpha-bar-of-t", direction=lambda v: np.sqrt(np.maximum(1 - v.bar - v.sigma**2, 0))),
        mistake("direction-subtracted", direction=lambda v: -_direction(v)),
        mistake("direction-ignores-sigma", direction=lambda v: np.sqrt(1 - v.before)),
        mistake("direction-sigma-not-squared", direction=lambda v: np.sqrt(np.maximum(1 - v.before - v.sigma, 0))),
        # σ and η
        mistake("eta-ignored", sigma=lambda v, variance: np.sqrt(variance)),
        mistake("eta-taken-as-0", sigma=lambda v, variance: 0.0),
        mistake("eta-inside-the-root", sigma=lambda v, variance: np.sqrt(v.eta * variance)),
        mistake("eta-squared", sigma=lambda v, variance: v.eta**2 * np.sqrt(variance)),
        mistake("ddim-variance-for-standard-deviation", sigma=lambda v, variance: v.eta * variance),
        mistake("sigma-root-twice", sigma=lambda v, variance: np.sqrt(v.eta * np.sqrt(variance))),
        mistake("sigma-root-twice", sigma=lambda v, variance: v.eta * np.sqrt(np.sqrt(variance))),
        mistake("sigma-times-beta", sigma=lambda v, variance: v.eta * np.sqrt(variance) * v.beta),
        *_sigma_from("sigma-from-beta", lambda v: v.beta),
        *_sigma_from("sigma-is-beta", lambda v: v.beta**2),
        *_sigma_from("sigma-from-posterior-of-one-step", lambda v: (1 - v.before) / (1 - v.bar) * v.beta),
        *_sigma_from("sigma-first-factor-missing", lambda v: 1 - v.bar / v.before),
        *_sigma_from("sigma-second-factor-missing", lambda v: (1 - v.before) / (1 - v.bar)),
        *_sigma_from("sigma-noise-levels-upside-down", lambda v: (1 - v.bar) / max(1 - v.before, 1e-8) * (1 - v.bar / v.before)),
        *_sigma_from("sigma-fraction-upside-down", lambda v: (1 - v.before) / (1 - v.bar) * (1 - v.before / v.bar)),
        *_sigma_from("sigma-over-alpha-bar-of-t-prev", lambda v: (1 - v.before) / v.before),
        mistake("noise-on-last-step", variance=lambda v: _ddim_variance(_with(v, before=_prev(v, v.s.alphas_cumprod[0])))),
        mistake("noise-term-dropped", noise=lambda v: 0.0),
        mistake("no-noise-to-t-prev-0", noise=lambda v: v.sigma if v.t_prev > 0 else 0.0),
        mistake("no-noise-to-t-prev-0", variance=lambda v: _ddim_variance(v) if v.t_prev > 0 else 0.0),
        mistake("ddim-no-noise-at-t-1", noise=lambda v: v.sigma if v.t > 1 else 0.0),
        mistake("ddim-no-noise-at-t-1", variance=lambda v: _ddim_variance(v) if v.t > 1 else 0.0),
        # The network
        mistake("ddim-network-fed-t-prev", asked=lambda v: v.t_prev),
        mistake("ddim-network-fed-fraction", asked=lambda v: v.t / v.T),
    ),
)  # fmt: skip

# p_sample_loop: t = T − 1, …, 1, 0 from x_T ~ N(0, I) (DDPM, Alg. 2)


def _loop_numbers(p: Any, note: Note) -> Numbers:
    schedule = _schedule(note)
    if schedule is None:
        return {}
    times = p.times(schedule.num_timesteps)
    return {"t": times, "number of steps": len(times), "x_T spread": p.spread(schedule)}


P_SAMPLE_LOOP = Algorithm(
    parts=dict(times=lambda T: [*range(T - 1, -1, -1)], spread=lambda s: 1.0),
    measure=_loop_numbers,
    mistakes=(
        mistake("loop-stops-at-t-1", times=lambda T: [*range(T - 1, 0, -1)]),
        mistake("loop-starts-late", times=lambda T: [*range(T - 2, -1, -1)]),
        mistake("loop-from-T-to-1", times=lambda T: [*range(T, 0, -1)]),
        mistake("loop-from-T-to-0", times=lambda T: [*range(T, -1, -1)]),
        mistake("loop-upwards", times=lambda T: [*range(T)]),
        mistake("loop-skips-steps", times=lambda T: [*range(T - 1, -1, -2)]),
        mistake("single-step", times=lambda T: [T - 1]),
        mistake("start-from-zeros", spread=lambda s: 0.0),
        mistake("start-from-uniform", spread=lambda s: 12**-0.5),
        mistake("start-too-weak", spread=lambda s: np.sqrt(s.betas[-1])),
    ),
)

# compute_loss: the mean of (ε − ε_θ)² (DDPM, Eq. 14), t uniform in 0 … T − 1 (Alg. 1)


def _loss_numbers(p: Any, note: Note) -> Numbers:
    given, found = note.inputs, {}
    schedule = _schedule(note)
    if {"loss", "x_t is x_0"} & note.values.keys() and {"x0", "noise", "eps_hat", "xt", "noise_level"} <= given.keys():
        v = SimpleNamespace(**given)
        found["x_t is x_0"] = p.clean()
        if p.other_noise() is not None:
            found |= {"of another noise": True, "noise given to q_sample": p.other_noise() == "given"}
        elif not p.clean():  # else the noise is not known
            found["loss"] = loss = p.reduced(v, v.eps_hat - p.target(v))
            if np.shape(loss) == () and np.isclose(loss, ((v.eps_hat - v.noise) ** 2).mean(), rtol=1e-9):
                found["of another noise"] = False
    if schedule is not None and "kinds of t" in note.values:
        found |= p.times(schedule.num_timesteps)
    return found


def _times(least: int, largest: int, T: int) -> Numbers:
    return {
        "range of t": (least, largest - T),
        "range of t again": (least, largest - T),
        "kinds of t": largest - least + 1,
    }


def _huber(difference: Any) -> Any:
    size = abs(difference)
    return np.where(size < 1, difference**2 / 2, size - 0.5).mean()


def _per_row(v: SimpleNamespace) -> Any:
    return v.noise_level.reshape(-1, *[1] * (v.x0.ndim - 1))


COMPUTE_LOSS = Algorithm(
    parts=dict(
        target=lambda v: v.noise,
        reduced=lambda v, difference: (difference**2).mean(),
        times=lambda T: _times(0, T - 1, T),
        clean=lambda: False,
        other_noise=lambda: None,  # else whether q_sample is "given" the noise that the loss does not mean, or "not given" any
    ),
    measure=_loss_numbers,
    mistakes=(
        mistake("noise-not-passed-to-q-sample", other_noise=lambda: "not given"),
        mistake("loss-against-fresh-noise", other_noise=lambda: "given"),
        mistake("network-fed-x0", clean=lambda: True),
        mistake("loss-against-x0", target=lambda v: v.x0),
        mistake("loss-against-xt", target=lambda v: v.xt),
        mistake("loss-against-minus-noise", target=lambda v: -v.noise),
        mistake("loss-against-noise-part-of-xt", target=lambda v: np.sqrt(_per_row(v)) * v.noise),
        mistake("sum-for-mean", reduced=lambda v, difference: (difference**2).sum()),
        mistake("sum-over-coordinates", reduced=lambda v, difference: (difference**2).sum() / len(difference)),
        mistake("loss-for-each-row", reduced=lambda v, d: (d**2).reshape(len(d), -1).mean(axis=1)[:64]),
        mistake("mean-over-batch-only", reduced=lambda v, difference: (difference**2).mean(axis=0).ravel()[:64]),
        mistake("absolute-error", reduced=lambda v, difference: abs(difference).mean()),
        mistake("huber-loss", reduced=lambda v, difference: _huber(difference)),
        mistake("root-of-mean-squared-error", reduced=lambda v, difference: np.sqrt((difference**2).mean())),
        mistake("error-not-squared", reduced=lambda v, difference: difference.mean()),
        mistake("error-not-squared", reduced=lambda v, difference: -difference.mean()),
        mistake("loss-halved", reduced=lambda v, difference: (difference**2).mean() / 2),
        mistake("loss-weighted-by-t", reduced=lambda v, difference: (difference**2 / _per_row(v)).mean()),
        mistake("t-never-T-minus-1", times=lambda T: _times(0, T - 2, T)),
        mistake("t-never-0", times=lambda T: _times(1, T - 1, T)),
        mistake("one-t-for-the-batch", times=lambda T: {"kinds of t": 1}),
        mistake("t-always-last", times=lambda T: _times(T - 1, T - 1, T)),
    ),
)

ALGORITHMS: dict[str, Algorithm] = {
    "q_sample": Q_SAMPLE,
    "p_sample": P_SAMPLE,
    "p_sample_loop": P_SAMPLE_LOOP,
    "ddim_p_sample": DDIM_P_SAMPLE,
    "compute_loss": COMPUTE_LOSS,
}
