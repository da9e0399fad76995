"""Train one of your models, with pictures as it goes (given; nothing to do here).

    python train.py denoiser                    part 1, with the course's settings; meant for a GPU
    python train.py denoiser --preset laptop    smaller, and on a part of the data: minutes on two cores
    python train.py time                        part 2, told the time; class: told the digit too
    python train.py flow                        bonus: flow matching, told the digit; flow --time: told the time only
    python train.py better                      bonus: your better_unet.py in the place of the denoiser's U-Net
    python train.py time --resume               goes on with a training that was stopped

Everything lands in results/<model>/. Ctrl-C stops after the current step and keeps a checkpoint.
"""

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch
from digits import load_digits
from errors import UserError, run
from gallery import draw_epoch, draw_loss, draw_noising
from models import DENOISERS, make_model
from recipe import PRESETS, Recipe
from run_folder import RESULTS, STATE, begin, load_plain, load_state, recipe_of, save_whole, weights_file, write_settings
from tqdm import tqdm
from trainer import Trainer, load_weights

TEST_DIGITS = 200  # that pictures are made of
CHANGED = {"epochs": int, "num_hiddens": int, "batch_size": int, "learning_rate": float, "images": int, "sigma": float, "num_ts": int, "seed": int}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=["denoiser", "time", "class", "flow", "better"])
    parser.add_argument("--time", action="store_true", help="with flow: the model that is told the time only")
    parser.add_argument("--preset", choices=PRESETS, default=None, help="default: course")
    for name, kind in CHANGED.items():
        parser.add_argument(f"--{name}", type=kind, help="changes this of the preset")
    parser.add_argument("--folder", type=Path, help="of the run; default: results/<model>")
    parser.add_argument("--data", default="data", help="folder that holds MNIST/; default: data")
    parser.add_argument("--device", help="cpu, cuda, mps; default: a GPU of CUDA where there is one")
    parser.add_argument("--resume", action="store_true", help="go on with the training in the folder")
    parser.add_argument("--redraw", action="store_true", help="only draw the pictures again, from the checkpoints")
    parser.add_argument("--overwrite", action="store_true", help="begin again, and forget the training in the folder")
    return parser.parse_args(arguments)


def chosen_recipe(args: argparse.Namespace) -> Recipe:
    """Of the options. Raises UserError for one that makes no sense."""
    if args.time and args.model != "flow":
        raise UserError("--time belongs to flow: python train.py flow --time")
    changes = {name: getattr(args, name) for name in CHANGED if getattr(args, name) is not None}
    for name, value in changes.items():
        if name not in ("seed", "sigma") and not value > 0 or name == "sigma" and not 0 <= value <= 10 or name == "seed" and value < 0:
            raise UserError(f"--{name} {value:g} makes no sense; give a positive number.")
    return replace(PRESETS[args.preset or "course"][model_name(args)], **changes)


def model_name(args: argparse.Namespace) -> str:
    return args.model if args.model != "flow" else "flow_time" if args.time else "flow_class"


def pick_device(name: str | None) -> torch.device:
    """Raises UserError for a device that PyTorch cannot use here."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise UserError(f"PyTorch cannot use --device {name} on this machine; leave the option out.") from None
    return device


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


def open_board(folder: Path, step: int):
    """TensorBoard's writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(folder / "tensorboard", purge_step=step)


def train(trainer: Trainer, folder: Path, test) -> bool:
    """To the end, with a checkpoint after each epoch and pictures after those of the handout; returns False when stopped before."""
    recipe, board, stop = trainer.recipe, open_board(folder, trainer.step), StopRequest()
    try:
        with tqdm(total=trainer.total, initial=trainer.step, unit="step", mininterval=1) as bar:
            while trainer.step < trainer.total and not stop.wanted:
                loss = trainer.one_step()
                bar.update()
                bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
                if board:
                    board.add_scalar("loss", loss, trainer.step)
                if trainer.step % trainer.steps_per_epoch == 0:
                    end_epoch(trainer, folder, test)
    finally:
        stop.close()
        if board:
            board.close()
    save_whole(trainer.state(), folder / STATE)
    return trainer.step >= trainer.total


def end_epoch(trainer: Trainer, folder: Path, test) -> None:
    epoch = trainer.step // trainer.steps_per_epoch
    if epoch in trainer.recipe.shown:
        save_whole(trainer.model.state_dict(), folder / weights_file(epoch))
    save_whole(trainer.state(), folder / STATE)
    if epoch in trainer.recipe.shown:
        draw_loss(folder, trainer.recipe, trainer.losses, trainer.steps_per_epoch, trainer.digits.name)
        draw_epoch(folder, trainer.model, trainer.recipe, test, epoch)


def redraw(folder: Path, device: torch.device, data: str) -> None:
    """All pictures of a training, from its checkpoints. Raises UserError where there is none, or on other data."""
    state = load_state(folder)
    recipe, test = recipe_of(state), load_digits(TEST_DIGITS, train=False, folder=data)
    if test.name != state["data"]:
        raise UserError(f"This training was made on other data ({state['data']}); there is now: {test.name}.")
    if recipe.model in DENOISERS:
        draw_noising(folder, test)
    if state["losses"]:
        draw_loss(folder, recipe, state["losses"], state["steps_per_epoch"], state["data"])
    model = make_model(recipe).to(device)
    for epoch in recipe.shown:
        if (folder / weights_file(epoch)).exists():
            load_weights(model, load_plain(folder / weights_file(epoch)))
            draw_epoch(folder, model, recipe, test, epoch)
    print(f"Pictures: {folder}")


def prepared(args: argparse.Namespace, folder: Path, device: torch.device) -> Trainer:
    """At the first step of a new training, or where an old one stopped."""
    if not args.resume:
        recipe = chosen_recipe(args)
        trainer = Trainer(recipe, load_digits(recipe.images, folder=args.data), device)
        begin(folder, args.overwrite)
        return trainer
    if args.preset or args.overwrite or any(getattr(args, name) is not None for name in CHANGED):
        raise UserError("--resume takes all settings from the run; give no others with it.")
    state = load_state(folder)
    recipe = recipe_of(state)
    trainer = Trainer(recipe, load_digits(recipe.images, folder=args.data), device)
    trainer.restore(state)
    return trainer


def main(arguments: list[str] | None = None) -> None:
    args = parse(arguments)
    name, device = model_name(args), pick_device(args.device)
    folder = args.folder or RESULTS / name
    if args.redraw:
        return redraw(folder, device, args.data)
    try:
        trainer = prepared(args, folder, device)
        test = load_digits(TEST_DIGITS, train=False, folder=args.data)
        write_settings(folder, {**trainer.state()["recipe"], "data": trainer.digits.name, "device": str(device),
                                "threads": torch.get_num_threads(), "torch": torch.__version__})  # fmt: skip
        print(f"{len(trainer.images):,} images: {trainer.digits.name}. {trainer.recipe.in_words}. On {device}, into {folder}.")
        if trainer.recipe.model in DENOISERS and trainer.step == 0:
            draw_noising(folder, test)
        done = train(trainer, folder, test)
    except NotImplementedError as error:
        raise UserError(f"This needs a part that is not done yet: {error}.") from None
    if not done:
        print(f"Stopped at step {trainer.step} of {trainer.total}. Go on with: {resume_command(args)}")
        sys.exit(130)
    print(f"Done. Pictures: {folder}. python make_page.py puts them on your page.")


def resume_command(args: argparse.Namespace) -> str:
    options = ["--time"] * args.time + ["--folder", str(args.folder)] * (args.folder is not None) + ["--data", args.data] * (args.data != "data")
    return " ".join(["python train.py", args.model, *options, "--resume"])


if __name__ == "__main__":
    run(main)
