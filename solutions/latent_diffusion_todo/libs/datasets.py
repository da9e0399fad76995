"""The images that are learned from, and images drawn by a program where they are not there (given; nothing to do here).

    python -m libs.datasets --download       puts MNIST into data/ (11 MB), once

MNIST is looked for in data/MNIST/, AFHQ in data/train/{cat,dog,wild}/ or data/afhq/train/{cat,dog,wild}/. Nothing is downloaded unless asked
for. Which data is used is said by its `name`, in every print and every figure.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from drawn_digits import NAME as DRAWN_DIGITS
from drawn_digits import drawn_digits
from faces import CATEGORIES, FIRST_SEED, render_face
from PIL import Image
from tqdm import tqdm

from .errors import UserError, run
from .mnist_files import Damaged, read_mnist

DRAWN_FACES = "faces drawn by a program, a stand-in for AFHQ"
SUFFIXES = (".png", ".jpg", ".jpeg")


class Images(NamedTuple):
    """pixels: uint8, (N, C, H, W), 0 (black) … 255; labels: (N,), places in class_names."""

    pixels: torch.Tensor
    labels: torch.Tensor
    class_names: tuple
    name: str


def load_images(config, folder="data"):
    """The training images that a configuration names. Raises UserError where they are damaged, or do not fit the model's settings."""
    channels, height, width = config["model"]["img_shape"]
    if height != width:
        raise UserError(f"model.img_shape is {height} × {width}; the images here are square.")
    load = load_digits if config["data"]["name"] == "mnist" else load_faces
    images = load(height, Path(folder), config["data"]["drawn_per_class"])
    if images.pixels.shape[1] != channels:
        raise UserError(f"model.img_shape has {channels} channels; these images have {images.pixels.shape[1]}.")
    if len(images.class_names) != config["model"]["num_classes"]:
        raise UserError(f"model.num_classes is {config['model']['num_classes']}; these images have {len(images.class_names)} classes.")
    limit = config["data"]["images"] or len(images.pixels)
    order = torch.randperm(len(images.pixels), generator=torch.Generator().manual_seed(0))[:limit]
    return images._replace(pixels=images.pixels[order], labels=images.labels[order])


def to_model(pixels, use_vae):
    """uint8 as the model takes it, float32: 0 … 1 where an autoencoder comes first, else −1 … 1."""
    images = pixels.float() / 255
    return images if use_vae else 2 * images - 1


def load_digits(size, folder, drawn_per_class=1000):
    """MNIST for training, or drawn digits, of 28 × 28, or with a black rim of 32 × 32. Raises UserError for other sizes, and a damaged MNIST."""
    if size not in (28, 32):
        raise UserError(f"model.img_shape is {size} × {size}; digits are 28 × 28, or 32 × 32 with a rim.")
    try:
        found = read_mnist(folder)
    except Damaged as error:
        raise UserError(str(error)) from None
    if found:
        (pixels, labels), name = map(torch.from_numpy, found), "MNIST"
    else:
        images, labels = map(torch.from_numpy, drawn_digits(10 * drawn_per_class, 28, seed=0))
        pixels, name = images.mul(255).round().byte(), DRAWN_DIGITS
    pixels = F.pad(pixels[:, None], [(size - 28) // 2] * 4)
    return Images(pixels, labels.long(), tuple("0123456789"), name)


def load_faces(size, folder, drawn_per_class=1000):
    """AFHQ for training, or drawn faces, (N, 3, size, size). Raises UserError for a folder without images, and an image that cannot be read."""
    for place in (folder, folder / "afhq"):
        if all((place / "train" / category).is_dir() for category in CATEGORIES):
            return Images(*read_folder(place / "train", size), CATEGORIES, f"images in AFHQ's layout, {place.resolve().name}/")
    if (folder / "train").is_dir():
        raise UserError(f"{folder}/train has no folders cat, dog and wild, as AFHQ has; name another folder by --data.")
    drawn = draw_faces(folder / "drawn_faces" / str(size), size, drawn_per_class)
    return Images(*read_folder(drawn, size, drawn_per_class), CATEGORIES, DRAWN_FACES)


def draw_faces(folder, size, count):
    """Write `count` faces of each category, except those that are there already. Returns the folder."""
    jobs = [(category, i, folder / category / f"{i:05d}.png") for category in CATEGORIES for i in range(count)]
    for category, i, path in tqdm([job for job in jobs if not job[2].exists()], desc="drawing faces, once", unit="image", disable=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        Image.fromarray(render_face(category, FIRST_SEED["train"] + i, size)).save(partial, format="png")
        partial.rename(path)
    return folder


def read_folder(folder, size, limit=None):
    """The images in folder/<category>/, at most `limit` of each: pixels, uint8 (N, 3, size, size), and labels, (N,)."""
    pixels, labels = [], []
    for label, category in enumerate(CATEGORIES):
        paths = sorted(path for path in (folder / category).iterdir() if path.suffix.lower() in SUFFIXES)[:limit]
        if not paths:
            raise UserError(f"There are no images in {folder / category}.")
        pixels += [read_image(path, size) for path in tqdm(paths, desc=f"reading {category}", unit="image", leave=False)]
        labels += [label] * len(paths)
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


def read_image(path, size):
    """RGB, uint8, (size, size, 3). Raises UserError for a file that is no image."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (size, size))
            rgb = image.convert("RGB")
    except Exception as error:  # Pillow raises many kinds for broken files
        raise UserError(f"{path} is not a readable image ({type(error).__name__}); remove or replace it.") from None
    return np.asarray(rgb if rgb.size == (size, size) else rgb.resize((size, size), Image.Resampling.BICUBIC))


def main():
    if sys.argv[1:] != ["--download"]:
        raise UserError("Write: python -m libs.datasets --download")
    try:
        from torchvision.datasets import MNIST

        MNIST("data", train=True, download=True)
    except ImportError:
        raise UserError("This needs torchvision: pip install torchvision") from None
    except (OSError, RuntimeError) as error:  # OSError: the network
        raise UserError(f"MNIST could not be downloaded ({error}). Try again, or put its files into data/MNIST/raw yourself.") from None


if __name__ == "__main__":
    run(main)
