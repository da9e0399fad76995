"""What a grade depends on beside the submission and the secret, as one hash: it changes where a grade may."""

import hashlib
from functools import cache

from autograder.grading.dependencies import decisive
from autograder.manifest import load_manifest
from autograder.places import inside


@cache
def rubric_version(assignment: str) -> str:
    """SHA-256, hexadecimal, over the names and contents of all files that decide a grade. Raises UserError where one is missing."""
    total = hashlib.sha256(b"rubric-2")
    for path in decisive(load_manifest(assignment)):
        for part in (inside(path).encode(), path.read_bytes()):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()
