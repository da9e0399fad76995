"""Draw images with a trained model (given; nothing to do here).

    python sample.py ../logs/mnist_laptop                              by the method of its configuration
    python sample.py ../logs/mnist_laptop --method ddim --steps 20     by your DDIM: how few steps suffice?

Writes samples-<method>.png into the folder of the training, a row for each class.
"""

import argparse
import time
from pathlib import Path

import torch
from libs.errors import UserError, run
from libs.models import CLASSES, draw, load_model
from libs.utils import save_samples

NAMES = {10: tuple("0123456789"), 3: ("cat", "dog", "wild")}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the training")
    parser.add_argument("--method", choices=CLASSES, help="default: that of the training")
    parser.add_argument("--steps", type=int, help="of ddim or edm; default: that of your sampler")
    parser.add_argument("--per_class", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    if args.per_class < 1 or args.steps is not None and args.steps < 1:
        raise UserError("--per_class and --steps are counted from 1 on.")
    model, config, data = load_model(args.folder / "model.safetensors", args.method)
    if args.steps is not None and config["method"] == "ddpm":
        raise UserError("DDPM takes all of its steps; --steps belongs to --method ddim or edm.")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    classes = NAMES.get(config["model"]["num_classes"]) or tuple(map(str, range(config["model"]["num_classes"])))
    labels = torch.arange(len(classes), device=device).repeat_interleave(args.per_class)
    torch.manual_seed(args.seed)
    begin = time.perf_counter()
    try:
        images = draw(model.to(device), labels, **({"num_steps": args.steps} if args.steps else {}))
    except NotImplementedError as error:
        raise UserError(f"This needs a part that is not done yet: {error}.") from None
    seconds = time.perf_counter() - begin
    steps = f"{args.steps} steps" if args.steps else f"T = {config['model']['timesteps']}" if config["method"] == "ddpm" else "its default steps"
    told = f"{CLASSES[config['method']]}, {steps}: {len(images)} images in {seconds:.1f} s on {device}."
    path = args.folder / f"samples-{config['method']}{f'-{args.steps}' if args.steps else ''}.png"
    save_samples(images, classes, path, f"{told} Model: {args.folder.name}, trained on: {data}.")
    print(f"{told} {path}")


if __name__ == "__main__":
    run(main)
