"""Operators of names, calls and indices."""

import ast
from collections.abc import Iterator

from autograder.grading.generated.source import Edit, Source, expressions

# Functions and layers of which any may be taken for another.
_NEIGHBOURS = (
    ("randn", "rand", "zeros", "ones"), ("randn_like", "rand_like", "zeros_like", "ones_like"), ("sum", "mean"), ("sin", "cos"),
    ("cat", "stack"), ("floor", "ceil", "round"), ("argmax", "argmin"), ("amax", "amin"), ("max", "min"), ("maximum", "minimum"),
    ("cumprod", "cumsum"), ("exp", "log"), ("std", "var"), ("sqrt", "square"), ("mse_loss", "l1_loss", "smooth_l1_loss"),
    ("relu", "gelu", "silu", "tanh"), ("softmax", "log_softmax", "sigmoid"), ("unsqueeze", "squeeze"), ("all", "any"),
    ("ReLU", "GELU", "SiLU", "Tanh", "Identity"), ("AvgPool2d", "MaxPool2d"), ("Conv2d", "ConvTranspose2d"), ("flip", "roll"),
    ("ConvTranspose2d", "Conv2d"), ("randperm", "arange"), ("chunk", "split"), ("rot90", "flip"), ("clamp_min", "clamp_max"),
    ("MSELoss", "L1Loss"), ("trace", "det"), ("flatten", "squeeze"), ("zip", "product"), ("normal_", "uniform_"), ("add", "sub"),
    ("mul", "div"), ("eigvals", "svdvals"), ("eigvalsh", "svdvals"), ("bilinear", "nearest"),
)  # fmt: skip
_KINDS = ("float", "double", "half", "long", "int", "bool")
_TYPES = ("float32", "float64", "float16", "int64", "int32", "uint8")
_ENDED = ("range", "arange", "linspace", "randint")  # whose arguments are ends


def neighbours(source: Source) -> Iterator[Edit]:
    """A function in place of its neighbour: randn for rand, sum for mean."""
    for node in source.nodes:
        word = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        parent = source.parents[node]
        if not word or not ((isinstance(parent, ast.Call) and parent.func is node) or isinstance(node, ast.Attribute)):
            continue
        for other in dict.fromkeys(other for group in _NEIGHBOURS if word in group for other in group if other != word):
            yield _word(source, "neighbour", node, word, other)


def dtypes(source: Source) -> Iterator[Edit]:
    """Another kind of numbers: `.long()` for `.float()`, torch.float64 for torch.float32."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute):
            parent = source.parents[node]
            called = isinstance(parent, ast.Call) and parent.func is node and not parent.args
            group = _KINDS if called and node.attr in _KINDS else _TYPES if node.attr in _TYPES else ()
            for other in group:
                if other != node.attr:
                    yield _word(source, "dtype", node, node.attr, other)


def methods(source: Source) -> Iterator[Edit]:
    """A call of a method without it: `x.clamp(min=0)` becomes `x`, `torch.abs(x)` becomes `x`."""
    for node in expressions(source):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
                yield source.in_place("call taken away", node, source.of(node.func.value))
            elif len(node.args) == 1 and not isinstance(node.args[0], ast.Starred):
                yield source.in_place("call taken away", node, source.of(node.args[0]))


def arguments(source: Source) -> Iterator[Edit]:
    """Arguments exchanged and dropped."""
    for node in expressions(source):
        if not isinstance(node, ast.Call):
            continue
        for left, right in zip(node.args, node.args[1:]):
            yield _exchanged(source, "arguments exchanged", left, right)
        for one, two in zip(node.keywords, node.keywords[1:]):
            yield _exchanged(source, "arguments exchanged", one.value, two.value)
        for number, given in enumerate([*node.args, *node.keywords]):
            what = "keyword dropped" if isinstance(given, ast.keyword) else "argument dropped"
            left_over = [source.of(other) for i, other in enumerate([*node.args, *node.keywords]) if i != number]
            yield Edit(what, *source.span(node), f"{source.of(node.func)}({', '.join(left_over)})")
    for node in expressions(source):
        if isinstance(node, (ast.Tuple, ast.List)):
            for left, right in zip(node.elts, node.elts[1:]):
                yield _exchanged(source, "arguments exchanged", left, right)


def names(source: Source) -> Iterator[Edit]:
    """A name, or an attribute of one object, in place of another."""
    known: dict[str, set[str]] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and not _is_called(source, node):
            known.setdefault(ast.dump(node.value), set()).add(node.attr)
    for node in expressions(source):
        if _is_called(source, node):
            continue
        if isinstance(node, ast.Name) and node.id in source.names:
            for other in source.names:
                if other != node.id:
                    yield Edit("name", *source.span(node), other)
        elif isinstance(node, ast.Attribute) and not _is_module(node.value):
            for other in sorted(known.get(ast.dump(node.value), set()) - {node.attr}):
                yield _word(source, "attribute", node, node.attr, other)


def indices(source: Source) -> Iterator[Edit]:
    """Indices and the ends of slices and ranges, off by one; a slice taken away; a loop without its first or its last turn, or backwards."""
    for node in source.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            if isinstance(node.slice, ast.Slice):
                yield source.in_place("slice taken away", node, source.of(node.value))
                ends = [end for end in (node.slice.lower, node.slice.upper) if end is not None]
            else:
                ends = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
            yield from _off_by_one(source, ends)
        elif isinstance(node, ast.Call) and _called(node) in _ENDED:
            yield from _off_by_one(source, [a for a in node.args if not isinstance(a, (ast.Tuple, ast.Starred))])
        elif isinstance(node, ast.Call) and _called(node) == "reversed" and len(node.args) == 1:
            yield source.in_place("loop", node, source.of(node.args[0]))
        for turns in [node] if isinstance(node, ast.For) else getattr(node, "generators", []):
            text = source.of(turns.iter)
            for other in (f"list({text})[1:]", f"list({text})[:-1]", f"list({text})[::-1]"):
                yield source.in_place("loop", turns.iter, other)


def branches(source: Source) -> Iterator[Edit]:
    """Always one branch of `a if c else b`; the two exchanged."""
    for node in expressions(source):
        if isinstance(node, ast.IfExp):
            yield source.in_place("branch", node, source.of(node.body))
            yield source.in_place("branch", node, source.of(node.orelse))


def _off_by_one(source: Source, ends: list[ast.expr]) -> Iterator[Edit]:
    for end in ends:
        if isinstance(end, (ast.Slice, ast.Starred)) or (isinstance(end, ast.Constant) and not isinstance(end.value, int)):
            continue
        text = f"({source.of(end)})" if isinstance(end, (ast.BinOp, ast.IfExp, ast.Compare, ast.BoolOp)) else source.of(end)
        yield source.in_place("off by one", end, f"{text} + 1")
        yield source.in_place("off by one", end, f"{text} - 1")


def _exchanged(source: Source, name: str, left: ast.expr, right: ast.expr) -> Edit:
    (start, middle), (behind, end) = source.span(left), source.span(right)
    return Edit(name, start, end, source.of(right) + source.between(middle, behind) + source.of(left))


def _word(source: Source, name: str, node: ast.AST, word: str, other: str) -> Edit:
    """The last word of a node replaced."""
    end = source.span(node)[1]
    return Edit(name, end - len(word.encode()), end, other)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""


def _is_called(source: Source, node: ast.AST) -> bool:
    parent = source.parents[node]
    return isinstance(parent, ast.Call) and parent.func is node


def _is_module(node: ast.expr) -> bool:
    """Whether this is what files import, such as `torch` or `torch.nn`, and no value."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in ("torch", "nn", "F", "np", "math", "scipy", "random", "itertools", "einops", "TF")
