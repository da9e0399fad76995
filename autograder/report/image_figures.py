"""Pictures of image assignments: a grid of samples, and where an FID stands."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.report.figures import ACCENT, GREY, INK, SOFT, _canvas, _finish, _style
from autograder.verdict import Figure

GAP = 2  # pixels between two images
SCALE = 1.5


def image_grid(pixels: Any, caption: str = "", columns: int = 8, rows: int = 8, name: str = "samples") -> Figure:
    """The first images of `pixels`, (N, H, W, 3) uint8, side by side on white."""
    from PIL import Image

    pixels = np.asarray(pixels, dtype=np.uint8)[: columns * rows]
    columns = min(columns, max(len(pixels), 1))
    rows = -(-len(pixels) // columns)
    height, width = pixels.shape[1:3]
    sheet = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), 255, np.uint8)
    for index, image in enumerate(pixels):
        top, left = GAP + index // columns * (height + GAP), GAP + index % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    picture = Image.fromarray(sheet)
    picture = picture.resize((int(picture.width * SCALE), int(picture.height * SCALE)), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return Figure(name=name, caption=caption, png=buffer.getvalue())


def fid_scale(value: float, error: float, floor: float, thresholds: Mapping[str, float], caption: str = "") -> Figure:
    """A logarithmic axis with the floor of real images, the thresholds, and the value with two standard errors to each side."""
    canvas = _canvas(5.6, 1.5, top=0.42)
    axes = canvas.subplots()
    _style(axes, "FID (logarithmic)", "")
    marks = [max(mark, 1e-3) for mark in (floor, *thresholds.values(), value)]
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000], minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter("{x:g}")
    left, right = min(marks) / 1.8, max(marks) * 1.8
    axes.set_xlim(left, right)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.axvline(max(floor, 1e-3), color=GREY, linewidth=1.5)
    axes.text(max(floor, 1e-3), 1.1, f"real {floor:.3g}", ha="center", fontsize=8, color=SOFT)
    for index, (name, threshold) in enumerate(sorted(thresholds.items(), key=lambda item: item[1])):
        side = "right" if index == 0 and len(thresholds) > 1 else "left"  # apart also where the axis is long
        axes.axvline(threshold, color=INK, linewidth=1, linestyle="--")
        axes.text(threshold, 1.1, f" {name} {threshold:g} ", ha=side, fontsize=8, color=SOFT)
    low, high = max(value - 2 * error, 1e-3), value + 2 * error
    axes.plot([low, high], [0, 0], color=ACCENT, linewidth=3, solid_capstyle="butt", zorder=3)
    axes.plot([value], [0], "o", color=ACCENT, markersize=7, zorder=4)
    place = np.log(max(value, 1e-3) / left) / np.log(right / left)  # 0 … 1, from left to right
    side = "left" if place < 0.12 else "right" if place > 0.88 else "center"  # inside of the picture
    axes.text(value, -0.75, f"yours {value:.1f}", ha=side, fontsize=9, color=INK)
    return _finish(canvas, "fid", caption)
