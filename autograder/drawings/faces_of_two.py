"""A face that is a man's with a beard, or, upside down, a woman's with curly hair (given; nothing to do here).

The eyes lie in the middle. Where he has a beard she has hair, mirrored; her mouth is the wrinkle on his forehead, and his mouth her hair band.
"""

import numpy as np

from .face_painting import Canvas, ellipse, length, noise_around, spots, stroke
from .palette import flake, lit, mix, pick, rgb

SKINS = "f2c9a4 e6b48c d69a70 b5784e 8f5a3a f4d4b8"
HAIRS = "3a2a24 5a3a26 7a4a28 a8602f c98a44 8a8480 241f22"


def _curls(canvas: Canvas, rng: np.random.Generator, colour, size: float) -> np.ndarray:
    """Hair of locks, light in their middles, (H, W, 3)."""
    lock = np.clip(spots(rng, canvas.u + 9, canvas.v + 9, size) / (0.75 * size), 0, 1)
    return lit(canvas, mix(np.clip(colour * 1.35 + 0.05, 0, 1), colour * 0.7, lock), 0.15)


def _head(canvas: Canvas, rng: np.random.Generator, skin, hair, hair_side: int, size: float) -> None:
    """A head with hair at the top (hair_side = −1) or at the bottom (+1)."""
    u, v = canvas.u, canvas.v * hair_side
    angle = np.arctan2(v, u)
    wavy = 0.035 * noise_around(rng, angle, 26)
    mass = ellipse(u, v, (0, 0.2), (rng.uniform(0.64, 0.72), rng.uniform(0.62, 0.68))) + wavy
    for side in (-1, 1):
        canvas.paint(ellipse(u, v, (side * 0.57, -0.02), (0.1, 0.15)), skin * 0.88)
    locks = _curls(canvas, rng, hair, size)
    canvas.paint(np.maximum(mass, -0.05 - v), locks)
    canvas.paint(ellipse(u, v, (0, -0.06), (rng.uniform(0.54, 0.6), 0.74)), lit(canvas, skin, 0.18))
    line = rng.uniform(0.22, 0.3)
    canvas.paint(np.maximum(mass, line - 0.5 * (u / 0.58) ** 2 - v + wavy), locks)


def _eyes(canvas: Canvas, rng: np.random.Generator, middle: float, brow) -> None:
    iris = pick(rng, "5a3a26 3f6f8a 4f7a4a 3a2a24")
    for side in (-1, 1):
        canvas.paint(ellipse(canvas.u, canvas.v, (side * 0.22, middle), (0.125, 0.085)), rgb("fdfaf4"))
        canvas.paint(ellipse(canvas.u, canvas.v, (side * 0.22, middle), (0.065, 0.07)), iris)
        canvas.paint(ellipse(canvas.u, canvas.v, (side * 0.22, middle), (0.035, 0.037)), rgb("14100f"))
        canvas.paint(stroke(canvas.u, canvas.v, (side * 0.34, middle - 0.15), (side * 0.11, middle - 0.16), 0.05, -0.03), brow)


def man_with_a_beard(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u, canvas.v
    skin, hair = pick(rng, SKINS), pick(rng, HAIRS)
    _head(canvas, rng, skin, hair, 1, rng.uniform(0.15, 0.2))
    for low in (-0.4, -0.5)[: rng.integers(1, 3)]:
        canvas.paint(stroke(u, v, (-0.2, low), (0.2, low), 0.045, -0.04), mix(skin, rgb("8a3a30"), 0.45))
    _eyes(canvas, rng, -0.04, hair * 0.8)
    canvas.paint(ellipse(u, v, (0, 0.1), (0.085, 0.11)), mix(skin, rgb("c0604a"), 0.35))
    for side in (-1, 1):
        canvas.paint(ellipse(u, v, (side * 0.15, 0.27), (0.19, 0.075), side * 0.25), hair * 0.85)
    canvas.paint(ellipse(u, v, (0, 0.42), (rng.uniform(0.15, 0.2), 0.06)), pick(rng, "a83a38 c04a44 8a2f30"))


def woman_with_curly_hair(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u, canvas.v
    skin, hair = pick(rng, SKINS), pick(rng, HAIRS)
    _head(canvas, rng, skin, hair, -1, rng.uniform(0.18, 0.24))
    for side in (-1, 1):
        canvas.paint(ellipse(u, v, (side * 0.34, 0.24), (0.12, 0.09)), mix(skin, rgb("e0605a"), 0.4), soft=0.08)
    _eyes(canvas, rng, 0.04, mix(hair, skin, 0.2))
    canvas.paint(ellipse(u, v, (0, 0.2), (0.06, 0.09)), mix(skin, rgb("b0604a"), 0.3))
    canvas.paint(ellipse(u, v, (0, 0.43), (0.17, 0.06)), pick(rng, "c8323c d84a50 b03a4a"))
    canvas.paint(stroke(u, v, (-0.15, 0.43), (0.15, 0.43), 0.02, 0.01), rgb("6a1f28"))
    if rng.random() < 0.6:
        ribbon = pick(rng, "c8323c d84a50 3f7fb0 f0b93a")
        canvas.paint(np.maximum(np.abs(length(u, v - 0.3) - 0.76) - 0.05, np.abs(u) - 0.46), ribbon)
