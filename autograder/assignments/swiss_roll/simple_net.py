"""The student's SimpleNet in the worker: its TimeLinear layers, which are found by their class, never by a name, and the chain that they form."""

import itertools

from autograder.assignments.swiss_roll.time_linear import TimeLinear
from autograder.grading.checks import expect, expect_integer
from autograder.sandbox.proxies import Handle, Student

Pair = tuple[int, int]  # the sizes of a layer: dim_in, dim_out
MOST_FEATURES, MOST_LAYERS = 1024, 32  # that are looked at; the checks' architectures have 32 and 5 at most, that of task 1-5 has 128 and 4


def simple_net(student: Student, dim_in: int, dim_out: int, dim_hids: list[int], num_timesteps: int) -> Handle:
    return student.module("network").new("SimpleNet", dim_in, dim_out, dim_hids, num_timesteps)


def pairs_of(dim_in: int, hidden: tuple[int, ...], dim_out: int) -> list[Pair]:
    """The sizes of the layers, from the input to the output."""
    sizes = [dim_in, *hidden, dim_out]
    return list(zip(sizes[:-1], sizes[1:]))


def layers_of(student: Student, net: Handle) -> list[tuple[Pair, Handle]]:
    """The TimeLinear layers with their sizes, in order of registration."""
    found = net.find(student.module("network").part("TimeLinear"))
    expect(
        len(found) <= MOST_LAYERS,
        f"SimpleNet must have one TimeLinear layer for each pair of neighbouring sizes; yours has {len(found)} where 5 are the most.",
    )
    return [((_size(layer, "dim_in"), _size(layer, "dim_out")), layer) for layer in found]


def _size(layer: Handle, name: str) -> int:
    return expect_integer(layer.get(name), 1, MOST_FEATURES, f"{name} of a TimeLinear")


def chains(layers: list[TimeLinear], pairs: list[Pair]) -> list[list[TimeLinear]]:
    """The ways to put the layers in an order that fits `pairs`; more than one only where layers have equal sizes."""
    by_size: dict[Pair, list[TimeLinear]] = {}
    for layer in layers:
        by_size.setdefault((layer.dim_in, layer.dim_out), []).append(layer)
    repeated = [pair for pair in by_size if pairs.count(pair) > 1]
    orders = itertools.product(*[itertools.permutations(by_size[pair]) for pair in repeated])
    found = []
    for order in orders:
        queues = {pair: list(same) for pair, same in {**by_size, **dict(zip(repeated, order))}.items()}
        found.append([queues[pair].pop(0) for pair in pairs])
    return found
