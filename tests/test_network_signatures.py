"""Networks of any signature, answered by the grader: what is on record, and what comes out in the worker."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from autograder.judges.network import Call, Network, as_timesteps
from autograder.judges.signature import Signature, as_diffusers, as_tuple
from autograder.limits import Limits
from autograder.oracles.schedule import Floats
from autograder.sandbox.failures import GraderHangup
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Student

X, T, C, MASK = np.ones((2, 3, 4, 4), dtype=np.float32), np.array([1.0, 2.0]), np.array([5, 7]), np.array([0, 1])
LABELLED = Signature(("x", "c", "t", "mask"), {"mask": None})
DIFFUSERS = Signature(
    ("x", "t", "c", "return_dict"),
    {"return_dict": True},
    {"sample": "x", "timestep": "t", "encoder_hidden_states": "c"},
    as_diffusers,
)


def twice(call: Call) -> Floats:
    return 2 * call.x


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((X, C, T, MASK), {}),
        ((X, C, T), {"mask": MASK}),
        ((X,), {"mask": MASK, "t": T, "c": C}),
        ((), {"t": T, "x": X, "mask": MASK, "c": C}),
        ((X, C), {"t": T, "context_mask": MASK}),
    ],
)
def test_arguments_are_on_record_by_name(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    network = Network(twice, LABELLED)
    network(*args, **kwargs)
    (call,) = network.calls
    assert np.array_equal(call.x, X)
    assert np.array_equal(call.t, T)
    assert np.array_equal(call.more["c"], C)
    assert np.array_equal(call.more["mask"], MASK)


def test_what_may_be_left_out_has_its_default() -> None:
    network = Network(twice, LABELLED)
    network(X, C, T)
    assert network.calls[0].more["mask"] is None
    assert np.array_equal(Network(twice, ("x",))(X), 2 * X)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((X,), {}),
        ((X, C, T, MASK, T), {}),
        ((X, C, T), {"x": X}),
        ((None, C, T), {}),
        ((), {}),
        ((X, C, T), {"a": T, "b": T}),
    ],
)
def test_what_does_not_fit_is_said(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    with pytest.raises(GraderHangup, match="the network takes x, c, t and mask, and was called with"):
        Network(twice, LABELLED)(*args, **kwargs)


@pytest.mark.parametrize(
    "t", [3, 3.0, np.array(3), np.array([3]), np.full(2, 3), np.full((2, 1), 3), np.full((2, 1, 1, 1), 3.0)]
)
def test_forms_of_t(t: Any) -> None:
    assert np.array_equal(as_timesteps(t, 2), [3.0, 3.0])


@pytest.mark.parametrize("t", [np.zeros(3), np.zeros((2, 2)), np.zeros((1, 2)), np.zeros((0,)), "3", None])
def test_no_other_forms(t: Any) -> None:
    with pytest.raises(GraderHangup):
        as_timesteps(t, 2)


# In the worker

CODE = b"""
import torch

def plain(net): return net(torch.ones(2, 3, 4, 4), torch.tensor([1, 2]))
def item(net): return net(torch.ones(2, 3, 4, 4), 7, encoder_hidden_states=torch.zeros(1, 5), return_dict=False)[0]
def attribute(net): return net(torch.ones(2, 3, 4, 4), 7, torch.zeros(1, 5)).sample
def first(net): return net(sample=torch.ones(2, 3, 4, 4), timestep=7, encoder_hidden_states=torch.zeros(1, 5))[0]
def key(net): return net(torch.ones(2, 3, 4, 4), 7, torch.zeros(1, 5))["sample"]
def half(net):
    x = torch.ones(2, 3, 4, 4).half().to(net.device)
    out = net.half()(x, torch.tensor(7), encoder_hidden_states=torch.zeros(1, 5).half()).sample
    noise, variance = torch.split(out, 3, dim=1)
    return noise + variance
def unpacked(net):
    answer, = net(torch.ones(2, 3, 4, 4), torch.tensor([1, 2]))
    return answer
def gradient(net):
    net(torch.ones(2, 3, 4, 4), 7, torch.zeros(1, 5)).sample.sum().backward()
    return net.scale.grad
"""


@pytest.fixture(scope="module")
def student(sandbox: Sandbox) -> Iterator[Student]:
    with sandbox.lane() as lane:
        yield Student(lane, {"answers.py": CODE}, Limits())


def six(call: Call) -> Floats:
    """Noise and variance."""
    return np.concatenate([2 * call.x, 3 * call.x], axis=1)


@pytest.mark.parametrize(
    ("function", "signature", "answer", "expected", "dtype"),
    [
        ("plain", Signature(), twice, 2.0, "float32"),
        ("unpacked", Signature(result=as_tuple), twice, 2.0, "float32"),
        ("item", DIFFUSERS, twice, 2.0, "float32"),
        ("attribute", DIFFUSERS, twice, 2.0, "float32"),
        ("first", DIFFUSERS, twice, 2.0, "float32"),
        ("key", DIFFUSERS, twice, 2.0, "float32"),
        ("half", DIFFUSERS, six, 5.0, "float16"),
        ("gradient", DIFFUSERS, twice, 192.0, "float32"),
    ],
)
def test_every_form_of_call_and_answer(
    student: Student, function: str, signature: Signature, answer: Callable[[Call], Floats], expected: float, dtype: str
) -> None:
    student.begin(1)
    network = Network(answer, signature)
    value = student.module("answers").call(function, student.network(network))
    assert (value == expected).all()
    assert value.dtype.name == dtype
    assert network.dtypes == [dtype]
    assert len(network.calls) == 1
