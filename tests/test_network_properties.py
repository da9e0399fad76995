"""What is asked of a network of any design: right ones of many kinds pass, and each that lacks one property is told so."""

from typing import Any

import numpy as np
import pytest

from autograder.grading.checks import Note, WrongAnswer
from autograder.grading.seeds import Draw
from autograder.judges.architecture import properties
from tests.here import Here

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 16, 16)).astype(np.float32)
UNET = """
import torch
from torch import nn
from torch.nn import functional as F

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = nn.Conv2d(2, 4, 3, 1, 1), nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(6, 8, 3, 2, 1)
        self.four, self.five = nn.ConvTranspose2d(8, 6, 2, 2), nn.ConvTranspose2d(12, 4, 2, 2)
        self.out = nn.Conv2d(8, 2, 1)
    def forward(self, x):
        one = F.relu(self.one(x))
        two = F.relu(self.two(one))
        y = F.relu(self.three(two))
        y = F.relu(self.four(y))
        y = F.relu(self.five(torch.cat([y, two], 1)))
        return self.out(torch.cat([y, one], 1))
"""
TWO, UP = "two = F.relu(self.two(one))", "self.five(torch.cat([y, two], 1))"
RIGHT = {
    "the plain one": [],
    "links added": [("nn.ConvTranspose2d(12, 4", "nn.ConvTranspose2d(6, 4"), ("torch.cat([y, two], 1)", "y + two")],
    "a link written into room for both": [
        (UP, "self.five(room)"),
        ("y = F.relu(self.five", "room = torch.zeros(len(y), 12, 8, 8)\n        room[:, :6], room[:, 6:] = y, two\n        y = F.relu(self.five"),
    ],
    "a gate from the whole image on the way down": [
        (TWO, "two = self.two(one)\n        two = two * two.mean((2, 3), True).sigmoid()"),
    ],
    "a gate by pooling": [(TWO, "two = self.two(one)\n        two = two * F.adaptive_avg_pool2d(two, 1).sigmoid()")],
    "channels last, fewer than pixels": [
        (TWO, f"{TWO}\n        last = F.layer_norm(two.permute(0, 2, 3, 1), (6,))"),
        (UP, "self.five(torch.cat([y.permute(0, 2, 3, 1), last], 3).permute(0, 3, 1, 2))"),
    ],
    "attention in the middle": [
        ("y = F.relu(self.three(two))", "y = self.three(two)\n        r = y.flatten(2)\n        "
         "y = y + F.scaled_dot_product_attention(r, r, r).reshape(y.shape)"),
    ],
    "a matrix in the middle": [
        ("self.out =", "self.matrix = nn.Linear(128, 128)\n        self.out ="),
        ("y = F.relu(self.four(y))", "y = F.relu(self.four(self.matrix(y.flatten(1)).view(y.shape)))"),
    ],
    "pixels in the channels": [
        ("nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d", "nn.Conv2d(16, 6, 1), nn.Conv2d"),
        ("self.two(one)", "self.two(F.pixel_unshuffle(one, 2))"),
    ],
    "two resolutions at a step on the way down": [
        ("nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(6, 8, 3, 2, 1)", "nn.Conv2d(4, 8, 4, 4), nn.Identity()"),
        ("nn.ConvTranspose2d(12, 4, 2, 2)", "nn.ConvTranspose2d(6, 4, 2, 2)"),
        ("torch.cat([y, two], 1)", "y"),
    ],
}  # fmt: skip


def network(changes: list[tuple[str, str]]) -> Any:
    text = UNET
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return Here(text)


def said(judge: Any) -> str:
    try:
        judge()
        return ""
    except WrongAnswer as error:
        return str(error)


@pytest.mark.parametrize("form", RIGHT)
def test_a_right_design_has_its_links(form: str) -> None:
    assert properties.expect_links(properties.watch(network(RIGHT[form]), (IMAGES,)))[0] <= 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("torch.cat([y, two], 1)", "torch.cat([y, y], 1)")], "At 8 × 8 (the image divided by 2) what the way down has"),
        ([("torch.cat([y, one], 1)", "torch.cat([y, y], 1)")], "At 16 × 16 the image, or what is made of it at its full size,"),
        ([("torch.cat([y, one], 1)", "torch.cat([y, y], 1)"), ("torch.cat([y, two], 1)", "torch.cat([y, y], 1)")], "The same is so at 8 × 8."),
        ([(UP, "self.five(room)"), (TWO, TWO + "\n        room = two.new_zeros(3, 12, 8, 8)"), ("y = F.relu(self.four(y))",
          "y = F.relu(self.four(y))\n        room[:, :6], room[:, 6:] = y, y")], "At 8 × 8"),
        ([("torch.cat([y, one], 1)", "torch.cat([y, torch.ones_like(one)], 1)")], "in yours there is none"),
        ([("torch.cat([y, two], 1)", "torch.cat([y, F.interpolate(F.max_pool2d(two, 2), scale_factor=2)], 1)")], "At 8 × 8"),
    ],
)  # fmt: skip
def test_a_link_that_is_missing_is_told_with_its_resolution(changes: list[tuple[str, str]], words: str) -> None:
    assert words in said(lambda: properties.expect_links(properties.watch(network(changes), (IMAGES,))))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], ""),
        ([("self.out = ", "self.table = nn.Parameter(torch.ones(2, 2), requires_grad=False)\n        self.out = ")], ""),
        ([("self.out = ", "self.unused = nn.Linear(3, 3)\n        self.out = ")], "no gradient reaches `unused.weight`"),
        ([("self.one(x))", "self.one(x)).detach()")], "no gradient reaches `one.weight`. Run each"),
        ([("return self.out(", "return 0 * self.out(")], "no gradient reaches"),
    ],
)
def test_a_gradient_reaches_every_layer(changes: list[tuple[str, str]], words: str) -> None:
    net = network(changes)
    net.draw_weights()
    message = said(lambda: properties.expect_gradients(net, (IMAGES,), IMAGES.shape, Draw(b"a secret of properties", "1", "")))
    assert words in message
    assert bool(words) == bool(message)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], ""),
        ([("F.relu(", "(")], "must have an activation"),
        ([("def forward(self, x):", "def forward(self, x):\n        x = 0 * x")], "gives every image the same"),
        ([("return self.out(torch.cat([y, one], 1))", "return self.out(torch.cat([y, one], 1)).sigmoid()")], "any number"),
        ([("return self.out(torch.cat([y, one], 1))", "return self.out(torch.cat([y, one], 1)).tanh()")], "any number"),
    ],
)
def test_what_a_network_answers(changes: list[tuple[str, str]], words: str) -> None:
    net = network(changes)
    net.draw_weights()
    message = said(lambda: properties.expect_any_number(properties.expect_bends(lambda x: net.call("", x.astype(np.float32)), IMAGES)))
    assert words in message
    assert bool(words) == bool(message)


def answer(x: Any, labels: Any, shown: Any) -> Any:
    return (x + shown(labels).reshape(-1, 1, 1, 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (lambda labels: np.sin(labels), ""),
        (lambda labels: 0 * labels, "answers every label with the same"),
        (lambda labels: labels // 2, "answers the labels 0 and 1 with the same"),
        (lambda labels: np.cumsum(labels) + labels, "in yours they mix"),
        (lambda labels: 0 * labels + labels[0], "in yours they mix"),
        (lambda labels: np.sin(labels) + labels.mean(), "in yours they mix"),
    ],
)
def test_a_label_has_an_effect_on_its_own_image(shown: Any, words: str) -> None:
    message = said(lambda: properties.judge_labels(lambda x, labels: answer(x, labels, shown), IMAGES[:1].astype(float), 5, Note()))
    assert words in message
    assert bool(words) == bool(message)


def test_a_network_that_returns_nothing_is_asked_for_its_return() -> None:
    assert "Is there a `return`?" in said(lambda: properties.watch(network([("return self.out", "self.out")]), (IMAGES,)))
