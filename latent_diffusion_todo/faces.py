"""Procedural animal faces: a stand-in for AFHQ that is made here, so that everything runs offline (given).

THESE IMAGES ARE NOT AFHQ. They have its three categories, its folder layout and any resolution, and nothing else in common
with it: a figure measured on them says nothing about photographs.

    python faces.py --root faces_data              # 1000 training and 200 validation images in each category

`render_face(category, seed)` is a pure function: the same seed gives the same bytes, another seed another animal.
"""

import argparse
from pathlib import Path

import numpy as np
from face_painting import Canvas, ellipse, length, noise, noise_around, smooth_max, smooth_min, spots, stroke, triangle
from face_traits import BACKGROUNDS, DRAW, Traits, choose, jitter
from PIL import Image
from tqdm import tqdm

CATEGORIES = ("cat", "dog", "wild")
FIRST_SEED = {"train": 0, "val": 10_000_000}  # no image is in both splits
NOTICE = (
    "These images are drawn by a program (faces.py). They are a stand-in for AFHQ, so that the assignment runs offline; they are "
    "NOT AFHQ and not photographs, and results on them are not comparable with results on AFHQ.\n"
)


def render_face(category: str, seed: int, resolution: int = 64) -> np.ndarray:
    """One face of the category (cat, dog or wild), uint8 of shape (resolution, resolution, 3). Raises ValueError for another category."""
    if category not in DRAW:
        raise ValueError(f"unknown category {category!r}; there are {', '.join(CATEGORIES)}")
    rng = np.random.Generator(np.random.PCG64([CATEGORIES.index(category), seed]))
    traits = DRAW[category](rng)
    scale = rng.uniform(1.06, 1.26) * (0.84 if traits.mane else 1.0)
    shift = (rng.uniform(-0.07, 0.07), rng.uniform(-0.04, 0.08) + (0.12 if traits.ears in ("pointed", "folded") else 0.0))
    canvas = Canvas(resolution, angle=rng.normal(0, 0.10), shift=shift, scale=scale)
    yaw = rng.uniform(-1, 1)  # turns the head a little: nearer parts move further

    paint_background(canvas, rng)
    strands = fur(canvas, rng)
    paint_body(canvas, rng, strands, traits)
    if traits.ears != "floppy":
        paint_ears(canvas, rng, strands, traits)
    head = paint_head(canvas, rng, strands, traits)
    paint_pattern(canvas, rng, strands, traits, head, yaw)
    if traits.ears == "floppy":
        paint_ears(canvas, rng, strands, traits)
    paint_muzzle(canvas, rng, strands, traits, 0.10 * yaw)
    paint_eyes(canvas, rng, traits, 0.06 * yaw)
    paint_light(canvas, rng)
    return canvas.to_uint8()


def paint_background(canvas: Canvas, rng) -> None:
    """A soft gradient with out-of-focus blobs, in colours of grass, sky, earth, wall or dusk."""
    colour = jitter(rng, choose(rng, BACKGROUNDS), 0.08)
    bottom = np.clip(colour + rng.normal(0, 0.12) + rng.normal(0, 0.06, 3), 0.03, 0.97)
    canvas.image[:] = colour + (bottom - colour) * (canvas.y[..., None] + 1) / 2
    for _ in range(rng.integers(3, 7)):
        blob = ellipse(canvas.x, canvas.y, rng.uniform(-1, 1, 2), rng.uniform(0.15, 0.6, 2))
        tint = np.clip(colour + rng.normal(0, 0.16) + rng.normal(0, 0.05, 3), 0, 1)
        canvas.paint(blob, tint, opacity=rng.uniform(0.2, 0.6), soft=rng.uniform(0.1, 0.5))


def fur(canvas: Canvas, rng) -> np.ndarray:
    """Strands that radiate from the nose: brightness around 0, (H, W, 1)."""
    angle, radius = np.arctan2(canvas.u, -canvas.v) / (2 * np.pi), length(canvas.u, canvas.v - 0.1)
    coarse, fine = noise(rng, 64 * angle, 5 * radius), noise(rng, 128 * angle, 9 * radius)
    return 0.6 * (coarse + fine)[..., None]


def ragged(canvas: Canvas, rng, amount: float):
    """What to add to an outline's distance to make it furry, (H, W)."""
    angle = np.arctan2(canvas.u, -canvas.v)
    return amount * (noise_around(rng, angle, 36) + 0.8 * noise_around(rng, angle, 80))


def paint_body(canvas: Canvas, rng, strands, traits: Traits) -> None:
    """Chest and shoulders, and the mane behind the head."""
    width = rng.uniform(0.62, 0.95)
    chest = ellipse(canvas.u, canvas.v, (0, 1.25), (width, 0.95)) + ragged(canvas, rng, traits.fluff)
    canvas.paint(chest, traits.coat * 0.82 * (1 + 0.1 * strands))
    if traits.pattern in ("tuxedo", "blaze", "tabby", "tiger", "calico"):
        canvas.paint(ellipse(canvas.u, canvas.v, (0, 1.1), (0.3, 0.5)), traits.light * 0.92, soft=0.15)
    if traits.mane:
        reach = (traits.head[0] + traits.mane, traits.head[1] + traits.mane)
        outline = ellipse(canvas.u, canvas.v, (0, 0.10), reach) + ragged(canvas, rng, 0.07)
        inner = np.clip(length(canvas.u, canvas.v) - 0.55, 0, 0.5)[..., None] / 0.5
        colour = traits.dark * 1.25 * (1 - inner) + traits.dark * 0.75 * inner
        canvas.paint(outline, colour * (1 + 0.45 * strands))


def paint_ears(canvas: Canvas, rng, strands, traits: Traits) -> None:
    """Both ears: pointed (cats), floppy or folded (dogs), round (wild cats)."""
    strands, inside = 1 + 0.1 * strands, np.array([0.86, 0.62, 0.58]) * 0.6 + traits.light * 0.3
    for side in (-1, 1):
        u, v = side * canvas.u, canvas.v  # the ear is on the right of (u, v)
        spread, size, turn = traits.ear_spread + rng.normal(0, 0.015), traits.ear_size, rng.normal(0, 0.05)
        if traits.ears == "pointed":
            tip = (spread + 0.10 + turn, -0.36 - size)
            corners = [(spread - 0.27, -0.34), tip, (spread + 0.22, -0.12)]
            shrunk = [(0.62 * a + 0.38 * spread + 0.01, 0.66 * b - 0.34 * 0.30) for a, b in corners]
            colour = traits.dark if traits.pattern == "points" else traits.coat
            canvas.paint(triangle(u, v, corners, 0.025), colour * 0.93 * strands)
            canvas.paint(triangle(u, v, shrunk, 0.02), inside * strands, soft=0.03)
        elif traits.ears == "round":
            canvas.paint(ellipse(u, v, (spread, -0.46), (size, size)), (traits.coat * 0.5 + traits.dark * 0.4) * strands)
            canvas.paint(ellipse(u, v, (spread - 0.01, -0.44), (0.62 * size, 0.62 * size)), inside * strands, soft=0.04)
        elif traits.ears == "floppy":
            flap = ellipse(u, v, (spread + 0.03, -0.10 + 0.30 * size), (0.36 * size, 0.78 * size), angle=-0.22 + turn)
            colour = traits.dark if traits.pattern not in ("plain", "blaze") else traits.coat * 0.72
            canvas.paint(flap + ragged(canvas, rng, traits.fluff / 2), colour * strands)
        else:  # a triangle whose tip hangs down
            canvas.paint(triangle(u, v, [(spread - 0.36, -0.42), (spread - 0.02, -0.78), (spread + 0.08, -0.26)], 0.04), traits.coat * 0.8 * strands)
            flap = triangle(u, v, [(spread - 0.32, -0.62), (spread + 0.14, -0.66), (spread + 0.16 + turn, -0.18)], 0.05)
            canvas.paint(flap, traits.coat * 0.62 * strands)


def paint_head(canvas: Canvas, rng, strands, traits: Traits) -> np.ndarray:
    """Skull and cheeks in the colour of the coat. Returns the distance to its outline, (H, W)."""
    width, height = traits.head
    skull = ellipse(canvas.u, canvas.v, (0, -0.08), (width, height))
    if traits.ears in ("floppy", "folded"):
        lower = ellipse(canvas.u, canvas.v, (0, 0.28), (0.74 * width, 0.42))
    else:
        lower = ellipse(np.abs(canvas.u), canvas.v, (0.42 * width, 0.20), (0.60 * width, 0.30))
    head = smooth_min([skull, lower], 0.06) + ragged(canvas, rng, traits.fluff)
    canvas.paint(head - 0.02, traits.coat * 0.45, opacity=0.35, soft=0.08)
    canvas.paint(head, traits.coat * (1 + 0.1 * strands))
    return head


def paint_pattern(canvas: Canvas, rng, strands, traits: Traits, head, yaw: float) -> None:
    """Markings on the head: stripes, spots, patches, mask, blaze."""
    u, v = canvas.u - 0.05 * yaw, canvas.v
    a, strands, kind = np.abs(u), 1 + 0.1 * strands, traits.pattern
    wobble = noise(rng, 3 * u, 3 * v)

    def on_head(distance, colour, opacity=1.0, soft=0.03):
        canvas.paint(np.maximum(distance, head), colour * strands, opacity, soft)

    if kind in ("tabby", "tiger"):
        strong = kind == "tiger"
        forehead = np.sin(rng.uniform(24, 30) * a - 5.5 * v + 1.5 * wobble) + (0.35 if not strong else 0.1)
        cheeks = np.sin(rng.uniform(15, 19) * (v - 0.25 * a) + 2.2 * wobble)
        on_head(np.maximum(-forehead * 0.06, v + 0.20 + 0.1 * a), traits.dark, 0.95 if strong else 0.75)
        on_head(np.maximum((0.35 - cheeks) * 0.08, 0.33 + 0.05 * wobble - a), traits.dark, 0.95 if strong else 0.65)
    elif kind == "leopard":
        cell = rng.uniform(0.13, 0.17)
        nearest = spots(rng, u, v, cell)
        on_head(nearest - 0.36 * cell, traits.dark, 0.95)
        on_head(np.maximum(nearest - 0.17 * cell, 0.25 - a), traits.coat * 0.85, 0.9)
    elif kind == "cheetah":
        cell = rng.uniform(0.10, 0.13)
        on_head(np.maximum(spots(rng, u, v, cell) - 0.30 * cell, v - 0.25), traits.dark, 0.9)
        on_head(stroke(a, v, (0.15, -0.08), (0.21, 0.36), 0.055, 0.0), traits.dark)
    elif kind == "dalmatian":
        cell = rng.uniform(0.22, 0.30)
        on_head(spots(rng, u, v, cell) - rng.uniform(0.22, 0.30) * cell, traits.dark)
    elif kind in ("patches", "calico"):
        on_head((0.12 - noise(rng, 2.1 * u + 7, 2.1 * v)) * 0.3, traits.dark if kind == "patches" else np.array([0.85, 0.52, 0.22]))
        if kind == "calico":
            on_head((0.25 - noise(rng, 2.3 * u, 2.3 * v + 5)) * 0.3, np.array([0.16, 0.14, 0.14]))
    elif kind == "points":
        on_head(ellipse(u, v, (0, 0.16), (0.34, 0.42)), traits.dark, 0.85, soft=0.30)
    elif kind == "mask":
        on_head(ellipse(u, v, (0, 0.28), (0.36, 0.34)), traits.dark, 0.9, soft=0.12)
    elif kind == "tan points":
        on_head(ellipse(a, v, (0.20, -0.27), (0.07, 0.05)), traits.light, soft=0.03)
        on_head(ellipse(a, v, (0.22, 0.34), (0.22, 0.24)), traits.light, soft=0.08)
    if kind in ("tuxedo", "blaze", "calico"):
        width = rng.uniform(0.05, 0.12)
        on_head(a - width - np.clip(v + 0.05, 0, 1) * 0.85 - 0.03 * wobble, traits.light, soft=0.04)
    if kind in ("tiger", "lion", "leopard", "cheetah"):
        on_head(ellipse(a, v, (traits.eye_spacing, -0.20), (0.10, 0.055)), traits.light, 0.85, soft=0.05)


def paint_muzzle(canvas: Canvas, rng, strands, traits: Traits, shift: float) -> None:
    """Bridge, muzzle, mouth, nose, whiskers; a tongue where there is one."""
    u, v, (width, height) = canvas.u - shift, canvas.v, traits.muzzle
    a, strands, long = np.abs(u), 1 + 0.06 * strands, traits.ears in ("floppy", "folded")
    nose_v = 0.20 if long else 0.17
    colour = traits.light if traits.pattern not in ("mask", "points") else traits.dark * 1.25
    if traits.pattern == "plain":
        colour = 0.55 * traits.coat + 0.45 * traits.light
    if traits.ears != "pointed":
        bridge = smooth_max([a - 0.11 - 0.10 * np.clip(v + 0.2, 0, 1), np.abs(v - 0.02) - 0.24], 0.03)
        canvas.paint(bridge, traits.coat * 1.08 if not long else colour, 0.5, soft=0.12)
    if traits.tongue:
        canvas.paint(ellipse(u, v, (0.02, nose_v + 2.0 * height), (0.11, 0.17)), np.array([0.90, 0.45, 0.48]))
        canvas.paint(stroke(u, v, (0.02, nose_v + 1.7 * height), (0.02, nose_v + 2.5 * height), 0.02), np.array([0.72, 0.30, 0.34]))
    canvas.paint(ellipse(u, v, (0, nose_v + 1.45 * height), (0.55 * width, 0.62 * height)), colour * 0.88 * strands, soft=0.03)  # chin
    pads = ellipse(a, v, (0.46 * width, nose_v + 0.72 * height), (0.60 * width, 0.74 * height))
    canvas.paint(pads - 0.015, colour * 0.6, 0.35, soft=0.05)
    canvas.paint(pads, colour * strands, soft=0.02)

    dark = np.array([0.16, 0.10, 0.10]) if colour.mean() > 0.3 else np.array([0.03, 0.03, 0.03])
    canvas.paint(stroke(u, v, (0, nose_v), (0, nose_v + 0.95 * height), 0.022), dark, 0.8)
    canvas.paint(stroke(a, v, (0, nose_v + 0.95 * height), (0.75 * width, nose_v + 1.0 * height), 0.024, 0.10 * rng.uniform(0.5, 1.2)), dark, 0.8)
    size = traits.nose_size
    if long:
        nose = ellipse(u, v, (0, nose_v), (size, 0.75 * size))
    else:
        nose = triangle(u, v, [(-1.1 * size, nose_v - 0.6 * size), (1.1 * size, nose_v - 0.6 * size), (0, nose_v + 0.75 * size)], 0.02)
    canvas.paint(nose - 0.012, dark, 0.6)
    canvas.paint(nose, traits.nose_colour)
    canvas.paint(ellipse(u, v, (-0.25 * size, nose_v - 0.3 * size), (0.35 * size, 0.16 * size)), np.array([0.95, 0.95, 0.97]), 0.5, soft=0.02)
    for row in range(3 if traits.whiskers else 0):
        for side in (-1, 1):
            start = (0.35 * width, nose_v + (0.40 + 0.28 * row) * height)
            end = (0.62 + rng.normal(0, 0.04), nose_v - 0.06 + 0.13 * row + rng.normal(0, 0.03))
            canvas.paint(stroke(side * u, v, start, end, 0.010, 0.03), np.array([0.97, 0.97, 0.97]), traits.whiskers)


def paint_eyes(canvas: Canvas, rng, traits: Traits, shift: float) -> None:
    """Almond eyes with iris, pupil and a highlight; both look the same way."""
    size, gaze, tilt = traits.eye_size, rng.normal(0, (0.16, 0.09)) * traits.eye_size, rng.uniform(0.02, 0.30)
    lid, openness = rng.uniform(0.0, 0.5), rng.uniform(0.70, 0.92)
    height = -0.06 if traits.ears == "pointed" else -0.11
    dark_rim = np.array([0.09, 0.06, 0.06])
    for side in (-1, 1):
        du, dv = canvas.u - shift - side * traits.eye_spacing, canvas.v - height
        along, across = side * np.cos(tilt) * du - np.sin(tilt) * dv, side * np.sin(tilt) * du + np.cos(tilt) * dv
        lens = smooth_max([length(along, across + k * (1 - openness) * size) - size for k in (-1.0, 1.0)], 0.012)
        eye = np.maximum(lens, -across - size * (1 - lid) * openness)
        canvas.paint(eye - 0.028, dark_rim, 0.9, soft=0.01)
        canvas.paint(eye, np.array([0.93, 0.92, 0.88]) if traits.eye_size < 0.12 else traits.eye_colour * 0.8)
        iris = length(du - gaze[0], dv - gaze[1]) - (0.98 if traits.eye_size < 0.12 else 1.05) * size
        depth = 0.75 + 0.5 * np.clip((dv - gaze[1]) / size + 0.4, 0, 1)[..., None]
        canvas.paint(np.maximum(iris, eye), traits.eye_colour * depth)
        pupil = ellipse(du, dv, gaze, (0.62 * size * traits.pupil, 0.62 * size))
        canvas.paint(np.maximum(pupil, eye), np.array([0.03, 0.03, 0.03]))
        canvas.paint(ellipse(du, dv, (gaze[0] - 0.30 * size, gaze[1] - 0.32 * size), (0.22 * size, 0.22 * size)), np.ones(3), 0.95)


def paint_light(canvas: Canvas, rng) -> None:
    """A light from one side, a vignette, the colour of the lamp, a little grain."""
    direction, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.20)
    light = 1 + strength * (np.cos(direction) * canvas.x + np.sin(direction) * canvas.y) - 0.10 * (canvas.x**2 + canvas.y**2)
    canvas.image *= light[..., None] * rng.uniform(0.9, 1.1) * (1 + rng.normal(0, 0.02, 3))
    canvas.image += 0.015 * noise(rng, 14 * canvas.x, 14 * canvas.y)[..., None] + rng.normal(0, 0.008, canvas.image.shape)


def write_faces(root, train: int = 1000, val: int = 200, resolution: int = 64) -> None:
    """Write root/{train,val}/{cat,dog,wild}/*.png, `train` and `val` images in each category, and a note that this is a stand-in."""
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / "STAND-IN_NOT_AFHQ.txt").write_text(NOTICE)
    jobs = [(split, category, i) for split, n in (("train", train), ("val", val)) for category in CATEGORIES for i in range(n)]
    for split, category, i in tqdm(jobs, desc="drawing faces", unit="image"):
        folder = root / split / category
        folder.mkdir(parents=True, exist_ok=True)
        image = render_face(category, FIRST_SEED[split] + i, resolution)
        Image.fromarray(image).save(folder / f"{category}_{i:06d}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a stand-in for AFHQ, drawn by a program, in AFHQ's folder layout.")
    parser.add_argument("--root", required=True, help="folder to write to")
    parser.add_argument("--train", type=int, default=1000, help="training images in each category")
    parser.add_argument("--val", type=int, default=200, help="validation images in each category")
    parser.add_argument("--resolution", type=int, default=64, help="side of the images in pixels")
    args = parser.parse_args()
    write_faces(args.root, args.train, args.val, args.resolution)
    print(f"Wrote {3 * (args.train + args.val)} images to {args.root}. They are a stand-in and not AFHQ.")


if __name__ == "__main__":
    main()
