"""How numbers, lists and messages are written in every report."""

import math
import re
from collections.abc import Iterable
from typing import Literal


def points_text(points: float) -> str:
    """4 → "4", 2.5 → "2.5", 1/3 → "0.33"."""
    return f"{points:.2f}".rstrip("0").rstrip(".") if math.isfinite(points) else "0"


def score_text(points: float, maximum: float, held: float = 0.0) -> str:
    """ "2.5 / 4", "20 / 50, up to 30 held"."""
    waiting = f", up to {points_text(held)} held" if held else ""
    return f"{points_text(points)} / {points_text(maximum)}{waiting}"


def count(number: int, noun: str) -> str:
    """ "1 check", "3 checks"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def count_points(points: float) -> str:
    return f"{points_text(points)} point" if points == 1 else f"{points_text(points)} points"


def listing(items: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    *head, tail = items
    return f"{', '.join(head)} {last} {tail}" if head else tail


def paragraphs(text: str) -> list[tuple[Literal["text", "aligned"], str]]:
    """Split a message into running text and blocks aligned by hand (lines that begin with two spaces or a tab)."""
    parts: list[tuple[Literal["text", "aligned"], list[str]]] = []
    for line in text.split("\n"):
        kind: Literal["text", "aligned"] = "aligned" if line.startswith(("  ", "\t")) else "text"
        if not line.strip():
            parts.append(("text", []))
        elif parts and parts[-1][0] == kind and parts[-1][1]:
            parts[-1][1].append(line)
        else:
            parts.append((kind, [line]))
    return [(kind, "\n".join(lines)) for kind, lines in parts if lines]


_INLINE = re.compile(
    r"`(?P<code>[^`\n]{1,200})`"
    r"|(?<![\w.\-])(?P<number>\d{1,3}-\d{1,3}(?:\.\d{1,3})?)(?![\w\-])"
    r"|(?<![\w`'\"./])(?P<base>[^\W\d_][\u0300-\u036f]?)_(?:\{(?P<braced>[^{}\s]{1,8})\}|(?P<index>\w))(?![A-Za-z0-9_'\"])"
)


Span = tuple[Literal["text", "code", "sub", "number"], str]


def inline(text: str, subscripts: bool = True) -> list[Span]:
    """Split running text at `code` in backticks, at numbers of tasks, and, where wanted, at indices: x_t, ᾱ_{t−1}.

    Only the look changes, never the words.
    """
    parts: list[Span] = []
    end = 0
    for match in _INLINE.finditer(text):
        if match["code"] is not None:
            parts += [("text", text[end : match.start()]), ("code", match["code"])]
        elif match["number"] is not None:
            parts += [("text", text[end : match.start()]), ("number", match["number"])]
        elif subscripts:
            parts += [("text", text[end : match.end("base")]), ("sub", match["braced"] or match["index"])]
        else:
            continue
        end = match.end()
    parts.append(("text", text[end:]))
    return [part for part in parts if part[1]]
