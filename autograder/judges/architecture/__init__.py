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
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.grading.checks import Note, WrongAnswer, expect, expect_finite
from autograder.grading.seeds import Draw
from autograder.judges.architecture.matching import Laid, Matching
from autograder.judges.architecture.reference import Recording, Reference, absorbed_biases
from autograder.judges.architecture.values import Numbers
from autograder.judges.architecture.words import Diagram, Words
from autograder.sandbox.proxies import Handle, describe

__all__ = ["Diagram", "judge_architecture"]

MOST_RUNS = 48  # of the student's network, where several layers receive the same
GRADIENTS = 1e-3  # of the largest of a weight: float32 sums in another order
Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Pair:
    """The two networks. `form`: the arguments as the student's network takes them, such as with t of another shape."""

    network: Handle
    reference: Handle
    form: Callable[[Arguments], Arguments] = lambda arguments: arguments

    def set_mode(self, training: bool) -> None:
        for handle in (self.network, self.reference):
            handle.new("train", training)


def judge_architecture(
    network: Handle,
    reference: Handle,
    inputs: Sequence[Arguments],
    draw: Draw,
    note: Note,
    diagram: Diagram = Diagram(),
    *,
    form: Callable[[Arguments], Arguments] = lambda arguments: arguments,
    bias_counts: bool = False,
) -> None:
    """Raises WrongAnswer, in the words of the diagram, where the student's network is another one.

    `inputs`: arguments of two or more calls, arrays, (B, …); rows that differ in every argument (each label, each time) tell most. `bias_counts`:
    whether a bias that a batch normalisation takes away again must be as in the diagram.
    """
    pair = Pair(network, reference, form)
    pair.set_mode(training=True)
    structure = Recording.of(inputs[0], {})
    reference.trace(structure, *inputs[0])
    known = _record(reference, inputs[0], Reference.of(inputs[0], {}), draw, absorbed_biases(structure))
    matching, report = _match(pair, inputs[0], known, bias_counts)
    note("layers found", len(matching.partners), 0)
    if matching.failure is not None:
        raise WrongAnswer(Words(diagram, matching).explain(matching.failure))
    _expect_all_trained(matching, report)
    pair.set_mode(training=False)
    again = _check_again(pair, inputs[1], known, matching)
    if again.failure is not None:
        raise WrongAnswer(f"In evaluation mode: {Words(diagram, again).explain(again.failure)}")
    pair.set_mode(training=True)
    _compare_gradients(pair, inputs[-1], again, draw, note, diagram)


def _record(handle: Handle, arguments: Arguments, recording: Reference, draw: Draw | None, absorbed: frozenset[int]) -> Reference:
    recording.draw, recording.absorbed = draw, absorbed
    report = handle.trace(recording, *arguments)
    recording.outputs = tuple(recording.classes[number] for number in report["outputs"])
    return recording


def _match(pair: Pair, arguments: Arguments, known: Reference, bias_counts: bool) -> tuple[Matching, dict[str, Any]]:
    """The run in which every layer has a partner, or the one that came furthest."""
    choices: list[int] | None = []
    best: tuple[Matching, dict[str, Any]] | None = None
    given = pair.form(arguments)
    for _ in range(MOST_RUNS):
        matching = Matching.of(given, {}, reference=known, choices=choices, bias_counts=bias_counts)
        report = _report(pair.network.trace(matching, *given))
        matching.finish(report["outputs"])
        if matching.failure is None:
            return matching, report
        if best is None or len(matching.partners) > len(best[0].partners):
            best = matching, report
        choices = matching.next_choices()
        if choices is None:
            break
    assert best is not None
    return best


def _report(value: Any) -> dict[str, Any]:
    expect(isinstance(value, dict) and {"outputs", "idle", "made"} <= value.keys(), f"The network could not be followed; it gave {describe(value)}.")
    return value


def _check_again(pair: Pair, arguments: Arguments, known: Reference, matching: Matching) -> Matching:
    """The same networks with the same weights on other inputs."""
    second = Reference.of(arguments, {}, weights=known.weights)
    _record(pair.reference, arguments, second, None, known.absorbed)
    given = pair.form(arguments)
    choices = [taken for taken, _ in matching.decisions]
    again = Matching.of(given, {}, reference=second, choices=choices, bias_counts=matching.bias_counts, lay_in=False)
    again.finish(_report(pair.network.trace(again, *given))["outputs"])
    return again


def _expect_all_trained(matching: Matching, report: dict[str, Any]) -> None:
    """Every weight is where an optimiser finds it, before the first call, and nothing else is in its way."""
    hidden = [layer for layer, _ in matching.partners for slot in layer.slots if slot.name is None and not slot.role.startswith("running")]
    if hidden:
        raise WrongAnswer(
            "Every layer must be where parameters() finds it; a layer of yours is not (an ordinary list or a dictionary hides layers: take "
            "nn.ModuleList or nn.ModuleDict). An optimiser would never train it."
        )
    if made := _names(report["made"]):
        raise WrongAnswer(
            f"Every layer must be made in __init__; yours makes {made} during the first call, so an optimiser that was made before never trains it."
        )
    if idle := _names(report["idle"]):
        raise WrongAnswer(
            f"Your network makes a lazy layer that it never runs: {idle}. Its size is never known, so counting parameters or giving them to an "
            "optimiser raises an error. Take it out, or run it. All the rest is as in the diagram."
        )


def _names(parameters: Any) -> str:
    """The layers of some parameters, "`down5.0`"."""
    layers = dict.fromkeys(str(name).rpartition(".")[0] or str(name) for name in parameters) if isinstance(parameters, list) else {}
    return ", ".join(f"`{layer[:80]}`" for layer in list(layers)[:4])


def _compare_gradients(pair: Pair, arguments: Arguments, matching: Matching, draw: Draw, note: Note, diagram: Diagram) -> None:
    shapes = [matching.reference.known.tensors[index].shape for index in matching.reference.outputs]
    rows = len(arguments[0])
    cotangents = [draw.normal(rows, *shape[1:]).astype(np.float32) for shape in shapes]
    theirs = pair.reference.gradients(cotangents, *arguments)
    ours = pair.network.gradients(cotangents, *pair.form(arguments))
    for got, expected in zip(ours["outputs"], theirs["outputs"]):
        largest = float(abs(expected).max())
        shown = expect_finite(got, "The output") if isinstance(got, np.ndarray) else np.zeros(0)
        right = shown.size == expected.size and bool((abs(shown.ravel() - expected.ravel()) <= GRADIENTS * largest).all())
        note("output", right, 0)
        expect(right, "With the same weights and inputs your network must give what the diagram gives; in training mode, on further inputs, yours does not.")
    words = Words(diagram, matching)
    largest = max((float(abs(g).max()) for g in theirs["weights"] if g is not None), default=0.0)
    for (layer, partner) in matching.partners:
        for item in matching.laid:
            if item.ours in layer.slots and item.theirs is not None and not item.ours.role.startswith("running"):
                got, expected = ours["weights"][item.ours.number], theirs["weights"][item.theirs]
                wrong = _differs(got, _converted(item, expected), largest)
                if wrong:
                    note("a gradient that differs", 0, 0)
                    raise WrongAnswer(
                        f"The gradient of {words.what(partner)} in {words.place(partner.place) or 'the network'} must be as in the diagram; yours {wrong}"
                        f"{words.yours(layer)}. Look for .detach(), .data, torch.no_grad or torch.tensor(…) on the way."
                    )


def _converted(item: Laid, gradient: Numbers | None) -> Numbers | None:
    """The reference's gradient in the student's layout; None where one weight of the reference's serves for several of the student's."""
    return None if gradient is None or np.prod(item.ours.shape) != gradient.size else item.convert(gradient)


def _differs(got: Any, expected: Numbers | None, largest: float) -> str:
    """What is wrong with a gradient, or ""."""
    if expected is None:
        return ""
    mine = got if isinstance(got, np.ndarray) and got.shape == expected.shape else np.zeros_like(expected)
    if not (abs(mine - expected) <= GRADIENTS * abs(expected).max() + 1e-5 * largest).all():
        return "is another one" if mine.any() else "is zero, so training never reaches it"
    return ""
