"""Brushes for the procedural animal faces in faces.py (given; nothing to do here).

A shape is a field of signed distances, (H, W): negative inside, zero on the outline, in face units (the head is about
1.2 wide). A canvas turns the distance into a coverage, so edges are smooth at any resolution, and mixes a colour in.
Colours are sRGB in [0, 1], of shape (3,) or (H, W, 3).
"""

import numpy as np


class Canvas:
    """A square picture and the face's own coordinates in it: u to the right, v down, origin between eyes and nose."""

    def __init__(self, resolution: int, angle: float = 0.0, shift=(0.0, 0.0), scale: float = 1.0):
        axis = (np.arange(resolution) + 0.5) * 2 / resolution - 1
        self.x, self.y = np.meshgrid(axis, axis)  # frame coordinates in (−1, 1), (H, W)
        dx, dy, cos, sin = self.x - shift[0], self.y - shift[1], np.cos(angle), np.sin(angle)
        self.u, self.v = (cos * dx + sin * dy) / scale, (cos * dy - sin * dx) / scale
        self.pixel = 2 / resolution / scale
        self.image = np.zeros((resolution, resolution, 3))

    def paint(self, distance, colour, opacity=1.0, soft: float = 0.0) -> None:
        """Mix `colour` in wherever `distance` is negative; `soft` widens the edge (face units)."""
        inside = distance < (self.pixel + soft) / 2
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if rows.size == 0:
            return
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)  # only what can change: faster
        coverage = np.clip(0.5 - distance[box] / (self.pixel + soft), 0.0, 1.0) * opacity
        under = self.image[box]
        under += coverage[..., None] * ((colour[box] if np.ndim(colour) == 3 else colour) - under)

    def to_uint8(self) -> np.ndarray:
        """(H, W, 3), 0 … 255."""
        return np.rint(np.clip(self.image, 0.0, 1.0) * 255).astype(np.uint8)


def length(u, v):
    """√(u² + v²); np.hypot is several times slower, and its care for overflow is not needed here."""
    return np.sqrt(u * u + v * v)


def ellipse(u, v, centre, radii, angle: float = 0.0):
    """Distance to an ellipse, exact on the outline and near it; `angle` turns it clockwise (radians)."""
    du, dv, cos, sin = u - centre[0], v - centre[1], np.cos(angle), np.sin(angle)
    return (length((cos * du + sin * dv) / radii[0], (cos * dv - sin * du) / radii[1]) - 1) * min(radii)


def triangle(u, v, corners, rounding: float = 0.03):
    """Distance to a triangle with rounded corners; `corners` in clockwise order on the screen."""
    sides = []
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]]):
        sides.append(((u - ax) * (by - ay) - (v - ay) * (bx - ax)) / length(bx - ax, by - ay))
    return smooth_max(sides, rounding)


def stroke(u, v, start, end, width: float, bend: float = 0.0):
    """Distance to a line of the given width that sags by `bend` in the middle."""
    du, dv = end[0] - start[0], end[1] - start[1]
    along = np.clip(((u - start[0]) * du + (v - start[1]) * dv) / (du * du + dv * dv), 0.0, 1.0)
    sag = 4 * bend * along * (1 - along)
    return length(u - start[0] - along * du, v - start[1] - along * dv - sag) - width / 2


def smooth_max(distances, rounding: float):
    """Intersection of shapes with a rounded seam."""
    largest = np.maximum.reduce(distances)
    return largest + rounding * np.log(sum(np.exp((d - largest) / rounding) for d in distances))


def smooth_min(distances, rounding: float):
    """Union of shapes with a rounded seam."""
    return -smooth_max([-d for d in distances], rounding)


def noise(rng: np.random.Generator, x, y, period: int = 32):
    """Smooth random field in [−1, 1] with features of size 1; repeats after `period` in x and in y."""
    lattice = rng.uniform(-1.0, 1.0, (period, period))
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - i, y - j
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    i, j = i % period, j % period
    right, below = (i + 1) % period, (j + 1) % period
    upper = lattice[j, i] * (1 - fx) + lattice[j, right] * fx
    lower = lattice[below, i] * (1 - fx) + lattice[below, right] * fx
    return upper * (1 - fy) + lower * fy


def noise_around(rng: np.random.Generator, angle, waves: int):
    """Smooth random function of an angle (radians) in [−1, 1], with `waves` features in a full turn."""
    lattice = rng.uniform(-1.0, 1.0, waves)
    return np.interp(angle % (2 * np.pi), np.arange(waves + 1) * 2 * np.pi / waves, np.append(lattice, lattice[0]))


def spots(rng: np.random.Generator, u, v, size: float):
    """Distance to the nearest of many scattered points, one in each cell of a lattice of the given size, (H, W)."""
    offset = rng.uniform(0.2, 0.8, (32, 32, 2))
    i, j = np.floor(u / size).astype(int), np.floor(v / size).astype(int)
    nearest = np.full(u.shape, np.inf)
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            point = offset[(j + dj) % 32, (i + di) % 32]
            nearest = np.minimum(nearest, length(u - (i + di + point[..., 0]) * size, v - (j + dj + point[..., 1]) * size))
    return nearest
