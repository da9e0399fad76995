"""Other editions of an assignment: the original course's files, and those of its forks.

Students of another edition hand in files in which a region may still be that edition's stub, and whose given code differs from our
handout's. An assignment knows them from `editions.py` in its folder, or in a folder that it takes its checks from.
"""

import ast
import hashlib
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autograder.manifest import Manifest


@dataclass(frozen=True)
class Edition:
    """One edition of the files that students complete.

    `stubs`: by file, Python text with the functions that are to be filled in, each with a body that does what the edition's stub does;
    names and layout do not matter, and of lines without effect only how many operations they have. `given`: by file, the digests (`digest`)
    of what stands there outside of the regions and is not as in our handout, by name: "BaseScheduler.__init__".
    """

    title: str
    stubs: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def known_editions(manifest: Manifest) -> tuple[Edition, ...]:
    """The EDITIONS of an assignment, its own first; none where it has no such file."""
    modules = [f"autograder.assignments.{name}.editions" for name in (manifest.id, *manifest.checks_from)]
    found = [importlib.import_module(name).EDITIONS for name in modules if importlib.util.find_spec(name)]
    return tuple(edition for editions in found for edition in editions)


def digest(nodes: list[ast.AST]) -> str:
    """A short digest of code that is the same for every layout and every version of Python."""
    return hashlib.sha256(" ".join(word for node in nodes for word in _words(node)).encode()).hexdigest()[:16]


def _words(node: object) -> Iterator[str]:
    if isinstance(node, ast.AST):
        yield type(node).__name__
        for name, value in ast.iter_fields(node):
            if value not in (None, []) and name not in ("ctx", "kind", "type_comment", "type_params"):
                yield f"{name}("
                yield from _words(value)
                yield ")"
    elif isinstance(node, list):
        for item in node:
            yield from _words(item)
    else:
        yield repr(node)
