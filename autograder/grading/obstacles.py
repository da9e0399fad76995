"""Why a check cannot tell anything of the student's work: its file is missing, cannot be imported, or its region is not done."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from autograder.grading.diagnosis import region_name
from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement
from autograder.grading.standing import Standing
from autograder.submission.comparison import Regions
from autograder.submission.intake import Submission
from autograder.submission.rules import listed


@dataclass(frozen=True)
class Obstacles:
    """`gone`: by file, the handout's classes and functions that are not there."""

    submission: Submission
    regions: Regions
    gone: Mapping[str, tuple[str, ...]]
    standing: Standing

    def before(self, check: Check) -> Judgement | None:
        """A check whose file is missing, or cannot be imported, is not run: the reason is known, and it is the same for all."""
        manifest = self.standing.manifest
        own = manifest.task(check.mark.task)
        for task in (own, *map(manifest.task, own.needs)):
            for region in task.regions:
                if task.kind == "behaviour" and task.id == own.id and region_name(region) != check.mark.region:
                    continue
                if found := self._of_file(region.partition(":")[0]):
                    return found
        return None

    def _of_file(self, file: str) -> Judgement | None:
        if file in self.submission.missing:
            return Judgement("broken", f"{file} was not handed in; hand it in next to the other files.", "missing")
        if file in self.submission.syntax_errors:
            message = f"{self.submission.syntax_errors[file]} Until this is put right, nothing in {file} can run."
            return Judgement("broken", message, "SyntaxError", importing=True)
        for earlier, judgement in self.standing.judged:
            if judgement.importing and file in self._files(earlier):
                return dataclasses.replace(judgement, seconds=0.0, printed="")
        return None

    def _files(self, check: Check) -> set[str]:
        """The files of the region that a check is about."""
        task = self.standing.manifest.task(check.mark.task)
        return {name.partition(":")[0] for name in task.regions if region_name(name) == check.mark.region}

    def behind(self, region: str, judgement: Judgement) -> str:
        """The sentence for a check that needs what is not done, or what the student's file lacks; "" where that is not the reason."""
        if judgement.status not in ("failed", "broken") or judgement.kind in ("untouched", "timed out", "died"):
            return ""
        if judgement.status == "broken" and judgement.kind in ("AttributeError", "NameError", "ImportError"):
            for file, names in self.gone.items():
                for name in names:
                    if f"'{name.rpartition('.')[2]}'" in judgement.message:
                        return self._put_back(file, name)
        return "" if judgement.importing or region not in self.standing.untouched else self.not_done(region)

    def not_done(self, region: str) -> str:
        """The sentence for a region that holds nothing of the student's."""
        gone = sorted(name for name in self.regions.missing if region_name(name) == region)
        if gone:
            file, _, function = gone[0].partition(":")
            owner = function.partition(".")[0]
            return self._put_back(file, owner if owner in self.gone.get(file, ()) else function)
        todo = sorted(name.partition(":")[2] for name in self.regions.untouched if region_name(name) == region)
        return f"{listed(todo)} {'is' if len(todo) == 1 else 'are'} not done yet."

    def _put_back(self, file: str, name: str) -> str:
        """`name`: "BaseScheduler", "DiffusionModule.q_sample"."""
        owner, _, function = name.rpartition(".")
        if reason := self.submission.lost.get(f"{file}:{(owner or function).partition('.')[0]}"):
            return reason
        called = f"{function} in {owner}" if function in ("__init__", "forward") else function
        return f"{self.submission.called(file)} has no {called}; put it back, with the name that it has in the handout."
