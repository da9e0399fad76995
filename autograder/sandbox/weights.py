"""In the worker: the weights of a network that the grader judges, drawn anew, and their gradients."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

MOST_DRAWN = 65_537  # a prime: numbers of a larger weight repeat after as many, and no two of its channels are alike


class OneGelu(TorchDispatchMode):
    """GELU by its tanh form is computed as the exact one: they differ by up to 5e-4, and a diagram that says GELU means either."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else PyTorch imports its compiler, which takes many seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        return func(*args, **as_exact(func.overloadpacket.__name__, kwargs or {}))


def as_exact(name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The settings of an operation, for GELU without those of its tanh form."""
    return {key: value for key, value in kwargs.items() if key != "approximate"} if name.startswith("gelu") else kwargs


@dataclass(frozen=True)
class Weight:
    """A tensor that held weights in an operation: a parameter, or a view of one, such as its transpose."""

    parameter: torch.Tensor
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def norm_of_gradient(self) -> float | None:
        """Of the parameter's gradient, looked at as the operation looks at the parameter."""
        if self.parameter.grad is None:
            return None
        laid_out = torch.empty_strided(self.parameter.shape, self.parameter.stride(), dtype=self.parameter.dtype)
        laid_out.copy_(self.parameter.grad)
        part = laid_out.as_strided(self.shape, self.stride, self.offset - self.parameter.storage_offset())
        return float(torch.linalg.vector_norm(part))


def draw_weights(network: torch.nn.Module) -> None:
    """Every weight that is trained gets a new number, so that one that starts at 0 hides nothing. The network must know its sizes."""
    with torch.no_grad():
        for _, parameter in parameters_of(network):
            if is_lazy(parameter) or not parameter.requires_grad:
                continue
            drawn = torch.rand(min(parameter.numel(), MOST_DRAWN))
            if parameter.dim() > 1:  # as by Xavier's initialisation with a gain of 2
                ends = (parameter.shape[0] + parameter.shape[1]) * math.prod(parameter.shape[2:])
                drawn = (2 * drawn - 1) * (2 * math.sqrt(6 / ends))
            else:
                drawn = 0.2 + 0.8 * drawn
            parameter.copy_(repeated(drawn, parameter.shape))


def repeated(values: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """The numbers in this shape: all of them, or the first ones again and again until it is full."""
    size = math.prod(shape)
    if values.numel() == size:
        return values.reshape(shape)
    return values.reshape(-1).repeat(-(-size // values.numel()))[:size].reshape(shape)


def gradients(
    network: torch.nn.Module,
    args: list[Any],
    kwargs: dict[str, Any],
    cotangents: list[torch.Tensor],
    weights: Sequence[Weight | None] = (),
    of_given: bool = False,
) -> dict[str, Any]:
    """The outputs y, and of Σ y · cotangent the gradients: their norms for `weights` and, where asked for, for the first argument, "given", and
    "silent", the names of the parameters of more than one dimension which none reaches.
    """
    for _, parameter in parameters_of(network):
        parameter.grad = None
    given = None
    if of_given and args and isinstance(args[0], torch.Tensor) and args[0].is_floating_point():
        given = args[0].detach().clone().requires_grad_()
        args = [given * 1, *args[1:]]  # so that it may be changed in place
    with OneGelu():
        outputs = [x for x in flat([network(*args, **kwargs)]) if isinstance(x, torch.Tensor)]
        total = sum(((y * c.reshape(y.shape)).sum() for y, c in zip(outputs, cotangents)), torch.zeros(()))
        if total.requires_grad:
            total.backward()
    trained = {name: p for name, p in parameters_of(network) if not is_lazy(p) and p.requires_grad and p.dim() > 1}
    return {
        "outputs": [y.detach() for y in outputs],
        "weights": [None if weight is None else weight.norm_of_gradient() for weight in weights],
        "given": None if given is None or given.grad is None else float(torch.linalg.vector_norm(given.grad)),
        "silent": [name for name, p in trained.items() if p.grad is None or not p.grad.any()],
    }


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The weights in a file, as data: safetensors, or what torch.save wrote of tensors. Whatever dictionary they are in."""
    if path.suffix.lower() == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    found = torch.load(path, map_location="cpu", weights_only=True)
    while isinstance(found, dict) and not any(isinstance(value, torch.Tensor) for value in found.values()):
        inner = [value for value in found.values() if isinstance(value, dict) and value]
        found = next((value for value in inner if any(isinstance(v, torch.Tensor) for v in value.values())), inner[0] if inner else None)
    if not isinstance(found, dict):
        raise ValueError("the file holds no dictionary of tensors, as state_dict() gives one")
    return {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}


def load(network: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    """All of a state into a network: as it is, or else of a wrapper's state the network in it, such as what is below "unet." of a DDPM, whose other
    tensors are its schedule. Raises what PyTorch raises for the state as it is.
    """
    wanted, inner = network.state_dict().keys(), state
    while inner and not wanted <= inner.keys():
        names = [name.partition(".")[0] for name in inner if "." in name]
        first = max(sorted(set(names)), key=names.count, default="")
        inner = {name.removeprefix(f"{first}."): tensor for name, tensor in inner.items() if first and name.startswith(f"{first}.")}
    network.load_state_dict({name: inner[name] for name in wanted} if inner else state)


def parameters_of(network: torch.nn.Module) -> list[tuple[str, Any]]:
    return list(network.named_parameters(remove_duplicate=False))


def flat(values: Any) -> Iterator[Any]:
    """The leaves of nested lists, tuples and dictionaries."""
    for value in values:
        if isinstance(value, dict):
            yield from flat(value.values())
        elif isinstance(value, (list, tuple)):
            yield from flat(value)
        else:
            yield value
