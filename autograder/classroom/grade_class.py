"""`autograder class`: collect, look at every submission, judge what the ledger does not have, keep each verdict as it comes, show the class."""

import contextlib
import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom import jobs, last_run, progress
from autograder.classroom.collect import Collected, collect, with_slugs
from autograder.classroom.compare import compare, print_moves
from autograder.classroom.engine import Engine, WorkerLost
from autograder.classroom.gather import gather
from autograder.classroom.gradebook import gone_remarks
from autograder.classroom.last_run import LastRun, read_last_run
from autograder.classroom.ledger import NAME, Key, Ledger, Line, current, open_ledger, writable
from autograder.classroom.people import Person, named_by_roster
from autograder.classroom.records import Graded, HandedIn
from autograder.classroom.reports import write_class_reports, write_student_reports
from autograder.classroom.roster import GITHUB_CLASSROOM, read_roster
from autograder.errors import UserError
from autograder.grading.rubric_version import rubric_version
from autograder.grading.seeds import load_secret
from autograder.grading.session import Options
from autograder.manifest import Manifest, OutcomePolicy, load_manifest
from autograder.sandbox import machine
from autograder.submission.guess import guess_for_class
from autograder.verdict import Figure, Notice, Verdict, write_atomically

GUESSED_FROM = 25  # submissions, where nobody says which assignment it is


@dataclass(frozen=True)
class ClassOptions:
    """What the command line says. `workers`: processes on this machine; `regrade`: a task to judge again; `earlier`: a folder of earlier years;
    `roster`: a CSV of who is in the course."""

    assignment: str | None = None
    workers: int | None = None
    scheduler: str | None = None
    train: bool = True
    profile: str | None = None
    outcome: OutcomePolicy | None = None
    regrade: str | None = None
    require: str | None = None
    earlier: Path | None = None
    roster: Path | None = None


def grade_class(
    folder: Path, out: Path, options: ClassOptions, judge: Callable[[jobs.Job], jobs.Judged] = jobs.judge
) -> list[Graded]:
    """Grade a folder of submissions; leave ledger.jsonl, a folder of reports for each student and index.html in `out`, and what was handed in
    file by file in its folder `gathered`.

    Ctrl-C and every crash leave what is finished; the same call goes on from there. Raises UserError.
    """
    collected = collect(folder, besides=out)
    roster = _roster(folder, collected, options.roster)
    with open_ledger(out / NAME) as ledger:
        before = current(ledger.lines)
        collected = _gathered(collected, ledger, out)
        manifest = load_manifest(options.assignment or _shown_by(collected.submissions))
        manifest.profile(options.profile)
        if options.regrade is not None:
            _check_regrade(manifest, options)
        progress.say(
            f"{folder} is {collected.kind}: {len(collected.submissions)} submissions, graded as {manifest.id}."
        )
        for remark in collected.remarks:
            progress.say(remark)
        last = LastRun({one.identity: one.student for one in collected.submissions}, roster)
        with contextlib.suppress(UserError):  # a damaged one is written anew
            last = last.after(read_last_run(out))
        with writable(out / last_run.NAME):
            write_atomically(out / last_run.NAME, last.to_json())
        run = _Run(manifest, options, out, ledger, collected, judge)
        workers = options.workers or machine.grading_processes(len(collected.submissions))
        try:
            with Engine(manifest.id, out / ".workers", workers, options.scheduler, options.require) as engine:
                run.all(engine)
        except KeyboardInterrupt:
            progress.say(
                f"Stopped: {run.finished} of {len(collected.submissions)} are graded and kept in {out / NAME}. Start the same command again to go on."
            )
            raise
        if options.regrade is not None:
            print_moves(compare(before, current(ledger.lines)), "before", "now")
        remarks = gone_remarks(ledger.lines, last)
    shown, said = named_by_roster(collected.submissions, roster)
    remarks += said
    for remark in remarks:
        progress.say(remark)
    graded = [
        Graded(who, run.lines[one].verdict, f"reports/{one.slug}", run.seen[one].regions)
        for one, who in zip(collected.submissions, shown)
    ]
    write_class_reports(out, f"{manifest.title}: {len(graded)} submissions", graded, options.earlier, remarks)
    progress.say(f"{_summary(graded)} Open {out / 'index.html'} in a browser.")
    return graded


def _gathered(collected: Collected, ledger: Ledger, out: Path) -> Collected:
    """With slugs that nobody else has or had, and everything in a place where it can be read."""
    slugs = {line.handed_in.slug: line.handed_in.identity for line in ledger.lines}
    submissions = gather(with_slugs(collected.submissions, slugs), out / "gathered")
    return dataclasses.replace(collected, submissions=submissions)


def _roster(folder: Path, collected: Collected, given: Path | None) -> tuple[Person, ...]:
    """The roster that is given, or the one that GitHub Classroom leaves beside the repositories; empty where there is none."""
    if given is not None:
        return read_roster(given)
    found = sorted({one.path.parent for one in collected.submissions} | {folder})
    if "export" in collected.kind or len(found) > 2:
        return ()
    beside = [place / GITHUB_CLASSROOM for place in found if (place / GITHUB_CLASSROOM).is_file()]
    if beside:
        progress.say(f"{beside[0]} is taken for the roster; give another one with --roster.")
    return read_roster(beside[0]) if beside else ()


def _shown_by(submissions: Sequence[HandedIn]) -> str:
    """The assignment that most of the first submissions show. Raises UserError where more than half do not agree."""
    return guess_for_class([one.path for one in submissions[:GUESSED_FROM]])


def _check_regrade(manifest: Manifest, options: ClassOptions) -> None:
    assert options.regrade is not None
    if manifest.task(options.regrade).kind == "outcome" and not options.train:
        raise UserError(f"Task {options.regrade} is judged by a training; leave out --no-train to judge it again.")


def _summary(graded: Sequence[Graded]) -> str:
    states = Counter(one.verdict.state for one in graded)
    failed = sum(any(check.status == "grader_error" for check in one.verdict.checks) for one in graded)
    refused = f", {states['refused']} could not be read" if states["refused"] else ""
    trouble = f", in {failed} the grader itself failed: grade them again, or look at them" if failed else ""
    return f"{len(graded)} submissions are graded{refused}{trouble}."


class _Run:
    """One class being graded. `lines`: the line of every submission that is finished."""

    def __init__(
        self, manifest: Manifest, options: ClassOptions, out: Path, ledger: Ledger, collected: Collected,
        judge: Callable[[jobs.Job], jobs.Judged],
    ):  # fmt: skip
        self.manifest, self.options, self.out, self.ledger, self.judge = manifest, options, out, ledger, judge
        self.submissions = collected.submissions
        self.grading_options = Options(profile=options.profile, train=options.train, outcome=options.outcome, threads=1)
        self.profile = options.profile or manifest.default_profile
        self.secret = load_secret()
        self.rubric = rubric_version(manifest.id)
        self.lines: dict[HandedIn, Line] = {}
        self.seen: dict[HandedIn, jobs.Seen] = {}

    @property
    def finished(self) -> int:
        return len(self.lines)

    def all(self, engine: Engine) -> None:
        by_path = {one.path: one for one in self.submissions}
        looks = [self._job(one) for one in self.submissions]
        with progress.bar("Reading", len(looks)) as step:
            for job, seen in engine.run(jobs.look, looks):
                one = by_path[job.path]
                self.seen[one] = seen if isinstance(seen, jobs.Seen) else jobs.Seen(refused=self._lost(job, seen))
                step()
        self._keep_what_is_known()
        waiting = [one for one in self.submissions if one not in self.lines]
        alike: dict[str, list[HandedIn]] = defaultdict(list)
        for one in waiting:
            alike[self.seen[one].digest].append(one)
        wanted = {digest: self._job(group[0], self._judged_before(group)) for digest, group in alike.items()}
        if self.finished:
            progress.say(
                f"{self.finished} of {len(self.submissions)} need no grading: they are in the ledger, or cannot be read."
            )
        with progress.bar("Grading", len(waiting)) as step:
            for job, judged in engine.run(self.judge, list(wanted.values())):
                if isinstance(judged, WorkerLost):
                    judged = jobs.Judged(self._lost(job, judged), trouble=str(judged))
                for one in alike[job.digest]:
                    self._finish(one, judged, job.before)
                    step()

    def _job(self, one: HandedIn, before: Line | None = None) -> jobs.Job:
        digest = self.seen[one].digest if one in self.seen else ""
        task = self.options.regrade if before is not None and self.options.regrade else ""
        return jobs.Job(
            one.path, one.path.name, self.manifest.id, self.grading_options, self.secret, digest, task, before
        )

    def _lost(self, job: jobs.Job, why: WorkerLost) -> Verdict:
        return jobs.failed_verdict(self.manifest, job, f"{why}; what it does must be looked at with care")

    def _key(self, seen: jobs.Seen, rubric: str) -> Key:
        options = [self.profile, "train" if self.options.train else "no-train", *filter(None, [self.options.outcome])]
        return Key(seen.digest, rubric, seen.seeds, ", ".join(options))

    # What the ledger has

    def _keep_what_is_known(self) -> None:
        """Submissions that cannot be read need no grading, nor do those whose content the ledger knows."""
        for one in self.submissions:
            seen = self.seen[one]
            if seen.refused is not None:
                failed = any(check.status == "grader_error" for check in seen.refused.checks)
                self._keep(Line(self._key(seen, self.rubric), one, seen.refused, failed=failed), [])
            elif (line := self._known(seen)) is not None:
                self._keep(self._for(one, line), self._figures(line))

    def _known(self, seen: jobs.Seen) -> Line | None:
        key, task = self._key(seen, self.rubric), self.options.regrade
        for line in reversed(self.ledger.lines):
            if line.key == key and not line.failed and (task in line.regraded if task else not line.partial):
                return line
        return None

    def _judged_before(self, group: Sequence[HandedIn]) -> Line | None:
        """For --regrade: the last verdict of this content, by whatever rubric."""
        if self.options.regrade is None:
            return None
        seen = self.seen[group[0]]
        for line in reversed(self.ledger.lines):
            if line.key == self._key(seen, line.key.rubric) and not line.failed:
                return line
        return None

    def _for(self, one: HandedIn, line: Line) -> Line:
        """The verdict of the same content, as that of this hand-in."""
        notices = (*self.seen[one].notices, *line.verdict.notices[line.own_notices :])
        verdict = dataclasses.replace(line.verdict, submission=one.path.name, notices=notices)
        return dataclasses.replace(line, handed_in=one, verdict=verdict, own_notices=len(self.seen[one].notices))

    # What is new

    def _finish(self, one: HandedIn, judged: jobs.Judged, before: Line | None) -> None:
        own: tuple[Notice, ...] = self.seen[one].notices
        later = judged.verdict.notices if judged.trouble else judged.later
        verdict = dataclasses.replace(judged.verdict, submission=one.path.name, notices=(*own, *later))
        figures = list(judged.figures) or (self._figures(before) if before is not None else [])
        regraded = (
            (*(before.regraded if before.key.rubric == self.rubric else ()), self.options.regrade or "")
            if before
            else ()
        )
        if self.options.regrade is not None and before is None:
            regraded = (self.options.regrade,)  # it had no verdict yet, so all of it is new
        partial = before is not None and (before.partial or before.key.rubric != self.rubric)
        captions = tuple((figure.name, figure.caption) for figure in figures)
        key = self._key(self.seen[one], self.rubric)
        self._keep(
            Line(key, one, verdict, len(own), captions, tuple(sorted(set(regraded))), bool(judged.trouble), partial),
            figures,
        )

    def _keep(self, line: Line, figures: list[Figure]) -> None:
        """Write the reports, then the line: what is in the ledger has its reports."""
        mine = [old for old in self.ledger.lines if old.handed_in.identity == line.handed_in.identity]
        known = bool(mine) and mine[-1].content() == line.content()
        folder = self.out / "reports" / line.handed_in.slug
        if not known or not (folder / "verdict.json").exists():
            with writable(folder):
                write_student_reports(line.verdict, figures, folder)
        if not known:
            self.ledger.add(line)
        self.lines[line.handed_in] = line

    def _figures(self, line: Line) -> list[Figure]:
        """The pictures of an earlier verdict, as far as they still lie in its folder."""
        folder = self.out / "reports" / line.handed_in.slug / "figures"
        paths = [(name, caption, folder / f"{name}.png") for name, caption in line.figures]
        return [Figure(name, caption, path.read_bytes()) for name, caption, path in paths if path.is_file()]
