"""What is behind the single things (given; nothing to do here). Each fills a canvas, in the frame's (x, y), and returns nothing."""

import numpy as np

from .face_painting import Canvas
from .palette import fill, flake, mix, pick, rgb, scattered, vertical


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
    bubbles = scattered(rng, canvas, 0.45)
    canvas.paint(np.abs(bubbles - 0.05) - 0.01, rgb("eaffff"), 0.7)


def forest_floor(canvas: Canvas, rng: np.random.Generator) -> None:
    fill(canvas, vertical(canvas, pick(rng, "cfe0b0 b9d6b0 e6dcae"), pick(rng, "7fa47a 8aa06a")))
    canvas.paint(
        0.55 + 0.04 * flake(rng, canvas, 0.12) - canvas.y,
        vertical(canvas, pick(rng, "6a7f3f 7a6a3f"), rgb("3f4a2a"), 0.5, 1.0),
    )


def snowfield(canvas: Canvas, rng: np.random.Generator) -> None:
    fill(canvas, vertical(canvas, pick(rng, "5f8fc4 7a9fd0 6a84b8 8fa8d8"), pick(rng, "cfe0f2 e8dcea"), -1.0, 0.5))
    edge = rng.uniform(0.4, 0.55) + 0.05 * np.sin(2.5 * canvas.x + rng.uniform(0, 6))
    canvas.paint(edge - canvas.y, vertical(canvas, rgb("eef4fb"), rgb("c8d6ea"), 0.4, 1.0))


def space(canvas: Canvas, rng: np.random.Generator) -> None:
    fill(canvas, vertical(canvas, pick(rng, "10163f 1a1440 0e2046"), pick(rng, "4a4a94 5a3f7f 2f5f94")))
    canvas.paint(scattered(rng, canvas, 0.36) - 0.01, rgb("fffbe8"), 0.9, soft=0.03)


def _bands(canvas: Canvas, rng: np.random.Generator, upside_down: bool) -> None:
    """Deep blue on one side, pale on the other: rain over an umbrella, and, upside down, the sea under a boat."""
    deep, pale = pick(rng, "2f6f9a 3a7fa6 46789a 3f8fa0"), pick(rng, "e6eef2 f4ecdc dbe8ee f6e4d6")
    edge = rng.uniform(0.26, 0.38) + 0.02 * np.sin(9 * canvas.x + rng.uniform(0, 6))
    below = -canvas.y if upside_down else canvas.y
    fill(canvas, mix(pale * 0.9, pale, np.clip(below + 1, 0, 1)))
    canvas.paint(edge - below, mix(deep * 1.12, deep * 0.75, np.clip((below - 0.3) / 0.7, 0, 1)), soft=0.06)


def rainy_sky(canvas: Canvas, rng: np.random.Generator) -> None:
    _bands(canvas, rng, upside_down=True)


def sea(canvas: Canvas, rng: np.random.Generator) -> None:
    _bands(canvas, rng, upside_down=False)


def soft_colour(canvas: Canvas, rng: np.random.Generator) -> None:
    """One soft colour: it fits a winter's day, an ice cream parlour or a portrait, either way up."""
    colour = pick(rng, "b4d2e6 c4d8e4 efc9ba d0c6e4 b8dac8 f0dcb0 e0d6c8")
    fill(canvas, colour * (1 - 0.1 * canvas.y**2)[..., None])
