"""Which names a statement of a notebook binds and needs, and whether it does work that no module needs: trains, downloads, asks."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_Loop = ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith
_CHANGES = {"append", "extend", "insert", "update", "add", "setdefault", "pop", "remove", "clear", "sort", "register_buffer", "register"}
_DOWNLOADS = {"urlretrieve", "urlopen", "download", "download_url", "from_pretrained", "load_dataset", "mount", "upload", "snapshot_download"}
_ASKS = {"get_ipython", "input", "system", "Popen", "check_call", "check_output"}


@dataclass
class Names:
    """Of one statement at the top level. `now`: loaded when it runs; `later`: when functions that it defines are called."""

    binds: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)  # what it alters without binding it: `betas[0] = …`, `times.append(…)`
    now: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)  # names and attributes that are called when it runs
    calls_later: set[str] = field(default_factory=set)
    downloads: bool = False
    star: bool = False  # `from x import *`

    def heavy(self, training: Iterable[str]) -> str:
        """Why this statement is not one of a module, as a verb; "" where it may be. `training`: functions that train."""
        if "backward" in self.calls or not self.calls.isdisjoint(training):
            return "trains"
        if self.downloads or self.calls & _DOWNLOADS:
            return "downloads"
        return "works in a notebook only" if self.calls & _ASKS else ""


def names_of(statement: ast.stmt) -> Names:
    """The names of one top-level statement. Raises RecursionError for code that is nested too deeply."""
    names = Names()
    _Visitor(names).visit(statement)
    return names


class _Visitor(ast.NodeVisitor):
    """Walks through a statement with the scopes that it is in: (is a function, is a class, its own names)."""

    def __init__(self, names: Names):
        self.names = names
        self.scopes: list[tuple[str, frozenset[str]]] = []  # ("function" | "class" | "comprehension", own names)

    @property
    def _runs_later(self) -> bool:
        return any(kind == "function" for kind, _ in self.scopes)

    def _is_local(self, name: str) -> bool:
        hides_classes = False
        for kind, own in reversed(self.scopes):
            if name in own and not (kind == "class" and hides_classes):
                return True
            hides_classes = hides_classes or kind == "function"
        return False

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if not self._is_local(node.id):
                (self.names.later if self._runs_later else self.names.now).add(node.id)
        elif not self.scopes:
            self.names.binds.add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if not self.scopes:
            self.names.binds.add(node.name)
        for expression in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(expression)
        self._inside("function", _own_names(node), node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for expression in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(expression)
        self._inside("function", _own_names(node), [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if not self.scopes:
            self.names.binds.add(node.name)
        for expression in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self.visit(expression)
        self._inside("class", frozenset(_stored(node.body)), node.body)

    def visit_ListComp(self, node: _Comprehension) -> None:
        own = frozenset(inner.id for part in node.generators for inner in ast.walk(part.target) if isinstance(inner, ast.Name))
        self._inside("comprehension", own, ast.iter_child_nodes(node))

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def _inside(self, kind: str, own: frozenset[str], nodes: Iterable[ast.AST]) -> None:
        self.scopes.append((kind, own))
        for node in nodes:
            self.visit(node)
        self.scopes.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:  # annotations are not evaluated
        if node.value is not None:
            self.visit(node.value)
            self._target(node.target)
            self.visit(node.target)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(target)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._target(node.target)
        if isinstance(node.target, ast.Name) and not self._is_local(node.target.id):
            (self.names.later if self._runs_later else self.names.now).add(node.target.id)
        self.generic_visit(node)

    def _target(self, target: ast.AST) -> None:
        for part in getattr(target, "elts", [target]):
            if isinstance(part, (ast.Attribute, ast.Subscript)) and (base := _base(part)) and not self.scopes:
                self.names.changes.add(base)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
        (self.names.calls_later if self._runs_later else self.names.calls).add(called)
        if not self._runs_later:
            self.names.downloads = self.names.downloads or any(k.arg == "download" and not _is_false(k.value) for k in node.keywords)
        if not self.scopes:
            if isinstance(node.func, ast.Attribute) and called in _CHANGES and (base := _base(node.func.value)):
                self.names.changes.add(base)
            if called == "setattr" and node.args and (base := _base(node.args[0])):
                self.names.changes.add(base)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        if not self.scopes:
            self.names.binds |= {bound_by(alias, node) for alias in node.names if alias.name != "*"}
            self.names.star = self.names.star or any(alias.name == "*" for alias in node.names)

    visit_ImportFrom = visit_Import

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if not self.scopes and node.name:
            self.names.binds.add(node.name)
        self.generic_visit(node)


def bound_by(alias: ast.alias, statement: ast.Import | ast.ImportFrom) -> str:
    """The name that an import binds: "torch" for `import torch.nn`."""
    return alias.asname or (alias.name.partition(".")[0] if isinstance(statement, ast.Import) else alias.name)


def _own_names(function: _Scope) -> frozenset[str]:
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    names = {argument.arg for argument in given if argument is not None}
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    outer = {name for node in _own_nodes(body) if isinstance(node, ast.Global) for name in node.names}
    return frozenset((names | set(_stored(body))) - outer)


def _stored(body: Iterable[ast.AST]) -> Iterator[str]:
    """What the statements of a block bind in its own scope."""
    for node in _own_nodes(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (bound_by(alias, node) for alias in node.names)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name


def _own_nodes(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of a block but the insides of functions and classes in it."""
    waiting = [*body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


def _base(node: ast.AST) -> str:
    """ "betas" for `betas[0]`, `betas.data`, `betas.data[0]`."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
