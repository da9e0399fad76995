"""Is a student's network the one of the diagram? Judged by what it computes, with the reference's weights laid into it.

    judge_architecture(network, reference, [(x, t), (x, t)], draw, note, Diagram(blocks={"down1": "DownBlock(D, D)"}))

Both run in workers: the student's in its own, the solution's in a lane of the reference's. Each is watched, operation by operation
(sandbox/tracing.py), on the same random inputs. The reference gets random weights of the grader's; each layer of the student's gets those of
the layer of the reference that receives the same and has the same sizes (matching.py). Then outputs must agree in training and in
evaluation mode, and the gradients of all weights. So names, order, `nn.Sequential`, functional calls, lazy layers, `nn.Identity` and equal
operations do not matter.

The order of channels in a concatenation does not matter where the next layer takes any order: then its weights are laid in permuted. It
matters before GroupNorm with more than one group, and in the output.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.grading.checks import Note, WrongAnswer
from autograder.grading.seeds import Draw
from autograder.judges.architecture.differences import explain
from autograder.judges.architecture.gradients import expect_gradients
from autograder.judges.architecture.matching import Matching, MoreBiases
from autograder.judges.architecture.names import Diagram, Names
from autograder.judges.architecture.properties import expect_all_trained, expect_registered, watch
from autograder.judges.architecture.recording import Arguments, Recording
from autograder.judges.architecture.reference import Reference, absorbed_biases, drawn_weights, in_short
from autograder.judges.architecture.values import Numbers, same
from autograder.sandbox.failures import Raised
from autograder.sandbox.proxies import Handle

__all__ = ["Diagram", "Form", "judge_architecture"]

MOST_RUNS = 48  # of the student's network, where several layers receive the same
NO_NAMES = Diagram()
Form = Callable[[Arguments], Arguments]  # the arguments as a network takes them, such as with t of another shape


def as_given(arguments: Arguments) -> Arguments:
    return arguments


def judge_architecture(
    network: Handle,
    reference: Handle,
    inputs: Sequence[Arguments],
    draw: Draw,
    note: Note,
    diagram: Diagram = NO_NAMES,
    *,
    forms: Sequence[Form] = (as_given,),
    more_biases: MoreBiases = "absorbed",
    trained: bool = True,
) -> None:
    """Raises WrongAnswer, in the words of the diagram, where the student's network is another one.

    `inputs`: arguments of two or more calls, arrays, (B, …); rows that differ in every argument (each label, each time) tell most. `forms`:
    the network must be right in one of them. `more_biases`: which layers may have a bias that those of the diagram lack: none, those whose bias
    a batch normalisation takes away again, any. `trained`: whether layers that are made late, or lazy and never run, are wrong; without, where a
    check of its own asks for that.
    """
    known = _recorded(reference, inputs, draw)
    network.later("train")
    matching, form = _match_in_a_form(network, inputs[0], known, more_biases, forms)
    note.measured_work(does_work(matching))
    note("layers found", len(matching.partners), 0)
    if matching.failure is not None:
        raise WrongAnswer(explain(matching, matching.failure, diagram))
    (expect_all_trained if trained else expect_registered)(matching)
    matching = _expect_as_in_evaluation(network, reference, inputs[1], form, matching, diagram)
    if any(layer.is_computed for layer, _ in matching.partners):
        return  # what is laid into a computed weight lasts for one call
    arguments = inputs[-1]
    cotangents = [draw.normal(len(arguments[0]), *shape[1:]).astype(np.float32) for shape in known.output_shapes]
    for handle in (network, reference):
        handle.later("train")
    bare = not known.weights  # then the gradient is that of what goes in
    theirs = reference.gradients(cotangents, *arguments, of_given=bare)
    expect_gradients(network.gradients(cotangents, *form(arguments), of_given=bare), theirs, matching, Names(diagram, matching))


def _recorded(reference: Handle, inputs: Sequence[Arguments], draw: Draw) -> Reference:
    """The first call of the reference, in training mode, with weights of the grader's in every layer."""
    outline = watch(reference, inputs[1])
    absorbed = absorbed_biases(outline)
    weights = drawn_weights(outline, absorbed, draw)
    known = Reference.of(inputs[0], {}, weights=weights, absorbed=absorbed)
    known.end(reference.trace(known, *inputs[0], weights=[in_short(weights[number]) for number in sorted(weights)]))
    return known


def does_work(seen: Recording) -> bool:
    """Whether a network computes anything of its own: it has layers, or takes averages or maxima."""
    return any(one.slots or "pool" in one.kind or one.kind in ("mean", "sum", "gelu") for one in seen.operations)


def _match_in_a_form(
    network: Handle, arguments: Arguments, known: Reference, more_biases: MoreBiases, forms: Sequence[Form]
) -> tuple[Matching, Form]:
    """As `_match`, in the first form that is right, else in that which came furthest. Raises what comes in the first where it runs in none."""
    ran: list[tuple[Matching, Form]] = []
    errors: list[Exception] = []
    for form in forms:
        try:
            ran.append((_match(network, form(arguments), known, more_biases), form))
        except (Raised, WrongAnswer) as error:
            errors.append(error)
        else:
            if ran[-1][0].failure is None:
                return ran[-1]
    if not ran:
        raise errors[0]
    return max(ran, key=lambda one: len(one[0].partners))


def _match(network: Handle, given: Arguments, known: Reference, more_biases: MoreBiases) -> Matching:
    """The run in which every layer has a partner, or the one that came furthest."""
    choices: list[int] | None = []
    best: Matching | None = None
    for _ in range(MOST_RUNS):
        matching = Matching.of(given, {}, reference=known, choices=choices, more_biases=more_biases)
        matching.end(network.trace(matching, *given))
        if matching.failure is None:
            return matching
        if best is None or len(matching.partners) > len(best.partners):
            best = matching
        choices = matching.next_choices()
        if choices is None:
            break
    assert best is not None
    return best


def _expect_as_in_evaluation(
    network: Handle, reference: Handle, arguments: Arguments, form: Form, matching: Matching, diagram: Diagram
) -> Matching:
    """In evaluation mode, with the same weights and other inputs, the outputs are the same too. Only where they are not, or where weights are
    computed in each call, is the call watched. Returns the last that was. Raises WrongAnswer.
    """
    given, known = form(arguments), matching.reference
    for handle in (network, reference):
        handle.later("train", False)
    if not any(layer.is_computed for layer, _ in matching.partners):
        theirs, ours = (_tensors(handle.answer(*call)) for handle, call in ((reference, arguments), (network, given)))
        if len(ours) >= len(theirs) and all(x.shape[:1] == y.shape[:1] and same(x, y) for x, y in zip(ours, theirs)):
            return matching
    second = Reference.of(arguments, {}, weights=known.weights, absorbed=known.absorbed)
    second.end(reference.trace(second, *arguments, weights=()))
    choices = [taken for taken, _ in matching.decisions]
    again = Matching.of(given, {}, reference=second, choices=choices, more_biases=matching.more_biases, lay_in=False)
    again.end(network.trace(again, *given))
    if again.failure is not None:
        raise WrongAnswer(f"In evaluation mode: {explain(again, again.failure, diagram)}")
    return again


def _tensors(value: Any) -> list[Numbers]:
    """The floating-point tensors of what a network gives, in their order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in _tensors(item)]
    return [value.astype(np.float64)] if isinstance(value, np.ndarray) and value.dtype.kind == "f" else []
