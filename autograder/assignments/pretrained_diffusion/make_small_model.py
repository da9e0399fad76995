"""Train the small model of `pretrained_diffusion` anew. Its weights lie in solutions/pretrained_diffusion_todo/small_model/weights.

    python -m autograder.assignments.pretrained_diffusion.make_small_model             a night on two cores
    python -m autograder.assignments.pretrained_diffusion.make_small_model --resume    goes on with a training that was stopped

Everything lands in a folder: state.pt, samples as pictures, small_model.safetensors. Ctrl-C stops after the current step and keeps a checkpoint.
"""

import argparse
import json
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tqdm import tqdm

from autograder.drawings.drawings import PROMPTS, random_picture
from autograder.places import solutions

sys.path.insert(0, str(solutions() / "pretrained_diffusion_todo"))
from autograder.assignments.pretrained_diffusion.make_small_model_trainer import Trainer, sample

SHOWN = 12  # prompts in the pictures of progress


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60_000, help="default: 60,000")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument(
        "--pictures", type=int, default=40_000, help="that are drawn before the training; default: 40,000"
    )
    parser.add_argument("--every", type=int, default=1000, help="steps between two checkpoints with samples")
    parser.add_argument("--folder", type=Path, default=Path("small_model"))
    parser.add_argument("--resume", action="store_true", help="go on with the training in the folder")
    return parser.parse_args(arguments)


def draw_many(seeds: range) -> tuple[list[int], np.ndarray]:
    drawn = [random_picture(np.random.default_rng(seed)) for seed in seeds]
    return [PROMPTS.index(prompt) for prompt, _ in drawn], np.stack([picture for _, picture in drawn])


def drawn_pictures(count: int, folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, 64, 64, 3) and (N,); kept in a file of the folder."""
    file = folder / "pictures.npz"
    if not file.exists():
        parts = [range(k, min(k + 500, count)) for k in range(0, count, 500)]
        with ProcessPoolExecutor() as pool:
            found = list(tqdm(pool.map(draw_many, parts), total=len(parts), desc="drawing", unit="×500"))
        np.savez(file, pictures=np.concatenate([p for _, p in found]), prompts=np.concatenate([k for k, _ in found]))
    with np.load(file) as saved:
        return torch.from_numpy(saved["pictures"]), torch.from_numpy(saved["prompts"])


def save(trainer: Trainer, folder: Path) -> None:
    torch.save(trainer.state(), folder / "state.part")
    (folder / "state.part").replace(folder / "state.pt")
    parts = {"network": trainer.mean_network, "text": trainer.mean_text}
    weights = {f"{part}.{name}": value.half() for part, module in parts.items() for name, value in module.state_dict().items()}
    save_file(weights, folder / "small_model.safetensors", metadata={"prompts": json.dumps(PROMPTS)})


def show(trainer: Trainer, folder: Path) -> None:
    """Two samples of each of some prompts, without guidance."""
    shown = [*range(0, len(PROMPTS), max(1, len(PROMPTS) // SHOWN))]
    embeds = trainer.embeds(trainer.mean_text)[shown][:, None].repeat_interleave(2, dim=0)
    pictures = sample(trainer.mean_network, embeds, 0)
    grid = pictures.view(len(shown), 2, 3, 64, 64).permute(1, 3, 0, 4, 2).reshape(128, 64 * len(shown), 3)
    Image.fromarray(((grid + 1) * 127.5).round().byte().numpy()).save(folder / f"samples_{trainer.step:06d}.png")


def main(arguments: list[str] | None = None) -> None:
    args = parse(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    pictures, prompts = drawn_pictures(args.pictures, args.folder)
    trainer = Trainer(PROMPTS, pictures, prompts, args.batch_size, args.learning_rate, args.steps)
    if args.resume:
        trainer.restore(torch.load(args.folder / "state.pt", weights_only=True))
    stopped = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(True))
    with tqdm(total=args.steps, initial=trainer.step, unit="step", mininterval=2) as bar:
        while trainer.step < args.steps and not stopped:
            loss = trainer.one_step()
            bar.update()
            bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
            if trainer.step % args.every == 0:
                save(trainer, args.folder)
                show(trainer, args.folder)
    save(trainer, args.folder)
    if stopped:
        print(
            f"Stopped at step {trainer.step} of {args.steps}. Go on with --resume.",
            file=sys.stderr,
        )
        sys.exit(130)


if __name__ == "__main__":
    main()
