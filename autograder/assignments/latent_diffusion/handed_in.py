"""A model that is handed in, as train.py writes it: model.safetensors, with its configuration in the file's own metadata. Read as data."""

import json
from dataclasses import dataclass
from typing import Any

MOST_HEADER = 1 << 20  # bytes; that of a U-Net has some ten thousand
SIZES = {"dim": (8, 256), "context_dim": (8, 1024), "timesteps": (2, 2000)}
SIDES = (28, 32)  # of digits; with a rim


class Unusable(Exception):
    """The file is no model of digits that can be judged. The message says why."""


@dataclass(frozen=True)
class Configuration:
    """What DDPM is made with. `side`: of the images."""

    arguments: dict[str, Any]

    @property
    def timesteps(self) -> int:
        return int(self.arguments["timesteps"])

    @property
    def side(self) -> int:
        return int(self.arguments["img_shape"][-1])


def read_configuration(content: bytes) -> Configuration:
    """Of a safetensors file: 8 bytes with the length of a header in JSON, whose "__metadata__" has the configuration as text, under "made of".

    Raises Unusable for another file, and for a configuration that is none of a model of digits in pixels.
    """
    try:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length]) if length <= MOST_HEADER else {}
        model = json.loads(header["__metadata__"]["made of"])["config"]["model"]
        arguments: dict[str, Any] = {name: _whole(model[name], *limits) for name, limits in SIZES.items()}
        arguments |= {name: [_whole(value, 0, 8) for value in model[name]][:6] for name in ("dim_mults", "attn_levels")}
        shape = [_whole(value, 1, 4096) for value in model["img_shape"]]
        classes, latent = _whole(model["num_classes"], 1, 10_000), model.get("use_vae", False)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unusable("it is no model.safetensors as train.py writes it, with its configuration inside") from None
    if latent or classes != 10 or len(shape) != 3 or shape[0] != 1 or shape[1] not in SIDES or shape[1] != shape[2]:
        raise Unusable("it is no model of digits in pixels: its images have the shape "
                       f"{tuple(shape)}, with {classes} classes{', in latent space' if latent else ''}")  # fmt: skip
    return Configuration(arguments | {"img_shape": shape, "num_classes": 10})


def _whole(value: Any, lowest: int, highest: int) -> int:
    if type(value) is not int or not lowest <= value <= highest:
        raise ValueError(value)
    return value
