"""Code without its names and layout, as a row of signs; every WINDOW of them is a fingerprint, and each sign lies on a line.

The idea is that of winnowing (Schleimer, Wilkerson, Aiken, SIGMOD 2003) with every window kept, so that nothing is left
to chance: the texts are short. Pygments splits code into tokens. The library copydetect does the same on top of it, but
version 0.5.0, the newest, takes given code for all that occurs twice in a file, and misplaces what follows a class.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from autograder.classroom.regions import Region

WINDOW = 16  # signs; a name or a text is one sign, else a character is. `V=V(self.V.V,V,V)` has 19


@dataclass(frozen=True)
class Document:
    """The regions of one submission. Window i begins at sign i; a window never reaches over the end of a region."""

    lines: tuple[tuple[int, str], ...]  # (index of the region, text)
    names: tuple[str, ...]  # of the regions
    line_of: NDArray[np.int64]  # the line of each sign
    prints: NDArray[np.int64]  # of the window that begins at each sign; 0 where there is none or it is given code
    own: NDArray[np.bool_]  # whether a sign is the student's own: no window over it is given code
    words: tuple[str, ...]  # all tokens, without comments and layout: equal for copies word for word

    @property
    def own_lines(self) -> int:
        """Lines that hold code which was not given."""
        return len(np.unique(self.line_of[self.own]))


@lru_cache(maxsize=256)
def make_document(regions: tuple[Region, ...], given: frozenset[int] = frozenset()) -> Document:
    """`given`: fingerprints of the handout, which do not count."""
    lines: list[tuple[int, str]] = []
    line_of: list[int] = []
    prints: list[int] = []
    owns: list[NDArray[np.bool_]] = []
    words: list[str] = []
    for index, region in enumerate(regions):
        row, places = "", []
        words.append(region.name)
        for sign, word, line in _signs("\n".join(region.lines)):
            row += sign
            places += [len(lines) + min(line, len(region.lines) - 1)] * len(sign)
            words.append(word)
        windows = [hash(row[start : start + WINDOW]) for start in range(len(row) - WINDOW + 1)]
        is_given = np.array([window in given for window in windows], bool)
        owns.append(~over_windows(is_given, len(row)))
        prints += [0 if window in given else window for window in windows] + [0] * (len(row) - len(windows))
        line_of += places
        lines += [(index, line) for line in region.lines]
    return Document(
        lines=tuple(lines),
        names=tuple(region.name for region in regions),
        line_of=np.array(line_of, np.int64),
        prints=np.array(prints, np.int64),
        own=np.concatenate([np.zeros(0, bool), *owns]),
        words=tuple(words),
    )


def over_windows(begins: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Of `length` signs, those that lie in a window that `begins` names."""
    over = np.zeros(length, bool)
    for offset in range(WINDOW):
        over[offset : offset + len(begins)] |= begins[: max(length - offset, 0)]
    return over


@lru_cache(maxsize=2048)  # in a class many have one text of a region
def _signs(text: str) -> tuple[tuple[str, str, int], ...]:
    """(sign or signs, the token itself, its line from 0) without comments, documentation and layout."""
    from pygments.lexers.python import PythonLexer
    from pygments.token import Comment, Name, String, Text

    found, line = [], 0
    for kind, token in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        word = token.strip()
        if word and not (kind in Comment or kind in Text or kind in String.Doc):
            is_plain_name = kind in Name and kind not in Name.Builtin
            sign = "V" if is_plain_name else "S" if kind in String else word
            found.append((sign, word, line + token[: len(token) - len(token.lstrip())].count("\n")))
        line += token.count("\n")
    return tuple(found)
