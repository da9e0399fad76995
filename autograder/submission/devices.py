"""Devices written into code, `.to("cuda")`, `device="mps"`, `.cuda()`: find them, and grade the rest on a CPU.

Code that asks first (`"cuda" if torch.cuda.is_available() else "cpu"`) is as it should be, and is left alone.
"""

import ast
import bisect
import contextlib
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autograder.manifest import Manifest
from autograder.submission.python_text import NotPython, decode, statements_in
from autograder.submission.reach import lines_that_run
from autograder.submission.rules import shown

_DEVICE = re.compile(r"(cuda|mps|xpu)(:\d+)?")
_DEVICE_NUMBER = re.compile(r"(cuda|mps|xpu):")  # the beginning of f"cuda:{rank}"
_TENSOR_TYPE = re.compile(r"torch\.cuda\.(\w*Tensor)")
_QUESTIONS = {"is_available", "device_count", "is_built"}
# Text in these calls is for a reader, or is asked about; autocast("cuda") does nothing where there is no such device.
_NO_DEVICE_MEANT = {"print", "warn", "warning", "info", "debug", "error", "log", "format", "hasattr", "getattr"}
_NO_DEVICE_MEANT |= {"startswith", "endswith", "ValueError", "RuntimeError", "AssertionError", "autocast"}
_COMMENT = re.compile(rb"#[^\r\n]*")
_BETWEEN_STRINGS = re.compile(rb"[\"'][\s\\]{0,100}[rbufRBUF]{0,2}[\"']")
# In text without any of these no device is written: a name, what can stand for its letters (an escape, letters of full width or of
# mathematics), .to(0), device=0. Bounded, so that no text takes long.
_MENTION = re.compile(
    rb"cuda|mps|xpu|\\[xuUN0-7]|\xef[\xbc\xbd]|\xf0\x9d|\b(to|device)[\s\\]{0,100}\([\s\\(]{0,100}\d"
    rb"|\b(device|map_location)[\s\\]{0,100}=[\s\\(]{0,100}\d"
)
_NEWLINE = rb"\r\n|\r|\n"


@dataclass(frozen=True)
class Finding:
    line: int
    text: str  # the line as it stands in the file, safe to print


@dataclass(frozen=True)
class _Place:
    """What stands from `start` to `end`, byte offsets in UTF-8, and what to put there; None leaves it."""

    line: int
    start: int
    end: int
    replacement: bytes | None


def hard_coded_devices(source: str) -> list[Finding]:
    """The lines where a device other than the CPU is written into the code, unasked; [] for what is not Python."""
    text = source.removeprefix("\ufeff").encode("utf-8", "replace")
    lines = re.split(_NEWLINE, text)
    numbers = sorted({place.line for place in _places(text)})
    return [Finding(number, shown(lines[number - 1].decode("utf-8").strip(), 160)) for number in numbers]


def devices_that_run(files: Mapping[str, bytes], manifest: Manifest) -> list[str]:
    """Each hard-coded device in code that may run in grading, as "ddpm.py, line 7: x = x.cuda()"."""
    found: dict[str, list[Finding]] = {}
    for name, content in files.items():
        with contextlib.suppress(NotPython):
            if name.endswith(".py") and (here := hard_coded_devices(decode(name, content)[0])):
                found[name] = here
    running = lines_that_run(files, manifest) if found else {}
    return [f"{name}, line {f.line}: {f.text}" for name, here in found.items() for f in here if f.line in running[name]]


def without_hard_coded_devices(source: str) -> str:
    """The same code, line by line, with those devices replaced by the CPU; what is not valid Python stays as it is.

    A device that is made inside an f-string's braces is found and not replaced.
    """
    body = source.removeprefix("\ufeff")
    text = body.encode("utf-8", "replace")
    pieces: list[bytes] = []
    done = 0
    for place in sorted(_places(text), key=lambda place: (place.start, -place.end)):
        if place.replacement is not None and place.start >= done:
            pieces += [text[done : place.start], place.replacement]
            done = place.end
    changed = b"".join([*pieces, text[done:]]).decode("utf-8")
    return source[: len(source) - len(body)] + changed if pieces else source


def on_cpu(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """`without_hard_coded_devices` for the files of a submission, each in its own encoding."""
    changed = dict(files)
    for name, content in files.items():
        try:
            text, encoding = decode(name, content)
        except NotPython:
            continue
        rewritten = without_hard_coded_devices(text)
        if rewritten != text:
            changed[name] = rewritten.encode(encoding)
    return changed


def _places(text: bytes) -> list[_Place]:
    if not any(_MENTION.search(_BETWEEN_STRINGS.sub(b"", one)) for one in (text, _COMMENT.sub(b"", text))):
        return []  # most files; to parse one takes a hundred times as long
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.decode("utf-8"))
        return list(_Search(text, tree).block(tree.body, asked=False))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


class _Search:
    """One walk through a file. `asked` is True below a condition that asks whether there is a device."""

    def __init__(self, text: bytes, tree: ast.Module):
        self.text = text
        self.starts = [0, *(newline.end() for newline in re.finditer(_NEWLINE, text))]
        asks = any(question.encode() in text for question in _QUESTIONS)
        self.answers = _names_of_answers(tree) if asks else frozenset()

    def block(self, statements: Iterable[Any], asked: bool) -> Iterator[_Place]:
        for statement in statements:
            yield from self.node(statement, asked)
            if isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Return):
                asked = asked or _asks(statement.test, self.answers)  # `if not …: return "cpu"` asks for what follows

    def node(self, node: ast.AST, asked: bool) -> Iterator[_Place]:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.MatchValue():
                return
            case ast.If(test=test) | ast.IfExp(test=test):
                asked = asked or _asks(test, self.answers)
            case ast.BoolOp():
                asked = asked or _asks(node, self.answers)
            case ast.Constant() if not asked:
                yield from self.constant(node)
            case ast.JoinedStr():
                yield from self.f_string(node, asked)
                return
            case ast.Attribute(attr=name, value=ast.Attribute(attr="cuda") as inner) if (
                not asked and name[-6:] == "Tensor"
            ):
                yield self.place(self.end(inner) - len("cuda"), self.end(node), name.encode())
            case ast.Call() if not asked:
                yield from self.call(node)
        for value in _fields(node):
            if value and isinstance(value[0], ast.stmt):
                yield from self.block(value, asked)
            else:
                for child in value:
                    if isinstance(child, ast.AST) and not _is_no_device(child, node):
                        yield from self.node(child, asked)

    def constant(self, node: ast.Constant) -> Iterator[_Place]:
        if isinstance(node.value, str):
            if _DEVICE.fullmatch(node.value):
                yield self.place(self.start(node), self.end(node), b'"cpu"')
            elif tensor := _TENSOR_TYPE.fullmatch(node.value):
                yield self.place(self.start(node), self.end(node), f'"torch.{tensor[1]}"'.encode())

    def f_string(self, node: ast.JoinedStr, asked: bool) -> Iterator[_Place]:
        match node.values:
            case [ast.Constant(value=str(beginning)), *_] if _DEVICE_NUMBER.match(beginning) and not asked:
                yield self.place(self.start(node), self.end(node), b'"cpu"')
            case _:
                for value in node.values:
                    if isinstance(value, ast.FormattedValue) and any(self.node(value.value, asked)):
                        yield self.place(self.start(node), self.end(node), None)  # positions inside are not exact

    def call(self, node: ast.Call) -> Iterator[_Place]:
        numbers = [keyword.value for keyword in node.keywords if keyword.arg in ("device", "map_location")]
        match node.func:
            case ast.Attribute(attr="cuda"):
                yield self.place(self.end(node.func) - len("cuda"), self.end(node), b"cpu(", closing=b")")
            case ast.Attribute(
                attr="set_device" | "synchronize", value=ast.Attribute(attr="cuda") | ast.Name(id="cuda")
            ):
                yield self.place(self.start(node), self.end(node), b"(None", closing=b")")  # there is none to set
            case ast.Attribute(attr="device") | ast.Name(id="device") if len(node.args) == 2 and _is_device(
                node.args[0]
            ):
                yield self.place(self.start(node.args[0]), self.end(node.args[1]), b'"cpu"')
            case ast.Attribute(attr="to" | "device") | ast.Name(id="device"):
                numbers += node.args[:1]
        for argument in numbers:
            if isinstance(argument, ast.Constant) and type(argument.value) is int:  # .to(0) is .to("cuda:0")
                yield self.place(self.start(argument), self.end(argument), b'"cpu"')

    def start(self, node: Any) -> int:
        return int(self.starts[node.lineno - 1] + node.col_offset)

    def end(self, node: Any) -> int:
        return int(self.starts[node.end_lineno - 1] + node.end_col_offset)

    def place(self, start: int, end: int, new: bytes | None, closing: bytes = b"") -> _Place:
        """Newlines in between are kept: as they are before a `closing` bracket, elsewhere after a backslash."""
        line, last = bisect.bisect_right(self.starts, start), bisect.bisect_right(self.starts, end)
        if new is not None:
            new += (b"\n" if closing else b"\\\n") * (last - line) + closing
        return _Place(line, start, end, new)


def _asks(node: ast.AST | None, answers: frozenset[str]) -> bool:
    """Whether an expression's value tells if there is a device, or is a device chosen by asking."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in _QUESTIONS:
            return True
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in ("bool", "int", "str", "device"):
            return any(_asks(argument, answers) for argument in node.args)
        case ast.Call():
            return _asks(node.func, answers)  # a function that answers
        case ast.Name(id=name):
            return name in answers
        case ast.Attribute(attr=name):
            return "." + name in answers or _asks(node.value, answers)  # device.type
        case ast.BoolOp():
            return any(_asks(value, answers) for value in node.values)
        case ast.UnaryOp():
            return _asks(node.operand, answers)
        case ast.Compare():
            return any(_asks(value, answers) for value in [node.left, *node.comparators])
        case ast.IfExp():
            return _asks(node.test, answers)
        case ast.NamedExpr():
            return _asks(node.value, answers)
    return False


def _names_of_answers(tree: ast.Module) -> frozenset[str]:
    """Variables, ".attributes" and functions that hold or give such a value, also at second hand."""
    pairs: list[tuple[str, ast.AST | None]] = []  # many names may share one value, as in `x = y = … = f()`
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                pairs += [(_name(target), value) for target in targets]
            case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
                pairs.append((_name(target), value))
            case ast.FunctionDef(name=name, body=body, args=arguments):
                returns = [inner.value for inner in _statements_below(body) if isinstance(inner, ast.Return)]
                pairs += [(kind + name, value) for value in returns for kind in ("", ".")]
                pairs += [(a.arg, d) for a, d in zip(reversed(arguments.args), reversed(arguments.defaults))]
    values = {id(value): value for name, value in pairs if name}
    answers: frozenset[str] = frozenset()
    for _ in range(3):
        asking = {key for key, value in values.items() if _asks(value, answers)}
        answers = frozenset(name for name, value in pairs if name and id(value) in asking)
    return answers


def _statements_below(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Those of a block and of all blocks in it; no expressions, of which there may be many below a hundred functions."""
    waiting = [*body]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += statements_in(node)


def _name(target: ast.AST) -> str:
    return target.id if isinstance(target, ast.Name) else "." + target.attr if isinstance(target, ast.Attribute) else ""


def _fields(node: ast.AST) -> Iterator[list[Any]]:
    """The children of a node, field by field, without those that can hold no device: keys and annotations."""
    match node:
        case ast.Dict(values=values):
            yield values
        case ast.Assign(value=ast.Tuple(elts=elements)):  # device, steps = "cuda", 1000
            yield elements
        case _:
            for name, value in ast.iter_fields(node):
                if name not in ("annotation", "returns", "type_comment"):
                    yield value if isinstance(value, list) else [value]


def _is_device(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_DEVICE.fullmatch(node.value))


def _is_no_device(child: ast.AST, parent: ast.AST) -> bool:
    """Whether a text that looks like a device is something else: compared with, looked up, chosen from, printed."""
    is_text = isinstance(child, (ast.Constant, ast.JoinedStr))
    match parent:
        case ast.Compare():
            return is_text or (isinstance(child, ast.Call) and _name(child.func) in ("device", ".device"))
        case ast.Subscript():
            return is_text and child is parent.slice
        case ast.List() | ast.Set() | ast.Tuple():
            return is_text
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return is_text and name in _NO_DEVICE_MEANT
        case ast.keyword(arg="device_type"):
            return is_text
    return False
