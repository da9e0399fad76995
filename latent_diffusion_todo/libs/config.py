"""The settings of a training: a YAML file over defaults (given; nothing to do here)."""

import copy
import difflib
from pathlib import Path

import yaml

from .errors import UserError

DEFAULTS = {
    "method": "ddpm",  # ddpm, ddim or edm: whose compute_loss is trained
    "data": {
        "name": "mnist",  # mnist or afhq
        "mirror": False,  # mirror half of the images, left to right
        "images": 0,  # at most so many, of all classes together; 0 for all
        "drawn_per_class": 1000,  # images drawn by a program, where the data is not there
    },
    "model": {  # the arguments of DDPM
        "img_shape": [3, 32, 32],
        "timesteps": 500,
        "dim": 64,
        "context_dim": 64,
        "num_classes": 10,
        "dim_mults": [1, 2, 4],
        "attn_levels": [0, 1],
        "use_vae": False,
        "vae_encoder_weights": None,  # files; None for those in libs/weights/
        "vae_decoder_weights": None,
    },
    "training": {"epochs": 30, "batch_size": 64, "learning_rate": 2e-5, "ema_decay": 0.999, "seed": 0},
    "sampling": {"per_class": 8},  # images in each row of sample-….png
}
CHOICES = {"method": ("ddpm", "ddim", "edm"), "data.name": ("mnist", "afhq")}
MAY_BE_ZERO = ("data.images", "training.seed", "training.ema_decay", "model.attn_levels")


def load_config(path):
    """The settings of a YAML file, and defaults for those that it does not name: a nested dictionary, new at every call.

    Raises UserError for a file that is not there or is no YAML, for a name that does not exist, and for a value of another type.
    """
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The configuration {path} cannot be read ({getattr(error, 'strerror', None) or 'it is no text'}).") from None
    except yaml.YAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if getattr(error, "problem_mark", None) else ""
        raise UserError(f"{path}{line} is not valid YAML; compare it with configs/mnist.yaml.") from None
    return merged(given or {}, str(path))


def merged(given, where="The configuration"):
    """`given` over the defaults, without changing either. Raises UserError as load_config does."""
    return _merged(DEFAULTS, given, "", where)


def _merged(defaults, given, prefix, where):
    if not isinstance(given, dict):
        raise UserError(f"{where}: {prefix.rstrip('.') or 'the file'} must hold names and values, such as {next(iter(defaults))}: ….")
    for key in given:
        if key not in defaults:
            near = difflib.get_close_matches(str(key), defaults, n=1, cutoff=0)[0]
            raise UserError(f"{where}: there is no setting {prefix}{key}; the nearest name is {prefix}{near}.")
    result = copy.deepcopy(defaults)
    for key, value in given.items():
        if isinstance(defaults[key], dict):
            result[key] = _merged(defaults[key], value, f"{prefix}{key}.", where)
        else:
            result[key] = _checked(value, defaults[key], f"{prefix}{key}", where)
    return result


def _checked(value, default, name, where):
    """The value as the type of the default; None as default stands for the name of a file."""
    kind = str if default is None else type(default)
    if kind is float and isinstance(value, (int, str)) and not isinstance(value, bool):
        try:
            value = float(value)  # YAML takes 2e-5, without a dot, for text
        except ValueError:
            pass
    if name in CHOICES and value not in CHOICES[name]:
        raise UserError(f"{where}: {name} is {value!r}; it can be {', '.join(CHOICES[name])}.")
    if value is None and default is None:
        return None
    if type(value) is not kind or kind is list and not all(type(item) is int for item in value):
        kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list of whole numbers"}
        raise UserError(f"{where}: {name} must be {kinds[kind]}, not {value!r}.")
    numbers = value if kind is list else [value] if kind in (int, float) else []
    if any(not number >= 0 or number == 0 and name not in MAY_BE_ZERO for number in numbers):
        raise UserError(f"{where}: {name} must be positive, not {value!r}.")
    return list(value) if kind is list else value
