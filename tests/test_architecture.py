"""The judge of networks: what is the network of the diagram in another form passes, and what is not is said in the diagram's words."""

from typing import Any

import numpy as np
import pytest
import torch

from autograder.grading.checks import Note, WrongAnswer
from autograder.grading.seeds import Draw
from autograder.judges.architecture import Diagram, judge_architecture
from autograder.sandbox import tracing
from tests.toy_networks import UNET, UNET_NAMES, UNET_RIGHT, UNET_WRONG, changed

ROWS, CLASSES = 4, 4


class Here:
    """A network of this process, watched as a worker watches one: the many cases need no sandbox."""

    def __init__(self, text: str):
        names: dict[str, Any] = {}
        exec(text, names)
        torch.manual_seed(0)
        self.network = names["Network"]()
        self.weights: list[Any] = []

    def trace(self, observer: Any, *args: Any) -> Any:
        report, self.weights = tracing.trace(self.network, list(map(_tensor, args)), {}, lambda event: _tensor(observer(_array(event))))
        return report

    def gradients(self, cotangents: list[Any], *args: Any) -> Any:
        return _array(tracing.gradients(self.network, list(map(_tensor, args)), {}, _tensor(cotangents), self.weights))

    def new(self, path: str, *args: Any) -> Any:
        return getattr(self.network, path)(*args)


def _tensor(value: Any) -> Any:
    if isinstance(value, list):
        return [_tensor(item) for item in value]
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def _array(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _array(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_array(item) for item in value]
    return value.detach().numpy().copy() if isinstance(value, torch.Tensor) else value


def judged(network: Any, reference: Any, inputs: list[Any], diagram: Diagram, seed: str = "1", **settings: Any) -> str:
    """What is said of a network; "" where it is right."""
    try:
        judge_architecture(network, reference, inputs, Draw(b"a secret of tests", seed, "architecture"), Note(), diagram, **settings)
    except WrongAnswer as error:
        return str(error)
    return ""


def unet_inputs(seed: int = 0) -> list[Any]:
    generator = np.random.default_rng(seed)
    return [
        (
            generator.standard_normal((ROWS, 1, 28, 28)).astype(np.float32),
            generator.permutation(CLASSES),
            generator.uniform(0, 1, ROWS).astype(np.float32),
            np.array([1, 1, 1, 0], dtype=np.float32)[generator.permutation(ROWS)],
        )
        for _ in range(3)
    ]


UNET_DIAGRAM = Diagram(UNET_NAMES, ("x", "c", "t", "mask"))


@pytest.mark.parametrize("form", UNET_RIGHT)
def test_right_forms_of_a_unet_pass(form: str) -> None:
    assert judged(Here(changed(UNET, UNET_RIGHT[form])), Here(UNET), unet_inputs(), UNET_DIAGRAM) == ""


@pytest.mark.parametrize("mistake", UNET_WRONG)
def test_a_wrong_unet_is_explained_in_the_words_of_the_diagram(mistake: str) -> None:
    changes, words = UNET_WRONG[mistake]
    said = judged(Here(changed(UNET, changes)), Here(UNET), unet_inputs(), UNET_DIAGRAM)
    assert words in said
