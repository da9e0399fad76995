"""Submission against handout: what was changed outside the TODO regions, and which regions are still the stub.

Both sides are compared as syntax trees, without comments, docstrings, annotations and layout; the handout is derived
from the solution. What differs from it and is given code of a known edition (`editions`) is no change. This is an aid
for staff and not a wall: code can change itself while it runs. What counts is what the code does, and that is judged
elsewhere.
"""

import ast
import contextlib
import copy
import dataclasses
import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from autograder.manifest import Manifest
from autograder.submission.blocks import Source, blocks_of, lines_of, without_blocks
from autograder.submission.editions import digest, known_editions
from autograder.submission.intake import Submission
from autograder.submission.python_text import NotPython, decode, tree_of
from autograder.submission.rules import listed, shown
from autograder.submission.stubs import (
    Regions,
    blocks_in,
    branches,
    find,
    handout,
    handout_text,
    is_main,
    missing_definitions,
    region_paths,
    regions_in,
)
from autograder.verdict import Notice

MOST_DIFF_LINES = 80  # of one file's diff; the rest is counted
_MOST_LINES_COMPARED = 400  # of one definition; finding a diff takes time with the square of it
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def outside_edits(manifest: Manifest, submission: Submission) -> list[Notice]:
    """What the student changed or removed outside the TODO regions: one notice of kind "outside_todo" for each file.

    New functions, methods, imports, constants, and further parameters with defaults are nobody's business and not
    listed. A given import that is gone is not listed either: where it is needed, the code says so itself. Files that
    are missing or not valid Python are passed over. With the policy "zero" each notice voids the submission. `detail`
    is a unified diff of at most MOST_DIFF_LINES lines. Raises UserError when the handout's own file is not there.
    """
    notices = []
    voids = manifest.policy.outside_todo == "zero"
    for name in manifest.files.todo:
        if name not in submission.files or name in submission.syntax_errors:
            continue
        content, blocks = submission.files[name], blocks_in(manifest, name)
        given = _handout_parts(manifest.solution / name, region_paths(manifest, name))
        try:
            source = Source(decode(name, content)[0], tree_of(name, content))
            theirs = _parts(without_blocks(source, blocks), region_paths(manifest, name))
        except NotPython:
            continue
        except RecursionError:
            message = f"{name} is nested too deeply to be compared with the handout outside the TODO regions."
            notices.append(Notice("outside_todo", message, voids=voids))
            continue
        if name in submission.notebooks:  # of what stands around its definitions, only what they need has come along
            own = {part: known for part, known in given.named.items() if not known.is_import}
            given, theirs = _Parts(own), dataclasses.replace(theirs, loose=[])
        if edits := list(_edits(given, theirs, _given_in_editions(manifest, name))):
            cost = ", and this assignment gives no points for that" if voids else ""
            what = listed([shown(edit.what, 60) for edit in edits], most=5)
            message = (
                f"{name}, line {min(edit.line for edit in edits)}: changed outside the TODO regions{cost}: {what}."
            )
            notices.append(Notice("outside_todo", message, _diff(name, edits), voids=voids))
    return notices


def untouched_regions(manifest: Manifest, submission: Submission) -> Regions:
    """The regions that hold nothing of the student's yet, and those that are not there at all.

    A region is untouched when no statement is left in it that a known stub does not have: the handout's, or that of
    another edition. It is missing when its file is, or when its function is and cannot come from elsewhere. Files that
    are not valid Python are in neither set. Raises UserError when the handout's own file is not there.
    """
    untouched, missing = set[str](), set[str]()
    for name in manifest.files.todo:
        if name not in submission.files:
            missing |= {f"{name}:{path}" for path in region_paths(manifest, name)}
        elif name not in submission.syntax_errors:
            with contextlib.suppress(NotPython, RecursionError):
                found = regions_in(manifest, name, submission.files[name])
                untouched |= found.untouched
                missing |= found.missing
    return Regions(frozenset(untouched), frozenset(missing))


def missing_parts(manifest: Manifest, submission: Submission) -> dict[str, list[str]]:
    """By file that was handed in, the handout's classes and functions that are not there and cannot come from elsewhere."""
    found = {
        name: missing_definitions(manifest, name, submission.files[name])
        for name in manifest.files.todo
        if name in submission.files and name not in submission.syntax_errors
    }
    return {name: names for name, names in found.items() if names}


def region_lines(manifest: Manifest, name: str, content: bytes) -> dict[str, tuple[int, int]]:
    """Where one file's regions stand, functions and blocks: "DiffusionModule.q_sample" → first and last line, from 1.

    In the order of the file; what is not there is left out. Raises NotPython, and RecursionError for code that is
    nested too deeply.
    """
    tree = tree_of(name, content)
    found = {path: find(tree, path) for path in region_paths(manifest, name)}
    spans = {p: (f.lineno, f.end_lineno or f.lineno) for p, f in found.items() if isinstance(f, _Function)}
    source = Source(decode(name, content)[0], tree)
    spans |= {path: lines for path, block in blocks_in(manifest, name).items() if (lines := lines_of(source, block))}
    return dict(sorted(spans.items(), key=lambda item: item[1]))


# --- the handout and its other editions -------------------------------------------------------------------------------


def know_handout(manifest: Manifest) -> None:
    """Work out what is the same for all submissions. Raises UserError where a file of the solution is missing."""
    for name in manifest.files.todo:
        blocks_in(manifest, name)
        _handout_parts(manifest.solution / name, region_paths(manifest, name))


@cache
def _handout_parts(path: Path, regions: frozenset[str]) -> "_Parts":
    return _parts(without_blocks(Source(handout_text(path), handout(path)), blocks_of(path, regions)), regions)


def _given_in_editions(manifest: Manifest, name: str) -> dict[str, set[str]]:
    """What stands for a given part in other editions, as digests."""
    found: dict[str, set[str]] = {}
    for edition in known_editions(manifest):
        for part, known in edition.given.get(name, {}).items():
            found.setdefault(part, set()).add(known)
    return found


# --- what is given ----------------------------------------------------------------------------------------------------


@dataclass
class _Part:
    """All that binds one name, such as "DiffusionModule.save", in order: the last one counts."""

    texts: list[str]
    line: int  # of the last
    is_import: bool = False
    is_constant: bool = False  # `T = 400`: said twice, it says the same
    signature: _Function | None = None  # of a region

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


@dataclass
class _Parts:
    named: dict[str, _Part] = field(default_factory=dict)
    loose: list[_Part] = field(default_factory=list)  # statements that bind no name but do something when imported


def _parts(tree: ast.Module, regions: frozenset[str]) -> _Parts:
    """A file taken apart into what binds each name. Raises RecursionError for code that is nested too deeply."""
    parts = _Parts()
    _collect(tree.body, "", regions, parts)
    return parts


def _collect(body: Sequence[ast.stmt], prefix: str, regions: frozenset[str], parts: _Parts) -> None:
    for statement in body:
        if isinstance(statement, _Function):
            path = prefix + statement.name
            is_region = path in regions
            text = _text(_signature(statement) if is_region else statement)
            _bind(parts, path, _Part([text], statement.lineno, signature=statement if is_region else None))
        elif isinstance(statement, ast.ClassDef):
            header = copy.copy(statement)
            header.body = []
            _bind(parts, prefix + statement.name, _Part([_text(header)], statement.lineno))
            _collect(statement.body, prefix + statement.name + ".", regions, parts)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name, source in _imports(statement):
                _bind(parts, prefix + name, _Part([source], statement.lineno, is_import=True))
        elif names := _assigned(statement):
            text = _text(statement)  # once: `x = x = … = 1` has as many names as it is long
            for name in dict.fromkeys(names):
                _bind(parts, prefix + name, _Part([text], statement.lineno, is_constant=_is_constant(statement)))
        elif inner := branches(statement):
            _collect(inner, prefix, regions, parts)
        elif not _does_nothing(statement):
            parts.loose.append(_Part([_text(statement)], statement.lineno))


def _bind(parts: _Parts, name: str, part: _Part) -> None:
    earlier = parts.named.get(name)
    if earlier is None:
        parts.named[name] = part
    elif part.texts != earlier.texts[-1:] or not ((part.is_import and earlier.is_import) or part.is_constant):
        earlier.texts += part.texts
        earlier.line, earlier.is_import, earlier.signature = part.line, earlier.is_import and part.is_import, None


def _imports(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """(name that is bound, what it stands for): `import torch.nn as nn` and `from torch import nn` say the same."""
    for alias in statement.names:
        if isinstance(statement, ast.Import) and alias.asname is None:
            yield alias.name.partition(".")[0], f"import {alias.name.partition('.')[0]}"
        elif isinstance(statement, ast.Import):
            yield alias.asname or "", f"import {alias.name}"
        else:
            yield alias.asname or alias.name, f"import {'.' * statement.level}{statement.module or ''}.{alias.name}"


def _assigned(statement: ast.stmt) -> list[str]:
    """The names that an assignment binds, or none where it does anything else, such as `F.mse_loss = mine`."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        targets = [statement.target]
    else:
        return []
    flat = [
        item for target in targets for item in (target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target])
    ]
    return (
        [item.id for item in flat if isinstance(item, ast.Name)] if all(isinstance(i, ast.Name) for i in flat) else []
    )


def _is_constant(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign):
        return False
    values = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
    return all(isinstance(value, ast.Constant) for value in values)


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or _is_text(statement) or is_main(statement)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class _Plain(ast.NodeTransformer):
    """Without docstrings and annotations."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            useful = [s for s in body if not (_is_text(s) or isinstance(s, ast.Pass))]
            node.body = useful or [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        self.generic_visit(node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)


def _unparse(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except (
        ValueError,
        AssertionError,
    ):  # some f-strings, and numbers of thousands of digits, cannot be written down again
        return _dump(node)


def _dump(node: ast.AST) -> str:
    """As ast.dump, with the numbers in hexadecimal: Python writes no number of more than 4300 digits in decimals."""
    parts: list[str] = []
    waiting: list[Any] = [node]
    while waiting:
        value = waiting.pop()
        if isinstance(value, ast.AST):
            parts.append(type(value).__name__)
            waiting += [field for _, field in ast.iter_fields(value)]
        elif isinstance(value, list):
            parts.append(f"[{len(value)}]")
            waiting += value
        else:
            parts.append(hex(value) if type(value) is int else repr(value))
    return " ".join(parts)


def _text(node: ast.stmt) -> str:
    plain = _Plain().visit(node)
    return _unparse(plain) if plain is not None else ""


def _signature(function: _Function) -> _Function:
    header = copy.copy(function)
    header.body = []
    return header


# --- what differs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Edit:
    what: str
    line: int  # in the student's file
    before: str
    after: str


def _edits(given: _Parts, theirs: _Parts, known: Mapping[str, Collection[str]]) -> Iterator[_Edit]:
    """Given parts that are changed or gone, and loose statements that are new, in the order of the handout.

    `known`: digests by name; parts that are as in another edition are left out.
    """
    gone: list[str] = []
    for name, part in given.named.items():
        new = theirs.named.get(name)
        owner = name.rpartition(".")[0]
        if new is None and (part.is_import or part.signature or owner in gone):
            gone += [] if part.is_import else [name]
        elif new is None:
            gone.append(name)
            line = theirs.named[owner].line if owner in theirs.named else 1
            yield _Edit(f"{name} removed", line, part.text, "")
        elif new.text != part.text and not (part.signature and new.signature and _keeps(part.signature, new.signature)):
            if name in known and part_digest(new.text) in known[name]:
                continue
            yield _Edit(name, new.line, part.text, new.text)
    before, after = [part.text for part in given.loose], [part.text for part in theirs.loose]
    for part in given.loose:
        if part.text not in after:
            yield _Edit(f"{part.text.partition(chr(10))[0]} removed", 1, part.text, "")
    for part in theirs.loose:
        if part.text not in before:
            yield _Edit(part.text.partition("\n")[0], part.line, "", part.text)


def part_digest(text: str) -> str:
    """The digest of a part as `Edition.given` has it, from its text without annotations and docstrings."""
    try:
        return digest([ast.parse(text)])
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # a class without a body, and what nobody has given
        return ""


def _keeps(given: _Function, theirs: _Function) -> bool:
    """Whether a region's signature has all that is given; it may have more parameters, if they have defaults."""
    if type(given) is not type(theirs) or _sources(given.decorator_list) != _sources(theirs.decorator_list):
        return False
    old, new = given.args, theirs.args
    in_order, their_order = [*old.posonlyargs, *old.args], [*new.posonlyargs, *new.args]
    if [arg.arg for arg in in_order] != [arg.arg for arg in their_order[: len(in_order)]]:
        return False
    if len(their_order) - len(in_order) > len(new.defaults):
        return False  # a new parameter without a default
    if any(default is None and arg.arg not in {a.arg for a in old.kwonlyargs} for arg, default in _keywords(new)):
        return False
    if (old.vararg and not new.vararg) or (old.kwarg and not new.kwarg):
        return False
    defaults, theirs_by_name = _defaults(old), _defaults(new)
    return all(theirs_by_name.get(name) == value for name, value in defaults.items()) and {
        arg.arg for arg in old.kwonlyargs
    } <= {arg.arg for arg in (*new.kwonlyargs, *their_order)}


def _keywords(arguments: ast.arguments) -> list[tuple[ast.arg, ast.expr | None]]:
    return list(zip(arguments.kwonlyargs, arguments.kw_defaults))


def _defaults(arguments: ast.arguments) -> dict[str, str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(reversed(positional), reversed(arguments.defaults)))
    pairs += [(arg, value) for arg, value in _keywords(arguments) if value is not None]
    return {arg.arg: _unparse(value) for arg, value in pairs}


def _sources(expressions: Sequence[ast.expr]) -> list[str]:
    return [_unparse(expression) for expression in expressions]


def _diff(name: str, edits: Sequence[_Edit]) -> str:
    """One unified diff for a file; its hunks are definitions. Comments and annotations are left out on both sides."""
    lines = [f"--- handout/{name}", f"+++ submission/{name}"]
    for edit in edits[:MOST_DIFF_LINES]:
        before, after = (text.split("\n")[:_MOST_LINES_COMPARED] if text else [] for text in (edit.before, edit.after))
        hunk = list(difflib.unified_diff(before, after, n=2, lineterm=""))[2:]
        lines.append(f"@@ {edit.what}, line {edit.line} @@")
        lines += [line for line in hunk if not line.startswith("@@")] or ["  (differs further down)"]
    if len(lines) > MOST_DIFF_LINES:
        lines[MOST_DIFF_LINES - 1 :] = [f"… {len(lines) - MOST_DIFF_LINES + 1:,} more lines"]
    return "\n".join(shown(line, 160) for line in lines)
