"""p_sample_loop: t = T − 1, …, 1, 0 from x_T ~ N(0, I) (DDPM, Alg. 2)."""

from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake
from autograder.judges.formulas.rows import schedule_of
from autograder.oracles.schedule import Schedule


def _countdown(s: Schedule) -> list[int]:
    return [*reversed(s.times)]


def _loop_numbers(p: Any, note: Note) -> Numbers:
    schedule = schedule_of(note)
    if schedule is None:
        return {}
    times = p.times(schedule)
    steps = dict.fromkeys(("number of steps", "calls of the network"), len(times))
    return {"t": times, **steps, "x_T spread": p.spread(schedule)}


P_SAMPLE_LOOP = Algorithm(
    parts=dict(times=_countdown, spread=lambda s: 1.0),
    measure=_loop_numbers,
    mistakes=(
        mistake(
            "loop-stops-at-t-1",
            "Your loop seems to stop one step early, so the last of the noise is never removed. Print the t of "
            "every step and compare with DDPM, Algorithm 2, line 2.",
            times=lambda s: _countdown(s)[:-1],
        ),
        mistake(
            "loop-starts-late",
            "Your loop seems to leave out its first step, that of the largest t. Print the t of every step and "
            "compare with DDPM, Algorithm 2, line 2.",
            times=lambda s: _countdown(s)[1:],
        ),
        mistake(
            "loop-from-T-to-1",
            "The times of your loop all seem to be one too large. Print the t of every step, and compare with the"
            " tables that it indexes.",
            times=lambda s: [t + 1 for t in _countdown(s)],
        ),
        mistake(
            "loop-from-T-to-0",
            "Your loop seems to take one step too many: it starts at a t that is larger than the last. Print the "
            "t of every step.",
            times=lambda s: [s.last + 1, *_countdown(s)],
        ),
        mistake(
            "loop-upwards",
            "Your loop seems to count up. Sampling goes from noise to data: compare with DDPM, Algorithm 2, line 2.",
            times=lambda s: [*s.times],
        ),
        mistake(
            "loop-skips-steps",
            "Your loop seems to skip time steps. That is for DDIM; DDPM, Algorithm 2, line 2 takes every one.",
            times=lambda s: _countdown(s)[::2],
        ),
        mistake(
            "single-step",
            "Your loop seems to end after its first step. Look at how far `return` is indented.",
            times=lambda s: [s.last],
        ),
        mistake(
            "start-from-zeros",
            "Your sampling seems to start from zeros. Compare with DDPM, Algorithm 2, line 1.",
            spread=lambda s: 0.0,
        ),
        mistake(
            "start-from-uniform",
            "Your sampling seems to start from uniform random numbers. Compare the distribution with DDPM, "
            "Algorithm 2, line 1.",
            spread=lambda s: 12**-0.5,
        ),
        mistake(
            "start-too-weak",
            "Your sampling seems to start from noise that is too weak. Compare the variance with DDPM, Algorithm "
            "2, line 1.",
            spread=lambda s: np.sqrt(s.betas[-1]),
        ),
    ),
)
