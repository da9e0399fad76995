"""Speed of FID beside pytorch-fid, measured in one run: `python -m benchmarks.fid_speed`.

Times are CPU seconds of one thread (`time.process_time`), which other programs on the machine disturb least. Inception has random weights, in
He's initialisation; both programs load the same file. Images are written to a temporary folder, 64 × 64.

pytorch-fid 0.3.0 calls `scipy.linalg.sqrtm(…, disp=False)`, an argument that newer SciPy warns of or rejects: `with_sqrtm_of_any_scipy` gives it
the same square root by the call that works. Its loop over images runs as it is, with batch size 50 (its default) and no worker processes.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytorch_fid.fid_score
import pytorch_fid.inception
import scipy.linalg
import torch
from PIL import Image
from torch import nn

from fid.features import Network, fixed_threads, load_network
from fid.frechet import frechet_distance, moments
from fid.images import open_folder
from fid.measurement import make_reference
from fid.reference import load_reference, save_reference

Row = tuple[str, str, str]
REFERENCE_IMAGES = 1500


def cpu_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process for `work`, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


@contextlib.contextmanager
def with_sqrtm_of_any_scipy() -> Iterator[None]:
    """pytorch-fid with a `sqrtm` that takes `disp=False` whatever the SciPy: the same root, and no error estimate, which it throws away."""
    root = scipy.linalg.sqrtm

    def sqrtm(matrix: np.ndarray, disp: bool = True) -> Any:
        return root(matrix) if disp else (root(matrix), None)

    with mock.patch.object(pytorch_fid.fid_score.linalg, "sqrtm", sqrtm):
        yield


def exact_case(n1: int, n2: int, dimension: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    """Features (n1, D), (n2, D) whose FID is known in closed form, computed in extended precision.

    Both are (scores with zero mean and unit covariance) × (a diagonal) × one orthogonal matrix + a mean, so Σ₁ and Σ₂ commute and
    FID = ‖μ₁ − μ₂‖² + Σ_k (s_k − t_k)². The first has rank n1 − 1, the second n2 − 1, both less than D.
    """

    def scores(n: int) -> np.ndarray:
        rows = rng.standard_normal((n, n - 1))
        basis = np.linalg.qr(np.column_stack([np.ones(n), rows]))[0][:, 1:]
        return basis * np.sqrt(n - 1)

    axes = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
    s = np.zeros(dimension, np.longdouble)
    t = np.zeros(dimension, np.longdouble)
    s[: n1 - 1] = np.exp(rng.uniform(-5, 1, n1 - 1))
    t[: n2 - 1] = np.exp(rng.uniform(-5, 1, n2 - 1))
    shift = rng.standard_normal(dimension) * 0.1
    first = scores(n1) @ (s[: n1 - 1, None].astype(float) * axes[: n1 - 1])
    second = scores(n2) @ (t[: n2 - 1, None].astype(float) * axes[: n2 - 1]) + shift
    return first, second, float((shift.astype(np.longdouble) ** 2).sum() + ((s - t) ** 2).sum())


def frechet_step() -> list[Row]:
    """The Fréchet distance from the features of 500 images against stored statistics of 1500, in 2048 dimensions."""
    first, second, exact = exact_case(500, REFERENCE_IMAGES, 2048, np.random.default_rng(0))
    with fixed_threads(1):
        stored = moments(second)
        ours, value = min(
            (cpu_seconds(lambda: frechet_distance(moments(first), stored)) for _ in range(3)), key=lambda pair: pair[0]
        )
        mean, covariance = first.mean(axis=0), np.cov(first, rowvar=False)
        with with_sqrtm_of_any_scipy(), contextlib.redirect_stdout(None):
            theirs, other = cpu_seconds(
                lambda: pytorch_fid.fid_score.calculate_frechet_distance(
                    mean, covariance, stored.mean, stored.covariance
                )
            )
    error, other_error = abs(value - exact) / exact, abs(other - exact) / exact
    return [
        (
            "Fréchet step, 500 against 1500 in 2048-d",
            f"{ours:.2f} s; pytorch-fid {theirs:.1f} s; {theirs / ours:.0f} times",
            "≥ 50 times",
        ),
        ("  relative error against the closed form", f"{error:.1e}; pytorch-fid {other_error:.1e}", "< 1e-8"),
    ]


def random_inception(path: Path) -> Path:
    """A state dictionary for inception-2015 with He's initialisation, and batch statistics that keep the activations of order 1."""
    from fid.networks import Inception2015

    torch.manual_seed(0)
    module = Inception2015()
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    torch.save(module.state_dict(), path)
    return path


def smooth_images(folder: Path, count: int, seed: int) -> Path:
    """Images of coloured blobs, 64 × 64 PNG."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for index in range(count):
        small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        small.resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{index:05d}.png")
    return folder


def whole_fid(count: int = 500, reference_count: int = 500) -> list[Row]:
    """FID of a folder of images, from files to number, with the same random weights: against stored statistics, and against a second folder.

    A second folder is the course's way, whose script computes the reference at every run; pytorch-fid can be given stored statistics too, and its
    time with two folders is the sum of both steps. The second folder has 500 images here, and 1500 in the course, which would be slower still.
    Reading the reference of this project counts; computing it, once, does not.
    """
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        weights = random_inception(root / "inception.pth")
        state = torch.load(weights, weights_only=True)
        samples, real = smooth_images(root / "samples", count, 1), smooth_images(root / "real", reference_count, 2)
        network = load_network("inception-2015", weights, verify=False)
        save_reference(make_reference(open_folder(real), network, threads=1), root / "reference.npz")
        with fixed_threads(1):
            ours, value = cpu_seconds(lambda: our_fid(root / "reference.npz", samples, weights))
            with (
                with_sqrtm_of_any_scipy(),
                contextlib.redirect_stdout(None),
                mock.patch.object(pytorch_fid.inception, "load_state_dict_from_url", return_value=state),
            ):
                once, _ = cpu_seconds(
                    lambda: pytorch_fid.fid_score.save_fid_stats(
                        [str(real), str(root / "real.npz")], 50, "cpu", 2048, num_workers=0
                    )
                )
                stored, other = cpu_seconds(lambda: their_fid(root / "real.npz", samples))
    folders = stored + once
    return [
        (
            f"FID of {count} images, stored reference",
            f"{ours:.0f} s; pytorch-fid {stored:.0f} s; {stored / ours:.1f} times",
            "≥ 3 times",
        ),
        (
            f"FID of {count} images, pytorch-fid with {reference_count} in a second folder",
            f"{ours:.0f} s; {folders:.0f} s; {folders / ours:.1f} times",
            "≥ 3 times",
        ),
        ("  relative difference of the values", f"{abs(value - other) / other:.1e}", "< 1e-4"),
    ]


def our_fid(reference: Path, samples: Path, weights: Path) -> float:
    """From files to number, with this project."""
    network: Network = load_network("inception-2015", weights, verify=False)
    return frechet_distance(moments(network.of(open_folder(samples))), load_reference(reference).moments)


def their_fid(reference: Path, samples: Path) -> float:
    """From files to number, with pytorch-fid."""
    return pytorch_fid.fid_score.calculate_fid_given_paths(
        [str(reference), str(samples)], 50, "cpu", 2048, num_workers=0
    )


def main() -> None:
    """Print both measurements."""
    for measurement in (frechet_step, whole_fid):
        for row in measurement():
            print(" | ".join(row))


if __name__ == "__main__":
    main()
