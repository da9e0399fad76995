"""What the grader keeps of one watched call of a network: its operations, their numbers, and the blocks that gave them.

`sandbox/tracing.py` says what is told, and when.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from autograder.grading.checks import WrongAnswer, expect
from autograder.judges.architecture.values import Numbers
from autograder.sandbox.failures import GraderHangup
from autograder.sandbox.proxies import describe

MOST_OPERATIONS = 5000
MOST_DEEP = 100  # modules inside each other
Arguments = tuple[Any, ...]  # of one call, arrays, (B, …)
Place = tuple[tuple[str, str], ...]  # the modules that run, outermost first: path and class


@dataclass(frozen=True)
class Slot:
    """What holds one weight of a layer: "weight", "bias", "running_mean" or "operand". `name`: as a parameter of the network, if it is one.
    `computed`: in every call, from other parameters, as by a weight normalisation.
    """

    role: str
    shape: tuple[int, ...]
    number: int
    name: str | None
    computed: bool = False


@dataclass
class Operation:
    """One operation on tensors, by number. `shapes`: of what goes in, of a layer only; `shape`: of what comes out. It is a layer where it has
    weights, `slots`.
    """

    kind: str
    inputs: tuple[int, ...]
    place: Place
    settings: dict[str, Any] = field(default_factory=dict)
    shapes: tuple[tuple[int, ...], ...] = ()
    slots: tuple[Slot, ...] = ()
    output: int = -1
    shape: tuple[int, ...] = ()

    @property
    def is_computed(self) -> bool:
        return any(slot.computed for slot in self.slots)

    def slot(self, role: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.role == role), None)

    @property
    def family(self) -> str:
        """The kind of layer: "conv", "transposed conv", "linear", or the operation itself."""
        if self.kind == "convolution":
            return "transposed conv" if self.settings.get("transposed") else "conv"
        if self.kind in ("addmm", "mm"):
            return "linear"
        return "batch norm" if "batch_norm" in self.kind else self.kind


@dataclass
class Recording:
    """The observer of one call. `values`: by number, those that are told; the arguments come first."""

    values: dict[int, Numbers] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    blocks: list[tuple[str, str, int]] = field(
        default_factory=list
    )  # path, class and output of each module, inner ones first
    waiting: Operation | None = None  # a layer whose output is not told yet
    outputs: tuple[int | None, ...] = ()  # of the call, once it has ended
    made: tuple[str, ...] = ()  # parameters that the first call has made
    idle: tuple[str, ...] = ()  # lazy parameters that are still without a size

    @classmethod
    def of(cls, args: tuple[Any, ...], kwargs: dict[str, Any], **settings: Any) -> Self:
        """An empty one, that knows the arguments of the call."""
        arrays = [a for a in [*args, *kwargs.values()] if isinstance(a, np.ndarray)]
        return cls(values={number: array.astype(np.float64) for number, array in enumerate(arrays)}, **settings)

    def __call__(self, events: Any) -> Any:
        """Events in order. Returns the answer to the last. Raises GraderHangup where one is not as it must be."""
        answer = None
        try:
            for event in events:
                answer = {"layer": self._layer, "value": self._value, "block": self._block}[event["event"]](event)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise GraderHangup(f"an operation of the network cannot be read ({type(error).__name__})") from error
        return answer

    def layer(self, operation: Operation) -> list[Numbers | None]:
        """The weights to lay into a layer before it runs; to be said by those who lay any."""
        return [None] * len(operation.slots)

    def value(self, operation: Operation) -> None:
        """An operation has run."""

    def end(self, report: Any) -> None:
        """What tracing tells when the call has ended, of an outline also what happened in it. Raises WrongAnswer where it cannot be read."""
        right = isinstance(report, dict) and all(isinstance(report.get(key), list) for key in ("outputs", "made", "idle"))
        expect(right, f"The network could not be followed; it gave {describe(report)}.")
        expect(report["outputs"], "The network must return a tensor; yours returns none. Is there a `return`?")
        try:
            self(report.get("events", ()))
        except GraderHangup as hangup:
            raise WrongAnswer(f"The network could not be followed: {hangup}.") from None
        self.outputs = tuple(number if type(number) is int else None for number in report["outputs"])
        self.made, self.idle = (tuple(map(str, report[key])) for key in ("made", "idle"))

    def layers(self) -> Iterator[Operation]:
        return (operation for operation in self.operations if operation.slots)

    def _layer(self, event: dict[str, Any]) -> list[Numbers | None]:
        slots = tuple(
            Slot(str(role), tuple(map(int, shape)), int(number), name, bool(computed))
            for role, shape, number, name, computed in event["weights"]
        )
        shapes = tuple(tuple(map(int, shape)) for shape in event["shapes"])
        self.waiting = Operation(
            str(event["operation"]), _numbers(event), _place(event), dict(event["settings"]), shapes, slots
        )
        return self.layer(self.waiting)

    def _value(self, event: dict[str, Any]) -> None:
        if len(self.operations) >= MOST_OPERATIONS:
            raise GraderHangup(f"the network runs more than {MOST_OPERATIONS} operations in one call")
        operation = self.waiting or Operation(
            str(event["operation"]), _numbers(event), _place(event), dict(event["settings"])
        )
        self.waiting = None
        operation.output, operation.shape = int(event["output"]), tuple(map(int, event["shape"]))
        if isinstance(value := event.get("value"), np.ndarray):
            self.values[operation.output] = value
        self.operations.append(operation)
        self.value(operation)

    def _block(self, event: dict[str, Any]) -> None:
        self.blocks.append((str(event["path"])[:100], str(event["kind"])[:100], int(event["output"])))


def _numbers(event: dict[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, event["inputs"]))


def _place(event: dict[str, Any]) -> Place:
    lines = str(event.get("place", "")).split("\n")[:MOST_DEEP]
    parts = [line[:200].partition(":") for line in lines if line]
    return tuple((path, kind) for path, _, kind in parts)
