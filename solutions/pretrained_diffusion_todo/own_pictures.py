"""The pictures that you edit: your own, from the folder pictures/, and drawn stand-ins where there are none (given; nothing to do here).

`test*` is the one that most figures begin with; `photo*` are two more; `drawing*` are two that you drew by hand, with a paint program or a pen.
PNG or JPEG, of any size: the middle square is used.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from model import process_pil_im
from PIL import Image, ImageDraw
from small_model.drawings import draw
from torch import Tensor

FOLDER = Path("pictures")
ENDINGS = (".png", ".jpg", ".jpeg")


class Own(NamedTuple):
    """`image`: (1, 3, 64, 64) in [−1, 1]. `name`: for captions."""

    name: str
    image: Tensor


def own_pictures(kind: str, count: int) -> list[Own]:
    """`count` of "test", "photo" or "drawing": files of the folder in the order of their names, then stand-ins."""
    files = sorted(path for path in FOLDER.glob(f"{kind}*") if path.suffix.lower() in ENDINGS)[:count]
    found = [Own(path.name, process_pil_im(Image.open(path))) for path in files]
    return [*found, *(Own(name, process_pil_im(picture)) for name, picture in _stand_ins(kind)[len(found) : count])]


def _stand_ins(kind: str) -> list[tuple[str, Image.Image]]:
    if kind == "drawing":
        return [("a scribbled tree (stand-in)", _scribbled_tree()), ("a scribbled boat (stand-in)", _scribbled_boat())]
    prompts = ("a house",) if kind == "test" else ("a mushroom", "a cat")
    return [(f"{prompt} (stand-in)", Image.fromarray(draw(prompt, np.random.default_rng(1)))) for prompt in prompts]


def _scribbled_tree() -> Image.Image:
    """As with four strokes of a thick brush."""
    picture = Image.new("RGB", (64, 64), (244, 226, 190))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((20, 38, 44, 58), fill=(240, 240, 250))
    pen.polygon([(32, 6), (17, 40), (47, 40)], fill=(40, 120, 60))
    pen.line([(20, 34), (44, 28)], fill=(200, 60, 50), width=2)
    return picture


def _scribbled_boat() -> Image.Image:
    picture = Image.new("RGB", (64, 64), (200, 225, 240))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 46, 64, 64), fill=(50, 110, 170))
    pen.pieslice((8, 20, 56, 60), 0, 180, fill=(190, 50, 50))
    pen.line([(32, 40), (32, 10)], fill=(90, 60, 40), width=2)
    pen.polygon([(34, 12), (34, 36), (50, 36)], fill=(250, 250, 250))
    return picture
