"""The judge of networks: what is the network of the diagram in another form passes, and what is not is said in the diagram's words."""

from typing import Any

import numpy as np
import pytest
import torch

from autograder.grading.checks import Note, WrongAnswer
from autograder.grading.seeds import Draw
from autograder.judges.architecture import Diagram, judge_architecture
from autograder.limits import Limits
from autograder.sandbox import tracing, weights
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Student
from tests import toy_networks as toys
from tests.toy_networks import changed

ROWS, CLASSES = 4, 4


class Here:
    """A network of this process, watched as a worker watches one: the many cases need no sandbox."""

    def __init__(self, text: str):
        names: dict[str, Any] = {}
        exec(text, names)
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.network = names["Network"]()
        self.weights: list[Any] = []

    def trace(self, observer: Any, *args: Any) -> Any:
        report, self.weights = tracing.trace(
            self.network, list(map(_tensor, args)), {}, lambda events: _tensor(observer(_array(events)))
        )
        return report

    def outline(self, *args: Any) -> Any:
        return tracing.outline(self.network, list(map(_tensor, args)), {})

    def gradients(self, cotangents: list[Any], *args: Any) -> Any:
        return _array(weights.gradients(self.network, list(map(_tensor, args)), {}, _tensor(cotangents), self.weights))

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
        judge_architecture(
            network, reference, inputs, Draw(b"a secret of tests", seed, "architecture"), Note(), diagram, **settings
        )
    except WrongAnswer as error:
        return str(error)
    return ""


def unet_inputs(seed: int = 0) -> list[Any]:
    generator = np.random.default_rng(seed)
    return [
        (
            generator.standard_normal((ROWS, 1, 8, 8)).astype(np.float32),
            generator.permutation(CLASSES),
            generator.uniform(0, 1, ROWS).astype(np.float32),
            np.array([1, 1, 1, 0], dtype=np.float32)[generator.permutation(ROWS)],
        )
        for _ in range(3)
    ]


def lazy_inputs() -> list[Any]:
    generator = np.random.default_rng(1)
    return [
        (generator.standard_normal((ROWS, 3, 8, 8)).astype(np.float32), generator.permutation(CLASSES))
        for _ in range(3)
    ]


def decoder_inputs() -> list[Any]:
    generator = np.random.default_rng(2)
    return [
        (generator.standard_normal((3, 2, 8, 8)).astype(np.float32), generator.uniform(0, 1, 3).astype(np.float32))
        for _ in range(3)
    ]


COURSES = {
    "a U-Net with time and class": (toys.UNET, unet_inputs(), Diagram(toys.UNET_NAMES, ("x", "c", "t", "mask"))),
    "a lazy U-Net": (toys.LAZY_UNET, lazy_inputs(), Diagram(toys.LAZY_NAMES, ("x", "c"))),
    "a decoder": (toys.DECODER, decoder_inputs(), Diagram(toys.DECODER_NAMES, ("x", "t"))),
}  # fmt: skip
RIGHT = dict(zip(COURSES, (toys.UNET_RIGHT, toys.LAZY_RIGHT, toys.DECODER_RIGHT)))
WRONG = dict(zip(COURSES, (toys.UNET_WRONG, toys.LAZY_WRONG, toys.DECODER_WRONG)))


def said_of(course: str, changes: list[toys.Change], **settings: Any) -> str:
    text, inputs, diagram = COURSES[course]
    return judged(Here(changed(text, changes)), Here(text), inputs, diagram, **settings)


@pytest.mark.parametrize(("course", "form"), [(course, form) for course, forms in RIGHT.items() for form in forms])
def test_right_forms_pass(course: str, form: str) -> None:
    assert said_of(course, RIGHT[course][form]) == ""


@pytest.mark.parametrize(
    ("course", "mistake"), [(course, mistake) for course, mistakes in WRONG.items() for mistake in mistakes]
)
def test_what_is_wrong_is_said_in_the_words_of_the_diagram(course: str, mistake: str) -> None:
    changes, words = WRONG[course][mistake]
    assert words in said_of(course, changes)


def test_a_bias_before_batch_norm_counts_where_the_diagram_says_so() -> None:
    changes = toys.LAZY_RIGHT["a bias before BatchNorm"]
    assert "without bias; yours has" in said_of("a lazy U-Net", changes, more_biases="none")
    assert said_of("a lazy U-Net", [], more_biases="none") == ""


def test_both_networks_run_in_workers_of_their_own() -> None:
    inputs, diagram = lazy_inputs(), COURSES["a lazy U-Net"][2]

    def built(student: Student, text: str) -> Any:
        student.replace({"network.py": text.encode()})
        student.begin(1)
        return student.module("network").new("Network")

    with Sandbox() as sandbox, sandbox.lane() as one, sandbox.lane() as two:
        student, solution = Student(one, {}, Limits()), Student(two, {}, Limits())
        for changes, words in ([], ""), toys.LAZY_WRONG["kernel 3 for 4"]:
            text = changed(toys.LAZY_UNET, changes)
            said = judged(built(student, text), built(solution, toys.LAZY_UNET), inputs, diagram)
            assert (words in said) if words else said == ""
