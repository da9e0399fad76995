"""The loss, the steps and the loops around an autoencoder: an object with `encoder` and `decoder`, both answered by the grader, linear and of
factor 8.

The loss and the loops are run twice with equal random numbers: without the autoencoder on the latents, and with it on the images. What a mistake of
the diffusion does it does in both, so that only the latent path is judged here.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.assignments.latent_diffusion.interface import Wisconsin, reference_q_sample
from autograder.assignments.latent_diffusion.samples import Steps
from autograder.grading.checks import Carry, Floats, Note, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.expectations import f32
from autograder.judges.interface import Interface
from autograder.judges.network import Call, Network
from autograder.judges.regression import Target, expect_mean_square
from autograder.oracles.schedule import Schedule
from autograder.oracles.statistics import standard_normal_fault
from autograder.oracles.tolerance import near
from autograder.sandbox.proxies import Handle

LATENT, IMAGE, FACTOR = (4, 2, 3), (3, 16, 24), 8
ROWS = 128
TOLERANCE = 3e-4  # relative, of the loss: float32 rounds latents of ±4, which the small noise of the first t is found in
LOSS, Q_SAMPLE = "libs/ddpm.py:DDPM.compute_loss", "libs/ddpm.py:DDPM.q_sample"


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
    """Raises WrongAnswer."""
    course = dataclasses.replace(course, sample_shape=LATENT)
    schedule, autoencoder, seed = course.schedule(draw), Autoencoder(draw), draw.seed()
    eps_hat, images = draw.normal(ROWS, *LATENT), autoencoder.images(ROWS)
    latents = f32(autoencoder.encode(Call(images, np.empty(0))))
    stands_in = carry.stands_in_for(Q_SAMPLE)

    def run(data: Any, inside: bool) -> tuple[Network, Any]:
        network = course.answered(lambda call: eps_hat)
        model = course.build(schedule, network)
        if inside:
            autoencoder.put_into(course, model)
        if stands_in:
            course.replace(model, course.names.q_sample, reference_q_sample(schedule, np.random.default_rng(seed)))
        course.student.seed = seed
        value = course.compute_loss(model, data).get("")
        course.student.seed = None
        return network, value

    network, value = run(f32(images), inside=True)
    _expect_encoded(autoencoder, images, note)
    note("network calls", len(network.calls), 0)
    expect(network.calls, f"With use_vae, compute_loss must call {course.names.network}; yours never called it.")
    call = network.calls[0]
    expect(
        call.x.shape == latents.shape,
        f"With use_vae, the network must be given noised latents, of shape {latents.shape}; yours was given shape {call.x.shape}.",
    )
    without, value_without = run(latents, inside=False)
    if without.calls and near(call.x, without.calls[0].x, 1e-4) and same_number(value, value_without):
        return
    _expect_noised_latents(schedule, call, latents.astype(np.float64), note)
    if LOSS not in carry.wrong:
        _expect_value(value, eps_hat, schedule, call, latents.astype(np.float64), note)
    expect(LOSS not in carry.wrong, "With use_vae, the loss must be that of the latents; yours is another one.")


def same_number(one: Any, other: Any) -> bool:
    arrays = isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.shape == other.shape
    return near(one, other, 1e-4 * (1 + abs(other).max())) if arrays and one.size else type(one) is type(other)


def _expect_encoded(autoencoder: Autoencoder, images: Floats, note: Note) -> None:
    """Once, as they are."""
    calls, count = autoencoder.encoder.calls, len(autoencoder.encoder.dtypes)
    note("calls of the encoder", count, 0)
    note("calls of the decoder", len(autoencoder.decoder.dtypes), 0)
    expect(
        count or not autoencoder.decoder.dtypes,
        "With use_vae, compute_loss must make latents of the images, self.vae.encoder(x_start); yours calls the decoder.",
    )
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


def _noise_in(schedule: Schedule, call: Call, latents: Floats) -> Floats:
    return schedule.noise_in(call.x, latents, np.clip(call.t, 0, schedule.last).astype(np.int64))


def _expect_noised_latents(schedule: Schedule, call: Call, latents: Floats, note: Note) -> None:
    noise = _noise_in(schedule, call, latents)
    note("spread of ε", noise.std(), 0.07)
    fault = standard_normal_fault(noise)
    expect(fault is None, f"With use_vae, x_t must be √ᾱ_t z + √(1 − ᾱ_t) ε of the latents z that self.vae.encoder gives, but of that ε {fault}.")


def _expect_value(value: Any, eps_hat: Floats, schedule: Schedule, call: Call, latents: Floats, note: Note) -> None:
    expect(isinstance(value, np.ndarray) and value.size == 1, "compute_loss must return a tensor with one number.")
    got, target = float(value.ravel()[0]), Target.known(_noise_in(schedule, call, latents))
    note("loss ratio", got / target.mean_square(eps_hat)[0], 5e-3)
    expect_mean_square(got, eps_hat, target, "the mean of (ε − ε_θ)² with the ε that is in the noised latents", TOLERANCE)


@dataclass
class Run:
    """One run of a loop whose steps a stand-in takes. `made_of`: what it gave postprocess; without an autoencoder, what it would have decoded."""

    first: Floats | None
    made_of: Floats | None
    answer: Any


def judge_last_step(course: Wisconsin, draw: Draw, note: Note, take: Callable[[Handle, Floats, NDArray[np.int64]], Any]) -> None:
    """The step to clean data gives the estimate of x_0 itself, of latents that reach ±3. `take`: (model, x_t, t) → the student's result.

    Raises WrongAnswer.
    """
    course, name = dataclasses.replace(course, sample_shape=LATENT), f"{course.kind}.p_sample"
    schedule = course.schedule(draw)
    t = np.full(ROWS, schedule.first)
    x0, eps = draw.uniform(-3, 3, ROWS, *LATENT), draw.normal(ROWS, *LATENT)
    model = course.build(schedule, course.answered(lambda call: eps))
    Autoencoder(draw).put_into(course, model)
    answer = take(model, f32(schedule.q_sample(x0, t, eps)), t)
    got = expect_tensor(answer, x0.shape, f"With use_vae, the result of {name}")
    clamped = near(got, x0.clip(-1, 1), 1e-3)
    note("x_0 of latents", near(got, x0, 1e-3), 0)
    note("x_0 is clamped", clamped, 0)
    expect(
        not clamped,
        f"With use_vae, {name} must not clamp its estimate of x_0: it is one of latents, here within ±{abs(x0).max():.2f}; yours is within ±1.",
    )
    expect(
        near(got, x0, 1e-3),
        f"With use_vae, at t = {schedule.first}, where no noise is added, {name} must give its estimate of x_0, (x_t − √(1 − ᾱ_t) ε_θ) / √ᾱ_t; "
        f"yours differs from it by up to {abs(got - x0).max():.3f}.",
    )


def judge_loop(course: Wisconsin, draw: Draw, note: Note) -> None:
    """Raises WrongAnswer."""
    course = dataclasses.replace(course, sample_shape=LATENT)
    schedule, autoencoder, loop = course.schedule(draw), Autoencoder(draw), course.names.p_sample_loop
    seed, numbers = draw.seed(), int(draw.generator.integers(2**32))
    inside = _run(course, schedule, autoencoder, seed, numbers)
    decoder, count = autoencoder.decoder, len(autoencoder.decoder.dtypes)
    expect(inside.first is not None, f"With use_vae, {loop} must take its steps as without; yours took none.")
    assert inside.first is not None
    expect(
        inside.first.shape[1:] == LATENT,
        f"With use_vae, {loop} must start from noise of the shape (B, *self.img_shape), that of latents; yours has shape {inside.first.shape}.",
    )
    note("calls of the decoder", count, 0)
    note("calls of the encoder", len(autoencoder.encoder.dtypes), 0)
    expect(not autoencoder.encoder.dtypes, f"{loop} has nothing to encode; yours called self.vae.encoder.")
    expect(count, f"With use_vae, {loop} must make images of the last latents, self.vae.decoder(x); yours never called it.")
    expect(count == 1, f"With use_vae, {loop} must decode once, after the last step; yours called self.vae.decoder {count} times.")
    without = _run(course, schedule, None, seed, numbers)
    _expect_last_decoded(decoder.calls[0].x, without.made_of, loop, note)
    if without.answer is None and inside.answer is None:
        return  # the return is missing, with an autoencoder and without: the business of another task
    decoded = autoencoder.decode(decoder.calls[0])
    images = expect_tensor(inside.answer, decoded.shape, f"With use_vae, the result of {loop}")
    returned = near(images, decoded.clip(0, 1), 1e-4) or near(images, decoded, 1e-4)
    note("returns what was decoded", returned, 0)
    expect(
        returned,
        f"With use_vae, {loop} must return the images that self.vae.decoder gives, which are in 0 … 1 already; yours differ from them "
        f"by up to {abs(images - decoded.clip(0, 1)).max():.3f}.",
    )


def _run(course: Wisconsin, schedule: Schedule, autoencoder: Autoencoder | None, seed: int, numbers: int) -> Run:
    """With the same random numbers in the worker and in the stand-in's answers each time."""
    made_of: list[Any] = []

    def postprocess(images: Any) -> Any:
        made_of.append(images)
        return images

    steps = Steps(np.random.default_rng(numbers))
    network = course.network(schedule, lambda x, t: np.zeros_like(x))
    model = course.build(schedule, network)
    if autoencoder is not None:
        autoencoder.put_into(course, model)
    else:
        model.set("postprocess", course.student.function(postprocess))
    Interface.replace(course, model, course.names.p_sample, steps.take)
    course.student.seed = seed
    answer = course.drawn(model, (4 * ROWS, *LATENT), **course.few_steps)
    course.student.seed = None
    first = network.calls[0].x if steps.first is None and network.calls else steps.first
    last = made_of[-1] if made_of else None
    return Run(first, last.astype(np.float64) if isinstance(last, np.ndarray) else None, answer)


def _expect_last_decoded(decoded: Floats, last: Floats | None, loop: str, note: Note) -> None:
    """`last`: what the loop makes images of where there is no autoencoder; None where that is not known."""
    largest = abs(decoded).max()
    note("largest latent", largest, 1e-3)
    if last is None or last.shape != decoded.shape:
        expect(largest > 1.5, f"{loop} must decode the latents as they are; yours are all within ±{largest:.2f}. Look for what clamps them.")
        return
    note("decoded is the last x", near(decoded, last, 1e-4), 0)
    note("decoded is clamped", near(decoded, last.clip(-1, 1), 1e-4), 0)
    expect(
        near(decoded, last, 1e-4),
        f"With use_vae, {loop} must decode what the last step returned, as it is; yours decodes other numbers, within ±{largest:.2f} where "
        f"the latents reach ±{abs(last).max():.2f}.",
    )
