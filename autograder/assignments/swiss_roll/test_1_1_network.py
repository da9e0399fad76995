"""Task 1-1: SimpleNet. Layers are found by their class, TimeLinear, never by name, so any way of keeping them is right.

The grader lays weights of its own into the layers and computes what must come out itself: the classes of the submission are asked for
answers, never for an expectation.
"""

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.assignments.swiss_roll.simple_net import Pair, chains, layers_of, pairs_of, simple_net
from autograder.assignments.swiss_roll.time_linear import TimeLinear, forward
from autograder.grading.checks import (
    Floats,
    Note,
    WrongAnswer,
    any_form,
    expect,
    expect_close,
    expect_tensor,
    task,
)
from autograder.grading.seeds import Draw
from autograder.oracles.tolerance import finite, near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Student

SETTLING_CALLS = 50  # after which a layer that estimates its weights at every call, by spectral normalisation, no longer moves
ROWS = 16
ARCHITECTURES = ((3, (16, 24, 12), 5), (2, (20,), 2), (4, (9, 13), 3), (2, (8, 8, 8, 8), 2))


def _call(net: Handle, x: Floats, t: NDArray[Any]) -> Floats:
    return net.call("", x.astype(np.float32), t)


def _bends(net: Handle, x: Floats, t: NDArray[Any], y: Floats) -> bool:
    """Whether an output is more than a sum of its inputs, each times a number: f((x + x')/2) is not (f(x) + f(x'))/2. Noise is not either,
    and differs from call to call.
    """
    other = 3 * x[::-1]
    again, far, between = (_call(net, points, t) for points in (x, other, (x + other) / 2))
    if not all(isinstance(value, np.ndarray) and value.shape == y.shape for value in (again, far, between)):
        return False
    return bool(np.array_equal(again, y) and abs(between - (y + far) / 2).max() > 1e-3 * abs(far).max())


@task("1-1", points=1, region="SimpleNet")
def test_output_shape(student: Student, draw: Draw, note: Note) -> None:
    """`SimpleNet` maps (B, dim_in) and t to (B, dim_out), for any sizes and any number of hidden layers."""
    for dim_in, hidden, dim_out in ARCHITECTURES:
        net = simple_net(student, dim_in, dim_out, list(hidden), 20)
        x, t = draw.normal(ROWS, dim_in), draw.generator.integers(0, 20, ROWS)
        value = _call(net, x, t)
        note(f"shape {hidden}", np.shape(value) if isinstance(value, np.ndarray) else (), 0)
        y = expect_tensor(
            value,
            (ROWS, dim_out),
            f"With dim_in = {dim_in}, dim_hids = {list(hidden)} and dim_out = {dim_out}, the output",
        )
        note.measured_work(_bends(net, x, t, y))


@task("1-1", points=1, region="SimpleNet", shows_work=True)
def test_one_time_linear_for_each_pair(student: Student, note: Note) -> None:
    """`SimpleNet` has one `TimeLinear` of its own for each pair of neighbours in [dim_in, *dim_hids, dim_out], where `parameters()` finds it."""
    for dim_in, hidden, dim_out in ARCHITECTURES:
        net = simple_net(student, dim_in, dim_out, list(hidden), 20)
        sizes = [size for size, _ in layers_of(student, net)]
        expected = pairs_of(dim_in, hidden, dim_out)
        note(f"sizes {hidden}", sorted(sizes), 0)
        note(f"linear layers {hidden}", bool(net.find(student.module("torch").part("nn.Linear"))), 0)
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


@task("1-1", points=2, region="SimpleNet", shows_work=True)
def test_chain_with_relu_between(student: Student, draw: Draw, note: Note) -> None:
    """`SimpleNet` sends x through its layers in order, gives t to each, and applies ReLU after every layer but the last."""
    for dim_in, hidden, dim_out in ARCHITECTURES:
        net = simple_net(student, dim_in, dim_out, list(hidden), 20)
        x, t = 3 * draw.normal(ROWS, dim_in), draw.generator.integers(0, 20, ROWS)
        x[ROWS // 2 :] *= 30  # large outputs too, so that a limit on them shows
        layers = layers_of(student, net)
        architecture = f"With dim_in = {dim_in}, dim_hids = {list(hidden)} and dim_out = {dim_out}"
        pairs = pairs_of(dim_in, hidden, dim_out)
        expect(
            sorted(size for size, _ in layers) == sorted(pairs),
            f"{architecture} the TimeLinear layers do not form a chain from dim_in to dim_out.",
        )
        laid_in = _set_weights(layers, draw)
        got = expect_tensor(_call(net, x, t), (ROWS, dim_out), "The output")
        best = _nearest(got, laid_in, pairs, x, t)
        if not near(got, best, 1e-3 * (1 + abs(best).max())):
            for _ in range(SETTLING_CALLS):
                got = expect_tensor(_call(net, x, t), (ROWS, dim_out), "The output")
            own = _read_weights(layers, laid_in)
            _expect_given_class(student, layers, own, draw)
            best = _nearest(got, own, pairs, x, t)
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
    _set_weights(layers_of(student, net), draw)
    full = expect_tensor(_call(net, x, np.full(256, 7)), (256, 2), "The output")
    one = any_form(note, [lambda: expect_tensor(_call(net, x, t), (256, 2), "The output for t of shape (1,)"),
                          lambda: expect_tensor(_call(net, x, np.array(7)), (256, 2), "The output for t of shape ()")])  # fmt: skip
    expect_close(one, full, "The output for one t", tolerance=1e-4)
    message = (
        "The output must depend on x: rows with different x must give different numbers; yours gives all rows the same."
    )
    expect(not near(full, full[0] + np.zeros_like(full), 1e-6), message)
    out = net.new("", x.astype(np.float32), np.full(256, 7))
    try:
        out.new("square").new("mean").call("backward")
    except Raised:
        note("backward", 0, 0)
        raise WrongAnswer(
            "The output must depend on the parameters, so that a loss can be minimised; no gradient comes back."
        ) from None
    layers = layers_of(student, net)
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


def _set_weights(layers: list[tuple[Pair, Handle]], draw: Draw) -> list[TimeLinear]:
    """Give every layer weights of the grader's, so that initialisation decides nothing: an output layer may start at 0. Returns the layers
    that this makes.
    """
    made = []
    for size, layer in layers:
        drawn = TimeLinear.drawn(*size, draw)
        for path, values in drawn.weights.items():
            layer.later(f"{path}.data.copy_", values.astype(np.float32))
        try:
            layer.get("dim_in")
        except Raised:
            for path, values in drawn.weights.items():  # one at a time: a parametrised layer keeps its own
                with contextlib.suppress(Raised):
                    layer.new(f"{path}.data.copy_", values.astype(np.float32))
        made.append(drawn)
    return made


def _read_weights(layers: list[tuple[Pair, Handle]], laid_in: list[TimeLinear]) -> list[TimeLinear]:
    """The layers with the weights that they have: a parametrised one, such as with weight normalisation, makes its own of those laid in.
    Weights that are all alike would make any answer right, and are not believed.
    """
    own = []
    for (_, layer), made in zip(layers, laid_in):
        weights = dict(made.weights)
        for path, values in made.weights.items():
            with contextlib.suppress(Raised):
                read = layer.get(path)
                usable = isinstance(read, np.ndarray) and read.shape == values.shape and finite(read)
                if usable and (values.ndim == 1 or len(np.unique(read)) > read.size / 2):
                    weights[path] = read.astype(np.float64)
        own.append(TimeLinear(made.dim_in, made.dim_out, weights))
    return own


def _expect_given_class(student: Student, layers: list[tuple[Pair, Handle]], own: list[TimeLinear], draw: Draw) -> None:
    """TimeLinear itself is as in the handout, whatever a subclass adds to it."""
    given = student.module("network").part("TimeLinear")
    for (_, layer), right in zip(layers, own):
        x, t = draw.normal(ROWS, right.dim_in), draw.generator.integers(0, 20, ROWS)
        got = given.call("forward", layer, x.astype(np.float32), t)
        expected = right(x, t)
        alike = isinstance(got, np.ndarray) and near(got, expected, 1e-3 * (1 + abs(expected).max()))
        expect(
            alike,
            f"TimeLinear, with dim_in = {right.dim_in} and dim_out = {right.dim_out}, gives other numbers than that of the handout. It is "
            "given: leave the class, and what belongs to it, as it is, and build SimpleNet with it.",
        )


def _nearest(got: Floats, layers: list[TimeLinear], pairs: list[Pair], x: Floats, t: NDArray[np.int64]) -> Floats:
    """Of the outputs of all chains that the layers may form, the nearest to what came."""
    outputs = [forward(chain, x, t) for chain in chains(layers, pairs)]
    return min(outputs, key=lambda output: float(abs(got - output).max()))


def _arrows(pairs: list[Pair]) -> str:
    return ", ".join(f"{a} → {b}" for a, b in pairs) or "none"
