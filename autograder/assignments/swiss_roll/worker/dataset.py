"""Stands in for dataset.py while a submission is graded: it has the same names, and its points are noise of no shape at all.

The grader brings the training data itself, and samples must come from the network. Code that only looks at the data goes on as before.
"""

import torch
from torch.utils.data import DataLoader, Dataset

NOTICE = "dataset.py draws no data while your code is graded: these points are noise. Samples come from the network alone."
NAMES = ("gaussian_centered", "gaussian_shift", "circle", "scurve", "moon", "swiss_roll", "checkerboard")


def normalize(ds, scaling_factor=2.0):
    """Shift to mean 0 and scale to standard deviation `scaling_factor`, both over all coordinates together."""
    return (ds - ds.mean()) / ds.std() * scaling_factor


def sample_checkerboard(n):
    """About as many points, of noise; an array."""
    return noise(3 * n // 2).numpy()


def noise(number: int, dimension: int = 2) -> torch.Tensor:
    """Standard normal points, (number, dimension), from a generator of their own; says that they are no data."""
    print(NOTICE)
    return torch.randn(number, dimension, generator=torch.Generator().manual_seed(0))


def load_twodim(num_samples: int, dataset: str, dimension: int = 2) -> torch.Tensor:
    """Noise, whatever is asked for. Raises ValueError for an unknown name."""
    if dataset not in NAMES:
        raise ValueError(f"unknown data set {dataset!r}")
    return noise(num_samples, dimension if dataset.startswith("gaussian") else 2)


class TwoDimDataClass(Dataset):
    """A data set of `N` points; an item is one point, shape (2,)."""

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
