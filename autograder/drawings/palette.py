"""Colours, light and backdrops of the drawings (given; nothing to do here).

Colours are sRGB in [0, 1], of shape (3,) or (H, W, 3). Light comes from the left, so that a drawing turned upside down is lit as before.
"""

import numpy as np

from .face_painting import length, noise, spots


def rgb(name: str) -> np.ndarray:
    """The colour "rrggbb" (hexadecimal), (3,)."""
    return np.array([int(name[start : start + 2], 16) for start in (0, 2, 4)]) / 255


def pick(rng, names: str, spread: float = 0.03) -> np.ndarray:
    """One of several colours, written with spaces between them, and a little to the side of it, (3,)."""
    chosen = names.split()
    return np.clip(rgb(chosen[rng.integers(len(chosen))]) + rng.uniform(-spread, spread, 3), 0.0, 1.0)


def mix(one, other, share) -> np.ndarray:
    """one + share (other − one); a share of shape (H, W) gives (H, W, 3)."""
    share = share[..., None] if np.ndim(share) == 2 else share
    return one + share * (other - one)


def lit(canvas, colour, strength: float = 0.22, centre=0.0, width=0.6) -> np.ndarray:
    """The colour brighter on the left and darker on the right of a body of the given half width, (H, W, 3)."""
    side = np.clip((canvas.u - centre) / width, -1.0, 1.0)
    return np.clip(colour * (1.03 - strength * side)[..., None], 0.0, 1.0)


def box(u, v, centre, half, rounding: float = 0.0) -> np.ndarray:
    """Distance to an upright rectangle; `half`: half its width and height; `rounding`: radius of its corners."""
    du, dv = np.abs(u - centre[0]) - half[0] + rounding, np.abs(v - centre[1]) - half[1] + rounding
    return (
        np.maximum(du, dv)
        if rounding == 0
        else length(np.maximum(du, 0), np.maximum(dv, 0)) + np.minimum(np.maximum(du, dv), 0) - rounding
    )


def polygon(u, v, *corners) -> np.ndarray:
    """Distance to a convex polygon; its corners clockwise on the screen."""
    distance = np.full(u.shape, -np.inf)
    for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0])):
        along, down = bx - ax, by - ay
        distance = np.maximum(distance, ((u - ax) * down - (v - ay) * along) / np.sqrt(along * along + down * down))
    return distance


def vertical(canvas, top, bottom, start: float = -1.0, end: float = 1.0) -> np.ndarray:
    """Colours that change from y = start down to y = end (in the frame), (H, W, 3)."""
    return mix(top, bottom, np.clip((canvas.y - start) / (end - start), 0.0, 1.0))


def fill(canvas, colour) -> None:
    """Paint the whole frame."""
    canvas.image[:] = colour


def flake(rng, canvas, size: float, stretch: float = 1.0) -> np.ndarray:
    """Smooth noise in [−1, 1] in the frame; a feature is `size` high and `stretch` times as wide, (H, W)."""
    return noise(rng, canvas.x / (size * stretch) + 40, canvas.y / size + 40, 64)


def scattered(rng, canvas, size: float) -> np.ndarray:
    """Distance to the nearest of many points, one in each cell of a lattice that lies askew, (H, W)."""
    turn = rng.uniform(0.3, 1.2)
    cos, sin = np.cos(turn), np.sin(turn)
    return spots(rng, cos * canvas.x + sin * canvas.y + 9, cos * canvas.y - sin * canvas.x + 9, size)
