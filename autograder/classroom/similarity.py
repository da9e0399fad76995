"""Which submissions of a class have code in common that few others have. What is found is a pair to look at, never a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.classroom.records import Graded

Mark = Literal["", "common", "rare"]


@dataclass(frozen=True)
class Person:
    """Somebody of this class, or somebody of an earlier year."""

    name: str
    folder: str = ""  # of the reports, as `Graded.folder`; "" for an earlier year


@dataclass(frozen=True)
class Line:
    """A line of a side. A line that is a heading names the region that the lines after it come from."""

    text: str
    mark: Mark = ""
    heading: bool = False


@dataclass(frozen=True)
class Side:
    """The code of one submission's regions, and everybody who handed in the same."""

    people: tuple[Person, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Pair:
    """Two sides to look at. `second` is None where the people of the first side have the same code, word for word."""

    first: Side
    second: Side | None
    common: float  # 0 … 1: of the code of the smaller side, the share that the other has too, names of variables apart
    rare: int  # lines in common that hardly anybody else has
    group: int = 0  # pairs with one number hang together
    note: str = ""


def find_similar(graded: Sequence[Graded], earlier: Path | None) -> list[Pair]:
    """To come."""
    return []
