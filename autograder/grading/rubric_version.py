"""What a grade depends on beside the submission and the secret: one hash over the files that decide it."""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from autograder.manifest import load_manifest
from autograder.places import REPOSITORY, inside

SHARED = ("autograder/grading", "autograder/judges", "autograder/oracles", "autograder/sandbox", "autograder/submission", "fid")
FILES = ("autograder/manifest.py", "autograder/markers.py")


@cache
def rubric_version(assignment: str) -> str:
    """SHA-256, hexadecimal, over the names and contents of checks, manifest, known mistakes, solutions, oracles and grading code."""
    manifest = load_manifest(assignment)
    folders = [manifest.home, *(manifest.home.parent / name for name in manifest.checks_from), manifest.solution]
    total = hashlib.sha256(b"rubric-1")
    for path in sorted(
        {*_files(folders), *_files(REPOSITORY / name for name in SHARED), *(REPOSITORY / name for name in FILES)}
    ):
        for part in (inside(path).encode(), path.read_bytes()):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def _files(folders: Iterator[Path] | list[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
