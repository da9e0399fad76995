"""A difference between two networks in the words of the diagram: where, what is expected there, and what is there."""

from autograder.judges.architecture.matching import Failure, Matching
from autograder.judges.architecture.names import JOINS, Diagram, Names, sizes
from autograder.judges.architecture.recording import Operation

RANDOM = {"bernoulli", "native_dropout", "rand_like", "randn_like", "normal", "uniform"}


def explain(matching: Matching, failure: Failure, diagram: Diagram) -> str:
    """One or two sentences on where a student's network parts from the reference."""
    difference = Difference(matching, Names(diagram, matching))
    if failure.at == "result" and failure.layer is not None and failure.partner is not None:
        return difference.of_settings(failure.layer, failure.partner)
    here = matching.found.get(failure.number) if failure.number is not None else None
    if here is None:
        return difference.on_the_way(failure)
    if failure.layer is None:
        return difference.at_the_end(here[0], reordered=here[1] is not None)
    return difference.of_layers(failure.layer, here[0])


class Difference:
    """Says what parts a student's network from the reference. A tensor is an index in the reference's `known`."""

    def __init__(self, matching: Matching, names: Names):
        self.matching, self.reference, self.names = matching, matching.reference, names
        self.reached = {found[0] for found in matching.found.values() if found is not None}

    def of_layers(self, ours: Operation, index: int) -> str:
        """The student's layer receives what it may, but no layer of these sizes stands there."""
        taken = {id(partner) for _, partner in self.matching.partners}
        users = [user for user in self.reference.users(index) if id(user) not in taken]
        alike = [user for user in users if user.slots and user.family == ours.family]
        if alike:
            expected = min(alike, key=lambda user: sum(a != b for a, b in zip(sizes(user), sizes(ours))))
            return self._other_layer(ours, expected)
        if index in self.reference.before_bias:
            return self._no_bias(self.reference.before_bias[index])
        return self._after(index, users or self.reference.users(index), f"goes on with {self.names.what(ours)}", ours)

    def _other_layer(self, ours: Operation, expected: Operation) -> str:
        one, two = self.names.what(expected), self.names.what(ours)
        bias = [layer.slot("bias") is not None for layer in (expected, ours)]
        if sizes(expected) == sizes(ours) and bias[0] == bias[1]:
            return self._must_have(
                expected, f"{one} with weights of its own", "uses the weights of another layer again", ours
            )
        if bias[0] != bias[1]:
            one, two = (f"{text}, {'with' if has else 'without'} bias" for text, has in zip((one, two), bias))
        return self._must_have(expected, one, f"has {two}", ours)

    def _no_bias(self, layer: Operation) -> str:
        ours = next((ours for ours, theirs in self.matching.partners if theirs is layer), None)
        return self._must_have(layer, f"{self.names.what(layer)}, with a bias", "has none", ours)

    def of_settings(self, ours: Operation, theirs: Operation) -> str:
        """Partners that give different numbers."""
        one, two = self.names.what(theirs), self.names.what(ours)
        if one != two:
            return self._must_have(theirs, one, f"has {two}", ours)
        differing = {k: v for k, v in theirs.settings.items() if ours.settings.get(k) != v and k != "output_padding"}
        if "training" in differing:
            state = "of the batch" if ours.settings.get("training") else "of its running averages"
            right = "of its running averages" if ours.settings.get("training") else "of the batch"
            return self._must_have(
                theirs, f"{one} that normalises by the numbers {right}", f"takes those {state}", ours
            )
        if differing:
            listed = ", ".join(
                f"{name} {ours.settings.get(name)} for {expected}" for name, expected in differing.items()
            )
            return self._must_have(theirs, one, f"has {listed}", ours)
        if lacking := sorted({slot.role for slot in theirs.slots} - {slot.role for slot in ours.slots}):
            return self._must_have(theirs, f"{one} with {' and '.join(lacking)}", "has none", ours)
        here = self.matching.found.get(ours.inputs[0])
        if here is not None and here[1] is not None:
            given = self.names.tensor(here[0])
            return f"In {self._inner(theirs)}, {one} must get {given}, in this order; yours come in another order{self.names.yours(ours)}."
        return self._must_have(theirs, one, "gives other numbers with the same weights", ours)

    def _inner(self, operation: Operation) -> str:
        return self.names.place(operation.place) or "the network"

    def at_the_end(self, index: int, reordered: bool) -> str:
        """The output is a tensor of the reference, and not the last."""
        if index in self.reference.before_bias:
            return self._no_bias(self.reference.before_bias[index])
        if reordered:
            return "The output's channels must be in the order in which the last layer gives them; yours are in another one."
        if users := self.reference.users(index):
            return self._after(index, users, "returns it as it is", None)
        last = self.names.tensor(self.reference.results[0]) if self.reference.results else "something else"
        return f"The network must return {last}; yours returns {self.names.tensor(index)}."

    def on_the_way(self, failure: Failure) -> str:
        """Something else than a tensor of the reference goes into a layer, or is the output: the first operation that made it so."""
        behind = self.matching.behind(failure.number)
        ours = next((operation for operation in behind if self._parts(operation)), None)
        given = self.matching.known_into(ours) if ours is not None else []
        users = [user for index in given for user in self.reference.users(index)]
        if ours is None or (users and not self.names.has_words(self._nearest(users))):
            return self._of_arguments(failure, behind)
        is_random = any(one.kind in RANDOM and self._is_new(one) for one in behind[: behind.index(ours) + 1])
        if last := [index for index in given if index in self.reference.results and not self.reference.users(index)]:
            mine = "Dropout, or other random numbers," if is_random else self.names.what_with(ours, last[0])
            return f"The diagram ends with {self.names.tensor(last[0])}; yours applies {mine} to it{self.names.yours(ours)}."
        joined = [user for user in users if user.kind == ours.kind and user.kind in JOINS and len(given) > 1]
        if joined:
            return self._other_parts(ours, joined, given)
        if not users:
            mine = self.names.what_with(ours, given[0])
            return f"The diagram makes nothing of {self.names.tensor(given[0])}; yours applies {mine} to it{self.names.yours(ours)}."
        start = next(index for index in given if self._nearest(users) in self.reference.users(index))
        if is_random:
            return self._after(start, users, "has Dropout, or other random numbers", ours)
        return self._after(start, users, f"has {self.names.what_with(ours, start)}", ours)

    def _of_arguments(self, failure: Failure, behind: list[Operation]) -> str:
        """What goes into a layer, or the output, is made of the arguments in a way that has no words."""
        layer = failure.layer
        goal = "The output" if layer is None else f"What goes into {self.names.what(layer)}{self.names.yours(layer)}"
        made = [self.reference.classes_into(other)[0] for other in self.reference.layers() if self.names.is_made_of_arguments(other)]
        expected = next((index for index in made if index not in self.reached), made[0] if made else None)
        if layer is None or expected is None or any(one.slots for one in behind):
            return f"{goal} is not what the diagram has, and not made from what it has."
        shape, ours = self.reference.known.tensors[expected].shape, layer.shapes[0] if layer.shapes else ()
        shapes = f" (shape {ours}, and not {shape})" if ours != shape else ""
        return f"{goal} must be {self.names.tensor(expected)}; yours is something else{shapes}."

    def _other_parts(self, ours: Operation, users: list[Operation], given: list[int]) -> str:
        """The same join of tensors, of others than in the reference."""
        expected = max(users, key=lambda user: len(set(self.reference.classes_into(user)) & set(given)))
        right, verb, tensors = self.reference.classes_into(expected), JOINS[ours.kind].verb, self.names.tensors
        if sorted(right) == sorted(given):
            return f"The diagram {verb} {tensors(right)}; yours does it in another way{self.names.yours(ours)}."
        for index in given:
            skipped = [
                u
                for u in self.reference.users(index)
                if index not in right and self.reference.classes.get(u.output) in right
            ]
            if skipped:
                return self._after(index, skipped, f"goes on with {self.names.what_with(ours, index)}", ours, more=False)
        return f"The diagram {verb} {tensors(right)}; yours {verb} {tensors(given)}{self.names.yours(ours)}."

    # Sentences

    def _after(self, index: int, users: list[Operation], yours: str, ours: Operation | None, more: bool = True) -> str:
        """What must follow a tensor, and what does. `users`: what it goes into in the reference; `more`: whether theirs may come later."""
        start, place = self.names.tensor(index), self.names.yours(ours)
        if not users:
            return f"The diagram ends with {start}; yours {yours}{place}."
        expected = self._nearest(users)
        what = self.names.what_with(expected, index)
        if more and self.reference.classes.get(expected.output) in self.reached and ours is not None and not ours.slots:
            return f"Between {start} and {what} the diagram has nothing more; yours {yours}{place}."
        return f"After {start} the diagram has {what}; yours {yours}{place}."

    def _must_have(self, expected: Operation, what: str, yours: str, ours: Operation | None) -> str:
        return f"{self.names.where(expected)} must have {what}; yours {yours}{self.names.yours(ours)}."

    # The student's graph

    def _is_new(self, operation: Operation) -> bool:
        """Whether what it gives is nowhere in the reference."""
        return self.matching.found.get(operation.output) is None

    def _parts(self, operation: Operation) -> bool:
        """Whether an operation makes something new of what the reference has, and of random numbers."""
        values, found = self.matching.values, self.matching.found
        inputs = [number for number in operation.inputs if number in values]
        given = [number for number in inputs if found.get(number) is not None]
        others = [one for one in self.matching.operations if one.output in inputs and one.output not in given]
        wrong = operation.output in values and self._is_new(operation) and not operation.kind.endswith("_like")
        return wrong and bool(given) and all(map(self._is_random, others))

    def _is_random(self, operation: Operation) -> bool:
        """Whether a new tensor comes from random numbers."""
        return any(one.kind in RANDOM and self._is_new(one) for one in self.matching.behind(operation.output))

    def _nearest(self, users: list[Operation]) -> Operation:
        """Of what a tensor goes into, the first that the student's network never reaches."""
        return next((user for user in users if self.reference.classes.get(user.output) not in self.reached), users[0])
