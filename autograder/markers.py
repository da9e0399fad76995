"""Solution files: one text that holds both the handout and the answer.

A TODO block, inside a Python file or inside one cell of a notebook's text source:

    ######## TODO 1-2: q_sample ########
    # What to compute: comments here are part of the handout.
    ### BEGIN SOLUTION
    return alphas_cumprod_t.sqrt() * x0 + (1 - alphas_cumprod_t).sqrt() * noise
    ### END SOLUTION
    ### STUB: raise NotImplementedError("TODO 1-2: q_sample")
    ######## END TODO ########

Each marker stands alone on its line. The middle pair is nbgrader's. Everything here is a pure function on text.
"""

import re
import textwrap
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import SequenceMatcher

from autograder.errors import UserError


class MarkerError(UserError):
    """A marker in a solution file is misspelt or out of place; the message begins with file and line."""

    def __init__(self, source: str, line: int, message: str):
        super().__init__(f"{source}:{line}: {message}")


@dataclass(frozen=True)
class Region:
    """One TODO block. Line numbers count from 1 and include the markers; lines are kept as indented in the file."""

    task: str
    name: str
    first_line: int  # ######## TODO
    last_line: int  # ######## END TODO
    begin_line: int  # ### BEGIN SOLUTION
    end_line: int  # ### END SOLUTION
    last_stub_line: int
    indent: str  # of ### BEGIN SOLUTION
    solution_lines: tuple[str, ...]
    stub_lines: tuple[str, ...]

    @property
    def solution(self) -> str:
        """The answer, dedented."""
        return textwrap.dedent("\n".join(self.solution_lines))


@dataclass(frozen=True)
class _Marker:
    line: int
    kind: str
    indent: str
    match: re.Match[str]


_FORMS = {
    "open": re.compile(r"######## TODO (?P<task>[^\s:]+): (?P<name>\S(?:.*\S)?) ########"),
    "begin": re.compile(r"### BEGIN SOLUTION"),
    "end": re.compile(r"### END SOLUTION"),
    "stub": re.compile(r"### STUB:(?: (?P<code>.*))?"),
    "close": re.compile(r"######## END TODO ########"),
}
_SPELLINGS = {
    "TODO": "######## TODO <task>: <region> ########",
    "BEGIN SOLUTION": "### BEGIN SOLUTION",
    "END SOLUTION": "### END SOLUTION",
    "STUB": "### STUB: <code>",
    "END TODO": "######## END TODO ########",
}
_LOOKS_LIKE_A_MARKER = re.compile(r"\s*###(?!#*\s*$)|.*#\s*((BEGIN|END)\s+SOLUTION|END\s+TODO)|.*###\s*STUB", re.I)

# After a marker of the key's kind: the kinds that may follow, and the sentence that says so.
_NEXT = {
    "close": (("open",), 'outside of a TODO block only "######## TODO <task>: <region> ########" may stand'),
    "open": (("begin",), 'a TODO block holds comments, then "### BEGIN SOLUTION"'),
    "begin": (("end",), '"### END SOLUTION" must close the answer first'),
    "end": (("stub",), 'at least one "### STUB: <code>" line must follow the answer'),
    "stub": (("stub", "close"), 'after "### STUB:" lines the block must end with "######## END TODO ########"'),
}


def regions(text: str, source: str = "solution", tasks: Collection[str] | None = None) -> list[Region]:
    """The TODO blocks of a solution file, in order. `source` names the file in errors; `tasks` are the ones allowed.

    Raises MarkerError, with file and line, for any marker that is misspelt, unbalanced, nested or named wrongly.
    """
    lines = text.split("\n")
    found: list[Region] = []
    block: list[_Marker] = []
    for marker in _ordered_markers(lines, source):
        block.append(marker)
        if marker.kind == "close":
            found.append(_region(block, lines))
            block = []
    _check_names(found, source, tasks)
    return found


def find_region(found: list[Region], name: str) -> Region | None:
    """The region that `name` means; the manifest's "ddpm.py:Model.q_sample" means "Model.q_sample", else "q_sample"."""
    path = f".{name.rpartition(':')[2]}"
    return max((r for r in found if path.endswith(f".{r.name}")), key=lambda region: len(region.name), default=None)


def derive_handout(text: str, source: str = "solution", tasks: Collection[str] | None = None) -> str:
    """What the student sees: each answer and its markers replaced by the stub. Raises MarkerError as `regions` does."""
    return _rewrite(text, regions(text, source, tasks), lambda region: region.stub_lines)


def strip_markers(text: str, source: str = "solution") -> str:
    """What a student who knows all hands in: TODO lines kept, stubs gone. Raises MarkerError as `regions` does."""
    return _rewrite(text, regions(text, source), lambda region: region.solution_lines)


def replace_solution(text: str, name: str, new_body: str, source: str = "solution") -> str:
    """The solution file with one answer replaced, markers kept. `new_body` is indented to fit, whatever its own margin.

    Raises UserError when no region is called `name`, and MarkerError as `regions` does.
    """
    found = regions(text, source)
    region = find_region(found, name)
    if region is None:
        raise UserError(f"{source} has no region {name!r}; it has {', '.join(r.name for r in found) or 'none'}.")
    body = textwrap.indent(textwrap.dedent(new_body).strip("\n"), region.indent)
    lines = text.split("\n")
    return "\n".join([*lines[: region.begin_line], body, *lines[region.end_line - 1 :]])


def _rewrite(text: str, found: list[Region], keep: Callable[[Region], tuple[str, ...]]) -> str:
    """Put `keep(region)` in place of everything from BEGIN SOLUTION to the last STUB."""
    lines = text.split("\n")
    for region in reversed(found):
        lines[region.begin_line - 1 : region.last_stub_line] = keep(region)
    return "\n".join(lines)


def _ordered_markers(lines: list[str], source: str) -> list[_Marker]:
    """All markers of a file, proved to be well spelt and to follow each other as they should."""
    markers: list[_Marker] = []
    last_kind, opened = "close", 0
    for number, line in enumerate(lines, start=1):
        allowed, wanted = _NEXT[last_kind]
        marker = _read_marker(line, number, source)
        if marker is not None:
            if marker.kind not in allowed:
                raise MarkerError(source, number, f'"{line.strip()}" cannot stand here: {wanted}.')
            last_kind, opened = marker.kind, number if marker.kind == "open" else opened
            markers.append(marker)
        elif last_kind != "close" and re.match(r"\s*# %%", line):
            raise MarkerError(source, number, f"a cell begins inside the TODO block of line {opened}; close it first.")
        elif line.strip() and (last_kind in ("end", "stub") or (last_kind == "open" and line.lstrip()[0] != "#")):
            raise MarkerError(source, number, f'"{line.strip()}" cannot stand here: {wanted}.')
    if last_kind != "close":
        raise MarkerError(source, opened, f"this TODO block is not complete: {_NEXT[last_kind][1]}.")
    return markers


def _read_marker(line: str, number: int, source: str) -> _Marker | None:
    """The marker that this line is, or None. Raises MarkerError for a line that only looks like one."""
    if "#" not in line:  # most lines; what follows takes a hundred times as long
        return None
    stripped = line.strip()
    for kind, form in _FORMS.items():
        if match := form.fullmatch(stripped):
            return _Marker(number, kind, line[: len(line) - len(line.lstrip())], match)
    if not _LOOKS_LIKE_A_MARKER.match(line):
        return None
    if not stripped.startswith("#"):
        raise MarkerError(source, number, "a marker must stand alone on its line; move the code before it away.")
    words = stripped.strip("# ").upper()
    nearest = max(_SPELLINGS, key=lambda known: SequenceMatcher(None, known, words[: len(known)]).ratio())
    advice = f'write "{_SPELLINGS[nearest]}", or begin an ordinary comment with a single #'
    raise MarkerError(source, number, f'"{stripped}" is not a marker; {advice}.')


def _check_names(found: list[Region], source: str, tasks: Collection[str] | None) -> None:
    """Raise MarkerError for a task that does not exist and for a name used twice in the file."""
    first: dict[str, int] = {}
    for region in found:
        if tasks is not None and region.task not in tasks:
            message = f"there is no task {region.task!r}; use one of {', '.join(tasks)}."
            raise MarkerError(source, region.first_line, message)
        if first.setdefault(region.name, region.first_line) != region.first_line:
            message = (
                f"{region.name!r} already names the block of line {first[region.name]}; give this one another name."
            )
            raise MarkerError(source, region.first_line, message)


def _region(block: list[_Marker], lines: list[str]) -> Region:
    """The record of one block from its markers: open, begin, end, stub, …, stub, close."""
    opening, begin, end, *stubs, close = block
    return Region(
        task=opening.match["task"],
        name=opening.match["name"],
        first_line=opening.line,
        last_line=close.line,
        begin_line=begin.line,
        end_line=end.line,
        last_stub_line=stubs[-1].line,
        indent=begin.indent,
        solution_lines=tuple(lines[begin.line : end.line - 1]),
        stub_lines=tuple((stub.indent + (stub.match["code"] or "")).rstrip() for stub in stubs),
    )
