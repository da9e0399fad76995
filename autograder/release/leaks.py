"""Whether a folder for students shows a line of an answer, in code, comments, prose or notebook cells."""

import bisect
import io
import itertools
import re
import tokenize
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from autograder.markers import regions
from autograder.release.notebooks import cell_lines

TELLING_TOKENS = 9  # a shorter line, such as `x = x.to(device)`, is idiom that given code may share with an answer
_SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Secret:
    """One line of an answer that no student may be shown."""

    source: str
    region: str
    text: str  # without comments and white space


def secrets(text: str, source: str) -> list[Secret]:
    """The telling lines of a file's answers: at least TELLING_TOKENS tokens, and not also in its given code or stubs.

    An answer that a comment or a docstring repeats stays secret. Raises MarkerError for faulty markers, and what the
    tokenizer raises for text that is not Python.
    """
    found = regions(text, source)
    tokens = _tokens_by_line(text)
    answers = {line: region for region in found for line in range(region.begin_line, region.end_line)}
    given = _squeeze("".join("".join(tokens[line]) for line in sorted(tokens) if line not in answers))
    given += "".join(_squeeze("".join(region.stub_lines)) for region in found)
    return [
        Secret(source, region.name, line_text)
        for line, region in answers.items()
        if len(tokens[line]) >= TELLING_TOKENS and (line_text := _squeeze("".join(tokens[line]))) not in given
    ]


def find_leaks(files: Mapping[str, bytes], known: list[Secret]) -> list[str]:
    """A sentence for each secret, and each solution marker, in `files` (name to content). Pictures are not read."""
    problems = []
    for name, content in files.items():
        places, lines = _visible_lines(name, content)
        squeezed = [_squeeze(line) for line in lines]
        ends = list(itertools.accumulate(map(len, squeezed)))  # a secret may be wrapped over several lines
        everything = "".join(squeezed)
        for secret in known:
            if (position := everything.find(secret.text)) >= 0:
                place = places[bisect.bisect_right(ends, position)]
                problems.append(f"{name}, {place}: shows a line of the answer to {secret.region} in {secret.source}.")
        for place, line in zip(places, lines):
            if re.search(r"(BEGIN|END) SOLUTION|### STUB", line):
                problems.append(f"{name}, {place}: shows a solution marker.")
    return problems


def _tokens_by_line(text: str) -> dict[int, list[str]]:
    """The tokens that begin in each line, without comments and docstrings."""
    found: dict[int, list[str]] = defaultdict(list)
    statement_begins = True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _SILENT and not (token.type == tokenize.STRING and statement_begins):
            found[token.start[0]].append(token.string)
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            statement_begins = token.type in _SILENT
    return found


def _visible_lines(name: str, content: bytes) -> tuple[list[str], list[str]]:
    """Where each line stands ("line 3", "cell 2"), and the lines; none for a file that is not text."""
    if name.endswith(".ipynb"):
        try:
            cells = cell_lines(content)
            return [f"cell {number}" for number, _ in cells], [line for _, line in cells]
        except ValueError:
            pass  # a broken notebook is text like any other
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError:
        return [], []
    return [f"line {number}" for number in range(1, len(lines) + 1)], lines


def _squeeze(text: str) -> str:
    """Without white space and comment signs, and with one kind of quotes: neither wrapping nor a # hides a line."""
    return re.sub(r"[\s#]", "", text).replace("'", '"')
