"""Does a region show work of its own? Pure functions on what its checks have seen.

A body that does no work, such as `return xt`, passes a check here and there, and an error that is carried forward must not pay more than
a TODO that was left open. So a region earns points, and the reference stands in for it, only where it shows work, right or wrong:

1. a check has seen it: one that no body without work passes (`shows_work` in its mark), or a measurement on the way (Note.measured_work);
2. or no check could measure anything, because the code raises or answers in another form, and at least half as many operations as in the
   solution are left of it without what has no effect.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement
from autograder.submission.rules import listed
from autograder.verdict import CheckResult

ENOUGH = 0.5  # of the solution's operations
Judged = Sequence[tuple[Check, Judgement]]


def shows_work(seen: Iterable[bool | None], share: Callable[[], float]) -> bool:
    """`seen`: what each check of a region has seen; `share`: of the solution's operations, asked only where nothing could be measured."""
    known = [one for one in seen if one is not None]
    return any(known) if known else share() >= ENOUGH


def regions_without_work(judged: Judged, regions: Iterable[str], share: Callable[[str], float]) -> frozenset[str]:
    """Those of `regions` whose checks, all of them judged, have seen no work."""
    return frozenset(region for region in regions if not _shows_work(judged, region, share))


def _shows_work(judged: Judged, region: str, share: Callable[[str], float]) -> bool:
    seen = [judgement.shows_work for check, judgement in judged if check.mark.region == region]
    return shows_work(seen, lambda: share(region))


def is_last_of_region(check: Check, checks: Sequence[Check]) -> bool:
    """Whether no other check of its region comes after it."""
    return [other.id for other in checks if other.mark.region == check.mark.region][-1] == check.id


def without_points(result: CheckResult, regions: list[str]) -> CheckResult:
    """The result of a check that passed on a region without work. `regions`: its functions, "DiffusionModule.p_sample"."""
    message = (
        f"This holds, but it also holds for code that does none of the work of {listed(regions)}: its points come with the first "
        "of the other checks there that is right."
    )
    return dataclasses.replace(result, status="failed", points=0.0, message=message)


def judged_regions(judged: Judged) -> frozenset[str]:
    """The regions that were judged."""
    return frozenset(region for check, _ in judged for region in check.regions)
