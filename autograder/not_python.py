"""Why a file that should be Python is not, in words: a notebook, a notebook's line, newer Python than the grader's, a mistake."""

import ast
import io
import re
import sys
import tokenize
import warnings

from autograder.newer_python import newer_names, newer_syntax, since, why_not_parsed

EXPORT = "export it as a script (in Jupyter: File, Save and Export Notebook As, Executable Script), or copy its code here"
_NOTEBOOK = re.compile(r"\s*\{\s*\"(?:cells|metadata|nbformat|worksheets)\"")
_OTHER_KINDS = (  # beginning → what it is
    (re.compile(r"\s*<(?:!doctype html|html|\?xml)\b", re.I), "a web page; download the file itself"),
    (re.compile(r"\{\\rtf"), "a document of a word processor; save it as plain text"),
)
# A line that IPython takes for itself, and Python does not.
_COMMAND = re.compile(
    r"\s*(?:[\w., ]+=\s*)?(?:!(?!=)|%{1,2}[A-Za-z]).*|\s*[\w.]+\?{1,2}\s*|\s*\?{1,2}[\w.]+\s*"
    r"|\s*(?:pip3?|conda)\s+(?:install|uninstall)\b.*|\s*(?:cd|ls|mkdir)\s+[\w~./-].*"
)
_PROMPT = re.compile(r"\s*(?:>>>|\.\.\.|In ?\[\d*\]:|Out ?\[\d*\]:)")
_NOTEBOOK_NAMES = ("get_ipython", "display")
_UNDEFINED = "name 'get_ipython' is not defined"
MOST_REMARKS = 3
_LONGEST = 60  # of a line that is quoted


def other_kind(text: str) -> str | None:
    """What a text is instead of Python, for a sentence that begins with its name; None where it may be Python."""
    if _NOTEBOOK.match(text) and '"cell_type"' in text:
        return f"is a notebook with the ending .py; {EXPORT}."
    for beginning, what in _OTHER_KINDS:
        if beginning.match(text):
            return f"is {what}."
    return None


def describe(file: str, text: str, error: SyntaxError, grader: str) -> str:
    """The sentence about a text that this Python cannot parse. `grader`: the version of the Python that grades."""
    line = error.lineno or 1
    if command := _near(text, line, _COMMAND):
        return f"{file}, line {command[0]}: {command[1]} is a notebook's command, which Python does not have; take the line out."
    if prompt := _near(text, line, _PROMPT):
        return f"{file}, line {prompt[0]}: {prompt[1]} was copied with the prompt of an interactive session; take the prompt out."
    if fence := _near(text, line, re.compile(r"\s*```")):
        return f"{file}, line {fence[0]}: {fence[1]} is a mark of Markdown around code; take it out."
    if newer := why_not_parsed(text, error, sys.version_info[:2]):
        return newer.sentence(file, grader)
    return f"{file}, line {line}: {_in_words(error)}."


def command_near(text: str, line: int) -> int | None:
    """The number of the line that is a notebook's command, such as `!pip install`: this one or one beside it."""
    command = _near(text, line, _COMMAND)
    return command[0] if command else None


def problem(file: str, content: bytes, grader: str) -> str | None:
    """The sentence about a source file that this Python cannot read; None where it can."""
    try:
        text = _decoded(content)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return f"{file} is not text in UTF-8; save it as UTF-8."
    if kind := other_kind(text):
        return f"{file} {kind}"
    try:
        _parsed(text)
    except SyntaxError as error:
        return describe(file, text, error, grader)
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{file} cannot be read as Python ({error or type(error).__name__})."
    return None


def newer(file: str, content: bytes, grader: str) -> list[str]:
    """Sentences about what this Python can read in a source file and the grader's cannot: at most MOST_REMARKS."""
    if problem(file, content, grader):
        return []
    text, than = _decoded(content), (int(grader.split(".")[0]), int(grader.split(".")[1]))
    finds = sorted([*newer_syntax(text, than), *newer_names(_parsed(text), than)], key=lambda find: find.line)
    return [find.sentence(file, grader) for find in finds[:MOST_REMARKS]]


def notebook_calls(file: str, content: bytes, grader: str) -> list[str]:
    """Sentences about calls that only notebooks have, which Python reads and cannot run: at most MOST_REMARKS."""
    if b"get_ipython" not in content or problem(file, content, grader):
        return []
    names = [node for node in ast.walk(_parsed(_decoded(content))) if isinstance(node, ast.Name) and node.id == "get_ipython"]
    lines = sorted({node.lineno for node in names})
    return [f"{file}, line {line}: {explain('NameError', _UNDEFINED, grader)}" for line in lines[:MOST_REMARKS]]


def _decoded(content: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return content.decode(encoding)


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def explain(kind: str, message: str, grader: str) -> str:
    """What an exception with this message says of the Python that runs: a further sentence, or "" where there is nothing to add."""
    name = re.match(r"name '(\w+)' is not defined", message) if kind == "NameError" else None
    if name and name[1] in _NOTEBOOK_NAMES:
        return f"{name[1]} is there in notebooks only; take the line out."
    if missing := re.match(r"cannot import name '(\w+)' from '([\w.]+)'", message) if kind == "ImportError" else None:
        return _of_newer(missing[2], missing[1], grader)
    if missing := re.match(r"module '([\w.]+)' has no attribute '(\w+)'", message) if kind == "AttributeError" else None:
        return _of_newer(missing[1], missing[2], grader)
    if missing := re.match(r"No module named '([\w.]+)'", message) if kind == "ModuleNotFoundError" else None:
        return _of_newer(missing[1], "", grader)
    return ""


def _of_newer(module: str, name: str, grader: str) -> str:
    what, version = f"{module}.{name}" if name else f"The module {module}", since(module, name)
    if version > sys.version_info[:2]:
        return f"{what} needs Python {version[0]}.{version[1]} or newer, and the grader has Python {grader}; do without it."
    if name and module.partition(".")[0] in sys.stdlib_module_names:
        return f"The grader has Python {grader}, whose {module} does not have it; another version of Python may."
    return ""


def _near(text: str, line: int, pattern: re.Pattern[str]) -> tuple[int, str] | None:
    """(number, the line in backquotes) of the line with the error, or one beside it, if it is as `pattern` says."""
    lines = text.split("\n")
    for number in (line, line + 1, line - 1):
        if 0 < number <= len(lines) and pattern.match(lines[number - 1]) and _ends(pattern, lines[number - 1]):
            quoted = lines[number - 1].strip()
            return number, f"`{quoted if len(quoted) <= _LONGEST else quoted[: _LONGEST - 1] + '…'}`"
    return None


def _ends(pattern: re.Pattern[str], line: str) -> bool:
    return pattern is not _COMMAND or pattern.fullmatch(line.rstrip("\r")) is not None


def _in_words(error: SyntaxError) -> str:
    message = re.sub(r"\. ([A-Z])", lambda match: "; " + match[1].lower(), error.msg or "invalid syntax").rstrip("?. ")
    if re.match(r"<<<<<<<|=======|>>>>>>>", error.text or ""):
        return "git left a merge conflict here; decide for one version and remove the lines with <<<, === and >>>"
    if isinstance(error, TabError):
        return "this line mixes tabs and spaces; indent with spaces only"
    if isinstance(error, IndentationError) or message == "invalid syntax":
        return f"{message}; look at this line and the one above it"
    return message
