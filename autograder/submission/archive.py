"""A submission that is a zip file. Its table of contents is read at once, its files one by one and with a count."""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from autograder.submission.archive_names import archive_names
from autograder.submission.entries import Entry, is_notebook, not_a_file, reason, too_large, too_many
from autograder.submission.rules import IntakeLimits, Refused, TooLarge, leads_astray, shown, shown_path, split_name

# What the standard library raises on archives that are not what they say they are.
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,  # "negative seek value"; with UnicodeDecodeError
    IndexError,
    OverflowError,
    MemoryError,
    RuntimeError,  # with NotImplementedError
)
_ENCRYPTED = 0x2041  # flags: encrypted, strongly encrypted, encrypted table of contents
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others cannot be unpacked in bounded steps
_END_RECORD = b"PK\x05\x06"  # 22 bytes, and then a comment of up to 65,535
_SPLIT_MARK = b"PK\x07\x08"
_OTHER_FORMATS = (
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"\x1f\x8b", "a gzip archive (.gz, .tar.gz, .tgz)"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
)


class ZipSource:
    """An open zip file; `file` stays the caller's. Raises Refused when it is no zip, or a damaged or dangerous one."""

    def __init__(self, file: IO[bytes], name: str, limits: IntakeLimits):
        self.name, self._limits = name, limits
        _check_ends(file, name)
        self._file = _Metered(file, limits.listing_bytes)
        try:
            self._zip = zipfile.ZipFile(self._file)
        except _AllowanceUsedUp:
            raise Refused(too_many(name, limits)) from None
        except UnicodeDecodeError:
            raise Refused(f"{name} holds a file whose name is not valid text; rename it and zip again.") from None
        except _FAULTS:
            raise Refused(f"{name} is a damaged zip file; make it again and check that it opens.") from None
        records = self._zip.filelist
        if not records:
            raise Refused(f"{name} is an empty zip file; zip the folder with your work and hand that in.")
        if len(records) > limits.entries:
            raise Refused(too_many(name, limits))
        if any(record.volume for record in records):
            raise Refused(_split(name))
        self._names = archive_names(records)
        self.entries = sorted(self._list(records), key=lambda entry: entry.path)

    def _list(self, records: list[zipfile.ZipInfo]) -> Iterator[Entry]:
        for record, original in zip(records, self._names):
            if danger := leads_astray(original):
                entry = f"an entry named {shown(original)}, which {danger}"
                raise Refused(f"{self.name} holds {entry}; zip only the folder with your work.")
            path = split_name(original)
            mode = record.external_attr >> 16
            if not path or stat.S_ISDIR(mode):
                continue
            if stat.S_ISLNK(mode):
                yield Entry(path, "link", record)
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                yield Entry(path, "special", record)
            elif not original.endswith(("/", "\\")):
                yield Entry(path, "file", record)

    def read(self, entry: Entry, most: int | None = None) -> bytes:
        """The content of a file.

        Raises Refused when it is too large, packed too tightly or strangely, encrypted, damaged, or not a plain file.
        """
        record: zipfile.ZipInfo = entry.record
        place, limits = f"{shown_path(entry.path)} in {self.name}", self._limits
        most = most or limits.file_bytes
        if entry.kind != "file":
            raise Refused(not_a_file(entry))
        if record.flag_bits & _ENCRYPTED:
            raise Refused(f"{place} is encrypted; make a zip without a password.")
        if record.compress_type not in _METHODS:
            method = f"a method that is not read here (number {record.compress_type})"
            raise Refused(f"{place} is packed with {method}; make an ordinary zip, without special settings.")
        self._file.used, self._file.allowance = 0, most + 200_000
        chunks: list[bytes] = []
        size = 0
        try:
            with self._zip.open(record) as file:
                while chunk := file.read(65536):
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > most:
                        raise TooLarge(too_large(place, most))
                    if size > 65536 and size > limits.ratio * self._file.used and not is_notebook(entry.name):
                        blown_up = f"unpacks to more than {limits.ratio} times its size, as no source code does"
                        raise Refused(f"{place} {blown_up}; hand in your own source file.")
        except _AllowanceUsedUp:
            raise TooLarge(too_large(place, most)) from None
        except _FAULTS:
            raise Refused(f"{place} is damaged; make the zip again and check that it opens.") from None
        if size != record.file_size:
            raise Refused(f"{place} is damaged: it is shorter than the zip says; make the zip again.")
        return b"".join(chunks)


class _AllowanceUsedUp(Exception):
    pass


class _Metered:
    """A file that counts what is read from it, and stops at an allowance."""

    def __init__(self, file: IO[bytes], allowance: int):
        self._file, self.allowance, self.used = file, allowance, 0
        self.seek, self.tell, self.seekable, self.close = file.seek, file.tell, file.seekable, file.close

    def read(self, size: int = -1) -> bytes:
        left = self.allowance - self.used + 1
        data = self._file.read(left if size < 0 else min(size, left))
        self.used += len(data)
        if self.used > self.allowance:
            raise _AllowanceUsedUp
        return data

    def __getattr__(self, name: str) -> Any:  # what else a file object has
        return getattr(self._file, name)


def _check_ends(file: IO[bytes], name: str) -> None:
    """Refuse, by first and last bytes, what is no zip, a part of one, or cut off. Leaves `file` at its start."""
    try:
        head = file.read(512)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 22 - 65_535))
        tail = file.read(22 + 65_535)
        file.seek(0)
    except OSError as error:
        raise Refused(f"{name} cannot be read ({reason(error)}); copy it again.") from None
    instead = "hand in a zip of the folder with your work, or the folder itself"
    if not head:
        raise Refused(f"{name} is an empty file; {instead}.")
    for offset, magic, what in _OTHER_FORMATS:
        if head.startswith(magic, offset):
            raise Refused(f"{name} is {what}, which is not read here; {instead}.")
    if name.lower().endswith((".py", ".ipynb")) and not head.startswith(b"PK"):
        raise Refused(f"{name} is a single file; hand in the folder that it lies in, or a zip of that folder.")
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise Refused(f"{name} is a web page and not a zip file (perhaps a login page); download it again.")
    end = tail.rfind(_END_RECORD)
    if head.startswith(_SPLIT_MARK):
        raise Refused(_split(name))
    if end < 0 and head.startswith(b"PK"):
        raise Refused(f"{name} is cut off: the end of the zip file is missing; copy or upload it again.")
    if end < 0:
        raise Refused(f"{name} is not a zip file; {instead}.")
    disks = struct.unpack_from("<HH", tail.ljust(end + 22, b"\0"), end + 4)  # this one; the one where the table begins
    if any(number not in (0, 0xFFFF) for number in disks):  # 0xFFFF: zip64 says it elsewhere
        raise Refused(_split(name))


def _split(name: str) -> str:
    return f"{name} is one part of a zip that was split over several files; make a single zip."
