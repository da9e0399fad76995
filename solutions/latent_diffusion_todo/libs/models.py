"""Your models as train.py calls them (given; nothing to do here).

Both editions of the assignment are understood: compute_loss(x, label, t) or compute_loss(x, label), p_sample_loop(labels) or generate(labels).
"""

import importlib
import inspect
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from .checkpoints import save_whole
from .config import merged
from .errors import UserError
from .utils import trained_state

CLASSES = {"ddpm": "DDPM", "ddim": "DDIM", "edm": "EDM"}  # libs/<method>.py has the class
MADE_OF = "made of"  # in the metadata of model.safetensors; one entry, whose order is the same in every file


def make_model(config):
    """A new model with the settings that its class has arguments for. Raises UserError where its class is not there, or they fit no network."""
    method = config["method"]
    try:
        made_of = getattr(importlib.import_module(f".{method}", __package__), CLASSES[method])
    except (ModuleNotFoundError, AttributeError) as error:
        raise UserError(f"libs/{method}.py with a class {CLASSES[method]} is needed for method: {method} ({error}).") from None
    taken = inspect.signature(made_of).parameters
    try:
        return made_of(**{name: value for name, value in config["model"].items() if name in taken})
    except (ValueError, ZeroDivisionError) as error:
        raise UserError(f"No network can be made with these settings: {error}. Look at model.dim, a multiple of 8, and model.dim_mults.") from None


def loss_of(model, images, labels):
    """The training loss of a batch, a scalar; t is drawn here, uniform on 0 … T − 1, where compute_loss takes it."""
    third = list(inspect.signature(model.compute_loss).parameters.values())[2:3]
    if third and (third[0].name.startswith("t") or third[0].default is inspect.Parameter.empty):
        t = torch.randint(0, model.timesteps, (len(images),), device=images.device)
        return model.compute_loss(images, labels, t)
    return model.compute_loss(images, labels)


def draw(model, labels, batch_size=100, **how):
    """An image for each label, (B, C, H, W), in 0 … 1, on the CPU. how: further arguments of the sampler."""
    sampler = getattr(model, "p_sample_loop", None) or model.generate
    model.eval()
    with torch.no_grad():
        return torch.cat([sampler(part, **how).float().cpu() for part in labels.split(batch_size)])


def save_model(weights, config, data, path):
    """What is handed in: weights by name, without the autoencoder's, the configuration that they belong to, and the name of the data."""
    save_whole(weights, path, {MADE_OF: json.dumps({"config": config, "data": data})})


def load_model(path, method=None):
    """(model, configuration, name of the data) of a file that save_model wrote; with `method`, as another class. Raises UserError for another file."""
    if not Path(path).is_file():
        raise UserError(f"There is no model {path}; train one first: python train.py configs/mnist_laptop.yaml")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            facts = json.loads((file.metadata() or {})[MADE_OF])
            config, data = merged(facts["config"], str(path)), facts["data"]
            weights = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} was not written by train.py ({type(error).__name__}).") from None
    config["method"] = method or config["method"]
    model = make_model(config)
    fill(model, weights)
    return model, config, data


def fill(model, weights):
    """Load trained weights. Raises UserError where they are those of another network."""
    wanted = {name: value.shape for name, value in trained_state(model).items()}
    if wanted != {name: value.shape for name, value in weights.items()}:
        raise UserError("These weights belong to another network than yours; the configuration or your U-Net has changed since.")
    model.load_state_dict(weights, strict=False)
