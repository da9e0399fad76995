"""compute_loss: the mean of (ε − ε_θ)² (DDPM, Eq. 14), t uniform in 0 … T − 1 (Alg. 1)."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake
from autograder.judges.formulas.rows import schedule_of


def _loss_numbers(p: Any, note: Note) -> Numbers:
    given, found = note.inputs, {}
    schedule = schedule_of(note)
    if "x_t is x_0" in note.values:
        found["x_t is x_0"] = p.clean()
    if "loss" in note.values and {"x0", "noise", "eps_hat", "xt", "noise_level"} <= given.keys():
        v = SimpleNamespace(**given)
        if p.other_noise() is not None:
            found |= {"of another noise": True, "noise given to q_sample": p.other_noise() == "given"}
        elif not p.clean():  # else the noise is not known
            found["loss"] = loss = p.reduced(v, v.eps_hat - p.target(v))
            if np.shape(loss) == () and np.isclose(loss, ((v.eps_hat - v.noise) ** 2).mean(), rtol=1e-9):
                found["of another noise"] = False
    if schedule is not None and "kinds of t" in note.values:
        found |= p.times(schedule.num_timesteps)
    return found


def _times(least: int, largest: int, T: int) -> Numbers:
    return {
        "range of t": (least, largest - T),
        "range of t again": (least, largest - T),
        "kinds of t": largest - least + 1,
    }


def _huber(difference: Any) -> Any:
    size = abs(difference)
    return np.where(size < 1, difference**2 / 2, size - 0.5).mean()


def _per_row(v: SimpleNamespace) -> Any:
    return v.noise_level.reshape(-1, *[1] * (v.x0.ndim - 1))


COMPUTE_LOSS = Algorithm(
    parts=dict(
        target=lambda v: v.noise,
        reduced=lambda v, difference: (difference**2).mean(),
        times=lambda T: _times(0, T - 1, T),
        clean=lambda: False,
        other_noise=lambda: (
            None
        ),  # else whether q_sample is "given" the noise that the loss does not mean, or "not given" any
    ),
    measure=_loss_numbers,
    mistakes=(
        mistake(
            "noise-not-passed-to-q-sample",
            "x_t seems to be made with noise of its own, and your loss compares with another. Both must speak of "
            "the same ε (DDPM, Algorithm 1, lines 4 and 5).",
            other_noise=lambda: "not given",
        ),
        mistake(
            "loss-against-fresh-noise",
            "Your loss seems to compare with other noise than the noise inside x_t, which no network can guess, "
            "so it stays at about 1. How often does DDPM, Algorithm 1 draw ε?",
            other_noise=lambda: "given",
        ),
        mistake(
            "network-fed-x0",
            "Your network seems to be given the clean x₀, from which no noise can be told. Compare the arguments "
            "of ε_θ in DDPM, Algorithm 1, line 5.",
            clean=lambda: True,
        ),
        mistake(
            "loss-against-x0",
            "Your loss seems to compare the network's output with x₀. What does ε_θ predict, by DDPM, Eq. 14?",
            target=lambda v: v.x0,
        ),
        mistake(
            "loss-against-xt",
            "Your loss seems to compare the network's output with its own input x_t. What does ε_θ predict, by "
            "DDPM, Eq. 14?",
            target=lambda v: v.xt,
        ),
        mistake(
            "loss-against-minus-noise",
            "Your loss seems to add the noise to the prediction where it must compare the two. Compare the sign "
            "in DDPM, Eq. 14.",
            target=lambda v: -v.noise,
        ),
        mistake(
            "loss-against-noise-part-of-xt",
            "Your loss seems to compare with the noise as it stands in x_t, already scaled down. Compare with the"
            " target in DDPM, Eq. 14.",
            target=lambda v: np.sqrt(_per_row(v)) * v.noise,
        ),
        mistake(
            "sum-for-mean",
            "Your loss seems to be the sum over all numbers, so it grows with the batch and the learning rate no "
            "longer fits. The mean is to be taken over everything.",
            reduced=lambda v, difference: (difference**2).sum(),
        ),
        mistake(
            "sum-over-coordinates",
            "Your loss seems to sum over the coordinates of a sample and to average over the batch only. Look at "
            "what the mean is to be taken over.",
            reduced=lambda v, difference: (difference**2).sum() / len(difference),
        ),
        mistake(
            "loss-for-each-row",
            "Your loss seems to be a number for each row of the batch, and backward needs a single one. Look at "
            "what the mean is to be taken over.",
            reduced=lambda v, d: (d**2).reshape(len(d), -1).mean(axis=1)[:64],
        ),
        mistake(
            "mean-over-batch-only",
            "Your loss seems to be a number for each coordinate: the mean is taken over one axis only, and "
            "backward needs a single number.",
            reduced=lambda v, difference: (difference**2).mean(axis=0).ravel()[:64],
        ),
        mistake(
            "absolute-error",
            "Your loss seems to be the mean absolute error. Compare with the norm in DDPM, Eq. 14.",
            reduced=lambda v, difference: abs(difference).mean(),
        ),
        mistake(
            "huber-loss",
            "Your loss seems to square small errors only and to treat large ones linearly. Compare with the norm "
            "in DDPM, Eq. 14.",
            reduced=lambda v, difference: _huber(difference),
        ),
        mistake(
            "root-of-mean-squared-error",
            "Your loss seems to be the root of the mean squared error. Compare with the norm in DDPM, Eq. 14, and"
            " mind the exponent.",
            reduced=lambda v, difference: np.sqrt((difference**2).mean()),
        ),
        mistake(
            "error-not-squared",
            "Your loss seems to be the mean of the error itself, where positive and negative ones cancel. Compare"
            " with the norm in DDPM, Eq. 14.",
            reduced=lambda v, difference: difference.mean(),
        ),
        mistake("error-not-squared", reduced=lambda v, difference: -difference.mean()),
        mistake(
            "loss-halved",
            "Your loss seems to be half of the mean squared error. Compare with DDPM, Eq. 14.",
            reduced=lambda v, difference: (difference**2).mean() / 2,
        ),
        mistake(
            "loss-weighted-by-t",
            "Rows at different t seem to count differently in your loss, as in DDPM, Eq. 12. Here the simplified "
            "loss is meant: compare with Eq. 14.",
            reduced=lambda v, difference: (difference**2 / _per_row(v)).mean(),
        ),
        mistake(
            "t-never-T-minus-1",
            "The last time step never comes up in your training, and sampling starts just there. Look up whether "
            "the upper end of your random generator is included.",
            times=lambda T: _times(0, T - 2, T),
        ),
        mistake(
            "t-never-0",
            "The first time step never comes up in your training. Look up whether the lower end of your random "
            "generator is included.",
            times=lambda T: _times(1, T - 1, T),
        ),
        mistake(
            "one-t-for-the-batch",
            "All rows of your batch seem to get the same t, which makes the loss jump from step to step. Look at "
            "the shape of the t that you draw.",
            times=lambda T: {"kinds of t": 1},
        ),
        mistake(
            "t-always-last",
            "Your training seems to use the last t only. Compare with the distribution of t in DDPM, Algorithm 1,"
            " line 3.",
            times=lambda T: _times(T - 1, T - 1, T),
        ),
    ),
)
