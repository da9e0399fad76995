"""Source files as Python reads them, but not run: bytes → text → syntax tree, or a sentence that says why not."""

import ast
import codecs
import io
import platform
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

from autograder import not_python
from autograder.submission.rules import IntakeLimits, Refused, shown

# In these ASCII bytes mean ASCII. Others (utf-7, punycode, …) can hide code from a reader, or be slow to decode.
_WESTERN = {"utf-8", "utf-8-sig", "ascii", "iso8859-1", "iso8859-2", "iso8859-15", "cp1250", "cp1251", "cp1252"}
_EASTERN = {"koi8-r", "euc_kr", "cp949", "gbk", "gb2312", "gb18030", "big5", "shift_jis", "cp932", "euc_jp"}


class NotPython(Exception):
    """This file is not Python source. The message is one sentence that begins with the name of the file."""


def count_tokens(content: bytes) -> int:
    """Words and signs, comments included: a bound, to a small factor, on the size of the syntax tree."""
    return len(re.findall(rb"[\w\x80-\xff]+|[^\w\s\x80-\xff]|\n", content))


def decode(name: str, content: bytes) -> tuple[str, str]:
    """(text, encoding) of a source file as Python decodes it: UTF-8, with or without a mark, or what it declares.

    Raises NotPython.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise NotPython(f"{shown(name)} is saved as UTF-16; save it as UTF-8.")
    if b"\0" in content:
        place = f"{shown(name)}, line {_line(content, content.index(0))}"
        raise NotPython(f"{place}: there is a NUL byte, so this is not a text file; save it again as plain UTF-8 text.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        encoding = codecs.lookup(encoding).name
    except SyntaxError as error:
        if "invalid or missing encoding" not in str(error):
            reason = shown(str(error).partition(" for ")[0])
            raise NotPython(
                f"{shown(name)} has a wrong encoding line ({reason}); remove it and save as UTF-8."
            ) from None
        encoding = "utf-8"  # no declaration, and the first lines are not UTF-8: the decoder below says where
    if encoding not in _WESTERN | _EASTERN:
        raise NotPython(
            f"{shown(name)} is in the encoding {shown(encoding, 30)}, which is not read here; save it as UTF-8."
        )
    try:
        return content.decode(encoding), encoding
    except UnicodeDecodeError as error:
        place = f"{shown(name)}, line {_line(content, error.start)}"
        what = f"byte 0x{content[error.start]:02x} is not {encoding.upper()} text"
        raise NotPython(f"{place}: {what}; save the file as UTF-8.") from None


def parse(name: str, content: bytes) -> ast.Module:
    """The syntax tree of a source file. Raises NotPython, with the line.

    Nothing is run, and nothing is compiled either: hostile source can crash Python's compiler, not its parser.
    """
    tree = tree_of(name, content)
    if wrong := misplaced(tree, yields=b"yield" in content):
        line, what = wrong
        raise NotPython(f"{shown(name)}, line {line}: {what}; check the indentation.")
    return tree


def tree_of(name: str, content: bytes) -> ast.Module:
    """As `parse`, but a statement that stands where it may not is let pass: for a file that was parsed before."""
    text = decode(name, content)[0].removeprefix("\ufeff")
    if kind := not_python.other_kind(text):
        raise NotPython(f"{shown(name)} {kind}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a string is worth a warning, but not here
            return ast.parse(text)
    except SyntaxError as error:
        raise NotPython(shown(not_python.describe(shown(name), text, error, platform.python_version()), 400)) from None
    except ValueError as error:
        raise NotPython(f"{shown(name)} cannot be read as Python: {shown(str(error), 160)}.") from None
    except (RecursionError, MemoryError):
        advice = "write long chains of operators, calls or brackets as several statements"
        raise NotPython(f"{shown(name)} is nested too deeply for Python to read; {advice}.") from None


def same_code(name: str, one: bytes | None, other: bytes | None) -> bool:
    """Whether two contents of a file differ at most in white space, line endings, a byte order mark, comments and layout. What could
    not be read, None, is like nothing else.
    """
    if one is None or other is None:
        return one is other
    if _lines(one) == _lines(other):
        return True
    words, more = sorted([count_tokens(one), count_tokens(other)])
    if more > 2 * words:
        return False
    try:
        return ast.dump(parse(name, one)) == ast.dump(parse(name, other))
    except (NotPython, RecursionError):
        return False


@dataclass
class CodeFiles:
    """The source files that will be judged, as they are gathered, with their size and what is wrong with them."""

    limits: IntakeLimits
    contents: dict[str, bytes] = field(default_factory=dict)
    trees: dict[str, ast.Module] = field(default_factory=dict)
    syntax_errors: dict[str, str] = field(default_factory=dict)
    tokens: int = 0

    def check_length(self, name: str, content: bytes) -> None:
        """Raises Refused when a file is so long that even its syntax tree would take too much memory."""
        if count_tokens(content) > self.limits.file_tokens:
            most = f"more than {self.limits.file_tokens:,} words and signs"
            raise Refused(f"{shown(name)} is too long for source code ({most}); take data out of it.")

    def add(self, name: str, content: bytes) -> None:
        """Take in a file whose length was checked. Raises Refused when all together are too much."""
        limits = self.limits
        self.contents[name] = content
        self.tokens += count_tokens(content)
        size = sum(map(len, self.contents.values()))
        if len(self.contents) > limits.files or size > limits.total_bytes or self.tokens > limits.total_tokens:
            most = f"{limits.files} files, {limits.total_bytes:,} bytes or {limits.total_tokens:,} words and signs"
            raise Refused(
                f"There is too much Python code next to the work (more than {most}); hand in only what it uses."
            )
        try:
            self.trees[name] = parse(name, content)
        except NotPython as error:
            self.syntax_errors[name] = str(error)


def _lines(content: bytes) -> list[bytes]:
    return [line.rstrip() for line in content.removeprefix(codecs.BOM_UTF8).rstrip().splitlines()]


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def statements_in(node: ast.AST) -> Iterator[ast.AST]:
    """The statements, handlers and cases directly below a statement, a handler, a case or a module; no expressions."""
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        yield from getattr(node, block, ())


def misplaced(tree: ast.Module, yields: bool) -> tuple[int, str] | None:
    """The first `return` outside a function or `break` outside a loop, which the parser lets pass. `yields`: also a `yield`."""
    below = ast.iter_child_nodes if yields else statements_in
    found: list[tuple[int, str]] = []
    stack: list[tuple[ast.AST, bool, bool]] = [(tree, False, False)]  # node, inside a function, inside a loop
    while stack:
        node, function, loop = stack.pop()
        match node:
            case ast.Return() | ast.Yield() | ast.YieldFrom() if not function:
                word = "return" if isinstance(node, ast.Return) else "yield"
                found.append((node.lineno, f"'{word}' stands outside a function"))
            case ast.Break() | ast.Continue() if not loop:
                found.append((node.lineno, f"'{type(node).__name__.lower()}' stands outside a loop"))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                function, loop = True, False
            case ast.ClassDef():
                function, loop = False, False
            case ast.For() | ast.AsyncFor() | ast.While():
                loop = True
        stack.extend((child, function, loop) for child in below(node))
    return min(found, default=None)
