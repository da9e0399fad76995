"""Three pairs that read as the one upright and as the other upside down (given; nothing to do here).

The parts of the one lie where those of the other lie, mirrored about the middle: a dome and a hull, a tree and a cone, a beard and
curly hair. Light, colours and backdrops are shared. Each function paints over a backdrop that is there, in the canvas's (u, v).
"""

import numpy as np

from .face_painting import Canvas, ellipse, length, noise_around, spots, stroke
from .palette import flake, lit, mix, pick, polygon, rgb

SKINS = "f2c9a4 e6b48c d69a70 b5784e 8f5a3a f4d4b8"
HAIRS = "3a2a24 5a3a26 7a4a28 a8602f c98a44 8a8480 241f22"


# ---- the dome and the hull ----


def _panels(canvas: Canvas, rng: np.random.Generator, above, radius: float) -> np.ndarray:
    """Two colours that alternate in ribs from the top of a dome, (H, W, 3); `above`: the height over its rim."""
    first = pick(rng, "d8433c e5863a f0b93a 3f7fb0 2f8f86 8a4f8f c23f6a 7a4a30")
    second = pick(rng, "f6ead2 fbf6ec f4d8a8") if rng.random() < 0.7 else first * 0.78
    across = canvas.u / (radius * np.sqrt(np.clip(1 - above * above, 0.05, 1)))
    share = np.clip(0.5 + 4 * np.sin(3.5 * np.pi * np.arcsin(np.clip(across, -1, 1)) / (np.pi / 2) + np.pi / 2), 0, 1)
    return lit(canvas, mix(second, first, share), 0.2)


def umbrella(canvas: Canvas, rng: np.random.Generator) -> None:
    """A dome of panels over a stick with a crook."""
    u, v = canvas.u, canvas.v
    rim, radius, height = -0.1, rng.uniform(0.66, 0.76), rng.uniform(0.5, 0.6)
    above = np.clip((rim - v) / height, 0, 1)
    stick = pick(rng, "4a3526 2f2f36 6a4a2f")
    canvas.paint(stroke(u, v, (0, rim - height - 0.08), (0, 0.62), 0.06), stick)
    canvas.paint(np.maximum(np.abs(length(u - 0.1, v - 0.62) - 0.1) - 0.033, 0.6 - v), stick)
    scallops = 0.07 * np.abs(np.sin(3.5 * np.pi * (u / radius + 1) / 2))
    dome = np.maximum(ellipse(u, v, (0, rim), (radius, height)), v - rim - 0.03 + scallops)
    canvas.paint(dome, _panels(canvas, rng, above, radius))


def sailing_boat(canvas: Canvas, rng: np.random.Generator) -> None:
    """A round hull with a mast and two sails."""
    u, v = canvas.u, canvas.v
    rim, radius, height = 0.1, rng.uniform(0.66, 0.76), rng.uniform(0.44, 0.54)
    above = np.clip((v - rim) / height, 0, 1)
    sail = pick(rng, "fdf9ee f6e9d0 fbf3e6")
    top = -rng.uniform(0.64, 0.72)
    canvas.paint(
        polygon(u, v, (0.04, top), (rng.uniform(0.46, 0.56), 0.02), (0.04, 0.02)),
        lit(canvas, sail * 0.97, 0.12, 0.3, 0.3),
    )
    canvas.paint(
        polygon(u, v, (-0.06, top + 0.12), (-0.06, 0.02), (-rng.uniform(0.34, 0.44), 0.02)),
        lit(canvas, sail * 0.9, 0.12, -0.2, 0.3),
    )
    canvas.paint(stroke(u, v, (0, -0.78), (0, rim), 0.06), pick(rng, "4a3526 2f2f36 6a4a2f"))
    if rng.random() < 0.6:
        canvas.paint(polygon(u, v, (0.02, -0.8), (0.18, -0.74), (0.02, -0.68)), pick(rng, "d8433c f0b93a 3f7fb0"))
    hull = np.maximum(ellipse(u, v, (0, rim), (radius, height)), rim - v)
    canvas.paint(hull, _panels(canvas, rng, above, radius))
    canvas.paint(np.maximum(hull, v - rim - 0.07), pick(rng, "fbf6ec 5a3a26"))


# ---- the tree and the cone ----


def _ball(canvas: Canvas, rng: np.random.Generator, centre, radii) -> None:
    """A scoop of ice cream, or the snow that a tree stands in."""
    colour = pick(rng, "fbf6ea f8e8d0 f9d3d8 d6efdc e8d9f2 dcebf8")
    bumpy = ellipse(canvas.u, canvas.v, centre, radii) + 0.025 * flake(rng, canvas, 0.12)
    canvas.paint(bumpy, lit(canvas, colour * 0.92, 0.16))


def _cone_colour(rng: np.random.Generator, green: float) -> np.ndarray:
    """From a waffle's brown (0) over olive to a fir's green (1), (3,)."""
    colours = [rgb("c98d4a"), rgb("a8924a"), rgb("6f8f4a"), rgb("2f7048")]
    place = np.clip(green, 0, 1) * 2.999
    return np.clip(mix(colours[int(place)], colours[int(place) + 1], place % 1) + rng.uniform(-0.03, 0.03, 3), 0, 1)


def fir_tree(canvas: Canvas, rng: np.random.Generator) -> None:
    """Three tiers of branches, with garlands, over a mound of snow."""
    u, v = canvas.u, canvas.v
    _ball(canvas, rng, (0, 0.44), (rng.uniform(0.48, 0.56), rng.uniform(0.38, 0.44)))
    colour = _cone_colour(rng, rng.uniform(0.3, 1.0))
    top, half = -rng.uniform(0.82, 0.88), rng.uniform(0.5, 0.58)
    ragged = 0.03 * np.abs(np.sin(11 * u + rng.uniform(0, 3)))
    for low, share in ((0.2, 1.0), (-0.1, 0.74), (-0.4, 0.46)):
        start = top + 0.34 * (low - top) * (low > -0.3)
        tier = polygon(u, v, (0, start), (half * share, low), (-half * share, low)) + ragged
        canvas.paint(
            tier, lit(canvas, mix(colour * 0.72, colour * 1.12, np.clip((v - start) / (low - start), 0, 1)), 0.25)
        )
    body = np.abs(u) - half * (v - top) / (0.2 - top) + 0.06
    dots = spots(rng, u + 9, v + 9, 0.25)
    ornament = pick(rng, "e8423a f2b33a fdf6e0")
    canvas.paint(np.where((body < 0) & (v < 0.16), dots - 0.05, 1.0), ornament)
    canvas.paint(ellipse(u, v, (0, top), (0.07, 0.07)), rgb("ffd95a"))


def ice_cream_cone(canvas: Canvas, rng: np.random.Generator) -> None:
    """A scoop on a waffle."""
    u, v = canvas.u, canvas.v
    colour = _cone_colour(rng, rng.uniform(-0.3, 0.45))
    tip, half = rng.uniform(0.82, 0.9), rng.uniform(0.46, 0.54)
    cone = polygon(u, v, (-half, -0.18), (half, -0.18), (0, tip))
    lattice = np.minimum(np.abs((6 * (u + 0.55 * v)) % 1 - 0.5), np.abs((6 * (u - 0.55 * v)) % 1 - 0.5))
    waffle = mix(colour * 0.72, np.clip(colour * 1.1, 0, 1), np.clip(lattice * 7, 0, 1))
    canvas.paint(cone, lit(canvas, waffle, 0.25))
    _ball(canvas, rng, (0, -0.42), (rng.uniform(0.48, 0.56), rng.uniform(0.38, 0.44)))
    if rng.random() < 0.5:
        dots = spots(rng, u + 9, v + 9, 0.2)
        canvas.paint(
            np.where(ellipse(u, v, (0, -0.42), (0.4, 0.34)) < 0, dots - 0.035, 1.0), pick(rng, "6a3a26 e8423a 3f8fb0")
        )
    if rng.random() < 0.5:
        canvas.paint(ellipse(u, v, (0, -0.82), (0.09, 0.09)), pick(rng, "d8303c ffd95a"))


# ---- the beard and the curls: her mouth is the wrinkle on his forehead, his mouth the band in her hair ----


def _curls(canvas: Canvas, rng: np.random.Generator, colour, size: float) -> np.ndarray:
    """Hair of locks, light in their middles, (H, W, 3)."""
    lock = np.clip(spots(rng, canvas.u + 9, canvas.v + 9, size) / (0.75 * size), 0, 1)
    return lit(canvas, mix(np.clip(colour * 1.35 + 0.05, 0, 1), colour * 0.7, lock), 0.15)


def _head(canvas: Canvas, rng: np.random.Generator, skin, hair, hair_side: int, size: float) -> None:
    """A head with hair at the top (hair_side = −1) or at the bottom (+1)."""
    u, v = canvas.u, canvas.v * hair_side
    angle = np.arctan2(v, u)
    wavy = 0.045 * noise_around(rng, angle, 26)
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
        canvas.paint(
            stroke(canvas.u, canvas.v, (side * 0.34, middle - 0.15), (side * 0.11, middle - 0.16), 0.05, -0.03), brow
        )


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
        canvas.paint(np.maximum(np.maximum(np.abs(length(u, v - 0.3) - 0.76) - 0.05, np.abs(u) - 0.46), v), ribbon)
