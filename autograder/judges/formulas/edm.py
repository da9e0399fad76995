"""EDM's preconditioning (judges/edm.py). Its numbers: of inputs["sigma"], ["sigma_data"], a coefficient under its own name, "c_skip"; and of the
denoiser "factors of the input", "told", "factors of x", "factors of the answer".
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Change, Numbers, mistake

Of = Callable[[Any, Any], Any]  # (σ, σ_data)
_OTHER_TABLE = "Compare each part of {} with EDM, Table 1, the column of EDM itself."


def skip(s: Any, d: Any) -> Any:
    return d**2 / (s**2 + d**2)


def out(s: Any, d: Any) -> Any:
    return s * d / np.sqrt(s**2 + d**2)


def into(s: Any, d: Any) -> Any:
    return 1 / np.sqrt(s**2 + d**2)


def noise(s: Any, d: Any) -> Any:
    return np.log(s) / 4


def _coefficient(name: str, right: Of, *mistakes: Change) -> Algorithm:
    def measure(p: Any, note: Note) -> Numbers:
        known = {"sigma", "sigma_data"} <= note.inputs.keys()
        return {name: p.value(note.inputs["sigma"], note.inputs["sigma_data"])} if known else {}

    return Algorithm(parts=dict(value=right), measure=measure, mistakes=mistakes)


_HARD_CODED = "Your coefficient seems to hold a number in the place of σ_data. It has to follow self.sigma_data."
C_SKIP = _coefficient(
    "c_skip",
    skip,
    mistake("share-of-noise", _OTHER_TABLE.format("c_skip"), value=lambda s, d: s**2 / (s**2 + d**2)),
    mistake("not-squared", "Your c_skip seems to lack squares. Look at the powers of σ and σ_data in EDM, Table 1.", value=lambda s, d: d / (s + d)),
    mistake("sum-squared", "Your c_skip seems to square a sum. Compare its lower part with EDM, Table 1.", value=lambda s, d: d**2 / (s + d) ** 2),
    mistake("with-root", "Your c_skip seems to have a root. Compare it with EDM, Table 1.", value=lambda s, d: d / np.sqrt(s**2 + d**2)),
    mistake("hard-coded", _HARD_CODED, value=lambda s, d: skip(s, 0.5)),
)
C_OUT = _coefficient(
    "c_out",
    out,
    mistake("without-root", "The root seems to be missing in your c_out. Compare it with EDM, Table 1.", value=lambda s, d: s * d / (s**2 + d**2)),
    mistake("without-sigma-data", "σ_data seems to be missing above in your c_out (EDM, Table 1).", value=lambda s, d: s / np.sqrt(s**2 + d**2)),
    mistake("without-sigma", "σ seems to be missing above in your c_out (EDM, Table 1).", value=lambda s, d: d / np.sqrt(s**2 + d**2)),
    mistake("is-sigma", _OTHER_TABLE.format("c_out"), value=lambda s, d: s),
    mistake("sum-without-squares", "Your c_out seems to lack squares. Look at the powers (EDM, Table 1).", value=lambda s, d: s * d / np.sqrt(s + d)),
    mistake("hard-coded", _HARD_CODED, value=lambda s, d: out(s, 0.5)),
)
C_IN = _coefficient(
    "c_in",
    into,
    mistake("without-root", "The root seems to be missing in your c_in. Compare it with EDM, Table 1.", value=lambda s, d: 1 / (s**2 + d**2)),
    mistake("of-unit-data", "Your c_in seems to know no σ_data. Compare it with EDM, Table 1.", value=lambda s, d: 1 / np.sqrt(s**2 + 1)),
    mistake("upside-down", "Your c_in seems to multiply where it has to divide (EDM, Table 1).", value=lambda s, d: np.sqrt(s**2 + d**2)),
    mistake("sum-without-squares", "Your c_in seems to have σ + σ_data below. Look at the powers (EDM, Table 1).", value=lambda s, d: 1 / (s + d)),
    mistake("hard-coded", _HARD_CODED, value=lambda s, d: into(s, 0.5)),
)
C_NOISE = _coefficient(
    "c_noise",
    noise,
    mistake("without-quarter", "A factor seems to be missing in your c_noise. Compare it with EDM, Table 1.", value=lambda s, d: np.log(s)),
    mistake("is-sigma", "Your c_noise seems to be σ itself. Compare it with EDM, Table 1.", value=lambda s, d: s),
    mistake("of-base-10", "Your logarithm seems to have base 10. Compare it with EDM, Table 1.", value=lambda s, d: np.log10(s) / 4),
    mistake("of-base-2", "Your logarithm seems to have base 2. Compare it with EDM, Table 1.", value=lambda s, d: np.log2(s) / 4),
    mistake("half", "The factor of your c_noise seems to be another one than in EDM, Table 1.", value=lambda s, d: np.log(s) / 2),
    mistake("sigma-over-four", "The logarithm seems to be missing in your c_noise (EDM, Table 1).", value=lambda s, d: s / 4),
)


def _denoiser_numbers(p: Any, note: Note) -> Numbers:
    if not {"sigma", "sigma_data"} <= note.inputs.keys():
        return {}
    s, d = note.inputs["sigma"], note.inputs["sigma_data"]
    names = {"factors of the input": p.given, "told": p.told, "factors of x": p.around, "factors of the answer": p.scaled}
    return {name: part(s, d) for name, part in names.items()}


DENOISER = Algorithm(
    parts=dict(given=into, told=noise, around=skip, scaled=out),
    measure=_denoiser_numbers,
    mistakes=(
        mistake(
            "input-not-scaled",
            "The network seems to be given x as it is. Look at what stands before x inside of F in EDM, Eq. 7.",
            given=lambda s, d: np.ones_like(s),
        ),
        mistake(
            "told-sigma",
            "The network seems to be told σ itself. Look at the last argument of F in EDM, Eq. 7.",
            told=lambda s, d: s,
        ),
        mistake(
            "without-skip",
            "Your D(x; σ) seems to be made of the network's answer alone. Look at the first term of EDM, Eq. 7.",
            around=lambda s, d: np.zeros_like(s),
        ),
        mistake(
            "answer-not-scaled",
            "The network's answer seems to come into your D(x; σ) as it is. Look at the second term of EDM, Eq. 7.",
            scaled=lambda s, d: np.ones_like(s),
        ),
        mistake(
            "skip-of-the-scaled-input",
            "What goes around the network seems to be the images that it is given, already scaled. Look at the first term of EDM, Eq. 7.",
            around=lambda s, d: skip(s, d) * into(s, d),
        ),
        mistake(
            "network-alone",
            "Your D(x; σ) seems to be the network's answer as it is. EDM, Eq. 7, has two terms.",
            around=lambda s, d: np.zeros_like(s),
            scaled=lambda s, d: np.ones_like(s),
        ),
        mistake(
            "as-noise-taken-away",
            "Your D(x; σ) seems to take σ times the answer from x, as for a network that finds noise. Compare with EDM, Eq. 7.",
            around=lambda s, d: np.ones_like(s),
            scaled=lambda s, d: -s,
        ),
        mistake(
            "skip-and-out-swapped",
            "c_skip and c_out seem to be swapped in your D(x; σ). Compare with EDM, Eq. 7.",
            around=out,
            scaled=skip,
        ),
    ),
)
