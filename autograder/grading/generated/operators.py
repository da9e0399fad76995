"""All operators, and what they make of one region."""

import itertools
from collections.abc import Callable, Iterator, Sequence

from autograder.grading.generated import calls, numbers, statements
from autograder.grading.generated.source import Edit, Source

Operator = Callable[[Source], Iterator[Edit]]
OPERATORS: tuple[Operator, ...] = (
    numbers.operators, numbers.operands, numbers.constants, numbers.signs, numbers.roots, numbers.conditions,
    calls.neighbours, calls.dtypes, calls.methods, calls.arguments, calls.names, calls.indices, calls.branches,
    statements.dropped, statements.exchanged, statements.repeated, statements.returned_early, statements.gradients,
)  # fmt: skip


def edits(source: Source, chosen: tuple[Operator, ...] = OPERATORS) -> list[Edit]:
    """All that the operators make, also what does not compile and what gives the same program: see `tried`."""
    return [edit for operator in chosen for edit in operator(source)]


def tried(source: Source, given: Sequence[Edit], known: set[str]) -> tuple[Edit, ...] | None:
    """The edits as they are made together, or None where that does not compile or gives a program that is `known`, to which it is added."""
    if any(one.overlaps(two) for one, two in itertools.combinations(given, 2)):
        return None
    fitted = tuple(map(source.fitted, given))
    program = source.program(fitted)
    if program is None or program in known:
        return None
    known.add(program)
    return fitted
