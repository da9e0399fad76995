"""Python that is newer than the grader's: which syntax and which names of the standard library an older Python does not have.

The text is read without running it and without parsing it, so that the same is found by the Python that cannot read it (the grader's)
and by the one that can (a student's). Each find carries what an older Python can read in its place: where a text parses with all finds
replaced, they were what was wrong with it.
"""

import ast
import bisect
import re
import warnings
from collections import deque
from dataclasses import dataclass, field

Version = tuple[int, int]
GRADER: Version = (3, 11)  # the Python that bundles install and the oldest that the project runs on: the one to write for

_TYPE_PARAMETERS = "a list of type parameters, as in `{}`,", "leave the brackets out"
_FORMS: dict[str, tuple[Version, str, str]] = {  # form → (since, what, what to do)
    "def": ((3, 12), _TYPE_PARAMETERS[0].format("def f[T](x)"), _TYPE_PARAMETERS[1]),
    "class": ((3, 12), _TYPE_PARAMETERS[0].format("class C[T]"), _TYPE_PARAMETERS[1]),
    "type": ((3, 12), "a `type` statement", "write a plain assignment, `X = …`"),
    "f-string": ((3, 12), "{} within the braces of an f-string", "put that expression into a variable first"),
    "except": ((3, 14), "`except` with several types and no brackets", "write `except (A, B):`"),
    "t-string": ((3, 14), "a t-string", "use an f-string"),
    "lazy": ((3, 15), "a lazy import", "write a plain import"),
}
# Names that came with a version, of the modules that work like this may use. Compared with the modules themselves by a test.
NAMES: dict[str, dict[str, Version]] = {
    "typing": {
        **dict.fromkeys(("override", "TypeAliasType"), (3, 12)),
        **dict.fromkeys(("NoDefault", "ReadOnly", "TypeIs", "get_protocol_members", "is_protocol"), (3, 13)),
        "evaluate_forward_ref": (3, 14),
    },
    "collections.abc": {"Buffer": (3, 12)},
    "itertools": {"batched": (3, 12)},
    "functools": {"Placeholder": (3, 14)},
    "math": {"sumprod": (3, 12), "fma": (3, 13)},
    "random": {"binomialvariate": (3, 12)},
    "statistics": {"kde": (3, 13), "kde_random": (3, 13)},
    "types": {"get_original_bases": (3, 12), "CapsuleType": (3, 13)},
    "warnings": {"deprecated": (3, 13)},
    "copy": {"replace": (3, 13)},
    "queue": {"ShutDown": (3, 13)},
    "pathlib": {"UnsupportedOperation": (3, 13)},
    "re": {"PatternError": (3, 13)},
    "enum": {"EnumDict": (3, 13)},
    "calendar": {"Month": (3, 12), "Day": (3, 12)},
    "concurrent.futures": {"InterpreterPoolExecutor": (3, 14)},
}
MODULES: dict[str, Version] = {
    **dict.fromkeys(("annotationlib", "compression", "string.templatelib", "concurrent.interpreters"), (3, 14)),
}
_MOST_DEPTH = 20  # of strings within f-strings
_MOST_WIDTH = 2000  # signs in the head of a statement
_STRING = re.compile(r"([A-Za-z]{0,2})('''|\"\"\"|'|\")")
_PREFIXES = {"", "r", "u", "b", "br", "rb", "f", "fr", "rf", "t", "tr", "rt"}
_WORD = re.compile(r"\w+")
_DEFINITION = re.compile(r"(?:async[ \t]+)?(def|class)[ \t]+\w+[ \t]*(?=\[)")
_TYPE = re.compile(r"type[ \t]+(\w+)[ \t]*(?=[\[=])")
_EXCEPT = re.compile(r"except\b[ \t]*(?:\*[ \t]*)?(?=[^\s:(])")
_EQUALS = re.compile(r"[ \t]*=(?!=)")
_LAZY = re.compile(r"lazy[ \t]+(?=(?:import|from)\b)")


@dataclass(frozen=True)
class Newer:
    """What needs a newer Python, at `line` of a text; `older` is to stand from `start` to `end` in its place."""

    line: int
    since: Version
    what: str
    advice: str
    start: int = 0
    end: int = 0
    older: str = ""

    def sentence(self, file: str, grader: str) -> str:
        """`grader`: the grader's version, "3.11" or "3.11.7"."""
        place, since = f"{file}, line {self.line}", ".".join(map(str, self.since))
        return f"{place}: {self.what} needs Python {since} or newer, and the grader has Python {grader}; {self.advice}."


def newer_syntax(text: str, than: Version) -> list[Newer]:
    """What in `text` an interpreter of version `than` cannot parse, in order; exact for text that some Python can parse."""
    return [find for find in _Scan(text).run() if find.since > than]


def why_not_parsed(text: str, error: SyntaxError, running: Version) -> Newer | None:
    """What newer syntax is the reason that `text` gives `error` here; None where the reason is another."""
    finds = newer_syntax(text, running)
    if not finds:
        return None
    pieces, done = [], 0
    for find in finds:
        pieces += [text[done : find.start], find.older]
        done = find.end
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("".join([*pieces, text[done:]]))
    except SyntaxError as later:  # another mistake further down; or Python 2, which has `except A, b:` too
        further = (later.lineno or 0) > max(error.lineno or 0, finds[0].line)
        return finds[0] if further and finds[0].since < _FORMS["except"][0] else None
    except (ValueError, RecursionError, MemoryError):
        return None
    return finds[0]


def newer_names(tree: ast.Module, than: Version) -> list[Newer]:
    """What is used of the standard library that `than` does not have, unless it stands under a condition or in a `try`."""
    found: list[Newer] = []
    modules: dict[str, str] = {}
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        node = waiting.popleft()
        match node:
            case ast.Import(names=aliases):
                modules |= {alias.asname or alias.name: alias.name for alias in aliases}
                found += [_name(node, alias.name) for alias in aliases]
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                found += [_name(node, module), *(_name(node, module, alias.name) for alias in aliases)]
                modules |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in aliases}
            case ast.Attribute(value=ast.Name(id=module), attr=attribute) if module in modules:
                found.append(_name(node, modules[module], attribute))
        if not (isinstance(node, ast.Try) and node.handlers) and not (isinstance(node, ast.If) and _asks(node.test)):
            waiting += ast.iter_child_nodes(node)
    return sorted((find for find in found if find.since > than), key=lambda find: find.line)


def since(module: str, name: str = "") -> Version:
    """The version that brought a module of the standard library, or a name of one; (0, 0) where this is not known."""
    return MODULES.get(f"{module}.{name}".rstrip("."), NAMES.get(module, {}).get(name, (0, 0)))


def _name(node: ast.stmt | ast.expr, module: str, name: str = "") -> Newer:
    what = f"{module}.{name}" if name else f"the module {module}"
    return Newer(node.lineno, since(module, name), what, "do without it")


def _asks(test: ast.AST) -> bool:
    return any(
        getattr(inner, "attr", getattr(inner, "id", "")) in ("version_info", "TYPE_CHECKING") for inner in ast.walk(test)
    )


@dataclass
class _Scan:
    """One walk through a text. Strings and comments are blanked in `plain`, letter by letter, so that statements can be told apart."""

    text: str
    found: list[Newer] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    newlines: list[int] = field(default_factory=list)

    def run(self) -> list[Newer]:
        self.plain = list(self.text)
        self.newlines = [match.start() for match in re.finditer("\n", self.text)]
        position, depth, at_start = 0, 0, True
        starts = []
        while position < len(self.text):
            sign = self.text[position]
            string = _STRING.match(self.text, position)
            if string and string[1].lower() in _PREFIXES:
                end = self._string(position, string[1].lower(), string[2])
                if end is None:
                    break  # a string that is not closed: what follows may be anything
                self._blank(position, end)
                position, at_start = end, False
                continue
            if sign == "#":
                end = _until(self.text, position, "\n")
                self._blank(position, end)
                position = end
                continue
            if sign == "\\":
                position += 2
                continue
            if at_start and not sign.isspace():
                starts.append(position)
                at_start = False
            if sign in "([{":
                depth += 1
            elif sign in ")]}":
                depth = max(0, depth - 1)
            elif (sign == "\n" and depth == 0) or (sign in ";:" and depth == 0):
                at_start = True
            word = _WORD.match(self.text, position)
            position = word.end() if word else position + 1
        masked = "".join(self.plain)
        for start in starts:
            self._statement(masked, start)
        return sorted(self.found, key=lambda find: find.start)

    def _statement(self, masked: str, start: int) -> None:
        if match := _DEFINITION.match(masked, start):
            end = _closing(masked, match.end())
            inside = masked[match.end() : end]
            later = (3, 13) if re.search(r"(?<![=!<>])=(?!=)", inside) else None  # defaults: PEP 696
            self._find(match[1], match.end(), end, "", later)
        elif match := _TYPE.match(masked, start):
            end = _closing(masked, match.end()) if masked[match.end()] == "[" else match.end()
            if _EQUALS.match(masked, end):
                self._find("type", start, end, match[1])
        elif match := _EXCEPT.match(masked, start):
            end = _colon(masked, match.end())
            if _has_comma(masked[match.end() : end]):
                self._find("except", match.end(), end, f"({self.text[match.end() : end]})")
        elif match := _LAZY.match(masked, start):
            self._find("lazy", start, match.end(), "")

    def _find(self, form: str, start: int, end: int, older: str, later: Version | None = None, what: str = "") -> None:
        version, words, advice = _FORMS[form]
        lost = self.text.count("\n", start, end) - older.count("\n")  # line numbers must stay
        older += "\\\n" * lost
        line = bisect.bisect_left(self.newlines, start) + 1
        self.found.append(Newer(line, later or version, words.format(what), advice, start, end, older))

    def _blank(self, start: int, end: int) -> None:
        self.plain[start:end] = ["\n" if sign == "\n" else "_" for sign in self.text[start:end]]

    def _string(self, start: int, prefix: str, quotes: str) -> int | None:
        """The end of a string, None if it has none; notes an f-string or t-string that is newer, as one find."""
        body = start + len(prefix) + len(quotes)
        if not set(prefix) & set("ft"):
            return _plain_end(self.text, body, quotes)
        reasons: list[str] = []
        end = _Braces(self.text, reasons).end(body, quotes, "r" in prefix, ())
        if end is None:
            return None
        if "t" in prefix:
            self._find("t-string", start, end, '""')
        elif reasons:
            self._find("f-string", start, end, '""', what=reasons[0])
        return end


@dataclass
class _Braces:
    """Reads f-strings as Python 3.12 does (PEP 701), and notes what older ones cannot."""

    text: str
    reasons: list[str]

    def end(self, start: int, quotes: str, raw: bool, around: tuple[str, ...]) -> int | None:
        """The position behind the closing quotes of an f-string whose text begins at `start`; None where there are none."""
        text, around = self.text, (*around, quotes)
        position: int | None = start
        while position is not None and position < len(text):
            if text.startswith(quotes, position):
                return position + len(quotes)
            sign = text[position]
            if sign == "\n" and len(quotes) == 1:
                return None
            if sign == "\\":
                named = not raw and text.startswith("N{", position + 1)
                position = _until(text, position, "}") if named else position + 2
            elif text.startswith("{{", position) or text.startswith("}}", position):
                position += 2
            elif sign == "{":
                position = self._expression(position + 1, quotes, raw, around)
            else:
                position += 1
        return None

    def _expression(self, start: int, quotes: str, raw: bool, around: tuple[str, ...]) -> int | None:
        """The position behind the brace that closes an expression, with what comes after a colon."""
        text, depth, single = self.text, 0, any(len(outer) == 1 for outer in around)
        position: int | None = start
        while position is not None and position < len(text):
            sign = text[position]
            string = _STRING.match(text, position)
            if string and string[1].lower() in _PREFIXES:
                position = self._inner(position, string, around)
                continue
            if sign == "\\":
                self.reasons.append("a backslash")
            elif sign == "#":
                self.reasons.append("a comment")
                position = _until(text, position, "\n")
                continue
            elif sign == "\n" and single:
                self.reasons.append("a line break")
            elif sign in "([{":
                depth += 1
            elif sign in ")]}" and depth:
                depth -= 1
            elif sign == "}":
                return position + 1
            elif sign == ":" and depth == 0:
                return self._format(position + 1, quotes, raw, around)
            word = _WORD.match(text, position)
            position = word.end() if word else position + 1
        return None

    def _format(self, start: int, quotes: str, raw: bool, around: tuple[str, ...]) -> int | None:
        position: int | None = start
        while position is not None and position < len(self.text) and not self.text.startswith(quotes, position):
            if self.text[position] == "}":
                return position + 1
            if self.text[position] == "{":
                position = self._expression(position + 1, quotes, raw, around)
            else:
                position += 1
        return None

    def _inner(self, start: int, string: re.Match[str], around: tuple[str, ...]) -> int | None:
        """The end of a string within an expression."""
        prefix, quotes, body = string[1].lower(), string[2], string.end()
        if len(around) > _MOST_DEPTH:
            return None
        nested = set(prefix) & set("ft")
        end = self.end(body, quotes, "r" in prefix, around) if nested else _plain_end(self.text, body, quotes)
        if end is None:
            return None
        inside = self.text[start:end]
        if any(outer in inside for outer in around):
            self.reasons.append("a quote of the f-string's own kind")
        if "\\" in inside:
            self.reasons.append("a backslash")
        if "\n" in inside and any(len(outer) == 1 for outer in around):
            self.reasons.append("a line break")
        return end


def _until(text: str, position: int, sign: str) -> int:
    end = text.find(sign, position)
    return len(text) if end < 0 else end


def _plain_end(text: str, position: int, quotes: str) -> int | None:
    while position < len(text):
        if text.startswith(quotes, position):
            return position + len(quotes)
        if text[position] == "\n" and len(quotes) == 1:
            return None
        position += 2 if text[position] == "\\" else 1
    return None


def _closing(text: str, start: int) -> int:
    """The position behind the bracket that closes the one at `start`."""
    depth = 0
    for position in range(start, min(len(text), start + _MOST_WIDTH)):
        depth += (text[position] in "([{") - (text[position] in ")]}")
        if depth == 0:
            return position + 1
    return start


def _colon(text: str, start: int) -> int:
    depth = 0
    for position in range(start, min(len(text), start + _MOST_WIDTH)):
        sign = text[position]
        if depth == 0 and sign in ":\n":
            return position
        depth += (sign in "([{") - (sign in ")]}")
    return start


def _has_comma(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            return True
    return False
