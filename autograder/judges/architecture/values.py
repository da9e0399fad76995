"""When two tensors of two networks are one: the same numbers, in the same layout or with their channels in another order.

Networks of two people reshape as they like, concatenate in either order, and compute with other but equal operations. The numbers agree
all the same, to rounding, and numbers of random inputs and weights agree by accident nowhere. So a tensor is known by its numbers.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
Order = NDArray[np.int64]

ROUNDING = 3e-5  # of the largest number: float32 through some thirty layers gives 2e-6


def same(x: Numbers, y: Numbers) -> bool:
    """Whether both hold the same finite numbers in the same order, whatever their shapes."""
    if x.size != y.size or not x.size:
        return False
    one, two = x.ravel(), y.ravel()
    largest = float(abs(two).max())
    few = slice(None, None, 1 + one.size // 64)
    if not (abs(one[few] - two[few]) <= ROUNDING * largest).all():  # also where something is not finite
        return False
    return bool((abs(one - two) <= ROUNDING * largest).all())


def order_of_channels(x: Numbers, y: Numbers) -> Order | None:
    """The order with x[:, i] = y[:, order[i]] for every channel i, or None where there is none."""
    if x.size != y.size or y.ndim < 2 or x.ndim < 2 or len(x) != len(y):
        return None
    rows, channels = y.shape[:2]
    if x.shape[1] != channels or channels < 2 or not np.isfinite(x).all():
        return None
    largest = float(abs(y).max())
    ours, theirs = (np.moveaxis(a.reshape(rows, channels, -1), 1, 0).reshape(channels, -1) for a in (x, y))
    weights = _projection(ours.shape[1])
    projected, others = ours @ weights, theirs @ weights
    within = ROUNDING * largest * float(abs(weights).sum())
    close = abs(projected[:, None] - others[None]) <= within
    equal = [[int(j) for j in np.flatnonzero(close[i]) if same_within(ours[i], theirs[j], largest)] for i in range(channels)]
    return _assigned(equal)


def _assigned(equal: list[list[int]]) -> Order | None:
    """One of the equal channels for each, each once. Channels that are equal to others, such as those that a ReLU leaves at 0, go with their
    neighbours, since a concatenation moves whole runs of channels.
    """
    order = np.array([channels[0] if len(channels) == 1 else -1 for channels in equal])
    free = set(range(len(equal))) - set(order.tolist())
    forwards, backwards = range(1, len(equal)), range(len(equal) - 2, -1, -1)
    for places, step in ((forwards, 1), (backwards, -1), (range(len(equal)), 0)):
        for i in (i for i in places if order[i] < 0):
            wanted = {int(order[i - step]) + step} if step and order[i - step] >= 0 else set[int]() if step else free
            if chosen := sorted(wanted & free & set(equal[i])):
                order[i] = chosen[0]
                free.discard(chosen[0])
    return order if not free and (order >= 0).all() else None


def same_within(x: Numbers, y: Numbers, largest: float) -> bool:
    """As `same`, for parts of tensors whose largest number is `largest`."""
    return bool((abs(x - y) <= ROUNDING * largest).all())


def _projection(length: int) -> Numbers:
    return _normal_numbers(1 << max(length - 1, 0).bit_length())[:length]


@lru_cache(maxsize=4)  # of few lengths: what is kept must not grow with the sizes of what students return
def _normal_numbers(length: int) -> Numbers:
    return np.random.default_rng(0).standard_normal(length)


@dataclass
class Known:
    """Tensors of the reference, each once. `find` names the one that holds given numbers."""

    tensors: list[Numbers] = field(default_factory=list)
    by_size: dict[int, list[int]] = field(default_factory=dict)

    def add(self, x: Numbers) -> int:
        """The index of x, of an equal one where there is one."""
        found = self._equal(x)
        if found is None:
            found = len(self.tensors)
            self.tensors.append(x)
            self.by_size.setdefault(x.size, []).append(found)
        return found

    def find(self, x: Numbers) -> tuple[int, Order | None] | None:
        """Which tensor x is, and the order of its channels where it is not the same: x[:, i] = tensor[:, order[i]]."""
        with np.errstate(over="ignore", invalid="ignore"):  # where memory is read before it is written
            return self._find(x)

    def _find(self, x: Numbers) -> tuple[int, Order | None] | None:
        found = self._equal(x)
        if found is not None:
            return found, None
        for index in self.by_size.get(x.size, []):
            y = self.tensors[index]
            if x.ndim > 1 and y.ndim > 2 and x.shape[-1] == y.shape[1] and same(x, np.moveaxis(y, 1, -1)):
                return index, None  # channels last
            if abs(float(abs(x).sum()) - float(abs(y).sum())) <= ROUNDING * y.size * float(abs(y).max()):
                order = order_of_channels(x.reshape(y.shape) if x.shape[:2] == y.shape[:2] else x, y)
                if order is not None:
                    return index, order
        return None

    def _equal(self, x: Numbers) -> int | None:
        return next((index for index in self.by_size.get(x.size, []) if same(x, self.tensors[index])), None)
