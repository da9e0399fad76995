"""What several judgements expect: of the start of a loop, of dtypes, of arguments that stay as they are."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, expect
from autograder.grading.seeds import Draw
from autograder.judges.network import Network
from autograder.oracles.gaussian import GaussianOracle
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import between
from autograder.sandbox.proxies import Handle

ENOUGH_FOR_TAILS = 7000  # one of so many normal numbers lies beyond ±3 with probability 1 − 6e-9


def follows_the_schedule(times: Sequence[float], factors: Any, errors: Any) -> bool:
    """Whether factors, (T, K), each within its error, (T, K) or (T, 1), change with t, and not along a line.

    t itself is at hand in every function; what returns an argument, noise or the answer of a network has the same factors for every t.
    """
    t, values = np.asarray(times, dtype=np.float64), np.asarray(factors, dtype=np.float64)
    if len(t) < 2 or not np.isfinite(values).all():
        return False
    line = np.stack([np.ones_like(t), t], axis=1)[:, : len(t) - 1]
    solution, *_ = np.linalg.lstsq(line, values, rcond=None)
    return bool((abs(values - line @ solution) > 1e-3 * (1 + abs(values)) + np.max(errors, axis=0)).any())


def gaussian_oracle(schedule: Schedule, draw: Draw, sample_shape: tuple[int, ...], clamp: float | None) -> GaussianOracle:
    """Where a sampler may clamp its estimates of x_0, at ±1, the data lie so far within that it does no harm."""
    if clamp is not None:
        return GaussianOracle(schedule, draw.uniform(-0.4, 0.4, *sample_shape), draw.uniform(0.05, 0.09, *sample_shape))
    return GaussianOracle(schedule, draw.uniform(-1, 1, *sample_shape), draw.uniform(0.3, 0.6, *sample_shape))


def expect_start(x: Floats, shape: tuple[int, ...], what: str) -> None:
    expect(x.shape == shape, f"{what} must start from noise of the shape asked for, {shape}; yours has {x.shape}.")
    fault = standard_normal_fault(x)
    expect(fault is None, f"{what} must start from x_T ~ N(0, I), but {fault}.")
    if x.size >= ENOUGH_FOR_TAILS:
        expect(
            between(abs(x).max(), 3, np.inf),
            f"{what} must start from x_T ~ N(0, I), but none of {x.size} numbers lies beyond ±{abs(x).max():.2f}.",
        )


def expect_fresh_start(first: Floats, second: Floats, note: Note, what: str) -> None:
    """Two runs of a loop start from different noise."""
    size = min(first.size, second.size)
    repeats = correlation(first.ravel()[:size], second.ravel()[:size])[1]
    if repeats:
        note("second run: the same start", 1, 0)
    expect(
        not repeats,
        f"{what} must start from new noise at every call; yours started from the same numbers again. Look for what is kept from the "
        "first call, or for a seed that is set inside.",
    )


def expect_float32(dtype: str, what: str) -> None:
    """A real network has float32 weights, and PyTorch refuses to multiply them with any other type."""
    expect(
        dtype == "float32", f"{what} must have dtype float32, as the weights of the network have; yours has {dtype}."
    )


def expect_float32_inputs(network: Network, note: Note, what: str) -> None:
    """Every x that the network was given has the dtype of its weights."""
    for dtype in network.dtypes:
        if dtype != "float32":
            note("float32 for the network", 0, 0)
        expect_float32(dtype, f"What the network is given in {what}")


def expect_kept(tensor: Handle, given: Any, name: str, note: Note, message: str) -> None:
    """A tensor in the worker that was an argument still holds the numbers that it was `given`; else `message`."""
    same = np.array_equal(tensor.call("clone"), given)
    if not same:
        note(f"{name} kept", 0, 0)
    expect(same, message)


def f32(x: Floats) -> Any:
    return x.astype(np.float32)
