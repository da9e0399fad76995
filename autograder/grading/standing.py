"""What the checks so far say of a submission's regions: which are wrong, which show no work, and so what the next check may build on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement
from autograder.grading.work import judged_regions, regions_without_work
from autograder.manifest import Manifest
from autograder.regions import parts_of, told


@dataclass
class Standing:
    """`untouched`: regions that hold nothing of the student's; `shares`: see prepare.Prepared; `judged` grows in the order of the rubric."""

    manifest: Manifest
    rule: str  # of the profile
    untouched: frozenset[str]
    shares: Mapping[str, float]
    judged: list[tuple[Check, Judgement]] = field(default_factory=list)

    def of(self, region: str) -> list[tuple[Check, Judgement]]:
        """`region`: as checks of the rubric have it."""
        return [(check, judgement) for check, judgement in self.judged if check.mark.region == region]

    def told(self, regions: Iterable[str]) -> list[str]:
        """What students read for these regions: functions, with their files where one name stands in two."""
        return [told(region, self.manifest.regions) for region in sorted(regions)]

    def wrong(self) -> frozenset[str]:
        """Regions in which a check has failed. With the tiers of an original course nothing is carried forward."""
        if self.rule == "tiers":
            return frozenset()
        return frozenset(region for check, judgement in self.judged if _is_lost(judgement) for region in check.regions)

    def proved(self) -> frozenset[str]:
        """Regions of which every check was judged in this run, and passed."""
        missed = {region for check, judgement in self.judged if judgement.status != "passed" for region in check.regions}
        return judged_regions(self.judged) - missed

    def without_work(self) -> frozenset[str]:
        """The wrong regions that show no work of their own."""
        failed = {check.mark.region for check, judgement in self.judged if check.regions and _is_lost(judgement)}
        idle = regions_without_work(self.judged, failed, self.share_of_operations)
        return self.wrong() & {region for check, _ in self.judged if check.mark.region in idle for region in check.regions}

    def shows_no_work(self, region: str) -> bool:
        """Of a region whose checks have all been judged."""
        return bool(regions_without_work(self.of(region), [region], self.share_of_operations))

    def undone(self) -> frozenset[str]:
        """Regions without work of the student's. What was judged and found right is done, however it looks."""
        return self.untouched - (judged_regions(self.judged) - self.wrong())

    def share_of_operations(self, region: str) -> float:
        """How much of the solution's code a region has; 0 where it is not done, or its file is not there."""
        undone = not self.untouched.isdisjoint(parts_of(region, self.manifest.regions))
        return 0.0 if undone else self.shares.get(region, 0.0)


def _is_lost(judgement: Judgement) -> bool:
    return judgement.status in ("failed", "broken")
