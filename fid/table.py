"""Reference scores: what images whose quality is known score, with errors. The table that a TA publishes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from fid.errors import UserError
from fid.features import Network
from fid.images import COURSE_COUNT, ImageSet, open_folder
from fid.measurement import Bank, Measurement, Progress, from_pixels, make_bank, measure
from fid.reference import Reference

Array = np.ndarray


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    measurement: Measurement


def parse_samples(text: str) -> tuple[str, Path]:
    """ "name=folder" → (name, folder)."""
    name, separator, folder = text.partition("=")
    if not separator or not name or not folder:
        raise UserError(f"--samples has the form NAME=DIR, such as 2000-steps=samples/2000; it was {text!r}.")
    return name, Path(folder)


def _each(change: Callable[[Image.Image], Image.Image], pixels: Array) -> Array:
    return np.stack([np.asarray(change(Image.fromarray(image))) for image in pixels])


def blurred(pixels: Array, radius: float) -> Array:
    """Gaussian blur with this standard deviation in pixels. (n, H, W, 3) uint8."""
    return _each(lambda image: image.filter(ImageFilter.GaussianBlur(radius)), pixels)


def noisy(pixels: Array, sd: float, rng: np.random.Generator) -> Array:
    """Gaussian noise added, sd in grey levels of 255. (n, H, W, 3) uint8."""
    return np.clip(pixels + rng.normal(0, sd, pixels.shape), 0, 255).round().astype(np.uint8)


def variants(
    held_out: Array, copies: Array, one_class: tuple[str, Array], rng: np.random.Generator
) -> list[tuple[str, Array]]:
    """Name and pixels of each known case. held_out: real images outside of the bank; copies: images of the bank; all (n, H, W, 3) uint8."""
    n = len(held_out)
    class_name, class_pixels = one_class
    return [
        ("real images, not in the bank", held_out),
        ("copies of training images", copies),
        ("copies, mirrored", np.ascontiguousarray(copies[:, :, ::-1])),
        ("half copies, half real", np.concatenate([copies[: n // 2], held_out[n // 2 :]])),
        ("real, noise of 5 grey levels", noisy(held_out, 5, rng)),
        ("real, noise of 10 grey levels", noisy(held_out, 10, rng)),
        ("real, noise of 20 grey levels", noisy(held_out, 20, rng)),
        ("real, blur of 0.5 pixels", blurred(held_out, 0.5)),
        ("real, blur of 1 pixel", blurred(held_out, 1)),
        ("real, blur of 2 pixels", blurred(held_out, 2)),
        (f"one class only: training images of {class_name}", class_pixels),
        ("collapsed: 50 images, 10 times each", np.repeat(held_out[: n // 10], 10, axis=0)[:n]),
        ("collapsed: 10 images, 50 times each", np.repeat(held_out[: n // 50], 50, axis=0)[:n]),
        ("average of two real images", ((held_out.astype(int) + np.roll(held_out, 1, axis=0)) // 2).astype(np.uint8)),
        ("uniform noise", rng.integers(0, 256, held_out.shape, dtype=np.uint8)),
    ]


def scores(
    data: Path,
    reference: Reference,
    network: Network,
    samples: list[tuple[str, Path]],
    *,
    convert: bool = False,
    threads: int,
    progress: Progress = None,
) -> list[Row]:
    """Measure all variants of data/train, and the samples of each named folder, each with the course's 500 images.

    500 images of data/train are held out; the others and data/val are the bank. Raises UserError where train/ has fewer than 1500 images.
    """
    train = open_folder(data / "train", size=reference.size, convert=convert, progress=progress)
    val = open_folder(data / "val", size=reference.size, convert=convert, progress=progress)
    n = COURSE_COUNT
    if len(train) < 3 * n:
        raise UserError(f"{train.folder} holds {len(train)} images; the table needs at least {3 * n}.")
    rng = np.random.default_rng(0)
    order = rng.permutation(len(train))
    held_out, banked = train.subset(order[:n]), train.subset(order[n:])
    bank: Bank = make_bank([banked, val], network, threads=threads, progress=progress)
    first = sorted({name.split("/")[0] for name in banked.names})[0]
    of_class = [i for i, name in enumerate(banked.names) if name.startswith(first + "/")][:n]
    copies = rng.permutation(len(banked))[:n]
    cases = variants(
        pixels_of(held_out, rng.permutation(n)),
        pixels_of(banked, copies),
        (first, pixels_of(banked, np.array(of_class))),
        rng,
    )
    rows = [
        Row(name, measure(reference, from_pixels(pixels, name), network, bank=bank, threads=threads))
        for name, pixels in cases
    ]
    for name, folder in samples:
        images = open_folder(folder, count=n, size=reference.size, convert=convert, progress=progress)
        rows.append(Row(name, measure(reference, images, network, bank=bank, threads=threads)))
    return rows


def pixels_of(images: ImageSet, order: Array) -> Array:
    """The images at these indices, (n, H, W, 3) uint8."""
    return np.stack([images.image(int(i)) for i in order])


HEADINGS = ("images", "FID", "KID × 1000", "density", "coverage", "trace ratio", "repeated", "closer than real")


def cells(row: Row) -> tuple[str, ...]:
    """The figures of a row as text, under HEADINGS. Errors are standard errors."""
    s = row.measurement.summary
    copies = s["memorisation"]
    return (
        row.name, f"{number(s['fid']['value'])} ± {number(s['fid']['standard_error'])}",
        f"{number(1000 * s['kid']['value'])} ± {number(1000 * s['kid']['standard_error'])}", f"{s['density']:.2f}", f"{s['coverage']:.2f}",
        f"{s['trace_ratio']:.2f}", str(s["duplicates"]["identical"]), f"{copies['both']['count']} ({p_text(copies['both']['p_value'])})",
    )  # fmt: skip


def number(value: float) -> str:
    """Three or more significant digits, never an exponent, with a true minus."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:.{digits}f}".replace("-", "−")


def p_text(p: float) -> str:
    """A p-value for people."""
    return "p < 10⁻⁶" if p < 1e-6 else f"p = {p:.1g}" if p < 0.01 else f"p = {p:.2f}"


def markdown(rows: list[Row], title: str, reference: Reference) -> str:
    """The table as a section of Markdown, with what it was computed with."""
    first = rows[0].measurement.summary
    lines = [
        f"## {title}",
        "",
        f"Network `{reference.network}` (digest {reference.network_digest[:12]}), {reference.preprocessing}.",
        f"Reference: {reference.description or 'no description'}; {reference.moments.n} images, {reference.size[0]} × {reference.size[1]}.",
        f"{first['images']['count']} images a row, {first['memorisation']['bank']} in the bank.",
        f"{reference.floor.n} real images against the rest of the reference: FID {number(reference.floor.mean)}, "
        f"standard deviation {number(reference.floor.sd)}.",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|---" + "|---:" * (len(HEADINGS) - 1) + "|",
    ]
    return "\n".join(lines + ["| " + " | ".join(cells(row)) + " |" for row in rows]) + "\n"
