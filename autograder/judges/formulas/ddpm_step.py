"""p_sample: x_{t−1} = 1/√α_t (x_t − β_t/√(1−ᾱ_t) ε_θ) + σ_t z (DDPM, Alg. 2 and Eq. 11)."""

import re
from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, form, mistake
from autograder.judges.formulas.rows import Step, at, schedule_of, shifted, swapped


def _p_numbers(p: Any, note: Note) -> Numbers:
    schedule, found = schedule_of(note), {}
    if schedule and "σ over √β" in note.values:
        rows = {t: p.tables(schedule, t) for t in schedule.times[1:]}
        found["σ over √β"] = np.sqrt(np.mean([_sigma(p, v) ** 2 / schedule.betas[t] for t, v in rows.items()]))
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
            found[name] = _sigma(p, v)
    return found


def _sigma(p: Any, v: Step) -> float:
    return float(p.scale(v) * p.root(p.variance(v))) if p.gate(v) else 0.0


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
        tables=at,
        factor=lambda v: 1 / np.sqrt(v.alpha),
        coefficient=lambda v: v.beta / np.sqrt(1 - v.bar),
        mean=lambda v, factor, coefficient: (factor, factor * coefficient),
        variance=lambda v: v.beta,
        root=_root,
        scale=lambda v: 1.0,
        gate=lambda v: v.t > v.s.first,
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
        mistake(
            "noise-at-t-0",
            "Your code seems to add noise in the last step too, so each sample ends slightly blurred. Compare "
            "with the condition on z in DDPM, Algorithm 2, line 3.",
            gate=lambda v: True,
        ),
        mistake(
            "no-noise-at-t-1",
            "Your code seems to add no noise in the last step but one either. Compare with the condition on z in "
            "DDPM, Algorithm 2, line 3: which t is the last step?",
            gate=lambda v: v.t > v.s.first + 1,
        ),
        mistake(
            "noise-only-at-t-0",
            "Your code seems to add noise in the last step and nowhere else. Compare the condition with DDPM, "
            "Algorithm 2, line 3.",
            gate=lambda v: v.t == v.s.first,
            variance=lambda v: v.beta,
        ),  # β̃_0 = 0 would be no noise at all
        mistake(
            "no-noise-at-first-step",
            "Your code seems to leave out the noise where sampling starts, and to add it where it ends. Compare "
            "with the condition on z in DDPM, Algorithm 2, line 3.",
            gate=lambda v: v.t < v.s.last,
        ),
        mistake(
            "noise-never-added",
            "Your step seems to return the mean alone, so the samples gather in too few places. Compare with the "
            "last term of DDPM, Algorithm 2, line 4.",
            gate=lambda v: False,
        ),
        # The noise
        mistake(
            "variance-for-standard-deviation",
            "Your noise seems to be multiplied by the variance σ_t², and so is much too weak. Compare with the "
            "last term of DDPM, Algorithm 2, line 4.",
            root=lambda variance: variance,
        ),
        mistake(
            "root-of-standard-deviation",
            "Your noise seems to be multiplied by the root of σ_t, and so is much too strong. Compare with the "
            "last term of DDPM, Algorithm 2, line 4, and with what Sec. 3.2 says about σ_t².",
            root=lambda variance: variance**0.25,
        ),
        mistake(
            "unit-noise",
            "Your noise seems to have a standard deviation of 1 at every t, so the samples stay a cloud. Compare "
            "with the last term of DDPM, Algorithm 2, line 4.",
            variance=lambda v: 1.0,
        ),
        mistake(
            "sigma-from-alpha",
            "The strength of your noise seems to come from α_t, which is close to 1 at every step. Read in DDPM, "
            "Sec. 3.2 what σ_t² may be.",
            variance=lambda v: v.alpha,
        ),
        mistake(
            "sigma-from-alpha-bar",
            "The strength of your noise seems to be that of the whole way from x₀ to x_t, while one step back "
            "needs the noise of one step. Read in DDPM, Sec. 3.2 what σ_t² may be.",
            variance=lambda v: 1 - v.bar,
        ),
        mistake(
            "sigma-of-step-before",
            "Your noise seems to have the strength that belongs to t − 1. Compare the indices in DDPM, Algorithm "
            "2, line 4: the step from t uses σ of the same t.",
            variance=lambda v: v.s.betas[max(v.t - 1, 0)],
        ),
        mistake(
            "posterior-variance-upside-down",
            "Your σ_t² seems to be larger than β_t: the fraction in it looks upside down. Compare with β̃_t in "
            "DDPM, Eq. 7; which of the two is the larger number?",
            variance=lambda v: (1 - v.bar) / (1 - _clamped_before(v)) * v.beta,
        ),
        mistake(
            "posterior-variance-without-beta",
            "Your σ_t² seems to be a ratio of two noise levels, close to 1 at large t, so the samples stay a "
            "cloud. Compare with all factors of β̃_t in DDPM, Eq. 7.",
            variance=lambda v: (1 - _clamped_before(v)) / (1 - v.bar),
        ),
        mistake(
            "posterior-variance-index-minus-one",
            "At t = 0 your σ_t² seems to use ᾱ_{t−1} from index −1, which is the last entry of the table, and so "
            "adds noise to the result. What does ᾱ mean for clean data? Look at β̃_t of DDPM, Eq. 7 at the first "
            "time step.",
            variance=lambda v: (1 - v.s.alphas_cumprod[v.t - 1]) / (1 - v.bar) * v.beta,
            gate=lambda v: v.t > v.s.first or v.t == 0,
        ),
        mistake(
            "noise-inside-the-division",
            "Your noise seems to be divided by √α_t together with the mean. Look at where the parentheses close "
            "in DDPM, Algorithm 2, line 4.",
            scale=lambda v: 1 / np.sqrt(v.alpha),
        ),
        # The network
        mistake(
            "network-fed-t-minus-1",
            "Your network seems to be asked about t − 1, while its x is x_t. Compare the two arguments of ε_θ in "
            "DDPM, Algorithm 2, line 4.",
            asked=lambda v: v.t - 1,
        ),
        mistake(
            "network-fed-t-plus-1",
            "Your network seems to be asked about t + 1, while its x is x_t. Training and sampling must mean the "
            "same by t.",
            asked=lambda v: v.t + 1,
        ),
        mistake(
            "network-fed-fraction",
            "Your network seems to be given t as a fraction of T. Training and sampling must give it the same: "
            "look at what you pass to it in both.",
            asked=lambda v: v.t / v.T,
        ),
        mistake(
            "network-fed-constant-t",
            "Your network seems to be given the same t at every step, so it cannot know how noisy x_t is. Compare"
            " with the arguments of ε_θ in DDPM, Algorithm 2, line 4.",
            asked=lambda v: 0,
        ),
        # The mean
        mistake(
            "multiplied-by-root-alpha",
            "Your mean seems to be multiplied by √α_t, so the samples shrink. Going back must undo what the "
            "forward step did to x; compare with DDPM, Eq. 11.",
            factor=lambda v: np.sqrt(v.alpha),
        ),
        mistake(
            "divided-by-alpha",
            "Your mean seems to be divided by α_t without its square root, so the samples grow. Compare the "
            "factor in front of the parentheses with DDPM, Eq. 11.",
            factor=lambda v: 1 / v.alpha,
        ),
        mistake(
            "division-forgotten",
            "Your mean seems to lack the factor in front of the parentheses, so the samples stay too small. "
            "Compare with DDPM, Eq. 11.",
            factor=lambda v: 1.0,
        ),
        mistake(
            "divided-by-root-alpha-bar",
            "Your mean seems to be divided by √ᾱ_t, as if one step went all the way to x₀, so the samples "
            "explode. Compare the bar, or its absence, in the factor in front of the parentheses of DDPM, Eq. 11.",
            factor=lambda v: 1 / np.sqrt(v.bar),
        ),
        mistake(
            "only-x-divided",
            "Only x_t seems to be divided by √α_t in your mean, and the term with ε_θ is not. Look at what the "
            "parentheses of DDPM, Eq. 11 enclose.",
            mean=lambda v, factor, coefficient: (factor, coefficient),
        ),
        mistake(
            "eps-coefficient-without-root",
            "The term with ε_θ in your mean seems to lack the square root in its denominator, so too much noise "
            "is taken away at small t. Compare with DDPM, Eq. 11.",
            coefficient=lambda v: v.beta / (1 - v.bar),
        ),
        mistake(
            "eps-coefficient-with-alpha",
            "The denominator of your ε_θ term seems to be made with α_t. Compare the bars in DDPM, Eq. 11: which "
            "α is the one of a single step, and which that of the whole way?",
            coefficient=lambda v: v.beta / np.sqrt(1 - v.alpha),
        ),
        mistake(
            "eps-coefficient-with-alpha-bar-above",
            "The numerator of your ε_θ term seems to be made with ᾱ_t, so each step takes away all of the noise. "
            "Compare the bars in DDPM, Algorithm 2, line 4: the numerator belongs to one step only.",
            coefficient=lambda v: np.sqrt(1 - v.bar),
        ),
        mistake(
            "eps-without-coefficient",
            "Your step seems to subtract the whole of ε_θ, without its factor. Compare with what stands in front "
            "of ε_θ in DDPM, Eq. 11.",
            coefficient=lambda v: 1.0,
        ),
        mistake(
            "eps-beta-forgotten",
            "The factor in front of ε_θ in your mean seems to lack its numerator, so each step removes far too "
            "much noise. Compare with DDPM, Eq. 11.",
            coefficient=lambda v: 1 / np.sqrt(1 - v.bar),
        ),
        mistake(
            "eps-root-of-beta",
            "The numerator in front of ε_θ in your mean seems to be √β_t, the strength of the noise. Compare with"
            " DDPM, Eq. 11.",
            coefficient=lambda v: np.sqrt(v.beta) / np.sqrt(1 - v.bar),
        ),
        mistake(
            "eps-added",
            "Your step seems to add the predicted noise where it must be taken away, so the samples become "
            "noisier. Compare the sign in DDPM, Eq. 11.",
            mean=lambda v, factor, coefficient: (factor, -factor * coefficient),
        ),
        mistake(
            "alpha-bar-of-t-minus-1",
            "The denominator of your ε_θ term seems to be made with ᾱ_{t−1}. Compare the index in DDPM, Eq. 11 "
            "with yours.",
            coefficient=lambda v: v.beta / np.sqrt(1 - _clamped_before(v)),
        ),
        mistake(
            "beta-and-alpha-bar-swapped",
            "β_t and ᾱ_t seem to have changed places in your step. Look at which of your tables each of your "
            "variables is read from.",
            tables=lambda s, t: swapped(at(s, t), "beta", "bar"),
        ),
        mistake(
            "alpha-and-alpha-bar-swapped",
            "α_t and ᾱ_t seem to have changed places in your mean. Look at which of the two has a bar at each "
            "place in DDPM, Eq. 11, and which of your tables holds it.",
            tables=lambda s, t: swapped(at(s, t), "alpha", "bar"),
        ),
        mistake(
            "coefficients-of-t-minus-1",
            "All coefficients of your step seem to be those of t − 1. Compare the indices in DDPM, Algorithm 2, "
            "line 4 with those of your tables.",
            tables=shifted,
        ),
        mistake(
            "posterior-mean-index-minus-one",
            "At t = 0 your code seems to read ᾱ_{t−1} at index −1, which is the last entry of the table. What "
            "does ᾱ mean for clean data? Look at DDPM, Eq. 7 at the first time step.",
            mean=lambda v, *_: _from_x0(v, *_posterior(v, v.s.alphas_cumprod[v.t - 1])),
        ),
        mistake(
            "posterior-mean-with-alpha-bar-of-t",
            "Your mean seems to be put together of x₀ and x_t with ᾱ of the same t everywhere. Compare the "
            "indices of ᾱ in μ̃_t of DDPM, Eq. 7.",
            mean=lambda v, *_: _from_x0(v, *_posterior(v, v.bar)),
        ),
        mistake(
            "posterior-mean-weights-swapped",
            "Your mean seems to be put together of x₀ and x_t with their weights exchanged, so sampling hardly "
            "moves and never gets clean. Compare with μ̃_t in DDPM, Eq. 7.",
            mean=lambda v, *_: _from_x0(v, *_posterior(v, v.before)[::-1]),
        ),
        mistake(
            "returns-estimate-of-x0",
            "Your step seems to return an estimate of x₀, at once, in the place of x_{t−1}. Compare with the mean"
            " in DDPM, Eq. 11: one step removes the noise of one step.",
            mean=lambda v, *_: _from_x0(v, 1.0, 0.0),
        ),
        mistake(
            "last-step-left-out",
            "Your code seems to return x_t as it is in the last step. That one adds no noise, but it still takes "
            "the mean; compare with DDPM, Algorithm 2, line 4.",
            mean=lambda v, factor, coefficient: (factor, factor * coefficient) if v.t > v.s.first else (1.0, 0.0),
        ),
    ),
)
