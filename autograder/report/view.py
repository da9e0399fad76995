"""What a report says, before it is drawn: one pure function from a verdict to a `View` that every rendering draws.

Scores, words, numbering, order and the cleaning of texts are decided here once, so the renderings cannot disagree.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from autograder.regions import file_of, path_of, told_shortly
from autograder.report.evidence import Evidence, tabulate
from autograder.report.wording import count, count_points, listing, points_text, score_text
from autograder.text import clean_line, clean_text
from autograder.verdict import CheckResult, Notice, Verdict

Audience = Literal["student", "staff"]
State = Literal["passed", "partial", "failed", "broken", "held", "grader_error", "not_run", "waiting"]

WORDS: dict[State, tuple[str, str]] = {  # (symbol, word); the word alone is enough
    "passed": ("✓", "passed"),
    "partial": ("◐", "partly"),
    "failed": ("✗", "failed"),
    "broken": ("!", "no answer"),
    "held": ("◔", "held"),
    "grader_error": ("?", "grader error"),
    "not_run": ("–", "not judged"),
    "waiting": ("·", "waiting"),
}
NOTICE_HEADINGS = {
    "outside_todo": "Edits outside the TODO marks",
    "hard_coded_device": "Hard-coded device",
    "deliverable": "Missing from what was handed in",
    "intake": "About the files handed in",
    "staff": "For staff",
}
STAFF_KINDS = ("staff",)  # notices that only staff see
GRADER_ERROR = "The grader itself failed on this check. This is not your mistake; the course staff has to look at it."

LINE, TITLE, MESSAGE, HINT, PRINTED, DETAIL = 120, 400, 3000, 2000, 4000, 20000  # characters kept of each kind of text


@dataclass(frozen=True)
class CheckView:
    id: str
    number: str  # "1-2.3": the third check of task 1-2
    task: str
    title: str
    state: State
    symbol: str
    word: str
    awarded: float
    maximum: float
    message: str
    hint: str
    carried: str  # a sentence, or ""
    evidence: Evidence
    printed: str
    seconds: float
    held: float = 0.0
    by_hand: bool = False
    bonus: bool = False

    @property
    def lost(self) -> bool:
        """Judged, and something is to be said of it: it is not as it should be, or its points are held."""
        return self.state in ("partial", "failed", "broken", "held", "grader_error")

    @property
    def points(self) -> str:
        if self.held:
            return f"held: up to {points_text(self.held)}"
        return score_text(self.awarded, self.maximum) if self.maximum else ""


@dataclass(frozen=True)
class TaskView:
    id: str
    title: str
    awarded: float
    maximum: float
    checks: tuple[CheckView, ...]  # what went wrong first, then what was not judged, then what passed
    regions: tuple[tuple[str, str], ...]  # where its code stands: ("ddpm.py", "q_sample and p_sample")
    held: float = 0.0
    bonus: bool = False

    @property
    def share(self) -> float:
        """0 … 1."""
        return self.awarded / self.maximum if self.maximum > 0 else 0.0

    @property
    def points(self) -> str:
        return score_text(self.awarded, self.maximum, self.held) if self.maximum else ""

    @property
    def verdict(self) -> str:
        """In a few words: "2 of 3 checks passed"."""
        if all(check.by_hand for check in self.checks):
            return "judged by a person"
        passed = sum(check.state == "passed" for check in self.checks)
        return f"{passed} of {count(len(self.checks), 'check')} passed"


@dataclass(frozen=True)
class NoticeView:
    kind: str
    heading: str
    message: str
    detail: str
    deduction: float
    voids: bool

    @property
    def cost(self) -> str:
        """What it takes from the score, in words; empty for a mere notice."""
        if self.voids:
            return "the whole submission earns 0"
        return f"−{count_points(self.deduction)}" if self.deduction else ""


@dataclass(frozen=True)
class View:
    """Everything that a report says. All texts are clean and of bounded length; none is escaped yet."""

    title: str
    submission: str
    state: str
    score: float
    maximum: float
    sentence: str  # the state of the whole in one sentence
    arithmetic: str  # how the score comes from the points, where that is not the plain sum
    start: CheckView | None  # where to look first
    tasks: tuple[TaskView, ...]  # those that have checks
    notices: tuple[NoticeView, ...]
    facts: tuple[tuple[str, str], ...]  # versions, isolation level, digest, seed commitment, time
    held: float = 0.0  # what the score may still rise by

    @property
    def points(self) -> str:
        return score_text(self.score, self.maximum, self.held)

    @property
    def isolation(self) -> str:
        """The isolation level that was reached, or "" where the verdict does not say."""
        return dict(self.facts).get("isolation", "")

    @property
    def checks(self) -> tuple[CheckView, ...]:
        return tuple(check for task in self.tasks for check in task.checks)

    @property
    def lost(self) -> tuple[CheckView, ...]:
        return tuple(check for check in self.checks if check.lost)


def present(verdict: Verdict, audience: Audience = "student") -> View:
    """The view of a verdict. For students, staff notices and the messages of grader errors are left out."""
    numbers = check_numbers(verdict)
    regions = [str(region) for task in verdict.tasks for region in task.get("regions") or ()]
    checks = [_check(check, numbers[check.id], verdict, audience, regions) for check in verdict.checks]
    listed = {str(task.get("id", "")): task for task in verdict.tasks}
    for check in checks:  # a check whose task is not listed must not vanish
        listed.setdefault(check.task, {})
    tasks = tuple(
        _task(name, record, own)
        for name, record in listed.items()
        if (own := [check for check in checks if check.task == clean_line(name, 20)])
    )
    notices = tuple(
        _notice(notice) for notice in verdict.notices if audience == "staff" or notice.kind not in STAFF_KINDS
    )
    lost = [check for check in checks if check.lost and check.state not in ("held", "grader_error")]
    return View(
        title=clean_line(verdict.title or verdict.assignment, LINE),
        submission=clean_line(verdict.submission, LINE) or "submission",
        state=verdict.state,
        score=verdict.score,
        maximum=verdict.max_score,
        sentence=_sentence(verdict, checks),
        arithmetic=_arithmetic(verdict),
        start=lost[0] if lost else None,
        tasks=tasks,
        notices=notices,
        facts=_facts(verdict),
        held=verdict.held,
    )


def check_numbers(verdict: Verdict) -> dict[str, str]:
    """Check id to its number: "1-2.3" is the third check of task 1-2, in the order of the rubric."""
    seen: dict[str, int] = {}
    numbers = {}
    for check in verdict.checks:
        seen[check.task] = seen.get(check.task, 0) + 1
        numbers[check.id] = f"{clean_line(check.task, 20)}.{seen[check.task]}"
    return numbers


def _check(check: CheckResult, number: str, verdict: Verdict, audience: Audience, regions: Sequence[str]) -> CheckView:
    shown: State = check.status
    if check.status == "not_run" and verdict.state == "running":
        shown = "waiting"
    elif check.status in ("passed", "failed") and 0 < check.awarded < check.max_points:
        shown = "partial"
    elif check.status == "passed" and check.awarded < check.max_points:
        shown = "failed"  # no points is no pass, whatever it is called
    symbol, word = WORDS[shown]
    hidden = check.status == "grader_error" and audience == "student"
    return CheckView(
        id=clean_line(check.id, LINE),
        number=number,
        task=clean_line(check.task, 20),
        title=clean_line(check.title, TITLE) or clean_line(check.id, LINE),
        state=shown,
        symbol=symbol,
        word=word,
        awarded=check.awarded,
        maximum=check.max_points,
        message=GRADER_ERROR if hidden else clean_text(_held(check) + check.message, MESSAGE),
        hint="" if hidden else clean_text(check.hint, HINT),
        carried=_carried(check, regions),
        evidence=Evidence() if hidden else tabulate(check.evidence),
        printed=clean_text(_overwritten(check.printed), PRINTED),
        seconds=check.seconds if math.isfinite(check.seconds) else 0.0,
        held=check.held,
        by_hand=check.by_hand,
        bonus=verdict.is_bonus(check.task),
    )


def _held(check: CheckResult) -> str:
    """What stands before the reason."""
    if check.by_hand and check.held:
        return f"Waiting: up to {count_points(check.held)}, which a person gives who has read it. "
    return f"Held: up to {count_points(check.held)} until a person has looked. " if check.status == "held" else ""


def _overwritten(printed: str) -> str:
    """What a terminal would still show of lines that return to their start, such as progress bars: the last state."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in printed.split("\n"))


def _carried(check: CheckResult, regions: Sequence[str]) -> str:
    if not check.carried:
        return ""
    names = listing(f"`{clean_line(told_shortly(name, regions), 60).replace('`', '')}`" for name in check.carried[:8])
    if check.status == "not_run":
        return f"This would be judged with the reference's {names} in place of yours."
    return f"The reference's {names} stood in for yours here, so a mistake there is not counted a second time."


def _task(name: str, record: dict[str, Any], checks: list[CheckView]) -> TaskView:
    def rank(check: CheckView) -> int:
        return 0 if check.lost else 2 if check.state == "passed" else 1

    return TaskView(
        id=clean_line(name, 20),
        title=clean_line(str(record.get("title", "")), LINE) + (" (bonus)" if record.get("bonus") else ""),
        bonus=bool(record.get("bonus")),
        awarded=sum(check.awarded for check in checks),
        maximum=sum(check.maximum for check in checks),
        checks=tuple(sorted(checks, key=rank)),
        regions=_regions(record.get("regions") or ()),
        held=sum(check.held for check in checks),
    )


def _regions(regions: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """ "ddpm.py:DiffusionModule.q_sample", ... as (file, functions); `__init__` and `forward` go by their class."""
    known = [clean_line(str(region), LINE) for region in regions]
    files: dict[str, list[str]] = {}
    for region in known:
        names = files.setdefault(file_of(region), [])
        name = (
            told_shortly(region, [other for other in known if file_of(other) == file_of(region)])
            if path_of(region)
            else ""
        )
        if name and name not in names:
            names.append(name)
    return tuple((file, listing(f"`{name}`" for name in names) if names else "") for file, names in files.items())


def _notice(notice: Notice) -> NoticeView:
    return NoticeView(
        kind=clean_line(notice.kind, 40),
        heading=NOTICE_HEADINGS.get(notice.kind, clean_line(notice.kind, 40).replace("_", " ").capitalize()),
        message=clean_text(notice.message, MESSAGE),
        detail=clean_text(notice.detail, DETAIL),
        deduction=notice.deduction if math.isfinite(notice.deduction) and notice.deduction > 0 else 0.0,
        voids=notice.voids,
    )


def _sentence(verdict: Verdict, everything: list[CheckView]) -> str:
    """The state of the whole. Counted are the checks that code judges, without those of a bonus."""
    reason = clean_line(verdict.reason, MESSAGE).rstrip(".")
    checks = [check for check in everything if not (check.by_hand or check.bonus)]
    judged = [check for check in checks if check.state not in ("not_run", "waiting")]
    passed = sum(check.state == "passed" for check in checks)
    if verdict.state == "refused":
        return f"Not graded: {reason or 'the submission could not be read'}."
    if verdict.state == "interrupted":
        because = f": {reason}" if reason else ""
        return (
            f"Grading was interrupted{because}. {count(len(judged), 'check')} of {len(checks)} had finished and count; "
            "the rest earns nothing until it is graded again."
        )
    if verdict.state == "running":
        so_far = f"{len(judged)} of {count(len(checks), 'check')} judged so far"
        return f"Grading is under way: {so_far}; the rest counts nothing yet."
    if any(notice.voids for notice in verdict.notices):
        return f"{passed} of {count(len(checks), 'check')} passed, but the submission earns nothing: see the notices."
    waiting = [check for check in everything if check.state == "held" and (verdict.held or not check.bonus)]
    held = ""
    bonus = f" The bonus adds {count_points(verdict.bonus)}." if verdict.bonus else ""
    if waiting:
        where = listing(dict.fromkeys(check.task for check in waiting))
        held = f"up to {count_points(verdict.held)} of {where} {'is' if verdict.held == 1 else 'are'} held until a person has looked"
    if waiting and not checks:
        return f"{held[0].upper()}{held[1:]}.{bonus}"
    if waiting and all(check.state in ("passed", "held") for check in checks):
        return f"{passed} of {count(len(checks), 'check')} passed; {held}.{bonus}"
    if checks and passed == len(checks) and verdict.score < verdict.max_score:
        return f"All {count(len(checks), 'check')} passed; what was taken off stands in the notices.{bonus}"
    if checks and passed == len(checks):
        told = f"all {count(len(checks), 'check')} passed" if len(checks) > 1 else "the check passed"
        return f"Everything is right: {told}.{bonus}"
    open_tasks = list(dict.fromkeys(check.task for check in checks if check.state not in ("passed", "held")))
    if not open_tasks:
        return "There was nothing to judge."
    where = f"task{'s' if len(open_tasks) > 1 else ''} {listing(open_tasks)}"
    errors = sum(check.state == "grader_error" for check in checks)
    missing = len(checks) - len(judged)
    tail = f" {count(missing, 'check')} {'was' if missing == 1 else 'were'} not judged." if missing else ""
    if held:
        tail += f" {held[0].upper()}{held[1:]}."
    if errors:
        tail += f" In {count(errors, 'check')} the grader itself failed: staff has to look."
    return f"{passed} of {count(len(checks), 'check')} passed; points are missing in {where}.{tail}{bonus}"


def _arithmetic(verdict: Verdict) -> str:
    parts = []
    if verdict.rule == "tiers":
        both, one = map(points_text, verdict.tiers)
        met = sum(check.status == "passed" for check in verdict.checks)
        parts.append(f"{both} points when both thresholds are met, {one} when one is, otherwise 0; met: {met}.")
    deductions = sum(notice.deduction for notice in verdict.notices if notice.deduction > 0)
    beyond = sum(check.awarded for check in verdict.checks if verdict.is_bonus(check.task))
    if verdict.state == "refused" or any(notice.voids for notice in verdict.notices):
        return " ".join(parts)
    if beyond > verdict.bonus:
        parts.append(f"Of {count_points(beyond)} of bonus, {points_text(verdict.bonus)} count.")
    if deductions and math.isfinite(deductions):
        if verdict.rule == "sum":
            earned = sum(check.awarded for check in verdict.checks) - beyond + verdict.bonus
            taken = f"{count_points(deductions)} deducted"
            parts.append(f"{points_text(earned)} from the checks − {taken} = {points_text(verdict.score)}.")
        else:
            parts.append(f"{count_points(deductions)} deducted.")
    return " ".join(parts)


def _facts(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    facts = [(clean_line(str(name), 40), clean_line(str(value), 200)) for name, value in verdict.environment.items()]
    facts += [
        ("assignment", clean_line(verdict.assignment, LINE)),
        ("profile", clean_line(verdict.profile, LINE)),
        ("submission SHA-256", clean_line(verdict.digest, LINE)),
        ("seed commitment", clean_line(verdict.seed_commitment, LINE)),
        ("started", clean_line(verdict.started, LINE)),
        ("time", f"{verdict.seconds:.1f} s" if verdict.seconds > 0 and math.isfinite(verdict.seconds) else ""),
    ]
    return tuple((name, value) for name, value in facts if value)
