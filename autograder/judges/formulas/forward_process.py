"""q_sample: x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε (DDPM, Eq. 4)."""

import re
from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake
from autograder.judges.formulas.rows import at, changed, schedule_of, shifted


def _q_numbers(p: Any, note: Note) -> Numbers:
    schedule, found = schedule_of(note), {}
    for name in note.values:
        parsed = re.fullmatch(r"(x_0|ε) at (\d+)", name)
        if parsed and schedule:
            v = p.tables(schedule, int(parsed[2]))
            v = changed(v, bar=p.bar(v))
            found[name] = p.signal(v) if parsed[1] == "x_0" else p.noise(v)
    return found


Q_SAMPLE = Algorithm(
    parts=dict(
        tables=at,
        bar=lambda v: v.bar,
        signal=lambda v: np.sqrt(v.bar),
        noise=lambda v: np.sqrt(1 - v.bar),
    ),
    measure=_q_numbers,
    mistakes=(
        mistake(
            "root-missing-on-x0",
            "The factor of x₀ in your x_t seems to lack its square root. Compare with the mean of the normal "
            "distribution in DDPM, Eq. 4.",
            signal=lambda v: v.bar,
        ),
        mistake(
            "root-missing-on-noise",
            "The noise in your x_t seems to be scaled by a variance. DDPM, Eq. 4 states a variance as well: what "
            "must standard normal noise be multiplied by to have it?",
            noise=lambda v: 1 - v.bar,
        ),
        mistake(
            "both-roots-missing",
            "Both factors in your x_t seem to lack their square roots, so the squares of the two do not add up to"
            " 1. Compare each with DDPM, Eq. 4, and mind that it states a mean and a variance.",
            signal=lambda v: v.bar,
            noise=lambda v: 1 - v.bar,
        ),
        mistake(
            "root-inside-the-difference",
            "In the factor of the noise your code seems to take the square root first and the difference from 1 "
            "afterwards. Look at how far the root in DDPM, Eq. 4 reaches.",
            noise=lambda v: 1 - np.sqrt(v.bar),
        ),
        mistake(
            "x0-and-noise-swapped",
            "At small t your x_t is almost pure noise, and at large t almost clean. Look at which of the two "
            "factors in DDPM, Eq. 4 belongs to x₀.",
            signal=lambda v: np.sqrt(1 - v.bar),
            noise=lambda v: np.sqrt(v.bar),
        ),
        mistake(
            "q-alpha-for-alpha-bar",
            "Your x_t seems to be made with α_t, which describes the one step from x_{t−1} to x_t. Look at which "
            "α DDPM, Eq. 4 has for the jump from x₀ all the way to x_t.",
            bar=lambda v: v.alpha,
        ),
        mistake(
            "q-beta-for-alpha-bar",
            "Your x_t seems to be made with β_t in the place of ᾱ_t. Look at which of your tables stands for "
            "which symbol of DDPM, Eq. 4.",
            bar=lambda v: v.beta,
        ),
        mistake(
            "q-product-of-betas",
            "Your ᾱ_t seems to be a running product of the β. Read in DDPM, above Eq. 4, what ᾱ_t is the product of.",
            bar=lambda v: np.multiply.accumulate(v.s.betas)[v.t],
        ),
        mistake(
            "q-of-step-before",
            "Your x_t seems to have the noise of the step before, t − 1. Look at the index with which the tables "
            "are read.",
            tables=shifted,
        ),
        mistake(
            "q-index-minus-one",
            "Your x_t seems to have the noise of the step before, t − 1, and at t = 0 that of the very last step:"
            " an index of −1 reads a table from its end.",
            tables=lambda s, t: at(s, t - 1),
        ),
        mistake(
            "q-t-of-first-row-for-all",
            "Every row of your x_t seems to be noised at the t of the first row. Each row has its own t; look for"
            " an index on t.",
            tables=lambda s, t: at(s, s.first),
        ),
        mistake(
            "noise-subtracted",
            "The noise in your x_t seems to have the wrong sign. Compare with DDPM, Eq. 4: training and sampling "
            "must mean the same noise.",
            noise=lambda v: -np.sqrt(1 - v.bar),
        ),
        mistake(
            "noise-left-out",
            "There seems to be no noise in your x_t. DDPM, Eq. 4 is a distribution with a variance; look for the "
            "second term.",
            noise=lambda v: 0.0,
        ),
        mistake(
            "x0-not-scaled-down",
            "x₀ seems to be in your x_t at full strength for every t, so at the last t there is more than noise. "
            "Compare with the mean in DDPM, Eq. 4.",
            signal=lambda v: 1.0,
        ),
        mistake(
            "noise-of-one-step",
            "The noise in your x_t seems to be that of one step, with variance β_t, while x₀ is scaled for the "
            "whole way. Compare the variance in DDPM, Eq. 4 with that of Eq. 2.",
            noise=lambda v: np.sqrt(v.beta),
        ),
        mistake(
            "q-clean-at-t-0",
            "Your x_t seems to be x₀ itself at the first time step, which already has noise in it. Compare with "
            "DDPM, Eq. 4 at the smallest t.",
            signal=lambda v: np.sqrt(v.bar) if v.t > v.s.first else 1.0,
            noise=lambda v: np.sqrt(1 - v.bar) if v.t > v.s.first else 0.0,
        ),
    ),
)
