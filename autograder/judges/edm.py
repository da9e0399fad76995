"""Judgements of EDM's preconditioning (Karras et al. 2022, Table 1 and Eq. 7). Its loss is judged by edm_loss.py, its sampler by heun.py.

The network is answered by the grader. It is told c_noise = ln σ/4 for each image, so σ is known from what it is told, and x from what it is
given. Where a coefficient or the denoiser of a submission is known to be wrong, the grader's stands in, so that one mistake costs one check.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.grading.checks import (
    Carry,
    Floats,
    Note,
    WrongAnswer,
    any_form,
    expect,
    expect_finite,
    expect_near,
    expect_tensor,
)
from autograder.grading.seeds import Draw
from autograder.judges.expectations import expect_float32, f32, follows_the_schedule
from autograder.judges.network import as_state, as_timesteps, too_many_calls
from autograder.judges.signature import Signature
from autograder.oracles.preconditioning import Preconditioning
from autograder.oracles.tolerance import finite, near
from autograder.sandbox.proxies import Handle, Student, describe

COEFFICIENTS = ("c_skip", "c_out", "c_in", "c_noise")
ROWS_OF_TABLE = {"c_skip": "Skip scaling", "c_out": "Output scaling", "c_in": "Input scaling", "c_noise": "Noise cond."}
SIGMAS = 12
LARGEST = 18.0  # |ln σ| of what a network may be told: σ from 1e-8 to 1e8
ARGUMENTS = Signature(("x", "label", "time"), aliases={"t": "time", "labels": "label"})

SigmaForm = Callable[[Floats], list[Any]]  # σ of some rows → what calls are given that cover them
FOR_EACH: tuple[SigmaForm, ...] = (
    lambda sigma: [f32(sigma)],  # a tensor of shape (B,)
    lambda sigma: [f32(sigma.reshape(-1, 1, 1, 1))],
)
ONE_BY_ONE: tuple[SigmaForm, ...] = (
    lambda sigma: [f32(one.reshape(())) for one in sigma],  # a tensor of shape ()
    lambda sigma: [float(one) for one in sigma],
)


@dataclass(frozen=True)
class Asked:
    """What a network, or a denoiser, was asked: x with noise, (B, …), not yet scaled; σ, (B,); the labels as they came."""

    x: Floats
    sigma: Floats
    label: Any


@dataclass(frozen=True)
class Edm:
    """What the course calls its class, around one submission. `settings`: of its constructor, for a network that is replaced at once."""

    student: Student
    carry: Carry
    sample_shape: tuple[int, ...]
    file: str = "libs.edm"
    cls: str = "EDM"
    settings: dict[str, Any] = field(default_factory=dict)
    loss: str = "compute_loss"
    sample: str = "generate"
    network: str = "self.model(x, label, time)"
    classes: int = 10

    def wrong(self, name: str) -> bool:
        """Whether a method is known to be wrong, so that the grader's stands in."""
        return self.carry.stands_in_for(f"{self.cls}.{name}")

    def bare(self, **attributes: Any) -> Handle:
        """An object of the class with these attributes."""
        model = self.student.module(self.file).later(self.cls, **self.settings)
        for name, value in attributes.items():
            model.set(name, value)
        return model

    def labels(self, draw: Draw, rows: int) -> Any:
        return draw.generator.integers(0, self.classes, rows)


@dataclass
class Recorder:
    """Stands in for the network of a model, and for whichever of its methods are known to be wrong; remembers what it was asked.

    answer: F, of what was asked. most: calls.
    """

    course: Edm
    table: Preconditioning
    answer: Callable[[Asked], Floats]
    where: str
    most: int = 100
    calls: list[Asked] = field(default_factory=list)
    shapes: list[tuple[int, ...]] = field(default_factory=list)  # of the times that the network was told

    def model(self, denoiser: bool = True, **attributes: Any) -> Handle:
        """The student's object around this network. `denoiser`: whether it is called by way of denoise, which may be known to be wrong."""
        network = self.course.student.network(self.network)
        model = self.course.bare(**{"sigma_data": self.table.sigma_data, "model": network, **attributes})
        for name in COEFFICIENTS:
            if self.course.wrong(name):
                model.set(name, self.course.student.function(lambda sigma, name=name: self._coefficient(name, sigma)))
        if denoiser and self.course.wrong("denoise"):
            model.set("denoise", self.course.student.function(self.denoise))
        return model

    def _coefficient(self, name: str, sigma: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(getattr(self.table, name)(np.asarray(sigma, dtype=np.float64)), dtype=np.float32)

    def network(self, *args: Any, **kwargs: Any) -> Any:
        given = ARGUMENTS.bind(args, kwargs)
        x = as_state(given["x"], "x", "What the network is given")
        time = given["time"]
        is_number = not isinstance(time, np.ndarray) or finite(time)
        expect(is_number, f"{self.where} asks the network at a σ that is not positive, so that c_noise(σ) is no number.")
        time = as_timesteps(time, len(x), "The time that the network is told")
        expect_float32(given["x"].dtype.name, f"What the network is given in {self.where}")
        self.shapes.append(np.shape(given["time"]))
        expect(near(4 * time, 0, LARGEST), _told_wrong(self.where, time))
        sigma = np.exp(4 * time)
        return self._answer(Asked(x / self.table.c_in(of_rows(sigma, x)), sigma, given["label"]))[1]

    def denoise(self, x: Any, sigma: Any, label: Any = None) -> Any:
        x = as_state(x, "x", "What denoise is given")
        levels = as_timesteps(sigma, len(x), "The σ that denoise is given")
        asked, answer = self._answer(Asked(x, levels, label))
        levels = of_rows(levels, x)
        return f32(self.table.c_skip(levels) * asked.x + self.table.c_out(levels) * answer)

    def _answer(self, asked: Asked) -> tuple[Asked, Any]:
        self.calls.append(asked)
        if len(self.calls) > self.most:
            raise too_many_calls(self.most, "no right version of it asks as often")
        return asked, f32(self.answer(asked))


def of_rows(sigma: Floats, x: Floats) -> Floats:
    return sigma.reshape(-1, *[1] * (x.ndim - 1))


def _told_wrong(where: str, time: Floats) -> str:
    return f"{where} must tell the network c_noise(σ); yours tells it numbers up to {abs(time).max():.4g}, which no σ in use gives."


def expect_labels(given: Any, labels: Any, where: str, note: Note) -> None:
    """The network was told the label of each image."""
    numbers = isinstance(given, np.ndarray) or (isinstance(given, list) and all(isinstance(one, (int, float)) for one in given))
    same = bool(numbers) and np.array_equal(np.ravel(given), labels)
    note("own labels", same, 0)
    expect(same, f"{where} must give the network the labels of its images, of shape ({len(labels)},); yours gave it {_said(given, labels)}.")


def _said(given: Any, labels: Any) -> str:
    return "others" if isinstance(given, np.ndarray) and given.shape == labels.shape else describe(given)


# The coefficients


def judge_coefficient(course: Edm, name: str, draw: Draw, note: Note) -> None:
    """One of COEFFICIENTS at many σ, in any form of σ."""
    table = Preconditioning(float(draw.uniform(0.7, 0.9)))
    sigma = np.exp(draw.uniform(-4, 4, SIGMAS)).astype(np.float32).astype(np.float64)
    expected = getattr(table, name)(sigma)
    note.inputs |= {"sigma": sigma, "sigma_data": table.sigma_data}

    def in_form(form: SigmaForm) -> Callable[[], None]:
        def attempt() -> None:
            model = course.bare(sigma_data=table.sigma_data)
            got = np.concatenate([_numbers(model.call(name, given), name) for given in form(sigma)])
            expect(got.size == SIGMAS, f"{name} must give one number for each σ; yours gave {got.size} for {SIGMAS}.")
            note(name, got, 1e-3)
            note.measured_work(follows_the_schedule(list(sigma), got[:, None], np.full((SIGMAS, 1), 1e-3)))
            for value, right, level in zip(got, expected, sigma):
                row = f"that of EDM, Table 1, row “{ROWS_OF_TABLE[name]}”"
                message = f"At σ = {level:.4g} and σ_data = {table.sigma_data:.3g}, {name} must be {row}; yours is {value / right:.4g} times that."
                expect_near(value, right, 1e-5 * (abs(right) + (name == "c_noise")), message)

        return attempt

    any_form(note, [in_form(form) for form in (*FOR_EACH, *ONE_BY_ONE)])


def _numbers(value: Any, name: str) -> Floats:
    if isinstance(value, (int, float)):
        value = np.array(float(value))
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        hint = " (is there a `return`?)" if value is None else ""
        raise WrongAnswer(f"{name} must return a number for each σ; yours returned {describe(value)}{hint}.")
    return expect_finite(value.ravel(), f"The result of {name}")


# The denoiser


def judge_denoiser(course: Edm, draw: Draw, note: Note) -> None:
    """D(x; σ) = c_skip x + c_out F(c_in x, label, c_noise), with a σ of its own for each image (Eq. 7)."""
    table, rows = Preconditioning(float(draw.uniform(0.7, 0.9))), 7
    sigma = np.exp(draw.uniform(-2.5, 2.5, rows)).astype(np.float32).astype(np.float64)
    x = (1 + of_rows(sigma, np.empty((rows, *course.sample_shape)))) * draw.normal(rows, *course.sample_shape)
    answer, labels = draw.normal(rows, *course.sample_shape), course.labels(draw, rows)
    note.inputs |= {"sigma": sigma, "sigma_data": table.sigma_data}

    def in_form(form: SigmaForm) -> Callable[[], None]:
        def attempt() -> None:
            told: list[_Told] = []

            def network(*args: Any, **kwargs: Any) -> Any:
                told.append(_told(ARGUMENTS.bind(args, kwargs)))
                return f32(answer)

            recorder = Recorder(course, table, lambda asked: answer, "denoise")
            model = recorder.model(denoiser=False, model=course.student.network(network))
            result = model.call("denoise", f32(x), *form(sigma), labels)
            _expect_asked_right(told, table, x, sigma, labels, note)
            result = expect_tensor(result, x.shape, "The result of denoise")
            _expect_denoised(result, table, x, answer, sigma, note)

        return attempt

    any_form(note, [in_form(form) for form in FOR_EACH])


@dataclass(frozen=True)
class _Told:
    """What a network was given by the denoiser: images, as they came; the time of each row, and the shape in which it came; labels."""

    images: Floats
    dtype: str
    time: Floats
    shape: tuple[int, ...]
    label: Any


def _told(given: Mapping[str, Any]) -> _Told:
    images = as_state(given["x"], "x", "What the network is given")
    time = as_timesteps(given["time"], len(images), "The time that the network is told")
    return _Told(images, given["x"].dtype.name, time, np.shape(given["time"]), given["label"])


def _expect_asked_right(told: Sequence[_Told], table: Preconditioning, x: Floats, sigma: Floats, labels: Any, note: Note) -> None:
    note("calls", len(told), 0)
    expect(len(told) == 1, f"denoise must ask the network once; yours asked it {len(told)} times.")
    images, time, shape = told[0].images, told[0].time, told[0].shape
    expect(images.shape == x.shape, f"denoise must give the network images of shape {x.shape}; yours gave it {images.shape}.")
    factors = (images * x).sum(axis=(1, 2, 3)) / (x**2).sum(axis=(1, 2, 3))
    note("factors of the input", factors, 2e-3)
    note("told", time, 2e-3)
    expect_labels(told[0].label, labels, "denoise", note)
    expect_float32(told[0].dtype, "What the network is given in denoise")
    right = near(images, table.c_in(of_rows(sigma, x)) * x, 1e-4)
    expect(right, "denoise must give the network c_in(σ) x, with the σ of each image (EDM, Eq. 7); yours gives it something else.")
    expect(shape == (len(x),), f"denoise must tell the network a time of shape ({len(x)},); yours tells it one of shape {shape}.")
    message = "denoise must tell the network c_noise(σ), with the σ of each image; yours tells it something else."
    expect_near(time, table.c_noise(sigma), 1e-4, message)


def _expect_denoised(result: Floats, table: Preconditioning, x: Floats, answer: Floats, sigma: Floats, note: Note) -> None:
    factors = [np.linalg.lstsq(np.stack([a.ravel(), b.ravel()], axis=1), c.ravel(), rcond=None)[0] for a, b, c in zip(x, answer, result)]
    of_x, of_answer = np.array(factors).T
    note("factors of x", of_x, 2e-3)
    note("factors of the answer", of_answer, 2e-3)
    both = abs(of_x).min() > 1e-3 and np.ptp(of_answer) > 1e-2
    note.measured_work(bool(both) or follows_the_schedule(list(sigma), np.stack([of_x, of_answer], axis=1), np.full((len(sigma), 1), 1e-3)))
    for one, which, expected in ((of_x, "x", table.c_skip(sigma)), (of_answer, "the network's answer", table.c_out(sigma))):
        row = int(abs(one - expected).argmax())
        message = (
            f"In D(x; σ), {which} must be multiplied by {('c_out', 'c_skip')[which == 'x']}(σ); for the image with σ = {sigma[row]:.3f} yours is "
            f"multiplied by {one[row] if abs(one[row]) > 5e-5 else 0:.4f} (EDM, Eq. 7)."
        )
        expect_near(one, expected, 1e-3, message)
    expected = table.c_skip(of_rows(sigma, x)) * x + table.c_out(of_rows(sigma, x)) * answer
    message = "D(x; σ) must be c_skip(σ) x + c_out(σ) F; yours has something else in it (EDM, Eq. 7)."
    expect_near(result, expected, 1e-4 * (1 + abs(expected)), message)
