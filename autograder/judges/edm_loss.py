"""Judgements of EDM's training loss (Karras et al. 2022, Eq. 2 and 8, Table 1): the noise levels, the noise, the weighted error, latents.

σ is known for each image from what the network is told, x from what it is given, and with both the loss, exactly.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges.edm import Asked, Edm, Recorder, expect_labels, of_rows
from autograder.judges.expectations import f32
from autograder.judges.regression import Target, expect_gradient, expect_mean_square, value_of
from autograder.oracles.preconditioning import Preconditioning
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import near
from autograder.sandbox.proxies import Handle

ROWS = 4096  # of a loss
MANY_ROWS = 16384  # where ln σ is looked at: its spread is known to 3 % at an error rate of 1e-8
NOISE = 2e-3  # of ε as it is found in x at small σ, where float32 keeps little of it
LOSS = "the mean of λ(σ) ‖D(y + σ ε; σ) − y‖² over everything"


@dataclass(frozen=True)
class Run:
    """One call of the loss: y, what the network was asked and answered. The loss and the model are in the worker."""

    clean: Floats
    asked: Asked
    answer: Floats
    table: Preconditioning
    loss: Handle
    model: Handle
    by_denoiser: bool  # the grader's denoiser stood in, so that no gradient can come

    @property
    def sigma(self) -> Floats:
        return of_rows(self.asked.sigma, self.clean)

    @property
    def noise(self) -> Floats:
        """ε inside of x, if x is y + σ ε."""
        return (self.asked.x - self.clean) / self.sigma

    @property
    def target(self) -> Floats:
        """What F must be, so that D is y (Eq. 8)."""
        return (self.clean - self.table.c_skip(self.sigma) * self.asked.x) / self.table.c_out(self.sigma)


def run_loss(course: Edm, draw: Draw, note: Note, rows: int = ROWS, noise: Floats | None = None, latent: bool = False, **settings: Any) -> Run:
    """Raises WrongAnswer unless the network is asked once, about images of the right shape, and with their labels."""
    table = Preconditioning(float(draw.uniform(0.7, 0.9)))
    images, labels = draw.uniform(-1, 1, rows, *course.sample_shape), course.labels(draw, rows)
    clean = 1.5 * draw.normal(rows, 4, 1, 2) if latent else images
    answer = 0.4 + 0.8 * draw.normal(*clean.shape)
    recorder = Recorder(course, table, lambda asked: answer if asked.x.shape == answer.shape else np.zeros_like(asked.x), course.loss)
    if latent:
        settings |= {"use_vae": True, "img_shape": clean.shape[1:], "vae": _autoencoder(course, images, clean)}
    model = recorder.model(**settings)
    loss = model.new(course.loss, f32(images), labels, *([] if noise is None else [f32(noise)]))
    note("network calls", len(recorder.calls), 0)
    expect(recorder.calls, f"{course.loss} must ask the network, by way of denoise; yours never asked it.")
    expect(len(recorder.calls) == 1, f"{course.loss} must ask the network once; yours asked it {len(recorder.calls)} times.")
    asked = recorder.calls[0]
    what = "latents" if latent else "images"
    expect(asked.x.shape == clean.shape, f"{course.loss} must give denoise {what} of shape {clean.shape}; yours gave it shape {asked.x.shape}.")
    expect_labels(asked.label, labels, course.loss, note)
    return Run(clean, asked, f32(answer).astype(np.float64), table, loss, model, not recorder.shapes)


def _autoencoder(course: Edm, images: Floats, latents: Floats) -> Handle:
    """Has an encoder and a decoder, and nothing else."""

    def encoder(x: Any) -> Any:
        message = "self.vae.encoder must be given the images as they are."
        expect(isinstance(x, np.ndarray) and x.shape == images.shape and near(x, f32(images), 1e-6), message)
        return f32(latents)

    def decoder(x: Any) -> Any:
        raise WrongAnswer(f"{course.loss} has no use for self.vae.decoder; the loss is one of latents.")

    return course.student.namespace(encoder=course.student.function(encoder), decoder=course.student.function(decoder))


def judge_noise(course: Edm, draw: Draw, note: Note) -> None:
    """x = y + σ ε with ln σ ~ N(P_mean, P_std²), a σ of its own for each image, standard normal ε, both new at every call, or a given ε."""
    mean, std = float(draw.uniform(-0.9, -0.65)), float(draw.uniform(0.4, 0.5))  # neither of the size of the other, of σ_data, or the paper's
    settings: dict[str, Any] = {"P_mean": mean, "P_std": std}
    run, again = (run_loss(course, draw, note, MANY_ROWS, **settings) for _ in range(2))
    levels = np.log(run.asked.sigma)
    note.inputs |= {"P_mean": mean, "P_std": std}
    note("mean and spread of ln σ", (levels.mean(), levels.std()), 0.05)
    note("kinds of σ", min(len(np.unique(run.asked.sigma)), 3), 0)
    note("mean and spread of ε", (run.noise.mean(), run.noise.std()), 0.05)
    repeats = np.array_equal(run.asked.sigma, again.asked.sigma), correlation(run.noise - run.noise.mean(), again.noise - again.noise.mean())[1]
    note("σ, ε again", repeats, 0)
    note.measured_work(levels.std() > 1e-3 and 0.5 < run.noise.std() < 2)
    _expect_levels(course, (levels - mean) / std)
    fault = standard_normal_fault(run.noise)
    expect(fault is None, f"{course.loss} must give denoise y + σ ε with standard normal ε, but of that ε {fault}.")
    expect(not any(repeats), f"{course.loss} must draw new σ and new noise at every call; yours used the same again.")
    _judge_given_noise(course, draw, note)


def _expect_levels(course: Edm, z: Floats) -> None:
    expect(len(z) == 1 or np.ptp(z) > 0, f"{course.loss} must draw a σ for each image; in yours all images of a batch have the same.")
    fault = standard_normal_fault(z.reshape(-1, 1))
    expect(fault is None, f"In {course.loss}, (ln σ − P_mean)/P_std must be standard normal (EDM, Table 1), but {fault}.")


def _judge_given_noise(course: Edm, draw: Draw, note: Note) -> None:
    noise = draw.normal(16, *course.sample_shape)
    run = run_loss(course, draw, note, 16, noise)
    same = near(run.noise, noise, NOISE * (1 + abs(noise)))
    note("the noise that is given", same, 0)
    expect(same, f"{course.loss} must use the noise that it is given, y + σ noise; yours uses something else.")


def judge_value(course: Edm, draw: Draw, note: Note) -> None:
    """The loss is the mean of λ(σ) ‖D − y‖², and carries a gradient to the network."""
    _judge_value(course, run_loss(course, draw, note), note)


def judge_latent(course: Edm, draw: Draw, note: Note) -> None:
    """With use_vae, the same of the latents that the encoder gives."""
    run = run_loss(course, draw, note, latent=True)
    fault = standard_normal_fault(run.noise)
    note("mean and spread of ε", (run.noise.mean(), run.noise.std()), 0.05)
    expect(fault is None, f"With use_vae, {course.loss} must add noise to the latents, but of that noise {fault}.")
    _judge_value(course, run, note)


def _judge_value(course: Edm, run: Run, note: Note) -> None:
    note.inputs |= {"y": run.clean, "x": run.asked.x, "answer": run.answer, "sigma": run.sigma, "sigma_data": run.table.sigma_data}
    value = value_of(run.loss, course.loss, note)
    expect_mean_square(value, run.answer, Target.known(run.target), LOSS)
    if not run.by_denoiser:
        expect_gradient(run.loss, run.model.part("model"), run.answer, Target.known(run.target), LOSS, note)
