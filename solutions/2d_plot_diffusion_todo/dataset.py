"""Two-dimensional toy distributions for the Swiss-roll assignment (given; nothing to do here).

Every generator returns points of shape (N, 2). `normalize` brings a data set to mean 0 and standard deviation 2, both
taken over all coordinates at once, so the shape of the set is kept.
"""

import numpy as np
import torch
from sklearn import datasets
from torch.utils.data import DataLoader, Dataset


def normalize(ds, scaling_factor=2.0):
    """Shift to mean 0 and scale to standard deviation `scaling_factor`, both over all coordinates together."""
    return (ds - ds.mean()) / ds.std() * scaling_factor


def sample_checkerboard(n):
    """About 1.5 n points, uniform on the dark squares of a 4 × 4 checkerboard of side 4π; shape (M, 2)."""
    candidates = np.random.uniform(-2 * np.pi, 2 * np.pi, size=(3 * n, 2))
    dark = (np.sin(candidates[:, 0]) > 0) == (np.sin(candidates[:, 1]) > 0)
    return candidates[dark]


def load_twodim(num_samples: int, dataset: str, dimension: int = 2) -> torch.Tensor:
    """`num_samples` points of the named distribution as a float32 tensor, (num_samples, 2).

    The checkerboard gives about 1.5 times as many. `dimension` matters for the two Gaussians only. Raises ValueError for an unknown name.
    """
    if dataset == "gaussian_centered":
        sample = np.random.normal(size=(num_samples, dimension))
    elif dataset == "gaussian_shift":
        sample = np.random.normal(size=(num_samples, dimension)) + 1.5
    elif dataset == "circle":
        sample = datasets.make_circles(n_samples=num_samples, noise=0.0, factor=0.5)[0] * 4
    elif dataset == "scurve":
        sample = normalize(datasets.make_s_curve(n_samples=num_samples, noise=0.0)[0][:, [0, 2]])
    elif dataset == "moon":
        sample = normalize(datasets.make_moons(n_samples=num_samples, noise=0.0)[0])
    elif dataset == "swiss_roll":
        sample = normalize(datasets.make_swiss_roll(n_samples=num_samples, noise=0.0, hole=True)[0][:, [0, 2]])
    elif dataset == "checkerboard":
        sample = normalize(sample_checkerboard(num_samples))
    else:
        raise ValueError(f"unknown data set {dataset!r}")
    return torch.tensor(sample).float()


class TwoDimDataClass(Dataset):
    """A data set of `N` points of one of the distributions above; an item is one point, shape (2,)."""

    def __init__(self, dataset_type: str, N: int, batch_size: int, dimension=2):
        self.X = load_twodim(N, dataset_type, dimension=dimension)
        self.name = dataset_type
        self.batch_size = batch_size
        self.dimension = dimension

    def __len__(self):
        return self.X.shape[0]

    def __getitem__(self, idx):
        return self.X[idx]

    def get_dataloader(self, shuffle=True):
        return DataLoader(self, batch_size=self.batch_size, shuffle=shuffle, pin_memory=torch.cuda.is_available())


def get_data_iterator(iterable):
    """Go through `iterable` again and again, without end."""
    while True:
        yield from iterable
