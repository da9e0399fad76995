"""Draw images with a trained model, for the FID (given; nothing to do here).

    python sampling.py --ckpt_path results/…/last.ckpt --save_dir samples                                 # DDPM, 1000 steps
    python sampling.py --ckpt_path results/…/last.ckpt --save_dir samples --num_inference_timesteps 50    # DDIM, 50 steps

Writes 0.png … 499.png, 64×64, and sampling.json, which says how they were made. Stopped, it goes on where it was when called
again: every batch has random numbers of its own.
"""

import argparse
import json
from pathlib import Path

import torch
from dataset import tensor_to_pil_image
from ddpm import BaseScheduler, DiffusionModule
from errors import UserError, run
from network import UNet
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from run_folder import load_plain
from tqdm import tqdm
from trainer import pick_device, seed_everything

SETTINGS = "sampling.json"


def load_model(path, device) -> tuple[DiffusionModule, dict]:
    """The model of a checkpoint, ready for sampling, and the checkpoint. Raises UserError for any other file."""
    checkpoint = load_plain(path, must_hold=("network", "var_scheduler", "state_dict"))
    try:
        ddpm = DiffusionModule(UNet(**(checkpoint["network"] or {})), BaseScheduler(**checkpoint["var_scheduler"]))
        ddpm.load_state_dict({unwrapped(name): weight for name, weight in checkpoint["state_dict"].items()})
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{path} does not fit this network: {str(error).splitlines()[0]}") from None
    return ddpm.to(device).eval(), checkpoint


def unwrapped(name: str) -> str:
    """The name of a weight without what torch.compile (`_orig_mod`) and DataParallel (`module`) put into it."""
    return ".".join(part for part in name.split(".") if part not in ("_orig_mod", "module"))


@torch.no_grad()
def draw(ddpm: DiffusionModule, count: int, seed: int, num_inference_timesteps=None, eta: float = 0.0) -> torch.Tensor:
    """`count` images in [−1, 1], (count, 3, H, W): by DDIM where a number of steps is given, else by DDPM."""
    seed_everything(seed)
    shape = (count, 3, ddpm.image_resolution, ddpm.image_resolution)
    if num_inference_timesteps is None:
        return ddpm.p_sample_loop(shape)
    return ddpm.ddim_p_sample_loop(shape, num_inference_timesteps=num_inference_timesteps, eta=eta)


def save(image: Image.Image, path: Path, resolution: int, remark: str) -> None:
    """Write a PNG, enlarged where the model's images are smaller, with the remark in its metadata."""
    if image.size != (resolution, resolution):
        image = image.resize((resolution, resolution), Image.Resampling.BICUBIC)
    info = PngInfo()
    info.add_text("Comment", remark)
    partial = path.with_suffix(".partial")
    image.save(partial, format="PNG", pnginfo=info)
    partial.replace(path)


def settings_of(args, checkpoint: dict) -> dict:
    """How the samples are made; what is in the folder already must have been made in the same way."""
    method = "DDPM" if args.num_inference_timesteps is None else f"DDIM, {args.num_inference_timesteps} steps, eta {args.eta:g}"
    resolution = checkpoint["network"]["image_resolution"]
    enlarged = [f"drawn at {resolution}×{resolution} and enlarged"] if resolution != args.image_resolution else []
    late = starts_late(checkpoint["var_scheduler"]["num_train_timesteps"], args.num_inference_timesteps)
    return {
        "checkpoint": str(Path(args.ckpt_path).resolve()), "training_step": checkpoint.get("step"), "method": method, "seed": args.seed,
        "batch_size": args.batch_size, "image_resolution": args.image_resolution, "remarks": [*checkpoint.get("remarks", []), *enlarged, *late],
    }  # fmt: skip


def starts_late(T: int, steps: int | None) -> list[str]:
    """A remark where the evenly spaced steps of ddim_p_sample_loop begin far from T − 1, so that noise is taken for a picture."""
    first = T - 1 if steps is None else (steps - 1) * (T // steps)
    return [f"DDIM began at t = {first} of {T - 1}: choose a number of steps that divides {T}"] if first < 0.75 * T else []


def check_options(args, checkpoint: dict) -> None:
    """Raises UserError for numbers that make no sense."""
    T = checkpoint["var_scheduler"]["num_train_timesteps"]
    if args.num_inference_timesteps is not None and not 1 <= args.num_inference_timesteps <= T:
        raise UserError(f"--num_inference_timesteps must be from 1 to {T}, not {args.num_inference_timesteps}.")
    if min(args.batch_size, args.num_images, args.image_resolution) < 1:
        raise UserError("--batch_size, --num_images and --image_resolution must be positive.")


def prepare_folder(folder: Path, settings: dict) -> None:
    """Make the folder and write its settings. Raises UserError when it holds samples that were made differently."""
    file = folder / SETTINGS
    if file.exists() and json.loads(file.read_text()) != settings:
        raise UserError(f"{folder} holds samples that were drawn with other settings (see {SETTINGS}); choose another --save_dir.")
    if not file.exists() and any(folder.glob("*.png")):
        raise UserError(f"{folder} holds images already; choose an empty --save_dir.")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings, indent=2) + "\n")


def main(argv=None) -> None:
    parser = argparse.ArgumentParser(description="Draw images with a trained model.")
    parser.add_argument("--ckpt_path", required=True, help="a checkpoint that train.py wrote")
    parser.add_argument("--save_dir", required=True, help="folder for the images")
    parser.add_argument("--num_images", type=int, default=500, help="the FID of the assignment is taken on 500")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--num_inference_timesteps", type=int, help="use DDIM with so many steps; default: DDPM, all steps")
    parser.add_argument("--eta", type=float, default=0.0, help="randomness of DDIM, 0 to 1")
    parser.add_argument("--image_resolution", type=int, default=64, help="side of the written images in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gpu", type=int, default=0, help="number of the GPU, where there are several")
    args = parser.parse_args(argv)

    ddpm, checkpoint = load_model(args.ckpt_path, pick_device(args.gpu))
    check_options(args, checkpoint)
    folder, settings = Path(args.save_dir), settings_of(args, checkpoint)
    prepare_folder(folder, settings)
    remark = "; ".join([f"training step {settings['training_step']}", settings["method"], *settings["remarks"]])
    for start in tqdm(range(0, args.num_images, args.batch_size), desc=settings["method"], unit="batch"):
        numbers = range(start, min(start + args.batch_size, args.num_images))
        if all((folder / f"{i}.png").exists() for i in numbers):
            continue
        images = draw(ddpm, len(numbers), args.seed * 1_000_003 + start, args.num_inference_timesteps, args.eta)
        for i, image in zip(numbers, tensor_to_pil_image(images)):
            save(image, folder / f"{i}.png", args.image_resolution, remark)
    print(f"{args.num_images} images in {folder}. {remark}.")


if __name__ == "__main__":
    run(main)
