"""Single things, large and in the middle (given; nothing to do here).

Three pairs read as the one upright and as the other upside down, since their parts lie where those of the other lie, mirrored: umbrella and sailing
boat, fir tree and ice cream cone (pairs.py holds the faces). Each function paints over a backdrop that is there, in the canvas's (u, v).
"""

import numpy as np

from .face_painting import Canvas, ellipse, length, spots, stroke
from .palette import box, fill, flake, lit, mix, pick, polygon, rgb, vertical


# ---- backdrops ----


def outdoors(canvas: Canvas, rng: np.random.Generator) -> None:
    """Sky over a meadow or snow."""
    fill(canvas, vertical(canvas, pick(rng, "86c1e8 9fcbe6 b5d8ea f2cfae"), pick(rng, "e3f1f7 f8ecdc"), -1.0, 0.5))
    edge = rng.uniform(0.45, 0.6) + 0.05 * np.sin(2.5 * canvas.x + rng.uniform(0, 6))
    canvas.paint(edge - canvas.y, vertical(canvas, pick(rng, "8fbf6a a3c26a 7fb37a"), rgb("5f8f4f"), 0.4, 1.0))


def wall(canvas: Canvas, rng: np.random.Generator) -> None:
    """A wall in a soft colour, darker to the floor."""
    colour = pick(rng, "f0dcc0 cfe0d8 d8d4ea f3cfc4 bcd6e6 e9e2d4")
    fill(canvas, vertical(canvas, np.clip(colour * 1.05, 0, 1), colour * 0.85))


def dark_wall(canvas: Canvas, rng: np.random.Generator) -> None:
    colour = pick(rng, "3a3f58 4a3a48 2f4a50 54423a 2c3448")
    fill(canvas, vertical(canvas, colour * 1.15, colour * 0.6))


def under_water(canvas: Canvas, rng: np.random.Generator) -> None:
    fill(canvas, vertical(canvas, pick(rng, "8fd6dc 7fc8e0 a0dccb"), pick(rng, "1f6f94 1f7f88 2a5f9a")))
    bubbles = spots(rng, canvas.x + 9, canvas.y + 9, 0.45)
    canvas.paint(np.abs(bubbles - 0.05) - 0.01, rgb("eaffff"), 0.7)


def forest_floor(canvas: Canvas, rng: np.random.Generator) -> None:
    fill(canvas, vertical(canvas, pick(rng, "cfe0b0 b9d6b0 e6dcae"), pick(rng, "7fa47a 8aa06a")))
    canvas.paint(0.55 + 0.04 * flake(rng, canvas, 0.12) - canvas.y, vertical(canvas, pick(rng, "6a7f3f 7a6a3f"), rgb("3f4a2a"), 0.5, 1.0))


def snowfield(canvas: Canvas, rng: np.random.Generator) -> None:
    fill(canvas, vertical(canvas, pick(rng, "5f8fc4 7a9fd0 6a84b8 8fa8d8"), pick(rng, "cfe0f2 e8dcea"), -1.0, 0.5))
    edge = rng.uniform(0.4, 0.55) + 0.05 * np.sin(2.5 * canvas.x + rng.uniform(0, 6))
    canvas.paint(edge - canvas.y, vertical(canvas, rgb("eef4fb"), rgb("c8d6ea"), 0.4, 1.0))


def space(canvas: Canvas, rng: np.random.Generator) -> None:
    fill(canvas, vertical(canvas, pick(rng, "10163f 1a1440 0e2046"), pick(rng, "4a4a94 5a3f7f 2f5f94")))
    canvas.paint(spots(rng, canvas.x + 9, canvas.y + 9, 0.36) - 0.01, rgb("fffbe8"), 0.9, soft=0.03)


def bands(canvas: Canvas, rng: np.random.Generator, upside_down: bool) -> None:
    """Deep blue on one side, pale on the other: rain over an umbrella, and, upside down, the sea under a boat."""
    deep, pale = pick(rng, "2f6f9a 3a7fa6 46789a 3f8fa0"), pick(rng, "e6eef2 f4ecdc dbe8ee f6e4d6")
    edge = rng.uniform(0.26, 0.38) + 0.02 * np.sin(9 * canvas.x + rng.uniform(0, 6))
    below = -canvas.y if upside_down else canvas.y
    fill(canvas, mix(pale * 0.9, pale, np.clip(below + 1, 0, 1)))
    canvas.paint(edge - below, mix(deep * 1.12, deep * 0.75, np.clip((below - 0.3) / 0.7, 0, 1)), soft=0.06)


def rainy_sky(canvas: Canvas, rng: np.random.Generator) -> None:
    bands(canvas, rng, upside_down=True)


def sea(canvas: Canvas, rng: np.random.Generator) -> None:
    bands(canvas, rng, upside_down=False)


def pale(canvas: Canvas, rng: np.random.Generator) -> None:
    """One pale colour: it fits a winter's day and an ice cream parlour, either way up."""
    colour = pick(rng, "cfe4f0 dfeaf0 f6dfd6 e6e0f0 d4ebe2 f8ecd0")
    fill(canvas, colour * (1 - 0.1 * canvas.y**2)[..., None])


# ---- the pair of domes ----


def _panels(canvas: Canvas, rng: np.random.Generator, above, radius: float) -> np.ndarray:
    """Two colours that alternate in ribs from the top of a dome, (H, W, 3); `above`: the height over its rim."""
    colours = "d8433c e5863a f0b93a 3f7fb0 2f8f86 8a4f8f c23f6a 7a4a30".split()
    first = pick(rng, " ".join(colours))
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
    scallops = 0.07 * np.abs(np.sin(3.5 * np.pi * (u / radius + 1) / 2 * 1.0))
    dome = np.maximum(ellipse(u, v, (0, rim), (radius, height)), v - rim - 0.03 + scallops)
    canvas.paint(dome, _panels(canvas, rng, above, radius))


def sailing_boat(canvas: Canvas, rng: np.random.Generator) -> None:
    """A round hull with a mast and two sails."""
    u, v = canvas.u, canvas.v
    rim, radius, height = 0.1, rng.uniform(0.66, 0.76), rng.uniform(0.44, 0.54)
    above = np.clip((v - rim) / height, 0, 1)
    sail = pick(rng, "fdf9ee f6e9d0 fbf3e6")
    top = -rng.uniform(0.64, 0.72)
    canvas.paint(polygon(u, v, (0.04, top), (rng.uniform(0.46, 0.56), 0.02), (0.04, 0.02)), lit(canvas, sail * 0.97, 0.12, 0.3, 0.3))
    canvas.paint(polygon(u, v, (-0.06, top + 0.12), (-0.06, 0.02), (-rng.uniform(0.34, 0.44), 0.02)), lit(canvas, sail * 0.9, 0.12, -0.2, 0.3))
    canvas.paint(stroke(u, v, (0, -0.78), (0, rim), 0.06), pick(rng, "4a3526 2f2f36 6a4a2f"))
    if rng.random() < 0.6:
        canvas.paint(polygon(u, v, (0.02, -0.8), (0.18, -0.74), (0.02, -0.68)), pick(rng, "d8433c f0b93a 3f7fb0"))
    hull = np.maximum(ellipse(u, v, (0, rim), (radius, height)), rim - v)
    canvas.paint(hull, _panels(canvas, rng, above, radius))
    canvas.paint(np.maximum(hull, v - rim - 0.07), pick(rng, "fbf6ec 5a3a26"))


# ---- the pair of cones ----


def _ball(canvas: Canvas, rng: np.random.Generator, centre, radii) -> None:
    """A scoop of ice cream, or the snow that a tree stands in."""
    colour = pick(rng, "fbf6ea f8e8d0 f9d3d8 d6efdc e8d9f2 dcebf8")
    bumpy = ellipse(canvas.u, canvas.v, centre, radii) + 0.025 * flake(rng, canvas, 0.12)
    canvas.paint(bumpy, lit(canvas, colour * 0.95, 0.16))


def _cone_colour(rng: np.random.Generator, green: float) -> np.ndarray:
    """From a waffle's brown (0) over olive to a fir's green (1), (3,)."""
    colours = [rgb("c98d4a"), rgb("a8924a"), rgb("6f8f4a"), rgb("2f7048")]
    place = np.clip(green, 0, 1) * 2.999
    return np.clip(mix(colours[int(place)], colours[int(place) + 1], place % 1) + rng.uniform(-0.03, 0.03, 3), 0, 1)


def fir_tree(canvas: Canvas, rng: np.random.Generator) -> None:
    """Three tiers of branches, with garlands, over a mound of snow."""
    u, v = canvas.u, canvas.v
    _ball(canvas, rng, (0, 0.42), (rng.uniform(0.42, 0.52), rng.uniform(0.36, 0.42)))
    canvas.paint(box(u, v, (0, 0.25), (0.08, 0.16)), rgb("6a4a30"))
    colour = _cone_colour(rng, rng.uniform(0.3, 1.0))
    top, half = -rng.uniform(0.78, 0.86), rng.uniform(0.46, 0.54)
    ragged = 0.03 * np.abs(np.sin(11 * u + rng.uniform(0, 3)))
    for low, share in ((0.2, 1.0), (-0.1, 0.74), (-0.4, 0.46)):
        start = top + 0.34 * (low - top) * (low > -0.3)
        tier = polygon(u, v, (0, start), (half * share, low), (-half * share, low)) + ragged
        canvas.paint(tier, lit(canvas, mix(colour * 0.72, colour * 1.12, np.clip((v - start) / (low - start), 0, 1)), 0.25))
    body = np.abs(u) - half * (v - top) / (0.2 - top) + 0.06
    dots = spots(rng, u + 9, v + 9, 0.25)
    ornament = pick(rng, "e8423a f2b33a fdf6e0")
    canvas.paint(np.where((body < 0) & (v < 0.16), dots - 0.05, 1.0), ornament)
    canvas.paint(ellipse(u, v, (0, top), (0.07, 0.07)), rgb("ffd95a"))


def ice_cream_cone(canvas: Canvas, rng: np.random.Generator) -> None:
    """A scoop on a waffle."""
    u, v = canvas.u, canvas.v
    colour = _cone_colour(rng, rng.uniform(-0.3, 0.45))
    tip, half = rng.uniform(0.78, 0.88), rng.uniform(0.42, 0.5)
    cone = polygon(u, v, (-half, -0.18), (half, -0.18), (0, tip))
    lattice = np.minimum(np.abs((6 * (u + 0.55 * v)) % 1 - 0.5), np.abs((6 * (u - 0.55 * v)) % 1 - 0.5))
    waffle = mix(colour * 0.72, np.clip(colour * 1.1, 0, 1), np.clip(lattice * 7, 0, 1))
    canvas.paint(cone, lit(canvas, waffle, 0.25))
    _ball(canvas, rng, (0, -0.4), (rng.uniform(0.44, 0.52), rng.uniform(0.38, 0.44)))
    if rng.random() < 0.5:
        dots = spots(rng, u + 9, v + 9, 0.2)
        canvas.paint(np.where(ellipse(u, v, (0, -0.42), (0.4, 0.34)) < 0, dots - 0.035, 1.0), pick(rng, "6a3a26 e8423a 3f8fb0"))
    if rng.random() < 0.5:
        canvas.paint(ellipse(u, v, (0, -0.82), (0.09, 0.09)), pick(rng, "d8303c ffd95a"))


# ---- other things ----


def mushroom(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u, canvas.v
    width = rng.uniform(0.17, 0.25)
    stem = np.maximum(np.abs(u) - width - 0.1 * np.clip(v, 0, 1) ** 2, np.maximum(-v - 0.05, v - 0.7))
    canvas.paint(stem, lit(canvas, pick(rng, "f4ead4 efe0c4"), 0.3, 0, 0.3))
    rim, radius, height = 0.08, rng.uniform(0.62, 0.74), rng.uniform(0.62, 0.74)
    canvas.paint(ellipse(u, v, (0, rim), (radius * 0.92, 0.14)), rgb("d9c39a"))
    cap = np.maximum(ellipse(u, v, (0, rim), (radius, height)), v - rim - 0.06 * np.cos(1.8 * u))
    canvas.paint(cap, lit(canvas, pick(rng, "cc3326 d9482e b5532e a8662f"), 0.25))
    dots = spots(rng, u + 9, v + 9, 0.4)
    canvas.paint(np.maximum(cap + 0.04, dots - rng.uniform(0.07, 0.1)), rgb("fbf3e2"))


def rocket_ship(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u, canvas.v
    flame = rng.uniform(0.28, 0.36)
    for share, colour in ((1.0, "f2682a"), (0.6, "ffd04a")):
        canvas.paint(ellipse(u, v, (0, 0.55), (0.17 * share, flame * share)), rgb(colour), soft=0.03)
    paint = pick(rng, "d8433c e5863a 3f7fc0 2f9f8f")
    for side in (-1, 1):
        corners = [(side * 0.16, 0.1), (side * 0.5, 0.42), (side * 0.46, 0.66), (side * 0.16, 0.5)]
        canvas.paint(polygon(u, v, *(corners if side > 0 else corners[::-1])), paint * (0.8 if side > 0 else 1.0))
    half = rng.uniform(0.27, 0.33)
    bend = (0.85**2 - half**2) / (2 * half)  # two arcs of a circle that meet at the nose
    body = np.maximum(length(np.abs(u) + bend, v) - bend - half, v - 0.56)
    canvas.paint(body, lit(canvas, pick(rng, "eef0f4 e4e8f0 f6eee0"), 0.35, 0, 0.35))
    canvas.paint(np.maximum(body, v + 0.42), lit(canvas, paint, 0.25, 0, 0.3))
    canvas.paint(np.maximum(body, np.abs(v - 0.48) - 0.08), lit(canvas, paint, 0.25, 0, 0.3))
    canvas.paint(ellipse(u, v, (0, -0.12), (0.16, 0.16)), rgb("5a6478"))
    canvas.paint(ellipse(u, v, (0, -0.12), (0.115, 0.115)), pick(rng, "8fd6ee a9e0e6 ffe08a"))


def pencil(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u, canvas.v
    half, point = rng.uniform(0.17, 0.22), -rng.uniform(0.34, 0.44)
    paint = pick(rng, "f2b32e d8433c 3f8fb0 4a9a5f")
    faces = np.where(np.abs(u) < half * 0.4, 1.0, np.where(u < 0, 1.15, 0.75))
    canvas.paint(box(u, v, (0, (point + 0.5) / 2), (half, (0.5 - point) / 2)), np.clip(paint * faces[..., None], 0, 1))
    wood = polygon(u, v, (0, -0.88), (half, point + 0.02), (-half, point + 0.02))
    canvas.paint(wood, lit(canvas, rgb("efcf9f"), 0.25, 0, 0.25))
    canvas.paint(np.maximum(wood, v + 0.68), rgb("2f2a2a") if rng.random() < 0.6 else paint * 0.8)
    steel = rgb("c8ccd4") * (1 + 0.15 * np.sin(70 * v))[..., None]
    canvas.paint(box(u, v, (0, 0.58), (half + 0.01, 0.1)), lit(canvas, steel, 0.3, 0, 0.25))
    canvas.paint(box(u, v, (0, 0.76), (half, 0.11), 0.06), lit(canvas, rgb("ec8f94"), 0.2, 0, 0.25))


def cat(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u, canvas.v
    fur = pick(rng, "e0863a c9783f 8a8a90 4a4448 d8c3a0 6a4f3c 2f2f36")
    for side in (-1, 1):
        corners = [(side * 0.5, -0.82), (side * 0.62, -0.1), (side * 0.1, -0.32)]
        inner = [(side * 0.47, -0.66), (side * 0.53, -0.24), (side * 0.24, -0.34)]
        for points, colour in ((corners, fur), (inner, mix(fur, rgb("f0a8a0"), 0.65))):
            canvas.paint(polygon(u, v, *(points if side > 0 else points[::-1])) - 0.02, colour)
    head = ellipse(u, v, (0, 0.12), (rng.uniform(0.64, 0.7), 0.54))
    canvas.paint(head, lit(canvas, fur, 0.2, 0, 0.7))
    if rng.random() < 0.5:
        for place in (-0.16, 0.0, 0.16):
            canvas.paint(stroke(u, v, (place, -0.42), (place * 0.7, -0.18), 0.07), fur * 0.6)
        for side in (-1, 1):
            for low in (0.08, 0.24):
                canvas.paint(np.maximum(stroke(u, v, (side * 0.68, low), (side * 0.46, low + 0.03), 0.06), head), fur * 0.6)
    muzzle = pick(rng, "fbf3e6 f4e6d2")
    for side in (-1, 1):
        canvas.paint(ellipse(u, v, (side * 0.13, 0.38), (0.19, 0.16)), muzzle)
    iris = pick(rng, "8fcf5a f2c83a 6fc0d8")
    slit = rng.uniform(0.03, 0.06)
    for side in (-1, 1):
        canvas.paint(ellipse(u, v, (side * 0.28, 0.06), (0.16, 0.15)), rgb("1c1a1c"))
        canvas.paint(ellipse(u, v, (side * 0.28, 0.06), (0.13, 0.125)), iris)
        canvas.paint(ellipse(u, v, (side * 0.28, 0.06), (slit, 0.115)), rgb("141214"))
        canvas.paint(ellipse(u, v, (side * 0.28 - 0.05, 0.01), (0.03, 0.03)), rgb("ffffff"))
    canvas.paint(polygon(u, v, (-0.08, 0.24), (0.08, 0.24), (0, 0.34)) - 0.01, rgb("d86a70"))
    for side in (-1, 1):
        canvas.paint(stroke(u, v, (0, 0.4), (side * 0.15, 0.43), 0.035, 0.05), rgb("3a2a28"))
        for low in (0.3, 0.42):
            canvas.paint(stroke(u, v, (side * 0.3, 0.36), (side * 0.82, low), 0.022), rgb("fdfaf4"), 0.85)


def fish(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u * (1 if rng.random() < 0.5 else -1), canvas.v
    scales = pick(rng, "f2822a e8503a f2b83a d85f8a 8a5fb0 f4e6c8")
    fin = mix(scales, pick(rng, "fbe3a0 7a3030 f6f0e0"), 0.55)
    height = rng.uniform(0.36, 0.48)
    spread = rng.uniform(0.32, 0.4)
    canvas.paint(polygon(u, v, (-0.36, 0), (-0.84, -spread), (-0.72, 0)) - 0.02, fin)
    canvas.paint(polygon(u, v, (-0.36, 0), (-0.72, 0), (-0.84, spread)) - 0.02, fin * 0.9)
    canvas.paint(polygon(u, v, (-0.24, -height * 0.8), (-0.3, -height - 0.2), (0.34, -height * 0.8)) - 0.02, fin)
    canvas.paint(polygon(u, v, (-0.1, height * 0.8), (0.22, height * 0.8), (-0.16, height + 0.2)) - 0.02, fin * 0.9)
    body = ellipse(u, v, (0.08, 0), (0.62, height))
    belly = np.clip(0.5 + v / height * 0.7, 0, 1)
    canvas.paint(body, mix(scales * 0.9, mix(scales, rgb("fff3dc"), 0.6), belly))
    if rng.random() < 0.6:
        for place in (-0.2, 0.12):
            canvas.paint(np.maximum(body, np.abs(u - place - 0.1 * np.cos(3 * v)) - 0.06), pick(rng, "fdf6e6 5a2f3a"))
    canvas.paint(np.maximum(np.abs(length(u - 0.72, v) - 0.36) - 0.018, body), scales * 0.6)
    canvas.paint(ellipse(u, v, (0.46, -0.1), (0.1, 0.1)), rgb("fdfdf8"))
    canvas.paint(ellipse(u, v, (0.48, -0.1), (0.055, 0.055)), rgb("14141c"))
    canvas.paint(stroke(u, v, (0.56, 0.13), (0.68, 0.1), 0.03), rgb("5a2a28"))


def house(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u, canvas.v
    walls, roof = pick(rng, "f4e6cc e8cfa8 d9e2d8 f0cdbb c8d8e4"), pick(rng, "a8402f 8a4a34 5a5f78 7a3a40")
    half, eaves = rng.uniform(0.48, 0.58), rng.uniform(-0.16, -0.08)
    chimney = rng.choice((-1, 1)) * 0.32
    canvas.paint(box(u, v, (chimney, -0.48), (0.09, 0.24)), roof * 0.75)
    canvas.paint(box(u, v, (0, (eaves + 0.66) / 2), (half, (0.66 - eaves) / 2)), lit(canvas, walls, 0.2))
    gable = polygon(u, v, (0, -rng.uniform(0.72, 0.82)), (half + 0.16, eaves + 0.04), (-half - 0.16, eaves + 0.04))
    tiles = 1 + 0.1 * np.sin(48 * v)
    canvas.paint(gable, lit(canvas, roof * tiles[..., None], 0.25))
    door, glass = pick(rng, "3f6f7a 8a3a30 5a4030 3f5f3f"), pick(rng, "8fc0dc ffdf8a 6f9fc0")
    canvas.paint(box(u, v, (0, 0.46), (0.12, 0.2)), door)
    canvas.paint(ellipse(u, v, (0.06, 0.48), (0.02, 0.02)), rgb("f2d27a"))
    for side in (-1, 1):
        centre = (side * half * 0.6, 0.2)
        canvas.paint(box(u, v, centre, (0.13, 0.13)), rgb("fdfaf4"))
        canvas.paint(box(u, v, centre, (0.1, 0.1)), glass)
        canvas.paint(np.maximum(np.minimum(np.abs(u - centre[0]), np.abs(v - centre[1])) - 0.012, box(u, v, centre, (0.1, 0.1))), rgb("fdfaf4"))


def skull(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u, canvas.v
    bone = pick(rng, "f6efdc efe6cc f2f0ea e8dcc0")
    jaw = box(u, v, (0, 0.44), (rng.uniform(0.3, 0.36), 0.28), 0.12)
    canvas.paint(jaw, lit(canvas, bone * 0.94, 0.25, 0, 0.5))
    cranium = ellipse(u, v, (0, -0.18), (rng.uniform(0.6, 0.68), rng.uniform(0.54, 0.6)))
    canvas.paint(cranium, lit(canvas, bone, 0.25, 0, 0.7))
    dark = pick(rng, "241c22 1c2028 2a1f1c")
    eye = rng.uniform(0.17, 0.2)
    for side in (-1, 1):
        canvas.paint(ellipse(u, v, (side * 0.27, -0.04), (eye, eye * 1.05)), dark)
        canvas.paint(ellipse(u, v, (side * 0.5, 0.24), (0.1, 0.16), side * 0.4), bone * 0.7, 0.7)
    canvas.paint(polygon(u, v, (0, 0.13), (0.09, 0.3), (-0.09, 0.3)) - 0.01, dark)
    for place in (-0.2, -0.1, 0.0, 0.1, 0.2):
        canvas.paint(box(u, v, (place, 0.55), (0.017, 0.12)), dark)
    canvas.paint(box(u, v, (0, 0.53), (0.27, 0.014)), dark)


def snowman(canvas: Canvas, rng: np.random.Generator) -> None:
    u, v = canvas.u, canvas.v
    snow, coal = rgb("fbfdff"), rgb("22222a")
    for side in (-1, 1):
        canvas.paint(stroke(u, v, (side * 0.3, 0.0), (side * 0.74, rng.uniform(-0.3, -0.1)), 0.05), rgb("5a3f2c"))
    for low, radius in ((0.5, 0.44), (0.0, 0.33), (-0.38, 0.24)):
        canvas.paint(ellipse(u, v, (0, low), (radius, radius * 0.92)), lit(canvas, mix(snow, rgb("a9bfdd"), np.clip((v - low) / radius, 0, 1) * 0.6), 0.14))
    scarf = pick(rng, "d8433c 3f8f6a e5a03a 7a5fb0 3f7fc0")
    canvas.paint(box(u, v, (0, -0.19), (0.23, 0.06), 0.05), scarf)
    canvas.paint(box(u, v, (0.13, -0.02), (0.06, 0.16)), scarf * 0.85)
    hat = pick(rng, "2a2a34 4a3428 7a2f34")
    canvas.paint(box(u, v, (0, -0.58), (0.28, 0.035)), hat)
    canvas.paint(box(u, v, (0, -0.73), (0.18, 0.16)), lit(canvas, hat, 0.2, 0, 0.3))
    canvas.paint(box(u, v, (0, -0.63), (0.18, 0.03)), scarf)
    for side in (-1, 1):
        canvas.paint(ellipse(u, v, (side * 0.09, -0.42), (0.035, 0.035)), coal)
    canvas.paint(polygon(u, v, (0, -0.37), (0.24, -0.32), (0, -0.29)), rgb("f2822a"))
    for low in (0.02, 0.16, 0.4):
        canvas.paint(ellipse(u, v, (0, low), (0.035, 0.035)), coal)
