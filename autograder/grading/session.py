"""Grade one submission: from files to a verdict that is true at every moment."""

import contextlib
import dataclasses
import importlib
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from autograder import __version__
from autograder.errors import UserError
from autograder.grading import harness
from autograder.grading.context import OutcomeContext
from autograder.grading.diagnosis import Diagnosis, Probe, region_name
from autograder.grading.mutants import solution_files
from autograder.grading.prepare import Prepared, prepare
from autograder.grading.rubric import Check, judged_checks
from autograder.grading.runner import Judgement, run_check, to_result
from autograder.grading.seeds import commitment
from autograder.grading.work import behaviour_regions, is_last_of_region, regions_without_work, without_points
from autograder.manifest import Manifest, Task
from autograder.sandbox import machine
from autograder.sandbox.clock import Clock
from autograder.sandbox.lane import Lane
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Student
from autograder.submission.bounded import bounded
from autograder.submission.intake import Submission
from autograder.submission.rules import listed
from autograder.verdict import CheckResult, Figure, Notice, Verdict

ODD_VALUES = (
    "This check cannot go on with a value that your code returned, or called the network with, although it can with the solution's. "
    "Look at the types and shapes of these values; staff can read more."
)

Observer = Callable[
    [Verdict, str | None, tuple[str, int, int] | None], None
]  # verdict, running check, (what, done, total)


@dataclass(frozen=True)
class Options:
    """How to grade. `task`: only this one. `hints`: overrides the manifest's policy."""

    profile: str | None = None
    task: str | None = None
    train: bool = True
    hints: str | None = None


@dataclass
class Grading:
    """One submission being judged. `run` returns the verdict; `verdict` is what is known so far."""

    manifest: Manifest
    submission: Submission
    options: Options
    sandbox: Sandbox
    secret: bytes
    observe: Observer = lambda verdict, running, progress: None
    judged: list[tuple[Check, Judgement]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    diagnoses: dict[str, Diagnosis] = field(default_factory=dict)  # by region

    def __post_init__(self) -> None:
        self.profile = self.manifest.profile(self.options.profile)
        if self.options.task is not None:
            self.manifest.task(self.options.task)
        self.checks = judged_checks(self.manifest, self.profile)
        prepared: Prepared = bounded(self.submission.name, Prepared, prepare, self.manifest, _code_of(self.submission))
        self.files, notices = prepared.files, prepared.notices
        whole = self.options.train and self.options.task is None
        self.notices = tuple(
            n if whole or n.kind != "deliverable" else dataclasses.replace(n, deduction=0.0) for n in notices
        )
        self.regions = prepared.regions
        self.untouched = frozenset(map(region_name, self.regions.untouched | self.regions.missing))
        self.gone, self.shares = prepared.gone, prepared.shares
        self.lane: Lane | None = None
        self.student: Student | None = None
        self.outcome: Any = None
        self.progress: tuple[str, int, int] | None = None
        self.started = time.monotonic()
        self.spent: dict[str, float] = {}  # seconds, by the checks of each task
        self.verdict = self._empty_verdict()

    def run(self) -> Verdict:
        """Judge everything that the options ask for. Ctrl-C ends the run and leaves what is finished."""
        self.observe(self.verdict, None, None)
        self.sandbox.most_used = 0
        self.sandbox.clock = Clock.start("grading may take", self.manifest.limits.seconds_per_submission)
        state = "complete"
        try:
            with self.sandbox.lane() as self.lane:
                self.student = Student(self.lane, self.files, self.manifest.limits)
                self._start_outcome()
                if not harness.run(self.manifest, self.checks, self._judge):
                    state = "interrupted"
                self.student.fresh()
                self.lane.clocks, self.sandbox.clock = (), None
                if state == "complete":
                    self._explain()
        except KeyboardInterrupt:
            state = "interrupted"
        finally:
            self.sandbox.clock = None
            if self.outcome is not None:
                self.outcome.close()
        reason = (
            "It was stopped by hand, or by the system, before every check had run." if state == "interrupted" else ""
        )
        peak = round(self.sandbox.most_used / 2**20, 1)
        self._publish(state=state, reason=reason, peak_megabytes=peak)
        return self.verdict

    # Checks

    def _judge(self, check: Check) -> CheckResult:
        """Called for every check of the rubric in order, by the pytest harness."""
        task = self._task(check)
        if not self._wanted(task):
            return next(result for result in self.verdict.checks if result.id == check.id)
        self.observe(self.verdict, check.id, None)
        judgement = self._blocked(check) or self._too_late(check) or self._run(check)
        self.judged.append((check, judgement))
        self.verdict = self.verdict.with_check(to_result(check, judgement))
        if task.kind == "behaviour" and is_last_of_region(check, self.checks):
            self._settle(check.mark.region)
        self._publish()
        return next(result for result in self.verdict.checks if result.id == check.id)

    def _settle(self, region: str) -> None:
        """All checks of a region have been judged: what passed earns nothing where no work shows."""
        judged = [(check, judgement) for check, judgement in self.judged if check.mark.region == region]
        if not regions_without_work(judged, [region], self._share_of_operations):
            return
        for check, judgement in judged:
            if judgement.status == "passed":
                result = next(one for one in self.verdict.checks if one.id == check.id)
                held = without_points(result, [name.partition(":")[2] for name in self._names(region)])
                if region in self.untouched:
                    held = dataclasses.replace(held, status="broken", message=self._not_done(region))
                self.verdict = self.verdict.with_check(held)

    def _names(self, region: str) -> list[str]:
        """The manifest's names of a region: "SimpleNet" is two functions."""
        names = {name for task in self.manifest.tasks for name in task.regions}
        return sorted(name for name in names if region_name(name) == region)

    def _share_of_operations(self, region: str) -> float:
        """How much of the solution's code a region has; 0 where its file is not there."""
        return 0.0 if region in self.untouched else self.shares.get(region, 0.0)

    def _run(self, check: Check) -> Judgement:
        assert self.student is not None
        task = self._task(check)
        extra = self._for_outcome() if task.kind == "outcome" else {}
        judgement = run_check(check, self.student, self.secret, self.submission.digest, self._wrong_regions(), **extra)
        self.spent[task.id] = self.spent.get(task.id, 0.0) + judgement.seconds
        if judgement.kind == "grader" and task.kind == "behaviour":
            judgement = self._whose_fault(check, judgement)
        if judgement.status not in ("passed", "held") and judgement.kind != "untouched":
            with contextlib.suppress(UserError):  # said again when the next check needs a worker
                self.student.fresh()  # whatever the code has done to its process must not cost the next check
        if judgement.kind == "ModuleNotFoundError":
            judgement.message += f" The grader has {listed([*self.manifest.files.packages], most=20)}."
        if reason := self._not_there(check.mark.region, judgement):
            judgement.status, judgement.kind, judgement.message = "broken", "untouched", reason
        return judgement

    def _not_there(self, region: str, judgement: Judgement) -> str:
        """The sentence for a check that needs what is not done, or what the student's file lacks; "" where that is not the reason."""
        if judgement.status not in ("failed", "broken") or judgement.kind in ("untouched", "timed out", "died"):
            return ""
        if judgement.status == "broken" and judgement.kind in ("AttributeError", "NameError", "ImportError"):
            for file, names in self.gone.items():
                for name in names:
                    if f"'{name.rpartition('.')[2]}'" in judgement.message:
                        return _put_back(file, name)
        return "" if judgement.importing or region not in self.untouched else self._not_done(region)

    def _too_late(self, check: Check) -> Judgement | None:
        """Set the clocks for a check; a check whose time is up before it begins is not run. What was judged by then counts."""
        assert self.lane is not None
        task, limits = self._task(check), self.manifest.limits
        self.lane.clocks = ()  # a training has the submission's, and its own limit
        if task.kind == "behaviour":
            one = Clock.start("one check may take", limits.seconds_per_check)
            together = f"the checks of task {task.id} may take together"
            self.lane.clocks = (one, Clock.start(together, limits.seconds_per_task, self.spent.get(task.id, 0.0)))
        clock = self.lane.next_clock()
        if clock is None or not clock.over():
            return None
        message = f"Not judged, because the {clock.seconds:g} seconds were over that {clock.what}; look for what waits, or is done again and again."
        return Judgement("broken", message, "timed out")

    def _whose_fault(self, check: Check, judgement: Judgement) -> Judgement:
        """Where the grader fails with the student's values and not with those of the solution, the check has met values that it was not written
        for: the student's, in words, and a remark for staff.
        """
        assert self.lane is not None
        assert self.student is not None
        with contextlib.suppress(UserError):  # said again when the next check needs a worker
            self.student.fresh()
            solution = Student(self.lane, solution_files(self.manifest), self.manifest.limits)
            again = run_check(check, solution, self.secret, self.submission.digest, self._wrong_regions())
            solution.fresh()
            if again.status == "passed":
                remark = (
                    f"{check.id} stopped at values of the submission that it was not written for: {judgement.detail}."
                )
                self.verdict = self.verdict.with_notice(Notice("staff", remark))
                return dataclasses.replace(judgement, status="broken", kind="odd values", message=ODD_VALUES)
        return judgement

    def _for_outcome(self) -> dict[str, Any]:
        """What an outcome gets to know of the regions that it rests on. What was judged and found right is done, however it looks."""
        right = behaviour_regions(self.manifest, self.judged) - self._wrong_regions()
        return {"outcome": self.outcome, "undone": self.untouched - right, "without_work": self.without_work()}

    def without_work(self) -> frozenset[str]:
        """The wrong regions that show no work of their own."""
        wrong = behaviour_regions(self.manifest, self.judged) & self._wrong_regions()
        return regions_without_work(self.judged, wrong, self._share_of_operations)

    def _not_done(self, region: str) -> str:
        """The sentence for a region that holds nothing of the student's."""
        gone = sorted(name for name in self.regions.missing if region_name(name) == region)
        if gone:
            file, _, function = gone[0].partition(":")
            owner = function.partition(".")[0]
            return _put_back(file, owner if owner in self.gone.get(file, ()) else function)
        todo = sorted(name.partition(":")[2] for name in self.regions.untouched if region_name(name) == region)
        return f"{listed(todo)} {'is' if len(todo) == 1 else 'are'} not done yet."

    def _blocked(self, check: Check) -> Judgement | None:
        """A check whose file is missing, or cannot be imported, is not run: the reason is known, and it is the same for all."""
        for task in (self._task(check), *[self.manifest.task(need) for need in self._task(check).needs]):
            for region in task.regions:
                if (
                    task.kind == "behaviour"
                    and task.id == self._task(check).id
                    and region_name(region) != check.mark.region
                ):
                    continue
                file = region.partition(":")[0]
                if file in self.submission.missing:
                    return Judgement(
                        "broken", f"{file} was not handed in; hand it in next to the other files.", "missing"
                    )
                if file in self.submission.syntax_errors:
                    message = (
                        f"{self.submission.syntax_errors[file]} Until this is put right, nothing in {file} can run."
                    )
                    return Judgement("broken", message, "SyntaxError", importing=True)
                for earlier, judgement in self.judged:
                    if judgement.importing and file in self._files(earlier):
                        return dataclasses.replace(judgement, seconds=0.0, printed="")
        return None

    def _files(self, check: Check) -> set[str]:
        """The files of the region that a check is about."""
        regions = {name for name in self._task(check).regions if region_name(name) == check.mark.region}
        return {name.partition(":")[0] for name in regions}

    def _wrong_regions(self) -> frozenset[str]:
        """Regions in which a check has failed. With the tiers of an original course nothing is carried forward."""
        if self.profile.rule == "tiers":
            return frozenset()
        return frozenset(
            check.mark.region for check, judgement in self.judged if judgement.status in ("failed", "broken")
        )

    def _wanted(self, task: Task) -> bool:
        if task.kind == "outcome" and not self.options.train:
            return False
        return self.options.task in (None, task.id)

    def _start_outcome(self) -> None:
        outcome_tasks = [task for task in self.manifest.tasks if task.kind == "outcome" and self._wanted(task)]
        if not outcome_tasks:
            return
        module = importlib.import_module(f"autograder.assignments.{self.manifest.id}.outcome")
        self.outcome = module.Outcome(
            OutcomeContext(
                self.manifest, self.sandbox, self.files, self.manifest.limits, self.secret, self.submission.digest, self.untouched,
                self.submission.images, self.submission.checkpoint,
                on_progress=self._note_progress, on_wait=lambda: self.observe(self.verdict, None, self.progress),
            )
        )  # fmt: skip
        room = machine.processors() >= 2  # for a training beside the checks of behaviour, whose calls are timed
        if room and not self.submission.missing and not self.submission.syntax_errors:
            self.outcome.start()

    def _note_progress(self, what: str, done: int, total: int) -> None:
        """Trainings may run in a thread; only the main thread talks to the observer."""
        self.progress = (what, done, total)
        if threading.current_thread() is threading.main_thread():
            self.observe(self.verdict, None, self.progress)

    def _task(self, check: Check) -> Task:
        return self.manifest.task(check.mark.task)

    # After the checks

    def _explain(self) -> None:
        """Hints and pictures. Every check has been judged by now, so that a stop costs nothing of the grade."""
        try:
            self._diagnose()
            self._draw_figures()
        except KeyboardInterrupt:
            notice = Notice("staff", "It was stopped after the last check: hints or pictures may be missing.")
            self.verdict = self.verdict.with_notice(notice)

    def _diagnose(self) -> None:
        """Give every failed check of behaviour a hint, as far as the policy allows."""
        level = self.options.hints or self.manifest.policy.hints
        if level == "none":
            return
        wrong = self._wrong_regions()
        for region in sorted(wrong - {"outcome"} - self.untouched):
            judged = [(check, judgement) for check, judgement in self.judged if check.mark.region == region]
            if all(
                judgement.importing or judgement.kind in ("missing", "untouched", "timed out", "died")
                for _, judgement in judged
                if judgement.status not in ("passed", "held")
            ):
                continue
            names = self._names(region)
            where = f"Look at {' and '.join(name.partition(':')[2] for name in names)} in {names[0].partition(':')[0]}."
            found = None
            if level == "what":
                with contextlib.suppress(UserError):
                    found = self._known_mistake(region, judged, wrong)
            if found:
                self.diagnoses[region] = found
            for check, judgement in judged:
                if judgement.status in ("passed", "held"):
                    continue
                result = next(r for r in self.verdict.checks if r.id == check.id)
                ids, hint = found.hints.get(check.id, ((), where)) if found else ((), where)
                self.verdict = self.verdict.with_check(dataclasses.replace(result, hint=hint, misconceptions=ids))
        self._publish()

    def _known_mistake(
        self, region: str, judged: list[tuple[Check, Judgement]], wrong: frozenset[str]
    ) -> Diagnosis | None:
        """The misconceptions that explain what the student's code gives on the inputs of the probe. What has run into its time limit
        is not run again.
        """
        late = any(judgement.kind == "timed out" for _, judgement in judged)
        if self.lane is None or self.student is None or late:
            return None
        self.student.fresh()
        probe = Probe(self.manifest, self.lane, wrong)
        self.lane.clocks = (Clock.start("a hint may take", self.manifest.limits.seconds_per_check),)
        probed = [(check, probe.judge(check, self.student)) for check, _ in judged]
        self.lane.clocks = ()  # a mistake of the grader's own takes what it takes: its answer is kept for others
        try:
            return probe.explain(region, probed)
        finally:
            probe.mutant.fresh()

    def _draw_figures(self) -> None:
        if self.outcome is None:
            return
        self.observe(self.verdict, None, ("drawing figures", 0, 1))
        try:
            self.figures = list(self.outcome.figures())
            notices = self.outcome.notices()
        except Exception as error:  # a picture is not worth a grade
            notices = [Notice("staff", f"The figures could not be drawn ({type(error).__name__}: {error}).")]
        for notice in notices:
            self.verdict = self.verdict.with_notice(notice)

    def _publish(self, **changes: Any) -> None:
        changes["environment"] = {**self.verdict.environment, "isolation": self.sandbox.isolation}
        self.verdict = dataclasses.replace(self.verdict, seconds=round(time.monotonic() - self.started, 3), **changes)
        self.observe(self.verdict, None, None)

    def _empty_verdict(self) -> Verdict:
        pending = tuple(
            CheckResult(check.id, check.mark.task, check.title, 0.0, check.mark.points, message=self._why_not(check))
            for check in self.checks
        )
        ids = {check.mark.task for check in self.checks}
        return Verdict(
            assignment=self.manifest.id,
            title=self.manifest.title,
            submission=self.submission.name,
            digest=self.submission.digest,
            profile=self.options.profile or self.manifest.default_profile,
            tasks=tuple(
                {"id": t.id, "title": t.title, "points": t.points, "regions": list(t.regions)}
                for t in self.manifest.tasks
                if t.id in ids
            ),
            checks=pending,
            notices=self.notices,
            rule=self.profile.rule,
            tiers=(self.profile.both, self.profile.one),
            environment={
                "grader": __version__,
                **self.sandbox.versions,
                "platform": f"{platform.system()} {platform.machine()}",
                "isolation": self.sandbox.isolation,
            },
            seed_commitment=commitment(self.secret, self.submission.digest),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _why_not(self, check: Check) -> str:
        task = self._task(check)
        if self._wanted(task):
            return ""
        if task.kind == "outcome" and not self.options.train:
            return "Not judged: training was switched off."
        return f"Not judged: only task {self.options.task} was asked for."


def _code_of(submission: Submission) -> Submission:
    """Without images and checkpoint, which are large, and which nothing but a worker looks into."""
    return dataclasses.replace(submission, images={}, checkpoint=None)


def _put_back(file: str, name: str) -> str:
    """`name`: "BaseScheduler", "DiffusionModule.q_sample"."""
    owner, _, function = name.rpartition(".")
    called = f"{function} in {owner}" if function in ("__init__", "forward") else function
    return f"{file} has no {called}; put it back, with the name that it has in the handout."


def refused_verdict(manifest: Manifest, name: str, reason: str, profile: str | None = None) -> Verdict:
    """The verdict of a submission that could not be read: every check not run, and the reason."""
    chosen = manifest.profile(profile)
    checks = judged_checks(manifest, chosen)
    ids = {check.mark.task for check in checks}
    return Verdict(
        assignment=manifest.id,
        title=manifest.title,
        submission=name,
        digest="",
        profile=profile or manifest.default_profile,
        tasks=tuple(
            {"id": t.id, "title": t.title, "points": t.points, "regions": list(t.regions)}
            for t in manifest.tasks
            if t.id in ids
        ),
        checks=tuple(CheckResult(c.id, c.mark.task, c.title, 0.0, c.mark.points) for c in checks),
        state="refused",
        reason=reason,
        rule=chosen.rule,
        tiers=(chosen.both, chosen.one),
        environment={"grader": __version__},
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
