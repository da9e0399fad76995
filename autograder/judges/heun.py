"""Judgements of EDM's sampler: the steps of Eq. 5 and Algorithm 1 without churn (Karras et al. 2022), Heun's method on dx/dσ = (x − D(x; σ))/σ.

The network is answered so that D is the ideal denoiser of a Gaussian for each class. Nothing but the start is random, and each state follows
from the one before, to rounding; how far the result is from the exact solution of the flow tells the order of the method.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, any_form, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.edm import Asked, Edm, Recorder, expect_labels
from autograder.judges.expectations import f32
from autograder.judges.network import as_state
from autograder.judges.results import numbers_of
from autograder.oracles.preconditioning import GaussianDenoiser, Preconditioning, rho_steps
from autograder.oracles.statistics import correlation, standard_normal_fault
from autograder.oracles.tolerance import near

SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7.0  # of the paper, and the defaults
IMAGES = 5
LARGE = (2, 60, 61)  # images of which five show a spread that is off by 3.1 %
TOLERANCE = 2e-5  # of a state, relative to 1 + σ; float32 loses some 1e-6


# The steps


def judge_sigma_steps(course: Edm, draw: Draw, note: Note) -> None:
    """σ_i of Eq. 5 for the defaults and for others, and 0 at the end or not yet."""
    count, others = draw.integer(9, 14), (float(draw.uniform(0.01, 0.05)), float(draw.uniform(20, 50)), float(draw.integer(3, 5)))
    for which, given in (("defaults", ()), ("others", others)):
        expected = rho_steps(count, *(given or (SIGMA_MIN, SIGMA_MAX, RHO)))
        got = numbers_of(course.student, course.bare().new("sigma_steps", count, *given), "sigma_steps")
        note.inputs[which] = (count, *(given or (SIGMA_MIN, SIGMA_MAX, RHO)))
        note(f"σ, {which}", np.log(np.maximum(got[: count - 1], 1e-9)) if got.size >= count else got, 1e-3)
        rising = np.diff(got[:count])
        note.measured_work(got.size >= count and bool((rising > 0).all() or (rising < 0).all()))
        _expect_steps(got, expected, which)


def _expect_steps(got: Floats, expected: Floats, which: str) -> None:
    count, ends = len(expected), "the defaults" if which == "defaults" else "other sigma_min, sigma_max, rho"
    given = f"For num_steps = {count} and {ends},"
    expect(got.size in (count, count + 1), f"{given} sigma_steps must give {count} values of σ and 0 at the end; yours gives {got.size}.")
    for i, (value, right) in enumerate(zip(got, expected)):
        expect(near(value, right, 1e-4 * right), f"{given} σ_{i} must be that of EDM, Eq. 5; yours is {value:.5g}.")
    expect(got.size == count or near(got[-1], 0, 1e-9), f"{given} σ_{count}, the last one, must be 0; yours is {got[-1]:.5g}.")


# The sampler


@dataclass(frozen=True)
class Run:
    """One call of the sampler: what the network was asked, in order, and what came in the end."""

    calls: list[Asked]
    result: Any
    data: GaussianDenoiser  # for each image of the batch
    labels: Any
    sigmas: Floats  # the right ones, without 0
    decoded: list[Floats]  # what the decoder was given


def run(course: Edm, draw: Draw, note: Note, steps: int, shape: tuple[int, ...], zero: bool = True, latent: bool = False) -> Run:
    """`zero`: whether steps that stand in for wrong ones end with 0. Raises WrongAnswer unless the network is asked about images of the shape."""
    table, name = Preconditioning(0.5), course.sample
    means, std = draw.uniform(-0.7, 0.7, course.classes, *shape), draw.uniform(0.1, 0.6, *shape)
    labels, decoded = course.labels(draw, IMAGES), list[Floats]()

    def answer(asked: Asked) -> Floats:
        expect(asked.x.shape == (IMAGES, *shape), f"{name} must begin with noise of shape {(IMAGES, *shape)}; yours has {asked.x.shape}.")
        expect_labels(asked.label, labels, name, note)
        sigma = asked.sigma.reshape(-1, 1, 1, 1)
        denoised = GaussianDenoiser(means[labels], std).denoised(asked.x, sigma)
        result: Floats = (denoised - table.c_skip(sigma) * asked.x) / table.c_out(sigma)
        return result

    def decode(x: Any) -> Any:
        decoded.append(as_state(x, "z", "What self.vae.decoder is given"))
        expect(decoded[-1].ndim == 4, f"self.vae.decoder must be given latents, (B, C, H, W); yours gives it shape {decoded[-1].shape}.")
        return f32(_decoded(decoded[-1]))

    sigmas = rho_steps(steps, SIGMA_MIN, SIGMA_MAX, RHO)
    recorder = Recorder(course, table, answer, name, most=4 * steps + 20)
    vae = course.student.namespace(decoder=course.student.function(decode)) if latent else None
    settings: dict[str, Any] = {"use_vae": True, "vae": vae} if latent else {}
    model = recorder.model(img_shape=shape, **settings)
    if course.wrong("sigma_steps"):
        answered = f32(np.append(sigmas, 0) if zero else sigmas)
        model.set("sigma_steps", course.student.function(lambda *args, **kwargs: answered))
    result = model.call(name, labels, num_steps=steps)
    note("calls", len(recorder.calls) - 2 * steps, 0)
    expect(recorder.calls, f"{name} must ask the network in every step; yours never asked it.")
    return Run(recorder.calls, result, GaussianDenoiser(means[labels], std), labels, sigmas, decoded)


def _decoded(x: Floats) -> Floats:
    """The grader's decoder: images partly beyond 0 … 1, of another size."""
    return np.repeat(0.5 + 0.9 * x[:, :3], 2, axis=3)


def _in_form(course: Edm, note: Note, judge: Callable[[bool], None]) -> None:
    """With steps of the grader's that end with 0, or do not yet, where they stand in."""
    forms = (True, False) if course.wrong("sigma_steps") else (True,)
    any_form(note, [partial(judge, zero) for zero in forms])


def judge_start(course: Edm, draw: Draw, note: Note) -> None:
    """x at σ_max is σ_max times standard normal noise, of self.img_shape, new at every call."""

    def judge(zero: bool) -> None:
        first, second = (run(course, draw, note, 3, LARGE, zero).calls[0] for _ in range(2))
        noise = first.x / SIGMA_MAX
        repeats = correlation(first.x - first.x.mean(), second.x - second.x.mean())[1]
        note("mean and spread of the start, by σ_max", (noise.mean(), noise.std()), 0.05)
        note("the same start again", repeats, 0)
        fault = standard_normal_fault(noise)
        expect(fault is None, f"{course.sample} must start from noise of the standard deviation σ_max; of x/σ_max {fault}.")
        expect(not repeats, f"{course.sample} must start from new noise at every call; yours starts from the same again.")

    _in_form(course, note, judge)


def judge_steps(course: Edm, draw: Draw, note: Note) -> None:
    """Every state follows from the one before by Heun's method, in 2 N − 1 calls of the network."""

    def judge(zero: bool) -> None:
        coarse, fine = (run(course, draw, note, steps, course.sample_shape, zero) for steps in (draw.integer(9, 11), draw.integer(19, 22)))
        _note_steps(coarse, note)
        for one in (coarse, fine):
            _expect_calls(one, course)
        errors, counts = [_error(one) for one in (coarse, fine)], [len(one.sigmas) for one in (coarse, fine)]
        note("order of convergence", np.log(errors[0] / errors[1]) / np.log((counts[1] - 1) / (counts[0] - 1)), 0.2)

    _in_form(course, note, judge)


def _error(one: Run) -> float:
    """Of the last state, against the exact solution of the flow from the start, in the mean square."""
    last = one.calls[-1]
    exact = one.data.flow(one.calls[0].x, one.sigmas[0], one.sigmas[-1])
    return float(np.sqrt(((last.x - exact) ** 2).mean()) + 1e-12)


def _sigmas_of(one: Run) -> Floats:
    return np.array([asked.sigma[0] for asked in one.calls])


def _note_steps(one: Run, note: Note) -> None:
    told, count = _sigmas_of(one), len(one.sigmas)
    note("ln σ of the first calls, and of the last", np.log(told[[0, *(min(i, len(told) - 1) for i in (1, 2, 3)), -1]]), 1e-3)
    moved = max(abs(asked.x - one.calls[0].x).max() for asked in one.calls)
    note.measured_work(bool(len(told) >= count and moved > 1e-3 and np.ptp(told) > 1))
    if len(told) != 2 * count - 1:
        return
    firsts, seconds, guesses, changes = [], [], [], []
    for k in range(0, 2 * count - 2, 2):
        x, guess, following = (one.calls[k + n].x for n in range(3))
        now, to = told[k], told[k + 1]
        if now == to:
            return
        firsts.append(one.data.slope(x, now).ravel())
        seconds.append(one.data.slope(guess, to).ravel())
        guesses.append((guess - x).ravel() / (to - now))
        changes.append((following - x).ravel() / (to - now))
    slopes = np.stack([np.concatenate(firsts), np.concatenate(seconds)], axis=1)
    note("change of Euler's step by (σ′ − σ) d", float(np.linalg.lstsq(slopes[:, :1], np.concatenate(guesses), rcond=None)[0][0]), 5e-3)
    note("weights of the two slopes", np.linalg.lstsq(slopes, np.concatenate(changes), rcond=None)[0], 2e-2)


def _expect_calls(one: Run, course: Edm) -> None:
    """That the calls are those of Heun's method, one after the other; the first that is not is told."""
    count, told, name = len(one.sigmas), _sigmas_of(one), course.sample
    expected = [one.sigmas[0], *np.repeat(one.sigmas[1:], 2)]
    given = f"With num_steps = {count},"
    expect(
        len(told) == len(expected),
        f"{given} {name} must ask the network {len(expected)} times, twice in every step but the last; yours asks it {len(told)} times.",
    )
    for k, (sigma, right) in enumerate(zip(told, expected)):
        expect(near(sigma, right, 2e-4 * right), f"{given} call {k + 1} of the network must be at σ = {right:.4g}; yours is at {sigma:.4g}.")
    for i, (now, to) in enumerate(zip(one.sigmas, one.sigmas[1:])):
        x, guess, following = (one.calls[k].x for k in (2 * i, 2 * i + 1, 2 * i + 2))
        d = one.data.slope(x, now)
        allowed = TOLERANCE * (1 + now)
        where = f"{given} step {i + 1}, from σ = {now:.4g} to {to:.4g}:"
        message = f"{where} what the network is asked second must be x + (σ′ − σ) d (EDM, Alg. 1, line 5)."
        expect(near(guess, x + (to - now) * d, allowed), message)
        right = x + (to - now) * (d + one.data.slope(guess, to)) / 2
        message = f"{where} the corrected x is not that of EDM, Alg. 1, line 8."
        expect(near(following, right, allowed), message)


def judge_result(course: Edm, draw: Draw, note: Note) -> None:
    """The last step is one of Euler's method to σ = 0; then the decoder, where there is one; then images in 0 … 1."""

    def judge(zero: bool) -> None:
        for latent, shape in ((False, course.sample_shape), (True, (4, 1, 3))):
            one = run(course, draw, note, 5, shape, zero, latent)
            last = one.calls[-1]
            final = one.data.denoised(last.x, last.sigma[0])  # x + (0 − σ) (x − D)/σ
            note(f"σ of the last call{' of latents' * latent}", np.log(last.sigma[0]), 1e-3)
            _expect_latents(one, final, course, note) if latent else _expect_images(one, final, course, note)

    _in_form(course, note, judge)


def _expect_images(one: Run, final: Floats, course: Edm, note: Note) -> None:
    images = expect_tensor(one.result, final.shape, f"The result of {course.sample}")
    expected = (final.clip(-1, 1) + 1) / 2
    note("images", images, 1e-2)
    known = {
        "the states themselves, without self.postprocess": final, "x before the last step": (one.calls[-1].x.clip(-1, 1) + 1) / 2,
        "images clamped to 0 … 1 that reach from −1 to 1": final.clip(0, 1),
    }  # fmt: skip
    what = next((name for name, value in known.items() if not near(value, expected, 1e-3) and near(images, value, 1e-4)), "something else")
    expect(
        near(images, expected, 1e-4),
        f"{course.sample} must take the last step to σ = 0 by Euler's method and return the images in 0 … 1; yours returns {what}.",
    )


def _expect_latents(one: Run, final: Floats, course: Edm, note: Note) -> None:
    note("calls of the decoder", len(one.decoded), 0)
    times = len(one.decoded)
    expect(times == 1, f"With use_vae, {course.sample} must decode the latents once; yours calls self.vae.decoder {times} times.")
    right = one.decoded[0].shape == final.shape and near(one.decoded[0], final, 1e-4)
    expect(right, f"With use_vae, {course.sample} must decode the latents after the last step; yours decodes something else.")
    expected = _decoded(one.decoded[0]).clip(0, 1)
    images = expect_tensor(one.result, expected.shape, f"With use_vae, the result of {course.sample}")
    expect(near(images, expected, 1e-4), f"With use_vae, {course.sample} must return the decoded images, clamped to 0 … 1; yours returns others.")
