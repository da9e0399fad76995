"""Why a check cannot tell anything of the student's work: its file is missing, cannot be imported, or its region is not done."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from autograder.grading.rubric import Check
from autograder.grading.runner import Judgement
from autograder.grading.standing import Standing
from autograder.regions import file_of, path_of
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
            for region in task.judged:
                if task.kind == "behaviour" and task.id == own.id and region not in check.regions:
                    continue
                if found := self._of_file(file_of(region)):
                    return found
        return None

    def _of_file(self, file: str) -> Judgement | None:
        if file in self.submission.missing:
            return Judgement("broken", f"{file} was not handed in; hand it in next to the other files.", "missing")
        if file in self.submission.syntax_errors:
            message = f"{self.submission.syntax_errors[file]} Until this is put right, nothing in {file} can run."
            return Judgement("broken", message, "SyntaxError", importing=True)
        for earlier, judgement in self.standing.judged:
            if judgement.importing and file in map(file_of, earlier.regions):
                return dataclasses.replace(judgement, seconds=0.0, printed="")
        return None

    def behind(self, check: Check, judgement: Judgement) -> str:
        """The sentence for a check that needs what is not done, or what the student's file lacks; "" where that is not the reason."""
        if judgement.status not in ("failed", "broken") or judgement.kind in ("untouched", "timed out", "died"):
            return ""
        if judgement.status == "broken" and judgement.kind in ("AttributeError", "NameError", "ImportError"):
            for file, names in self.gone.items():
                for name in names:
                    if f"'{name.rpartition('.')[2]}'" in judgement.message:
                        return self._put_back(file, name)
        return "" if judgement.importing or self.standing.untouched.isdisjoint(check.regions) else self.not_done(check)

    def not_done(self, check: Check) -> str:
        """The sentence for a check whose region holds nothing of the student's."""
        if gone := sorted(self.regions.missing & {*check.regions}):
            file, function = file_of(gone[0]), path_of(gone[0])
            owner = function.partition(".")[0]
            return self._put_back(file, owner if owner in self.gone.get(file, ()) else function)
        todo = self.standing.told(self.regions.untouched & {*check.regions})
        return f"{listed(todo)} {'is' if len(todo) == 1 else 'are'} not done yet."

    def _put_back(self, file: str, name: str) -> str:
        """`name`: "BaseScheduler", "DiffusionModule.q_sample"."""
        owner, _, function = name.rpartition(".")
        if reason := self.submission.lost.get(f"{file}:{(owner or function).partition('.')[0]}"):
            return reason
        called = f"{function} in {owner}" if function in ("__init__", "forward") else function
        return f"{self.submission.called(file)} has no {called}; put it back, with the name that it has in the handout."
