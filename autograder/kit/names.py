"""The rule for names and identifiers: `pack` writes {NAME}_{ID}.zip by it, and a class is read by it.

It stands in the kit, which students have, and uses Python alone; the grader imports it from here. A name is compared in one Unicode
form (NFC), without regard to case and to how much space is in it; an e-mail address and an identifier without regard to case.
"""

import re
import unicodedata

# Digits, with letters or hyphens; what people and systems write behind the name of a copy ("v2", "-v2", "-copy") is none.
ID = r"(?!(?:[0-9A-Za-z-]*-)?[vV][0-9]{1,3}(?![0-9A-Za-z-])|[0-9A-Za-z-]*-[cC][oO][pP][yY](?![0-9A-Za-z-]))[0-9A-Za-z-]*[0-9][0-9A-Za-z-]*"
MOST_NAME, MOST_ID = 80, 40  # characters
MOST_BYTES = 240  # of the whole name of a file; systems take 255
MOST_MARKS = 4  # accents on one letter

_COPY = re.compile(
    r"( ?\([0-9]{1,3}\)| - [Cc]opy| copy( [0-9]{1,3})?|_[vV][0-9]{1,2})\Z"
)  # "work (1)", "work - Copy", "work_v2"
_ID_AT_END = re.compile(rf"(?P<name>.+)_(?P<id>{ID})\Z", re.DOTALL)


def tidy(text: str) -> str:
    """`text` in NFC, its runs of white space made one space each, none at the ends: "김철수" is one text, whatever system wrote it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def problem_of(name: str, identifier: str) -> str:
    """Why {name}_{identifier}.zip is no name for a file, in a sentence that says what to do; "" when it is one, both made tidy."""
    bad = sorted(
        {c for c in name.strip() if c in '\\/:*?"<>|' or not (c.isprintable() or unicodedata.category(c) == "Zs")}
    )
    name, identifier = tidy(name), tidy(identifier)
    if bad:
        return f"The name {name[:80]!r} holds {' '.join(map(repr, bad))}, which a file name cannot; leave it out."
    if not name or name.startswith((".", "-", "_")) or name.endswith((".", "_")) or "__" in name:
        return f"The name {name[:80]!r} cannot begin a file name; give it like JaneDoe, with --name."
    if len(name) > MOST_NAME or len(f"{name}_{identifier}.zip".encode()) > MOST_BYTES or _too_many_marks(name):
        return f"The name {name[:80]!r} is too long for a file name; give a shorter one, with --name."
    if not re.fullmatch(ID, identifier) or len(identifier) > MOST_ID:
        return f"The ID {identifier[:80]!r} must be digits, with letters or hyphens at most, and not end like a copy (v2); give it with --id."
    return ""


def _too_many_marks(name: str) -> bool:
    marks = "".join("m" if unicodedata.category(c) in ("Mn", "Me") else " " for c in name)
    return "m" * (MOST_MARKS + 1) in marks


def stem_of(name: str, identifier: str) -> str:
    """The name of the zip, without ".zip"."""
    return f"{tidy(name)}_{tidy(identifier)}"


def read_stem(stem: str) -> tuple[str, str] | None:
    """(name, identifier) of a zip called as `stem_of` says, also of a copy of it; None for any other name."""
    stem = tidy(stem)
    while shorter := _COPY.sub("", stem):
        if shorter == stem:
            break
        stem = shorter
    match = _ID_AT_END.match(stem)
    return (match["name"], match["id"]) if match else None


# When two are the same


def same_name(text: str) -> str:
    """What two writings of one name have in common: equal for "JOSÉ  García" and "José García", however the accents are encoded."""
    return tidy(tidy(text).casefold())


def same_email(text: str) -> str:
    return tidy(text).casefold()


def same_id(text: str) -> str:
    return tidy(text).casefold()


def words_of(name: str) -> list[str]:
    """The words of a name, for comparison: letters, their marks and digits. "Lovelace, Ada" → ["lovelace", "ada"]."""
    kept = "".join(
        c if unicodedata.category(c)[0] in "LMN" else " " for c in same_name(name).replace("'", "").replace("’", "")
    )
    return kept.split()


def written_together(name: str) -> str:
    """A name as platforms and students put it into the name of a file: "Lovelace, Ada" → "lovelaceada"."""
    return "".join(words_of(name))


def ways_to_write(name: str) -> set[str]:
    """All that `written_together` may be of this name: its words in order, begun at any of them, since family names stand first or last."""
    words = words_of(name)
    return {"".join(words[k:] + words[:k]) for k in range(len(words))}
