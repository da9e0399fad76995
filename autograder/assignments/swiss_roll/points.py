"""The Swiss roll's points, and the distance between two sets of points."""

import numpy as np
from scipy.spatial import KDTree

from autograder.grading.checks import Floats


def chamfer_distance(a: Floats, b: Floats) -> float:
    """Σ min ‖x − y‖² in both directions, (N, D) against (M, D), by k-d tree in float64."""
    to_b, _ = KDTree(b).query(a)
    to_a, _ = KDTree(a).query(b)
    return float((to_b**2).sum() + (to_a**2).sum())


def swiss_roll(count: int, generator: np.random.Generator) -> Floats:
    """Points of scikit-learn's make_swiss_roll(hole=True, noise=0), first and third coordinate, brought to mean 0 and
    standard deviation 2 over both.

    The hole takes the middle of the nine patches away, so the three thirds of the spiral have the weights 3 : 2 : 3.
    """
    third = generator.choice(3, size=count, p=[3 / 8, 2 / 8, 3 / 8])
    angle = np.pi * (1.5 + third + generator.random(count))
    points = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1)
    return ((points - points.mean()) / points.std() * 2.0).astype(np.float32).astype(np.float64)
