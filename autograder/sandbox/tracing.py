"""In the worker: one call of a network, operation by operation, as the grader's judge of networks sees it.

What PyTorch comes to compute is the same few operations (a convolution, a batch normalisation, a matrix product) however a network is
written: as modules, lazy ones, functional calls, bare parameters. So the operations are watched there, below modules and autograd. Before an
operation with weights the grader is asked which to lay into them; after an operation it is told what came out:

    {"event": "layer", "operation", "inputs", "shapes", "settings", "weights", "place"}    → an array, or None, for each of the weights
    {"event": "value", "operation", "inputs", "output", "value", "shape", "place"}         → nothing
    {"event": "block", "path", "kind", "output"}                                           → nothing; a module has given its output

They are told in order, several at a time, and at the latest before an answer is needed. Where the weights are given beforehand, by their
numbers, no answer is.

Tensors are numbers; those of the arguments are 0, 1, … in their order. A reshaped tensor keeps its number.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from autograder.sandbox.operations import RESHAPES, WEIGHTS, address, identity, layout, settings_of
from autograder.sandbox.weights import Weight, as_exact, flat, parameters_of, repeated

Event = dict[str, Any]
Tell = Callable[[list[Event]], Any]

MOST_NUMBERS = 1 << 20  # of one value that is told
MOST_EVENTS = 200  # that are told together


class Trace(TorchDispatchMode):
    """Watches one call. `weights`: every tensor that held weights, as a view of its parameter, in the order of their first use; `given`: what is
    laid into them, where that is known beforehand.
    """

    def __init__(self, network: torch.nn.Module, tell: Tell, values: bool, given: Sequence[torch.Tensor] | None = None):
        super().__init__()
        self.network, self.tell_all, self.values, self.given = network, tell, values, given
        self.waiting: list[Event] = []  # to be told
        self.numbers_waiting = 0
        self.names = {module: name for name, module in network.named_modules()}
        self.registered: dict[int, str] = {}
        self._register()
        self.place: list[str] = []
        self.numbers: dict[tuple[Any, ...], int] = {}
        self.count = 0
        self.kept: list[torch.Tensor] = []  # alive while it runs, so that no memory is used twice
        self.parameters: dict[int, torch.Tensor] = {address(p): p for p in network.parameters() if not is_lazy(p)}  # and those met on the way
        self.weights: dict[tuple[Any, ...], int] = {}
        self.written: dict[int, set[int]] = {}  # by address of what was changed in place: the numbers of what it was made of
        self.computed: dict[tuple[Any, ...], str | None] = {}  # tensors that come from parameters alone, and the name of the first

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else PyTorch imports its compiler, which takes many seconds

    def run(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The result of network(*args, **kwargs). Every floating-point or whole-number tensor among the arguments has a number."""
        for value in [*args, *kwargs.values()]:
            if isinstance(value, torch.Tensor):
                self._number(value, self.count)
                self.count += 1
        with torch.no_grad(), self._places(), self:
            result = self.network(*args, **kwargs)
        self.tell_the_rest()
        return result

    def tell(self, event: Event) -> Any:
        """One more event. Returns the answer to a layer."""
        self.waiting.append(event)
        value = event.get("value")
        self.numbers_waiting += 0 if value is None else value.numel()
        asks = event["event"] == "layer" and self.given is None
        return self.tell_the_rest() if asks or self.numbers_waiting > MOST_NUMBERS or len(self.waiting) > MOST_EVENTS else None

    def tell_the_rest(self) -> Any:
        events, self.waiting, self.numbers_waiting = self.waiting, [], 0
        return self.tell_all(events)

    def number_of(self, value: Any) -> int | None:
        """The number of a tensor of this call."""
        return self.numbers.get(identity(value)) if isinstance(value, torch.Tensor) else None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        if any(is_lazy(x) for x in flat(args)):
            return func(*args, **(kwargs or {}))  # a lazy layer gets its size
        self._note_parameters(args)
        weights = self._weights_of(name, args)
        self._tell_written(args)
        inputs = [n for n in map(self.number_of, flat(args)) if n is not None]
        if weights and inputs:
            self._lay(name, args, inputs, weights)
        out = func(*args, **as_exact(name, kwargs or {}))
        first = next((x for x in flat([out]) if isinstance(x, torch.Tensor)), None)
        if inputs and first is not None and address(first) not in self.parameters:
            self._tell_value(name, func, args, inputs, first)
        elif not inputs:
            self._note_computed(args, out)
        return out

    # Weights

    def _note_parameters(self, args: Any) -> None:
        for x in flat(args):
            if isinstance(x, torch.nn.Parameter) and address(x) not in self.parameters:
                self.parameters[address(x)] = x
                self._register()

    def _register(self) -> None:
        """Which parameters the network knows; anew when one is met that it has made on the way."""
        self.registered = {address(p): name for name, p in parameters_of(self.network) if not is_lazy(p)}

    def _note_computed(self, args: Any, out: Any) -> None:
        """Weights that are computed in the call, as by a weight normalisation."""
        given = [x for x in flat(args) if isinstance(x, torch.Tensor)]
        names = [self._name_of(x) for x in given if address(x) in self.parameters or identity(x) in self.computed]
        for x in flat([out]):
            if names and isinstance(x, torch.Tensor) and address(x) not in self.parameters:
                self.computed[identity(x)] = names[0]
                self.kept.append(x)

    def _name_of(self, weight: torch.Tensor) -> str | None:
        """As a parameter of the network, or of the parameter that it is computed from."""
        return self.registered.get(address(weight)) or self.computed.get(identity(weight))

    def _weights_of(self, name: str, args: tuple[Any, ...]) -> dict[str, torch.Tensor]:
        """The weights among the arguments, by role. An operation of no known kind may have one, its "operand"."""
        roles = WEIGHTS.get(name, dict.fromkeys(range(len(args)), "operand"))
        return {
            role: args[i]
            for i, role in roles.items()
            if i < len(args)
            and isinstance(args[i], torch.Tensor)
            and (
                address(args[i]) in self.parameters
                or role.startswith("running")
                or (role == "weight" and identity(args[i]) in self.computed)
            )
            and name not in RESHAPES
        }

    def _lay(self, name: str, args: tuple[Any, ...], inputs: list[int], weights: dict[str, torch.Tensor]) -> None:
        told = []
        for role, tensor in weights.items():
            number = self.weights.setdefault((address(tensor), *layout(tensor)), len(self.weights))
            told.append([role, list(tensor.shape), number, self._name_of(tensor), identity(tensor) in self.computed])
        shapes = [list(x.shape) for x in flat(args) if self.number_of(x) is not None]
        answer = self.tell(
            {"event": "layer", "operation": name, "inputs": inputs, "shapes": shapes, "settings": settings_of(name, args), "weights": told,
             "place": "\n".join(self.place)}
        )  # fmt: skip
        if self.given is not None:
            numbers = [self.weights[(address(tensor), *layout(tensor))] for tensor in weights.values()]
            answer = [self.given[number] if number < len(self.given) else None for number in numbers]
        if isinstance(answer, (list, tuple)) and len(answer) == len(weights):
            for tensor, values in zip(weights.values(), answer):
                if values is not None:
                    tensor.copy_(repeated(values, tensor.shape))

    # Values

    def _tell_value(self, name: str, func: Any, args: tuple[Any, ...], inputs: list[int], out: torch.Tensor) -> None:
        if (
            name in RESHAPES
            and isinstance(args[0], torch.Tensor)
            and args[0].numel() == out.numel()
            and args[0].dtype == out.dtype
        ):
            number = self.number_of(args[0])
            if number is not None:
                self._number(out, number)
                return
        if func._schema.is_mutable and isinstance(args[0], torch.Tensor) and out is args[0]:
            before = {n for key, n in self.numbers.items() if key[0] == address(out)}
            self.written.setdefault(address(out), set()).update(before, inputs)
            self.numbers = {key: n for key, n in self.numbers.items() if key[0] != address(out)}
        self._tell_numbers(name, inputs, out, settings_of(name, args))

    def _tell_written(self, args: Any) -> None:
        """A tensor of which parts were written has a number again once it is used."""
        for x in flat(args):
            if isinstance(x, torch.Tensor) and self.number_of(x) is None and address(x) in self.written:
                self._tell_numbers("copy", sorted(self.written[address(x)]), x, {})

    def _tell_numbers(self, name: str, inputs: list[int], out: torch.Tensor, settings: dict[str, Any]) -> None:
        number, self.count = self.count, self.count + 1
        self._number(out, number)
        whole = self.values and out.numel() <= MOST_NUMBERS and out.layout is torch.strided
        self.tell(
            {"event": "value", "operation": name.rstrip("_") if not name.startswith("__") else name, "inputs": inputs, "output": number,
             "value": out.detach().clone() if whole and out.is_floating_point() else None, "shape": list(out.shape), "place": "\n".join(self.place),
             "settings": settings}
        )  # fmt: skip

    def _number(self, tensor: torch.Tensor, number: int) -> None:
        self.numbers[identity(tensor)] = number
        self.kept.append(tensor)

    # Places

    @contextmanager
    def _places(self) -> Iterator[None]:
        """Keep `place`, the names of the modules that are running, and tell what each gives."""

        def enter(module: torch.nn.Module, args: Any) -> None:
            self.place.append(f"{self.names.get(module, '?')}:{type(module).__name__}")

        def leave(module: torch.nn.Module, args: Any, output: Any) -> None:
            path, _, kind = (self.place.pop() if self.place else "?:?").partition(":")
            number = self.number_of(output)
            if number is not None:
                self.tell({"event": "block", "path": path, "kind": kind, "output": number})

        hooks = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


_before: WeakKeyDictionary[torch.nn.Module, set[str]] = WeakKeyDictionary()  # the parameters of a network before its first call


def trace(
    network: torch.nn.Module,
    args: list[Any],
    kwargs: dict[str, Any],
    tell: Tell,
    values: bool = True,
    given: Sequence[torch.Tensor] | None = None,
) -> tuple[dict[str, Any], list[Weight | None]]:
    """One watched call: {"outputs": their numbers, "idle": lazy parameters that are still without a size, "made": parameters that are new
    since the first call}, and what held weights (None for running statistics). `values`: whether they are told. `given`: see Trace.
    """
    before = {name for name, _ in parameters_of(network)}
    watched = Trace(network, tell, values, given)
    result = watched.run(args, kwargs)
    before = _before.setdefault(network, before)
    report = {
        "outputs": [watched.number_of(x) for x in flat([result]) if isinstance(x, torch.Tensor)],
        "idle": [name for name, p in parameters_of(network) if is_lazy(p)],
        "made": [name for name, _ in parameters_of(network) if name not in before],
    }
    owners = [watched.parameters.get(address) for address, *_ in watched.weights]
    return report, [p if p is None else Weight(p, *key[1:]) for p, key in zip(owners, watched.weights)]


def outline(network: torch.nn.Module, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The report of one call, and its "events" in short: layers and values, without numbers and places. No weights are laid in."""
    events: list[Event] = []
    report, _ = trace(network, args, kwargs, events.extend, values=False)
    short = [{key: item for key, item in event.items() if key not in ("value", "place")} for event in events if event["event"] != "block"]
    return {**report, "events": short}
