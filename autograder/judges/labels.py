"""Judgement of a condition: the network must be given the labels of its batch at every call, beside x_t."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import Note, WrongAnswer, expect
from autograder.judges.interface import Interface
from autograder.judges.network import Call
from autograder.sandbox.proxies import describe


def expect_labels(
    course: Interface, calls: Sequence[Call], labels: Any, where: str, note: Note, rule: str = ""
) -> None:
    """Every call got `labels`, (B,), whatever else it got (Interface.conditions_in), and in whatever order. None: the course has no labels.

    `rule`: which sample has which label, where no one tells it.
    """
    if labels is None:
        return
    for call in calls:
        beside = course.conditions_in(call)
        note("beside x_t", len(beside), 0)
        expect(
            beside,
            f"{where} must give the network the labels as well, {course.names.network}; yours gave it x_t alone.",
        )
        if any(course.are_labels(value, labels) for value in beside):
            continue
        got = next((value for value in beside if isinstance(value, np.ndarray)), beside[0])
        if not isinstance(got, np.ndarray) or got.shape != labels.shape:
            raise WrongAnswer(
                f"{where} must give the network the labels c, whole numbers of shape {labels.shape}; yours gave it {describe(got)}."
            )
        note("largest label", got.max(), 0)
        note("labels", got[:16], 0)
        if rule and len(labels) > course.classes <= got.max():
            raise WrongAnswer(
                f"With {len(labels)} samples, {rule}; your labels go up to {got.max():g}, and there are only {course.classes}, "
                f"0 … {course.classes - 1}."
            )
        raise WrongAnswer(
            f"{where} must give the network the labels {_first_of(labels)}; yours gave it {_first_of(got)}."
        )


def _first_of(labels: NDArray[Any]) -> str:
    return ", ".join(f"{value:g}" for value in labels[:12]) + ", …" * (len(labels) > 12)
