"""What the name of a file says: whose it is, whether it is a copy, and who else it may be taken for."""

import re
import unicodedata

from autograder.kit.names import read_stem, tidy

# "work (1)" (browsers), "work copy 2" (macOS), "work - Copy (2)" (Windows), "work_v2" (people), and "work-1" (Canvas)
_COPY = re.compile(r"(?: ?\((\d{1,3})\)| copy(?: (\d{1,3}))?| - copy(?: \((\d{1,3})\))?|[-_]copy|[-_ ]v(\d{1,3}))\Z", re.I)
_DASH = re.compile(r"-(\d{1,3})\Z")


def name_and_id(stem: str) -> tuple[str, str]:
    """What "Ada Lovelace_20241234" says: ("Ada Lovelace", "20241234"); the identifier is "" where there is none."""
    return read_stem(stem) or (tidy(stem), "")


def without_copy_mark(stem: str, is_file: bool = True) -> tuple[str, int]:
    """The name before marks of a copy, and the number of the copy: "ddpm (1)" → ("ddpm", 1), "ddpm" → ("ddpm", 0).

    `is_file`: a dash and a number are such a mark, and no part of an identifier.
    """
    number = 0
    for _ in range(3):
        match = _COPY.search(stem) or (_DASH.search(stem) if is_file else None)
        if match is None or match.start() == 0:
            break
        number = max(number, int(next((digits for digits in match.groups() if digits), 1)))
        stem = stem[: match.start()]
    return stem, number


def looks_like(name: str) -> str:
    """Equal for names that a reader may take for each other: they differ in case, space, Unicode form or in what is not seen."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join("".join(c for c in plain if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs")).split())


def exactly(name: str) -> str:
    """A name of a file as text that can be stored and shown, different for different names, with what is no text as \\xff."""
    raw = name.replace("\\", "\\\\").encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace")
