"""Train your model, with samples as it goes (given; nothing to do here).

    python train.py configs/mnist_laptop.yaml     digits, minutes on two cores; configs/mnist.yaml has the course's settings, for a GPU
    python train.py configs/afhq_laptop.yaml      faces in latent space; configs/afhq.yaml has the course's settings
    python train.py configs/mnist.yaml --resume ../logs/mnist     goes on with a training that was stopped

Everything lands in ../logs/<name>/: checkpoint.safetensors, to resume from; sample-<epoch>.png; loss.png; and model.safetensors with config.yaml,
which you hand in. Ctrl-C stops after the current step and keeps a checkpoint.
"""

import argparse
import shutil
import sys
import traceback
from pathlib import Path

import torch
import yaml
from libs.checkpoints import load_checkpoint, save_checkpoint
from libs.config import load_config
from libs.datasets import load_images
from libs.errors import UserError, run
from libs.models import save_model
from libs.trainer import KEYS, StopRequest, Trainer, config_of
from libs.utils import save_loss_curve, save_samples
from tqdm import tqdm

LOGS, CHECKPOINT, MODEL = Path("../logs"), "checkpoint.safetensors", "model.safetensors"


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a file of configs/")
    parser.add_argument("-p", "--print_every", type=int, default=100, help="steps between two looks at the loss")
    parser.add_argument("-c", "--checkpoint_every", type=int, default=5, help="epochs between two checkpoints with samples")
    parser.add_argument("--output", metavar="NAME", help="of the folder in ../logs/; default: that of the configuration")
    parser.add_argument("--resume", type=Path, metavar="PATH", help="a checkpoint, or the folder that it lies in, to go on from")
    parser.add_argument("--overwrite", action="store_true", help="begin again, and forget the training in the folder")
    parser.add_argument("--data", default="data", help="folder with MNIST/ or with AFHQ's train/; default: data")
    parser.add_argument("--device", help="cpu, cuda, mps; default: a GPU of CUDA where there is one")
    args = parser.parse_args(arguments)
    if args.print_every < 1 or args.checkpoint_every < 1:
        raise UserError("-p and -c count steps and epochs, from 1 on.")
    if args.output is not None and Path(args.output).name != args.output:
        raise UserError(f"--output {args.output} must be a name, not a path.")
    return args


def pick_device(name):
    """Raises UserError for a device that PyTorch cannot use here."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError):
        raise UserError(f"PyTorch cannot use --device {name} on this machine; leave the option out.") from None
    return device


def prepared(args, device):
    """A trainer at its first step, or where an old training stopped; and the folder of the training."""
    config = load_config(args.config)
    if not args.resume:
        folder = LOGS / (args.output or args.config.stem)
        if (folder / CHECKPOINT).exists() and not args.overwrite:
            raise UserError(f"{folder} holds a training already. Go on with it by --resume {folder}, or begin again with --overwrite.")
        trainer = Trainer(config, load_images(config, args.data), device)
        begin(folder)
        return trainer, folder
    path = args.resume / CHECKPOINT if args.resume.is_dir() else args.resume
    state = load_checkpoint(path, must_hold=KEYS)
    if config_of(state) != config:
        raise UserError(f"The settings of {args.config} are not those that this training was begun with; those lie in {path.parent / 'config.yaml'}.")
    trainer = Trainer(config, load_images(config, args.data), device)
    trainer.restore(state)
    folder = LOGS / args.output if args.output else path.parent
    folder.mkdir(parents=True, exist_ok=True)
    return trainer, folder


def begin(folder):
    """An empty folder for a training: pictures of an old one must not stand beside those of the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    for pattern in (CHECKPOINT, MODEL, "sample-*.png", "loss.png"):
        for path in folder.glob(pattern):
            path.unlink()


def open_board(folder, step):
    """TensorBoard's writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(folder / "tensorboard", purge_step=step)


def train(trainer, folder, print_every, checkpoint_every):
    """To the end; returns False when stopped before."""
    board, stop, epochs = open_board(folder, trainer.step), StopRequest(), trainer.config["training"]["epochs"]
    try:
        with tqdm(total=trainer.total, initial=trainer.step, unit="step", mininterval=1) as bar:
            while trainer.step < trainer.total and not stop.wanted:
                loss = trainer.one_step()
                bar.update()
                if board:
                    board.add_scalar("training/loss", loss, trainer.step)
                if trainer.step % print_every == 0:
                    recent = trainer.losses[-print_every:]
                    epoch = 1 + (trainer.step - 1) // trainer.steps_per_epoch
                    bar.write(f"epoch {epoch} of {epochs}, step {trainer.step}: loss {sum(recent) / len(recent):.4f}")
                epoch, rest = divmod(trainer.step, trainer.steps_per_epoch)
                if rest == 0 and (epoch % checkpoint_every == 0 or epoch == epochs):
                    keep(trainer, folder, epoch)
    finally:
        stop.close()
        if board:
            board.close()
    if trainer.step % trainer.steps_per_epoch or trainer.step < trainer.total:
        save_checkpoint(trainer.state(), folder / CHECKPOINT)
    return trainer.step >= trainer.total


def keep(trainer, folder, epoch):
    """Checkpoint, averaged weights, curve and samples after an epoch."""
    save_checkpoint(trainer.state(), folder / CHECKPOINT)
    save_model(trainer.ema.mean, trainer.config, trainer.images.name, folder / MODEL)
    caption = f"Data: {trainer.images.name}; {in_words(trainer.config)}; after epoch {epoch} of {trainer.config['training']['epochs']}."
    save_loss_curve(trainer.losses, folder / "loss.png", caption)
    try:
        save_samples(trainer.sample(), trainer.images.class_names, folder / f"sample-{epoch}.png", f"Samples. {caption}")
    except NotImplementedError as error:
        print(f"\nNo samples yet, since this is not done: {error}.")
    except Exception:
        traceback.print_exc()
        print("\nYour code failed when samples were drawn, see above; the training goes on. Mend it and draw them by sample.py.")


def in_words(config):
    """For captions: "28 × 28 pixels, T = 500, dim 64, batches of 64, Adam 2e-05"."""
    model, training = config["model"], config["training"]
    where = "in latent space, " if model["use_vae"] else ""
    size = " × ".join(map(str, model["img_shape"][1:]))
    steps = "" if config["method"] == "edm" else f"T = {model['timesteps']}, "
    return f"{where}{size} pixels, {steps}dim {model['dim']}, batches of {training['batch_size']}, Adam {training['learning_rate']:g}"


def main(arguments=None):
    args = parse(arguments)
    device = pick_device(args.device)
    try:
        trainer, folder = prepared(args, device)
        (folder / "config.yaml").write_text(yaml.safe_dump(trainer.config, sort_keys=False), encoding="utf-8")
        count = len(trainer.images.pixels)
        print(f"{count:,} images: {trainer.images.name}. {in_words(trainer.config)}. On {device}, into {folder}.")
        done = train(trainer, folder, args.print_every, args.checkpoint_every)
    except NotImplementedError as error:
        raise UserError(f"This needs a part that is not done yet: {error}.") from None
    if not done:
        print(f"Stopped at step {trainer.step} of {trainer.total}. Go on with: python train.py {folder / 'config.yaml'} --resume {folder}")
        sys.exit(130)
    print(f"Done. Samples, curve and {MODEL}: {folder}. python zip_submission.py packs them.")


if __name__ == "__main__":
    run(main)
