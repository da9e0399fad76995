"""Checkpoints: nested dictionaries and lists of tensors and plain data, in one safetensors file each (given; nothing to do here).

Such a file holds data only, so that reading it never runs code. It is written whole or not at all.
"""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .errors import UserError

PLAIN = "plain data"  # the name of all that is no tensor, in the file's metadata
TENSOR, PAIRS = "tensor", "pairs"  # how a tensor and a dictionary are written in it


def save_checkpoint(state, path):
    """Write dictionaries, lists, tensors, numbers, strings and None, so that a crash at any moment leaves the old file or the new one."""
    tensors = {}
    plain = json.dumps(_to_plain(state, tensors))
    save_whole(tensors, path, {PLAIN: plain})


def load_checkpoint(path, must_hold=()):
    """What save_checkpoint wrote, tensors on the CPU, tuples as lists. Raises UserError for any other file, or one without these keys."""
    if not Path(path).is_file():
        raise UserError(f"There is no checkpoint {path}.")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            plain = json.loads((file.metadata() or {}).get(PLAIN, "null"))
            state = _from_plain(plain, {name: file.get_tensor(name) for name in file.keys()})
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no readable checkpoint ({type(error).__name__}); use one that train.py wrote.") from None
    if not isinstance(state, dict) or any(key not in state for key in must_hold):
        raise UserError(f"{path} is no checkpoint of a training; use a checkpoint-….safetensors of its folder.")
    return state


def save_whole(tensors, path, metadata=None):
    """A safetensors file, written beside its place first. tensors: by name."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, partial, metadata)
    os.replace(partial, path)


def _to_plain(value, tensors):
    """The value as JSON can hold it; its tensors are put into `tensors`. Keys of dictionaries may be numbers, so they are kept as pairs."""
    if isinstance(value, torch.Tensor):
        name = f"{len(tensors):05d}"
        tensors[name] = value
        return {TENSOR: name}
    if isinstance(value, dict):
        return {PAIRS: [[key, _to_plain(item, tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_to_plain(item, tensors) for item in value]
    return value


def _from_plain(value, tensors):
    """The inverse of _to_plain."""
    if isinstance(value, dict) and TENSOR in value:
        return tensors[value[TENSOR]]
    if isinstance(value, dict):
        return {key: _from_plain(item, tensors) for key, item in value[PAIRS]}
    if isinstance(value, list):
        return [_from_plain(item, tensors) for item in value]
    return value
