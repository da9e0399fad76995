"""What a folder and a zip have in common: a list of entries, and a way to read one of them."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from autograder.submission.rules import IntakeLimits, shown, shown_path

Kind = Literal["file", "link", "special", "closed"]
_WHAT_IT_IS: dict[Kind, str] = {
    "file": "is a file and a folder at once",
    "link": "is a link",
    "special": "is a device, pipe or socket",
    "closed": "is a folder that may not be opened",
}


@dataclass(frozen=True)
class Entry:
    """A file, or something that should be one and is not. Folders are listed only when they may not be opened."""

    path: tuple[str, ...]
    kind: Kind = "file"
    record: Any = None  # what the source itself needs to read it

    @property
    def folder(self) -> tuple[str, ...]:
        return self.path[:-1]

    @property
    def name(self) -> str:
        return self.path[-1]


class Source(Protocol):
    """A submission as it came. Nothing is unpacked to disk, no link is followed; only what is asked for is read."""

    name: str  # of the folder or the zip, safe to print
    entries: list[Entry]  # sorted by path

    def read(self, entry: Entry, most: int | None = None) -> bytes:
        """The content of one file of at most `most` bytes, a source file's limit if None. Raises Refused when it is too large,
        not a plain file, or damaged.
        """
        ...


def is_notebook(name: str) -> bool:
    """Whether a file is called as notebooks are. What one printed may repeat a line by the megabyte."""
    return name.casefold().endswith(".ipynb")


def not_a_file(entry: Entry) -> str:
    """The sentence about an entry that should be a plain file and is something else."""
    return f"{shown_path(entry.path)} {_WHAT_IT_IS[entry.kind]}; hand in the file or folder itself."


def too_many(name: str, limits: IntakeLimits) -> str:
    return f"{name} holds more than {limits.entries:,} files; hand in only the folder with your code."


def too_large(place: str, most: int) -> str:
    return f"{place} is larger than {most:,} bytes, too large for what it must be; take data out of it."


def reason(error: Exception) -> str:
    """Why the operating system said no, for the middle of a sentence."""
    return shown((getattr(error, "strerror", None) or type(error).__name__).lower())
