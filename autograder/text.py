"""Text that may come from a student's code, made harmless to look at: in a terminal, in a browser, in JSON.

What is taken away acts on the reader's screen instead of being read: terminal escape sequences, control characters,
characters that reorder the line or are invisible, and halves of surrogate pairs. What is left is plain text; each
rendering still escapes it for itself.
"""

import math
import re
from typing import Any

_ESCAPE_SEQUENCE = re.compile(
    # Strings to the terminal, such as a window title or the clipboard (OSC, DCS, SOS, PM, APC), up to their end if that
    # is on the same line. Every quantifier is possessive and every string ends where the next may begin: linear time.
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\n\x07\x1b\x90\x98\x9c-\x9f]*+(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"  # CSI: colours, cursor movement
    r"|\x1b[ -/]*+[0-~]"  # the short ones: reset, character sets, and the beginnings of unfinished long ones
)
_LINE_END = re.compile(r"\r\n|[\r\u2028\u2029\x85]")
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 (without tab and newline), DEL, C1
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # bidirectional controls
    r"\u00ad\u180e\u200b\u2060-\u2065\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # zero width, annotations, tags
    r"\ufffe\uffff]"  # not characters
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_COMBINING = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_STACK = re.compile(f"([{_COMBINING}]{{4}})[{_COMBINING}]++")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*+\n){2,}+")


def clean_text(text: str, limit: int) -> str:
    """`text` without anything that acts on a screen, at most `limit` characters and then "… (N more characters)".

    Tabs and newlines stay; other line ends become newlines; several blank lines become one; a lone surrogate becomes
    U+FFFD. The result is plain text, not yet escaped for HTML, Markdown or rich markup. Takes linear time.
    """
    text, rest = _bounded(text, limit)
    text = _STACK.sub(r"\1", _strip(text))
    text = _BLANK_LINES.sub("\n\n", text).strip("\n").rstrip()
    return _cut(text, limit, rest)


def clean_line(text: str, limit: int) -> str:
    """`clean_text` on one line: every run of white space becomes one space. For names, titles and table cells."""
    text, rest = _bounded(text, limit)
    return _cut(" ".join(_STACK.sub(r"\1", _strip(text)).split()), limit, rest)


def _strip(text: str) -> str:
    if text.isprintable():  # nothing of what is taken away below is
        return text
    text = _LINE_END.sub("\n", _ESCAPE_SEQUENCE.sub("", text))
    return _SURROGATE.sub("\ufffd", _INVISIBLE.sub("", text))


def _bounded(text: str, limit: int) -> tuple[str, int]:
    """The part of a huge text that is worth cleaning, and how many characters lie beyond it."""
    text = text if isinstance(text, str) else str(text)
    most = 20 * limit + 10_000
    return text[:most], max(len(text) - most, 0)


def _cut(text: str, limit: int, rest: int) -> str:
    more = max(len(text) - limit, 0) + rest
    return f"{text[:limit]}… ({more:,} more characters)" if more else text


def clean_data(value: Any, *, text_limit: int = 300, items: int = 60, depth: int = 4) -> Any:
    """Evidence as JSON data: texts cleaned and cut, long lists cut, NaN and infinities as "nan", "inf", "-inf"."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else f"an integer of {value.bit_length()} bits"
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, str):
        return clean_text(value, text_limit)
    if isinstance(value, (dict, list, tuple)) and depth == 0:
        return "…"
    if isinstance(value, dict):
        inner = {
            clean_line(str(key), 60): clean_data(item, text_limit=text_limit, items=items, depth=depth - 1)
            for key, item in list(value.items())[:items]
        }
        return inner if len(value) <= items else {**inner, "…": f"({len(value) - items} more)"}
    if isinstance(value, (list, tuple)):
        cut = [clean_data(item, text_limit=text_limit, items=items, depth=depth - 1) for item in value[:items]]
        return cut if len(value) <= items else [*cut, f"… ({len(value) - items} more)"]
    return f"({type(value).__name__})"
