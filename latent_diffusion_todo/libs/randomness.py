"""The random generators that a training step may use: seed them, keep their state, bring it back (given)."""

import contextlib
import random

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Python, NumPy and PyTorch (every device)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def random_state(device: torch.device) -> dict:
    """The state of every generator that a training step may use, as plain data."""
    version, internal, gauss = random.getstate()
    kind, keys, *rest = np.random.get_state()
    state = {"python": [version, list(internal), gauss], "numpy": [kind, keys.tolist(), *rest], "torch": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict, device: torch.device) -> None:
    """The inverse of random_state."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(tuple(state["numpy"]))
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


@contextlib.contextmanager
def untouched_random(device: torch.device):
    """Whatever is drawn inside, the generators are afterwards as they were before."""
    before = random_state(device)
    try:
        yield
    finally:
        set_random_state(before, device)
