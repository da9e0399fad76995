"""Where the lines of a module stand in the notebook that they come from."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autograder.submission.notebook_statements import Statement


@dataclass(frozen=True)
class Origin:
    """From `line` of a module on, its lines are those of a cell from `cell_line` on."""

    line: int
    cell: int
    cell_line: int


def joined(ordered: Iterable[tuple[Statement, list[str]]], preamble: str, postscript: str) -> tuple[bytes, tuple[Origin, ...]]:
    lines, origins = ["# -*- coding: utf-8 -*-", preamble], [Origin(1, 0, 1)]  # whatever a comment of the notebook says
    for statement, text in ordered:
        for line, place in zip(text, statement.places, strict=True):
            last = origins[-1]
            lines.append(line)
            if (last.cell, last.cell_line + len(lines) - last.line) != (statement.cell, place):
                origins.append(Origin(len(lines), statement.cell, place))
    lines += [postscript] if postscript else []
    return ("\n".join(lines) + "\n").encode("utf-8", "replace"), tuple(origins)


def place_of(line: int, origins: tuple[Origin, ...]) -> tuple[int, int]:
    """(cell, line in it) of a line of a module; (0, 1) for a line that no cell has."""
    origin = next((one for one in reversed(origins) if one.line <= line), Origin(1, 0, 1))
    return origin.cell, origin.cell_line + line - origin.line


def in_cells(text: str, origins: Mapping[str, tuple[Origin, ...]], notebooks: Mapping[str, str]) -> str:
    """A sentence in which "ddpm.py, line 12" is "cell 7, line 3". `notebooks`: by file, the notebook's name where there are several."""
    if not origins:
        return text
    files = "|".join(re.escape(name) for name in sorted(origins, key=len, reverse=True))

    def moved(match: re.Match[str]) -> str:
        cell, line = place_of(int(match[2]), origins[match[1]])
        whose = f"{notebooks[match[1]]}, " if len(set(notebooks.values())) > 1 else ""
        return f"{whose}cell {cell}, line {line}" if cell else match[0]

    return re.sub(rf"(?<![\w/])({files})\"?, line (\d{{1,7}})", moved, text)
