"""Judgements of a U-Net by what it does. Names, order of construction, and how it is put together decide nothing.

Every module of the network is watched from here: what goes in and what comes out. A network with the channels of the diagram is compared
with the diagram, convolution by convolution; another one is a design of one's own, and judged by properties that every U-Net has.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.assignments.minimal_diffusion.interface import CLASSES
from autograder.grading.checks import Floats, Note, WrongAnswer, expect, expect_tensor
from autograder.grading.seeds import Draw
from autograder.oracles.tolerance import near
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle, Opaque, Student, describe

SIDE, ROWS = 32, 2
MOST_MODULES = 400
DOWN, MIDDLE, UP = (72, 96, 128, 196), 256, (256, 196, 128, 96)


@dataclass
class Seen:
    """A module at work: `kind` is its class, `given` and `gave` its first input and its output, images (B, C, H, W)."""

    number: int
    kind: str
    given: Floats
    gave: Floats


@dataclass
class Watch:
    """Answers the hooks of all modules. `pinned`: outputs that take the place of a module's own, by number and call."""

    seen: list[Seen] = field(default_factory=list)
    pin: Callable[[Floats], bool] | None = None  # which outputs are replaced by 0

    def hook(self, number: int) -> Callable[..., Any]:
        def answer(module: Any, given: Any, gave: Any) -> Any:
            first = given[0] if isinstance(given, tuple) and given else None
            if not isinstance(first, np.ndarray) or not isinstance(gave, np.ndarray) or {first.ndim, gave.ndim} != {4}:
                return None
            kind = module.description.rpartition(".")[2] if isinstance(module, Opaque) else ""
            self.seen.append(Seen(number, kind, first, gave))
            return np.zeros_like(gave) if self.pin is not None and self.pin(gave) else None

        return answer


@dataclass(frozen=True)
class Built:
    """A network that has seen its first images. `arguments`: labels, where it takes some."""

    student: Student
    net: Handle
    arguments: tuple[Any, ...]

    def __call__(self, x: Floats, *arguments: Any) -> Any:
        return self.net.call("", x.astype(np.float32), *(arguments or self.arguments))


def build(student: Student, file: str, draw: Draw, note: Note, channels: int = 3, out_class: int | None = None, rows: int = ROWS) -> Built:
    """UNet after its first call. Layers that this call makes, and lazy ones that it does not reach, are wrong."""
    module, torch = student.module(file), student.module("torch")
    net = module.new("UNet") if out_class is None else module.new("UNet", out_class)
    any_module = torch.part("nn.Module")
    arguments = (draw.generator.integers(0, CLASSES, rows),) if file == "conditional" else ()
    before = len(net.find(any_module))
    note("modules", before, 0)
    built = Built(student, net, arguments)
    expected = (rows, 3 if out_class is None else out_class, SIDE, SIDE)
    value = built(draw.normal(rows, channels, SIDE, SIDE))
    note("output", np.shape(value) if isinstance(value, np.ndarray) else (), 0)
    after = len(net.find(any_module))
    note("modules after the first call", after, 0)
    expect(
        after == before,
        "UNet must make all of its layers in __init__: yours makes some during the first call, which an optimiser made before never trains.",
    )
    unused = net.find(torch.part("nn.modules.lazy.LazyModuleMixin"))
    note("lazy layers that never ran", len(unused), 0)
    if unused:
        raise WrongAnswer(
            f"UNet has {len(unused)} lazy layer{'s' * (len(unused) > 1)} that never run{'s' * (len(unused) == 1)} ({_layer(unused[0])}): "
            "it never gets its weights, and Adam refuses them. Use it in forward, or take it out of __init__."
        )
    expect_tensor(value, expected, f"For images of shape {(rows, channels, SIDE, SIDE)} and out_class = {expected[1]}, the output of UNet")
    return built


def _layer(layer: Handle) -> str:
    try:
        return f"one with {layer.get('out_channels')} channels"
    except Raised:
        return "a normalisation"


def judge_shapes(student: Student, file: str, draw: Draw, note: Note) -> Built:
    """Returns the network for three channels."""
    build(student, file, draw, note, 1, 5)
    built = build(student, file, draw, note)
    draw_weights(built, draw)
    x = draw.normal(ROWS, 3, SIDE, SIDE)
    built.net.later("eval")
    first, far = built(x), built(x + 3 * draw.normal(*x.shape))
    note.measured_work(bool(isinstance(first, np.ndarray) and first.shape == x.shape and not near(first, far, 1e-5)))
    expect(not near(first, far, 1e-6), "The output of UNet must depend on the image; yours gives every image the same.")
    return built


def draw_weights(built: Built, draw: Draw) -> int:
    """Every parameter gets new numbers, so that one that starts at 0 hides nothing. Returns how many there are."""
    torch, builtins = built.student.module("torch"), built.student.module("builtins")
    parameters = builtins.new("list", built.net.new("parameters"))
    count = int(builtins.call("len", parameters))
    built.student.seed = draw.seed()
    for index in range(min(count, MOST_MODULES)):
        parameter = parameters.new("__getitem__", index)
        if parameter.call("dim") > 1:
            torch.later("nn.init.xavier_uniform_", parameter, 4.0)
        else:
            torch.later("nn.init.uniform_", parameter, 0.2, 1.0)
    built.student.seed = None
    return count


def judge_gradients(student: Student, file: str, draw: Draw, note: Note, built: Built | None = None) -> None:
    """A gradient reaches every layer, and the network is no linear map, whose results have any sign and size."""
    built = built or build(student, file, draw, note)
    torch, builtins = student.module("torch"), student.module("builtins")
    built.net.later("train")
    count = draw_weights(built, draw)
    note("parameters", count, 0)
    expect(count, "UNet has no parameters: layers in an ordinary list are hidden from PyTorch; use nn.ModuleList, or attributes.")
    x = draw.normal(ROWS, 3, SIDE, SIDE)
    out = built.net.new("", x.astype(np.float32), *built.arguments)
    try:
        out.new("square").new("mean").call("backward")
    except Raised:
        note("backward", 0, 0)
        raise WrongAnswer("The output of UNet must carry a gradient to its parameters; yours is cut off from them.") from None
    named = builtins.new("dict", built.net.new("named_parameters"))
    names, silent = builtins.call("list", named.new("keys")), []
    for name in names[:MOST_MODULES]:
        parameter = named.new("__getitem__", name)
        if parameter.call("dim") > 1 and not _has_gradient(torch, parameter):
            silent.append(name)
    note("layers without gradient", len(silent), 0)
    expect(not silent, f"Every layer of UNet must take part, so that training reaches it; no gradient reaches {', '.join(silent[:4])}.")
    built.net.later("eval")
    other = draw.normal(*x.shape)
    one, two, between = (expect_tensor(built(value), x.shape, "The output of UNet") for value in (x, other, (x + other) / 2))
    bends = not near(between, (one + two) / 2, 1e-3 * abs(one - two).max())
    note("bends", bends, 0)
    expect(bends, "UNet must have an activation, such as ReLU, in its blocks; yours is a linear map of the image.")
    note("range", (one.min() < 0, one.max() > 0, abs(one).max() > 1), 0)
    expect(one.min() < 0 < one.max() and abs(one).max() > 1,
           "UNet must be able to answer with any number, as noise has both signs and no limit; yours is limited.")  # fmt: skip


def _has_gradient(torch: Handle, parameter: Handle) -> bool:
    try:
        return bool(torch.call("count_nonzero", parameter.part("grad")) > 0)
    except Raised:
        return False


# The links


def watch(built: Built) -> Watch:
    """Hooks on every module, from now on."""
    watched = Watch()
    for number, module in enumerate(built.net.find(built.student.module("torch").part("nn.Module"))[1:MOST_MODULES]):
        module.later("register_forward_hook", built.student.function(watched.hook(number)))
    return watched


def judge_links(student: Student, file: str, draw: Draw, note: Note, built: Built | None = None) -> None:
    """What the way down had at a resolution reaches the way up at that resolution, and the image itself the last layer."""
    if built is None:
        built = build(student, file, draw, note)
        draw_weights(built, draw)
    built.net.later("train")
    watched = watch(built)
    x = draw.normal(ROWS, 3, SIDE, SIDE)
    built(x)
    convolutions = [seen for seen in watched.seen if seen.kind in ("Conv2d", "ConvTranspose2d")]
    channels = [seen.gave.shape[1] for seen in convolutions]
    note("channels", channels, 0)
    note("inputs", [seen.given.shape[1] for seen in convolutions], 0)
    note("sides", [seen.gave.shape[3] for seen in convolutions], 0)
    note.measured_work(len(convolutions) > 2 and len({seen.gave.shape[3] for seen in convolutions}) > 1)
    if file == "unet" and channels == [*DOWN, MIDDLE, *UP, 3]:  # where labels enter is free, so that a conditional one is never compared
        _compare_with_diagram(convolutions, watched.seen, x, note)
        return
    sides = sorted({seen.gave.shape[3] for seen in watched.seen if seen.gave.shape[3] <= SIDE})
    _expect_registered(convolutions, sides)
    low = SIDE // 8
    expect(sides and sides[0] <= low, f"UNet must go down three levels at least, to {low} × {low} or smaller; yours has the sides {sides}.")
    for side in [side for side in sides if side > sides[0]]:
        linked = _is_linked(built, watched, x, draw, side)
        note(f"link at {side}", linked, 0)
        where = "the image itself must reach the last layer" if side == SIDE else "what the way down had must reach the way up"
        expect(linked, f"At {side} × {side} (the image divided by {SIDE // side}), {where} by a link across, torch.cat; in yours there is none.")


def _expect_registered(convolutions: list[Seen], sides: list[int]) -> None:
    """PyTorch knows a layer for every resolution on the way down and on the way up. A network without any is not looked into."""
    if not convolutions or not sides:
        return
    smallest = [place for place, seen in enumerate(convolutions) if seen.gave.shape[3] == min(other.gave.shape[3] for other in convolutions)]
    down, up = convolutions[: smallest[-1] + 1], convolutions[smallest[0] :]
    starts = any(seen.given.shape[3] == SIDE for seen in down)
    expect(starts, "No layer that PyTorch knows takes the image: layers in an ordinary list are hidden from it; use nn.ModuleList, or attributes.")
    for side in [side for side in sides if side > sides[0]]:
        there = any(side in (seen.given.shape[3], seen.gave.shape[3]) for seen in up)
        expect(there, f"PyTorch knows no layer at {side} × {side} on the way up: layers in an ordinary list are hidden from it; use nn.ModuleList.")


def _is_linked(built: Built, watched: Watch, x: Floats, draw: Draw, side: int) -> bool:
    """Whether the way up from `side` depends on the image, where everything smaller is 0."""
    watched.pin = lambda gave: gave.shape[3] < side
    inputs = []
    for images in (x, draw.normal(*x.shape)):
        watched.seen.clear()
        value = built(images)
        smaller = [place for place, seen in enumerate(watched.seen) if seen.gave.shape[3] < side]
        ups = [seen.given for seen in watched.seen[smaller[-1] if smaller else 0 :] if seen.given.shape[3] == side < seen.gave.shape[3]]
        inputs.append(value if side == SIDE or not ups else ups[0])
    watched.pin = None
    return not near(inputs[0], inputs[1], 1e-6 * (1 + abs(inputs[0]).max()))


def _compare_with_diagram(convolutions: list[Seen], seen: list[Seen], x: Floats, note: Note) -> None:
    """Sizes, normalisation, activation and concatenation of every block, in the order of the diagram."""
    names = [*(f"down block {i + 1}" for i in range(4)), "the bottleneck", *(f"up block {i + 1}" for i in range(4)), "the last convolution"]
    sides = [SIDE // 2 ** (i + 1) for i in range(4)] + [SIDE // 16] + [SIDE // 2 ** (3 - i) for i in range(4)] + [SIDE]
    blocks: list[Floats] = [x.astype(np.float32)]  # what each level has, the image first
    after = convolutions[0].gave
    for i, (name, side, one) in enumerate(zip(names, sides, convolutions)):
        got = one.gave.shape[3]
        expect(got == side, f"In {name} UNet must give images of {side} × {side}; yours gives {got} × {got}.")
        parts = [blocks[-1]] if i < 5 else [after, blocks[9 - i]]
        _expect_input(name, one.given, parts, note)
        if i in (4, 9):
            after = one.gave
            continue
        normalised = next((other.gave for other in seen if other.kind == "BatchNorm2d" and np.array_equal(other.given, one.gave)), None)
        note(f"normalised {i}", normalised is not None, 0)
        expect(normalised is not None, f"In {name} a BatchNorm must follow the convolution; there is none.")
        assert normalised is not None
        after = np.maximum(normalised, 0)
        if i < 4:
            blocks.append(after)


def _expect_input(name: str, given: Floats, parts: list[Floats], note: Note) -> None:
    """`given` is made of the parts along the channels, in any order."""
    expected = sum(part.shape[1] for part in parts)
    got = given.shape[1]
    missing = [part for part in parts if not _holds(given, part)]
    note(f"input of {name}", len(missing), 0)
    if not missing:  # more channels, of a label or of t, are welcome
        return
    must = f"{name[0].upper()}{name[1:]} of UNet must get"
    wanted = " + ".join(str(part.shape[1]) for part in parts)
    if got < expected:
        raise WrongAnswer(f"{must} {wanted} channels; yours gets {got}: a link across is missing.")
    from_below = len(parts) > 1 and _holds(given, parts[0])
    unlike = "what the way down had at this resolution" if from_below else "what the block before it gives, after ReLU"
    raise WrongAnswer(f"{must} {unlike}; yours gets other numbers.")


def _holds(given: Floats, part: Floats) -> bool:
    """Whether the channels of `part` stand in a row in `given`."""
    count = part.shape[1]
    if given.shape[2:] != part.shape[2:]:
        return False
    return any(np.allclose(given[:, i], part[:, 0], atol=1e-5) and np.allclose(given[:, i : i + count], part, atol=1e-5)
               for i in range(given.shape[1] - count + 1))  # fmt: skip


# The labels


def judge_labels(student: Student, file: str, draw: Draw, note: Note) -> None:
    """Every label changes the noise found in its own image, and in no other."""
    built = build(student, file, draw, note, rows=CLASSES)
    draw_weights(built, draw)
    built.net.later("eval")
    x, labels = np.repeat(draw.normal(1, 3, SIDE, SIDE), CLASSES, axis=0), np.arange(CLASSES)
    answers = expect_tensor(built(x, labels), x.shape, "The output of UNet")
    scale = abs(answers).max()
    alike = [(i, j) for i in range(CLASSES) for j in range(i) if near(answers[i], answers[j], 1e-6 * scale)]
    note("labels alike", len(alike), 0)
    note.measured_work(len(alike) < CLASSES)
    if alike:
        told = "every label" if len(alike) == CLASSES * (CLASSES - 1) // 2 else f"the labels {alike[0][1]} and {alike[0][0]}"
        raise WrongAnswer(f"The label must change what UNet finds in an image; yours answers {told} with the same noise.")
    swapped = labels.copy()
    swapped[0] = 7
    again = expect_tensor(built(x, swapped), x.shape, "The output of UNet")
    others = near(again[1:], answers[1:], 1e-5 * scale)
    own = near(again[0], answers[7], 1e-4 * scale)
    note("label of another image", others, 0)
    expect(others and own, "The label of an image must change the noise found in that image and in no other; in yours they mix.")
    _expect_any_batch(built, draw)


def _expect_any_batch(built: Built, draw: Draw) -> None:
    for rows in (1, 5):
        x = draw.normal(rows, 3, SIDE, SIDE)
        value = built(x, draw.generator.integers(0, CLASSES, rows))
        right = isinstance(value, np.ndarray) and value.shape == x.shape
        expect(right, f"With {rows} images and labels UNet must answer in shape {x.shape}; yours gives {describe(value)}.")
