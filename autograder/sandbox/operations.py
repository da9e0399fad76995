"""The few operations that PyTorch comes to compute: which only reshape, where their weights stand, and what tells two tensors apart."""

from typing import Any

import torch

RESHAPES = {
    "view", "_unsafe_view", "_reshape_alias", "reshape", "squeeze", "unsqueeze", "detach", "alias", "clone", "lift_fresh", "_to_copy",
}  # fmt: skip
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


def address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def layout(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride())


def identity(tensor: torch.Tensor) -> tuple[Any, ...]:
    return (address(tensor), *layout(tensor))


def settings_of(name: str, args: tuple[Any, ...]) -> dict[str, Any]:
    found = {setting: args[i] for i, setting in SETTINGS.get(name, {}).items() if i < len(args)}
    return {setting: list(value) if isinstance(value, (list, tuple)) else value for setting, value in found.items()}
