"""Grade one submission: from files to a verdict that is true at every moment.

The rooms: prepare.py (what the worker gets), judging.py (the checks, in order), explaining.py (hints), publishing.py (the verdict as it grows).
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.grading import harness
from autograder.grading.diagnosis import Diagnosis
from autograder.grading.explaining import explain
from autograder.grading.judging import Judging
from autograder.grading.late import late
from autograder.grading.obstacles import Obstacles
from autograder.grading.outcome import Outcome, OutcomeContext, make_outcome
from autograder.grading.prepare import Prepared, prepare
from autograder.grading.publishing import Observer, Publisher, empty_verdict, environment
from autograder.grading.rubric import Check, judged_checks
from autograder.grading.runner import Judgement, failed_itself, to_result
from autograder.grading.seeds import commitment
from autograder.grading.standing import Standing
from autograder.grading.work import is_last_of_region, without_points
from autograder.manifest import Manifest, OutcomePolicy, Task
from autograder.sandbox import machine
from autograder.sandbox.clock import Clock
from autograder.sandbox.launcher import Sandbox
from autograder.sandbox.proxies import Student
from autograder.submission.bounded import bounded
from autograder.submission.intake import Submission
from autograder.verdict import CheckResult, Figure, Notice, Verdict

STOPPED = "It was stopped by hand, or by the system, before every check had run."


@dataclass(frozen=True)
class Options:
    """How to grade. `task`: only this one. `hints` and `outcome` override the manifest's policy. `threads`: of an outcome's computations."""

    profile: str | None = None
    task: str | None = None
    train: bool = True
    hints: str | None = None
    outcome: OutcomePolicy | None = None
    threads: int = field(default_factory=machine.threads)


@dataclass
class Grading:
    """One submission being judged. `run` returns the verdict; `verdict` is what is known so far.

    `judged`: checks that were judged before, which count for what is carried forward. `known`: judgements, by check, of checks that need not run.
    """

    manifest: Manifest
    submission: Submission
    options: Options
    sandbox: Sandbox
    secret: bytes
    observe: Observer = lambda verdict, running, progress: None
    judged: list[tuple[Check, Judgement]] = field(default_factory=list)
    known: Mapping[str, Judgement] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    diagnoses: dict[str, Diagnosis] = field(default_factory=dict)  # by region

    def __post_init__(self) -> None:
        profile = self.manifest.profile(self.options.profile)
        if self.options.task is not None:
            self.manifest.task(self.options.task)
        self.checks = judged_checks(self.manifest, profile)
        prepared: Prepared = bounded(self.submission.name, Prepared, prepare, self.manifest, _code_of(self.submission))
        self.files = prepared.files
        self.notices = self._that_count(prepared.notices)
        untouched = prepared.regions.untouched | prepared.regions.missing
        self.standing = Standing(self.manifest, profile.rule, untouched, prepared.shares, self.judged)
        self.obstacles = Obstacles(self.submission, prepared.regions, prepared.gone, self.standing)
        self.outcome: Outcome | None = None
        self.publisher = Publisher(self._empty_verdict(), self.sandbox, lambda *seen: self.observe(*seen))

    @property
    def verdict(self) -> Verdict:
        return self.publisher.verdict

    def _that_count(self, notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
        """Where not all is judged, what is missing beside the code costs nothing."""
        whole = self.options.train and self.options.task is None
        notices = tuple(map(self._in_cells, notices))
        return tuple(n if whole or n.kind != "deliverable" else dataclasses.replace(n, deduction=0.0) for n in notices)

    def _in_cells(self, notice: Notice) -> Notice:
        message, detail = map(self.submission.in_cells, (notice.message, notice.detail))
        return dataclasses.replace(notice, message=message, detail=detail)

    def run(self) -> Verdict:
        """Judge everything that the options ask for. Ctrl-C ends the run and leaves what is finished."""
        self.publisher.observe(self.verdict, None, None)
        self.sandbox.most_used, self.sandbox.say_late = 0, late
        self.sandbox.clock = Clock.start("grading may take", self.manifest.limits.seconds_per_submission)
        finished = False
        try:
            with self.sandbox.lane(self.files) as lane:
                student = Student(lane, self.files, self.manifest.limits)
                self._start_outcome()
                self.judging = self._judging(student)
                finished = harness.run(self.manifest, self.checks, self._judge)
                student.fresh()
                lane.clocks, self.sandbox.clock = (), None
                if finished:
                    self._explain(student)
        except KeyboardInterrupt:
            finished = False
        finally:
            self.sandbox.clock = None
            if self.outcome is not None:
                self.outcome.close()
        self.publisher.publish(
            state="complete" if finished else "interrupted",
            reason="" if finished else STOPPED,
            peak_megabytes=round(self.sandbox.most_used / 2**20, 1),
        )
        return self.verdict

    def _judging(self, student: Student) -> Judging:
        secret, digest = self.secret, self.submission.digest
        return Judging(self.standing, self.obstacles, student, secret, digest, self.outcome, self.publisher.add, self.known)

    def _judge(self, check: Check) -> CheckResult:
        """Called for every check of the rubric in order, by the pytest harness."""
        task = self.manifest.task(check.mark.task)
        if not self._wanted(task):
            return self.publisher.result(check)
        self.publisher.running(check)
        try:
            judgement = self.judging.judge(check)
        except Exception as error:  # else pytest would take it, and the check would be lost without a word
            judgement = failed_itself(error)
        self.publisher.put(to_result(check, judgement))
        if task.kind == "behaviour" and is_last_of_region(check, self.checks):
            self._settle(check)
        self.publisher.publish()
        return self.publisher.result(check)

    def _settle(self, last: Check) -> None:
        """All checks of a region have been judged, `last` as the last: what passed earns nothing where no work shows."""
        if not self.standing.shows_no_work(last.mark.region):
            return
        for check, judgement in self.standing.of(last.mark.region):
            if judgement.status == "passed":
                held = without_points(self.publisher.result(check), self.standing.told(last.regions))
                if not self.standing.untouched.isdisjoint(last.regions):
                    held = dataclasses.replace(held, status="broken", message=self.obstacles.not_done(last))
                self.publisher.put(held)

    def without_work(self) -> frozenset[str]:
        """The wrong regions that show no work of their own."""
        return self.standing.without_work()

    def _wanted(self, task: Task) -> bool:
        if task.kind == "outcome" and not self.options.train:
            return False
        return self.options.task in (None, task.id)

    def _start_outcome(self) -> None:
        if not any(task.kind == "outcome" and self._wanted(task) for task in self.manifest.tasks):
            return
        self.outcome = make_outcome(
            OutcomeContext(
                self.manifest, self.sandbox, self.files, self.manifest.limits, self.secret, self.submission.digest,
                self.standing.untouched, self.submission.images, self.submission.checkpoint, self.submission.weights,
                on_progress=self.publisher.note_progress, on_wait=self.publisher.still_there, outcome=self.verdict.outcome,
                threads=self.options.threads,
            )
        )  # fmt: skip
        room = machine.processors() >= 2  # for a training beside the checks of behaviour, whose calls are timed
        if room and not self.submission.missing and not self.submission.syntax_errors:
            self.outcome.start()

    # After the checks

    def _explain(self, student: Student) -> None:
        """Hints and pictures. Every check has been judged by now, so that a stop costs nothing of the grade."""
        level: Any = self.options.hints or self.manifest.policy.hints
        try:
            self.diagnoses |= explain(self.standing, student, self.publisher, level, self.submission.called)
            self._draw_figures()
        except KeyboardInterrupt:
            self.publisher.add(
                Notice("staff", "It was stopped after the last check: hints or pictures may be missing.")
            )

    def _draw_figures(self) -> None:
        if self.outcome is None:
            return
        self.publisher.observe(self.verdict, None, ("drawing figures", 0, 1))
        try:
            self.figures = list(self.outcome.figures())
            notices = self.outcome.notices()
        except Exception as error:  # a picture is not worth a grade
            notices = [Notice("staff", f"The figures could not be drawn ({type(error).__name__}: {error}).")]
        for notice in notices:
            self.publisher.add(notice)

    def _empty_verdict(self) -> Verdict:
        submission = self.submission
        empty = empty_verdict(
            self.manifest, submission.name, submission.digest, self.options.profile, self.checks,
            notices=self.notices, environment=environment(self.sandbox),
            seed_commitment=commitment(self.secret, submission.digest), outcome=self._outcome_policy(),
        )  # fmt: skip
        return dataclasses.replace(empty, checks=tuple(map(self._awaited, empty.checks)))

    def _outcome_policy(self) -> OutcomePolicy:
        """The tiers of an original course are about the training of the submission itself."""
        tiers = self.manifest.profile(self.options.profile).rule == "tiers"
        return "own" if tiers else self.options.outcome or self.manifest.policy.outcome

    def _awaited(self, result: CheckResult) -> CheckResult:
        """A check before it runs; what a person judges waits, where it was asked for."""
        task = self.manifest.task(result.task)
        if result.by_hand and self._wanted(task):
            return dataclasses.replace(result, status="held", message="Nothing of this is judged by the grader.")
        return dataclasses.replace(result, message=self._why_not(task))

    def _why_not(self, task: Task) -> str:
        if self._wanted(task):
            return ""
        if task.kind == "outcome" and not self.options.train:
            return "Not judged: training was switched off."
        return f"Not judged: only task {self.options.task} was asked for."


def _code_of(submission: Submission) -> Submission:
    """Without images, checkpoint and weights, which are large, and which nothing but a worker looks into."""
    return dataclasses.replace(submission, images={}, checkpoint=None, weights={})
