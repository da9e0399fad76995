"""The pictures of a report: pure functions from numbers to PNG. No pyplot, no global state; a late import.

Numbers may come from a student's code: values that are not finite, or far outside the frame, are left out and counted
in the caption.
"""

import io
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.verdict import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

DPI = 150  # sharp on a dense screen; the palette keeps the files small
INK, SOFT, GREY, GRID = "#2b2d33", "#6b6f7a", "#c3c5cc", "#e7e8ec"
ACCENT, THIN = "#3b4cc0", "#b8c0ee"
MAX_POINTS = 2048  # drawn of one cloud


def loss_curve(losses: Any, caption: str = "", name: str = "loss_curve") -> Figure:
    """Training loss over iterations: raw values thin, their running mean in front. `losses` are numbers, in order."""
    values = np.asarray(losses, dtype=np.float64).reshape(-1)
    steps = np.arange(1, len(values) + 1)
    fine = np.isfinite(values)
    values = np.clip(values, -1e12, 1e12)
    canvas = _canvas(6.8, 2.9)
    axes = canvas.subplots()
    _style(axes, "iteration", "loss")
    axes.margins(x=0.01)
    if fine.any():
        steps, values = steps[fine], values[fine]
        if len(values) > 4000:  # a picture has fewer columns than that
            keep = np.linspace(0, len(values) - 1, 4000).astype(int)
            axes.plot(steps[keep], values[keep], color=THIN, linewidth=0.6, label="each iteration", zorder=2)
        else:
            axes.plot(steps, values, color=THIN, linewidth=0.6, label="each iteration", zorder=2)
        window = max(1, min(len(values) // 20, 200))
        if window > 1:
            smooth = np.convolve(values, np.ones(window) / window, mode="valid")
            axes.plot(
                steps[window - 1 :], smooth, color=ACCENT, linewidth=1.8, label=f"mean of the last {window}", zorder=3
            )
        low, high = np.quantile(values, [0.0, 0.999])
        if low > 0 and high / low > 200:
            axes.set_yscale("log")
        elif high > low:
            axes.set_ylim(min(low, 0.0) - 0.02 * (high - low), high + 0.08 * (high - min(low, 0.0)))
        axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    else:
        _nothing(axes)
    return _finish(canvas, name, _count_lost(caption, int((~fine).sum()), len(fine), "values"))


def samples_scatter(target: Any, samples: Any, title: str, caption: str = "", name: str | None = None) -> Figure:
    """Generated `samples` (N, 2) in front of the `target` (M, 2), both axes to the same scale, framed by the target."""
    behind, _ = _points(target)
    front, broken = _points(samples)
    canvas = _canvas(4.0, 4.05, top=0.32)
    axes = canvas.subplots()
    _style(axes, "x₁", "x₂")
    limits = _frame(behind if len(behind) else front)
    inside = _inside(front, limits)
    (u, v), (x, y) = _thin(behind).T, _thin(front[inside]).T
    axes.scatter(u, v, s=70, color=GREY, linewidths=0, label="target", zorder=2)  # a band: seen beside samples
    axes.scatter(x, y, s=3, color=ACCENT, alpha=0.65, linewidths=0, label="samples", zorder=3)
    axes.set(xlim=limits[0], ylim=limits[1], aspect="equal")
    axes.set_title(title, fontsize=10, color=INK, parse_math=False, y=1.0)  # a place that need not be looked for
    if not len(front):
        _nothing(axes)
    legend = axes.legend(frameon=True, framealpha=0.8, edgecolor="none", fontsize=8, labelcolor=INK, loc="upper right")
    for handle in legend.legend_handles[1:]:  # a point of the samples' own size would hardly be seen
        handle.set(sizes=[20], alpha=1)  # type: ignore[union-attr]
    total = len(front) + broken
    caption = _count_lost(caption, broken, total, "samples")
    if (outside := int((~inside).sum())) > 0:
        caption = f"{caption} {outside:,} of {total:,} samples lie outside the frame.".strip()
    return _finish(canvas, name or "samples_" + (re.sub(r"\W+", "_", title.lower()).strip("_") or "scatter"), caption)


def noising_strip(points: Mapping[int, Any], caption: str = "", name: str = "noising") -> Figure:
    """x_t for some t, side by side from clean to noise, in the same frame: `points` maps t to an array (N, 2).

    One pair of axes holds all panels, each beside the one before, because ticks and labels take longer to draw than points.
    """
    panels = [(t, *_points(points[t])) for t in sorted(points)]
    canvas = _canvas(1.85 * max(len(panels), 1) + 0.77, 2.2, top=0.3, bottom=0.2)
    axes = canvas.subplots()
    finite = [cloud for _, cloud, _ in panels if len(cloud)]
    limits = _frame(np.concatenate(finite) if finite else np.zeros((0, 2)))
    (left, right), (_, top) = limits
    pitch = 1.08 * (right - left)
    _style(axes, "", "x₂")
    axes.set(xlim=(left, right + pitch * (max(len(panels), 1) - 1)), ylim=limits[1], aspect="equal", xticks=[])
    broken = sum(lost for _, _, lost in panels)
    for index, (t, cloud, _) in enumerate(panels):
        x, y = _thin(cloud[_inside(cloud, limits)], 1000).T
        axes.scatter(x + index * pitch, y, s=2.5, color=ACCENT, alpha=0.55, linewidths=0, zorder=2)
        middle = (left + right) / 2 + index * pitch
        axes.text(middle, top, f"t = {t}", fontsize=9, color=INK, parse_math=False, ha="center", va="bottom")
        if index:
            axes.axvline(middle - pitch / 2, color="white", linewidth=8, zorder=1)
        if not len(cloud):
            axes.text(middle, (limits[1][0] + top) / 2, "nothing to draw", fontsize=9, color=SOFT, ha="center", va="center")
    return _finish(canvas, name, _count_lost(caption, broken, sum(len(c) + lost for _, c, lost in panels), "points"))


def _canvas(width: float, height: float, top: float = 0.12, bottom: float = 0.43) -> "Canvas":
    """An empty picture of that size in inches, with fixed margins: laying them out anew takes longer than drawing."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(canvas)
    canvas.subplots_adjust(
        left=0.58 / width, right=1 - 0.15 / width, bottom=bottom / height, top=1 - top / height
    )
    return canvas


def _style(axes: "Axes", xlabel: str, ylabel: str) -> None:
    axes.set_xlabel(xlabel, fontsize=9, color=SOFT)
    axes.set_ylabel(ylabel, fontsize=9, color=SOFT)
    axes.tick_params(which="both", labelsize=8, colors=SOFT, length=0)
    axes.grid(color=GRID, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _nothing(axes: "Axes") -> None:
    axes.text(0.5, 0.5, "nothing to draw", transform=axes.transAxes, ha="center", va="center", fontsize=9, color=SOFT)


def _finish(canvas: "Canvas", name: str, caption: str) -> Figure:
    """Draw, and store with a palette of 128 colours: a third of the size, no difference to the eye."""
    from PIL import Image

    canvas.canvas.draw()
    pixels = np.asarray(canvas.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    buffer = io.BytesIO()
    palette = Image.fromarray(pixels).quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette.save(buffer, format="PNG", compress_level=6)
    return Figure(name=name, caption=caption, png=buffer.getvalue())


def _points(values: Any) -> tuple[np.ndarray, int]:
    """(the finite points as float64 (N, 2), how many were not finite)."""
    cloud = np.asarray(values, dtype=np.float64)
    cloud = cloud.reshape(len(cloud), -1)[:, :2] if cloud.size else np.zeros((0, 2))
    if cloud.shape[1] < 2:
        cloud = np.column_stack([cloud, np.zeros(len(cloud))])
    fine = np.isfinite(cloud).all(axis=1)
    return cloud[fine], int((~fine).sum())


def _thin(cloud: np.ndarray, most: int = MAX_POINTS) -> np.ndarray:
    """At most `most` points, evenly picked."""
    return cloud if len(cloud) <= most else cloud[np.linspace(0, len(cloud) - 1, most).astype(int)]


def _frame(cloud: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """A square around 99.8 % of the points, with some air."""
    if not len(cloud):
        return (-1.0, 1.0), (-1.0, 1.0)
    low, high = np.quantile(cloud, [0.001, 0.999], axis=0)
    low, high = np.clip(low, -1e6, 1e6), np.clip(high, -1e6, 1e6)
    middle, half = (low + high) / 2, 0.62 * max(float((high - low).max()), 1e-3)
    return (middle[0] - half, middle[0] + half), (middle[1] - half, middle[1] + half)


def _inside(cloud: np.ndarray, limits: Iterable[tuple[float, float]]) -> np.ndarray:
    (left, right), (bottom, top) = limits
    return (cloud[:, 0] >= left) & (cloud[:, 0] <= right) & (cloud[:, 1] >= bottom) & (cloud[:, 1] <= top)


def _count_lost(caption: str, broken: int, total: int, what: str) -> str:
    return f"{caption} {broken:,} of {total:,} {what} are not finite and not drawn.".strip() if broken else caption
