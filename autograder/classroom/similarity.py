"""Which submissions of a class have code in common that few others have. What is found is a pair to look at, never a verdict.

The right answers are a few lines each, from papers, so right submissions are alike and similarity alone says nothing.
What tells is code in common that hardly anybody else has. A line that nobody else has counts 1, a line that everybody
has counts 0, in between by the logarithm of how many others have it. "Everybody" is the class, earlier years, and the
known right variants of the assignment, so that in a small class too, the usual ways of writing it are known as usual.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autograder.classroom.fingerprints import WINDOW, Document, make_document
from autograder.classroom.records import Graded
from autograder.classroom.regions import earlier_submissions, handout_regions, regions_of
from autograder.errors import UserError
from autograder.grading.mutants import apply_variant, solution_files, variants
from autograder.manifest import Manifest, load_manifest

RENAMED = 0.97  # share of the smaller side's code from which a pair is the same code but for names
UNCOMMON_RENAMED = 4.0  # lines, weighted, that such a pair must have in common to be shown
ALIKE = 0.5  # the same for pairs that are alike in parts
UNCOMMON = 11.0
SAME = 6  # lines of own code from which equal code, word for word, is shown
MOST_PAIRS = 40
CANDIDATES = 2_000  # pairs that are looked at line by line
SHORT = 8  # signs; a shorter line, such as `else:`, does not count

Mark = Literal["", "common", "rare"]
Kind = Literal["same", "renamed", "alike"]


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
    kind: Kind  # the same word for word, the same but for names and comments, or alike in parts
    common: float  # 0 … 1: of the own code of the smaller side, the share that the other has too, names apart
    rare: int  # lines in common that hardly anybody else has; of the same code all lines of its own
    group: int = 0  # pairs with one number hang together
    note: str = ""


def find_similar(graded: Sequence[Graded], earlier: Path | None) -> list[Pair]:
    """At most MOST_PAIRS pairs to look at, the most telling group first; of a group only as many as connect it.

    `earlier`: a folder of submissions of earlier years, or of such folders, which are read and never run; pairs among
    them are not shown. Raises UserError where it cannot be read.
    """
    pairs: list[Pair] = []
    readable = [item for item in graded if item.verdict.state != "refused"]
    for identifier in sorted({item.verdict.assignment for item in readable}):
        try:
            manifest = load_manifest(identifier)
        except UserError:
            continue
        own = [item for item in readable if item.verdict.assignment == identifier]
        people = [(Person(item.handed_in.student, item.folder), item.regions) for item in own]
        if earlier is not None:
            people += [(Person(name), regions) for name, regions in earlier_submissions(earlier, manifest)]
        documents = [
            (person, make_document(regions, _given(manifest.id).prints)) for person, regions in people if regions
        ]
        pairs += _pairs(documents, manifest, first_group=len({pair.group for pair in pairs}))
    return pairs[:MOST_PAIRS]


@dataclass(frozen=True)
class Given:
    """What the handout holds."""

    prints: frozenset[int]
    lines: dict[str, frozenset[str]]  # region → its lines without indent


@cache
def _given(manifest_id: str) -> Given:
    regions = handout_regions(manifest_id)
    lines = {region.name: frozenset(line.strip() for line in region.lines) for region in regions}
    return Given(frozenset(make_document(regions).prints.tolist()) - {0}, lines)


@cache
def _usual(manifest_id: str) -> tuple[Document, ...]:
    """The solution and the known variants of it, which count as if further students had handed them in."""
    manifest = load_manifest(manifest_id)
    files = [solution_files(manifest), *(apply_variant(manifest, variant) for variant in variants(manifest))]
    return tuple(make_document(regions_of(one, manifest), _given(manifest_id).prints) for one in files)


@dataclass(frozen=True)
class _Copies:
    """Everybody who handed in one text, word for word."""

    people: tuple[Person, ...]
    document: Document

    @property
    def of_this_class(self) -> bool:
        return any(person.folder for person in self.people)


def _pairs(documents: Sequence[tuple[Person, Document]], manifest: Manifest, first_group: int) -> list[Pair]:
    usual, given = _usual(manifest.id), _given(manifest.id)
    by_words: dict[tuple[str, ...], list[tuple[Person, Document]]] = {}
    for person, document in documents:
        if document.own_lines:
            by_words.setdefault(document.words, []).append((person, document))
    copies = [_Copies(tuple(p for p, _ in same), same[0][1]) for same in by_words.values()]
    found = []
    for one in copies:
        if len(one.people) > 1 and one.of_this_class and one.document.own_lines >= SAME:
            note = "the reference solution" if one.document.words == usual[0].words else ""
            side = Side(one.people, _lines(one.document, given, None))
            found.append(
                (float(one.document.own_lines), [Pair(side, None, "same", 1.0, one.document.own_lines, note=note)])
            )
    found += _alike(copies, usual, given)
    order = {"same": 0, "renamed": 1, "alike": 2}
    found.sort(key=lambda group: (min(order[pair.kind] for pair in group[1]), -group[0]))
    return [replace(pair, group=first_group + number) for number, (_, group) in enumerate(found) for pair in group]


# --- pairs ------------------------------------------------------------------------------------------------------------


def _alike(copies: Sequence[_Copies], usual: Sequence[Document], given: Given) -> list[tuple[float, list[Pair]]]:
    """Groups of pairs that are similar, each with its best score."""
    if len(copies) < 2:
        return []
    population = [*(one.document for one in copies), *usual]
    sizes = np.array([len(one.people) for one in copies] + [1] * len(usual), dtype=np.float64)
    sets = [np.setdiff1d(document.prints, [0]) for document in population]
    values, columns = np.unique(np.concatenate(sets), return_inverse=True)
    rows = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
    number = sizes.sum()
    holders = np.bincount(columns, weights=sizes[rows], minlength=len(values))  # how many have each fingerprint

    def weight(others: NDArray[Any]) -> NDArray[np.float64]:
        return np.clip(1 - np.log1p(np.maximum(others, 0)) / np.log(number + 1), 0, 1)

    scored = []
    for i, j in _candidates(len(copies), rows, columns, weight(holders - 2.0)):
        if copies[i].of_this_class or copies[j].of_this_class:
            one, other = copies[i].document, copies[j].document
            shared = np.intersect1d(sets[i], sets[j], assume_unique=True)
            others = holders[np.searchsorted(values, shared)] - sizes[i] - sizes[j]
            marks = [_mark(document, shared, weight(others)) for document in (one, other)]
            rare = min(float(marks[0].rare.sum()), float(marks[1].rare.sum()))
            common = max(marks[0].common, marks[1].common)
            if _kind(rare, common):
                scored.append((rare, common, i, j, marks))
    return _groups(scored, copies, given)


def _kind(rare: float, common: float) -> Kind | None:
    if common >= RENAMED and rare >= UNCOMMON_RENAMED:
        return "renamed"
    return "alike" if common >= ALIKE and rare >= UNCOMMON else None


def _candidates(
    count: int, rows: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.float64]
) -> Iterator[tuple[int, int]]:
    """The pairs of the first `count` documents that have the most weight of fingerprints in common."""
    from scipy.sparse import csr_array

    mine = rows < count
    ones = csr_array((np.sqrt(weights[columns[mine]]), (rows[mine], columns[mine])), shape=(count, len(weights)))
    together = np.triu((ones @ ones.T).toarray(), 1)
    order = np.argsort(-together, axis=None)[:CANDIDATES]
    for index in order:
        i, j = divmod(int(index), count)
        if together[i, j] >= UNCOMMON_RENAMED:
            yield i, j


@dataclass(frozen=True)
class _Marks:
    common: float  # the share of own signs that the other has too
    covered: NDArray[np.float64]  # of each line, the share that the other has too
    rare: NDArray[np.float64]  # of each line, its weight


def _mark(document: Document, shared: NDArray[np.int64], weights: NDArray[np.float64]) -> _Marks:
    """A sign that several shared windows hold has the weight of the most usual one."""
    own = document.own
    at = np.searchsorted(shared, document.prints)
    at[at == len(shared)] = 0
    is_shared = (document.prints != 0) & (shared[at] == document.prints) if len(shared) else np.zeros_like(own)
    begins = np.where(is_shared, weights[at] if len(shared) else 0.0, np.inf)
    signs = np.full(len(own), np.inf)
    for offset in range(WINDOW):
        signs[offset:] = np.minimum(signs[offset:], begins[: len(begins) - offset])
    covered = np.isfinite(signs) & own
    lines = len(document.lines)
    lengths = np.bincount(document.line_of, minlength=lines)
    most = np.maximum(lengths, 1)
    rare = np.bincount(document.line_of, np.where(covered, signs, 0.0), lines) / most * (lengths >= SHORT)
    return _Marks(
        float((covered).sum() / max(own.sum(), 1)),
        np.bincount(document.line_of, covered, lines) / most,
        rare,
    )


def _groups(
    scored: Sequence[tuple[float, float, int, int, list[_Marks]]], copies: Sequence[_Copies], given: Given
) -> list[tuple[float, list[Pair]]]:
    """The strongest pairs that connect each group: a maximum spanning tree, so that ten who are alike make nine pairs."""
    leader = list(range(len(copies)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    kept = []
    for entry in sorted(scored, key=lambda entry: (_kind(entry[0], entry[1]) != "renamed", -entry[0])):
        one, other = find(entry[2]), find(entry[3])
        if one != other:
            leader[one] = other
            kept.append(entry)
    groups: dict[int, list[tuple[float, float, int, int, list[_Marks]]]] = {}
    for entry in kept:
        groups.setdefault(find(entry[2]), []).append(entry)
    return [(group[0][0], [_pair(entry, copies, given) for entry in group]) for group in groups.values()]


def _pair(entry: tuple[float, float, int, int, list[_Marks]], copies: Sequence[_Copies], given: Given) -> Pair:
    score, common, i, j, marks = entry
    documents = [copies[i].document, copies[j].document]
    telling = {
        document.names[document.lines[number][0]]
        for document, mark in zip(documents, marks)
        for number in np.flatnonzero(mark.rare >= 0.5)
    }
    sides = [
        Side(copies[index].people, _lines(document, given, mark, frozenset(telling)))
        for index, document, mark in zip((i, j), documents, marks)
    ]
    rare = min(sum(line.mark == "rare" for line in side.lines) for side in sides)
    return Pair(sides[0], sides[1], _kind(score, common) or "alike", common, rare, note=_verbatim(sides[0], sides[1]))


def _verbatim(one: Side, other: Side) -> str:
    """How many of the uncommon lines stand in the other side with the same names too."""
    lines = [line.text.split("#")[0].strip() for line in one.lines if line.mark == "rare"]
    texts = {line.text.split("#")[0].strip() for line in other.lines}
    return f"{sum(line in texts for line in lines)} of them word for word"


def _lines(
    document: Document, given: Given, marks: _Marks | None, first: frozenset[str] = frozenset()
) -> tuple[Line, ...]:
    """The lines that were not given, with their marks, each region under its name, the regions of `first` before others.

    `marks` None: no line tells more than another.
    """
    regions: dict[str, list[Line]] = {}
    for number, (index, text) in enumerate(document.lines):
        name = document.names[index]
        if text.strip() and text.strip() not in given.lines.get(name, ()):
            mark: Mark = ""
            if marks is not None:
                mark = "rare" if marks.rare[number] >= 0.5 else "common" if marks.covered[number] >= 0.5 else ""
            regions.setdefault(name, []).append(Line(text, mark))
    order = sorted(regions, key=lambda name: name not in first)
    return tuple(line for name in order for line in (Line(name, heading=True), *regions[name]))
