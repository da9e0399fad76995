"""Which t each row of a batch was noised at, where the network is not told: by how much of a known x_0 is in x_t.

x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε. With x_0 = ±scale in D coordinates the factor √ᾱ_t is known to √(1 − ᾱ_t) / (scale √D), and `telling` makes
the scale so large that eight standard errors are less than half of the way to the next t. Noise need not be repeatable for it.
"""

import numpy as np

from autograder.grading.checks import Floats, WrongAnswer
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import Schedule

STANDARD_ERRORS = 8.0  # 1e-15 in a row
LOST = 1e-5  # of √ᾱ_t, relative: what a product of hundreds of float32 numbers may lose


def telling(schedule: Schedule, draw: Draw, shape: tuple[int, ...]) -> Floats:
    """x_0 of this shape, (B, …), from which every t of the schedule can be told."""
    signal = np.sqrt(schedule.alphas_cumprod)
    gaps = -np.diff(signal[schedule.first :])
    noise = np.sqrt(1 - schedule.alphas_cumprod[schedule.first : -1])
    scale = 2 * STANDARD_ERRORS * (noise / gaps).max() / np.sqrt(np.prod(shape[1:]))
    signs = np.where(draw.generator.integers(0, 2, shape) == 1, 1.0, -1.0)
    return max(2.0, float(np.ceil(scale))) * signs


def rows_told_by(schedule: Schedule, xt: Floats, x0: Floats, what: str) -> Floats:
    """The t of each row. Raises WrongAnswer where x_0 is in most rows with a factor that belongs to no t."""
    axes = tuple(range(1, x0.ndim))
    factors = (xt * x0).sum(axis=axes) / (x0**2).sum(axis=axes)
    signal = np.sqrt(schedule.alphas_cumprod[schedule.first :])
    nearest = np.clip(np.searchsorted(-signal, -factors), 1, len(signal) - 1)
    nearest -= abs(signal[nearest - 1] - factors) < abs(signal[nearest] - factors)
    noise = np.sqrt(1 - schedule.alphas_cumprod[schedule.first + nearest])
    allowed = STANDARD_ERRORS * noise / np.sqrt((x0**2).sum(axis=axes)) + LOST * signal[nearest]
    wrong = abs(factors - signal[nearest]) > allowed
    if wrong.mean() > 0.01:
        raise WrongAnswer(
            f"The x_t that {what} gives the network must hold x_0 times √ᾱ_t for a t of {schedule.first} … {schedule.last}; "
            f"{100 * wrong.mean():.0f} % of the rows hold it times another factor, such as {factors[wrong][0]:.4f}."
        )
    found: Floats = (schedule.first + nearest).astype(np.float64)
    return found
