"""A submission that is a folder, walked and read through descriptors, so that nothing outside it is ever opened."""

import os
import stat
from collections.abc import Iterator

from autograder.submission.entries import Entry, Kind, not_a_file, reason, too_large, too_many
from autograder.submission.rules import IntakeLimits, Refused, TooLarge, is_clutter, shown_path

# O_NOFOLLOW refuses a link at each step; O_NONBLOCK keeps a FIFO without a writer from holding us for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = _FILE | os.O_DIRECTORY


class FolderSource:
    """An open folder. `descriptor` stays the caller's to close. Raises Refused when it holds too much."""

    def __init__(self, descriptor: int, name: str, limits: IntakeLimits):
        self.name, self._descriptor, self._limits = name, descriptor, limits
        self._seen = 0
        try:
            self.entries = sorted(self._walk(descriptor, ()), key=lambda entry: entry.path)
        except OSError as error:
            raise Refused(f"{name} cannot be read ({reason(error)}); copy it again.") from None

    def _walk(self, descriptor: int, path: tuple[str, ...]) -> Iterator[Entry]:
        """Everything but the insides of clutter and of folders that lie too deep."""
        with os.scandir(descriptor) as items:
            for item in items:
                self._seen += 1
                if self._seen > self._limits.entries:
                    raise Refused(too_many(self.name, self._limits))
                here = (*path, item.name)
                try:
                    mode = item.stat(follow_symlinks=False).st_mode
                except OSError:
                    continue  # gone since it was listed
                if not stat.S_ISDIR(mode):
                    kind: Kind = "file" if stat.S_ISREG(mode) else "link" if stat.S_ISLNK(mode) else "special"
                    yield Entry(here, kind)
                elif not is_clutter((item.name,)) and len(here) <= self._limits.depth + 1:
                    try:
                        inner = os.open(item.name, _FOLDER, dir_fd=descriptor)
                    except OSError:
                        yield Entry(here, "closed")
                        continue
                    try:
                        yield from self._walk(inner, here)
                    finally:
                        os.close(inner)

    def read(self, entry: Entry, most: int | None = None) -> bytes:
        """The content of a file. Raises Refused when it is too large, not a plain file, or cannot be read."""
        place, most = shown_path(entry.path), most or self._limits.file_bytes
        if entry.kind != "file":
            raise Refused(not_a_file(entry))
        opened: list[int] = []
        try:
            parent = self._descriptor
            for part in entry.folder:
                parent = os.open(part, _FOLDER, dir_fd=parent)
                opened.append(parent)
            file = os.open(entry.name, _FILE, dir_fd=parent)
            opened.append(file)
            if not stat.S_ISREG(os.fstat(file).st_mode):  # it was one when it was listed
                raise Refused(not_a_file(Entry(entry.path, "special")))
            chunks: list[bytes] = []
            size = 0
            while chunk := os.read(file, 65536):
                chunks.append(chunk)
                size += len(chunk)
                if size > most:
                    raise TooLarge(too_large(place, most))
            return b"".join(chunks)
        except PermissionError:
            raise Refused(f"{place} may not be read; check its permissions and hand it in again.") from None
        except OSError as error:
            raise Refused(f"{place} cannot be read ({reason(error)}); hand it in as a plain file.") from None
        finally:
            for descriptor in reversed(opened):
                os.close(descriptor)
