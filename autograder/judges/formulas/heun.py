"""EDM's sampler (judges/heun.py). Its numbers: "σ, defaults" and "σ, others", logarithms, of the inputs of these names, without the last; "mean and
spread of the start, by σ_max", "the same start again", "change of Euler's step by (σ′ − σ) d", "weights of the two slopes".
"""

from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake


def _rho(count: int, low: float, high: float, rho: float) -> Any:
    share = np.arange(count) / (count - 1)
    return (high ** (1 / rho) + share * (low ** (1 / rho) - high ** (1 / rho))) ** rho


def _steps_numbers(p: Any, note: Note) -> Numbers:
    return {f"σ, {which}": np.log(p.values(*note.inputs[which])[:-1]) for which in ("defaults", "others") if which in note.inputs}


SIGMA_STEPS = Algorithm(
    parts=dict(values=_rho),
    measure=_steps_numbers,
    mistakes=(
        mistake(
            "ascending",
            "Your σ seem to begin with the smallest. The sampler begins with the most noise: compare with EDM, Eq. 5.",
            values=lambda n, low, high, rho: _rho(n, low, high, rho)[::-1],
        ),
        mistake(
            "without-rho",
            "Your σ seem to lie on a line, as with ρ = 1. Look at the powers in EDM, Eq. 5.",
            values=lambda n, low, high, rho: _rho(n, low, high, 1),
        ),
        mistake(
            "rho-upside-down",
            "ρ and 1/ρ seem to be swapped in your steps. Compare the powers with EDM, Eq. 5.",
            values=lambda n, low, high, rho: _rho(n, low, high, 1 / rho),
        ),
        mistake(
            "divided-by-all",
            "Your σ seem not to reach sigma_min. Look at what i is divided by in EDM, Eq. 5.",
            values=lambda n, low, high, rho: (high ** (1 / rho) + np.arange(n) / n * (low ** (1 / rho) - high ** (1 / rho))) ** rho,
        ),
        mistake(
            "geometric",
            "Your σ seem to be spaced evenly in ln σ. Compare with EDM, Eq. 5.",
            values=lambda n, low, high, rho: np.geomspace(high, low, n),
        ),
        mistake(
            "rho-hard-coded",
            "Your steps seem to have the same ρ whatever the argument rho is. Look for a number in its place.",
            values=lambda n, low, high, rho: _rho(n, low, high, 7),
        ),
        mistake(
            "ends-hard-coded",
            "Your steps seem to have the same ends whatever sigma_min and sigma_max are. Look for numbers in their place.",
            values=lambda n, low, high, rho: _rho(n, 0.002, 80, rho),
        ),
    ),
)


def _heun_numbers(p: Any, note: Note) -> Numbers:
    return {
        "mean and spread of the start, by σ_max": p.start(), "the same start again": p.again(),
        "change of Euler's step by (σ′ − σ) d": p.euler(), "weights of the two slopes": p.weights(),
    }  # fmt: skip


HEUN = Algorithm(
    parts=dict(start=lambda: (0.0, 1.0), again=lambda: False, euler=lambda: 1.0, weights=lambda: (0.5, 0.5)),
    measure=_heun_numbers,
    mistakes=(
        mistake(
            "start-not-scaled",
            "Your sampler seems to start from standard normal noise. How large is the noise in x at the first σ (EDM, Alg. 1, line 2)?",
            start=lambda: (0.0, 1 / 80),
        ),
        mistake(
            "start-uniform",
            "Your sampler seems to start from uniform random numbers. Compare the names of the random functions.",
            start=lambda: (0.5, 12**-0.5),
        ),
        mistake(
            "same-start-at-every-call",
            "Your sampler seems to start from the same noise at every call. Look for a seed that is set.",
            again=lambda: True,
        ),
        mistake(
            "second-slope-alone",
            "The corrected x seems to be made with the second slope alone. Compare with EDM, Alg. 1, line 8.",
            weights=lambda: (0.0, 1.0),
        ),
        mistake(
            "slopes-not-halved",
            "The corrected x seems to be made with the sum of both slopes. Compare with EDM, Alg. 1, line 8.",
            weights=lambda: (1.0, 1.0),
        ),
        mistake(
            "corrected-from-the-guess",
            "The correction seems to start from the x that Euler's step has given. Compare with EDM, Alg. 1, line 8.",
            weights=lambda: (1.5, 0.5),
        ),
        mistake(
            "correction-unused",
            "The second slope seems to be worked out and not used. Compare with EDM, Alg. 1, line 8.",
            weights=lambda: (1.0, 0.0),
        ),
        mistake(
            "difference-of-slopes",
            "The corrected x seems to be made with the difference of the slopes. Compare with EDM, Alg. 1, line 8.",
            weights=lambda: (0.5, -0.5),
        ),
    ),
)
