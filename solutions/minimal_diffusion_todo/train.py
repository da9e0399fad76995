"""Train one of your models, by the recipe of the handout, and draw samples from it.

    python train.py                   the U-Net of exercise 3, 2500 steps
    python train.py --model first     the two convolutions of ddpm.py
    python train.py --model conditional --steps 25000

Takes the size of the images from --size: with 16 a step takes a third of the time.
"""

import argparse

import conditional
import ddpm
import torch
import unet
from digits import batches, load_digits, normalise
from tqdm import tqdm


def make_model(name):
    """The model, and what of a batch (x, c) it takes."""
    if name == "first":
        return ddpm.DDPM(), lambda x, c: (x,)
    if name == "unet":
        return ddpm.DDPM(unet.UNet()), lambda x, c: (x,)
    return conditional.DDPM(conditional.UNet()), lambda x, c: (x, c)


def train(model, taken, data, steps, learning_rate=1e-4):
    """Adam on the model's own loss. Returns the smoothed loss of every step."""
    model(*taken(*next(data)))  # lazy layers learn their sizes here, before the optimiser takes them
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    smoothed, curve = None, []
    for _ in (bar := tqdm(range(steps), mininterval=1)):
        loss = model(*taken(*next(data)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        smoothed = loss.item() if smoothed is None else smoothed + 0.01 * (loss.item() - smoothed)
        curve.append(smoothed)
        bar.set_postfix_str(f"loss {smoothed:.4f}", refresh=False)
    return curve


def save_samples(model, size, path, count=10):
    """A row of samples as a PNG."""
    from torchvision.utils import save_image

    model.eval()
    save_image(normalise(model.sample(count, (3, size, size))), path, nrow=count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["first", "unet", "conditional"], default="unet")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--size", type=int, default=32)
    chosen = parser.parse_args()
    if chosen.size % 16 or chosen.size < 16:
        parser.error("--size must be a multiple of 16: the U-Net halves it four times.")
    model, taken = make_model(chosen.model)
    train(model, taken, batches(*load_digits(chosen.size)), chosen.steps)
    save_samples(model, chosen.size, f"samples_{chosen.model}.png")
    print(f"samples_{chosen.model}.png")
