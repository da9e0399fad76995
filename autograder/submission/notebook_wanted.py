"""What an assignment asks for of one file, and how well a definition in a notebook fits it."""

import ast
from dataclasses import dataclass
from functools import cached_property

from autograder.submission.notebook_statements import Statement, statements
from autograder.submission.notebooks import CodeCell
from autograder.submission.stubs import find

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
EXACT = 3


@dataclass(frozen=True)
class Wanted:
    """A file that the assignment asks for: its handout, its regions ("DDPM.sample"), and what its code may import. `names`: what its
    regions that are no functions bind, such as the tables of a schedule. `globals`: the import of what a given file provides, whatever the
    notebook binds to these names.
    """

    file: str
    handout: str
    regions: tuple[str, ...]
    files: tuple[str, ...]  # all that the assignment asks for
    asked: frozenset[str]  # the functions and classes that they hold
    packages: tuple[str, ...]
    names: frozenset[str] = frozenset()
    globals: str = ""

    @property
    def owners(self) -> tuple[str, ...]:
        """The functions and classes that hold its regions."""
        return tuple(dict.fromkeys(region.partition(".")[0] for region in self.regions))

    @property
    def given_classes(self) -> tuple[str, ...]:
        """The classes that it gives, with functions that may tell two of one name apart, such as DDPM.forward(x) and DDPM.forward(x, c)."""
        return tuple(node.name for node in self.tree.body if isinstance(node, ast.ClassDef) and node.name not in self.owners)

    def functions_of(self, name: str) -> list[str]:
        """The regions of an owner, the functions of a given class."""
        if name in self.owners:
            return [region for region in self.regions if region.partition(".")[0] == name]
        found = find(self.tree, name)
        inner = found.body if isinstance(found, ast.ClassDef) else []
        return [f"{name}.{node.name}" for node in inner if isinstance(node, ast.FunctionDef)]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.handout)

    @cached_property
    def given(self) -> dict[str, list[Statement]]:
        """What the handout gives, by name: whatever holds no region."""
        found: dict[str, list[Statement]] = {}
        for statement in statements(CodeCell(0, self.handout, self.tree), first=-len(self.tree.body) - 1):
            for name in statement.names.binds - self.names - {*self.owners}:
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def provided(self) -> dict[str, list[Statement]]:
        """The import of `globals`, by each name that it binds."""
        found = statements(CodeCell(0, self.globals, ast.parse(self.globals)), first=-len(self.tree.body) - 2)
        return {name: [statement] for statement in found for name in statement.names.binds}


def defines(statement: Statement, name: str) -> bool:
    """Whether it gives a name a new meaning: a definition, or an assignment that does not wrap what was there."""
    if isinstance(statement.node, (ast.Import, ast.ImportFrom)):
        return False
    return _definition(statement, name) is not None or (isinstance(statement.node, ast.Assign) and name not in statement.names.now)


def _definition(statement: Statement, name: str) -> ast.AST | None:
    match statement.node:
        case ast.Assign(value=ast.Lambda() as value):
            return value
    return find(ast.Module(body=[statement.node], type_ignores=[]), name)


def score(statement: Statement, name: str, wanted_name: str, wanted: Wanted) -> float:
    """How well a definition fits that of `wanted_name`: EXACT for the same arguments, 0 where it could not be called so."""
    definition = _definition(statement, name)
    scores = []
    for function in wanted.functions_of(wanted_name):
        method = function.partition(".")[2]
        ours = find(wanted.tree, function)
        if not isinstance(ours, ast.FunctionDef):
            continue
        theirs = find(ast.Module(body=[definition], type_ignores=[]), f"{name}.{method}") if isinstance(definition, ast.ClassDef) else definition
        scores.append(_likeness(ours, theirs) if isinstance(theirs, _Function) and (method or theirs is definition) else 0)
    return sum(scores) / len(scores) if scores else 0


def _likeness(ours: _Function, theirs: _Function) -> int:
    mine = [argument.arg for argument in (*ours.args.posonlyargs, *ours.args.args)]
    arguments = [argument.arg for argument in (*theirs.args.posonlyargs, *theirs.args.args)]
    required = len(arguments) - len(theirs.args.defaults)
    if arguments[: len(mine)] == mine and required <= len(mine):
        return EXACT
    if len(arguments) == len(mine):
        return 2
    return 1 if required <= len(mine) and (len(arguments) >= len(mine) or theirs.args.vararg) else 0
