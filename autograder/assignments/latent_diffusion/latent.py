"""The loss and the loops around an autoencoder: an object with `encoder` and `decoder`, both answered by the grader, linear and of factor 8."""

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from autograder.assignments.latent_diffusion.interface import Wisconsin
from autograder.assignments.latent_diffusion.samples import Steps
from autograder.grading.checks import Carry, Floats, Note, WrongAnswer, any_form, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.expectations import expect_start, f32
from autograder.judges.network import Call, Network
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import standard_normal_fault
from autograder.oracles.tolerance import near
from autograder.sandbox.proxies import Handle

LATENT, IMAGE, FACTOR = (4, 2, 3), (3, 16, 24), 8
ROWS = 128
TOLERANCE = 3e-4  # relative, of the loss: float32 rounds latents of ±4, which the small noise of the first t is found in
LOSS = "libs/ddpm.py:DDPM.compute_loss"


@dataclass
class Autoencoder:
    """Latents are secret combinations of the colours of blocks of 8 × 8 pixels; many are beyond ±1."""

    draw: Draw
    mix: Floats = field(init=False)  # (4, 3)

    def __post_init__(self) -> None:
        self.mix = 6 * self.draw.normal(LATENT[0], IMAGE[0])

    @cached_property
    def encoder(self) -> Network:
        return Network(self.encode, ("x",))

    @cached_property
    def decoder(self) -> Network:
        return Network(self.decode, ("x",))

    def images(self, rows: int) -> Floats:
        """Of blocks of one colour, in 0 … 1."""
        colours = self.draw.uniform(0, 1, rows, IMAGE[0], *LATENT[1:])
        return f32(colours.repeat(FACTOR, axis=2).repeat(FACTOR, axis=3)).astype(np.float64)

    def encode(self, call: Call) -> Floats:
        expect(call.x.shape[1:] == IMAGE, f"self.vae.encoder must be given images, (B, {_listed(IMAGE)}); yours gave it shape {call.x.shape}.")
        return np.einsum("ij,bjhw->bihw", self.mix, call.x[:, :, ::FACTOR, ::FACTOR] - 0.5)

    def decode(self, call: Call) -> Floats:
        expect(call.x.shape[1:] == LATENT, f"self.vae.decoder must be given latents, (B, {_listed(LATENT)}); yours gave it shape {call.x.shape}.")
        colours = 0.5 + 0.3 * np.einsum("ij,bihw->bjhw", self.mix / 6, call.x)  # some beyond 0 … 1
        return colours.repeat(FACTOR, axis=2).repeat(FACTOR, axis=3)

    def put_into(self, course: Wisconsin, model: Handle) -> None:
        model.set("use_vae", True)
        model.set("vae", course.student.namespace(encoder=course.student.network(self.encoder), decoder=course.student.network(self.decoder)))


def _listed(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def judge_loss(course: Wisconsin, draw: Draw, note: Note, carry: Carry) -> None:
    """With the reference in the place of the student's q_sample, or as it is. Raises WrongAnswer."""
    course = dataclasses.replace(course, sample_shape=LATENT)
    with_value = LOSS not in carry.wrong
    any_form(note, [partial(_judge_loss, course, draw, note, with_value, own) for own in (False, True)])


def _judge_loss(course: Wisconsin, draw: Draw, note: Note, with_value: bool, own_q_sample: bool) -> None:
    schedule, autoencoder = course.schedule(draw), Autoencoder(draw)
    eps_hat = draw.normal(ROWS, *LATENT)
    network = course.answered(lambda call: eps_hat)
    model = course.build(schedule, network)
    autoencoder.put_into(course, model)
    if not own_q_sample:
        course.replace(model, course.names.q_sample, partial(_q_sample, schedule, draw))
    images = autoencoder.images(ROWS)
    course.student.seed = draw.seed()
    loss = course.compute_loss(model, f32(images))
    value = loss.get("")
    course.student.seed = None
    _expectencoded(autoencoder, images, note)
    note("network calls", len(network.calls), 0)
    expect(len(network.calls) == 1, f"compute_loss must call {course.names.network} once; yours called it {len(network.calls)} times.")
    latents, call = f32(autoencoder.encode(Call(images, np.empty(0)))).astype(np.float64), network.calls[0]
    expect(
        call.x.shape == latents.shape,
        f"With use_vae, the network must be given noised latents, of shape {latents.shape}; yours was given shape {call.x.shape}.",
    )
    t = np.clip(call.t, 0, schedule.last).astype(np.int64)
    noise = schedule.noise_in(call.x, latents, t)
    note("spread of ε", noise.std(), 0.07)
    fault = standard_normal_fault(noise)
    expect(fault is None, f"With use_vae, x_t must be √ᾱ_t z + √(1 − ᾱ_t) ε of the latents z that self.vae.encoder gives, but of that ε {fault}.")
    if with_value:
        _expect_value(value, float(((eps_hat - noise) ** 2).mean()), note)


def _q_sample(schedule: Schedule, draw: Draw, x0: Any, t: Any, noise: Any = None) -> Any:
    if not isinstance(x0, np.ndarray) or x0.shape[1:] != LATENT:
        shape = x0.shape if isinstance(x0, np.ndarray) else type(x0).__name__
        raise WrongAnswer(f"With use_vae, noise is added to latents, of shape (B, {_listed(LATENT)}); yours gave q_sample {shape}.")
    if noise is not None and noise.shape != x0.shape:
        raise WrongAnswer(f"With use_vae, the noise must have the shape of the latents, {x0.shape}; yours has {noise.shape}.")
    rows = np.clip(np.broadcast_to(t, len(x0)), 0, schedule.last).astype(np.int64)
    noise = draw.normal(*x0.shape) if noise is None else noise.astype(np.float64)
    return f32(schedule.q_sample(x0.astype(np.float64), rows, noise))


def _expectencoded(autoencoder: Autoencoder, images: Floats, note: Note) -> None:
    """Once, as they are."""
    calls, count = autoencoder.encoder.calls, len(autoencoder.encoder.dtypes)
    note("calls of the encoder", count, 0)
    note("calls of the decoder", len(autoencoder.decoder.dtypes), 0)
    expect(count, "With use_vae, compute_loss must make latents of the images, self.vae.encoder(x_start); yours never called it.")
    expect(count == 1, f"With use_vae, compute_loss must encode the images once; yours called self.vae.encoder {count} times.")
    given = calls[0].x
    note("encoder's input is 2x − 1", near(given, 2 * images - 1, 1e-4), 0)
    note("encoder's input is (x + 1)/2", near(given, (images + 1) / 2, 1e-4), 0)
    note("encoder's input is x", near(given, images, 1e-4), 0)
    expect(
        near(given, images, 1e-4),
        "With use_vae, self.vae.encoder must be given the images as they come, in 0 … 1; yours was given other numbers, "
        f"from {given.min():.3f} to {given.max():.3f}.",
    )
    expect(not autoencoder.decoder.dtypes, "compute_loss has nothing to decode: the loss is one of latents; yours called self.vae.decoder.")


def _expect_value(value: Any, expected: float, note: Note) -> None:
    expect(isinstance(value, np.ndarray) and value.size == 1, "compute_loss must return a tensor with one number.")
    got = float(value.ravel()[0])
    note("loss ratio", got / expected, 5e-3)
    expect(
        near(got, expected, TOLERANCE * expected),
        f"With use_vae, the loss must be the mean of (ε − ε_θ)² with the ε that is in the noised latents, {expected:.5f}; yours is {got:.5f}.",
    )


def judge_loop(course: Wisconsin, draw: Draw, note: Note) -> None:
    """A stand-in takes the steps, of latents; what the loop decodes and returns is judged. Raises WrongAnswer."""
    course = dataclasses.replace(course, sample_shape=LATENT)
    schedule, autoencoder, steps, loop = course.schedule(draw), Autoencoder(draw), Steps(draw), course.names.p_sample_loop
    network = course.network(schedule, lambda x, t: np.zeros_like(x))
    model = course.build(schedule, network)
    autoencoder.put_into(course, model)
    course.replace(model, course.names.p_sample, steps.take)
    course.student.seed = draw.seed()
    answer = course.drawn(model, (4 * ROWS, *LATENT), **course.few_steps)
    course.student.seed = None
    first = steps.given or [call.x for call in network.calls[:1]]
    expect(first, f"With use_vae, {loop} must take its steps as without; yours took none.")
    expect_start(first[0], (4 * ROWS, *LATENT), f"With use_vae, {loop}")
    count = len(autoencoder.decoder.dtypes)
    note("calls of the decoder", count, 0)
    note("calls of the encoder", len(autoencoder.encoder.dtypes), 0)
    expect(count, f"With use_vae, {loop} must make images of the last latents, self.vae.decoder(x); yours never called it.")
    expect(count == 1, f"With use_vae, {loop} must decode once, after the last step; yours called self.vae.decoder {count} times.")
    expect(not autoencoder.encoder.dtypes, f"{loop} has nothing to encode; yours called self.vae.encoder.")
    _expect_last_decoded(autoencoder.decoder.calls[0], steps, loop, note)
    decoded = autoencoder.decode(autoencoder.decoder.calls[0])
    images = expect_tensor(answer, decoded.shape, f"With use_vae, the result of {loop}")
    note("returns what was decoded", near(images, decoded.clip(0, 1), 1e-4) or near(images, decoded, 1e-4), 0)
    expect(
        near(images, decoded.clip(0, 1), 1e-4) or near(images, decoded, 1e-4),
        f"With use_vae, {loop} must return the images that self.vae.decoder gives, which are in 0 … 1 already; yours differ from them "
        f"by up to {abs(images - decoded.clip(0, 1)).max():.3f}.",
    )


def _expect_last_decoded(call: Call, steps: Steps, loop: str, note: Note) -> None:
    last = steps.last
    largest = abs(call.x).max()
    note("largest latent", largest, 1e-3)
    if last is None:
        expect(largest > 1.5, f"{loop} must decode the latents as they are; yours are all within ±{largest:.2f}. Look for what clamps them.")
        return
    note("decoded is the last x", near(call.x, last, 1e-4), 0)
    note("decoded is clamped", near(call.x, last.clip(-1, 1), 1e-4), 0)
    expect(
        near(call.x, last, 1e-4),
        f"With use_vae, {loop} must decode what the last step returned, as it is; yours decodes other numbers, within ±{largest:.2f} where "
        f"the latents reach ±{abs(last).max():.2f}.",
    )
