"""Names in a zip whose encoding is not said: by its standard they are CP437, by the custom of systems what the computer speaks.

It matters for more than looks: in Shift-JIS, GBK, Big5 and CP949 the second byte of a letter may be the one of a backslash, which reads
as one more folder.
"""

import zipfile
from collections.abc import Sequence

_SAYS_UTF8 = 0x800  # flag of an entry
_CANDIDATES = ("cp932", "cp949", "gb18030", "big5")
_MOST_LOOKED_AT = 2_000  # different names


def archive_names(records: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The names of the entries, as whoever packed them meant them."""
    raw = [_raw(record) for record in records]
    encoding = _encoding([name for name in raw if name is not None])
    return [
        record.orig_filename if name is None else name.decode(encoding, "surrogateescape") for record, name in zip(records, raw)
    ]


def _raw(record: zipfile.ZipInfo) -> bytes | None:
    """The bytes of a name of unknown encoding; None where the name is ASCII, or says that it is UTF-8."""
    if record.flag_bits & _SAYS_UTF8 or record.orig_filename.isascii():
        return None
    try:
        return record.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return None


def _encoding(names: Sequence[bytes]) -> str:
    """The encoding in which all names are text, and most like names. CP437 decodes everything."""
    looked_at = sorted(set(names))[:_MOST_LOOKED_AT]
    if all(_decoded(name, "utf-8") is not None for name in looked_at):
        return "utf-8"
    scores = {encoding: _likeness(looked_at, encoding) for encoding in _CANDIDATES}
    best = max(_CANDIDATES, key=lambda encoding: scores[encoding])
    return best if scores[best] > 0.5 else "cp437"


def _decoded(name: bytes, encoding: str) -> str | None:
    try:
        return name.decode(encoding)
    except UnicodeDecodeError:
        return None


def _likeness(names: Sequence[bytes], encoding: str) -> float:
    """The part of the letters beyond ASCII that are common in names of this encoding; 0 where a name is no text in it."""
    letters = common = 0
    for name in names:
        text = _decoded(name, encoding)
        if text is None:
            return 0.0
        beyond = [sign for sign in text if not sign.isascii()]
        letters += len(beyond)
        common += sum(_is_common(sign, encoding) for sign in beyond)
    return common / max(1, letters)


def _is_common(sign: str, encoding: str) -> bool:
    """Kana and the first level of kanji; Hangul; the first level of hanzi: what the standard of each language lists first."""
    code = sign.encode(encoding)
    match encoding:
        case "cp932":
            return "\u3041" <= sign <= "\u30fe" or (len(code) == 2 and 0x88 <= code[0] <= 0x97)
        case "cp949":
            return len(code) == 2 and 0xB0 <= code[0] <= 0xC8 and code[1] >= 0xA1
        case "gb18030":
            return len(code) == 2 and 0xB0 <= code[0] <= 0xD7 and code[1] >= 0xA1
        case _:
            return len(code) == 2 and 0xA4 <= code[0] <= 0xC6
