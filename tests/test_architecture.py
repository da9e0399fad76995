"""The judge of networks: what is the network of the diagram in another form passes, and what is not is said in the diagram's words."""

from typing import Any

import numpy as np
import pytest

from autograder.grading.checks import Note, WrongAnswer
from autograder.grading.seeds import Draw
from autograder.judges.architecture import Diagram, judge_architecture, values
from autograder.judges.architecture.properties import watch
from autograder.judges.architecture.recording import Recording
from autograder.judges.architecture.values import order_of_channels
from autograder.limits import Limits
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Student
from tests import toy_networks as toys
from tests.bulk import bulk
from tests.here import Here
from tests.toy_networks import changed

ROWS, CLASSES = 4, 4


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


def cases(of_courses: dict[str, Any], kept_of_decoder: str) -> list[Any]:
    """(course, case) of all; of the decoder, whose cases take longest, `make test` tries one."""
    every = [(course, case) for course, forms in of_courses.items() for case in forms]
    kept = ["-".join(case) for case in every if case[0] != "a decoder" or case[1] == kept_of_decoder]
    return bulk(every, kept, name="-".join)


@pytest.mark.parametrize("case", cases(RIGHT, "values before keys"))
def test_right_forms_pass(case: tuple[str, str]) -> None:
    course, form = case
    assert said_of(course, RIGHT[course][form]) == ""


@pytest.mark.parametrize("case", cases(WRONG, "no attention"))
def test_what_is_wrong_is_said_in_the_words_of_the_diagram(case: tuple[str, str]) -> None:
    course, mistake = case
    changes, words = WRONG[course][mistake]
    assert words in said_of(course, changes)


def test_channels_that_a_relu_leaves_at_zero_go_with_their_neighbours() -> None:
    """Of two concatenations of the same parts, one the other way round, in each part a channel of zeros."""
    generator = np.random.default_rng(0)
    one, two = generator.standard_normal((2, 3, 4, 4)), generator.standard_normal((2, 4, 4, 4))
    one[:, 2], two[:, 0], two[:, 2] = 0, 0, 0
    order = order_of_channels(np.concatenate([two, one], 1), np.concatenate([one, two], 1))
    assert order is not None
    assert order.tolist() == [3, 4, 5, 6, 0, 1, 2]
    assert order_of_channels(np.concatenate([two, two], 1)[:, :7], np.concatenate([one, two], 1)) is None


def test_a_bias_more_is_right_where_the_course_says_so() -> None:
    changes = toys.LAZY_WRONG["a bias in the bottleneck"][0]
    assert said_of("a lazy U-Net", changes, more_biases="any") == ""
    assert "with a bias; yours has none" in said_of("a lazy U-Net", [("(out_class, 1)", "(out_class, 1, bias=False)")], more_biases="any")


def test_a_lazy_layer_that_never_runs_may_be_left_to_another_check() -> None:
    assert said_of("a lazy U-Net", toys.LAZY_WRONG["an idle fifth block"][0], trained=False) == ""
    middle = "nn.LazyConv2d(7, 3, 1, 1, bias=False)"
    changes = [(middle, f"[{middle}]"), ("self.mid(", "self.mid[0](")]
    assert "an ordinary list" in said_of("a lazy U-Net", changes, trained=False)


POOLING = """
import torch, torch.nn.functional as F
class Network(torch.nn.Module):
    def forward(self, x):
        return F.gelu(F.avg_pool2d(x, 4))
"""


@pytest.mark.parametrize(
    ("old", "new", "right"),
    [
        ("return F.gelu(F.avg_pool2d(x, 4))", "x *= 1\n        return F.gelu(x.mean(dim=(2, 3), keepdim=True))", True),
        ("return F.gelu(F.avg_pool2d(x, 4))", "return F.gelu(F.avg_pool2d(x, 4)).detach()", False),
        ("return F.gelu(F.avg_pool2d(x, 4))", "return F.gelu(F.avg_pool2d(x.data, 4))", False),
        ("return F.gelu", "with torch.no_grad(): return F.gelu", False),
        ("F.avg_pool2d(x, 4)", "F.avg_pool2d(torch.where(x > 0, x, x.detach()), 4)", False),
    ],
)  # fmt: skip
def test_a_block_without_weights_lets_the_gradient_through(old: str, new: str, right: bool) -> None:
    inputs = [(np.random.default_rng(seed).standard_normal((ROWS, 3, 4, 4)).astype(np.float32),) for seed in range(3)]
    said = judged(Here(POOLING.replace(old, new)), Here(POOLING), inputs, Diagram({}, ("x",)))
    assert said == "" if right else "gradient must come back through this block" in said


def test_a_number_is_told_as_it_was_before_it_is_changed_in_place() -> None:
    network = Here("import torch\nclass Network(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
                   "        self.one = torch.nn.Linear(5, 5)\n    def forward(self, x):\n        return self.one(x).relu_()")  # fmt: skip
    seen = Recording.of((np.ones((3, 5), np.float32),), {})
    seen.end(network.trace(seen, np.ones((3, 5), np.float32)))
    before, after = (seen.values[one.output] for one in seen.operations)
    assert before.min() < 0 == after.min()


def test_a_layer_that_the_first_call_makes_is_told_however_often_the_network_runs() -> None:
    network = Here("import torch\nclass Network(torch.nn.Module):\n    def forward(self, x):\n"
                   "        self.late = self.late if hasattr(self, 'late') else torch.nn.Linear(2, 2)\n        return self.late(x)")  # fmt: skip
    for _ in range(2):
        assert watch(network, (np.ones((3, 2), np.float32),)).made == ("late.weight", "late.bias")  # type: ignore[arg-type]


def test_a_bias_before_batch_norm_counts_where_the_diagram_says_so() -> None:
    changes = toys.LAZY_RIGHT["a bias before BatchNorm"]
    assert "without bias; yours has" in said_of("a lazy U-Net", changes, more_biases="none")
    assert said_of("a lazy U-Net", [], more_biases="none") == ""


def test_both_networks_run_in_workers_of_their_own(sandbox: Sandbox) -> None:
    inputs, diagram = lazy_inputs(), COURSES["a lazy U-Net"][2]

    def built(student: Student, text: str) -> Any:
        student.replace({"network.py": text.encode()})
        student.begin(1)
        return student.module("network").new("Network")

    with sandbox.lane() as one, sandbox.lane() as two:
        student, solution = Student(one, {}, Limits()), Student(two, {}, Limits())
        for changes, words in ([], ""), toys.LAZY_WRONG["kernel 3 for 4"]:
            text = changed(toys.LAZY_UNET, changes)
            said = judged(built(student, text), built(solution, toys.LAZY_UNET), inputs, diagram)
            assert (words in said) if words else said == ""


def test_what_is_kept_for_comparisons_does_not_grow_with_the_sizes_of_what_is_compared():
    longest = values._projection(5000)
    for length in range(1, 5000, 7):
        assert np.array_equal(values._projection(length)[:16], longest[: min(length, 16)])
    assert values._normal_numbers.cache_info().currsize <= 4
