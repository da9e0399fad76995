"""The code of a submission's TODO regions as text. It is read and parsed, never run; whatever is wrong with it, the answer is less code."""

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autograder.errors import UserError
from autograder.manifest import Manifest
from autograder.markers import derive_handout
from autograder.submission.bounded import bounded
from autograder.submission.comparison import region_lines
from autograder.submission.intake import read_submission
from autograder.submission.python_text import NotPython, decode

MOST_CHARACTERS = 20_000  # of one submission's regions; the solution has 3,000
MOST_LINE = 500  # characters of a line
MOST_EARLIER = 5_000  # submissions of earlier years


@dataclass(frozen=True)
class Region:
    name: str  # "ddpm.py:DiffusionModule.q_sample"
    lines: tuple[str, ...]  # of the function, from `def` on, without blank ones at its ends


def read_regions(path: Path, manifest: Manifest) -> tuple[Region, ...] | None:
    """The regions of what lies at `path`, a folder or a zip; None where no submission can be read there."""
    code_only = dataclasses.replace(manifest, files=dataclasses.replace(manifest.files, samples=None, checkpoint=None, weights={}))
    try:
        files = read_submission(path, code_only).files
        found: tuple[Region, ...] = bounded(path.name, tuple[Region, ...], regions_of, files, manifest)
        return found
    except UserError:
        return None


def regions_of(files: dict[str, bytes], manifest: Manifest) -> tuple[Region, ...]:
    """The regions in these files, MOST_CHARACTERS in all. A file that is not Python, or nested too deeply, has none."""
    found, left = [], MOST_CHARACTERS
    for name, content in [(name, files[name]) for name in manifest.files.todo if name in files]:
        try:
            text, _ = decode(name, content)
            spans = region_lines(manifest, name, content)
        except (NotPython, RecursionError):
            continue
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for path, (first, last) in spans.items():
            kept = []
            for line in lines[first - 1 : last]:
                if left > 0:
                    kept.append(line[: min(MOST_LINE, left)].rstrip())
                    left -= len(line) + 1
            if kept:
                found.append(Region(f"{name}:{path}", tuple(kept)))
    return tuple(found)


@cache
def handout_regions(manifest_id: str) -> tuple[Region, ...]:
    """What every student was given."""
    from autograder.manifest import load_manifest

    manifest = load_manifest(manifest_id)
    texts = {name: (manifest.solution / name).read_text(encoding="utf-8") for name in manifest.files.todo}
    return regions_of({name: derive_handout(text, name).encode() for name, text in texts.items()}, manifest)


def earlier_submissions(folder: Path, manifest: Manifest) -> Iterator[tuple[str, tuple[Region, ...]]]:
    """(name, regions) of the submissions in a folder, or in folders in it, one for each year.

    Raises UserError where the folder cannot be read.
    """
    for path in _children(folder)[:MOST_EARLIER]:
        regions = read_regions(path, manifest)
        if regions is not None:
            yield path.name, regions
        elif path.is_dir() and not path.is_symlink():
            for inner in _children(path)[:MOST_EARLIER]:
                if regions := read_regions(inner, manifest):
                    yield f"{path.name}/{inner.name}", regions


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(
            f"The folder of earlier submissions, {folder}, cannot be read ({error.strerror}); check the path."
        ) from error
