"""Measure samples against a reference, and say what a person should look at. Joins images, network, statistics and bank; nothing is printed here."""

import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch
from PIL import __version__ as pillow_version

from fid import measures, memorisation
from fid.errors import UserError
from fid.features import THREADS, Network, fixed_threads
from fid.frechet import Array, group_jackknife, moments
from fid.images import ImageSet
from fid.memorisation import Memorisation, Nearness
from fid.reference import QUANTILES, Reference, summarise

Progress = Callable[[str, int], Callable[[int], None]] | None
NOISE_IMAGES = 100


@dataclass(frozen=True)
class Bank:
    """Real images that samples are compared with: thumbnails (N, 32, 32, 3), features (N, D), and the calibration of both distances."""

    folders: tuple[ImageSet, ...]
    thumbnails: Array
    features: Array
    real_pixels: Nearness
    real_features: Nearness

    def image(self, index: int) -> tuple[str, Array]:
        """Name and pixels (H, W, 3) of the image at `index`."""
        for images in self.folders:
            if index < len(images):
                return f"{images.folder.name}/{images.names[index]}", images.image(index)
            index -= len(images)
        raise IndexError(index)


@dataclass(frozen=True)
class Measurement:
    """All figures of one sample set. summary: what goes to JSON; see docs/fid.md for its fields."""

    samples: ImageSet
    summary: dict[str, Any]
    memorisation: Memorisation | None
    bank: Bank | None


def from_pixels(pixels: Array, name: str) -> ImageSet:
    """An image set of pixels (n, H, W, 3) uint8 that lie in no folder."""
    import hashlib

    digests = tuple(hashlib.sha256(str(image.shape).encode() + image.tobytes()).hexdigest() for image in pixels)
    size = (pixels.shape[2], pixels.shape[1])
    return ImageSet(Path(name), tuple(f"{i:05d}" for i in range(len(pixels))), size, digests, False, pixels)


def mirrored(images: ImageSet) -> ImageSet:
    """The images mirrored left to right."""
    return from_pixels(
        np.stack([images.image(i)[:, ::-1] for i in range(len(images))]), f"{images.folder.name} mirrored"
    )


def make_reference(
    images: ImageSet, network: Network, *, threads: int = THREADS, description: str = "", progress: Progress = None
) -> Reference:
    """Reference statistics of real images (at least 4), with the floor, and with the FID of 100 images of uniform noise."""
    if len(images) < 4:
        raise UserError(
            f"{images.folder} holds {len(images)} images; reference statistics need at least 4, and thousands to be good."
        )
    width, height = images.size
    noise = np.random.default_rng(0).integers(0, 256, (NOISE_IMAGES, height, width, 3), dtype=np.uint8)
    with fixed_threads(threads):
        return summarise(
            network.of(images, progress), network=network.name, network_digest=network.digest, preprocessing=network.definition.preprocessing,
            images_digest=images.digest(), size=images.size, noise_features=network.of(from_pixels(noise, "noise")), description=description,
        )  # fmt: skip


def make_bank(folders: list[ImageSet], network: Network, *, threads: int = THREADS, progress: Progress = None) -> Bank:
    """Thumbnails, features and calibration of all images of `folders`, of which there must be at least 3."""
    with fixed_threads(threads):
        small = np.concatenate([memorisation.thumbnails(images) for images in folders])
        if len(small) < 3:
            raise UserError(
                f"The bank of training images holds {len(small)} image(s); at least 3 are needed, and all of them should be there."
            )
        features = np.concatenate([network.of(images, progress) for images in folders])
        chosen = memorisation.calibration_indices(len(small))
        bank = Bank(
            tuple(folders), small, features, Nearness(np.empty(0), np.empty(0)), Nearness(np.empty(0), np.empty(0))
        )
        turned = mirrored(from_pixels(np.stack([bank.image(int(i))[1] for i in chosen]), "calibration"))
        pixels = memorisation.nearness(memorisation.pixel_distances(small[chosen], small), len(chosen), chosen)
        by_features = memorisation.feature_distances(features[chosen], network.of(turned, progress), features)
        return replace(bank, real_pixels=pixels, real_features=memorisation.nearness(by_features, len(chosen), chosen))


def check_memorisation(samples: ImageSet, features: Array, network: Network, bank: Bank) -> Memorisation:
    """The nearest bank images of all samples, and the excess tests."""
    pixels = memorisation.nearness(
        memorisation.pixel_distances(memorisation.thumbnails(samples), bank.thumbnails), len(samples)
    )
    by_features = memorisation.feature_distances(features, network.of(mirrored(samples)), bank.features)
    return memorisation.compare(
        pixels, memorisation.nearness(by_features, len(samples)), bank.real_pixels, bank.real_features
    )


def measure(
    reference: Reference, samples: ImageSet, network: Network, *, bank: Bank | None = None, thresholds: tuple[float, ...] = (),
    threads: int = THREADS, progress: Progress = None,
) -> Measurement:  # fmt: skip
    """Every figure of `samples` against `reference`. Raises UserError where network, preprocessing or image size differ from the reference's."""
    reference.check(network.name, network.digest, network.definition.preprocessing)
    if samples.size != reference.size:
        raise UserError(
            f"The images of {samples.folder} are {samples.size[0]} × {samples.size[1]} pixels, "
            f"but the reference was computed at {reference.size[0]} × {reference.size[1]}."
        )
    with fixed_threads(threads):
        features = network.of(samples, progress)
        value, error = group_jackknife(features, reference.moments)
        kid = measures.kernel_distance(features, reference.sample)
        density, coverage = measures.density_and_coverage(features, reference.sample)
        near = int((measures.nearest_distances(features) < reference.neighbour_quantiles[0]).sum())
        copies = check_memorisation(samples, features, network, bank) if bank is not None else None
    groups = samples.duplicates()
    summary: dict[str, Any] = {
        "fid": {
            "value": value, "standard_error": error, "n": len(samples), "floor": asdict(reference.floor), "noise": reference.noise_fid,
            "thresholds": list(thresholds), "undecided": [t for t in thresholds if abs(value - t) <= 2 * error],
        },
        "kid": asdict(kid), "density": density, "coverage": coverage, "trace_ratio": moments(features).trace / max(reference.moments.trace, 1e-300),
        "duplicates": {
            "identical": sum(len(group) - 1 for group in groups), "groups": groups[:20], "near": near, "near_expected": QUANTILES[0] * len(samples),
        },
        "memorisation": describe(copies, samples, bank) if copies is not None and bank is not None else None,
        "copied": [] if bank is None else copied(samples, bank),
        "images": {
            "count": len(samples), "width": samples.size[0], "height": samples.size[1], "digest": samples.digest(),
            "remarks": list(samples.remarks),
        },
        "reference": {
            "description": reference.description, "n": reference.moments.n,
            "images_digest": reference.images_digest, "trace": reference.moments.trace,
        },
        "network": {"name": network.name, "digest": network.digest, "preprocessing": network.definition.preprocessing},
        "computed_with": {
            "threads": threads, "device": str(network.device), "python": platform.python_version(), "torch": torch.__version__,
            "numpy": np.__version__, "scipy": scipy.__version__, "pillow": pillow_version, "processor": torch.backends.cpu.get_cpu_capability(),
        },
    }  # fmt: skip
    summary["findings"] = findings(summary)
    summary["look_at"] = look_at(summary)
    return Measurement(samples, summary, copies, bank)


def describe(copies: Memorisation, samples: ImageSet, bank: Bank, shown: int = 12) -> dict[str, Any]:
    """The memorisation report as plain values: the three tests and the closest pairs."""
    order = np.lexsort((copies.relative_pixels, copies.rank))[:shown]
    pairs = [
        {
            "sample": samples.names[i], "nearest_in_pixels": bank.image(int(copies.nearest_in_pixels[i]))[0],
            "nearest_in_features": bank.image(int(copies.nearest_in_features[i]))[0], "relative_pixels": float(copies.relative_pixels[i]),
            "relative_features": float(copies.relative_features[i]), "rank": float(copies.rank[i]),
        }
        for i in order
    ]  # fmt: skip
    tests = {name: asdict(getattr(copies, name)) for name in ("pixels", "features", "both")}
    return {
        "bank": len(bank.thumbnails),
        "calibration": len(bank.real_pixels.relative),
        "level": memorisation.LEVEL,
        **tests,
        "pairs": pairs,
    }


def copied(samples: ImageSet, bank: Bank) -> list[str]:
    """The names of the samples that are an image of the bank, pixel for pixel, or its mirror image."""
    known = {digest for images in bank.folders for digest in images.digests}
    pairs = zip(samples.names, samples.digests, mirrored(samples).digests)
    return [name for name, digest, turned in pairs if digest in known or turned in known]


def findings(summary: dict[str, Any]) -> dict[str, str]:
    """What a sampler does not do by itself, by name: a sentence each. Who grades decides what follows.

    below_floor: FID lower than that of as many real images against the rest. copies: images of the bank among the samples.
    """
    fid, copies, same = summary["fid"], summary["memorisation"], summary["copied"]
    found = {}
    floor = fid["floor"]
    if fid["n"] <= floor["n"] and fid["value"] < floor["mean"]:
        found["below_floor"] = (
            f"FID {fid['value']:.3g} is lower than that of as many real images ({floor['mean']:.3g} ± {floor['sd']:.2g}), "
            "so these may be real images, or drawn by the program that drew the real ones."
        )
    if same:
        number = "1 sample is an image" if len(same) == 1 else f"{len(same)} samples are images"
        found["copies"] = f"{number} of the training data, pixel for pixel or mirrored, such as {same[0]}."
    elif copies and copies["both"]["p_value"] < memorisation.SUSPICIOUS:
        both = copies["both"]
        found["copies"] = (
            f"{both['count']} samples lie closer to a training image than the closest 1 % of real images do, in pixels and in features "
            f"at once; {both['expected']:.0f} would be usual. See the pairs."
        )
    return found


def look_at(summary: dict[str, Any]) -> list[str]:
    """What a person should look at, in sentences. Nothing here decides about points."""
    fid, duplicates = summary["fid"], summary["duplicates"]
    found = []
    if duplicates["identical"]:
        found.append(
            f"{duplicates['identical']} images are pixel for pixel copies of other samples, such as {' = '.join(duplicates['groups'][0][:3])}."
        )
    if duplicates["near"] > 5 * duplicates["near_expected"] + 10:
        found.append(
            f"{duplicates['near']} samples lie closer to another sample than the closest 1 % of real images do; "
            f"about {duplicates['near_expected']:.0f} would be usual."
        )
    found += [*summary["findings"].values(), *summary["images"]["remarks"]]
    if summary["trace_ratio"] < 0.5:
        found.append(
            f"The samples vary {summary['trace_ratio']:.2f} times as much as real images do in the features: few kinds of images, or blurred ones."
        )
    for threshold in fid["undecided"]:
        found.append(
            f"FID {fid['value']:.2f} is within two standard errors ({2 * fid['standard_error']:.2f}) of the threshold {threshold:g}: "
            "another draw may fall on its other side."
        )
    return found
