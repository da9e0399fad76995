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

from autograder.grading.checks import Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.judges.architecture.differences import explain
from autograder.judges.architecture.gradients import expect_gradients
from autograder.judges.architecture.matching import Matching
from autograder.judges.architecture.names import Diagram, Names
from autograder.judges.architecture.reference import Recording, Reference, absorbed_biases
from autograder.sandbox.proxies import Handle, describe

__all__ = ["Diagram", "judge_architecture"]

MOST_RUNS = 48  # of the student's network, where several layers receive the same
NO_NAMES = Diagram()
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
    diagram: Diagram = NO_NAMES,
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
        raise WrongAnswer(explain(matching, matching.failure, diagram))
    _expect_all_trained(matching, report)
    pair.set_mode(training=False)
    again = _check_again(pair, inputs[1], known, matching)
    if again.failure is not None:
        raise WrongAnswer(f"In evaluation mode: {explain(again, again.failure, diagram)}")
    pair.set_mode(training=True)
    arguments = inputs[-1]
    cotangents = [
        draw.normal(len(arguments[0]), *shape[1:]).astype(np.float32) for shape in again.reference.output_shapes
    ]
    theirs = reference.gradients(cotangents, *arguments)
    expect_gradients(network.gradients(cotangents, *form(arguments)), theirs, again, Names(diagram, again))


def _record(
    handle: Handle, arguments: Arguments, recording: Reference, draw: Draw | None, absorbed: frozenset[int]
) -> Reference:
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
    expect(
        isinstance(value, dict) and {"outputs", "idle", "made"} <= value.keys(),
        f"The network could not be followed; it gave {describe(value)}.",
    )
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
    slots = [slot for layer, _ in matching.partners for slot in layer.slots if not slot.role.startswith("running")]
    if any(slot.name is None for slot in slots):
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
    if not isinstance(parameters, list):
        return ""
    layers = dict.fromkeys(str(name).rpartition(".")[0] or str(name) for name in parameters)
    return ", ".join(f"`{layer[:80]}`" for layer in list(layers)[:4])
