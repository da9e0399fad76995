"""The part of the class page that shows similar submissions: cleaned, cut, and never called more than similar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autograder.classroom.similarity import Kind, Line, Pair, Person, Side
from autograder.text import clean_line

MOST_LINES, LINE, NAME = 400, 160, 80


@dataclass(frozen=True)
class SidePerson:
    name: str
    link: str  # "" for an earlier year


@dataclass(frozen=True)
class SideView:
    people: tuple[SidePerson, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class PairView:
    first: SideView
    second: SideView | None
    kind: Kind
    percent: int
    rare: int
    note: str


@dataclass(frozen=True)
class Similar:
    """Groups of pairs that hang together, the most telling group first."""

    groups: tuple[tuple[PairView, ...], ...] = ()

    @property
    def number(self) -> int:
        return sum(map(len, self.groups))


def present_similar(pairs: Sequence[Pair], links: Mapping[str, str]) -> Similar:
    """`links` maps a folder of reports to the report in it."""
    groups: dict[int, list[PairView]] = {}
    for pair in pairs:
        second = _side(pair.second, links) if pair.second is not None else None
        view = PairView(
            _side(pair.first, links), second, pair.kind, round(100 * pair.common), pair.rare, clean_line(pair.note, 200)
        )
        groups.setdefault(pair.group, []).append(view)
    return Similar(tuple(map(tuple, groups.values())))


def _side(side: Side, links: Mapping[str, str]) -> SideView:
    lines = [Line(_clean_code(line.text), line.mark, line.heading) for line in side.lines[:MOST_LINES]]
    margin = min((_indent(line.text) for line in lines if line.text and not line.heading), default=0)
    lines = [line if line.heading else replace(line, text=line.text[margin:]) for line in lines]
    if len(side.lines) > MOST_LINES:
        lines.append(Line(f"… {len(side.lines) - MOST_LINES:,} more lines", heading=True))
    return SideView(tuple(_person(person, links) for person in side.people), tuple(lines))


def _person(person: Person, links: Mapping[str, str]) -> SidePerson:
    return SidePerson(clean_line(person.name, NAME) or "no name", links.get(person.folder, "") if person.folder else "")


def _clean_code(text: str) -> str:
    """One line of code: its indent stays."""
    text = text.expandtabs(4)[: 10 * LINE]
    return " " * min(_indent(text), LINE) + clean_line(text, LINE)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))
