"""What distinguishes one procedural animal face from another: traits, drawn at random for each category (given).

Colours are sRGB in [0, 1]; lengths are in face units (the head is about 1.2 wide), angles in radians.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Traits:
    coat: np.ndarray  # main colour of the fur, (3,)
    light: np.ndarray  # of muzzle and chest
    dark: np.ndarray  # of stripes, spots and ears
    pattern: str
    head: tuple  # half width and half height
    ears: str  # pointed, floppy, folded or round
    ear_size: float
    ear_spread: float
    eye_colour: np.ndarray
    eye_size: float
    eye_spacing: float
    pupil: float  # width of the pupil as a share of its height; 1 is round
    muzzle: tuple  # half width and half height
    nose_colour: np.ndarray
    nose_size: float
    fluff: float  # how ragged the outline is
    whiskers: float
    tongue: bool = False
    mane: float = 0.0  # how far the mane reaches beyond the head


def jitter(rng, colour, amount: float = 0.045) -> np.ndarray:
    """A colour near the given one: a shift in brightness and a smaller one in hue."""
    return np.clip(np.asarray(colour) + rng.normal(0, amount) + rng.normal(0, amount / 4, 3), 0.02, 0.98)


def choose(rng, table):
    """A row of the table, drawn at random."""
    return table[rng.integers(len(table))]


BACKGROUNDS = [
    (0.36, 0.50, 0.24), (0.24, 0.36, 0.20), (0.60, 0.72, 0.84), (0.80, 0.80, 0.78), (0.55, 0.44, 0.33),
    (0.30, 0.24, 0.20), (0.16, 0.16, 0.20), (0.72, 0.60, 0.46), (0.42, 0.48, 0.58), (0.66, 0.42, 0.36),
]  # fmt: skip

CAT_COATS = [  # coat, light, dark, patterns that such cats have
    ((0.62, 0.60, 0.57), (0.92, 0.90, 0.87), (0.24, 0.22, 0.21), ("tabby", "tabby", "plain")),
    ((0.88, 0.58, 0.28), (0.98, 0.91, 0.80), (0.64, 0.33, 0.12), ("tabby", "tabby", "patches")),
    ((0.62, 0.48, 0.34), (0.90, 0.82, 0.72), (0.25, 0.17, 0.11), ("tabby", "tabby", "tuxedo")),
    ((0.17, 0.16, 0.17), (0.95, 0.94, 0.93), (0.06, 0.06, 0.07), ("plain", "tuxedo", "tuxedo")),
    ((0.95, 0.93, 0.91), (0.99, 0.98, 0.97), (0.70, 0.66, 0.62), ("plain", "patches", "calico")),
    ((0.89, 0.83, 0.73), (0.95, 0.91, 0.84), (0.26, 0.19, 0.16), ("points",)),
    ((0.46, 0.49, 0.55), (0.60, 0.63, 0.68), (0.28, 0.31, 0.36), ("plain",)),
]
CAT_EYES = [(0.55, 0.75, 0.25), (0.90, 0.72, 0.18), (0.82, 0.47, 0.13), (0.30, 0.62, 0.78), (0.35, 0.68, 0.45)]

DOG_COATS = [
    ((0.90, 0.76, 0.53), (0.98, 0.93, 0.82), (0.62, 0.44, 0.25), ("plain", "plain")),
    ((0.42, 0.27, 0.17), (0.66, 0.50, 0.36), (0.21, 0.13, 0.08), ("plain", "blaze")),
    ((0.15, 0.14, 0.14), (0.74, 0.47, 0.24), (0.07, 0.06, 0.06), ("tan points", "tan points", "plain")),
    ((0.73, 0.47, 0.25), (0.97, 0.95, 0.92), (0.25, 0.17, 0.13), ("blaze", "blaze", "patches")),
    ((0.95, 0.94, 0.92), (0.99, 0.98, 0.97), (0.16, 0.15, 0.15), ("dalmatian", "patches", "plain")),
    ((0.55, 0.56, 0.59), (0.93, 0.93, 0.93), (0.24, 0.25, 0.28), ("blaze", "mask")),
    ((0.79, 0.62, 0.42), (0.88, 0.75, 0.56), (0.16, 0.13, 0.12), ("mask",)),
]
DOG_EYES = [(0.30, 0.17, 0.08), (0.42, 0.25, 0.10), (0.20, 0.12, 0.07), (0.58, 0.40, 0.16)]

WILD_COATS = [
    ((0.83, 0.65, 0.39), (0.96, 0.89, 0.74), (0.47, 0.27, 0.12), ("lion", "lion")),
    ((0.82, 0.66, 0.43), (0.96, 0.90, 0.77), (0.52, 0.37, 0.20), ("plain",)),
    ((0.90, 0.54, 0.19), (0.98, 0.95, 0.89), (0.10, 0.08, 0.07), ("tiger", "tiger", "tiger")),
    ((0.94, 0.92, 0.88), (0.99, 0.98, 0.97), (0.17, 0.15, 0.15), ("tiger",)),
    ((0.87, 0.66, 0.35), (0.97, 0.92, 0.80), (0.19, 0.13, 0.08), ("leopard", "leopard")),
    ((0.80, 0.79, 0.76), (0.96, 0.95, 0.93), (0.28, 0.27, 0.28), ("leopard",)),
    ((0.88, 0.71, 0.44), (0.97, 0.93, 0.83), (0.12, 0.09, 0.07), ("cheetah", "cheetah")),
]
WILD_EYES = [(0.86, 0.62, 0.15), (0.78, 0.68, 0.28), (0.66, 0.45, 0.14), (0.60, 0.70, 0.42)]


def draw_coat(rng, coats) -> dict:
    coat, light, dark, patterns = choose(rng, coats)
    return dict(coat=jitter(rng, coat), light=jitter(rng, light, 0.02), dark=jitter(rng, dark, 0.03), pattern=choose(rng, patterns))


def cat(rng) -> Traits:
    pink = rng.random() < 0.65
    return Traits(
        **draw_coat(rng, CAT_COATS),
        head=(rng.uniform(0.56, 0.66), rng.uniform(0.46, 0.53)),
        ears="pointed",
        ear_size=rng.uniform(0.42, 0.58),
        ear_spread=rng.uniform(0.33, 0.43),
        eye_colour=jitter(rng, choose(rng, CAT_EYES)),
        eye_size=rng.uniform(0.125, 0.165),
        eye_spacing=rng.uniform(0.245, 0.295),
        pupil=rng.choice([0.22, 0.4, 0.75]) * rng.uniform(0.85, 1.15),
        muzzle=(rng.uniform(0.20, 0.25), rng.uniform(0.135, 0.165)),
        nose_colour=jitter(rng, (0.88, 0.55, 0.55) if pink else (0.25, 0.17, 0.16), 0.03),
        nose_size=rng.uniform(0.060, 0.078),
        fluff=rng.choice([0.012, 0.035]),
        whiskers=rng.uniform(0.5, 0.9),
    )


def dog(rng) -> Traits:
    return Traits(
        **draw_coat(rng, DOG_COATS),
        head=(rng.uniform(0.46, 0.54), rng.uniform(0.52, 0.60)),
        ears=rng.choice(["floppy", "floppy", "folded"]),
        ear_size=rng.uniform(0.42, 0.60),
        ear_spread=rng.uniform(0.45, 0.55),
        eye_colour=jitter(rng, choose(rng, DOG_EYES), 0.03),
        eye_size=rng.uniform(0.085, 0.115),
        eye_spacing=rng.uniform(0.20, 0.25),
        pupil=1.0,
        muzzle=(rng.uniform(0.25, 0.33), rng.uniform(0.22, 0.28)),
        nose_colour=jitter(rng, choose(rng, [(0.10, 0.09, 0.09), (0.10, 0.09, 0.09), (0.36, 0.22, 0.18)]), 0.02),
        nose_size=rng.uniform(0.115, 0.145),
        fluff=rng.choice([0.008, 0.02, 0.045]),
        whiskers=0.0,
        tongue=rng.random() < 0.4,
    )


def wild(rng) -> Traits:
    coat = draw_coat(rng, WILD_COATS)
    return Traits(
        **coat,
        head=(rng.uniform(0.52, 0.60), rng.uniform(0.53, 0.60)),
        ears="round",
        ear_size=rng.uniform(0.17, 0.22),
        ear_spread=rng.uniform(0.40, 0.48),
        eye_colour=jitter(rng, choose(rng, WILD_EYES), 0.04),
        eye_size=rng.uniform(0.082, 0.105),
        eye_spacing=rng.uniform(0.215, 0.26),
        pupil=rng.uniform(0.75, 1.0),
        muzzle=(rng.uniform(0.27, 0.33), rng.uniform(0.19, 0.23)),
        nose_colour=jitter(rng, choose(rng, [(0.74, 0.45, 0.40), (0.30, 0.19, 0.17)]), 0.03),
        nose_size=rng.uniform(0.115, 0.140),
        fluff=rng.uniform(0.01, 0.04),
        whiskers=rng.uniform(0.3, 0.6),
        mane=rng.uniform(0.28, 0.42) if coat["pattern"] == "lion" else 0.0,
    )


DRAW = {"cat": cat, "dog": dog, "wild": wild}
