"""Train the small autoencoder whose weights lie in libs/weights/ (given; nothing to do here, and no need to run it).

    python train_autoencoder.py             about a quarter of an hour on one core; Ctrl-C stops it, the same command goes on
    python train_autoencoder.py --fresh     begins again

It learns from images that are made here: faces drawn by a program at two sizes, and heaps of overlapping discs ("dead leaves"), whose statistics
are near those of photographs (Lee, Mumford, Huang 2001), so that it is of use for photographs too. It has seen none.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from faces import CATEGORIES, render_face
from libs.checkpoints import load_checkpoint, save_checkpoint, save_whole
from libs.errors import run
from libs.tiny_autoencoder import DECODER_FILE, ENCODER_FILE, Block, make_decoder, make_encoder
from safetensors.torch import load_file
from torch import nn
from tqdm import tqdm

SIDE = 64  # of the images that are trained on
LATENT_NOISE = 0.1  # added to latents, so that near latents mean near images
SCALE_WEIGHT = 0.05  # of the penalty on latents that are not of mean 0 and variance 1
GUIDED_STEPS = 500
SAVE_EVERY = 250


def draw_leaves(count, generator):
    """Images of discs that cover each other, uint8, (count, SIDE, SIDE, 3); the density of a radius r falls as r⁻³."""
    axis = np.arange(SIDE)
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for image in tqdm(images, desc="drawing leaves", unit="image"):
        palette = generator.uniform(0, 255, (6, 3))
        radii = 2 / np.sqrt(1 - generator.uniform(0, 0.998, 250))
        for radius, x, y in zip(radii, *generator.uniform(-8, SIDE + 8, (2, 250))):
            colour = palette[generator.integers(6)] + generator.normal(0, 25, 3)
            slope = generator.normal(0, 40, 2) / SIDE  # a disc is lighter on one side
            shade = slope[0] * (axis[None, :] - x) + slope[1] * (axis[:, None] - y)
            inside = (axis[None, :] - x) ** 2 + (axis[:, None] - y) ** 2 < radius**2
            image[inside] = np.clip(colour + shade[inside, None], 0, 255)
    return images


def draw_faces(count, side):
    """`count` of each category, uint8, (3·count, side, side, 3)."""
    jobs = [(category, seed) for seed in range(count) for category in CATEGORIES]
    return np.stack([render_face(category, 20_000_000 + seed, side) for category, seed in tqdm(jobs, desc=f"drawing faces, {side} pixels")])


def make_images(folder):
    """Three sets of images, uint8, (N, S, S, 3), drawn once and kept in the folder."""
    path = folder / "images.safetensors"
    if not path.exists():
        leaves = draw_leaves(1200, np.random.default_rng(0))
        sets = {"small": draw_faces(500, SIDE), "large": draw_faces(250, 2 * SIDE), "leaves": leaves}
        save_whole({name: torch.from_numpy(images) for name, images in sets.items()}, path)
    return [images.numpy() for _, images in sorted(load_file(path).items())]


def draw_batch(sets, size, generator):
    """Random crops of the sets in turn, mirrored and recoloured at random, float32, (size, 3, SIDE, SIDE) in 0 … 1."""
    crops = []
    for i in range(size):
        images = sets[i % len(sets)]
        top, left = generator.integers(0, images.shape[1] - SIDE + 1, 2)
        crop = images[generator.integers(len(images)), top : top + SIDE, left : left + SIDE] / np.float32(255)
        crop = crop[:, :: generator.choice([-1, 1])]
        if generator.random() < 0.5:
            crop = crop[..., generator.permutation(3)]
            crop = 0.5 + (crop - 0.5) * generator.uniform(0.5, 1.3) + generator.normal(0, 0.1, 3)
        crops.append(np.clip(crop, 0, 1).transpose(2, 0, 1))
    return torch.from_numpy(np.stack(crops).astype(np.float32))


def colours_of(x):
    """Brightness and two differences of colours of each square of 8 × 8 pixels, roughly of unit scale, (B, 3, H/8, W/8)."""
    red, green, blue = (F.avg_pool2d(x, 8) - 0.5).unbind(1)
    return torch.stack([4 / 3 * (red + green + blue), 6 * (red - green), 4 * (2 * blue - red - green)], dim=1)


def loss_of(encoder, decoder, x, guided):
    """How far images are from what they were, and latents from unit scale.

    Images are compared at full size and averaged over squares, in which colours show, and by the differences of neighbours, in which edges
    do. guided: the weight of a hint for the first steps, that latents could be colours, without which colours are found late.
    """
    latents = encoder(x).float()
    found = decoder(latents + LATENT_NOISE * torch.randn_like(latents)).float()
    distance = sum(F.l1_loss(F.avg_pool2d(found, side), F.avg_pool2d(x, side)) for side in (1, 2, 4, 8))
    edges = sum(F.l1_loss(found.diff(dim=dim), x.diff(dim=dim)) for dim in (2, 3))
    variance, mean = torch.var_mean(latents, dim=(0, 2, 3))
    scale = (mean**2 + (variance - 1) ** 2).mean()
    return distance + 0.5 * edges + SCALE_WEIGHT * scale + guided * F.mse_loss(latents[:, :3], colours_of(x))


def prepare(network):
    """Weights that keep the scale of what passes (He and others 2015); every block begins as the identity, so that colours come through."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, Block):
            nn.init.zeros_(module.conv[-1].weight)


class Training:
    """The state of a training: networks, optimiser and the step that comes next."""

    def __init__(self, width, steps):
        torch.manual_seed(0)
        self.networks = nn.ModuleDict({"encoder": make_encoder(width), "decoder": make_decoder(width)}).to(memory_format=torch.channels_last)
        prepare(self.networks)
        self.adam = torch.optim.Adam(self.networks.parameters(), lr=1e-3)
        self.step, self.steps = 0, steps

    def one_step(self, sets, batch_size):
        torch.manual_seed(self.step)
        x = draw_batch(sets, batch_size, np.random.default_rng(self.step)).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of(self.networks["encoder"], self.networks["decoder"], x, guided=max(0, 1 - self.step / GUIDED_STEPS))
        for group in self.adam.param_groups:
            group["lr"] = 2e-3 * (0.5 + 0.5 * math.cos(math.pi * self.step / self.steps))
        self.adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.networks.parameters(), 1.0)
        self.adam.step()
        self.step += 1
        return loss.item()

    def save(self, path):
        state = {"networks": self.networks.state_dict(), "adam": self.adam.state_dict(), "step": self.step}
        save_checkpoint(state, path)

    def restore(self, path):
        state = load_checkpoint(path, must_hold=("networks", "adam", "step"))
        self.networks.load_state_dict(state["networks"])
        self.adam.load_state_dict(state["adam"])
        self.step = state["step"]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--width", type=int, default=32, help="channels of every layer; TAESD has 64")
    parser.add_argument("--folder", type=Path, default=Path("../logs/autoencoder"), help="where the checkpoint lies")
    parser.add_argument("--weights", type=Path, nargs=2, default=[ENCODER_FILE, DECODER_FILE], help="files to write in the end")
    parser.add_argument("--fresh", action="store_true", help="forget the checkpoint")
    args = parser.parse_args(arguments)
    checkpoint = args.folder / "autoencoder.safetensors"
    training = Training(args.width, args.steps)
    if checkpoint.exists() and not args.fresh:
        training.restore(checkpoint)
    sets = make_images(args.folder)
    try:
        with tqdm(total=args.steps, initial=training.step, unit="step", mininterval=1) as bar:
            while training.step < args.steps:
                bar.set_postfix_str(f"loss {training.one_step(sets, args.batch_size):.4f}", refresh=False)
                bar.update()
                if training.step % SAVE_EVERY == 0:
                    training.save(checkpoint)
    except KeyboardInterrupt:
        training.save(checkpoint)
        print(f"Stopped before step {training.step}; the same command goes on.")
        raise SystemExit(130) from None
    for half, path in zip(("encoder", "decoder"), args.weights):
        save_whole({name: weight.half() for name, weight in training.networks[half].state_dict().items()}, path)
    print("Wrote " + " and ".join(map(str, args.weights)))


if __name__ == "__main__":
    run(main)
