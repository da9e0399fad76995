"""In the worker: one call of a network, operation by operation, as the grader's judge of networks sees it.

What PyTorch comes to compute is the same few operations (a convolution, a batch normalisation, a matrix product) however a network is
written: as modules, lazy ones, functional calls, bare parameters. So the operations are watched there, below modules and autograd. Before an
operation with weights the grader is asked which to lay into them; after an operation it is told what came out:

    {"event": "layer", "operation", "inputs", "shapes", "settings", "weights", "place"}    → an array, or None, for each of the weights
    {"event": "value", "operation", "inputs", "output", "value", "place"}                  → nothing
    {"event": "block", "path", "kind", "output"}                                           → nothing; a module has given its output

Tensors are numbers; those of the arguments are 0, 1, … in their order. A reshaped tensor keeps its number.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

Tell = Callable[[dict[str, Any]], Any]

RESHAPES = {
    "view",
    "_unsafe_view",
    "_reshape_alias",
    "reshape",
    "squeeze",
    "unsqueeze",
    "detach",
    "alias",
    "clone",
    "lift_fresh",
    "_to_copy",
}
# The weights of an operation, by the positions of its arguments, with the names that they have in a layer.
WEIGHTS = {
    "convolution": {1: "weight", 2: "bias"},
    "native_batch_norm": {1: "weight", 2: "bias", 3: "running_mean", 4: "running_var"},
    "_native_batch_norm_legit": {1: "weight", 2: "bias", 3: "running_mean", 4: "running_var"},
    "native_group_norm": {1: "weight", 2: "bias"},
    "native_layer_norm": {2: "weight", 3: "bias"},
    "embedding": {0: "weight"},
    "addmm": {2: "weight", 0: "bias"},
    "mm": {1: "weight"},
}  # fmt: skip
SETTINGS = {
    "convolution": {3: "stride", 4: "padding", 5: "dilation", 6: "transposed", 7: "output_padding", 8: "groups"},
    "native_batch_norm": {5: "training", 6: "momentum", 7: "eps"},
    "_native_batch_norm_legit": {5: "training", 6: "momentum", 7: "eps"},
    "native_group_norm": {6: "groups", 7: "eps"},
    "native_layer_norm": {4: "eps"},
    "gelu": {},
}  # fmt: skip
MOST_NUMBERS = 1 << 20  # of one value that is told


class Trace(TorchDispatchMode):
    """Watches one call. `weights`: every tensor that held weights, as a view of its parameter, in the order of their first use."""

    def __init__(self, network: torch.nn.Module, tell: Tell):
        super().__init__()
        self.network, self.tell = network, tell
        self.names = {module: name for name, module in network.named_modules()}
        self.registered = {_address(p): name for name, p in _parameters(network) if not is_lazy(p)}
        self.place: list[str] = []
        self.numbers: dict[tuple[Any, ...], int] = {}
        self.count = 0
        self.kept: list[torch.Tensor] = []  # alive while it runs, so that no memory is used twice
        self.parameters = {
            _address(p): p for _, p in _parameters(network) if not is_lazy(p)
        }  # and those that are met on the way
        self.weights: dict[tuple[Any, ...], int] = {}

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
            return self.network(*args, **kwargs)

    def number_of(self, value: Any) -> int | None:
        """The number of a tensor of this call."""
        return self.numbers.get(_identity(value)) if isinstance(value, torch.Tensor) else None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        self._note_parameters(args)
        weights = self._weights_of(name, args)
        inputs = [n for n in map(self.number_of, _flat(args)) if n is not None]
        if weights and inputs:
            self._lay(name, args, inputs, weights)
        out = func(*args, **(kwargs or {}))
        first = next((x for x in _flat([out]) if isinstance(x, torch.Tensor)), None)
        if inputs and first is not None and _address(first) not in self.parameters:
            self._tell_value(name, func, args, inputs, first)
        return out

    # Weights

    def _note_parameters(self, args: Any) -> None:
        for x in _flat(args):
            if isinstance(x, torch.nn.Parameter):
                self.parameters.setdefault(_address(x), x)

    def _weights_of(self, name: str, args: tuple[Any, ...]) -> dict[str, torch.Tensor]:
        """The weights among the arguments, by role. An operation of no known kind may have one, its "operand"."""
        roles = WEIGHTS.get(name, dict.fromkeys(range(len(args)), "operand"))
        return {
            role: args[i]
            for i, role in roles.items()
            if i < len(args)
            and isinstance(args[i], torch.Tensor)
            and (_address(args[i]) in self.parameters or role.startswith("running"))
            if name not in RESHAPES
        }

    def _lay(self, name: str, args: tuple[Any, ...], inputs: list[int], weights: dict[str, torch.Tensor]) -> None:
        told = []
        for role, tensor in weights.items():
            number = self.weights.setdefault((_address(tensor), *_layout(tensor)), len(self.weights))
            told.append([role, list(tensor.shape), number, self.registered.get(_address(tensor))])
        shapes = [list(x.shape) for x in _flat(args) if self.number_of(x) is not None]
        answer = self.tell(
            {"event": "layer", "operation": name, "inputs": inputs, "shapes": shapes, "settings": _settings(name, args), "weights": told,
             "place": list(self.place)}
        )  # fmt: skip
        if isinstance(answer, (list, tuple)) and len(answer) == len(weights):
            for tensor, values in zip(weights.values(), answer):
                if values is not None:
                    tensor.copy_(values.reshape(tensor.shape))

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
            self.numbers = {key: n for key, n in self.numbers.items() if key[0] != _address(out)}
        number, self.count = self.count, self.count + 1
        self._number(out, number)
        whole = out.numel() <= MOST_NUMBERS and out.layout is torch.strided
        self.tell(
            {"event": "value", "operation": name.rstrip("_") if not name.startswith("__") else name, "inputs": inputs, "output": number,
             "value": out.detach() if whole and out.is_floating_point() else None, "shape": list(out.shape), "place": list(self.place),
             "settings": _settings(name, args)}
        )  # fmt: skip

    def _number(self, tensor: torch.Tensor, number: int) -> None:
        self.numbers[_identity(tensor)] = number
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


@dataclass(frozen=True)
class Weight:
    """A tensor that held weights in an operation: a parameter, or a view of one, such as its transpose."""

    parameter: torch.Tensor
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def gradient(self) -> torch.Tensor | None:
        """The gradient of the parameter, looked at as the operation looks at the parameter."""
        if self.parameter.grad is None:
            return None
        laid_out = torch.empty_strided(self.parameter.shape, self.parameter.stride(), dtype=self.parameter.dtype)
        laid_out.copy_(self.parameter.grad)
        return laid_out.as_strided(self.shape, self.stride, self.offset - self.parameter.storage_offset())


def trace(
    network: torch.nn.Module, args: list[Any], kwargs: dict[str, Any], tell: Tell
) -> tuple[dict[str, Any], list[Weight | None]]:
    """One watched call: {"outputs": their numbers, "idle": lazy parameters that are still without a size, "made": parameters that are new
    after a first call}, and what held weights (None for running statistics).

    The network runs once before it is watched, so that lazy layers get their sizes.
    """
    before = {name for name, _ in _parameters(network)}
    with torch.no_grad():
        network(*args, **kwargs)
    watched = Trace(network, tell)
    result = watched.run(args, kwargs)
    report = {
        "outputs": [watched.number_of(x) for x in _flat([result]) if isinstance(x, torch.Tensor)],
        "idle": [name for name, p in _parameters(network) if is_lazy(p)],
        "made": [name for name, _ in _parameters(network) if name not in before],
    }
    owners = [watched.parameters.get(address) for address, *_ in watched.weights]
    return report, [p if p is None else Weight(p, *key[1:]) for p, key in zip(owners, watched.weights)]


def gradients(
    network: torch.nn.Module,
    args: list[Any],
    kwargs: dict[str, Any],
    cotangents: list[torch.Tensor],
    weights: Sequence[Weight | None],
) -> dict[str, Any]:
    """The outputs y, and of Σ y · cotangent the gradients with respect to the floating-point inputs and to the weights."""
    args, kwargs = [_leaf(x) for x in args], {name: _leaf(x) for name, x in kwargs.items()}
    for weight in weights:
        if weight is not None:
            weight.parameter.grad = None
    outputs = [x for x in _flat([network(*args, **kwargs)]) if isinstance(x, torch.Tensor)]
    total = sum(((y * c.reshape(y.shape)).sum() for y, c in zip(outputs, cotangents)), torch.zeros(()))
    if total.requires_grad:
        total.backward()
    leaves = [x for x in [*args, *kwargs.values()] if isinstance(x, torch.Tensor) and x.requires_grad]
    return {
        "outputs": [y.detach() for y in outputs],
        "inputs": [x.grad for x in leaves],
        "weights": [None if weight is None else weight.gradient() for weight in weights],
    }


def _leaf(value: Any) -> Any:
    return value.detach().requires_grad_() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def _parameters(network: torch.nn.Module) -> list[tuple[str, Any]]:
    return list(network.named_parameters(remove_duplicate=False))


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, dict):
            yield from _flat(value.values())
        elif isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value


def _address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _layout(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride())


def _identity(tensor: torch.Tensor) -> tuple[Any, ...]:
    return (_address(tensor), *_layout(tensor))


def _settings(name: str, args: tuple[Any, ...]) -> dict[str, Any]:
    found = {setting: args[i] for i, setting in SETTINGS.get(name, {}).items() if i < len(args)}
    return {setting: list(value) if isinstance(value, (list, tuple)) else value for setting, value in found.items()}
