"""What a training leaves on disk, results/<model>/: settings, checkpoints, pictures (given; nothing to do here).

`state.pt` is what `--resume` goes on from, `epoch_05.pt` the weights after epoch 5. Both hold tensors and plain data only, and are written whole
or not at all.
"""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import torch
from errors import UserError
from recipe import Recipe

RESULTS, STATE = Path("results"), "state.pt"
LEFT = (STATE, "epoch_*.pt", "loss.png", "noising.png", "strengths.png", "*_epoch_*.png", "sampling.gif")


def weights_file(epoch: int) -> str:
    return f"epoch_{epoch:02d}.pt"


def save_whole(data: dict, path: Path) -> None:
    """torch.save, so that a crash at any moment leaves the old file or the new one."""
    partial = path.with_name(path.name + ".partial")
    torch.save(data, partial)
    os.replace(partial, path)


def load_plain(path: Path) -> dict:
    """A checkpoint, on the CPU. Raises UserError where there is none, or one that holds more than data, without running what is in it."""
    if not path.is_file():
        raise UserError(f"There is no {path}; train the model first, without --resume and --redraw.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch raises many kinds for broken and for refused files
        raise UserError(f"{path} is broken or was not written by train.py ({type(error).__name__}); train again with --overwrite.") from None


def load_state(folder: Path) -> dict:
    """The state of a training. Raises UserError as `load_plain` does, and for a file that is something else."""
    state = load_plain(folder / STATE)
    if not isinstance(state, dict) or not {"recipe", "step", "steps_per_epoch", "weights", "losses", "data"} <= state.keys():
        raise UserError(f"{folder / STATE} was not written by train.py; train again with --overwrite.")
    return state


def recipe_of(state: dict) -> Recipe:
    """Raises UserError for the recipe of another version."""
    if set(state["recipe"]) != {field.name for field in dataclasses.fields(Recipe)}:
        raise UserError("This training was begun with another version of the files of the assignment; train again with --overwrite.")
    return Recipe(**state["recipe"])


def begin(folder: Path, overwrite: bool) -> None:
    """Make the folder of a training ready. Raises UserError where one lies there already, and must not be overwritten."""
    if (folder / STATE).exists() and not overwrite:
        raise UserError(f"{folder} holds a training already. Go on with it by --resume, or begin again with --overwrite.")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    for pattern in LEFT:  # pictures of the old training must not stand beside those of the new one
        for path in folder.glob(pattern):
            path.unlink()


def write_settings(folder: Path, settings: dict) -> None:
    (folder / "settings.json").write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
