"""Task 1-1: SimpleNet. Layers are found by their class, TimeLinear, never by name, so any way of keeping them is right."""

import contextlib
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.grading.checks import (
    Floats,
    Note,
    WrongAnswer,
    any_form,
    expect,
    expect_close,
    expect_integer,
    expect_tensor,
    task,
)
from autograder.grading.seeds import Draw
from autograder.sandbox.launcher import Raised
from autograder.sandbox.proxies import Handle, Student

ROWS = 16
WIDEST = 4096  # layer; none here is wider than 64
ARCHITECTURES = ((3, (16, 24, 12), 5), (2, (20,), 2), (4, (9, 13), 3), (2, (8, 8, 8, 8), 2))


def simple_net(student: Student, dim_in: int, dim_out: int, dim_hids: list[int], num_timesteps: int) -> Handle:
    return student.module("network").new("SimpleNet", dim_in, dim_out, dim_hids, num_timesteps)


def _call(net: Handle, x: Floats, t: NDArray[Any]) -> Floats:
    return net.call("", x.astype(np.float32), t)


def _pairs(dim_in: int, hidden: tuple[int, ...], dim_out: int) -> list[tuple[int, int]]:
    sizes = [dim_in, *hidden, dim_out]
    return list(zip(sizes[:-1], sizes[1:]))


def _layers(student: Student, net: Handle) -> list[tuple[tuple[int, int], Handle]]:
    """The TimeLinear layers with their sizes."""
    found = net.find(student.module("network").part("TimeLinear"))
    return [((_size(layer, "dim_in"), _size(layer, "dim_out")), layer) for layer in found]


def _size(layer: Handle, name: str) -> int:
    return expect_integer(layer.get(name), 1, WIDEST, f"{name} of a TimeLinear")


@task("1-1", points=1, region="SimpleNet")
def test_output_shape(student: Student, draw: Draw, note: Note) -> None:
    """`SimpleNet` maps (B, dim_in) and t to (B, dim_out), for any sizes and any number of hidden layers."""
    for dim_in, hidden, dim_out in ARCHITECTURES:
        net = simple_net(student, dim_in, dim_out, list(hidden), 20)
        x, t = draw.normal(ROWS, dim_in), draw.generator.integers(0, 20, ROWS)
        value = _call(net, x, t)
        note(f"shape {hidden}", np.shape(value) if isinstance(value, np.ndarray) else (), 0)
        expect_tensor(
            value,
            (ROWS, dim_out),
            f"With dim_in = {dim_in}, dim_hids = {list(hidden)} and dim_out = {dim_out}, the output",
        )


@task("1-1", points=1, region="SimpleNet")
def test_one_time_linear_for_each_pair(student: Student, note: Note) -> None:
    """`SimpleNet` has one `TimeLinear` of its own for each pair of neighbours in [dim_in, *dim_hids, dim_out], where `parameters()` finds it."""
    for dim_in, hidden, dim_out in ARCHITECTURES:
        net = simple_net(student, dim_in, dim_out, list(hidden), 20)
        sizes = [size for size, _ in _layers(student, net)]
        expected = _pairs(dim_in, hidden, dim_out)
        note(f"sizes {hidden}", sorted(sizes), 0)
        architecture = f"With dim_in = {dim_in}, dim_hids = {list(hidden)} and dim_out = {dim_out}"
        if not sizes:
            raise WrongAnswer(
                f"{architecture} there must be {len(expected)} TimeLinear layers among self.modules(); "
                "there is none (nn.Linear does not count, and an ordinary list hides its layers)."
            )
        expect(
            sorted(sizes) == sorted(expected),
            f"{architecture} there must be TimeLinear layers {_arrows(expected)}; yours are {_arrows(sizes)}.",
        )
        embeddings = len(net.find(student.module("network").part("TimeEmbedding")))
        note(f"time embeddings {hidden}", embeddings, 0)
        expect(
            embeddings >= len(expected),
            f"{architecture} each of the {len(expected)} TimeLinear layers must have a time embedding of its own; yours share {embeddings}.",
        )


@task("1-1", points=2, region="SimpleNet")
def test_chain_with_relu_between(student: Student, draw: Draw, note: Note) -> None:
    """`SimpleNet` sends x through its layers in order, gives t to each, and applies ReLU after every layer but the last."""
    for dim_in, hidden, dim_out in ARCHITECTURES:
        net = simple_net(student, dim_in, dim_out, list(hidden), 20)
        x, t = 3 * draw.normal(ROWS, dim_in), draw.generator.integers(0, 20, ROWS)
        x[ROWS // 2 :] *= 30  # large outputs too, so that a limit on them shows
        layers = _layers(student, net)
        _set_weights(layers, draw)
        got = expect_tensor(_call(net, x, t), (ROWS, dim_out), "The output")
        architecture = f"With dim_in = {dim_in}, dim_hids = {list(hidden)} and dim_out = {dim_out}"
        pairs = _pairs(dim_in, hidden, dim_out)
        candidates = [_forward(chain, pairs, x, t) for chain in _chains(layers, pairs)]
        if not candidates:
            raise WrongAnswer(f"{architecture} the TimeLinear layers do not form a chain from dim_in to dim_out.")
        errors = [abs(got - candidate).max() for candidate in candidates]
        best = candidates[int(np.argmin(errors))]
        scale = np.repeat([[max(abs(half).max(), 1e-6)] for half in np.split(best, 2)], ROWS // 2, axis=0)
        error = float((abs(got - best) / scale).max())
        note(f"error {hidden}", error, 0.02 * error + 1e-5)
        note(f"smallest {hidden}", (got / scale).min(), 1e-3)
        expect_close(
            got / scale, best / scale, f"{architecture} the output, relative to its largest value,", tolerance=1e-4
        )


@task("1-1", points=1, region="SimpleNet")
def test_forms_of_t_and_gradients(student: Student, draw: Draw, note: Note) -> None:
    """`SimpleNet` takes one t for all rows, and its loss sends a gradient to every layer."""
    net = simple_net(student, 2, 2, [32, 32, 32], 20)
    x, t = draw.normal(256, 2), np.array([7])
    _set_weights(_layers(student, net), draw)
    full = expect_tensor(_call(net, x, np.full(256, 7)), (256, 2), "The output")
    one = any_form(note, [lambda: expect_tensor(_call(net, x, t), (256, 2), "The output for t of shape (1,)"),
                          lambda: expect_tensor(_call(net, x, np.array(7)), (256, 2), "The output for t of shape ()")])  # fmt: skip
    expect_close(one, full, "The output for one t", tolerance=1e-4)
    out = net.new("", x.astype(np.float32), np.full(256, 7))
    try:
        out.new("square").new("mean").call("backward")
    except Raised:
        note("backward", 0, 0)
        raise WrongAnswer(
            "The output must depend on the parameters, so that a loss can be minimised; no gradient comes back."
        ) from None
    layers = _layers(student, net)
    silent = []
    for (dim_in, dim_out), layer in layers:
        for part, path in (("", "fc.weight"), ("the time embedding of ", "time_embedding.mlp.2.weight")):
            gradient = layer.get(f"{path}.grad")
            if not isinstance(gradient, np.ndarray) or not np.isfinite(gradient).all() or not gradient.any():
                silent.append(f"{part}{dim_in} → {dim_out}")
    note("layers without gradient", len(silent), 0)
    expect(layers, "There are no TimeLinear layers that training could reach.")
    expect(
        not silent, f"Every layer must take part, so that training reaches it; no gradient reaches {', '.join(silent)}."
    )


def _set_weights(layers: list[tuple[tuple[int, int], Handle]], draw: Draw) -> None:
    """Give every layer weights of the grader's, so that initialisation decides nothing: an output layer may start at 0."""
    for (dim_in, dim_out), layer in layers:
        shapes = {"fc.weight": (dim_out, dim_in), "fc.bias": (dim_out,)}
        shapes |= {"time_embedding.mlp.0.weight": (dim_out, 256), "time_embedding.mlp.0.bias": (dim_out,)}
        shapes |= {"time_embedding.mlp.2.weight": (dim_out, dim_out), "time_embedding.mlp.2.bias": (dim_out,)}
        weights = {path: (draw.normal(*n) / np.sqrt(n[-1])).astype(np.float32) for path, n in shapes.items()}
        for path, values in weights.items():
            layer.later(f"{path}.data.copy_", values)
        try:
            layer.get("dim_in")
        except Raised:
            for path, values in weights.items():  # one at a time: a parametrised layer keeps its own
                with contextlib.suppress(Raised):
                    layer.new(f"{path}.data.copy_", values)


def _chains(layers: list[tuple[tuple[int, int], Handle]], pairs: list[tuple[int, int]]) -> list[list[Handle]]:
    """The ways to put the layers in an order that fits `pairs`; more than one only where layers have equal sizes."""
    by_size: dict[tuple[int, int], list[Handle]] = {}
    for size, layer in layers:
        by_size.setdefault(size, []).append(layer)
    if any(len(by_size.get(pair, [])) != pairs.count(pair) for pair in pairs):
        return []
    repeated = [pair for pair in by_size if pairs.count(pair) > 1]
    orders = itertools.product(*[itertools.permutations(by_size[pair]) for pair in repeated])
    chains = []
    for order in orders:
        queues = {pair: list(handles) for pair, handles in {**by_size, **dict(zip(repeated, order))}.items()}
        chains.append([queues[pair].pop(0) for pair in pairs])
    return chains


def _forward(chain: list[Handle], pairs: list[tuple[int, int]], x: Floats, t: NDArray[Any]) -> Floats:
    for index, (layer, (dim_in, dim_out)) in enumerate(zip(chain, pairs)):
        x = expect_tensor(_call(layer, x, t), (len(x), dim_out), f"The output of TimeLinear({dim_in}, {dim_out})")
        if index < len(chain) - 1:
            x = np.maximum(x, 0)
    return x


def _arrows(pairs: list[tuple[int, int]]) -> str:
    return ", ".join(f"{a} → {b}" for a, b in pairs) or "none"
