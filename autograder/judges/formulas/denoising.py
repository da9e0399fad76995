"""A one-step denoiser: z = x + σ ε, and the mean of ‖D(z) − x‖² (judges/denoising.py).

    ADD_NOISE         of two calls with inputs["sigmas"]: "factor of x, first σ", "spread of the noise, …", "mean of the noise, …", "z within
                      0 … 1, …", "all images alike, …"; "the same noise again"
    DENOISING_LOSS    these, of what the network is given; and "loss", of inputs["x"], ["z"], ["noise"], ["answer"]
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake, together
from autograder.judges.formulas.regression import REDUCTIONS


def _noise_numbers(p: Any, note: Note) -> Numbers:
    found: dict[str, Any] = {}
    for which, sigma in zip(("first σ", "second σ"), note.inputs.get("sigmas", ())):
        found[f"z within 0 … 1, {which}"] = p.clamped()
        if p.clamped():
            continue
        found[f"factor of x, {which}"] = p.signal(sigma)
        found[f"spread of the noise, {which}"] = spread = p.spread(sigma) * p.noise()[1]
        found[f"mean of the noise, {which}"] = p.spread(sigma) * p.noise()[0]
        found[f"all images alike, {which}"] = p.shared() or spread == 0
        if spread == 0:
            del found[f"z within 0 … 1, {which}"]  # it is, where x is as it was
    if found:
        found["the same noise again"] = p.repeated()
    return found


ADD_NOISE = Algorithm(
    parts=dict(
        signal=lambda s: 1.0,
        spread=lambda s: s,
        noise=lambda: (0.0, 1.0),  # its mean and standard deviation
        clamped=lambda: False,
        shared=lambda: False,
        repeated=lambda: False,
    ),
    measure=_noise_numbers,
    mistakes=(
        mistake(
            "uniform",
            "Your noise seems to come from a uniform distribution. ε is to be standard normal: compare the names of the random functions.",
            noise=lambda: (0.5, 12**-0.5),
        ),
        mistake("uniform", noise=lambda: (0.0, 3**-0.5)),
        mistake(
            "variance-for-strength",
            "Your noise seems to be multiplied by σ². What must a standard normal number be multiplied by to get the standard deviation σ?",
            spread=lambda s: s**2,
        ),
        mistake(
            "root-of-strength",
            "Your noise seems to be multiplied by √σ. σ is a standard deviation, and no variance.",
            spread=lambda s: s**0.5,
        ),
        mistake(
            "strength-forgotten",
            "Your noise seems to be equally strong for every σ. Look at where σ stands in z = x + σ ε.",
            spread=lambda s: 1.0,
        ),
        mistake(
            "image-faded",
            "The image in your z seems to fade as σ grows. Compare with z = x + σ ε: here x stays as strong as it is.",
            signal=lambda s: 1 - s,
        ),
        mistake(
            "image-faded-as-in-ddpm",
            "The image in your z seems to be multiplied by √(1 − σ²), as if this were DDPM. Compare with z = x + σ ε.",
            signal=lambda s: np.sqrt(1 - s**2),
        ),
        mistake(
            "image-times-strength",
            "σ seems to multiply the image as well as the noise. Look at which of the two it stands before.",
            signal=lambda s: s,
        ),
        mistake(
            "clamped",
            "Your z seems to be clamped to 0 … 1. Noise leads out of that range, and is to stay as it is.",
            clamped=lambda: True,
        ),
        mistake(
            "left-out",
            "There seems to be no noise in your z. Look at what becomes of σ ε.",
            spread=lambda s: 0.0,
        ),
        mistake(
            "image-left-out",
            "There seems to be no image in your z, only noise. Look at what becomes of x.",
            signal=lambda s: 0.0,
        ),
        mistake(
            "one-for-all-images",
            "All images of a batch seem to get the same noise. Look at the shape of the noise that you draw.",
            shared=lambda: True,
        ),
        mistake(
            "same-at-every-call",
            "Your noise seems to be the same at every call. Look for a seed that is set, or for noise that is kept.",
            repeated=lambda: True,
        ),
    ),
)


def _loss_numbers(p: Any, note: Note) -> Numbers:
    if "loss" not in note.values or not {"x", "z", "noise", "answer"} <= note.inputs.keys():
        return {}
    v = SimpleNamespace(**note.inputs)
    return {"loss": p.reduced(v, v.answer - p.target(v))}


_LOSS = Algorithm(
    parts=dict(target=lambda v: v.x, reduced=lambda v, difference: (difference**2).mean()),
    measure=_loss_numbers,
    mistakes=(
        mistake(
            "against-noise",
            "Your loss seems to compare the network's answer with the noise ε. A denoiser answers with something else: compare with ‖D(z) − x‖².",
            target=lambda v: v.noise,
        ),
        mistake(
            "against-scaled-noise",
            "Your loss seems to compare the network's answer with the noise σ ε. A denoiser answers with something else: compare with ‖D(z) − x‖².",
            target=lambda v: v.z - v.x,
        ),
        mistake(
            "against-z",
            "Your loss seems to compare the network's answer with z, which it was given. Compare with ‖D(z) − x‖².",
            target=lambda v: v.z,
        ),
        *REDUCTIONS,
    ),
)
DENOISING_LOSS = together(ADD_NOISE, _LOSS)
