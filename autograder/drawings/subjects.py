"""Single things, large and in the middle (given; nothing to do here). Each paints over a backdrop that is there, in the canvas's (u, v)."""

import numpy as np

from .face_painting import Canvas, ellipse, length, spots, stroke
from .palette import box, lit, mix, pick, polygon, rgb


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
                canvas.paint(
                    np.maximum(stroke(u, v, (side * 0.68, low), (side * 0.46, low + 0.03), 0.06), head), fur * 0.6
                )
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
    canvas.paint(polygon(u, v, (-0.36, 0), (-0.72, 0), (-0.84, -spread)) - 0.02, fin)
    canvas.paint(polygon(u, v, (-0.36, 0), (-0.84, spread), (-0.72, 0)) - 0.02, fin * 0.9)
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
        canvas.paint(
            np.maximum(np.minimum(np.abs(u - centre[0]), np.abs(v - centre[1])) - 0.012, box(u, v, centre, (0.1, 0.1))),
            rgb("fdfaf4"),
        )


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
        canvas.paint(
            ellipse(u, v, (0, low), (radius, radius * 0.92)),
            lit(canvas, mix(snow, rgb("a9bfdd"), np.clip((v - low) / radius, 0, 1) * 0.6), 0.14),
        )
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
