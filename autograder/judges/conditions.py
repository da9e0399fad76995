"""Which label each image of a call was given, or none: labels and masks in the forms in which students hand them over.

Classifier-free guidance (Ho and Salimans 2022) asks one network with and without the label. "Without" is a mask of 0 or a one-hot vector of
zeros; two calls, or one with the batch twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, WrongAnswer
from autograder.judges.network import Call, Network, as_state, as_timesteps, too_many_calls
from autograder.sandbox.failures import GraderHangup
from autograder.sandbox.proxies import describe

NONE = -1  # in the place of a label


def told_labels(c: Any, mask: Any, rows: int, classes: int) -> Floats:
    """The label that each row of the batch was given, (rows,), NONE for no label.

    c: labels, (B,) or (B, 1), or one-hot vectors, (B, classes); None for none. mask: 0 for no label and 1 for one, in any type, (), (1,), (B,) or
    (B, 1, …); None where there is none. Raises GraderHangup for other forms, WrongAnswer for a mask of other numbers.
    """
    labels = _labels_of(c, rows, classes)
    if mask is None:
        return labels
    if isinstance(mask, (bool, int, float)):
        mask = np.array(mask)
    if not isinstance(mask, np.ndarray) or mask.size not in (1, rows):
        raise GraderHangup(f"the mask must be a tensor of shape (B,), and is {describe(mask)}")
    values = np.broadcast_to(mask.ravel().astype(np.float64), (rows,))
    if not np.isin(values, (0, 1)).all():
        raise WrongAnswer("The mask that the network is given must hold 0 where the label is dropped, and else 1; yours holds other numbers.")
    return np.where(values == 1, labels, NONE)


def _labels_of(c: Any, rows: int, classes: int) -> Floats:
    if c is None:
        return np.full(rows, float(NONE))
    if isinstance(c, int):
        c = np.array(c)
    if isinstance(c, np.ndarray) and c.shape in ((rows, classes), (1, classes)) and classes > 1:
        hot = np.broadcast_to(c, (rows, classes)).astype(np.float64)
        if not np.isin(hot, (0, 1)).all() or (hot.sum(axis=1) > 1).any():
            raise GraderHangup("one-hot vectors must hold a single 1 each, or zeros where there is no label")
        return np.where(hot.any(axis=1), hot.argmax(axis=1), NONE).astype(np.float64)
    if isinstance(c, np.ndarray) and c.size in (1, rows):
        return np.broadcast_to(c.ravel().astype(np.float64), (rows,)).copy()
    raise GraderHangup(f"c must be a tensor of labels, of shape ({rows},), and is {describe(c)}")


@dataclass
class ConditionalNetwork(Network):
    """Answered by the grader, with or without a label: calls with one x are one step, and one entry of `calls`, whose `more` holds as
    "told" which label each row was given, NONE for none, in all calls of the step together. `dtypes` has one for each step, and each that is not
    float32.

    `difference`: what the answer with a label has more than the one without, for a step: of the same shape, None for nothing.
    """

    classes: int = 10
    difference: Callable[[Call], Floats] | None = None
    answers: list[tuple[Floats, Floats]] = field(default_factory=list)  # of the last step: without a label, and with one
    unlabelled: int = 0  # of the calls, or halves of one, how many came without any label
    other_labels: int = 0  # how many came with other labels than one before at the same step

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self.signature.bind(args, kwargs)
        x = as_state(given["x"], "x_t", "The x_t that the network is given")
        t = as_timesteps(given["t"], len(x), "The t that the network is given")
        if given["x"].dtype.name != "float32":
            self.dtypes.append(given["x"].dtype.name)
        told = told_labels(given["c"], given["mask"], len(x), self.classes)
        half = len(x) // 2
        twice = len(x) > 1 and len(x) % 2 == 0 and np.array_equal(x[:half], x[half:]) and not np.array_equal(told[:half], told[half:])
        parts = [slice(0, half), slice(half, len(x))] if twice else [slice(0, len(x))]
        answer = np.concatenate([self._answer(x[part], t[part], told[part]) for part in parts])
        return self.signature.result(answer.astype(np.float32), given)

    def _answer(self, x: Floats, t: Floats, told: Floats) -> Floats:
        if not (self.calls and np.array_equal(self.calls[-1].x, x)):
            self.dtypes.append("float32")
            self._begin_step(Call(x, t, {"told": np.full(len(x), float(NONE))}))
        known = self.calls[-1].more["told"]
        self.other_labels += bool(((known != NONE) & (told != NONE) & (known != told)).any())
        np.copyto(known, told, where=told != NONE)
        self.unlabelled += bool((told == NONE).all())
        without, with_label = self.answers[0]
        return np.where((told == NONE).reshape(-1, *[1] * (x.ndim - 1)), without, with_label)

    def _begin_step(self, call: Call) -> None:
        self.calls.append(call)
        if len(self.calls) > self.most_calls:
            raise too_many_calls(self.most_calls, self.steps)
        without = self.answer(call)
        self.answers = [(without, without if self.difference is None else without + self.difference(call))]
