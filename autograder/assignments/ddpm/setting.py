"""What every judgement of a DiffusionModule needs: a network that the grader answers, and a way to build the
student's classes around it.

These modules judge any assignment with the KAIST interface; `sample_shape` is (2,) for points and (C, H, W) for
images. The network is always answered by the grader, so each judgement is about one region alone. Inputs look like
real data: x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε with |x_0| up to `data_limit`, so that clamping x_0 outside the range of the data does no
harm, and inside does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, NotFinite, WrongAnswer, expect, expect_finite
from autograder.grading.seeds import Draw
from autograder.oracles.gaussian import GaussianOracle
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import between
from autograder.sandbox.failures import GraderHangup
from autograder.sandbox.proxies import Handle, Student, describe

ROWS = 4096
ENOUGH_FOR_TAILS = 7000  # one of so many normal numbers lies beyond ±3 with probability 1 − 6e-9
MOST_NUMBERS = 1 << 18  # of one batch of noise that is averaged
MOST_IN_A_STATE = 1 << 20  # the largest batch of the grader's own is one of 16,384 images of 3 × 4 × 4: 786,432 numbers
MOST_CALLS = 100  # of one network or step; a loop over one of the grader's schedules makes 23 at most
TOO_MANY_CALLS = (
    f"The grader stopped your code after {MOST_CALLS} calls: its schedules have fewer than 25 timesteps. "
    "Look for a number of steps that is written into the code, or a loop that does not end."
)


@dataclass
class Network:
    """A noise predictor that the grader answers, and that remembers every call. Equal calls in a row count once.

    What it is given must be finite before it is kept: WrongAnswer, with a sentence, where it is not.
    """

    eps_theta: Callable[[Floats, int], Floats]
    mixed: Callable[[Floats, Floats], Floats] | None = None  # answers when the rows have different times
    calls: list[tuple[Floats, Floats]] = field(default_factory=list)
    dtypes: list[str] = field(default_factory=list)  # of x, at every call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        values = [*args, *kwargs.values()]
        if len(values) != 2 or not isinstance(values[0], np.ndarray):
            raise GraderHangup(f"the network takes x and t, and was called with {len(values)} arguments")
        if kwargs and not args:
            values = [kwargs.get("x", values[0]), kwargs.get("t", values[1])]
        x = as_state(values[0], "x_t", "The x_t that the network is given")
        t = as_timesteps(values[1], len(x), "The t that the network is given")
        self.dtypes.append(values[0].dtype.name)
        if (
            not self.calls
            or self.calls[-1][0].shape != x.shape
            or not (np.array_equal(self.calls[-1][0], x) and np.array_equal(self.calls[-1][1], t))
        ):
            self.calls.append((x, t))
            if len(self.calls) > MOST_CALLS:
                raise WrongAnswer(TOO_MANY_CALLS)
        answer = self.eps_theta(x, int(t[0])) if self.mixed is None else self.mixed(x, t)
        return answer.astype(np.float32)


def as_state(value: Any, name: str, what: str) -> Floats:
    """x_t, or another batch, as float64, (B, …). Raises GraderHangup for what is no batch of a usual size, WrongAnswer for NaN and infinities."""
    if not isinstance(value, np.ndarray) or value.ndim < 1 or not 0 < value.size <= MOST_IN_A_STATE:
        raise GraderHangup(f"{name} must be a tensor of shape (B, …), not empty and not huge, and is {describe(value)}")
    return _finite_before_kept(value, what)


def as_timesteps(value: Any, rows: int, what: str = "t") -> Floats:
    """The time of each row, from any accepted form. Raises GraderHangup for anything else, WrongAnswer for NaN and infinities."""
    if (
        isinstance(value, np.ndarray)
        and value.dtype.kind in "iufb"
        and (value.ndim == 0 or value.shape in ((1,), (rows,), (rows, 1), (1, 1)))
    ):
        return np.broadcast_to(_finite_before_kept(value, what).ravel(), (rows,)).copy()
    if isinstance(value, (int, float)):
        return np.full(rows, _finite_before_kept(np.array(float(value)), what))
    raise GraderHangup(f"t must be an integer or a tensor of shape (), (1,) or (B,), and is {describe(value)}")


def _finite_before_kept(value: Any, what: str) -> Floats:
    """As float64. Raises WrongAnswer where it is not finite: the run ends here, whatever it would have come to return."""
    try:
        return expect_finite(value, what)
    except NotFinite as error:
        raise WrongAnswer(str(error)) from None


@dataclass(frozen=True)
class Setting:
    """How to build the student's DiffusionModule around a schedule and a network, and the shape of one sample."""

    student: Student
    sample_shape: tuple[int, ...]

    @property
    def data_limit(self) -> float:
        """The largest |x_0|: the points of the roll reach 3.8, images ±1, where many a sampler clamps its estimate of x_0."""
        return 4.0 if len(self.sample_shape) == 1 else 1.0

    @property
    def wider(self) -> "Setting":
        """The same for samples of another size and as many dimensions, since no size may be written into the code."""
        return Setting(self.student, (*self.sample_shape[:-1], self.sample_shape[-1] + 1))

    def build(self, schedule: Schedule, network: Network) -> Handle:
        """The module, made with the first request that uses it."""
        ddpm = self.student.module("ddpm")
        settings = dict(beta_1=schedule.beta_1, beta_T=schedule.beta_T, mode=schedule.mode)
        scheduler = ddpm.later("BaseScheduler", schedule.num_timesteps, **settings)
        return ddpm.later("DiffusionModule", self.student.network(network), scheduler)


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


def gaussian_oracle(schedule: Schedule, draw: Draw, sample_shape: tuple[int, ...]) -> GaussianOracle:
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


def listed(times: list[float]) -> str:
    shown = [f"{t:g}" for t in times]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:5], "…", *shown[-5:]])
