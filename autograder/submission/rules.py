"""What may come in: the limits, the names that are refused, and how a name of unknown origin is shown to a reader."""

import re
import unicodedata
from dataclasses import dataclass

from autograder.errors import UserError


class Refused(UserError):
    """The submission cannot be judged as it is. The message is one sentence: what is wrong and what to do."""


class TooLarge(Refused):
    """A file has more bytes than one of its kind may have."""


@dataclass(frozen=True)
class IntakeLimits:
    """Caps on what is read, counted on bytes that were really read: what an archive says of itself is not believed.

    Clutter (plots, data, notebooks) is listed and never read, so its size does not matter.
    """

    entries: int = 50_000  # files and folders, clutter and downloaded data included
    listing_bytes: int = 8_000_000  # the table of contents of a zip
    depth: int = 4  # the work may lie this many folders down
    name_length: int = 255  # characters in one file or folder name
    path_length: int = 1024  # characters in a path
    file_bytes: int = 1_000_000  # one source file
    file_tokens: int = 100_000  # words and signs in one source file; parsed, each takes about 1 kB of memory
    total_bytes: int = 4_000_000  # all source files together
    total_tokens: int = 300_000
    files: int = 200  # source files
    ratio: int = 200  # unpacked to packed size, for files over 64 kB; real source code stays under 20
    candidates: int = 40  # folders that hold files of the assignment
    images: int = 2_000  # files in the folder of samples
    notebook_bytes: int = 100_000_000  # one notebook that is the submission, its outputs included
    images_bytes: int = 64_000_000  # all of them together; one of them as a source file
    checkpoint_bytes: int = 400_000_000


_LONGEST_NAME = 255
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.I)  # device names on Windows
_MADE_BY_SYSTEMS = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"}
_MADE_BY_TOOLS = {"__pycache__", "node_modules", "wandb", "mlruns"}
_ENVIRONMENTS = {"venv", "env", "virtualenv", "site-packages", "dist-packages"}


def shown(text: str, limit: int = 80) -> str:
    """`text` made safe to print: control, invisible and reordering characters as escapes, a long one cut."""
    if len(text) > 4 * limit:
        text = text[: 2 * limit] + "…" + text[-2 * limit :]
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)
    return safe if len(safe) <= limit else f"{safe[: limit // 2]}…{safe[-(limit // 2 - 1) :]}"


def shown_path(parts: tuple[str, ...], limit: int = 80) -> str:
    return shown("/".join(parts), limit)


def listed(names: list[str], most: int = 4, joint: str = "and") -> str:
    """ "a", "a and b", "a, b and c", "a, b, c, d and 7 more". Names of unknown origin must be `shown` before."""
    if len(names) > most:
        names, joint = [*names[:most], f"{len(names) - most:,} more"], "and"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {joint} {names[-1]}"


def leads_astray(name: str) -> str | None:
    """Why a zip entry of this name is never acceptable, clutter or not: it points outside the zip. None if it may be.

    A backslash counts as a slash, as some Windows tools write it: so a ".." that hides behind backslashes is found, and
    an honest zip of such a tool works.
    """
    if "\0" in name:
        return "contains a NUL character"
    path = name.replace("\\", "/")
    if path.startswith("/"):
        return "begins at the root of the disk"
    if re.match(r"[A-Za-z]:", path):
        return "begins with a drive letter"
    if ".." in path.split("/"):
        return 'leads out of the zip with ".."'
    return None


def split_name(name: str) -> tuple[str, ...]:
    """The parts of a zip entry's name: "./task1//ddpm.py" is ("task1", "ddpm.py")."""
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def is_troublesome(path: tuple[str, ...], limits: IntakeLimits) -> str | None:
    """Why a file that would be judged may not lie at this path. None when it may."""
    if sum(map(len, path)) + len(path) > limits.path_length or any(len(part) > limits.name_length for part in path):
        return "has a name that is too long"
    for part in path:
        if any(unicodedata.category(c) == "Cc" for c in part):
            return "has control characters in its name"
        if is_reserved(part):
            return f"has a name that Windows reserves ({shown(part, 40)})"
    return None


def is_reserved(name: str) -> bool:
    """Whether Windows takes this file or folder name for a device, with or without a suffix."""
    return _RESERVED.fullmatch(name.partition(".")[0].rstrip(" ")) is not None


def is_left_by_system(name: str) -> bool:
    """Whether a file or folder of this name is nobody's work: hidden, or left beside it by macOS or Windows. Not worth a word."""
    return name.startswith(".") or name.casefold() in _MADE_BY_SYSTEMS


def is_clutter(path: tuple[str, ...]) -> bool:
    """Whether this path is left by a system, or lies in a folder that tools make: `__pycache__`, `.git`, a virtual environment."""
    return any(
        is_left_by_system(part) or part.casefold() in _MADE_BY_TOOLS or part.casefold() in _ENVIRONMENTS
        for part in path
    )


def folded(name: str) -> str:
    """Names with the same folded form are one file on some computers: they differ in case or in Unicode form only."""
    if len(name) > _LONGEST_NAME:
        return name  # no file system has it, and normalising it may take long
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
