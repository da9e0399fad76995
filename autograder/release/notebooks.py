"""Notebooks: a jupytext percent file, whose diffs are readable, becomes an `.ipynb` without outputs."""

import hashlib
import re

import jupytext
import nbformat
from nbformat import NotebookNode

_HEADER = re.compile(r"\A# ---\n(?:#.*\n)*?# jupyter:\n(?:#.*\n)*?# ---\n+")
_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def is_notebook_source(text: str) -> bool:
    """Whether a Python file is the text of a notebook: it begins with jupytext's YAML header."""
    return _HEADER.match(text) is not None


def to_ipynb(text: str) -> bytes:
    """The notebook, format 4.5, of a percent file: no outputs, cell ids from the cells' own text, kernel `python3`.

    Equal text gives equal bytes; the header serves only to recognise a notebook.
    """
    notebook = jupytext.reads(_HEADER.sub("", text, count=1), fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(_KERNEL)
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's note on blank lines in the percent file
        cell.id = _cell_id(cell, seen)
    nbformat.validate(notebook)
    return (nbformat.writes(notebook) + "\n").encode()


def cell_lines(notebook: bytes) -> list[tuple[int, str]]:
    """(cell number from 1, line) for every line of every cell. Raises ValueError when the bytes are not a notebook."""
    try:
        cells = nbformat.reads(notebook.decode(), as_version=4).cells
    except Exception as error:  # nbformat has a family of its own for each way to be broken
        raise ValueError("not a Jupyter notebook") from error
    return [(number, line) for number, cell in enumerate(cells, start=1) for line in cell.source.split("\n")]


def _cell_id(cell: NotebookNode, seen: dict[str, int]) -> str:
    """A hash of the cell, so that an edit changes one id only; equal cells are counted."""
    digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
    seen[digest] = seen.get(digest, 0) + 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
