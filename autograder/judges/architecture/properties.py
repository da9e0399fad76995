"""What holds of every right network, whatever its design: for courses that leave the design to the student, in part or altogether.

    seen = watch(network, (x, t))
    expect_all_trained(seen)                   # every layer is where an optimiser finds it
    expect_links(seen)                         # of a U-Net: a link across at every resolution
    network.draw_weights()
    expect_gradients(network, (x, t), draw)    # training reaches every layer
    expect_bends(answer, x)                    # there is an activation

How a network is written makes no difference: its operations are watched below modules, see sandbox/tracing.py.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.judges.architecture.recording import Arguments, Operation, Recording
from autograder.oracles.tolerance import near
from autograder.sandbox.proxies import Handle, describe

MAPS = ("convolution", "pool", "upsample")  # operations that give feature maps, (B, C, H, W), whatever else is 4-dimensional


def watch(network: Handle, arguments: Arguments) -> Recording:
    """One call in training mode, operation by operation, without numbers."""
    network.later("train")
    seen = Recording.of(arguments, {})
    seen.end(network.outline(*arguments))
    return seen


def expect_all_trained(seen: Recording) -> None:
    """Every weight is where an optimiser finds it, before the first call, and nothing else is in its way. Raises WrongAnswer."""
    if seen.made:
        raise WrongAnswer(
            f"Every layer must be made in __init__; yours makes {_layers(seen.made)} during the first call, so an optimiser that was made before "
            "never trains it."
        )
    expect_registered(seen)
    if seen.idle:
        raise WrongAnswer(
            f"Your network makes a lazy layer that it never runs: {_layers(seen.idle)}. Its size is never known, so counting parameters or giving "
            "them to an optimiser raises an error. Run it in forward, or take it out of __init__."
        )


def expect_registered(seen: Recording) -> None:
    """PyTorch knows every layer. One that it does not know is not set to evaluation mode either. Raises WrongAnswer."""
    slots = [slot for layer in seen.layers() for slot in layer.slots if not slot.role.startswith("running")]
    if any(slot.name is None for slot in slots):
        raise WrongAnswer(
            "Every layer must be where parameters() finds it; a layer of yours is not (an ordinary list or a dictionary hides layers: take "
            "nn.ModuleList or nn.ModuleDict). An optimiser would never train it."
        )


def _layers(parameters: Iterable[str]) -> str:
    """The layers of some parameters, "`down5.0`"."""
    layers = dict.fromkeys(name.rpartition(".")[0] or name for name in parameters)
    return ", ".join(f"`{layer[:80]}`" for layer in list(layers)[:4])


# The links of a U-Net


def expect_links(seen: Recording) -> list[int]:
    """For every resolution of the way down to which the way up comes back, there is a way from the image to the output that goes no lower.

    The first argument is the image. Returns the sides of all feature maps, the smallest first. Raises WrongAnswer.
    """
    image = seen.values[0].shape[-1]
    ways = least_sides(seen)
    maps = [(side, ways[one.output]) for one in seen.operations if (side := _side(one)) and one.output in ways]
    down = {image} | {side for side, least in maps if side in least}
    up = {side for side, least in maps if least and min(least) < side}
    reached = {side for number in seen.outputs if number is not None for side in ways.get(number, ())}
    if missing := sorted((down & up) - reached):
        side = missing[-1]
        what = "the image, or what is made of it at its full size," if side == image else "what the way down has"
        where = f" (the image divided by {image // side})" if side != image else ""
        others = f" The same is so at {', '.join(f'{n} × {n}' for n in missing[-2::-1])}." if missing[1:] else ""
        raise WrongAnswer(
            f"At {side} × {side}{where} {what} must reach the way up by a link across, such as torch.cat; in yours there is none.{others}"
        )
    return sorted({side for side, _ in maps} | {image})


def least_sides(seen: Recording) -> dict[int, frozenset[int]]:
    """Of each tensor: the smallest side of a feature map on each way to it from the first argument."""
    ways = {0: frozenset([seen.values[0].shape[-1]])}
    for one in seen.operations:
        inputs = () if one.kind.startswith("new_") or one.kind.endswith("_like") else one.inputs  # these take no more than a size
        least = frozenset[int]().union(*(ways.get(number, ()) for number in inputs))
        if least:
            side = _side(one)
            ways[one.output] = frozenset(min(way, side) for way in least) if side else least
    return ways


def _side(operation: Operation) -> int:
    """Of the feature map that an operation gives; 0 where it gives none, or a tensor of another layout."""
    is_map = len(operation.shape) == 4 and any(kind in operation.kind for kind in MAPS)
    return operation.shape[-1] if is_map else 0


# Weights and activations


def expect_gradients(network: Handle, arguments: Arguments, shape: tuple[int, ...], draw: Draw) -> None:
    """In training mode the output, of this shape, has a gradient for every layer. Frozen parameters need none. Raises WrongAnswer."""
    network.later("train")
    told = network.gradients([draw.normal(*shape).astype(np.float32)], *arguments)
    silent = [str(name)[:80] for name in told["silent"]] if isinstance(told, dict) and isinstance(told.get("silent"), list) else []
    expect(
        not silent,
        f"Every layer must take part, so that training reaches it; in your network no gradient reaches {', '.join(f'`{n}`' for n in silent[:4])}. "
        "Run each layer that you make, and look for .detach(), .data or torch.no_grad on the way.",
    )


def expect_bends(answer: Callable[[Floats], Any], x: Floats) -> Floats:
    """The network is no linear map of its images, x (3, C, H, W), and depends on them; beside them it gets the same for each. Returns its
    answer to x. Raises WrongAnswer.
    """
    x = np.stack([x[0], x[1], (x[0] + x[1]) / 2])
    y = expect_tensor(answer(x), x.shape, "The output")
    largest = float(abs(y[0] - y[1]).max())
    expect(largest > 1e-6 * (1 + abs(y).max()), "The output must depend on the image; yours gives every image the same.")
    bends = not near(y[2], (y[0] + y[1]) / 2, 1e-3 * largest)
    expect(bends, "Your network must have an activation, such as ReLU, between its layers; it is a linear map of the image.")
    return y


def expect_any_number(y: Floats) -> None:
    """A network that finds noise answers with numbers of both signs, and beyond 1. With drawn weights, of many numbers some are."""
    free = y.min() < 0 < y.max() and abs(y).max() > 1
    expect(free, "Your network must be able to answer with any number, as noise has both signs and no limit; yours is limited.")


# Labels


def judge_labels(answer: Callable[[Floats, Any], Any], image: Floats, classes: int, note: Note) -> None:
    """Each of the labels 0 … classes − 1, four or more, changes what is answered to its own image, and to no other; for any number of images.

    `image`: (1, C, H, W). Raises WrongAnswer.
    """
    x, labels, few = np.repeat(image, classes, axis=0), np.arange(classes), 3
    answers = expect_tensor(answer(x, labels), x.shape, "The output")
    again = expect_tensor(answer(x[:few], np.array([classes - 1, 1, 2])), (few, *x.shape[1:]), "The output")
    scale = abs(answers).max()
    alike = [(i, j) for j in range(classes) for i in range(j) if near(answers[i], answers[j], 1e-6 * scale)]
    note("labels alike", len(alike), 0)
    of_others = [near(one, two, 1e-4 * scale) for one, two in zip(again, (answers[-1], *answers[1:few]))]
    note("answers that change with other labels", len(of_others) - sum(of_others), 0)
    mixed = "The label of an image must change what the network finds in that image and in no other; in yours they mix."
    expect(all(of_others), mixed)
    if alike:
        told = "every label" if len(alike) == classes * (classes - 1) // 2 else f"the labels {alike[0][0]} and {alike[0][1]}"
        raise WrongAnswer(f"The label must change what the network finds in an image; yours answers {told} with the same.")
    alone = answer(image, labels[:1])
    right = isinstance(alone, np.ndarray) and alone.shape == image.shape
    expect(right, f"With one image and one label your network must answer in shape {image.shape}; it gives {describe(alone)}.")
