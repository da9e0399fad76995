"""Train the network that FID is measured with: `python -m fid.train_classifier DIR --network tiny -o FILE`.

DIR has AFHQ's layout, DIR/{train,val}/{cat,dog,wild}. The classes are the folders of train/, in alphabetical order. After each epoch
a checkpoint lies at FILE.partial; the same command goes on from there and ends with the same bits as an uninterrupted run
on the same device.
"""

import json
import math
import signal
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import safetensors.torch
import torch
import typer
from torch import Tensor, nn
from torch.nn import functional

from fid.errors import UserError
from fid.features import NETWORKS, THREADS, fixed_threads, prepare, read_state
from fid.images import open_folder
from fid.progress import show

DEFAULT_EPOCHS = {"tiny": 12, "afhq-inception": 10}
BATCH_SIZE = {"tiny": 64, "afhq-inception": 32}


def load_classes(folder: Path, convert: bool) -> tuple[list[np.ndarray], list[str], str]:
    """Images (n, H, W, 3) uint8 of each class folder, the class names, and a digest of all images."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if len(names) != 3:
        raise UserError(
            f"{folder} must hold three folders of images, one a class, as AFHQ's cat, dog and wild; it holds {len(names)}."
        )
    sets = [open_folder(folder / name, convert=convert, progress=show) for name in names]
    return (
        [np.concatenate(list(images.batches(64))) for images in sets],
        names,
        "".join(images.digest()[:8] for images in sets),
    )


def augment(batch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image mirrored with probability 1/2 and shifted by up to 1/16 of its side, edges repeated. (n, H, W, 3) uint8."""
    reach = batch.shape[1] // 16
    padded = np.pad(batch, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    height, width = batch.shape[1:3]
    result = np.empty_like(batch)
    for i, (dy, dx, mirror) in enumerate(
        zip(*rng.integers(0, 2 * reach + 1, (2, len(batch))), rng.random(len(batch)) < 0.5)
    ):
        image = padded[i, dy : dy + height, dx : dx + width]
        result[i] = image[:, ::-1] if mirror else image
    return result


def to_input(batch: np.ndarray, name: str, device: torch.device) -> Tensor:
    """The network's input, channels last, on the device."""
    definition = NETWORKS[name]
    return prepare(batch, definition.side, definition.signed).to(device).contiguous(memory_format=torch.channels_last)


class Training:
    """The state of one training: network, optimiser, epoch, history. Every epoch draws from a seed of its own."""

    def __init__(
        self, name: str, epochs: int, seed: int, data_digest: str, device: str, batch_size: int, learning_rate: float
    ) -> None:
        torch.manual_seed(seed)
        self.name, self.epochs, self.seed, self.batch_size, self.learning_rate = (
            name,
            epochs,
            seed,
            batch_size,
            learning_rate,
        )
        self.device = torch.device(device)
        self.module: Any = NETWORKS[name].build()
        initialise(self.module)
        self.module.to(self.device).to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(self.module.parameters(), lr=learning_rate)
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self.settings = f"{name} epochs={epochs} seed={seed} batch={batch_size} rate={learning_rate} data={data_digest}"

    def save(self, path: Path) -> None:
        """Write everything that is needed to go on, at once or not at all."""
        temporary = path.with_name(path.name + ".writing")
        content = {
            "module": self.module.state_dict(), "optimiser": self.optimiser.state_dict(), "epoch": self.epoch,
            "history": json.dumps(self.history), "settings": self.settings,
        }  # fmt: skip
        torch.save(content, temporary)
        temporary.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; UserError where it is of another training."""
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise UserError(f"{path} cannot be read as a checkpoint; delete it to start anew.") from error
        if content.get("settings") != self.settings:
            raise UserError(
                f"{path} is of another training ({content.get('settings')}); delete it, or give the same arguments."
            )
        self.module.load_state_dict(content["module"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.epoch, self.history = content["epoch"], json.loads(content["history"])

    def run_epoch(self, images: list[np.ndarray]) -> float:
        """One pass in which every class is drawn equally often. Returns the mean loss."""
        rng = np.random.default_rng([self.seed, self.epoch])
        torch.manual_seed(self.seed * 1000 + self.epoch)
        smallest = min(map(len, images))
        drawn = [(label, i) for label, some in enumerate(images) for i in rng.permutation(len(some))[:smallest]]
        order = rng.permutation(len(drawn))
        rate = self.learning_rate * 0.5 * (1 + math.cos(math.pi * self.epoch / self.epochs))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.module.train()
        advance = show(f"epoch {self.epoch + 1} of {self.epochs}", len(order))
        losses = []
        for start in range(0, len(order) - 1, self.batch_size):
            chosen = [drawn[k] for k in order[start : start + self.batch_size]]
            if len(chosen) < 2:
                break  # batch normalisation needs two
            x = to_input(augment(np.stack([images[label][i] for label, i in chosen]), rng), self.name, self.device)
            target = torch.tensor([label for label, _ in chosen], device=self.device)
            loss = functional.cross_entropy(self.module.classify(self.module(x)), target)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            losses.append(loss.detach())
            advance(start + len(chosen))
        self.epoch += 1
        return float(torch.stack(losses).mean())

    @torch.inference_mode()
    def accuracy(self, images: list[np.ndarray]) -> tuple[float, int]:
        """Share of images whose class is named right, and their number."""
        self.module.eval()
        right = total = 0
        for label, some in enumerate(images):
            for start in range(0, len(some), 64):
                logits = self.module.classify(self.module(to_input(some[start : start + 64], self.name, self.device)))
                right += int((logits.argmax(1) == label).sum())
                total += len(logits)
        return right / total, total


def initialise(module: nn.Module) -> None:
    """He's initialisation of all convolutions (He et al. 2015)."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")


def write_weights(module: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    """The state dictionary as .safetensors, or for any other suffix as a torch file."""
    state = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(
            state, path, metadata={"about": json.dumps(metadata)}
        )  # one key: their order varies
    else:
        torch.save(state, path)
    read_state(path)


def train(
    folder: Path,
    network: str,
    output: Path,
    *,
    epochs: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    threads: int = THREADS,
    convert: bool = False,
) -> dict[str, Any]:
    """Train `network` on folder/train, measure it on folder/val, write `output`; returns accuracy, history and classes."""
    if network not in ("tiny", "afhq-inception"):
        raise UserError(f"{network!r} is not trained here; tiny and afhq-inception are.")
    train_images, names, digest = load_classes(folder / "train", convert)
    val_images, val_names, _ = load_classes(folder / "val", convert)
    if names != val_names:
        raise UserError(f"{folder} has the classes {', '.join(names)} in train/ but {', '.join(val_names)} in val/.")
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(output.name + ".partial")
    with fixed_threads(threads):
        training = Training(network, epochs or DEFAULT_EPOCHS[network], seed, digest, device, BATCH_SIZE[network], 1e-3)
        if partial.exists():
            training.resume(partial)
        while training.epoch < training.epochs:
            loss = training.run_epoch(train_images)
            accuracy, total = training.accuracy(val_images)
            training.history.append({"epoch": training.epoch, "loss": loss, "accuracy": accuracy})
            training.save(partial)
            typer.echo(
                f"epoch {training.epoch}: loss {loss:.4f}, accuracy on {total} validation images {100 * accuracy:.2f} %"
            )
        accuracy, total = training.accuracy(val_images)
    write_weights(
        training.module.cpu(), output, {"network": network, "classes": " ".join(names), "accuracy": f"{accuracy:.4f}"}
    )
    partial.unlink(missing_ok=True)
    return {
        "network": network,
        "classes": names,
        "accuracy": accuracy,
        "validation_images": total,
        "history": training.history,
    }


def command(
    folder: Annotated[
        Path, typer.Argument(help="data in AFHQ's layout: train/ and val/ with three class folders each")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="weights: .safetensors, or .ckpt for a torch state dictionary")
    ],
    network: Annotated[str, typer.Option(help="tiny or afhq-inception")] = "tiny",
    epochs: Annotated[int | None, typer.Option(min=1, help="passes over the data (tiny 12, afhq-inception 10)")] = None,
    seed: int = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = THREADS,
    convert: Annotated[bool, typer.Option("--convert", help="turn grey and transparent images to RGB")] = False,
) -> None:
    """Train a classifier and say how often it is right on the validation images."""
    try:
        result = train(
            folder, network, output, epochs=epochs, seed=seed, device=device, threads=threads, convert=convert
        )
    except UserError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo(
            f"Stopped. The last whole epoch is kept in {output}.partial; the same command goes on from there.", err=True
        )
        raise typer.Exit(128 + signal.SIGINT) from None
    typer.echo(
        f"{output}: accuracy {100 * result['accuracy']:.2f} % on {result['validation_images']} validation images"
    )


if __name__ == "__main__":
    typer.run(command)
