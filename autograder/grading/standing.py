"""What the checks so far say of a submission's regions: which are wrong, which show no work, and so what the next check may build on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autograder.grading.diagnosis import region_name
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement
from autograder.grading.work import behaviour_regions, regions_without_work
from autograder.manifest import Manifest


@dataclass
class Standing:
    """`untouched`: regions that hold nothing of the student's; `shares`: see prepare.Prepared; `judged` grows in the order of the rubric."""

    manifest: Manifest
    rule: str  # of the profile
    untouched: frozenset[str]
    shares: Mapping[str, float]
    judged: list[tuple[Check, Judgement]] = field(default_factory=list)

    def of(self, region: str) -> list[tuple[Check, Judgement]]:
        return [(check, judgement) for check, judgement in self.judged if check.mark.region == region]

    def names(self, region: str) -> list[str]:
        """The manifest's names of a region: "SimpleNet" is two functions."""
        names = {name for task in self.manifest.tasks for name in task.regions}
        return sorted(name for name in names if region_name(name) == region)

    def wrong(self) -> frozenset[str]:
        """Regions in which a check has failed. With the tiers of an original course nothing is carried forward."""
        if self.rule == "tiers":
            return frozenset()
        return frozenset(
            check.mark.region for check, judgement in self.judged if judgement.status in ("failed", "broken")
        )

    def without_work(self) -> frozenset[str]:
        """The wrong regions that show no work of their own."""
        wrong = behaviour_regions(self.manifest, self.judged) & self.wrong()
        return regions_without_work(self.judged, wrong, self.share_of_operations)

    def shows_no_work(self, region: str) -> bool:
        """Of a region whose checks have all been judged."""
        return bool(regions_without_work(self.of(region), [region], self.share_of_operations))

    def undone(self) -> frozenset[str]:
        """Regions without work of the student's. What was judged and found right is done, however it looks."""
        return self.untouched - (behaviour_regions(self.manifest, self.judged) - self.wrong())

    def share_of_operations(self, region: str) -> float:
        """How much of the solution's code a region has; 0 where its file is not there."""
        return 0.0 if region in self.untouched else self.shares.get(region, 0.0)
