"""One function in a normal form: what is left of it without layout, names and all that has no effect.

Two bodies with the same normal form compute the same. The reverse does not hold: it is a reading of the code, which is enough to
recognise a stub with another local name or with a line that does nothing, and too little to prove anything else. Whatever is in doubt
stays in, so that working code never shrinks to a stub: a call counts as effective unless it is known not to be.
"""

import ast
import copy
from collections.abc import Collection, Iterable, Sequence

Function = ast.FunctionDef | ast.AsyncFunctionDef
Names = frozenset[str]

_OF_PYTHON = frozenset({
    "abs", "all", "any", "bool", "dict", "enumerate", "float", "hasattr", "int", "isinstance", "len", "list", "map", "max", "min", "print", "range",
    "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "type", "zip",
})  # fmt: skip
_MODULES = frozenset({"torch", "np", "numpy", "math", "F", "nn"})
_OF_MODULES = frozenset({
    "manual_seed", "seed", "set_grad_enabled", "set_default_dtype", "set_default_device", "set_rng_state", "save", "load",
})  # fmt: skip
_METHODS = frozenset({
    "abs", "all", "any", "argmax", "argmin", "astype", "atan", "ceil", "chunk", "clamp", "clip", "clone", "contiguous", "copy", "cos", "cpu", "cuda",
    "cumprod", "cumsum", "detach", "dim", "div", "double", "eq", "exp", "expand", "expand_as", "flatten", "flip", "float", "floor", "ge", "gather",
    "gt", "index_select", "int", "item", "le", "log", "long", "lt", "max", "mean", "min", "mul", "ne", "neg", "new_full", "new_ones", "new_zeros",
    "norm", "numel", "numpy", "permute", "pow", "prod", "reciprocal", "repeat", "requires_grad", "reshape", "round", "rsqrt", "sigmoid", "sin",
    "size", "split", "sqrt", "square", "squeeze", "std", "sub", "sum", "tanh", "tile", "to", "tolist", "transpose", "type", "type_as", "unbind",
    "unsqueeze", "var", "view", "view_as",
})  # fmt: skip
_SAME_NUMBERS = frozenset({"to", "clone", "detach", "contiguous", "cpu", "cuda", "float"})  # of a float32 tensor
_PLACES = frozenset({"device", "dtype"})


def normal_form(
    function: Function, harmless: Collection[str] = (), attributes_read: Collection[str] = ()
) -> tuple[str, ...]:
    """The statements that are left of a function, as text, in order; none for a body that only says that it is not done.

    `harmless`: calls without effect besides Python's and PyTorch's own, such as "extract" or "self.network". `attributes_read`: of
    the whole file; a plain `self.x = …` that nobody reads is left out. Raises RecursionError for code that is nested too deeply.
    """
    live = _Live(harmless, attributes_read)
    body = live.code(function)
    for _ in range(len(body) + 1):
        inlined = _inlined(function, body, live)
        if inlined is None:
            break
        body = live.without_dead(_folded(inlined))
    body = _renamed(function, body)
    return tuple(_text(statement) for statement in body if not _is_placeholder(statement))


def operations(function: Function, harmless: Collection[str] = (), attributes_read: Collection[str] = ()) -> int:
    """How many operations a function has that its result may depend on: calls, operators, subscripts, loops."""
    return _count(_Live(harmless, attributes_read).code(function))


def written_operations(function: Function) -> int:
    """How many operations stand in a function, with or without an effect."""
    return _count(function.body)


def _count(body: Sequence[ast.stmt]) -> int:
    kinds = (ast.Call, ast.BinOp, ast.Compare, ast.Subscript, ast.For, ast.While, ast.comprehension)
    return sum(isinstance(node, kinds) for statement in body for node in ast.walk(statement))


# --- what has an effect -----------------------------------------------------------------------------------------------


class _Live:
    """Removes statements without effect, from the last to the first, with the names that are still read below."""

    def __init__(self, harmless: Collection[str], attributes_read: Collection[str]):
        self.harmless, self.attributes_read = frozenset(harmless), frozenset(attributes_read)

    def code(self, function: Function) -> list[ast.stmt]:
        return self.without_dead(_folded(copy.deepcopy(function.body)))

    def without_dead(self, body: list[ast.stmt]) -> list[ast.stmt]:
        kept, _ = self._block(body, frozenset())
        while kept and isinstance(kept[-1], ast.Return) and _is_none(kept[-1].value):
            kept, _ = self._block(kept[:-1], frozenset())  # the end of a function says the same
        return kept

    def _block(self, body: Sequence[ast.stmt], live: Names) -> tuple[list[ast.stmt], Names]:
        """(statements with an effect, names that are read before they are bound), given the names that are read after the block."""
        kept: list[ast.stmt] = []
        for statement in reversed(_until_it_leaves(body)):
            replaced, live = self._statement(statement, live)
            kept = replaced + kept
        return kept, live

    def _statement(self, statement: ast.stmt, live: Names) -> tuple[list[ast.stmt], Names]:
        match statement:
            case ast.Pass() | ast.Import() | ast.ImportFrom() if not live & _bound(statement):
                return [], live
            case ast.Expr(value=value) | ast.Assert(test=value) if self.is_pure(value):
                return [], live
            case ast.Assign(targets=targets, value=value):
                return self._assignment(statement, targets, value, live)
            case ast.AugAssign(target=ast.Name(id=name), value=ast.Constant()) if name not in live:
                return [], live  # a counter that nobody reads
            case ast.Try(handlers=handlers, orelse=[], finalbody=[]):
                body, inside = self._block(statement.body, live | _read(*handlers))
                statement.body = body or [ast.Pass()]
                return ([statement], inside | _read(*handlers)) if body else ([], live)
            case ast.Delete(targets=targets) if all(isinstance(target, ast.Name) for target in targets):
                return [], live
            case ast.Return(value=value):
                return [statement], _read(value)
            case ast.Raise():
                return [statement], _read(statement)
            case ast.If():
                return self._branches(statement, live)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(statement, live)
            case ast.With() | ast.AsyncWith():
                body, inside = self._block(statement.body, live)
                statement.body = body or [ast.Pass()]
                is_empty = not body and all(self.is_pure(item.context_expr) for item in statement.items)
                return ([], inside) if is_empty else ([statement], inside | _read(*statement.items))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if statement.name not in live:
                return [], live
        return [statement], live | _read(statement)

    def _assignment(
        self, statement: ast.stmt, targets: list[ast.expr], value: ast.expr, live: Names
    ) -> tuple[list[ast.stmt], Names]:
        flat = [item for t in targets for item in (t.elts if isinstance(t, (ast.Tuple, ast.List)) else [t])]
        names = frozenset(item.id for item in flat if isinstance(item, ast.Name))
        stays = isinstance(value, ast.Name) and names == {value.id}  # x = x
        if len(names) == len(flat) and self.is_pure(value) and (stays or not names & live):
            return [], live
        if all(self._is_unread_attribute(item) for item in flat) and isinstance(value, (ast.Constant, ast.Name)):
            return [], live
        return [statement], (live - names) | _read(value) | _read(*(i for i in flat if not isinstance(i, ast.Name)))

    def _is_unread_attribute(self, target: ast.expr) -> bool:
        return (
            isinstance(target, ast.Attribute)
            and isinstance(target.value, ast.Name)
            and target.attr not in self.attributes_read
        )

    def _branches(self, statement: ast.If, live: Names) -> tuple[list[ast.stmt], Names]:
        body, in_body = self._block(statement.body, live)
        orelse, in_orelse = self._block(statement.orelse, live)
        if self.is_pure(statement.test) and [_text(s) for s in body] == [_text(s) for s in orelse]:
            return body, in_body
        statement.body, statement.orelse = body or [ast.Pass()], orelse
        return [statement], in_body | in_orelse | _read(statement.test)

    def _loop(self, statement: ast.For | ast.AsyncFor | ast.While, live: Names) -> tuple[list[ast.stmt], Names]:
        head = statement.test if isinstance(statement, ast.While) else statement.iter
        around = live | _read(head)
        while True:
            body, inside = self._block(copy.deepcopy(statement.body), around)
            if inside <= around:
                break
            around |= inside
        bound = frozenset() if isinstance(statement, ast.While) else _bound(statement.target)
        if not body and self.is_pure(head) and not bound & live and not statement.orelse:
            return [], live
        statement.body = body or [ast.Pass()]
        return [statement], around | _read(*statement.orelse)

    def is_pure(self, expression: ast.AST) -> bool:
        """Whether an expression does nothing but have a value."""
        for node in ast.walk(expression):
            if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
                return False
            if isinstance(node, ast.Call) and not self._is_pure_call(node):
                return False
        return True

    def _is_pure_call(self, call: ast.Call) -> bool:
        if any(keyword.arg in ("out", "inplace", None) for keyword in call.keywords):
            return False
        name = _dotted(call.func)
        if name in self.harmless or name in _OF_PYTHON:
            return True
        if not isinstance(call.func, ast.Attribute):
            return False
        called = call.func.attr
        if name.partition(".")[0] in _MODULES:
            return not called.endswith("_") and called not in _OF_MODULES
        return called in _METHODS


def _until_it_leaves(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    for number, statement in enumerate(body):
        if isinstance(statement, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
            return list(body[: number + 1])
    return list(body)


def _is_placeholder(statement: ast.stmt) -> bool:
    """`raise NotImplementedError(…)`: what a TODO says as long as it is not done."""
    if not isinstance(statement, ast.Raise) or statement.exc is None:
        return False
    return (
        _dotted(statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc) == "NotImplementedError"
    )


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


# --- names ------------------------------------------------------------------------------------------------------------


def _read(*nodes: ast.AST | None) -> Names:
    """Names that are read anywhere in these nodes."""
    return frozenset(
        node.id
        for top in nodes
        if top is not None
        for node in ast.walk(top)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )


def _bound(*nodes: ast.AST) -> Names:
    """Names that are bound anywhere in these nodes."""
    found = set()
    for top in nodes:
        for node in ast.walk(top):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found.add(node.id)
            elif isinstance(node, ast.alias):
                found.add((node.asname or node.name).partition(".")[0])
    return frozenset(found)


def _parameters(function: Function) -> list[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [argument.arg for argument in every if argument is not None]


def _dotted(node: ast.AST) -> str:
    """ "self.network" for a chain of names, else ""."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


# --- one form for equal values ----------------------------------------------------------------------------------------


class _Folded(ast.NodeTransformer):
    """Without annotations, docstrings and what leaves the numbers as they are: x + 0, x * 1, x.clone(), x.to(device)."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        return ast.Pass() if node.value is None else ast.Assign([node.target], node.value)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.keywords = [keyword for keyword in node.keywords if keyword.arg not in _PLACES]
        if (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in _SAME_NUMBERS
            and _dotted(node.func.value) not in _MODULES
        ):
            return node.func.value
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=ast.Constant(value=0)):
                return left
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div() | ast.Pow(), right=ast.Constant(value=1)):
                return left
            case ast.BinOp(left=ast.Constant(value=0), op=ast.Add(), right=right):
                return right
            case ast.BinOp(left=ast.Constant(value=1), op=ast.Mult(), right=right):
                return right
        return node


def _folded(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    return [_Folded().visit(statement) for statement in body]


def _inlined(function: Function, body: list[ast.stmt], live: _Live) -> list[ast.stmt] | None:
    """The body with one local name replaced by its value, which is bound once, at the top, to what does not change; None without one."""
    bound = [
        node.id
        for s in body
        for node in ast.walk(s)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    ]
    parameters = _parameters(function)
    for number, statement in enumerate(body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if (
                bound.count(name) == 1 and name not in parameters
            ):
                if live.is_pure(value) and not _read(value) & {*bound}:
                    rest = copy.deepcopy([*body[:number], *body[number + 1 :]])
                    return [_Replaced(name, value).visit(s) for s in rest]
    return None


class _Replaced(ast.NodeTransformer):
    def __init__(self, name: str, value: ast.expr):
        self.name, self.value = name, value

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return copy.deepcopy(self.value) if node.id == self.name and isinstance(node.ctx, ast.Load) else node


def _renamed(function: Function, body: list[ast.stmt]) -> list[ast.stmt]:
    """The body with its parameters and local names numbered in the order in which they come up."""
    new = {name: f"_{number}" for number, name in enumerate(_parameters(function))}
    local = _bound(*body)
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and (node.id in new or node.id in local):
                node.id = new.setdefault(node.id, f"_{len(new)}")
    return body


def _text(node: ast.AST) -> str:
    try:
        return ast.unparse(ast.fix_missing_locations(node))
    except (ValueError, AssertionError):  # some f-strings cannot be written down again
        return ast.dump(node)
