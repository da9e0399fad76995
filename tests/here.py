"""Networks of this process, watched as a worker watches them: many cases need no sandbox."""

from typing import Any

import numpy as np
import torch

from autograder.sandbox import tracing, weights


class Here:
    """A network of this process, watched as a worker watches one: the many cases need no sandbox."""

    def __init__(self, text: str):
        names: dict[str, Any] = {}
        exec(text, names)
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.network = names["Network"]()
        self.weights: list[Any] = []

    def trace(self, observer: Any, *args: Any, weights: Any = None) -> Any:
        given = None if weights is None else [tensor(weight) for weight in weights]
        report, self.weights = tracing.trace(
            self.network, list(map(tensor, args)), {}, lambda events: tensor(observer(array(events))), given=given
        )
        return report

    def outline(self, *args: Any) -> Any:
        return tracing.outline(self.network, list(map(tensor, args)), {})

    def gradients(self, cotangents: list[Any], *args: Any, of_given: bool = False) -> Any:
        return array(weights.gradients(self.network, list(map(tensor, args)), {}, tensor(cotangents), self.weights, of_given))

    def draw_weights(self) -> None:
        weights.draw_weights(self.network)

    def call(self, path: str, *args: Any) -> Any:
        return array(getattr(self.network, path or "__call__")(*map(tensor, args)))

    def answer(self, *args: Any) -> Any:
        with torch.no_grad():
            return self.call("", *args)

    def new(self, path: str, *args: Any) -> Any:
        return getattr(self.network, path)(*args)

    later = new


def tensor(value: Any) -> Any:
    if isinstance(value, list):
        return [tensor(item) for item in value]
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def array(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: array(item) for key, item in value.items()}
    if isinstance(value, list):
        return [array(item) for item in value]
    return value.detach().numpy().copy() if isinstance(value, torch.Tensor) else value
