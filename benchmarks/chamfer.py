"""The Chamfer distance by k-d tree, side by side with the full distance matrix, both in float64."""

import time
from statistics import median

import numpy as np

from autograder.assignments.swiss_roll.points import chamfer_distance, swiss_roll
from autograder.oracles.schedule import Floats

Row = tuple[str, str, str]  # what, figure, bound


def by_matrix(a: Floats, b: Floats) -> float:
    """Σ min ‖x − y‖² in both directions from all pairs, (N, D) against (M, D), as |x|² + |y|² − 2 x·y."""
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
    return float(squared.min(axis=1).sum() + squared.min(axis=0).sum())


def run(count: int = 2048, rounds: int = 15) -> list[Row]:
    """Seconds of both for `count` points of the Swiss roll against as many with noise, in turn."""
    generator = np.random.default_rng(0)
    ratios, differences = [], []
    for _ in range(rounds):
        a = swiss_roll(count, generator)
        b = swiss_roll(count, generator) + generator.normal(0, 0.05, (count, 2))
        started = time.perf_counter()
        tree = chamfer_distance(a, b)
        middle = time.perf_counter()
        matrix = by_matrix(a, b)
        ratios.append((time.perf_counter() - middle) / (middle - started))
        differences.append(abs(tree / matrix - 1))
    return [
        (
            f"Chamfer distance of {count} points: matrix / tree",
            f"{median(ratios):.1f} times ({min(ratios):.1f} to {max(ratios):.1f})",
            "≥ 4 times",
        ),
        ("  relative difference of the values", f"{max(differences):.1e}", "< 1e-9"),
    ]
