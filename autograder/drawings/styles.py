"""An oil painting or a pencil drawing of a picture (given; nothing to do here). Pictures are (H, W, 3) in [0, 1]."""

from functools import cache

import numpy as np

from .palette import mix, rgb

DAB = (4.5, 1.7)  # length and width of a brush stroke, pixels
GREY = np.array([0.30, 0.59, 0.11])


@cache
def _dabs(size: int, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel the middle of the brush stroke that covers it, as a flat index, and the stroke's light, (size, size)."""
    rng = np.random.default_rng(kind)
    rows, columns = np.mgrid[:size, :size]
    count = int(size * size / (DAB[0] * DAB[1]) * 2)
    middles = rng.uniform(-4, size + 4, (count, 2))
    swirl = 0.9 * np.sin(middles[:, 0] / 17 + kind) + 0.7 * np.cos(middles[:, 1] / 13 - kind)  # its direction, radians
    cos, sin = np.cos(swirl), np.sin(swirl)
    down, across = rows[..., None] - middles[:, 0], columns[..., None] - middles[:, 1]
    along, beside = cos * across + sin * down, cos * down - sin * across
    far = (along / DAB[0]) ** 2 + (beside / DAB[1]) ** 2 + rng.uniform(0, 0.25, count)
    nearest = far.argmin(axis=-1)
    centre = np.clip(np.rint(middles[nearest]), 0, size - 1).astype(int)
    ridge = np.take_along_axis(beside, nearest[..., None], -1)[..., 0] / DAB[1]  # −1 … 1 across the stroke
    light = 0.09 * np.sin(3.0 * ridge) + rng.uniform(-0.07, 0.07, count)[nearest]
    return centre[..., 0] * size + centre[..., 1], light


def oil(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brush strokes, each of the colour at its middle, in a warm and muted palette."""
    index, light = _dabs(len(image), int(rng.integers(8)))
    dabs = image.reshape(-1, 3)[index]
    painted = mix(dabs, image, 0.3) * (1 + light * 1.2)[..., None]
    muted = mix(painted, (painted @ GREY)[..., None], 0.18)
    return np.clip(mix(muted, muted * rgb("ffe4b8") + 0.03, 0.75), 0.0, 1.0)


def pencil_drawing(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dark outlines, and hatching where the picture is dark, on paper."""
    grey = image @ GREY
    rise = np.zeros(grey.shape)
    for axis in (0, 1):
        step = np.abs(np.diff(image, axis=axis)).sum(axis=-1)
        pad = [(0, 0), (0, 0)]
        for before in (0, 1):
            pad[axis] = (before, 1 - before)
            rise = np.maximum(rise, np.pad(step, pad))
    outline = np.clip(rise * 2.6 - 0.3, 0.0, 0.95)
    rows, columns = np.mgrid[: len(grey), : len(grey)]
    turn, phase = rng.uniform(0.8, 1.2), rng.uniform(0, 6)
    lines = 0.5 + 0.5 * np.sin((rows + turn * columns) * 1.45 + phase)
    dark = np.clip(1.05 - grey, 0.0, 1.0)
    hatching = np.clip((dark - 0.72 * lines) * 1.6, 0.0, 1.0) * 0.75
    grain = rng.normal(0, 0.02, grey.shape)
    ink = np.clip(np.maximum(outline * 0.9, hatching) + grain, 0.0, 1.0)
    return mix(rgb("f7f3e8"), rgb("2f2f33"), ink)
