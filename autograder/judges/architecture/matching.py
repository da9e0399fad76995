"""Which layer of the student's network is which of the reference's, found while it runs: what a layer receives tells.

The student's network is run once. Before each layer runs, its input is looked up among the tensors of the reference; a layer of the
reference that receives the same, and has the same sizes, is its partner, and gives it its weights. So neither names nor the order of
construction or of the branches matter. Where several layers of one size receive the same, as query, key and value do, one is chosen, and
the run is repeated with another choice where it fails further on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from autograder.judges.architecture.layers import bias_for, kernel_for, per_channel, reshaped
from autograder.judges.architecture.recording import Operation, Recording, Slot
from autograder.judges.architecture.reference import Reference, in_short
from autograder.judges.architecture.values import Numbers, Order

MoreBiases = Literal["none", "absorbed", "any"]  # that the reference lacks: those that a batch normalisation takes away, any
Convert = Callable[[Numbers], Numbers | None]  # a weight, or a gradient, of the reference's in the student's layout


@dataclass(frozen=True)
class Failure:
    """Where the student's network parts from the reference: at a layer that has no partner, at what a layer gives, or at an output."""

    at: Literal["layer", "result", "output"]
    number: int | None  # the tensor that goes into the layer, or is the output
    layer: Operation | None = None
    partner: Operation | None = None


@dataclass(frozen=True)
class Laid:
    """One weight of the student's, and how it follows from one of the reference's; `theirs` is None for a bias that the reference lacks."""

    ours: Slot
    theirs: int | None
    convert: Convert


@dataclass
class Matching(Recording):
    """The observer of the student's call. `choices`: at each choice, which of the possible partners to take; the first where it ends."""

    reference: Reference = field(default_factory=Reference)
    choices: Sequence[int] = ()
    lay_in: bool = True
    more_biases: MoreBiases = "absorbed"
    decisions: list[tuple[int, int]] = field(default_factory=list)  # which was taken, of how many
    found: dict[int, tuple[int, Order | None] | None] = field(
        default_factory=dict
    )  # what each tensor is, see Known.find
    laid: list[Laid] = field(default_factory=list)
    partners: list[tuple[Operation, Operation]] = field(
        default_factory=list
    )  # the student's layers and the reference's
    failures: list[Failure] = field(default_factory=list)  # in the order of the calls
    failure: Failure | None = None  # the one that counts, once the call has ended

    def __post_init__(self) -> None:
        for number, array in self.values.items():
            self.found[number] = self.reference.known.find(array)

    # Events

    def layer(self, operation: Operation) -> list[Numbers | None]:
        none: list[Numbers | None] = [None] * len(operation.slots)
        possible = [(r, laid) for r in self.reference.layers() if (laid := self._fit(operation, r)) is not None]
        if not possible:
            self.failures.append(Failure("layer", operation.inputs[0], operation))
            return none
        at = len(self.decisions)
        choice = self.choices[at] if at < len(self.choices) else 0
        self.decisions.append((choice, len(possible)))
        partner, laid = possible[min(choice, len(possible) - 1)]
        self.partners.append((operation, partner))
        self.laid += laid
        return [self._sent(item) for item in laid] if self.lay_in or operation.is_computed else none

    def value(self, operation: Operation) -> None:
        value = self.values.get(operation.output)
        self.found[operation.output] = None if value is None else self.reference.known.find(value)
        if self.partners and self.partners[-1][0] is operation:
            partner = self.partners[-1][1]
            here = self.found[operation.output]
            right = {self.reference.classes.get(partner.output)}
            right |= {index for index, layer in self.reference.before_bias.items() if layer is partner}
            if here is None or here[0] not in right:
                self.failures.append(Failure("result", operation.output, operation, partner))

    def end(self, report: Any) -> None:
        """Each output must be the reference's, with its channels in order. What no output needs is no failure."""
        super().end(report)
        for i, index in enumerate(self.reference.results):
            number = self.outputs[i] if i < len(self.outputs) else None
            here = self.found.get(number) if number is not None else None
            if self.failure is None and (here is None or here[0] != index or here[1] is not None):
                needed = {operation.output for operation in self.behind(number)}
                earlier = (one for one in self.failures if one.layer is not None and one.layer.output in needed)
                self.failure = next(earlier, Failure("output", number))

    def behind(self, number: int | None) -> list[Operation]:
        """The operations of the student's behind a tensor, in the order of their calls."""
        made = {operation.output: operation for operation in self.operations}
        seen: set[int] = set()
        waiting = [number] if number is not None else []
        while waiting:
            one = waiting.pop()
            if one in made and one not in seen:
                seen.add(one)
                waiting += made[one].inputs
        return [operation for operation in self.operations if operation.output in seen]

    def known_into(self, operation: Operation) -> list[int]:
        """What goes into an operation of the student's, as far as the reference has it."""
        return [found[0] for number in operation.inputs if (found := self.found.get(number)) is not None]

    def next_choices(self) -> list[int] | None:
        """The choices of the next run, or None when all have been tried."""
        decisions = list(self.decisions)
        while decisions and decisions[-1][0] + 1 >= decisions[-1][1]:
            decisions.pop()
        return [*(taken for taken, _ in decisions[:-1]), decisions[-1][0] + 1] if decisions else None

    # Partners

    def _fit(self, ours: Operation, theirs: Operation) -> list[Laid] | None:
        """The weights of the reference's layer for the student's; None where they are not partners."""
        here = self.found.get(ours.inputs[0])
        if here is None:
            return None
        index, order = here
        only_bias = ours.kind == "add" and theirs is self.reference.before_bias.get(index)
        given = self.reference.classes.get(theirs.inputs[0])
        if (not only_bias and given not in (index, self.reference.padded.get(index))) or not self._is_free(
            ours, theirs
        ):
            return None
        if only_bias:
            return self._only_the_bias(ours, theirs)
        if theirs.family in ("conv", "transposed conv", "linear"):
            return self._kernel_and_bias(ours, theirs, order)
        if ours.family != theirs.family or len(ours.slots) > len(theirs.slots):
            return None
        return self._slot_by_slot(ours, theirs, order)

    def _is_free(self, ours: Operation, theirs: Operation) -> bool:
        """No weight serves two layers of the reference, and no layer two weights."""
        numbers, roles = {s.number for s in ours.slots}, {s.number for s in theirs.slots}
        for one, two in self.partners:
            same, other = {s.number for s in one.slots}, {s.number for s in two.slots}
            bias = {one.kind, ours.kind} & {"add"}
            if bool(numbers & same) != bool(roles & other) and not (bias and not numbers & same):
                return False
        return True

    def _kernel_and_bias(self, ours: Operation, theirs: Operation, order: Order | None) -> list[Laid] | None:
        laid = []
        for slot in ours.slots:
            other = theirs.slot(slot.role)
            if slot.role == "weight" and other is not None:
                laid.append(Laid(slot, other.number, partial(kernel_for, ours, theirs, order=order)))
            elif slot.role == "bias":
                if other is None and not self._may_have_bias(theirs):
                    return None
                laid.append(Laid(slot, other.number if other else None, partial(bias_for, slot.shape)))
            else:
                return None
        if self.more_biases == "none" and theirs.slot("bias") and not ours.slot("bias"):
            return None
        return laid if ours.slot("weight") and all(self._values_of(item) is not None for item in laid) else None

    def _may_have_bias(self, theirs: Operation) -> bool:
        """Whether the student's layer may have a bias where the reference's has none."""
        return self.more_biases == "any" or (self.more_biases == "absorbed" and self.reference.is_absorbed(theirs))

    def _only_the_bias(self, ours: Operation, theirs: Operation) -> list[Laid] | None:
        bias = theirs.slot("bias")
        if bias is None or len(ours.slots) != 1 or np.prod(ours.slots[0].shape) != np.prod(bias.shape):
            return None
        return [Laid(ours.slots[0], bias.number, partial(reshaped, shape=ours.slots[0].shape))]

    def _slot_by_slot(self, ours: Operation, theirs: Operation, order: Order | None) -> list[Laid] | None:
        laid = []
        for slot in ours.slots:
            other = theirs.slot(slot.role)
            if other is None:
                return None
            one_each = len(slot.shape) == 1 and theirs.family in (
                "batch norm",
                "native_group_norm",
                "native_layer_norm",
            )
            convert: Convert = partial(per_channel, order=order, shape=slot.shape)
            if not one_each:
                convert = partial(reshaped, shape=slot.shape)
            laid.append(Laid(slot, other.number, convert))
        return laid if all(self._values_of(item) is not None for item in laid) else None

    def _values_of(self, item: Laid) -> Numbers | None:
        if item.theirs is None:
            return np.zeros(item.ours.shape, dtype=np.float32)
        values = item.convert(self.reference.weights[item.theirs])
        return None if values is None or values.shape != item.ours.shape else values.astype(np.float32, copy=False)

    def _sent(self, item: Laid) -> Numbers | None:
        """The same, in short where it is the reference's own."""
        values = self._values_of(item)
        is_own = values is not None and item.theirs is not None and values is self.reference.weights[item.theirs]
        return in_short(values) if is_own and values is not None else values
