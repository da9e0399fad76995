"""Words and colour on a terminal, with the standard library alone."""

import os
import shutil
import sys
import textwrap

COLOURS = {"green": "32", "red": "31", "yellow": "33", "blue": "36", "grey": "90", "bold": "1"}


def prepare() -> None:
    """Make the terminal ready: no crash for a sign that it cannot show, and colours on Windows."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace", line_buffering=True)
    if os.name == "nt":
        os.system("")  # switches the console of Windows to understanding colours


def paint(text: str, colour: str) -> str:
    """`text` in a colour, where standard output is a terminal and NO_COLOR is not set."""
    shown = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if shown else text


def say(text: str = "", colour: str | None = None, indent: int = 0, mark: str = "") -> None:
    """Print a paragraph, wrapped to the terminal; `mark` stands before it, in the colour."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 110)
    first, rest = " " * indent + (mark + " " if mark else ""), " " * (indent + (len(mark) + 1 if mark else 0))
    body = textwrap.fill(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    if colour and mark:
        body = body.replace(mark, paint(mark, colour), 1)
    elif colour:
        body = paint(body, colour)
    print(body)
