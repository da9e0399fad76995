"""Guidance: ε = ε_u + γ (ε_c − ε_u) (Ho and Salimans 2022, Eq. 6 with w = γ − 1), by the weights of the two answers."""

from typing import Any

from autograder.grading.checks import Note
from autograder.grading.formulas import Algorithm, Numbers, mistake

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


GUIDANCE = Algorithm(
    parts=dict(weights=lambda scale: (1 - scale, scale), asked_without=lambda: True),
    measure=_numbers,
    mistakes=(
        mistake(
            "guidance-of-the-paper",
            "Your guidance seems to be 1 too strong: with γ = 1 it should be the network with the label alone. The paper's w is γ − 1.",
            weights=lambda scale: (-scale, 1 + scale),
        ),
        mistake(
            "guidance-the-wrong-way",
            "Your guidance seems to have ε_c and ε_u in each other's place. Which of the two is the network without the label?",
            weights=lambda scale: (scale, 1 - scale),
        ),
        mistake(
            "guidance-from-the-wrong-end",
            "Your guidance seems to lead away from the label: compare the signs in the bracket of ε_u + γ (ε_c − ε_u).",
            weights=lambda scale: (1 + scale, -scale),
        ),
        mistake(
            "guidance-never-used",
            "Your sampler seems to use the answer with the label alone, whatever guidance_scale is.",
            weights=lambda scale: (0.0, 1.0),
        ),
        mistake(
            "both-with-the-label",
            "Both calls of the network seem to be told the label. One of them has mask 0.",
            weights=lambda scale: (0.0, 1.0),
            asked_without=lambda: False,
        ),
        mistake(
            "label-never-used",
            "Your sampler seems to use the answer without the label alone, whatever guidance_scale is. Print both answers: do they differ?",
            weights=lambda scale: (1.0, 0.0),
        ),
        mistake(
            "guidance-scale-written-in",
            "Your guidance seems to be the same for every guidance_scale. Is there a number in the place of the argument?",
            weights=lambda scale: (-4.0, 5.0),
        ),
        mistake(
            "label-added-on-top",
            "Your guidance seems to add γ ε_c to ε_u, so that the noise is counted more than once. What stands in the bracket of "
            "ε_u + γ (ε_c − ε_u)?",
            weights=lambda scale: (1.0, scale),
        ),
        mistake(
            "answer-with-label-scaled",
            "Your sampler seems to multiply ε_c by γ and to leave ε_u out.",
            weights=lambda scale: (0.0, scale),
        ),
        mistake(
            "difference-alone",
            "Your noise seems to be the difference ε_c − ε_u times γ alone. What does guidance start from?",
            weights=lambda scale: (-scale, scale),
        ),
        mistake(
            "half-of-each",
            "Your noise seems to be the mean of the two answers, whatever guidance_scale is.",
            weights=lambda scale: (0.5, 0.5),
        ),
    ),
)
