"""From the statements of a notebook to the modules that the assignment asks for. Pure functions.

A module gets what its file of the handout defines, and everything that those definitions need: imports, helpers, constants. The rest,
such as training and plots, is left out. Every name means what it means in the notebook after all cells have run; where a name that the
assignment asks for is defined twice, a file gets the definition whose arguments fit, with the notebook as it stood then.
"""

import ast
import builtins
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from autograder.submission.notebook_names import bound_by
from autograder.submission.notebook_places import Origin, joined
from autograder.submission.notebook_statements import (
    ONLY_IN_NOTEBOOKS,
    Statement,
    roots,
    statements,
    training_functions,
)
from autograder.submission.notebook_wanted import EXACT, Wanted, defines, score
from autograder.submission.notebooks import Cell, CodeCell
from autograder.submission.rules import listed

_SHOWS = ("display", "clear_output")  # of a notebook; they show something and give nothing
_TOO_DEEP = "line 1: this cell is nested too deeply to be read; write long chains of operators or calls as several statements"
_KNOWN = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass
class Module:
    """`lost`: by function or class that is not in it, why."""

    content: bytes
    origins: tuple[Origin, ...]
    remarks: list[str] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)


class Notebook:
    """The cells of a notebook, taken apart. `provided`: names that come from a given file, whatever cells bind to them."""

    def __init__(self, cells: list[Cell], code: list[CodeCell], provided: frozenset[str] = frozenset()):
        self.provided = provided
        self.broken = [cell for cell in code if cell.tree is None]
        self.prose = [cell for cell in cells if cell.kind != "code"]
        self.statements: list[Statement] = []
        for cell in code:
            try:
                self.statements += statements(cell, len(self.statements))
            except RecursionError:
                self.broken.append(CodeCell(cell.number, cell.text, None, _TOO_DEEP))
        training = training_functions(self.statements)
        self.heavy = {s: why for s in self.statements if not s.is_definition and (why := s.names.heavy(training))}
        self.binders: dict[str, list[Statement]] = {}
        self.changers: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in statement.names.binds:
                self.binders.setdefault(name, []).append(statement)
            for name in statement.names.changes:
                self.changers.setdefault(name, []).append(statement)
        self._leave_out_dependents()

    def _leave_out_dependents(self) -> None:
        """What needs, when it runs, a name that only statements left out bind is left out as well."""
        more = True
        while more:
            more = False
            for statement in self.statements:
                if statement not in self.heavy and any(map(self._is_lost, statement.names.now)):
                    lost = next(name for name in sorted(statement.names.now) if self._is_lost(name))
                    self.heavy[statement] = f"needs {lost}, which was left out"
                    more = True

    def _is_lost(self, name: str) -> bool:
        found = self.binders.get(name, ())
        return bool(found) and name not in _KNOWN and name not in self.provided and all(statement in self.heavy for statement in found)

    def defines(self, name: str) -> bool:
        """Whether a function or class is defined here, or in a cell that cannot be read."""
        return name in self.binders or any(_defined_in(cell.text, name) for cell in self.broken)


def module_of(notebook: Notebook, wanted: Wanted) -> Module:
    """The file that the assignment asks for, from a notebook; empty where the notebook has nothing of it."""
    selection = _Selection(notebook, wanted)
    selection.take_all()
    ordered = [(statement, selection.lines_of(statement)) for statement in selection.ordered()]
    content, origins = joined(ordered, selection.preamble(), selection.postscript())
    return Module(content, origins, selection.remarks, selection.lost)


class _Selection:
    """Which statements come into one module."""

    def __init__(self, notebook: Notebook, wanted: Wanted):
        self.notebook, self.wanted = notebook, wanted
        self.remarks: list[str] = []
        self.lost: dict[str, str] = {}
        self.aliases: dict[str, str] = {}  # name that is asked for → name in the notebook
        self.kept: dict[Statement, None] = {}
        self.unbound: dict[str, None] = {}
        self.chosen: dict[str, Statement] = {}
        self.until = len(notebook.statements)
        for name in wanted.owners:
            self._choose(name)
        for name in wanted.given_classes:
            if len({ast.dump(s.node) for s in notebook.binders.get(name, ()) if defines(s, name)}) > 1:
                self._choose(name)

    # Which definition

    def _choose(self, name: str) -> None:
        found = [s for s in self.notebook.binders.get(name, ()) if defines(s, name)]
        scores = [score(s, name, name, self.wanted) for s in found]
        if name in self.wanted.owners and not max(scores, default=0) and (other := self._renamed(name)):
            self.aliases[name] = other.node.name  # type: ignore[attr-defined]
            self.remarks.append(f"{self.aliases[name]} in cell {other.cell} has the arguments of {name} in {self.wanted.file}, and was taken for it.")
            return
        if not found:
            return
        best = max(index for index, score in enumerate(scores) if score == max(scores))
        self.chosen[name] = found[best]
        if best + 1 < len(found):
            self.until = min(self.until, found[best + 1].index)
        if len({ast.dump(s.node) for s in found}) > 1:
            cells = listed([str(number) for number in dict.fromkeys(s.cell for s in found)], most=6)
            why = "is the last one" if best + 1 == len(found) else "has the arguments that are asked for"
            where = f"cells {cells}" if " " in cells else f"cell {cells}, {len(found)} times"
            self.remarks.append(f"{name} is defined in {where}; for {self.wanted.file} that of cell {found[best].cell} was taken, which {why}.")

    def _renamed(self, name: str) -> Statement | None:
        """The one function of another name with exactly the arguments that are asked for."""
        if "." in next(region for region in self.wanted.regions if region.partition(".")[0] == name):
            return None
        fitting = {
            s.node.name: s
            for s in self.notebook.statements
            if isinstance(s.node, ast.FunctionDef) and s.node.name not in self.wanted.asked and score(s, s.node.name, name, self.wanted) == EXACT
        }
        return next(iter(fitting.values())) if len(fitting) == 1 else None

    # What it needs

    def take_all(self) -> None:
        names = [*self.wanted.owners, *sorted(self.wanted.names), *_given_names(self.wanted.tree)]
        for name in dict.fromkeys(names):
            if name in self.aliases or self._sources(name):
                self._need(self.aliases.get(name, name), None)
        waiting = [*self.kept]
        while waiting:
            before = len(self.kept)
            for statement in waiting:
                for name in sorted(statement.names.now):
                    self._need(name, statement)
                for name in sorted(statement.names.later):
                    self._need(name, None)
            waiting = [*self.kept][before:]
        if set(self.unbound) - _KNOWN:
            for statement in self.notebook.statements:
                if statement.names.star and statement not in self.notebook.heavy and not self._is_import_of_own(statement):
                    self.kept.setdefault(statement)
        self._explain_what_is_missing()

    def _need(self, name: str, by: Statement | None) -> None:
        """Keep what binds a name: for a statement what stands before it, for a function what stands there in the end."""
        found = self._sources(name)
        if not found:
            if name not in _KNOWN:
                self.unbound.setdefault(name)
                self._say_what_was_left_out(name)
            return
        limit = by.index if by is not None else self.until
        before = [s for s in found if s.index < limit]
        for statement in reversed(before or found[:1]):
            self.kept.setdefault(statement)
            since = statement.index
            adds_up = isinstance(statement.node, ast.Import)  # `import torch`, `import torch.utils.data`
            if not (adds_up or statement.is_conditional or name in statement.names.now):
                break
        if isinstance(found[-1].node, (ast.Import, ast.ImportFrom)):
            return  # settings of a library
        for statement in self.notebook.changers.get(name, ()):
            if since < statement.index < limit and statement not in self.notebook.heavy:
                self.kept.setdefault(statement)

    def _sources(self, name: str) -> list[Statement]:
        """What may bind a name in this module, in order; imports of files that the assignment asks for only where nothing else does, and
        what the handout gives only where the notebook does not have it.
        """
        if name in self.wanted.provided:
            return self.wanted.provided[name]
        there = [s for s in self.notebook.binders.get(name, ()) if not self._is_import_of_own(s, (self.wanted.file,))]
        if not there:
            return self.wanted.given.get(name, [])
        found = [s for s in there if s not in self.notebook.heavy and not self._is_passed_over(s, name)]
        return [s for s in found if not self._is_import_of_own(s)] or found

    def _is_passed_over(self, statement: Statement, name: str) -> bool:
        if isinstance(statement.node, (ast.Import, ast.ImportFrom)) and roots(statement.node) & ONLY_IN_NOTEBOOKS:
            return True
        if name not in self.chosen or statement is self.chosen[name]:
            return False
        if defines(statement, name):  # another definition: only where the chosen one builds on it
            return name not in self.chosen[name].names.now or statement.index > self.chosen[name].index
        return name not in statement.names.now

    def _is_import_of_own(self, statement: Statement, files: tuple[str, ...] = ()) -> bool:
        modules = {file.removesuffix(".py").replace("/", ".") for file in files or self.wanted.files}
        node = statement.node
        if isinstance(node, ast.ImportFrom):
            return (node.module or "") in modules
        return isinstance(node, ast.Import) and any(alias.name in modules for alias in node.names)

    # What is not there

    def _say_what_was_left_out(self, name: str) -> None:
        for statement in self.notebook.binders.get(name, ()):
            if why := self.notebook.heavy.get(statement):
                place = f"cell {statement.cell}, line {statement.line}"
                remark = f"{place}: {name} was left out, since this line {why}; code that needs {name} will not find it."
                self.remarks += [] if remark in self.remarks else [remark]

    def _explain_what_is_missing(self) -> None:
        for name in self.wanted.owners:
            if name in self.chosen or name in self.aliases or self._sources(name):
                continue
            if broken := next((cell for cell in reversed(self.notebook.broken) if _defined_in(cell.text, name)), None):
                self.lost[name] = f"cell {broken.number}, {broken.error}. Until this is put right, {name} cannot run."
            elif prose := next((cell for cell in self.notebook.prose if _defined_in(cell.text, name)), None):
                kind = "text" if prose.kind == "markdown" else prose.kind
                self.lost[name] = f"{name} stands in cell {prose.number}, which is a {kind} cell and never runs; make it a code cell."

    # The module

    def ordered(self) -> list[Statement]:
        """What is kept, as in the notebook; what a statement needs when it runs comes before it, as when cells ran in another order."""
        ordered: dict[Statement, None] = {}
        visited: set[tuple[Statement, bool]] = set()

        def place(statement: Statement, called: bool) -> None:
            if (statement, called) in visited:
                return
            visited.add((statement, called))
            needed = statement.names.now | (statement.names.later if called else set())
            for name in sorted(needed):
                found = [s for s in self._sources(name) if s in self.kept and s is not statement]
                for source in [s for s in found if s.index < statement.index] or found[:1]:
                    place(source, called or name in statement.names.calls)
            ordered.setdefault(statement)

        for statement in sorted(self.kept, key=lambda s: s.index):
            place(statement, False)
        return list(ordered)

    def preamble(self) -> str:
        """One line: annotations are not evaluated, since they may name what comes later; packages that the notebook has without a word."""
        parts = ["from __future__ import annotations"]
        parts += [f"import {name}" for name in self.unbound if name in self.wanted.packages]
        if shows := [name for name in self.unbound if name in _SHOWS or self._shows_in_notebooks(name)]:
            parts.append(" = ".join([*shows, "lambda *args, **kwargs: None"]))
        return "; ".join(parts)

    def _shows_in_notebooks(self, name: str) -> bool:
        nodes = [statement.node for statement in self.notebook.binders.get(name, ())]
        return any(isinstance(node, ast.ImportFrom) and node.module == "IPython.display" for node in nodes)

    def postscript(self) -> str:
        return "; ".join(f"{name} = {other}" for name, other in self.aliases.items())

    def lines_of(self, statement: Statement) -> list[str]:
        """The statement's own lines; an import without what nothing needs, and a progress bar that works outside of notebooks too."""
        node = statement.node
        if not isinstance(node, (ast.Import, ast.ImportFrom)) or statement.names.star:
            return statement.lines
        needed = {name for s in self.kept for name in s.names.now | s.names.later} | {*self.aliases.values(), *self.wanted.owners}
        new = copy.copy(node)
        new.names = [_outside_notebooks(alias) for alias in node.names if bound_by(alias, node) in needed] or node.names
        if isinstance(new, ast.ImportFrom) and new.module == "tqdm.notebook":
            new.module = "tqdm"
        if ast.dump(new) == ast.dump(node):
            return statement.lines
        height = (node.end_lineno or node.lineno) - node.lineno + 1
        return [*statement.lines[:-height], ast.unparse(new), *[""] * (height - 1)]


def _outside_notebooks(alias: ast.alias) -> ast.alias:
    """`tqdm.notebook` draws with the browser, and fails where there is none."""
    plain = {"tqdm_notebook": "tqdm", "tqdm.notebook": "tqdm"}.get(alias.name)
    return ast.alias(plain, alias.asname or alias.name) if plain and "." not in alias.name else alias


def _given_names(handout: ast.Module) -> Iterator[str]:
    """What a file of the handout defines at its top level, imports apart."""
    for node in handout.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from (inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name))


def _defined_in(text: str, name: str) -> bool:
    return re.search(rf"^[ \t>]*(?:class|def|async[ \t]+def)[ \t]+{re.escape(name)}\b", text, re.M) is not None
