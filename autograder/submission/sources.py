"""Opening a submission, whatever it is."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.submission.archive import ZipSource
from autograder.submission.entries import Entry, Source, is_notebook, reason, too_large
from autograder.submission.folder import FolderSource
from autograder.submission.rules import IntakeLimits, Refused, TooLarge, is_left_by_system, shown


@contextmanager
def open_source(path: str | os.PathLike[str], limits: IntakeLimits, notebooks: bool = False) -> Iterator[Source]:
    """Open a folder, a zip or, where `notebooks` may be handed in, one of these. Raises Refused for anything else, and for a zip that
    is damaged or dangerous.
    """
    location = Path(os.fsdecode(path))  # drops a slash at the end, which would follow a link
    name = shown(Path(os.path.abspath(location)).name or str(location))
    try:
        if stat.S_ISLNK(os.lstat(location).st_mode):
            raise Refused(f"{name} is a link; give the folder or the zip file that it points to.")
        descriptor = os.open(location, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Refused(f"There is no file or folder {name}; check the path.") from None
    except PermissionError:
        raise Refused(f"{name} may not be opened; check its permissions.") from None
    except (OSError, ValueError) as error:
        raise Refused(f"{name} cannot be opened ({reason(error)}); check the path.") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            yield FolderSource(descriptor, name, limits)
        elif stat.S_ISREG(mode) and notebooks and is_notebook(location.name):
            yield OneFile(descriptor, name, location.name, limits)
        elif stat.S_ISREG(mode):
            with os.fdopen(os.dup(descriptor), "rb") as file:
                yield ZipSource(file, name, limits)
        else:
            raise Refused(f"{name} is neither a folder nor a file; give the folder or the zip file of the submission.")
    finally:
        os.close(descriptor)


class OneFile:
    """A single file that is the whole submission. `descriptor` stays the caller's to close."""

    def __init__(self, descriptor: int, name: str, file: str, limits: IntakeLimits):
        self.name, self._descriptor, self._limits = name, descriptor, limits
        self.entries = [Entry((file,))]

    def read(self, entry: Entry, most: int | None = None) -> bytes:
        most = most or self._limits.file_bytes
        try:
            with os.fdopen(os.dup(self._descriptor), "rb") as file:
                file.seek(0)
                content = file.read(most + 1)
        except OSError as error:
            raise Refused(f"{self.name} cannot be read ({reason(error)}); copy it again.") from None
        if len(content) > most:
            raise TooLarge(too_large(self.name, most))
        return content


def only_zip(path: Path) -> Path:
    """The zip in a folder that holds nothing else, what systems leave aside; else the path itself."""
    if not path.is_dir() or path.is_symlink():
        return path
    try:
        inside = [entry for entry in path.iterdir() if not is_left_by_system(entry.name)]
    except OSError:
        return path  # whoever reads it says why
    if len(inside) != 1 or inside[0].is_symlink():
        return path
    return inside[0] if inside[0].is_file() and inside[0].suffix.lower() == ".zip" else path
