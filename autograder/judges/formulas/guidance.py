"""Guidance: ε = ε_u + γ (ε_c − ε_u) (Ho and Salimans 2022, Eq. 6 with w = γ − 1), by the weights of the two answers."""

from typing import Any

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Change, Numbers, mistake

_NAMES = {"0": 0.0, "1": 1.0, "of others": None}


def _numbers(p: Any, note: Note) -> Numbers:
    found: dict[str, Any] = {"asked without a label": p.asked_without(), "two labels of one image": False}
    for kind, fixed in _NAMES.items():
        scale = note.inputs.get("guidance scale") if fixed is None else fixed
        if scale is not None and f"weight of the label at γ {kind}" in note.values:
            without, with_label = p.weights(scale)
            total = without + with_label
            found[f"weight of the label at γ {kind}"] = with_label / total - scale if total else float("nan")
            found[f"sum of the weights at γ {kind}"] = total
    return found


def guidance_mistakes(symbol: str) -> tuple[Change, ...]:
    """Of the weights of the two answers in u + γ (c − u). `symbol`: of what the network gives, "ε" or a velocity "v"."""
    u, c = f"{symbol}_u", f"{symbol}_c"
    whole = f"{u} + γ ({c} − {u})"
    return (
        mistake(
            "guidance-from-the-label",
            f"Your guidance seems to begin at {c}, and is 1 too strong. Compare with {whole}: at γ = 1 that is {c}. The paper's w is γ − 1.",
            weights=lambda scale: (-scale, 1 + scale),
        ),
        mistake(
            "guidance-swapped",
            f"{u} and {c} seem to be swapped in your guidance. Compare with {whole}: at γ = 1 that is {c}.",
            weights=lambda scale: (scale, 1 - scale),
        ),
        mistake(
            "guidance-the-wrong-way",
            f"Your guidance seems to lead away from the label. Compare the signs in the bracket of {whole}.",
            weights=lambda scale: (1 + scale, -scale),
        ),
        mistake(
            "guidance-left-out",
            f"Your sampler seems to ignore γ and to use {c} alone. Compare with {whole}.",
            weights=lambda scale: (0.0, 1.0),
        ),
        mistake(
            "guidance-without-label",
            "Both answers in your guidance seem to be those without the label, or only that one is used. Look at the masks of the two calls.",
            weights=lambda scale: (1.0, 0.0),
        ),
        mistake(
            "guidance-scale-written-in",
            "Your guidance seems to be the same for every guidance_scale. Is there a number in the place of the argument?",
            weights=lambda scale: (-4.0, 5.0),
        ),
        mistake(
            "guidance-sum",
            f"Your guidance seems to add γ {c} to {u}. Compare with {whole}: how much of {u} is left there?",
            weights=lambda scale: (1.0, scale),
        ),
        mistake(
            "guidance-of-the-label-alone",
            f"Your sampler seems to multiply {c} by γ and to leave {u} out. Compare with {whole}.",
            weights=lambda scale: (0.0, scale),
        ),
        mistake(
            "guidance-difference-only",
            f"Your guidance seems to be γ ({c} − {u}) alone. Compare with {whole}.",
            weights=lambda scale: (-scale, scale),
        ),
        mistake(
            "guidance-is-the-mean",
            f"Your guidance seems to be the mean of {u} and {c}, whatever γ is. Compare with {whole}.",
            weights=lambda scale: (0.5, 0.5),
        ),
    )


GUIDANCE = Algorithm(
    parts=dict(weights=lambda scale: (1 - scale, scale), asked_without=lambda: True),
    measure=_numbers,
    mistakes=(
        *guidance_mistakes("ε"),
        mistake(
            "both-with-the-label",
            "Both calls of the network seem to be told the label. One of them has mask 0.",
            weights=lambda scale: (0.0, 1.0),
            asked_without=lambda: False,
        ),
    ),
)
