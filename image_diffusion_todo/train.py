"""Train the diffusion model on images (given; nothing to do here).

    python train.py                              # the assignment: AFHQ at 64×64, 100,000 steps, for a GPU
    python train.py --preset laptop              # a small model at 32×32, for learning, on a CPU; not gradable
    python train.py --resume results/…           # go on with a training that was stopped
    python train.py --gpus 4                     # the assignment on several GPUs, the batch shared among them

Ctrl-C stops after the current step and keeps a checkpoint. Sample grids, a loss plot and checkpoints lie in the run's folder.
"""

import argparse
import dataclasses
import os
import signal
import sys
import warnings
from datetime import datetime
from pathlib import Path

import torch
from dataset import AFHQDataModule
from errors import UserError, run
from recipe import PRESETS, Recipe, from_plain, remarks
from run_folder import CHECKPOINT, STATE, load_plain, plot_loss, save_grid, save_whole, write_settings
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from trainer import READ_EVERY, Trainer, pick_device, pick_precision

RECIPE_OPTIONS = (  # of the original assignment; None means "as in the preset"
    "batch_size", "train_num_steps", "warmup_steps", "max_num_images_per_cat", "num_diffusion_train_timesteps", "beta_1", "beta_T", "seed",
    "image_resolution",
)  # fmt: skip


def parse(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the diffusion model on images.")
    parser.add_argument("--preset", choices=PRESETS, help="canonical: the assignment (default); laptop: small, for learning")
    parser.add_argument("--root", help="folder in AFHQ's layout; default: data/, or the drawn stand-in where there is none")
    parser.add_argument("--save_dir", help="folder of the run; default: results/<preset>-<date>")
    parser.add_argument("--resume", metavar="FOLDER", help="go on with the training in this folder")
    parser.add_argument("--log_interval", type=int, default=500, help="steps between sample grids and checkpoints")
    parser.add_argument("--keep_every", type=int, default=0, help="also keep step=N.ckpt every so many steps; 0: never")
    parser.add_argument("--gpu", type=int, default=0, help="number of the GPU, where there are several")
    parser.add_argument("--gpus", type=int, default=1, help="how many GPUs to train on")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto", help="of the convolutions")
    parser.add_argument("--compile", choices=("auto", "none", "default", "reduce-overhead"), default="auto", help="auto: on a GPU only")
    for name in RECIPE_OPTIONS:
        kind = type(getattr(Recipe, name))
        parser.add_argument(f"--{name}", type=kind, help="changes the recipe: the result is marked as not gradable")
    return parser.parse_args(argv)


def start(args) -> tuple[Recipe, Path, dict | None]:
    """The recipe, the run's folder and, when resuming, its state. Raises UserError for options that contradict each other."""
    given = {name: getattr(args, name) for name in RECIPE_OPTIONS if getattr(args, name) is not None}
    if any(value <= 0 for name, value in given.items() if name != "seed") or args.log_interval <= 0 or args.keep_every < 0:
        raise UserError("Sizes, numbers of steps and intervals must be positive.")
    if args.resume is None:
        preset = args.preset or "canonical"
        folder = Path(args.save_dir or f"results/{preset}-{datetime.now():%m-%d-%H%M%S}")
        if (folder / STATE).exists():
            raise UserError(f"{folder} holds a training already; go on with it by --resume {folder}, or choose another --save_dir.")
        return dataclasses.replace(PRESETS[preset], **given), folder, None
    if args.preset or args.save_dir or set(given) - {"train_num_steps"}:
        raise UserError("--resume takes its settings from the run; only --train_num_steps may be given with it, to train longer.")
    state = load_plain(Path(args.resume) / STATE, must_hold=("recipe", "optimizer", "random", "root"))
    return dataclasses.replace(from_plain(state["recipe"]), **given), Path(args.resume), state


class StopRequest:
    """Turns the first Ctrl-C into a wish, looked at between two steps; the second one interrupts at once."""

    def __init__(self):
        self.wanted = False
        self.before = signal.signal(signal.SIGINT, self.note)

    def note(self, *_):
        self.wanted = True
        signal.signal(signal.SIGINT, self.before)
        print("\nStopping after this step; press Ctrl-C again to stop at once, without a checkpoint.", file=sys.stderr)

    def close(self):
        signal.signal(signal.SIGINT, self.before)


class Run:
    """A training with its folder: shows progress, writes pictures and checkpoints."""

    def __init__(self, trainer: Trainer, folder: Path, root: str, marks: list[str], log_interval: int, keep_every: int):
        self.trainer, self.folder, self.root, self.marks = trainer, folder, root, marks
        self.log_interval, self.keep_every, self.is_main = log_interval, keep_every, trainer.rank == 0
        self.board = SummaryWriter(folder / "tensorboard", purge_step=trainer.step) if self.is_main else None

    def log(self) -> None:
        """Loss plot, sample grid and checkpoints, at the current step."""
        if not self.is_main:
            return
        step, mark = self.trainer.step, "; ".join(mark.split(":")[0] for mark in self.marks)
        if self.trainer.losses:
            plot_loss(self.trainer.losses, self.folder / "loss.png", f"{step} steps. {mark}")
        images, method = self.trainer.sample(16)
        (self.folder / "samples").mkdir(exist_ok=True)
        save_grid(images, self.folder / "samples" / f"step={step:06d}.png", f"Step {step}. {method}. {mark}")
        self.save()
        if self.keep_every and step and step % self.keep_every == 0:
            save_whole({**self.trainer.checkpoint(), "remarks": self.marks}, self.folder / f"step={step}.ckpt")
        self.trainer.restart_clock()

    def save(self) -> None:
        if self.is_main:
            save_whole({**self.trainer.checkpoint(), "remarks": self.marks}, self.folder / CHECKPOINT)
            save_whole({**self.trainer.state(), "remarks": self.marks, "root": self.root}, self.folder / STATE)

    def train(self) -> bool:
        """Train to the end; returns False when stopped before."""
        trainer, total = self.trainer, self.trainer.recipe.train_num_steps
        stop = StopRequest()
        if trainer.step == 0:
            self.log()
        try:
            with tqdm(total=total, initial=trainer.step, unit="step", disable=not self.is_main) as bar:
                while trainer.step < total and not self.stopping(stop):
                    trainer.one_step()
                    bar.update(1)
                    due = trainer.step % self.log_interval == 0 or trainer.step == total
                    if trainer.step % READ_EVERY == 0 or due:
                        self.show(bar)
                    if due:
                        self.log()
        finally:
            stop.close()
            if self.board:
                self.board.close()
        if trainer.step < total:
            trainer.read()
            self.save()
        return trainer.step >= total

    def show(self, bar) -> None:
        loss, speed = self.trainer.read()
        bar.set_postfix_str(f"loss {loss:.4f}, {speed:.0f} images/s")
        if self.board:
            self.board.add_scalar("loss", loss, self.trainer.step)
            self.board.add_scalar("images per second", speed, self.trainer.step)

    def stopping(self, stop: StopRequest) -> bool:
        """Whether any process wants to stop; several processes ask each other every READ_EVERY steps, so that all stop together."""
        accelerator = self.trainer.accelerator
        if accelerator is None:
            return stop.wanted
        if self.trainer.step % READ_EVERY:
            return False
        return bool(accelerator.reduce(torch.tensor(float(stop.wanted), device=accelerator.device)) > 0)


def launch(gpus: int) -> None:
    """Start this script again, once for each GPU, under Accelerate's launcher. Raises UserError where there are fewer GPUs."""
    if torch.cuda.device_count() < gpus:
        raise UserError(f"This machine has {torch.cuda.device_count()} GPUs that PyTorch can use, not {gpus}.")
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(gpus), "--num_machines", "1"]
    os.execv(sys.executable, [*command, "--mixed_precision", "no", "--dynamo_backend", "no", *sys.argv])


def main(argv=None) -> None:
    args = parse(argv)
    accelerator = None
    if args.gpus > 1 or int(os.environ.get("WORLD_SIZE", 1)) > 1:
        if "WORLD_SIZE" not in os.environ:
            launch(args.gpus)
        from accelerate import Accelerator

        accelerator = Accelerator(cpu=not torch.cuda.is_available())
    recipe, folder, state = start(args)
    root = args.root or (state["root"] if state else "data")
    device = accelerator.device if accelerator else pick_device(args.gpu)
    data = AFHQDataModule(root, recipe.batch_size, 0, recipe.max_num_images_per_cat, recipe.image_resolution)
    precision = pick_precision(device) if args.precision == "auto" else args.precision
    precision = state["precision"] if state else precision
    compile_mode = {"auto": "reduce-overhead" if device.type == "cuda" else None, "none": None}.get(args.compile, args.compile)
    try:
        trainer = Trainer(recipe, data.train_pixels(), device, precision, compile_mode, accelerator)
    except ValueError as error:  # sizes that make no network or no schedule
        raise UserError(str(error)) from None
    if state:
        trainer.restore(state)

    marks = remarks(recipe, data.is_stand_in)
    folder.mkdir(parents=True, exist_ok=True)
    if trainer.rank == 0:
        write_settings(folder, {**recipe.to_plain(), "root": str(data.afhq_root), "remarks": marks, "device": str(device),
                                "precision": precision, "compile": compile_mode, "torch": torch.__version__})  # fmt: skip
        print(f"Run folder: {folder}", *(f"Note: {mark}." for mark in marks), sep="\n")
        if compile_mode is not None:
            warnings.filterwarnings("ignore", message="TensorFloat32 tensor cores")  # advice for matrices in float32
            print("The network is compiled first, so the first step takes a minute or two; --compile none does without.")
    if not Run(trainer, folder, str(root), marks, args.log_interval, args.keep_every).train():
        print(f"Stopped at step {trainer.step}. Go on with: python train.py --resume {folder}")
        sys.exit(130)
    print(f"Done. Draw the samples with: python sampling.py --ckpt_path {folder / CHECKPOINT} --save_dir samples")


if __name__ == "__main__":
    run(main)
