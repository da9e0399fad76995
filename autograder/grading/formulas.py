"""Known mistakes as other formulas for the same measured numbers.

An algorithm is a handful of parts, each a small function; a mistake, or another right form, replaces some of them. What a student's code
gives is compared with the numbers of every such version, whatever the code looks like: no code is run for it.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from autograder.grading.checks import Note

Numbers = Mapping[str, Any]  # by the names under which a judgement notes them


@dataclass(frozen=True)
class Formula:
    """What the mistakes `ids`, made together, give for the numbers that a judgement has noted; no `ids`: a right form.

    `predict` may leave out what it says nothing about.
    """

    ids: tuple[str, ...]
    predict: Callable[[Note], Numbers]


@dataclass(frozen=True)
class Change:
    """Some parts of an algorithm, written in another way: a mistake, or with id "" a right one.

    `explanation` is for the student of any course: which equation, what to look at; never the answer, nor a name of a file or function.
    """

    id: str
    parts: Mapping[str, Callable[..., Any]]
    explanation: str = ""


def mistake(id: str, explanation: str = "", /, **parts: Callable[..., Any]) -> Change:
    """One that is made in two ways has its explanation with the first."""
    return Change(id, parts, explanation)


def form(**parts: Callable[..., Any]) -> Change:
    return Change("", parts)


@dataclass(frozen=True)
class Algorithm:
    """`measure(parts, note)` computes the numbers of `note` from parts that are given as attributes. Of each group in `forms` one
    alternative holds beside the mistakes; the parts themselves are the first alternative of every group.
    """

    parts: Mapping[str, Callable[..., Any]]
    measure: Callable[[Any, Note], Numbers]
    mistakes: tuple[Change, ...]
    forms: tuple[tuple[Change, ...], ...] = ()

    @property
    def explanations(self) -> dict[str, str]:
        """What is said about each mistake, by its id."""
        return {change.id: change.explanation for change in self.mistakes if change.explanation}

    def right(self) -> list[Formula]:
        return list(self._versions(()))

    def wrong(self, count: int) -> Iterator[Formula]:
        """All versions with `count` mistakes in different parts."""
        for chosen in itertools.combinations(self.mistakes, count):
            changed = [name for change in chosen for name in change.parts]
            ids = {change.id for change in chosen}
            if len(set(changed)) == len(changed) and len(ids) == count:
                yield from self._versions(chosen)

    def _versions(self, chosen: Sequence[Change]) -> Iterator[Formula]:
        fixed = {name for change in chosen for name in change.parts}
        groups = [[g for g in group if not fixed & g.parts.keys()] for group in self.forms]
        for forms in itertools.product(*[[form(), *group] for group in groups]):
            parts = dict(self.parts)
            for change in (*forms, *chosen):
                parts.update(change.parts)
            yield Formula(tuple(change.id for change in chosen), self._predict(parts))

    def _predict(self, parts: Mapping[str, Callable[..., Any]]) -> Callable[[Note], Numbers]:
        def predict(note: Note) -> Numbers:
            with np.errstate(all="ignore"):  # a wrong formula may divide by zero, or take the root of a negative number
                return self.measure(SimpleNamespace(**parts), note)

        return predict


def named(prefix: str, algorithm: Algorithm) -> Algorithm:
    """The same for another region of the assignment: its mistakes have ids of their own, "prefix-id"."""
    mistakes = tuple(replace(change, id=f"{prefix}-{change.id}") for change in algorithm.mistakes)
    return replace(algorithm, mistakes=mistakes)


def together(*algorithms: Algorithm) -> Algorithm:
    """One algorithm that holds several, such as a loop with the step inside. Raises ValueError where two of them have a part of one name."""
    parts = [name for algorithm in algorithms for name in algorithm.parts]
    if len(set(parts)) != len(parts):
        raise ValueError(f"two algorithms have a part of one name, of {sorted(parts)}")
    return Algorithm(
        parts={name: part for algorithm in algorithms for name, part in algorithm.parts.items()},
        measure=lambda p, note: {name: value for a in algorithms for name, value in a.measure(p, note).items()},
        mistakes=tuple(change for algorithm in algorithms for change in algorithm.mistakes),
        forms=tuple(group for algorithm in algorithms for group in algorithm.forms),
    )
