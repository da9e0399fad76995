"""What a TimeLinear layer of the handout computes, from its weights: the expectation of a check never asks the submission's own classes.

y = e(t) ⊙ (W x + b) with e(t) = V₂ SiLU(V₁ s(t) + c₁) + c₂ and s(t) the sinusoidal embedding: 128 cosines, then 128 sines, of
frequencies 1 down to 1/10000 (Attention Is All You Need, Sec. 3.5).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import Floats
from autograder.grading.seeds import Draw

FREQUENCIES = 256
W, B = "fc.weight", "fc.bias"
V1, C1 = "time_embedding.mlp.0.weight", "time_embedding.mlp.0.bias"
V2, C2 = "time_embedding.mlp.2.weight", "time_embedding.mlp.2.bias"


def shapes(dim_in: int, dim_out: int) -> dict[str, tuple[int, ...]]:
    """Of the weights of a layer, by their paths."""
    embedding: dict[str, tuple[int, ...]] = {V1: (dim_out, FREQUENCIES), C1: (dim_out,)}
    return {W: (dim_out, dim_in), B: (dim_out,)} | embedding | {V2: (dim_out, dim_out), C2: (dim_out,)}


@dataclass(frozen=True)
class TimeLinear:
    """The weights of one layer, by path."""

    dim_in: int
    dim_out: int
    weights: dict[str, Floats]

    @staticmethod
    def drawn(dim_in: int, dim_out: int, draw: Draw) -> "TimeLinear":
        """Random weights that float32 holds exactly, of a size that keeps the numbers of a chain about as large as they are."""
        weights = {
            path: (draw.normal(*shape) / np.sqrt(shape[-1])).astype(np.float32).astype(np.float64)
            for path, shape in shapes(dim_in, dim_out).items()
        }
        return TimeLinear(dim_in, dim_out, weights)

    def __call__(self, x: Floats, t: NDArray[np.int64]) -> Floats:
        """x: (B, dim_in), t: (B,). Returns (B, dim_out)."""
        half = FREQUENCIES // 2
        angles = t[:, None] * np.exp(-np.log(10000.0) * np.arange(half) / half)
        hidden = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) @ self.weights[V1].T + self.weights[C1]
        embedding = hidden / (1 + np.exp(-hidden)) @ self.weights[V2].T + self.weights[C2]
        return embedding * (x @ self.weights[W].T + self.weights[B])


def forward(chain: list[TimeLinear], x: Floats, t: NDArray[np.int64]) -> Floats:
    """The layers in order, with a ReLU after every one but the last."""
    for layer in chain[:-1]:
        x = np.maximum(layer(x, t), 0)
    return chain[-1](x, t)
