"""Judgements of the training loss where the network is not told t (DDPM, Eq. 4 and 14, Alg. 1).

Two calls with equal random numbers, on x and on −x, differ by 2 √ᾱ_t x in x_t: so √ᾱ_t, and with it t, is known for every image, and
what remains of x_t is the noise.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.assignments.minimal_diffusion.interface import CLASSES, Durham, Network, Tables
from autograder.grading.checks import Floats, Held, Note, WrongAnswer, expect, expect_finite, expect_near
from autograder.grading.seeds import Draw
from autograder.judges.loss import is_squared_error_of_noise
from autograder.oracles.statistics import correlation, standard_normal_fault, uniform_integers_fault, variance_limits
from autograder.oracles.tolerance import between, near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, describe

SIZE = (3, 2, 2)
OWN_GENERATOR = (
    "Two calls with the same seed gave other random numbers, so that your code was not measured: it seems to draw from a generator of its own. "
    "A person has to look at it."
)


def rows_for(tables: Tables) -> int:
    """Images in a batch: some 200 for each t, or 40 where T is large."""
    return 4096 if tables.T < 20 else 16_384


@dataclass(frozen=True)
class Run:
    """Calls of DDPM.forward on `x` and on −x with equal random numbers. `factors`, of x in x_t, and `noise`, the rest: for each image."""

    tables: Tables
    loss: Handle
    model: Handle
    x: Floats
    eps_hat: Floats
    factors: Floats
    noise: Floats

    @cached_property
    def t(self) -> NDArray[np.int64]:
        """The t of each image, by its factor; −1 where the factor belongs to none."""
        signal = np.sqrt(self.tables.alphas_cumprod)
        nearest = np.clip(np.searchsorted(-signal, -self.factors), 1, self.tables.T)
        nearest -= abs(signal[nearest - 1] - self.factors) < abs(signal[nearest] - self.factors)
        return np.where(abs(signal[nearest] - self.factors) < 0.2 * abs(np.diff(signal)).min(), nearest, -1)

    @property
    def z(self) -> Floats:
        """The noise, divided by √(1 − ᾱ_t)."""
        level = np.sqrt(1 - self.tables.alphas_cumprod)[np.clip(self.t, 0, self.tables.T)]
        return self.noise / level[:, None, None, None]


def run_loss(course: Durham, draw: Draw, note: Note, rows: int, size: tuple[int, ...]) -> Run:
    shape = (rows, *size)
    x = draw.uniform(0.5, 1, *shape) * draw.generator.choice([-1.0, 1.0], shape)
    eps_hat, labels, seed = draw.normal(*shape), draw.generator.integers(0, CLASSES, rows), draw.seed()
    network = Network(lambda number, given: eps_hat)
    model = course.build(network)
    seen, losses = [], []
    for sign in (1, -1):
        network.forget()
        course.student.seed = seed
        losses.append(course.loss(model, sign * x, labels))
        _expect_call(course, network, shape, labels, note)
        seen.append(network.x[0])
    course.student.seed = None
    difference, twice = seen[0] - seen[1], 2 * x
    factors = (difference * twice).sum(axis=(1, 2, 3)) / (twice**2).sum(axis=(1, 2, 3))
    fitted = factors[:, None, None, None] * twice
    if not near(difference, fitted, 1e-4 * (1 + abs(seen[0]).max())):
        _expect_reproducible(course, model, network, x, labels, seed)
        note("not a sum", 1, 0)
        raise WrongAnswer("The x_t given to the network must be √ᾱ_t x + √(1 − ᾱ_t) ε, with one t for each image; yours is no such sum.")
    return Run(course.tables, losses[0], model, x, eps_hat, factors, seen[0] - factors[:, None, None, None] * x)


def _expect_call(course: Durham, network: Network, shape: tuple[int, ...], labels: Any, note: Note) -> None:
    """One call, with x_t, and the labels where there are some."""
    note("network calls", len(network.x), 0)
    expect(network.x, "DDPM.forward must ask the network for the noise in x_t, self.net(x_t); yours never called it.")
    expect(len(network.x) == 1, f"DDPM.forward must call the network once; yours called it {len(network.x)} times.")
    got = network.x[0].shape
    note("kind of x_t", float(got == shape), 0)
    expect(got == shape, f"DDPM.forward must give the network x_t, of shape {shape}; yours gave it shape {got}.")
    if course.has_labels:
        expect_labels(network.beside[0], labels, "DDPM.forward", note)


def expect_labels(beside: list[Any], labels: Any, where: str, note: Note) -> None:
    """The network got the labels, whatever else it got."""
    note("beside x_t", len(beside), 0)
    expect(beside, f"{where} must give the network the labels as well, self.net(x_t, c); yours gave it x_t alone.")
    if any(isinstance(value, np.ndarray) and value.shape == labels.shape and np.array_equal(value, labels) for value in beside):
        return
    got = next((value for value in beside if isinstance(value, np.ndarray)), beside[0])
    if not isinstance(got, np.ndarray) or got.shape != labels.shape:
        raise WrongAnswer(
            f"{where} must give the network the labels c, whole numbers of shape {labels.shape}; yours gave it {describe(got)}."
        )
    note("largest label", got.max(), 0)
    note("labels", got[:16], 0)
    if len(labels) > CLASSES and got.max() >= CLASSES and where == "DDPM.sample":
        raise WrongAnswer(
            f"With n_sample = {len(labels)}, image i must have the label i modulo 10: 0, …, 9, 0, 1, …; your labels go up to {got.max():g}, "
            "and there are ten digits only."
        )
    raise WrongAnswer(f"{where} must give the network the labels {_first_of(labels)}; yours gave it {_first_of(got)}.")


def _first_of(labels: NDArray[Any]) -> str:
    return ", ".join(f"{value:g}" for value in labels[:12]) + ", …" * (len(labels) > 12)


def _expect_reproducible(course: Durham, model: Handle, network: Network, x: Floats, labels: Any, seed: int) -> None:
    seen = []
    for _ in range(2):
        network.forget()
        course.student.seed = seed
        course.loss(model, x, labels).call("detach")
        seen.append(network.x[0] if network.x else np.zeros(1))
    course.student.seed = None
    if not np.array_equal(seen[0], seen[1]):
        raise Held(OWN_GENERATOR)


def judge_noised(course: Durham, draw: Draw, note: Note) -> None:
    """x_t = √ᾱ_t x + √(1 − ᾱ_t) ε, with standard normal ε."""
    run = run_loss(course, draw, note, rows_for(course.tables), SIZE)
    note_run(run, note)
    expect_factors(course, run)
    T, levels = course.T, np.sqrt(1 - course.tables.alphas_cumprod)
    counts, squares = np.bincount(run.t, minlength=T + 1), (run.z**2).mean(axis=(1, 2, 3))
    variance = np.bincount(run.t, squares, minlength=T + 1) / np.maximum(counts, 1)
    for t in np.flatnonzero(counts):
        if not between(float(variance[t]), *variance_limits(int(counts[t]) * int(np.prod(SIZE)), 1e-8 / T)):
            raise WrongAnswer(
                f"{course.says}at t = {t} the noise in x_t must have standard deviation √(1 − ᾱ_t) = {levels[t]:.4f}; "
                f"yours has {np.sqrt(variance[t]) * levels[t]:.4f}."
            )
    fault = standard_normal_fault(run.z)
    expect(fault is None, f"The x_t given to the network must be √ᾱ_t x + √(1 − ᾱ_t) ε with standard normal ε, but of that ε {fault}.")
    _expect_fresh(course, draw, run)


def note_run(run: Run, note: Note) -> None:
    """What a diagnosis compares: the factors over the images, in order, and the noise that goes with the least and the largest."""
    order = np.argsort(run.factors)
    spread = np.sqrt((run.noise**2).mean(axis=(1, 2, 3)))
    many = max(len(order) // 8, 1)
    for name, rows in (("least", order[:many]), ("most", order[-many:])):
        note(f"noise beside {name} x", spread[rows].mean(), 0.05)
    note("factor of x, least and most", (run.factors.min(), run.factors.max()), 1e-4)
    note("factor of x, mean", run.factors.mean(), 0.03)
    note("kinds of t", min(len(np.unique(run.factors.round(5))), 300), 0)
    note.measured_work(bool(np.ptp(run.factors) > 0.05 or np.ptp(spread) > 0.3))


def expect_factors(course: Durham, run: Run) -> None:
    if (run.t < 0).any():
        signal = np.sqrt(course.tables.alphas_cumprod)
        raise WrongAnswer(
            f"{course.says}in x_t the factor of x must be √ᾱ_t for a t of 1 … {course.T}, between {signal[1]:.5f} and {signal[-1]:.5f}; "
            f"yours lie between "
            f"{run.factors.max():.5f} and {run.factors.min():.5f}, and {int((run.t < 0).sum())} of {len(run.t)} belong to no t."
        )


def _expect_fresh(course: Durham, draw: Draw, run: Run) -> None:
    seen: list[Floats] = []
    network = Network(lambda number, given: run.eps_hat)
    model = course.build(network)
    labels = draw.generator.integers(0, CLASSES, len(run.x))
    for _ in range(2):
        course.loss(model, np.zeros_like(run.x), labels).call("detach")
        seen.append(network.x[-1])
    repeats = len(network.x) < 2 or correlation(seen[0], seen[1])[1]
    expect(not repeats, "DDPM.forward must draw new noise at every call; yours used the same noise again.")


def judge_times(course: Durham, draw: Draw, note: Note) -> None:
    """One t for each image, uniform on 1 … T."""
    run = run_loss(course, draw, note, rows_for(course.tables), SIZE)
    note_run(run, note)
    expect_factors(course, run)
    t, T = run.t, course.T
    note("range of t", (t.min(), t.max() - T), 0)
    kinds = len(np.unique(t))
    expect(kinds > 1, f"t must be drawn for each image of the batch; yours has the same t, {t[0]}, for all of them.")
    if t.min() < 1 or t.max() < T:
        reach = f"in {len(t):,} images yours reaches from {t.min()} to {t.max()}"
        raise WrongAnswer(f"{course.says}t must be drawn from 1 … {T}, both included; {reach}.")
    fault = uniform_integers_fault(t.astype(np.float64) - 1, T)
    expect(fault is None, f"{course.says}t must be drawn for each image, uniformly from 1 … {T}; some of yours come up too often.")
    again = run_loss(course, draw, Note(), len(t), SIZE).t
    expect(not np.array_equal(t, again), "DDPM.forward must draw a new t for each image at every call; yours drew the same ones again.")


def judge_images_and_times(course: Durham, draw: Draw, note: Note) -> None:
    judge_noised(course, draw, note)
    judge_times(course, draw, note)


def judge_value(course: Durham, draw: Draw, note: Note) -> None:
    """The loss is the mean of (ε − ε_θ)², and its gradient reaches the network."""
    run = run_loss(course, draw, note, 64, (3, 4, 4))
    value = run.loss.get("")
    expect(isinstance(value, np.ndarray) and value.size == 1, f"DDPM.forward must return one number, the loss; yours returned {describe(value)}.")
    got = float(expect_finite(value, "The loss").ravel()[0])
    difference = run.eps_hat - run.z
    expected = float((difference**2).mean())
    note("loss ratio", got / expected, 1e-3)
    for name, target in (("x", run.x), ("no target", 0 * run.x), ("x_t", run.factors[:, None, None, None] * run.x + run.noise), ("−ε", -run.z)):
        note(f"loss against {name}", got / ((run.eps_hat - target) ** 2).mean(), 1e-3)
    note("absolute loss ratio", got / abs(difference).mean(), 1e-3)
    near_right = abs(got / expected - 1) < 0.2 and np.ptp(run.factors) > 0.05
    note.measured_work(bool(near_right) or is_squared_error_of_noise(got, run.eps_hat, run.x))
    expect_near(
        got, expected, 2e-4 * expected,
        f"The loss must be the mean of (ε − ε_θ)² with the ε that is inside the x_t given to the network, {expected:.5f}; yours is {got:.5f}, "
        f"{got / expected:.4g} times as much.",
    )  # fmt: skip
    try:
        run.loss.call("backward")
    except Raised:
        note("backward", 0, 0)
        raise WrongAnswer("The loss must carry a gradient back to the network; yours is cut off from it.") from None
    gradient = run.model.get("net.scale.grad")
    slope = 2 * float((difference * run.eps_hat).mean())
    note("gradient ratio", float(np.ravel(gradient)[0]) / slope if isinstance(gradient, np.ndarray) and gradient.size else 0.0, 1e-3)
    expect(isinstance(gradient, np.ndarray), "The loss must carry a gradient back to the network; yours gives it none.")
    expect_near(gradient, np.full(np.shape(gradient), slope), 1e-3 * (abs(slope) + 1e-3),
                "The gradient that the loss gives the network is not that of the mean of (ε − ε_θ)²; look for a part that is detached.")  # fmt: skip
