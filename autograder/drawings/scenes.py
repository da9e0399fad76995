"""Scenes and textures that fill the picture (given; nothing to do here). Each paints a canvas and returns nothing."""

import numpy as np

from .face_painting import Canvas, ellipse, length, stroke
from .palette import box, fill, flake, lit, mix, pick, polygon, rgb, scattered, vertical


def waterfall(canvas: Canvas, rng: np.random.Generator) -> None:
    """White water in fine threads between dark rocks, and foam below."""
    x, y = canvas.x, canvas.y
    rock = pick(rng, "3c4a45 4a4440 35434f 4f5240")
    moss = pick(rng, "5f8a4a 74934f 4c7f63")
    boulders = scattered(rng, canvas, 0.19) / 0.15 - 0.1 + 0.25 * flake(rng, canvas, 0.06)
    stone = mix(rock * 2.1, rock * 0.4, np.clip(boulders, 0.0, 1.0))
    stone = mix(stone, moss, np.clip(0.25 - y + 0.9 * flake(rng, canvas, 0.14), 0.0, 1.0) * 0.6)
    fill(canvas, np.clip(stone, 0.0, 1.0))
    middle, half = rng.uniform(-0.12, 0.12), rng.uniform(0.36, 0.52)
    edge = half * (0.85 + 0.22 * (y + 1) / 2) + 0.07 * flake(rng, canvas, 0.25) - np.abs(x - middle)
    threads = 0.5 + 0.5 * (0.65 * flake(rng, canvas, 0.9, 0.07) + 0.35 * flake(rng, canvas, 0.35, 0.12))
    water = mix(pick(rng, "3f86ae 4a949e 5a82b8"), rgb("fbfeff"), np.clip(2.4 * threads - 0.7, 0.0, 1.0))
    canvas.paint(-edge, water)
    shore = rng.uniform(0.58, 0.7)
    ripples = 0.5 + 0.5 * flake(rng, canvas, 0.05, 4.0)
    pool = mix(pick(rng, "2f6f86 3a7d84"), rgb("bfe3e8"), ripples**2 * 0.8)
    canvas.paint(shore + 0.03 * flake(rng, canvas, 0.2) - y, pool)
    foam = length((x - middle) / (half + 0.15), (y - shore - 0.03) / 0.17) - 1 + 0.5 * flake(rng, canvas, 0.09)
    canvas.paint(foam * 0.17, rgb("f4fbfd"), 0.92, soft=0.05)


def ocean_waves(canvas: Canvas, rng: np.random.Generator) -> None:
    """Rows of waves with crests of foam, wider towards the viewer."""
    x, y = canvas.x, canvas.y
    sky = rng.uniform(-0.85, -0.6)
    fill(canvas, vertical(canvas, pick(rng, "a9d3e8 c8dfe6 f0d9c0"), pick(rng, "eaf4f4 f7ead8"), -1.0, sky))
    deep, light = pick(rng, "0f4c75 12566b 1f4f86"), pick(rng, "3aa0b5 4fb3b0 4a9bd0")
    depth = np.clip((y - sky) / (1 - sky), 0.0, 1.0)
    swell = flake(rng, canvas, 0.5, 1.5) * 0.9
    phase = 2 * np.pi * (rng.uniform(5.5, 7.5) * np.sqrt(depth + 0.02)) + swell + rng.uniform(0, 6)
    phase += 0.7 * np.sin(5 * x + rng.uniform(0, 6))
    height = 0.5 + 0.5 * np.sin(phase)
    water = mix(deep, light, height**1.5)
    fine = flake(rng, canvas, 0.06, 2.0)
    water = np.clip(water * (1 + 0.22 * fine[..., None]), 0.0, 1.0)
    foam = np.clip((height + 0.14 * fine - 0.86) * 9, 0.0, 1.0)
    canvas.paint((sky - y), mix(water, rgb("fafdfc"), foam))


def starry_night(canvas: Canvas, rng: np.random.Generator) -> None:
    """Stars and a moon in a sky of swirls over dark hills."""
    x, y = canvas.x, canvas.y
    fill(canvas, vertical(canvas, pick(rng, "0b1440 101a4a 0d1b3a"), pick(rng, "2f4f9a 3a4f94 31639b"), -1.0, 0.7))
    bands = np.sin(7 * y + 2.4 * flake(rng, canvas, 0.45, 1.6) + rng.uniform(0, 6))
    canvas.image += (np.clip(bands, 0.0, 1.0) * 0.16)[..., None] * rgb("9fc4ff")
    nearest = scattered(rng, canvas, rng.uniform(0.24, 0.3))
    brightness = 0.55 + 0.45 * flake(rng, canvas, 0.3)
    canvas.paint(
        nearest - 0.012, mix(canvas.image.copy(), rgb("fffbe0"), np.clip(brightness + 0.35, 0.0, 1.0)), soft=0.045
    )
    moon = (rng.uniform(-0.62, 0.62), rng.uniform(-0.66, -0.42))
    canvas.paint(ellipse(x, y, moon, (0.17, 0.17)), rgb("ffe9a0"), 0.5, soft=0.3)
    canvas.paint(ellipse(x, y, moon, (0.16, 0.16)), rgb("fff2b8"))
    far = 0.45 + 0.14 * np.sin(2.2 * x + rng.uniform(0, 6))
    canvas.paint(far - y, pick(rng, "16264f 1a2a52"))
    near = 0.68 + 0.12 * np.sin(2.8 * x + rng.uniform(0, 6)) + 0.03 * flake(rng, canvas, 0.08)
    canvas.paint(near - y, pick(rng, "080f26 0b1328"))


def snowy_mountain_village(canvas: Canvas, rng: np.random.Generator) -> None:
    """White peaks, and houses with snow on their roofs and light in their windows."""
    x, y = canvas.x, canvas.y
    fill(canvas, vertical(canvas, pick(rng, "6fa6d6 7f9fd0 8fb4d4 e0a890"), pick(rng, "dcebf5 f6e2d4"), -1.0, 0.2))
    for _ in range(3):
        top = (rng.uniform(-0.9, 0.9), rng.uniform(-0.82, -0.4))
        wide, foot = rng.uniform(0.8, 1.1), 0.35
        rough = 0.06 * flake(rng, canvas, 0.12)
        peak = polygon(x, y, top, (top[0] + wide, foot), (top[0] - wide, foot)) + rough
        shade = pick(rng, "6f86ad 7a8fb0 64789c")
        side = np.clip((x - top[0] - 0.25 * (y - top[1]) + 1.5 * rough) * 14, 0.0, 1.0)
        canvas.paint(peak, mix(rgb("f7fafd"), shade, side))
    canvas.paint(
        0.2 + 0.06 * np.sin(3 * x + rng.uniform(0, 6)) - y, vertical(canvas, rgb("dfe9f4"), rgb("ffffff"), 0.15, 0.9)
    )
    for row, low in enumerate((0.36, 0.56, 0.84)):
        size = 0.13 + 0.045 * row
        count = 5 - row
        for place in np.linspace(-0.8, 0.8, count) + rng.uniform(-0.07, 0.07, count):
            foot = low + rng.uniform(-0.04, 0.04)
            if rng.random() < 0.28:
                fir = polygon(x, y, (place, foot - 2.4 * size), (place + 0.7 * size, foot), (place - 0.7 * size, foot))
                canvas.paint(fir, pick(rng, "2f5a4c 34634a"))
                continue
            canvas.paint(
                box(x, y, (place, foot - 0.45 * size), (0.75 * size, 0.5 * size)),
                pick(rng, "8a5a3c 6f4a3a a06a48 7a3f36"),
            )
            eaves = foot - 0.85 * size
            roof = polygon(x, y, (place, eaves - size), (place + size, eaves), (place - size, eaves))
            canvas.paint(roof, mix(rgb("fbfdff"), rgb("b9c9e2"), np.clip((x - place) * 12, 0.0, 1.0)))
            canvas.paint(box(x, y, (place, foot - 0.42 * size), (0.22 * size, 0.22 * size)), rgb("ffd36b"))


def field_of_flowers(canvas: Canvas, rng: np.random.Generator) -> None:
    """Bright dots over green blades, smaller towards the horizon."""
    x, y = canvas.x, canvas.y
    horizon = rng.uniform(-0.62, -0.38)
    fill(canvas, vertical(canvas, pick(rng, "7fbde8 9ac8e6 f3c9a4"), pick(rng, "e4f1f5 fbeedd"), -1.0, horizon))
    canvas.paint(horizon - 0.1 + 0.06 * np.sin(3 * x + rng.uniform(0, 6)) - y, pick(rng, "5f8f7a 6f9a6a"))
    blades = 0.5 + 0.5 * flake(rng, canvas, 0.16, 0.3)
    canvas.paint(horizon - y, mix(pick(rng, "2f6a35 3a7038"), pick(rng, "8cbf4f 7fb35a"), blades))
    depth = (y - horizon) / (1 - horizon)
    many, few = rng.permutation(("e8425a f06a8a d8334a", "fbd24a f7b733", "fdfaf2 f4ecff", "b68adf 8f7fe0"))[:2]
    for colours, gap in ((many, 1.0), (few, 1.6)):
        colour = pick(rng, colours)
        for near, far, size in ((0.03, 0.4, 0.12), (0.33, 2.0, 0.22)):
            inside = (depth >= near) & (depth < far)
            nearest = np.where(inside, scattered(rng, canvas, size * gap), 1.0)
            canvas.paint(nearest - size * 0.3, colour)
            canvas.paint(nearest - size * 0.1, mix(colour, rgb("6a3a1c"), 0.5))


def campfire(canvas: Canvas, rng: np.random.Generator) -> None:
    """Flames over crossed logs, in the dark."""
    x, y = canvas.x, canvas.y
    fill(canvas, vertical(canvas, pick(rng, "0c1230 141230 0e1a2c"), pick(rng, "2a2140 2c2a3c"), -1.0, 0.5))
    canvas.paint(scattered(rng, canvas, 0.33) - 0.006, rgb("dfe6ff"), 0.8, soft=0.03)
    canvas.paint(
        0.48 + 0.02 * np.sin(4 * x + rng.uniform(0, 6)) - y,
        vertical(canvas, pick(rng, "4a3428 3f3a2a"), rgb("1d1714"), 0.45, 1.0),
    )
    middle = rng.uniform(-0.08, 0.08)
    glow = np.clip(1 - length((x - middle) / 0.95, (y - 0.3) / 0.9), 0.0, 1.0)
    canvas.image += (glow**1.5 * 0.75)[..., None] * rgb("f07a28")
    sway, height = 0.14 * flake(rng, canvas, 0.35), rng.uniform(0.95, 1.15)
    for share, colour in ((1.0, "e8481c"), (0.76, "f98a1e"), (0.5, "ffc93c"), (0.27, "fff3b0")):
        tall = height * share
        up = np.clip((0.6 - y) / tall, 0.0, 1.0)  # 0 at the logs, 1 at the tip
        half = 0.5 * share**0.8 * np.sqrt(np.clip(up + 0.12, 0.0, 1.0)) * (1 - up) * 1.75
        distance = np.abs(x - middle + sway * (up + 0.2) * 1.6) - half
        distance = distance + 0.14 * flake(rng, canvas, 0.2, 0.7) * up
        canvas.paint(np.maximum(distance, np.maximum(y - 0.62, 0.6 - tall - y)), rgb(colour), soft=0.03)
    wood = pick(rng, "6a4026 5a3a2a")
    for start, end in (((-0.55, 0.74), (0.45, 0.5)), ((0.55, 0.74), (-0.45, 0.5)), ((-0.5, 0.66), (0.5, 0.7))):
        log = stroke(x - middle, y, start, end, 0.16)
        canvas.paint(log, lit(canvas, mix(wood, rgb("2a1810"), np.clip(log * -3, 0, 1)), 0.1))
        canvas.paint(ellipse(x - middle, y, start, (0.06, 0.08)), rgb("c48a58"))
    sparks = np.where((np.abs(x - middle) < 0.5) & (y < 0.0), scattered(rng, canvas, 0.21), 1.0)
    canvas.paint(sparks - 0.012, rgb("ffb347"), 0.9, soft=0.02)


def brick_wall(canvas: Canvas, rng: np.random.Generator) -> None:
    """Courses of bricks in a running bond."""
    rows = rng.uniform(7.5, 9.5) / 2
    wide = rows / rng.uniform(1.9, 2.3)
    down = (canvas.y + 1) * rows + rng.uniform(0, 1)
    row = np.floor(down).astype(int)
    across = (canvas.x + 1) * wide + 0.5 * (row % 2) + rng.uniform(0, 1)
    column = np.floor(across).astype(int)
    shades = rng.uniform(-1, 1, (32, 32))[row % 32, column % 32]
    clay = pick(rng, "a8503a b5654a 96453c b07a5a 8f5a50")
    brick = clay * (1 + 0.24 * shades + 0.14 * flake(rng, canvas, 0.05))[..., None]
    mortar = pick(rng, "d8cfc0 c4bcb0 e4dccd")
    fill(canvas, mortar * (1 + 0.06 * flake(rng, canvas, 0.06))[..., None])
    du, dv = (0.5 - np.abs(across - column - 0.5)) / wide, (0.5 - np.abs(down - row - 0.5)) / rows
    gap = rng.uniform(0.018, 0.026)
    light = np.where((down - row) * 1.0 / rows < 0.06, 1.14, 1.0)[..., None]
    canvas.paint(gap - np.minimum(du, dv), np.clip(brick * light, 0.0, 1.0))


def sunset_by_the_sea(canvas: Canvas, rng: np.random.Generator) -> None:
    """A low sun, and its light on the water."""
    x, y = canvas.x, canvas.y
    horizon = rng.uniform(0.0, 0.18)
    top, low = pick(rng, "4a3f80 6a4a90 35508a"), pick(rng, "ff9a4a ffb25a f97f5a")
    middle = mix(top, rgb("f2607a"), 0.65)
    sky = np.where(
        y[..., None] < horizon - 0.5,
        vertical(canvas, top, middle, -1.0, horizon - 0.5),
        vertical(canvas, middle, low, horizon - 0.5, horizon),
    )
    clouds = np.clip(flake(rng, canvas, 0.12, 4.5) * 1.6 - 0.5, 0.0, 1.0) * np.clip(horizon - y, 0.0, 1.0)
    fill(canvas, mix(sky, rgb("ffd0b0"), clouds))
    sun = (rng.uniform(-0.4, 0.4), horizon - rng.uniform(0.0, 0.2))
    canvas.paint(ellipse(x, y, sun, (0.3, 0.3)), rgb("ffdf8a"), 0.5, soft=0.4)
    canvas.paint(ellipse(x, y, sun, (0.23, 0.23)), rgb("fff2b0"))
    sea = vertical(canvas, mix(low, rgb("5a4a80"), 0.5), mix(top, rgb("101c44"), 0.6), horizon, 1.0)
    depth = np.clip(y - horizon, 0.0, 1.0)
    ripples = flake(rng, canvas, 0.055, 3.5)
    path = np.exp(-(((x - sun[0]) / (0.2 + 0.35 * depth)) ** 2))
    gleam = np.clip(path * (0.55 + 0.9 * ripples) + 0.18 * ripples, 0.0, 1.0)
    canvas.paint(horizon - y, mix(sea, rgb("ffe2a0"), gleam))


SCENES = {
    "a waterfall": waterfall,
    "ocean waves": ocean_waves,
    "a starry night": starry_night,
    "a snowy mountain village": snowy_mountain_village,
    "a field of flowers": field_of_flowers,
    "a campfire": campfire,
    "a brick wall": brick_wall,
    "a sunset by the sea": sunset_by_the_sea,
}
