"""A difference between two networks in the words of the diagram: where, what is expected there, and what is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.judges.architecture.matching import Failure, Matching
from autograder.judges.architecture.recording import Operation, Place

ACTIVATIONS = {
    "gelu": "GELU", "relu": "ReLU", "silu": "SiLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "leaky_relu": "LeakyReLU", "elu": "ELU",
    "softplus": "Softplus", "hardtanh": "Hardtanh", "clamp": "a clamp", "_softmax": "a softmax", "softmax": "a softmax",
    "avg_pool2d": "average pooling", "mean": "a mean", "max_pool2d_with_indices": "max pooling", "_adaptive_avg_pool2d": "average pooling",
    "bernoulli": "Dropout", "native_dropout": "Dropout", "upsample_nearest2d": "upsampling", "upsample_bilinear2d": "upsampling",
    "reflection_pad2d": "reflecting padding", "constant_pad_nd": "padding",
}  # fmt: skip
JOINS = {"cat": "a concatenation with", "add": "an addition of", "mul": "a multiplication with", "sub": "a subtraction of", "div": "a division by"}
NORMALISATIONS = {"native_group_norm": "GroupNorm", "native_layer_norm": "LayerNorm", "embedding": "Embedding", "batch norm": "BatchNorm2d"}


NAMED_JOINS = {"cat": "concatenation of", "add": "sum of", "mul": "product of"}
RANDOM = {"bernoulli", "native_dropout", "rand_like", "randn_like", "normal", "uniform"}


@dataclass(frozen=True)
class Diagram:
    """The names of things. `blocks`: of the solution's submodules, by path; `inputs`: of the arguments, in their order."""

    blocks: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[str] = ("x", "t", "c", "mask")


@dataclass
class Words:
    """Says what parts a student's network from the reference."""

    diagram: Diagram
    matching: Matching

    def explain(self, failure: Failure) -> str:
        """One or two sentences."""
        if failure.at == "result" and failure.layer is not None and failure.partner is not None:
            return self._settings(failure.layer, failure.partner)
        here = self.matching.found.get(failure.number) if failure.number is not None else None
        if here is None:
            return self._way_to(failure)
        if failure.layer is None:
            return self._end(here[0], reordered=here[1] is not None)
        return self._layer(failure.layer, here[0])

    # What differs

    def _layer(self, ours: Operation, index: int) -> str:
        """The student's layer receives what it may, but no layer of these sizes stands there."""
        reference = self.matching.reference
        taken = {id(partner) for _, partner in self.matching.partners}
        users = [user for user in reference.users(index) if id(user) not in taken]
        alike = [user for user in users if user.slots and user.family == ours.family]
        if alike:
            expected = min(alike, key=lambda user: sum(a != b for a, b in zip(_sizes(user), _sizes(ours))))
            if _sizes(expected) == _sizes(ours) and not self._bias_differs(ours, expected):
                return self._shared(ours, expected)
            return self._instead(expected, ours)
        if index in reference.before_bias:
            layer = reference.before_bias[index]
            return f"{self._where(layer)} must have {self.what(layer)}, with a bias; yours has none{self.yours(layer_of(self.matching, layer))}."
        users = users or reference.users(index)
        if not users:
            return f"The diagram ends with {self._name(index)}; yours goes on with {self.what(ours)}{self.yours(ours)}."
        return f"After {self._name(index)} the diagram has {self._what_with(self._nearest(users), index)}; yours goes on with {self.what(ours)}{self.yours(ours)}."

    def _bias_differs(self, ours: Operation, theirs: Operation) -> bool:
        return (ours.slot("bias") is None) != (theirs.slot("bias") is None)

    def _shared(self, ours: Operation, expected: Operation) -> str:
        return (
            f"{self._where(expected)} must have {self.what(expected)} with weights of its own; yours uses the weights of another layer again"
            f"{self.yours(ours)}."
        )

    def _instead(self, expected: Operation, ours: Operation) -> str:
        one, two = self.what(expected), self.what(ours)
        if one == two or self._bias_differs(ours, expected):
            one, two = (text + (", with bias" if layer.slot("bias") else ", without bias") for text, layer in ((one, expected), (two, ours)))
        return f"{self._where(expected)} must have {one}; yours has {two}{self.yours(ours)}."

    def _settings(self, ours: Operation, theirs: Operation) -> str:
        """Partners that give different numbers."""
        one, two = self.what(theirs), self.what(ours)
        if one != two:
            return f"{self._where(theirs)} must have {one}; yours has {two}{self.yours(ours)}."
        differing = {k: (v, ours.settings.get(k)) for k, v in theirs.settings.items() if ours.settings.get(k) != v and k != "output_padding"}
        if "training" in differing:
            state = "the batch" if ours.settings.get("training") else "its running averages"
            return f"{self._where(theirs)} has {one}; yours normalises by the numbers of {state} where it must not{self.yours(ours)}."
        if differing:
            listed = ", ".join(f"{name} {mine} where {expected} is expected" for name, (expected, mine) in differing.items())
            return f"{self._where(theirs)} must have {one}; yours has {listed}{self.yours(ours)}."
        lacking = sorted({slot.role for slot in theirs.slots} - {slot.role for slot in ours.slots})
        if lacking:
            return f"{self._where(theirs)} must have {one} with {' and '.join(lacking)}; yours has none{self.yours(ours)}."
        if (here := self.matching.found.get(ours.inputs[0])) is not None and here[1] is not None:
            return f"{self._where(theirs)}, {one}, must get {self._name(here[0])} with the channels in this order; yours come in another one{self.yours(ours)}."
        return f"{self._where(theirs)} has {one}; yours gives other numbers with the same weights{self.yours(ours)}."

    def _end(self, index: int, reordered: bool) -> str:
        """The output is a tensor of the reference, and not the last."""
        reference = self.matching.reference
        if index in reference.before_bias:
            layer = reference.before_bias[index]
            return f"{self._where(layer)} must have {self.what(layer)}, with a bias; yours has none."
        if reordered:
            return "The output's channels must be in the order in which the last layer gives them; yours are in another one."
        users = reference.users(index)
        if not users:
            return f"The network must return {self._name(reference.outputs[0]) if reference.outputs else 'something else'}; yours returns {self._name(index)}."
        return f"After {self._name(index)} the diagram has {self._what_with(self._nearest(users), index)}; yours returns it as it is."

    def _way_to(self, failure: Failure) -> str:
        """Something else than a tensor of the reference goes into a layer, or is the output: the first operation that made it so."""
        matching, reference = self.matching, self.matching.reference
        behind = self._ancestors(failure.number)
        ours = next((o for o in behind if self._parts(o)), None)
        if ours is None:
            goal = "The output" if failure.layer is None else f"What goes into {self.what(failure.layer)}{self.yours(failure.layer)}"
            return f"{goal} is not what the diagram has, and not made from what it has."
        given = [found[0] for number in ours.inputs if (found := matching.found.get(number)) is not None]
        if ours.slots or ours.kind == "convolution":
            expected = self._nearest([user for index in given for user in reference.users(index)] or [ours])
            return f"After {self._name(given[0])} the diagram has {self._what_with(expected, given[0])}; yours goes on with {self.what(ours)}{self.yours(ours)}."
        users = [user for index in given for user in reference.users(index)]
        joined = [user for user in users if user.kind == ours.kind and user.kind in JOINS and len(given) > 1]
        if joined:
            return self._partners(ours, joined, given)
        if not users:
            return f"The diagram ends with {self._name(given[0])}; yours applies {self._what_with(ours, given[0])} to it{self.yours(ours)}."
        expected = self._nearest(users)
        start = next(index for index in given if index in reference.classes_into(expected))
        if any(o.kind in RANDOM and matching.found.get(o.output) is None for o in behind[: behind.index(ours) + 1]):
            return f"After {self._name(start)} the diagram has {self._what_with(expected, start)}; yours has Dropout, or other random numbers{self.yours(ours)}."
        if reference.classes.get(expected.output) in {found[0] for found in matching.found.values() if found is not None}:
            return f"Between {self._name(start)} and {self._what_with(expected, start)} the diagram has nothing more; yours applies {self._what_with(ours, start)}{self.yours(ours)}."
        return f"After {self._name(start)} the diagram has {self._what_with(expected, start)}; yours has {self._what_with(ours, start)}{self.yours(ours)}."

    def _partners(self, ours: Operation, users: list[Operation], given: list[int]) -> str:
        """The same join of two tensors, of others than in the reference."""
        reference = self.matching.reference
        expected = max(users, key=lambda user: len(set(reference.classes_into(user)) & set(given)))
        right = reference.classes_into(expected)
        join = {"cat": "concatenates", "add": "adds", "mul": "multiplies", "sub": "subtracts", "div": "divides"}[ours.kind]
        if sorted(right) == sorted(given):
            return f"The diagram {join} {self._names(right)}; yours does it in another way{self.yours(ours)}."
        for index in given:
            skipped = [u for u in reference.users(index) if index not in right and reference.classes.get(u.output) in right]
            if skipped:
                return (
                    f"After {self._name(index)} the diagram has {self._what_with(skipped[0], index)}; yours goes on with "
                    f"{self._what_with(ours, index)}{self.yours(ours)}."
                )
        return f"The diagram {join} {self._names(right)}; yours {join} {self._names(given)}{self.yours(ours)}."

    def _parts(self, operation: Operation) -> bool:
        """Whether an operation makes something that the reference lacks from what it has."""
        found, values = self.matching.found, self.matching.values
        inputs = [number for number in operation.inputs if number in values]
        given = [number for number in inputs if found.get(number) is not None]
        wrong = operation.output in values and found.get(operation.output) is None and not operation.kind.endswith("_like")
        others = [o for o in self.matching.operations if o.output in inputs and o.output not in given]
        return wrong and bool(given) and all(self._is_random(o) for o in others)

    def _is_random(self, operation: Operation) -> bool:
        """Whether a tensor that the reference lacks comes from random numbers."""
        behind = [one for one in self._ancestors(operation.output) if self.matching.found.get(one.output) is None]
        return any(one.kind in RANDOM for one in behind)

    def _ancestors(self, number: int | None) -> list[Operation]:
        """The operations behind a tensor, in the order of their calls."""
        made = {operation.output: operation for operation in self.matching.operations}
        seen: set[int] = set()
        waiting = [number] if number is not None else []
        while waiting:
            one = waiting.pop()
            if one in made and one not in seen:
                seen.add(one)
                waiting += made[one].inputs
        return [operation for operation in self.matching.operations if operation.output in seen]

    def _nearest(self, users: list[Operation]) -> Operation:
        """Of what a tensor goes into, the first that the student's network never reaches."""
        reached = {found[0] for found in self.matching.found.values() if found is not None}
        return next((user for user in users if self.matching.reference.classes.get(user.output) not in reached), users[0])

    # Names

    def what(self, operation: Operation) -> str:
        """A layer or another operation: "Conv2d(4 → 8, kernel 3, stride 2, padding 1)", "GELU"."""
        weight = operation.slot("weight")
        if operation.kind == "convolution":
            name = "ConvTranspose2d" if operation.family == "transposed conv" else "Conv2d"
            if weight is None:
                return f"{name} with weights that are no parameters"
            inputs, outputs = _channels(operation)
            settings = ", ".join(f"{key} {_short(operation.settings.get(key))}" for key in ("stride", "padding"))
            return f"{name}({inputs} → {outputs}, kernel {_short(weight.shape[2:])}, {settings})"
        if operation.family == "linear":
            return f"Linear({weight.shape[0]} → {weight.shape[-1]})" if weight else "a matrix product"
        if operation.family in NORMALISATIONS:
            return NORMALISATIONS[operation.family]
        if operation.kind in JOINS:
            return JOINS[operation.kind].rpartition(" ")[0]
        block = self.place(operation.place) if any(operation is one for one in self.matching.reference.operations) else ""
        return ACTIVATIONS.get(operation.kind) or block or f"a `{operation.kind}`"

    def _what_with(self, operation: Operation, index: int) -> str:
        """The same, and with what a tensor is joined there."""
        if operation.kind not in JOINS:
            return self.what(operation)
        if any(operation is one for one in self.matching.reference.operations):
            others = [other for other in self.matching.reference.classes_into(operation) if other != index]
        else:
            found = [self.matching.found.get(number) for number in operation.inputs]
            others = [one[0] for one in found if one is not None and one[0] != index]
        return f"{JOINS[operation.kind]} {self._names(others) if others else 'a number'}"

    def _names(self, indices: Sequence[int]) -> str:
        return " and ".join(self._name(index) for index in indices)

    def _name(self, index: int, inside: bool = False) -> str:
        """A tensor: an input, the output of a block, or of an operation within one. `inside`: of a longer name, which is told no further."""
        reference = self.matching.reference
        numbers = [number for number, known in reference.classes.items() if known == index]
        made = [operation for operation in reference.operations if operation.output in numbers]
        if not made:
            return f"the input {self.diagram.inputs[numbers[0]]}" if numbers and numbers[0] < len(self.diagram.inputs) else "an input"
        blocks = [(path, kind) for path, kind, output in reference.blocks if output in numbers and path not in ("", "?")]
        named = [self.diagram.blocks[path] for path, _ in blocks if path in self.diagram.blocks]
        containers = [f"`{path}` ({kind})" for path, kind in blocks if "." not in path]
        if named or containers:
            return f"the output of {(named or containers)[-1]}"
        if made[0].kind in NAMED_JOINS and (parts := reference.classes_into(made[0])):
            kind = NAMED_JOINS[made[0].kind]
            return f"a {kind.removesuffix(' of')}" if inside else f"the {kind} {' and '.join(self._name(part, inside=True) for part in parts)}"
        if arguments := self._only_from_arguments(made[0]):
            return f"what is made of {self._names(arguments)}"
        return f"{_the(self.what(made[0]))}{_of(self.place(made[0].place))}"

    def _only_from_arguments(self, operation: Operation) -> list[int]:
        """The inputs of the network that an operation rests on, where no layer is between them."""
        made = {one.output: one for one in self.matching.reference.operations}
        waiting, found = [operation], []
        while waiting:
            one = waiting.pop()
            if one.slots:
                return []
            waiting += [made[number] for number in one.inputs if number in made]
            found += [self.matching.reference.classes[n] for n in one.inputs if n not in made and n in self.matching.reference.classes]
        return list(dict.fromkeys(found))

    def _where(self, operation: Operation) -> str:
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


def layer_of(matching: Matching, reference: Operation) -> Operation | None:
    """The student's layer that is the partner of one of the reference's."""
    return next((ours for ours, theirs in matching.partners if theirs is reference), None)


def _the(what: str) -> str:
    return f"the {what[2:]}" if what.startswith("a ") else f"the {what[3:]}" if what.startswith("an ") else f"the {what}"


def _of(place: str) -> str:
    return f" in {place}" if place else ""


def _channels(operation: Operation) -> tuple[int, int]:
    weight = operation.slot("weight")
    assert weight is not None
    groups = int(operation.settings.get("groups", 1))
    if operation.family == "transposed conv":
        return weight.shape[0], weight.shape[1] * groups
    return weight.shape[1] * groups, weight.shape[0]


def _sizes(operation: Operation) -> tuple[object, ...]:
    weight = operation.slot("weight")
    settings = [operation.settings.get(key) for key in ("stride", "padding")]
    if weight is None or operation.kind != "convolution":
        return (weight.shape if weight else None, *settings)
    return (*_channels(operation), weight.shape[2:], *settings)


def _short(sizes: object) -> str:
    """(3, 3) as 3."""
    if isinstance(sizes, (list, tuple)):
        return str(sizes[0]) if len(set(sizes)) == 1 else " × ".join(map(str, sizes))
    return str(sizes)
