"""Opening a submission, whatever it is."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.submission.archive import ZipSource
from autograder.submission.entries import Source, reason
from autograder.submission.folder import FolderSource
from autograder.submission.rules import IntakeLimits, Refused, is_left_by_system, shown


@contextmanager
def open_source(path: str | os.PathLike[str], limits: IntakeLimits) -> Iterator[Source]:
    """Open a folder or a zip. Raises Refused for anything else, and for a zip that is damaged or dangerous."""
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
        elif stat.S_ISREG(mode):
            with os.fdopen(os.dup(descriptor), "rb") as file:
                yield ZipSource(file, name, limits)
        else:
            raise Refused(f"{name} is neither a folder nor a file; give the folder or the zip file of the submission.")
    finally:
        os.close(descriptor)


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
