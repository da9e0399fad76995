"""A notebook as it was saved → its code cells as Python. Pure functions; no cell is ever run.

Notebooks are read tolerantly, as Jupyter and Colab show them: of any nbformat, with whatever outputs, half valid ones included. What
only a notebook understands (`%matplotlib inline`, `!pip install`, `%%capture`) is blanked out, so that every line keeps its number.
"""

import ast
import codecs
import json
import platform
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from autograder import not_python
from autograder.submission.python_text import count_tokens, misplaced
from autograder.submission.rules import IntakeLimits, shown

MOST_CELLS = 5_000
_MOST_REPAIRS = 200  # lines of one cell that are a notebook's commands
_PYTHON_MAGICS = {"capture", "time", "prun", "memit", "mprun"}  # the rest of the cell is run as it stands
_CELL_MAGIC = re.compile(r"%%\s*(\S+)[^\S\n]*(.*)")
_TIMED = re.compile(r"^([ \t]*(?:[\w., ]+=[ \t]*)?)%time[ \t]+(?=\S)")
_TARGET = re.compile(r"(?:(-a|--append)\s+)?[\"']?([^\s\"']*[\w.-])[\"']?\s*$")
_CONFLICT = re.compile(r"^<{7}(?: .*)?$", re.M)


class NotANotebook(Exception):
    """This file cannot be read as a notebook in Python. The message is one sentence that begins with the name of the file."""


@dataclass(frozen=True)
class Cell:
    """A cell. Numbers count from 1, from the top, cells of text included."""

    number: int
    kind: str  # "code", "markdown", "raw"
    text: str  # with "\n" at line ends, as in the notebook


@dataclass(frozen=True)
class CodeCell:
    """A code cell as Python sees it: `text` has the lines of the cell, those of the notebook blank. `error`: why it cannot be parsed."""

    number: int
    text: str
    tree: ast.Module | None
    error: str = ""  # "line 3: '(' was never closed"


@dataclass(frozen=True)
class Written:
    """The file that a cell beginning with `%%writefile` writes."""

    path: tuple[str, ...]  # ("libs", "ddpm.py")
    cell: int
    first_line: int  # of the file's text, in the cell
    text: str
    appends: bool = False


def read_cells(name: str, content: bytes) -> list[Cell]:
    """All cells of a notebook. Raises NotANotebook for an empty file, a web page, damaged JSON, and a notebook in another language.

    The marks of a merge conflict are no obstacle where both sides have the same code, as when only outputs are in conflict.
    """
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    text = content.decode(encoding, "replace")
    if not text.strip():
        raise NotANotebook(f"{shown(name)} is empty; save the notebook again and hand in that file.")
    if (kind := not_python.other_kind(text)) and "notebook" not in kind:
        raise NotANotebook(f"{shown(name)} {kind}")
    if _CONFLICT.search(text):
        return _merged(name, text)
    return _cells(name, _notebook(name, text))


def _merged(name: str, text: str) -> list[Cell]:
    sides = [_cells(name, _notebook(name, side)) for side in _sides(name, text)]
    if [(c.number, c.text) for c in sides[0] if c.kind == "code"] != [(c.number, c.text) for c in sides[1] if c.kind == "code"]:
        raise NotANotebook(_conflict(name, text))
    return sides[0]


def _sides(name: str, text: str) -> list[str]:
    """The text with our side, and with theirs, of each conflict."""
    ours: list[str] = []
    theirs: list[str] = []
    into = [ours, theirs]
    for line in text.split("\n"):
        if line.startswith("<<<<<<<"):
            into = [ours]
        elif line.startswith("|||||||"):
            into = []
        elif line.rstrip("\r") == "=======":
            into = [theirs]
        elif line.startswith(">>>>>>>"):
            into = [ours, theirs]
        else:
            for side in into:
                side.append(line)
    try:
        return ["\n".join(side) for side in (ours, theirs) if json.loads("\n".join(side)) is not None]
    except (ValueError, RecursionError):
        raise NotANotebook(_conflict(name, text)) from None


def _conflict(name: str, text: str) -> str:
    match = _CONFLICT.search(text)
    line = text.count("\n", 0, match.start() if match else 0) + 1
    advice = "decide for one version, see that the notebook opens, and hand it in again"
    return f"{shown(name)}: git left a merge conflict in line {line} of the file; {advice}."


def _notebook(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NotANotebook(
            f"{shown(name)} is damaged: it is not the JSON that a notebook is; open it, save it again and hand in that file."
        ) from None


def _cells(name: str, notebook: Any) -> list[Cell]:
    """The cells of a notebook's JSON: `cells` since nbformat 4, `worksheets` before."""
    if not isinstance(notebook, dict):
        notebook = {}
    language = _language(notebook)
    if language and not re.match(r"(?i)i?python", language):
        raise NotANotebook(f"{shown(name)} is a notebook in {shown(language, 30)}, and not in Python; hand in the one in Python.")
    raw = notebook.get("cells")
    if not isinstance(raw, list):
        sheets = notebook.get("worksheets")
        raw = [cell for sheet in sheets if isinstance(sheet, dict) for cell in _list(sheet.get("cells"))] if isinstance(sheets, list) else None
    if raw is None:
        raise NotANotebook(f"{shown(name)} holds no cells, so it is no notebook; save the notebook again and hand in that file.")
    if len(raw) > MOST_CELLS:
        raise NotANotebook(f"{shown(name)} has more than {MOST_CELLS:,} cells; hand in the notebook with your work only.")
    return [_cell(number, cell) for number, cell in enumerate(raw, start=1) if isinstance(cell, dict)]


def _cell(number: int, cell: dict[str, Any]) -> Cell:
    source = cell.get("source", cell.get("input", ""))  # "input": before nbformat 4
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    return Cell(number, str(cell.get("cell_type")), text.replace("\r\n", "\n").replace("\r", "\n"))


def _language(notebook: dict[str, Any]) -> str:
    """The language that a notebook says it is in; "" where it says none."""
    metadata = _dict(notebook.get("metadata"))
    kernel = _dict(metadata.get("kernelspec"))
    said = _dict(metadata.get("language_info")).get("name") or kernel.get("language")
    for name, language in (("ir", "R"), ("xr", "R"), ("julia", "Julia")):
        if not said and re.match(rf"{name}\b", str(kernel.get("name"))):
            return language
    return said if isinstance(said, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# --- what only a notebook understands ---------------------------------------------------------------------------------


def code_cells(cells: list[Cell]) -> Iterator[CodeCell | Written]:
    """The code cells in order, as Python sees them, and the files that cells write; cells in another language are left out."""
    for cell in cells:
        if cell.kind != "code" or not cell.text.strip():
            continue
        text, magic, argument, line = _without_cell_magics(cell.text)
        if magic in ("writefile", "file") and (target := _TARGET.match(argument)):
            path = tuple(part for part in target[2].split("/") if part not in ("", ".", ".."))
            yield Written(path, cell.number, line + 1, "\n".join(cell.text.split("\n")[line:]), bool(target[1]))
        elif magic is None or magic in _PYTHON_MAGICS:
            yield as_python(cell.number, text)


def _without_cell_magics(text: str) -> tuple[str, str | None, str, int]:
    """(text with blank lines for `%%capture` and its like, name of the last magic, what follows it, its line), below comments too."""
    lines = text.split("\n")
    magic, argument, at = None, "", 0
    for index, line in enumerate(lines):
        match = _CELL_MAGIC.match(line.strip())
        if match:
            lines[index] = ""
            magic, argument, at = match[1].lower(), match[2], index + 1
            if magic not in _PYTHON_MAGICS:
                break
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    return "\n".join(lines), magic, argument, at


def as_python(number: int, text: str) -> CodeCell:
    """A cell's text without the lines that are a notebook's commands, and its syntax tree.

    Such a line is told by what Python says of it: the same signs inside a string or a formula over several lines stay.
    """
    if count_tokens(text.encode("utf-8", "replace")) > IntakeLimits.file_tokens:
        return CodeCell(number, text, None, "line 1: this cell is too long for source code; take data out of it")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return CodeCell(number, text, None, f"line {line}: there is a NUL character; delete this line and type it again")
    lines = [_TIMED.sub(r"\1", line) for line in text.split("\n")]
    for _ in range(_MOST_REPAIRS):
        text = "\n".join(lines)
        try:
            tree = _parsed(text)
            wrong = misplaced(tree, yields="yield" in text)
            return CodeCell(number, text, None, f"line {wrong[0]}: {wrong[1]}") if wrong else CodeCell(number, text, tree)
        except SyntaxError as error:
            command = not_python.command_near(text, error.lineno or 1)
            if command is None:
                sentence = not_python.describe("", text, error, platform.python_version())
                return CodeCell(number, text, None, shown(sentence.removeprefix(", ").rstrip("."), 300))
            _blank(lines, command - 1)
        except (ValueError, RecursionError, MemoryError):  # numbers or brackets without end
            break
    return CodeCell(number, text, None, "line 1: this cell cannot be read as Python")


def _blank(lines: list[str], index: int) -> None:
    """Put `pass` in place of a command, which may be the only line of a block, and nothing in place of the lines that continue it."""
    continues = lines[index].rstrip().endswith("\\")
    lines[index] = re.match(r"\s*", lines[index])[0] + "pass"  # type: ignore[index]
    while continues and index + 1 < len(lines):
        index += 1
        continues = lines[index].rstrip().endswith("\\")
        lines[index] = ""


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)
