"""What layers, tensors and places of a network are called, in the words of the diagram."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.judges.architecture.matching import Matching
from autograder.judges.architecture.recording import Operation, Place

NORMALISATIONS = {
    "native_group_norm": "GroupNorm", "native_layer_norm": "LayerNorm", "embedding": "Embedding", "batch norm": "BatchNorm2d",
}  # fmt: skip
PLAIN = {
    "gelu": "GELU", "relu": "ReLU", "silu": "SiLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "leaky_relu": "LeakyReLU", "elu": "ELU",
    "softplus": "Softplus", "hardtanh": "Hardtanh", "clamp": "a clamp", "_softmax": "a softmax", "softmax": "a softmax",
    "avg_pool2d": "average pooling", "mean": "a mean", "max_pool2d_with_indices": "max pooling", "_adaptive_avg_pool2d": "average pooling",
    "bernoulli": "Dropout", "native_dropout": "Dropout", "upsample_nearest2d": "upsampling", "upsample_bilinear2d": "upsampling",
    "reflection_pad2d": "reflecting padding", "constant_pad_nd": "padding",
}  # fmt: skip
ARRANGING = {"slice": "a slice", "select": "an index", "expand": "a copy for several rows", "rsub": "a subtraction from a number"}


@dataclass(frozen=True)
class Join:
    """An operation on two or more tensors: as a verb, as a noun, and as the name of its result."""

    verb: str
    noun: str
    result: str


JOINS = {
    "cat": Join("concatenates", "a concatenation with", "concatenation"),
    "add": Join("adds", "an addition of", "sum"),
    "mul": Join("multiplies", "a multiplication with", "product"),
    "sub": Join("subtracts", "a subtraction of", "difference"),
    "div": Join("divides", "a division by", "quotient"),
}


@dataclass(frozen=True)
class Diagram:
    """The names of things. `blocks`: of the solution's submodules, by path, "" being the network; `inputs`: of the arguments, in their order.

    `made`: by the names of arguments, what the solution makes of them before its first layer, "the one-hot vectors of c". `whole`: classes of
    single layers that go by their own name, "UpBlock(12, 6)". `maps`: whether what a block gives is told with its side.
    """

    blocks: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[str] = ("x", "t", "c", "mask")
    made: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    maps: bool = False


@dataclass(frozen=True)
class Names:
    """The names in one comparison. A tensor is an index in the reference's `known`."""

    diagram: Diagram
    matching: Matching

    def what(self, operation: Operation) -> str:
        """A layer or another operation: "Conv2d(4 → 8, kernel 3, stride 2, padding 1)", "GELU"."""
        weight = operation.slot("weight")
        if operation.place and operation.place[-1][1] in self.diagram.whole:
            return f"{operation.place[-1][1]}{_ends(operation)}"
        if operation.kind == "convolution":
            return _convolution(operation)
        if operation.family == "linear":
            return f"Linear({weight.shape[0]} → {weight.shape[-1]})" if weight else "a matrix product"
        if operation.family in NORMALISATIONS:
            return NORMALISATIONS[operation.family]
        if operation.kind in JOINS:
            return JOINS[operation.kind].noun.rpartition(" ")[0]
        block = self.place(operation.place) if self._is_reference(operation) else ""
        return PLAIN.get(operation.kind) or block or ARRANGING.get(operation.kind) or f"a `{operation.kind}`"

    def what_with(self, operation: Operation, index: int) -> str:
        """The same, and with what a tensor is joined there."""
        if operation.kind not in JOINS:
            return self.what(operation)
        is_theirs = self._is_reference(operation)
        together = self.matching.reference.classes_into(operation) if is_theirs else self.matching.known_into(operation)
        others = [other for other in together if other != index]
        alone = "itself" if together.count(index) > 1 else "a number"
        return f"{JOINS[operation.kind].noun} {self.tensors(others) if others else alone}"

    def has_words(self, operation: Operation) -> bool:
        """Whether `what` says more than the name that PyTorch has for it."""
        return bool(operation.slots) or operation.kind in {*JOINS, *PLAIN, *ARRANGING}

    def _is_reference(self, operation: Operation) -> bool:
        return any(operation is one for one in self.matching.reference.operations)

    # Tensors

    def tensors(self, indices: Sequence[int]) -> str:
        return " and ".join(self.tensor(index) for index in indices)

    def tensor(self, index: int, inside: bool = False) -> str:
        """A tensor: an input, the output of a block, or of an operation. `inside`: as part of a longer name, so that it stays short."""
        reference = self.matching.reference
        if index in reference.padded:
            return f"{self.tensor(reference.padded[index], inside)}, with zeros around"
        if index in reference.before_bias:
            return f"the {self.what(reference.before_bias[index])} before its bias"
        numbers = [number for number, known in reference.classes.items() if known == index]
        made = next((operation for operation in reference.operations if operation.output in numbers), None)
        if made is None:
            known = bool(numbers) and numbers[0] < len(self.diagram.inputs)
            return f"the input {self.diagram.inputs[numbers[0]]}" if known else "an input"
        if block := self._block(numbers):
            return f"the output of {block}{_side(made.shape) if self.diagram.maps else ''}"
        arguments = self._only_from_arguments(made)
        if words := self.diagram.made.get(tuple(self.diagram.inputs[i] for i in arguments if i < len(self.diagram.inputs))):
            return words
        if made.kind in JOINS and (parts := reference.classes_into(made)):
            result = JOINS[made.kind].result
            return (
                f"a {result}"
                if inside
                else f"the {result} of {' and '.join(self.tensor(p, inside=True) for p in parts)}"
            )
        if arguments and made.kind not in PLAIN:
            return f"what is made of {self.tensors(arguments)}"
        place = self.place(made.place)
        return f"the {_without_article(self.what(made))}{' in ' + place if place else ''}"

    def _block(self, numbers: Sequence[int]) -> str:
        """The outermost block whose output one of these is, or ""."""
        blocks = [
            (path, kind)
            for path, kind, output in self.matching.reference.blocks
            if output in numbers and path not in ("", "?")
        ]
        named = [self.diagram.blocks[path] for path, _ in blocks if path in self.diagram.blocks]
        outer = [f"`{path}` ({kind})" for path, kind in blocks if "." not in path]
        return (named or outer or [""])[-1]

    def is_made_of_arguments(self, layer: Operation) -> bool:
        """Whether a layer of the reference gets what is made of the inputs of the network, and is none of them."""
        made = next((one for one in self.matching.reference.operations if one.output == layer.inputs[0]), None)
        return made is not None and bool(self._only_from_arguments(made))

    def _only_from_arguments(self, operation: Operation) -> list[int]:
        """The inputs of the network that an operation rests on, in their order; none where a layer is between them."""
        reference = self.matching.reference
        made = {one.output: one for one in reference.operations}
        waiting, found = [operation], []
        while waiting:
            one = waiting.pop()
            if one.slots:
                return []
            waiting += [made[number] for number in one.inputs if number in made]
            found += [reference.classes[n] for n in one.inputs if n not in made and n in reference.classes]
        return sorted(set(found))

    # Places

    def where(self, operation: Operation) -> str:
        """The block of the reference, for the beginning of a sentence."""
        place = self.place(operation.place)
        return place[0].upper() + place[1:] if place else "The network"

    def place(self, place: Place) -> str:
        """The block of the reference that an operation is in."""
        named = [self.diagram.blocks[path] for path, _ in place if path in self.diagram.blocks]
        inside = [f"`{path}` ({kind})" for path, kind in place if path not in ("", "?")]
        return (named or inside[:1] or [""])[-1]

    def yours(self, operation: Operation | None) -> str:
        """The module of the student's that an operation is in, for the end of a sentence."""
        paths = [path for path, _ in operation.place if path not in ("", "?")] if operation is not None else []
        return f" (in your `{paths[-1]}`)" if paths else ""


def sizes(operation: Operation) -> tuple[object, ...]:
    """What a layer's name says of it: channels, kernel, stride and padding."""
    weight = operation.slot("weight")
    settings = [operation.settings.get(key) for key in ("stride", "padding", "groups")]
    if weight is None or operation.kind != "convolution":
        return (weight.shape if weight else None, *settings)
    return (*_channels(operation), weight.shape[2:], *settings)


def _convolution(operation: Operation) -> str:
    name = "ConvTranspose2d" if operation.family == "transposed conv" else "Conv2d"
    weight = operation.slot("weight")
    if weight is None:
        return f"{name} with weights that are no parameters"
    inputs, outputs = _channels(operation)
    told = ["stride", "padding", *(["groups"] if operation.settings.get("groups", 1) != 1 else [])]
    settings = ", ".join(f"{key} {_short(operation.settings.get(key))}" for key in told)
    return f"{name}({inputs} → {outputs}, kernel {_short(weight.shape[2:])}, {settings})"


def _channels(operation: Operation) -> tuple[int, int]:
    weight = operation.slot("weight")
    assert weight is not None
    groups = int(operation.settings.get("groups", 1))
    if operation.family == "transposed conv":
        return weight.shape[0], weight.shape[1] * groups
    return weight.shape[1] * groups, weight.shape[0]


def _ends(operation: Operation) -> str:
    """The channels, or numbers, that a layer takes and gives: "(4, 8)"."""
    weight = operation.slot("weight")
    if weight is None or len(weight.shape) < 2:
        return ""
    one, two = _channels(operation) if operation.kind == "convolution" else (weight.shape[0], weight.shape[-1])
    return f"({one}, {two})"


def _side(shape: tuple[int, ...]) -> str:
    """Of a map with sides: " (14 × 14)"."""
    return f" ({shape[2]} × {shape[3]})" if len(shape) == 4 and shape[2:] != (1, 1) else ""


def _short(sizes: object) -> str:
    """(3, 3) as 3."""
    if isinstance(sizes, (list, tuple)):
        return str(sizes[0]) if len(set(sizes)) == 1 else " × ".join(map(str, sizes))
    return str(sizes)


def _without_article(what: str) -> str:
    return what.removeprefix("an ").removeprefix("a ")
