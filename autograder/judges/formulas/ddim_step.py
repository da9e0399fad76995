"""ddim_p_sample: √ᾱ_prev x̂_0 + √(1 − ᾱ_prev − σ²) ε_θ + σ z (DDIM, Eq. 12), σ = η √((1−ᾱ_prev)/(1−ᾱ_t) (1 − ᾱ_t/ᾱ_prev)) (Eq. 16)."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, form, mistake
from autograder.judges.formulas.rows import Step, at, changed, schedule_of, swapped
from autograder.oracles.schedule import Schedule


def _ddim_numbers(p: Any, note: Note) -> Numbers:
    schedule, found = schedule_of(note), {}
    for name in note.values:
        parsed = re.fullmatch(r"(a|b|σ|offset) at (\d+), (-?\d+)(?:, ([\d.]+))?", name)
        if parsed and schedule:
            found[name] = _ddim_step(p, schedule, int(parsed[2]), int(parsed[3]), float(parsed[4] or 0))[parsed[1]]
    asked = {name: re.fullmatch(r"t fed at (\d+)", name) for name in note.values}
    for name, match in asked.items():
        if match and schedule and int(match[1]) in (times := note.inputs.get("t_prev", {})):
            found[name] = p.asked(changed(at(schedule, int(match[1])), t_prev=times[int(match[1])]))
    return found


def _ddim_step(p: Any, schedule: Schedule, t: int, t_prev: int, eta: float) -> dict[str, float]:
    """The step a x_t − b ε_θ + σ z + offset."""
    v = changed(at(schedule, t), t_prev=t_prev, eta=eta)
    v = changed(v, bar=p.now(v), before=p.before(v))
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


def _sigma_from(id: str, explanation: str, variance: Callable[[Step], float]) -> tuple[Any, ...]:
    return tuple(mistake(id, explanation, variance=choice) for choice in _at_noisy_target(variance))


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
            "Your step seems to read α_t where it needs ᾱ_t. The α of the DDIM paper is what the DDPM paper calls ᾱ.",
            now=lambda v: v.alpha,
            before=lambda v: v.s.alphas[v.t_prev] if v.t_prev >= 0 else 1.0,
        ),
        mistake(
            "ddim-index-minus-one",
            "In the last step, where t_prev is negative, your code seems to read ᾱ from the end of the table. A "
            "negative t_prev stands for clean data: what is ᾱ there?",
            before=lambda v: v.s.alphas_cumprod[v.t_prev],
        ),
        mistake(
            "t-prev-clamped-to-0",
            "In the last step, where t_prev is negative, your code seems to use ᾱ of t = 0. A negative t_prev "
            "stands for clean data, which comes before t = 0: what is ᾱ there?",
            before=lambda v: _prev(v, v.s.alphas_cumprod[0]),
        ),
        mistake(
            "t-prev-0-taken-as-clean",
            "Your step to t_prev = 0 seems to treat that as clean data. x at t = 0 still holds a little noise: "
            "which t_prev stands for clean data?",
            before=lambda v: _prev(v) if v.t_prev else 1.0,
        ),
        mistake(
            "previous-is-t-minus-1",
            "Your step seems to go to t − 1 whatever t_prev is, so it covers the way of one step only. Look at "
            "where your ᾱ of the earlier step comes from.",
            before=lambda v: v.s.alphas_cumprod_prev[v.t],
        ),
        mistake(
            "t-and-t-prev-exchanged",
            "ᾱ of t and ᾱ of t_prev seem to have changed places in your step, so it goes towards more noise. "
            "Compare the indices in DDIM, Eq. 12.",
            tables=lambda v: swapped(v, "bar", "before"),
            variance=lambda v: max(_ddim_variance(v), 0.0),
        ),
        # The estimate of x_0
        mistake(
            "x0-from-previous-alpha-bar",
            "Your estimate of x₀ seems to be made with ᾱ of t_prev. It undoes the noise that x_t has; compare the"
            " indices in DDIM, Eq. 9 and in the first term of Eq. 12.",
            x0=lambda v: (1 / np.sqrt(v.before), np.sqrt(1 - v.before) / np.sqrt(v.before)),
        ),
        mistake(
            "x0-not-divided",
            "Your estimate of x₀ seems to have the noise taken away, but not the shrinking of the signal undone, "
            "so the samples end too small. Compare with DDIM, Eq. 9.",
            x0=lambda v: (1.0, np.sqrt(1 - v.bar)),
        ),
        mistake(
            "x0-divided-without-root",
            "Your estimate of x₀ seems to be divided by ᾱ_t without its root, so the samples blow up. Compare "
            "with DDIM, Eq. 9.",
            x0=lambda v: (1 / v.bar, np.sqrt(1 - v.bar) / v.bar),
        ),
        mistake(
            "x0-root-missing-on-noise",
            "The factor of ε_θ in your estimate of x₀ seems to lack its root. x_t was made with a standard "
            "deviation and not with a variance; compare with DDIM, Eq. 9.",
            x0=lambda v: (1 / np.sqrt(v.bar), (1 - v.bar) / np.sqrt(v.bar)),
        ),
        mistake(
            "x0-noise-added",
            "Your estimate of x₀ seems to have the predicted noise added where it must be taken away. Compare the"
            " sign in DDIM, Eq. 9.",
            x0=lambda v: (1 / np.sqrt(v.bar), -np.sqrt(1 - v.bar) / np.sqrt(v.bar)),
        ),
        mistake(
            "x0-scaled-by-alpha-bar-of-t",
            "Your estimate of x₀ seems to come back with the factor that belongs to t, so the signal never grows."
            " Compare the index in the first term of DDIM, Eq. 12.",
            back=lambda v: np.sqrt(v.bar),
        ),
        mistake(
            "x0-not-scaled-back",
            "Your step seems to put the estimate of x₀ into the result at full strength. Compare its factor in "
            "the first term of DDIM, Eq. 12.",
            back=lambda v: 1.0,
        ),
        mistake(
            "x0-scaled-back-without-root",
            "The factor that your estimate of x₀ gets in the result seems to lack its root. Compare with the "
            "first term of DDIM, Eq. 12.",
            back=lambda v: v.before,
        ),
        # The direction
        mistake(
            "direction-dropped",
            "Your result seems to hold no term that points back to x_t, so every step jumps to the estimate of "
            "x₀. Count the terms of DDIM, Eq. 12.",
            direction=lambda v: 0.0,
        ),
        mistake(
            "direction-without-eps",
            "The second term of your result seems to be a number that is the same for every row, so all samples "
            "drift the same way. What is it a factor of in DDIM, Eq. 12?",
            direction=lambda v: 0.0,
            offset=_direction,
        ),
        mistake(
            "direction-without-root",
            "The factor in front of ε_θ in the second term of your result seems to lack its root. Compare with "
            "DDIM, Eq. 12.",
            direction=lambda v: np.maximum(1 - v.before - v.sigma**2, 0),
        ),
        mistake(
            "direction-from-alpha-bar-of-t",
            "The second term of your result seems to keep all the noise of x_t, so nothing becomes cleaner. "
            "Compare the index of ᾱ in the second term of DDIM, Eq. 12.",
            direction=lambda v: np.sqrt(np.maximum(1 - v.bar - v.sigma**2, 0)),
        ),
        mistake(
            "direction-subtracted",
            "The second term of your result seems to have the wrong sign. Compare with DDIM, Eq. 12.",
            direction=lambda v: -_direction(v),
        ),
        mistake(
            "direction-ignores-sigma",
            "With η > 0 your result has too much noise in all: the second term does not seem to make room for "
            "σ_t. Compare what stands under its root in DDIM, Eq. 12.",
            direction=lambda v: np.sqrt(1 - v.before),
        ),
        mistake(
            "direction-sigma-not-squared",
            "With η > 0 the second term of your result seems to subtract σ_t where it must subtract a variance. "
            "Compare what stands under its root in DDIM, Eq. 12.",
            direction=lambda v: np.sqrt(np.maximum(1 - v.before - v.sigma, 0)),
        ),
        # σ and η
        mistake(
            "eta-ignored",
            "Your step seems to add as much noise as for η = 1, whatever η is. Look for η in your σ_t, and "
            "compare with DDIM, Eq. 16.",
            sigma=lambda v, variance: np.sqrt(variance),
        ),
        mistake(
            "eta-taken-as-0",
            "Your step seems to be the deterministic one for every η. Compare with σ_t in DDIM, Eq. 12 and 16.",
            sigma=lambda v, variance: 0.0,
        ),
        mistake(
            "eta-inside-the-root",
            "Your σ_t seems to grow with the root of η. Look at where η stands in DDIM, Eq. 16, before the root "
            "or under it.",
            sigma=lambda v, variance: np.sqrt(v.eta * variance),
        ),
        mistake(
            "eta-squared",
            "Your σ_t seems to grow with the square of η. Tell apart σ_t and σ_t² in DDIM, Eq. 16.",
            sigma=lambda v, variance: v.eta**2 * np.sqrt(variance),
        ),
        mistake(
            "ddim-variance-for-standard-deviation",
            "Your σ_t seems to lack its root: it looks like η times a variance. Compare with DDIM, Eq. 16.",
            sigma=lambda v, variance: v.eta * variance,
        ),
        mistake(
            "sigma-root-twice",
            "Your σ_t seems to be a root of a root, so there is far too much noise. Tell apart σ_t and σ_t² in "
            "DDIM, Eq. 12 and 16.",
            sigma=lambda v, variance: np.sqrt(v.eta * np.sqrt(variance)),
        ),
        mistake("sigma-root-twice", sigma=lambda v, variance: v.eta * np.sqrt(np.sqrt(variance))),
        mistake(
            "sigma-times-beta",
            "Your σ_t seems to have a factor β_t too many, so hardly any noise is added. Compare with all factors"
            " of DDIM, Eq. 16.",
            sigma=lambda v, variance: v.eta * np.sqrt(variance) * v.beta,
        ),
        *_sigma_from(
            "sigma-from-beta",
            "Your σ_t seems to be made of β_t, the noise of one DDPM step. A DDIM step leaps over many: compare "
            "with DDIM, Eq. 16, which knows t and t_prev only.",
            lambda v: v.beta,
        ),
        *_sigma_from(
            "sigma-is-beta",
            "Your σ_t seems to be η β_t. Compare with DDIM, Eq. 16, which knows ᾱ of t and of t_prev only, and "
            "has roots.",
            lambda v: v.beta**2,
        ),
        *_sigma_from(
            "sigma-from-posterior-of-one-step",
            "Your σ_t seems to be made of the posterior variance β̃_t of one DDPM step, which is too small for a "
            "leap over many. Compare with DDIM, Eq. 16, which knows t and t_prev only.",
            lambda v: (1 - v.before) / (1 - v.bar) * v.beta,
        ),
        *_sigma_from(
            "sigma-first-factor-missing",
            "Your σ_t seems to lack the fraction of the two noise levels, so it is too large, and not zero in the"
            " last step. Compare with all factors of DDIM, Eq. 16.",
            lambda v: 1 - v.bar / v.before,
        ),
        *_sigma_from(
            "sigma-second-factor-missing",
            "Your σ_t seems to be the fraction of two noise levels alone, so it is too large. Compare with all "
            "factors of DDIM, Eq. 16.",
            lambda v: (1 - v.before) / (1 - v.bar),
        ),
        *_sigma_from(
            "sigma-noise-levels-upside-down",
            "The fraction of the two noise levels in your σ_t seems to be upside down, so σ_t is too large. "
            "Compare with DDIM, Eq. 16.",
            lambda v: (1 - v.bar) / max(1 - v.before, 1e-8) * (1 - v.bar / v.before),
        ),
        *_sigma_from(
            "sigma-fraction-upside-down",
            "A fraction in your σ_t seems to be upside down, so that a negative number comes under the root. "
            "Compare with DDIM, Eq. 16: which ᾱ is the larger, that of t or that of t_prev?",
            lambda v: (1 - v.before) / (1 - v.bar) * (1 - v.before / v.bar),
        ),
        *_sigma_from(
            "sigma-over-alpha-bar-of-t-prev",
            "Your σ_t seems to be made of ᾱ of t_prev alone. Compare with both factors of DDIM, Eq. 16, and with "
            "the ᾱ in each.",
            lambda v: (1 - v.before) / v.before,
        ),
        mistake(
            "noise-on-last-step",
            "With η > 0 your last step, to clean data, seems to add noise. Look at what σ_t of DDIM, Eq. 16 "
            "becomes there, and at which ᾱ your σ_t uses.",
            variance=lambda v: _ddim_variance(changed(v, before=_prev(v, v.s.alphas_cumprod[0]))),
        ),
        mistake(
            "noise-term-dropped",
            "With η > 0 your step seems to make room for the noise and then not to add it. Count the terms of "
            "DDIM, Eq. 12.",
            noise=lambda v: 0.0,
        ),
        mistake(
            "no-noise-to-t-prev-0",
            "With η > 0 your step to t_prev = 0 seems to add no noise. x at t = 0 is not clean data yet: which "
            "t_prev stands for that?",
            noise=lambda v: v.sigma if v.t_prev > 0 else 0.0,
        ),
        mistake("no-noise-to-t-prev-0", variance=lambda v: _ddim_variance(v) if v.t_prev > 0 else 0.0),
        mistake(
            "ddim-no-noise-at-t-1",
            "With η > 0 your step from t = 1 seems to add no noise. The step that adds none is the one to clean "
            "data, and there σ_t is 0 by itself (DDIM, Eq. 16).",
            noise=lambda v: v.sigma if v.t > 1 else 0.0,
        ),
        mistake("ddim-no-noise-at-t-1", variance=lambda v: _ddim_variance(v) if v.t > 1 else 0.0),
        # The network
        mistake(
            "ddim-network-fed-t-prev",
            "Your network seems to be asked about t_prev, while its x is x_t. Compare the arguments of ε_θ in "
            "DDIM, Eq. 12.",
            asked=lambda v: v.t_prev,
        ),
        mistake(
            "ddim-network-fed-fraction",
            "Your network seems to be given t as a fraction of T. Training and sampling must give it the same: "
            "look at what you pass to it in both.",
            asked=lambda v: v.t / v.T,
        ),
    ),
)
