"""A loop with the step inside (DDPM, Alg. 2), where the times of the loop may show in the coefficients of its steps only."""

import dataclasses

from autograder.grading.formulas import Algorithm, mistake, together
from autograder.judges.formulas.ddpm_loop import P_SAMPLE_LOOP
from autograder.judges.formulas.ddpm_step import P_SAMPLE
from autograder.judges.formulas.rows import at

_BOTH = together(P_SAMPLE, P_SAMPLE_LOOP)
SAMPLING: Algorithm = dataclasses.replace(
    _BOTH,
    mistakes=(
        *_BOTH.mistakes,
        mistake("loop-upwards", tables=lambda s, t: at(s, s.first + s.last - t)),
        mistake(
            "loop-one-too-small",
            "The times of your loop all seem to be one too small. Print the t of every step, and compare with the"
            " tables that it indexes.",
            tables=lambda s, t: at(s, t - 1),
        ),
    ),
)
