"""Feature networks behind one small interface, chosen by name: `load_network(name, weights)` and `network.of(images)`.

| name             | weights                                              | input                                    | D    |
|------------------|------------------------------------------------------|------------------------------------------|------|
| `tiny`           | in this package, trained on the embedded faces       | 64 × 64                                  | 224  |
| `afhq-inception` | `afhq_inception_v3.ckpt`, or fid.train_classifier's  | 256 × 256, as in the course              | 2048 |
| `inception-2015` | `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid | 299 × 299, as in pytorch-fid             | 2048 |

Weights are read as data only: safetensors, or torch files with `weights_only`. Nothing is downloaded.
"""

import hashlib
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from PIL import Image
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from fid.errors import UserError
from fid.images import ImageSet
from fid.networks import AFHQInception, Inception2015, TinyClassifier, fold_batch_norm

_ASKED_FOR = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
THREADS = int(_ASKED_FOR) if _ASKED_FOR.isdigit() and int(_ASKED_FOR) else min(4, os.cpu_count() or 1)
"""Threads of all computation, from OMP_NUM_THREADS if that is set: fixed, so that the same machine gives the same bits again, and stamped on
every result."""


@dataclass(frozen=True)
class Definition:
    """What a name stands for. sha256: of the published or committed weights file; None where no hash is publicly stated.
    pinned: whether other weights than those are refused even where the user names a file.

    side: the images are resized to side × side by Pillow's antialiased bilinear filter (None: left as they are). signed: values in
    [−1, 1], else [0, 1]. preprocessing: both in words, compared between reference and measurement.
    """

    build: Callable[[], nn.Module]
    dimension: int
    side: int | None
    signed: bool
    preprocessing: str
    batch_size: int
    file: str
    sha256: str | None = None
    url: str | None = None
    pinned: bool = False


NETWORKS = {
    "tiny": Definition(
        TinyClassifier, 224, 64, True, "RGB, Pillow bilinear to 64x64, [-1, 1]", 50, "tiny-embedded-faces64.safetensors",
        sha256="61d709e6bd6197448afee1928ab7ec98d753826cb163b1886019df308f8720b0",
    ),
    "afhq-inception": Definition(
        AFHQInception, 2048, 256, True, "RGB, Pillow bilinear to 256x256, [-1, 1]", 4, "afhq_inception_v3.ckpt"
    ),
    "inception-2015": Definition(
        Inception2015, 2048, None, False, "RGB, torch bilinear without antialiasing to 299x299, [-1, 1]", 4,
        "pt_inception-2015-12-05-6726825d.pth",
        # The file name states the first 8 digits; several public repositories state the whole, equal for the files of
        # pytorch-fid and torch-fidelity (95,628,359 bytes).
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth", pinned=True,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Network:
    """A feature network with weights. digest: SHA-256 of names, shapes and values of all parameters, whatever file they came from."""

    name: str
    module: nn.Module
    digest: str
    device: torch.device

    @property
    def definition(self) -> Definition:
        """Dimension, preprocessing and batch size."""
        return NETWORKS[self.name]

    def prepare(self, batch: np.ndarray) -> Tensor:
        """(n, H, W, 3) uint8 → the network's input (n, 3, S, S) float32, channels last."""
        return prepare(batch, self.definition.side, self.definition.signed)

    def of(self, images: ImageSet, progress: Callable[[str, int], Callable[[int], None]] | None = None) -> np.ndarray:
        """Features of all images in their order, (n, D) float32, in batches of a fixed size: the same bits in every run.

        On a GPU too, convolutions are computed in float32: TF32, PyTorch's default there, has 10 bits, which moves an FID by some 3e-4 of it.
        Raises UserError where a feature is not finite, which only broken weights bring about.
        """
        advance = progress(f"features of {images.folder.name} ({self.name})", len(images)) if progress else None
        features = np.empty((len(images), self.definition.dimension), np.float32)
        start = 0
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            for batch in images.batches(self.definition.batch_size):
                rows = self.module(self.prepare(batch).to(self.device)).cpu().numpy()
                features[start : start + len(rows)] = rows
                start += len(rows)
                if advance:
                    advance(start)
        if not np.isfinite(features).all():
            raise UserError(
                f"The network {self.name} gives NaN or infinity on {images.folder}; its weights are damaged."
            )
        return features


def prepare(batch: np.ndarray, side: int | None, signed: bool) -> Tensor:
    """(n, H, W, 3) uint8 → (n, 3, S, S) float32, resized as torchvision does a PIL image, in [−1, 1] or [0, 1], channels last."""
    if side is not None and batch.shape[1:3] != (side, side):
        size = (side, side)
        batch = np.stack(
            [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)) for image in batch]
        )
    x = torch.from_numpy(np.ascontiguousarray(batch)).permute(0, 3, 1, 2).to(torch.float32).div_(255)
    return x.mul_(2).sub_(1) if signed else x


@contextmanager
def fixed_threads(threads: int = THREADS) -> Iterator[None]:
    """A fixed number of threads for torch and for the linear algebra under NumPy and SciPy."""
    before = torch.get_num_threads()
    with threadpool_limits(threads):
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def load_network(
    name: str = "tiny", weights: Path | str | None = None, *, device: str = "cpu", verify: bool = True
) -> Network:
    """The network of that name, ready to compute.

    weights: a .safetensors file or a torch state dictionary; by default the file in this package, else in torch hub's cache. verify: refuse
    published weights whose SHA-256 is another. Raises UserError for an unknown name, a missing file, a file with code in it, or a
    checkpoint of another network.
    """
    if name not in NETWORKS:
        raise UserError(f"There is no feature network {name!r}; there is {', '.join(NETWORKS)}.")
    definition = NETWORKS[name]
    path = Path(weights) if weights is not None else default_weights(name)
    if verify and definition.sha256 is not None and (weights is None or definition.pinned):
        found = hashlib.sha256(read_bytes(path)).hexdigest()
        if found != definition.sha256:
            raise UserError(
                f"{path} is not the published {definition.file}: its SHA-256 is {found[:16]}…, not {definition.sha256[:16]}…."
            )
    module = definition.build()
    load_state(module, read_state(path), path, name)
    digest = digest_of(module)
    module = (
        fold_batch_norm(module.eval().requires_grad_(False))
        .to(torch.device(device))
        .to(memory_format=torch.channels_last)
    )
    return Network(name, module, digest, torch.device(device))


def default_weights(name: str) -> Path:
    """Where the weights of a network lie if nothing is said: in this package, or in torch hub's cache. UserError if neither."""
    definition = NETWORKS[name]
    places = [
        Path(__file__).parent / "weights" / definition.file,
        Path(torch.hub.get_dir()) / "checkpoints" / definition.file,
    ]
    for place in places:
        if place.is_file():
            return place
    source = (
        f"download {definition.url}"
        if definition.url
        else f"train them with `python -m fid.train_classifier DIR --network {name}`, or use the course's file"
    )
    raise UserError(
        f"The weights of {name} are not here: {source}, and name the file with --weights or put it at {places[-1]}."
    )


def read_bytes(path: Path) -> bytes:
    """The content of a file; UserError where there is none."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a weights file.") from error


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dictionary in a .safetensors or torch file, read as data only; UserError where there is none or code instead."""
    if not path.is_file():
        raise UserError(f"{path} is missing; name a weights file, .safetensors or a torch state dictionary.")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} holds more than numbers: it would run code when opened, and is refused; save the state dictionary alone."
        ) from error
    except (safetensors.SafetensorError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise UserError(
            f"{path} is no weights file, or is cut short; .safetensors and torch state dictionaries are read."
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path} holds no state dictionary; save `network.state_dict()` alone.")
    return state


def load_state(module: nn.Module, state: dict[str, Tensor], path: Path, name: str) -> None:
    """Load `state` into `module`; UserError names the first parameter that is missing, unknown, of another shape, or not finite."""
    expected = module.state_dict()
    for key, value in expected.items():
        if key.endswith("num_batches_tracked"):
            state.setdefault(key, value)
        elif key not in state:
            raise UserError(f"{path} is no checkpoint of {name}: it has no {key}.")
        elif state[key].shape != value.shape:
            raise UserError(
                f"{path} is no checkpoint of {name}: its {key} has the shape {tuple(state[key].shape)}, not {tuple(value.shape)}."
            )
        elif not torch.isfinite(state[key]).all():
            raise UserError(f"{path} is damaged: its {key} holds NaN or infinity.")
    unknown = sorted(set(state) - set(expected))
    if unknown:
        raise UserError(f"{path} is no checkpoint of {name}: it has {unknown[0]}, which {name} has not.")
    module.load_state_dict(state)


def digest_of(module: nn.Module) -> str:
    """SHA-256 of names, shapes and float32 values of all parameters and buffers but the counters of batches."""
    hasher = hashlib.sha256()
    for key, value in sorted(module.state_dict().items()):
        if not key.endswith("num_batches_tracked"):
            hasher.update(f"{key} {tuple(value.shape)}\n".encode() + value.float().contiguous().numpy().tobytes())
    return hasher.hexdigest()
