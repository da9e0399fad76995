"""What must be handed in beside the code, by the manifest, and what its absence costs."""

import re
from fnmatch import fnmatchcase

from autograder.manifest import Deliverable, Manifest
from autograder.submission.intake import Submission
from autograder.verdict import Notice


def missing_deliverables(manifest: Manifest, submission: Submission) -> list[Notice]:
    """A notice with its deduction for each deliverable that is not there, and for a zip whose name is not as asked for."""
    total = manifest.total
    notices = []
    for deliverable in manifest.deliverables:
        found = count_found(deliverable, submission.listing)
        if found < deliverable.at_least:
            wanted = f"{deliverable.title} (a file like {deliverable.patterns[0]})"
            have = f"; {found} of {deliverable.at_least} found" if deliverable.at_least > 1 else ""
            sentence = f"Not handed in: {wanted}{have}. Put it next to your code and hand in again."
            notices.append(Notice("deliverable", sentence, deduction=round(deliverable.share * total, 6)))
    pattern = manifest.policy.submission_name
    if pattern and submission.is_zip and not re.fullmatch(pattern, re.sub(r"(?i)\.zip$", "", submission.name)):
        sentence = (
            f"The zip is called {submission.name}, and must be called NAME_STUDENTID.zip, such as JaneDoe_20241234.zip."
        )
        notices.append(
            Notice("deliverable", sentence, deduction=round(manifest.policy.submission_name_share * total, 6))
        )
    return notices


def count_found(deliverable: Deliverable, listing: tuple[str, ...]) -> int:
    """How many files match one of the patterns, with whatever folders before it."""
    patterns = [pattern.casefold() for pattern in deliverable.patterns]
    return sum(
        any(
            fnmatchcase(path.casefold(), pattern) or fnmatchcase(path.casefold(), f"*/{pattern}")
            for pattern in patterns
        )
        for path in listing
    )
