"""Notebooks for tests, as Jupyter and Colab save them, and submissions made of them."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.manifest import Manifest, load_manifest

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, "language_info": {"name": "python"}}


def cell(source: str, kind: str = "code", as_list: bool = True, **more: Any) -> dict[str, Any]:
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True) if as_list else source, **extra, **more}


def notebook(*cells: str | dict[str, Any], metadata: Mapping[str, Any] = PYTHON) -> bytes:
    """The bytes of a notebook of format 4.5; a text is a code cell."""
    made = [cell(one) if isinstance(one, str) else one for one in cells]
    return json.dumps({"cells": made, "metadata": dict(metadata), "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def text(source: str) -> dict[str, Any]:
    return cell(source, "markdown")


def taking_notebooks(identifier: str = "swiss_roll", **files: Any) -> Manifest:
    """An assignment's manifest, with the key that lets a notebook be handed in."""
    manifest = load_manifest(identifier)
    return dataclasses.replace(manifest, files=dataclasses.replace(manifest.files, from_notebook=True, **files))


def folder_with(root: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    root.mkdir(parents=True, exist_ok=True)
    return root
