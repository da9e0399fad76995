"""Judgements of a one-step denoiser: noise of one strength, z = x + σ ε, and the mean of ‖D(z) − x‖² (Vincent et al., "Extracting and Composing
Robust Features with Denoising Autoencoders", 2008; Berkeley CS180, project 5, part B 1.2).
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, Result, WrongAnswer, any_form, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.expectations import expect_float32_inputs, expect_kept, f32
from autograder.judges.network import Call, Network, as_state
from autograder.judges.regression import Target, expect_gradient, expect_mean_square, value_of
from autograder.judges.signature import Signature
from autograder.oracles.statistics import ALPHA, correlation, standard_normal_fault, z_limit
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import GraderHangup, Raised
from autograder.sandbox.proxies import Handle, Student, describe

IMAGES = 64  # of 28 × 28: 50,176 numbers, so that a spread is known to 2 %, and a factor of x to 0.05 at σ = 0.5
EXACT = 1e-6
LOSS = "the mean of ‖D(z) − x‖² over everything, with the clean x"
SigmaForm = Callable[[float], Any]
SIGMA_FORMS: tuple[SigmaForm, ...] = (float, lambda sigma: np.array(sigma, dtype=np.float32))  # a number, or a tensor ()


@dataclass(frozen=True)
class Denoiser:
    """What the course calls its functions, around one submission. `sample_shape`: of an image, (C, H, W), with numbers in 0 … 1."""

    student: Student
    sample_shape: tuple[int, ...]
    file: str
    add_noise: str
    loss: str
    network: str

    @property
    def module(self) -> Handle:
        return self.student.module(self.file)

    def images(self, draw: Draw) -> Floats:
        return draw.uniform(0, 1, IMAGES, *self.sample_shape)

    @contextlib.contextmanager
    def noise_of_reference(self, draw: Draw) -> Iterator[None]:
        """The student's add_noise is answered by the grader, where there is one."""

        def answer(*args: Any, **kwargs: Any) -> Any:
            x, sigma = _image_and_sigma([*args, *kwargs.values()], self.add_noise)
            return f32(x + sigma * draw.normal(*x.shape))

        try:
            own = self.module.part(self.add_noise)
        except Raised:  # it is nowhere: whoever draws the noise in the loss itself needs none
            yield
            return
        self.module.set(self.add_noise, self.student.function(answer))
        try:
            yield
        finally:
            if self.student.worker is not None and self.student.worker.alive:
                self.module.set(self.add_noise, own)


def _image_and_sigma(given: list[Any], name: str) -> tuple[Floats, float]:
    if len(given) != 2 or not isinstance(given[1], (int, float, np.ndarray)) or np.size(given[1]) != 1:
        raise GraderHangup(f"{name} takes x and sigma, a number, and was called with {', '.join(map(describe, given)) or 'nothing'}")
    return as_state(given[0], "x", f"The x that {name} is given"), float(np.ravel(given[1])[0])


def _in_some_form(note: Note, call: Callable[[SigmaForm], Result]) -> Result:
    """What comes of a call with σ as a number, or, where that fails, as a tensor."""
    return any_form(note, [functools.partial(call, form) for form in SIGMA_FORMS])


# z = x + σ ε


def judge_noise(course: Denoiser, draw: Draw, note: Note) -> None:
    """z = x + σ ε for two σ, with standard normal ε that is new for every number and at every call, and no clamp."""
    strengths = float(draw.uniform(0.25, 0.45)), float(draw.uniform(0.6, 0.9))
    clean = [course.images(draw) for _ in strengths]
    noised = [_noised(course, x, sigma, note) for x, sigma in zip(clean, strengths)]
    _expect_noise(list(zip(noised, clean, strengths)), "z", course.add_noise, note)


def _noised(course: Denoiser, x: Floats, sigma: float, note: Note) -> Floats:
    answer = _in_some_form(note, lambda form: course.module.call(course.add_noise, f32(x), form(sigma)))
    z = expect_tensor(answer, x.shape, f"The result of {course.add_noise}")
    expect(answer.dtype == np.float32, f"z must have the dtype of x, float32; yours has {answer.dtype.name}.")
    return z


def _expect_noise(runs: list[tuple[Floats, Floats, float]], what: str, name: str, note: Note) -> None:
    """Of two runs (z, x, σ), both are noised as they must be, and by different noise."""
    note.inputs["sigmas"] = [sigma for _, _, sigma in runs]
    rests = [_note_noise(z, x, which, note) for (z, x, _), which in zip(runs, ("first", "second"))]
    repeats = correlation(*(rest - rest.mean() for rest in rests))[1]
    note("the same noise again", repeats, 0)
    for z, x, sigma in runs:
        expect_noised(z, x, sigma, f"{what} at σ = {sigma:.3f}")
    expect(not repeats, f"{name} must draw new noise at every call; yours used the same noise again.")


def _note_noise(z: Floats, x: Floats, which: str, note: Note) -> Floats:
    """The factor of x in z, the spread and the mean of the rest, which is returned. Noise on top of x is work, in whatever strength."""
    clean = x - x.mean()
    factor = float((z * clean).sum() / (clean**2).sum())
    rest: Floats = z - factor * x
    note(f"factor of x, {which} σ", factor, 0.04)
    note(f"spread of the noise, {which} σ", rest.std(), 0.012)
    note(f"mean of the noise, {which} σ", rest.mean(), 0.03)
    note(f"z within 0 … 1, {which} σ", z.min() >= 0 and z.max() <= 1, 0)
    note(f"all images alike, {which} σ", np.ptp(rest, axis=0).max() < 0.01, 0)
    note.measured_work(abs(factor) > 0.1 and rest.std() > 0.01)
    return rest


def expect_noised(z: Floats, x: Floats, sigma: float, what: str) -> None:
    """z = x + σ ε with standard normal ε. Five statistics of one test at ALPHA, and one of the factor of x."""
    expect(not near(z, x, EXACT), f"{what} must be x + σ ε; yours is x itself.")
    expect(
        z.min() < 0 or z.max() > 1,
        f"{what} must reach beyond 0 … 1, as x + σ ε does; all of yours lies between {z.min():.3f} and {z.max():.3f}.",
    )
    eps, clean = (z - x) / sigma, x - x.mean()
    fault = _shared(eps) or standard_normal_fault(eps.reshape(-1, eps.shape[-1]))
    factor = 1 + sigma * (eps * clean).sum() / (clean**2).sum()
    error = sigma * max(1.0, eps.std()) / np.sqrt((clean**2).sum())
    if not near(factor, 1, z_limit(ALPHA) * error):
        raise WrongAnswer(f"{what} must be x + σ ε, with x as it is; in yours, x is multiplied by {factor:.3f}.")
    expect(fault is None, f"{what} must be x + σ ε with standard normal ε, but of that ε {fault}.")


def _shared(eps: Floats) -> str | None:
    """Noise that several images, or all numbers of one, have in common."""
    if eps.std() < 1e-6:
        return None
    if np.ptp(eps, axis=0).max() < 1e-3:
        return "every image of the batch gets the same numbers"
    return "all numbers of an image are the same" if np.ptp(eps.reshape(len(eps), -1), axis=1).max() < 1e-3 else None


def judge_without_noise(course: Denoiser, draw: Draw, note: Note) -> None:
    """At σ = 0, z is x; and x itself stays what it is, whatever σ is."""
    x = course.images(draw)
    z = _noised(course, x, 0.0, note)
    note("z − x at σ = 0", abs(z - x).max(), 0.05)
    expect(near(z, x, EXACT), f"At σ = 0, z must be x itself; yours differs from it by up to {abs(z - x).max():.4f}.")
    kept, sigma = course.student.module("torch").new("clone", f32(x)), float(draw.uniform(0.3, 0.9))
    _in_some_form(note, lambda form: course.module.call(course.add_noise, kept, form(sigma)))
    message = f"{course.add_noise} must leave the x that it is given as it is, because the loss still needs it; yours changes it in place."
    expect_kept(kept, f32(x), "x", note, message)


# The loss


@dataclass(frozen=True)
class Run:
    """One call of the loss: what the network was given and answered, and the loss and the network, which stay in the worker."""

    x: Floats
    z: Floats
    sigma: float
    answer: Floats
    loss: Handle
    unet: Handle


def run_loss(course: Denoiser, draw: Draw, note: Note) -> Run:
    """Raises WrongAnswer unless the network is called once, with something of the shape of x."""
    x, sigma = course.images(draw), float(draw.uniform(0.4, 0.8))
    answer = f32(0.3 + 0.8 * draw.normal(*x.shape)).astype(np.float64)
    return _in_some_form(note, lambda form: _run_loss(course, x, form(sigma), sigma, answer, note))


def _run_loss(course: Denoiser, x: Floats, given: Any, sigma: float, answer: Floats, note: Note) -> Run:
    name = course.loss
    network = Network(lambda call: _answered(answer, call), Signature(("x", "beside"), defaults={"beside": None}))
    unet = course.student.namespace(unet=course.student.network(network)).part("unet")
    loss = course.module.new(name, unet, f32(x), given)
    note("network calls", len(network.calls), 0)
    expect(network.calls, f"{name} must call {course.network} with the noised images z; yours never called it.")
    expect(len(network.calls) == 1, f"{name} must call {course.network} once; yours called it {len(network.calls)} times, with different images.")
    z = network.calls[0].x
    expect(z.shape == x.shape, f"{name} must give {course.network} the noised images z, of shape {x.shape}; yours gave it shape {z.shape}.")
    expect_float32_inputs(network, note, name)
    return Run(x, z, sigma, answer, loss, unet)


def _answered(answer: Floats, call: Call) -> Floats:
    return answer if call.x.shape == answer.shape else np.zeros_like(call.x)


def judge_input(course: Denoiser, draw: Draw, note: Note) -> None:
    """The network is given z = x + σ ε, once, with new noise at every call."""
    runs = [run_loss(course, draw, note) for _ in range(2)]
    _expect_noise([(run.z, run.x, run.sigma) for run in runs], f"What {course.loss} gives {course.network}", course.loss, note)


def judge_value(course: Denoiser, draw: Draw, note: Note) -> None:
    """The loss is the mean of ‖D(z) − x‖² over everything, and carries a gradient to the network."""
    run = run_loss(course, draw, note)
    note.inputs |= {"x": run.x, "z": run.z, "answer": run.answer, "noise": (run.z - run.x) / run.sigma}
    note.measured_work((run.z - run.x).std() > 0.01 and correlation(run.z - run.z.mean(), run.x - run.x.mean())[1])
    value = value_of(run.loss, course.loss, note)
    expect_mean_square(value, run.answer, Target.known(run.x), LOSS)
    expect_gradient(run.loss, run.unet, run.answer, Target.known(run.x), LOSS, note)


