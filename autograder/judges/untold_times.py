"""Which t each row of a batch was noised at, where the network is not told: by how much of a known x_0 is in x_t.

x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε. With x_0 = ±scale in D coordinates the factor √ᾱ_t is known to √(1 − ᾱ_t) / (scale √D), and `telling` makes
the scale so large that eight standard errors are less than half of the way to the next t, and larger where float32 still holds the noise.
Noise need not be repeatable for it. A row before the first t is told as well.
"""

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import Schedule
from autograder.oracles.tolerance import near

STANDARD_ERRORS = 8.0  # 1e-15 in a row
LOST = 1e-5  # of √ᾱ_t, relative: what a product of hundreds of float32 numbers may lose
OF_THE_NOISE = 1e-3  # that float32 may round away
EPSILON = 2.0**-23
ENOUGH_ROWS = 1000  # to see whether the noise is as strong in all of them


def telling(schedule: Schedule, draw: Draw, shape: tuple[int, ...]) -> Floats:
    """x_0 of this shape, (B, …), from which every t of the schedule can be told."""
    gaps = -np.diff(np.sqrt(schedule.alphas_cumprod))
    noise = np.sqrt(1 - schedule.alphas_cumprod)
    needed = 2 * STANDARD_ERRORS * (noise[1:] / gaps).max() / np.sqrt(np.prod(shape[1:]))
    scale = max(2.0, needed, OF_THE_NOISE / EPSILON * noise[schedule.first])
    signs = np.where(draw.generator.integers(0, 2, shape) == 1, 1.0, -1.0)
    return float(np.ceil(scale)) * signs


def _parts(xt: Floats, x0: Floats) -> tuple[Floats, Floats, int]:
    """Of each row: the factor of x_0, the root mean square of the rest, and how many numbers there are."""
    x, clean = (value.reshape(len(value), -1) for value in (xt, x0))
    factors = (x * clean).sum(axis=1) / (clean**2).sum(axis=1)
    count = x.shape[1]
    rest = np.sqrt(((x - factors[:, None] * clean) ** 2).sum(axis=1) / max(count - 1, 1))
    return factors, rest, count


def note_factors(xt: Floats, x0: Floats, note: Note) -> None:
    """What a diagnosis compares where no t may be found. Factors, or noise, that change from row to row are work."""
    factors, rest, count = _parts(xt, x0)
    order, many = np.argsort(factors), max(len(factors) // 8, 1)
    for name, rows in (("least", order[:many]), ("most", order[-many:])):
        note(f"noise beside {name} x_0", rest[rows].mean(), 0.05)
    note("factors of x_0, least and most", (factors.min(), factors.max()), 0.02)
    note("factor of x_0, mean", factors.mean(), 0.05)
    squares = rest**2
    uneven = len(rest) > ENOUGH_ROWS and count > 1 and bool(squares.any())
    uneven = uneven and (1 + squares.var() / squares.mean() ** 2) / (1 + 2 / (count - 1)) > 1.06  # 1 of normal noise
    note.measured_work(bool(np.ptp(factors) > 0.05 or uneven))


def rows_told_by(schedule: Schedule, xt: Floats, x0: Floats, what: str) -> Floats:
    """The t of each row. Raises WrongAnswer where x_0 is in some rows with a factor that belongs to no t."""
    factors, rest, _ = _parts(xt, x0)
    signal = np.sqrt(schedule.alphas_cumprod)
    nearest = np.clip(np.searchsorted(-signal, -factors), 1, len(signal) - 1)
    nearest -= abs(signal[nearest - 1] - factors) < abs(signal[nearest] - factors)
    noise = np.maximum(rest, np.sqrt(1 - schedule.alphas_cumprod[nearest]))  # of wrong strength is another matter
    size = np.sqrt((x0**2).sum(axis=tuple(range(1, x0.ndim))))
    wrong = abs(factors - signal[nearest]) > STANDARD_ERRORS * noise / size + LOST * signal[nearest]
    for t in np.unique(nearest):
        of_t = nearest == t  # together they tell it better
        error = STANDARD_ERRORS * np.sqrt(((noise / size)[of_t] ** 2).sum()) / of_t.sum()
        wrong[of_t] |= not near(factors[of_t].mean(), signal[t], error + LOST * signal[t])
    if wrong.mean() > 0.01:
        raise WrongAnswer(
            f"The x_t that {what} gives the network must hold x_0 times √ᾱ_t for a t of {schedule.first} … {schedule.last}; "
            f"{100 * wrong.mean():.0f} % of the rows hold it times another factor, such as {factors[wrong][0]:.4f}."
        )
    return nearest.astype(np.float64)
