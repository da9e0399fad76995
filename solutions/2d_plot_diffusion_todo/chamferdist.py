"""Chamfer distance between two point clouds (given; nothing to do here)."""

import numpy as np
from scipy.spatial import KDTree


def chamfer_distance(S1, S2) -> float:
    """Sum of squared nearest-neighbour distances, in both directions; 0 for equal sets.

        d(S1, S2) = Σ_{x ∈ S1} min_{y ∈ S2} ‖x − y‖² + Σ_{y ∈ S2} min_{x ∈ S1} ‖x − y‖²

    S1: (N, D), S2: (M, D), arrays or CPU tensors. It is a sum and not a mean, so it grows with the number of points:
    the thresholds of this assignment hold for 2048 points against 2048 points. Raises ValueError for NaN or infinity.
    """
    S1, S2 = np.asarray(S1, dtype=np.float64), np.asarray(S2, dtype=np.float64)
    if not (np.isfinite(S1).all() and np.isfinite(S2).all()):
        raise ValueError("A point cloud holds NaN or infinite values; look at what your sampler does to x_t step by step.")
    to_S2, _ = KDTree(S2).query(S1)
    to_S1, _ = KDTree(S1).query(S2)
    return float((to_S2**2).sum() + (to_S1**2).sum())
