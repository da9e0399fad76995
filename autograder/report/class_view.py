"""What the class page says, before it is drawn: one pure function from graded submissions to a `ClassView`.

Every text that a student may have written (names, reasons, notices, code) is cleaned here; the template escapes it.
"""

import math
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, quantiles
from typing import Any
from urllib.parse import quote

from autograder.classroom.records import Graded
from autograder.classroom.similarity import Pair
from autograder.grading.verdict import CheckResult, Verdict
from autograder.report.class_similar import Similar, present_similar
from autograder.report.clean import clean_line, clean_text
from autograder.report.view import LINE, MESSAGE, count, points_text

NAME = 80  # characters shown of a name
BARS = 20  # of the histogram, at most
EXTREMES = 8  # slowest and largest submissions that are named


@dataclass(frozen=True)
class Student:
    """Whom a line is about. `link` leads to the report, relative to the page; "" where there is none."""

    name: str
    about: str  # identifier and partners
    link: str


@dataclass(frozen=True)
class Bar:
    """Of the histogram: how many scores lie in low ≤ score < high; the last one includes its upper end."""

    low: float
    high: float
    number: int


@dataclass(frozen=True)
class CheckRow:
    number: str
    title: str
    passed: int
    judged: int


@dataclass(frozen=True)
class TaskRow:
    id: str
    title: str
    maximum: float
    mean: float
    full: int
    zero: int
    judged: int
    checks: tuple[CheckRow, ...]

    @property
    def share(self) -> float:
        return self.mean / self.maximum if self.maximum > 0 else 0.0


@dataclass(frozen=True)
class Mistake:
    """A misconception, or, with id "", what is wrong in a task in a way that no known misconception explains."""

    id: str
    task: str
    explanation: str
    students: tuple[Student, ...]


@dataclass(frozen=True)
class Flag:
    """Something that a person should look at, and about whom it is said. `students` is empty for the class as a whole."""

    heading: str
    text: str
    students: tuple[tuple[Student, str], ...]


@dataclass(frozen=True)
class Near:
    student: Student
    what: str  # "Chamfer distance (ddpm)"
    value: float
    threshold: float
    error: float  # a standard error, or 0 where none is known
    passed: bool
    points: float  # that hang on it


@dataclass(frozen=True)
class Cost:
    """What grading took, of one kind: the quantiles over the class and who took most."""

    what: str
    unit: str
    median: float
    upper: float  # 95 of 100 take no more
    most: float
    students: tuple[tuple[Student, float], ...]


@dataclass(frozen=True)
class Picture:
    student: Student
    source: str  # link to the PNG, relative to the page
    caption: str


@dataclass(frozen=True)
class Row:
    """A line of the table of all students."""

    student: Student
    score: float
    maximum: float
    tasks: tuple[float | None, ...]  # in the order of the view's tasks; None where the task was not judged
    state: str  # "" for a submission that was graded in full
    flags: tuple[str, ...]
    mistakes: tuple[str, ...]
    seconds: float
    megabytes: float

    @property
    def share(self) -> float:
        return min(max(self.score / self.maximum, 0.0), 1.0) if self.maximum > 0 else 0.0

    @property
    def find(self) -> str:
        """What a search looks through."""
        return " ".join((self.student.name, self.student.about, self.state, *self.flags, *self.mistakes)).casefold()


@dataclass(frozen=True)
class ClassView:
    """Everything that the page says. All texts are clean and of bounded length; none is escaped yet."""

    title: str
    assignment: str
    sentence: str
    maximum: float
    numbers: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]
    tasks: tuple[TaskRow, ...]
    mistakes: tuple[Mistake, ...]
    unexplained: tuple[Mistake, ...]  # without a misconception, by task
    flags: tuple[Flag, ...]
    near: tuple[Near, ...]
    costs: tuple[Cost, ...]
    similar: Similar
    pictures: tuple[Picture, ...]
    rows: tuple[Row, ...]

    @property
    def highest(self) -> int:
        return max((bar.number for bar in self.bars), default=0)


@dataclass(frozen=True)
class Course:
    """What the page needs to know of the assignment."""

    explanations: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # misconception → (task, explanation)
    outcome: Mapping[str, Any] = field(default_factory=dict)  # the manifest's table of thresholds


def present_class(
    title: str,
    graded: Sequence[Graded],
    pairs: Sequence[Pair] = (),
    course: Course | None = None,
    pictures: Mapping[str, str] | None = None,
) -> ClassView:
    """The view of a class. `pictures` maps a folder of reports to the name of a PNG below it, with forward slashes.

    Points, shares and the distribution count submissions that were graded in full; the others are named among the
    flags. Raises ValueError for a folder of reports that does not lie below the page.
    """
    course = course or Course()
    students = {id(item): _student(item) for item in graded}

    def of(item: Graded) -> Student:
        return students[id(item)]

    done = [item for item in graded if item.verdict.state == "complete"]
    flags = _flags(graded, of, pairs)
    tasks = _tasks(done)
    near = _near(graded, of, course)
    mistakes = _mistakes(graded, of, course)
    flagged: dict[str, list[str]] = {}
    for flag in flags:
        for student, _ in flag.students:
            flagged.setdefault(student.link + student.name, []).append(flag.heading)
    for case in near:
        if case.passed:
            continue
        flagged.setdefault(case.student.link + case.student.name, []).append("missed by little")
    rows = [_row(item, of(item), tasks, flagged.get(of(item).link + of(item).name, [])) for item in graded]
    return ClassView(
        title=clean_line(title, LINE) or "Class",
        assignment=clean_line(graded[0].verdict.title, LINE) if graded else "",
        sentence=_sentence(graded, done),
        maximum=max((item.verdict.max_score for item in graded), default=0.0),
        numbers=_numbers([item.verdict for item in done]),
        bars=_bars([item.verdict.score for item in done], max((i.verdict.max_score for i in graded), default=0.0)),
        tasks=tasks,
        mistakes=tuple(mistake for mistake in mistakes if mistake.id),
        unexplained=tuple(mistake for mistake in mistakes if not mistake.id),
        flags=flags,
        near=near,
        costs=_costs(graded, of),
        similar=present_similar(pairs, {item.folder: link(item.folder, "report.html") for item in graded}),
        pictures=_pictures(graded, of, pictures or {}),
        rows=tuple(sorted(rows, key=lambda row: row.student.name.casefold())),
    )


def link(folder: str, file: str) -> str:
    """A relative link to a file in a folder of reports. Raises ValueError where that does not lie below the page."""
    inner = posixpath.normpath(posixpath.join(folder, file))
    if inner.startswith(("/", "../")) or inner in (".", "..") or "\\" in inner:
        raise ValueError(f"the reports {folder!r} do not lie below the class page")
    return "./" + quote(inner.encode("utf-8", "surrogateescape" if _is_from_disk(inner) else "replace"))


def _is_from_disk(text: str) -> bool:
    return not re.search(r"[\ud800-\udc7f\udd00-\udfff]", text)


def _student(item: Graded) -> Student:
    one = item.handed_in
    about = [one.student_id, *(["with " + ", ".join(one.partners)] if one.partners else [])]
    return Student(
        clean_line(one.student, NAME) or clean_line(item.verdict.submission, NAME) or "no name",
        clean_line(" · ".join(part for part in about if part), LINE),
        link(item.folder, "report.html"),
    )


# --- scores -----------------------------------------------------------------------------------------------------------


def _sentence(graded: Sequence[Graded], done: Sequence[Graded]) -> str:
    if not graded:
        return "No submission was graded."
    refused = sum(item.verdict.state == "refused" for item in graded)
    rest = len(graded) - len(done) - refused
    parts = [count(len(graded), "submission")]
    if len(done) == len(graded):
        return f"{parts[0]}, all graded in full."
    parts.append(f"{len(done):,} graded in full")
    parts += [f"{refused:,} refused"] if refused else []
    parts += [f"{rest:,} not finished"] if rest else []
    return ", ".join(parts) + ". Figures on this page count those graded in full."


def _numbers(verdicts: Sequence[Verdict]) -> tuple[tuple[str, str], ...]:
    scores = [verdict.score for verdict in verdicts]
    if not scores:
        return ()
    low, middle, high = quantiles(scores, n=4, method="inclusive") if len(scores) > 1 else scores * 3
    return (
        ("median", points_text(middle)),
        ("mean", f"{mean(scores):.1f}"),
        ("half of the class between", f"{points_text(low)} and {points_text(high)}"),
        ("full marks", f"{sum(v.score >= v.max_score > 0 for v in verdicts):,}"),
        ("no points", f"{sum(v.score <= 0 for v in verdicts):,}"),
    )


def _bars(scores: Sequence[float], maximum: float) -> tuple[Bar, ...]:
    """At most BARS bars of a round width from 0 to the maximum."""
    if not scores or maximum <= 0:
        return ()
    width = next(w for power in range(-2, 300) for w in (10.0**power, 2 * 10.0**power, 2.5 * 10.0**power, 5 * 10.0**power)
                 if maximum / w <= BARS)  # fmt: skip
    number = max(math.ceil(maximum / width - 1e-9), 1)
    counts = Counter(min(int(score / width + 1e-9), number - 1) for score in scores)
    return tuple(Bar(i * width, min((i + 1) * width, maximum), counts[i]) for i in range(number))


def _tasks(done: Sequence[Graded]) -> tuple[TaskRow, ...]:
    titles: dict[str, str] = {}
    for item in done:
        for task in item.verdict.tasks:
            titles.setdefault(str(task.get("id", "")), str(task.get("title", "")))
    return tuple(row for name, title in titles.items() if (row := _task(name, title, done)))


def _task(name: str, title: str, done: Sequence[Graded]) -> TaskRow | None:
    points: list[tuple[float, float]] = []
    checks: dict[str, list[CheckResult]] = {}
    for item in done:
        own = [check for check in item.verdict.checks if check.task == name]
        if any(check.status != "not_run" for check in own):
            points.append(item.verdict.task_points(name))
        for check in own:
            if check.status != "not_run":
                checks.setdefault(check.id, []).append(check)
    if not points:
        return None
    return TaskRow(
        id=clean_line(name, 20),
        title=clean_line(title, LINE),
        maximum=max(maximum for _, maximum in points),
        mean=mean(awarded for awarded, _ in points),
        full=sum(awarded >= maximum - 1e-9 for awarded, maximum in points),
        zero=sum(awarded <= 0 for awarded, _ in points),
        judged=len(points),
        checks=tuple(
            CheckRow(
                f"{clean_line(name, 20)}.{number}",
                clean_line(same[0].title, 400),
                sum(check.status == "passed" for check in same),
                len(same),
            )
            for number, same in enumerate(checks.values(), start=1)
        ),
    )


# --- what went wrong --------------------------------------------------------------------------------------------------


def _mistakes(graded: Sequence[Graded], of: Callable[[Graded], Student], course: Course) -> tuple[Mistake, ...]:
    """By frequency. Within a task, lost checks of behaviour without a known misconception stand together."""
    who: dict[tuple[str, str], list[Student]] = {}
    for item in graded:
        found: set[tuple[str, str]] = set()
        for check in item.verdict.checks:
            if check.misconceptions:
                found |= {(clean_line(m, LINE), "") for m in check.misconceptions}
            elif check.status == "failed" and not _is_outcome(check):
                found.add(("", clean_line(check.task, 20)))
        for key in found:
            who.setdefault(key, []).append(of(item))
    mistakes = []
    for (name, task), students in who.items():
        known_task, explanation = course.explanations.get(name, (task, ""))
        mistakes.append(Mistake(name, known_task or task, clean_text(explanation, MESSAGE), tuple(students)))
    return tuple(sorted(mistakes, key=lambda m: (not m.id, -len(m.students), m.task, m.id)))


def _is_outcome(check: CheckResult) -> bool:
    return "FID" in check.evidence or "Chamfer distance" in check.evidence or _OUTCOME.search(check.id) is not None


_OUTCOME = re.compile(r"samples_the|fid")


def _near(graded: Sequence[Graded], of: Callable[[Graded], Student], course: Course) -> tuple[Near, ...]:
    """Outcomes so close to their threshold that another seed might have decided otherwise, the closest first."""
    cases = []
    for item in graded:
        for check in item.verdict.checks:
            case = _near_case(check, of(item), course.outcome)
            if case:
                cases.append(case)
    return tuple(sorted(cases, key=lambda case: abs(case.value / case.threshold - 1)))


def _near_case(check: CheckResult, student: Student, outcome: Mapping[str, Any]) -> Near | None:
    measure = next((name for name in ("Chamfer distance", "FID") if _is_number(check.evidence.get(name))), None)
    keys = [
        key for key, value in outcome.items()
        if _is_number(value) and value > 0
        and (key.startswith("fid_") if measure == "FID" else key.endswith("_threshold"))
        and key.removesuffix("_threshold") in check.id
    ]  # fmt: skip
    if measure is None or not keys:
        return None
    value, threshold = float(check.evidence[measure]), float(outcome[keys[0]])
    error = check.evidence.get("standard error", 0.0)
    error = float(error) if _is_number(error) and error > 0 else 0.0
    margin = 2 * error if error else float(outcome.get("near", 0.1)) * threshold
    if abs(value - threshold) > margin:
        return None
    what = f"{measure} ({keys[0].removesuffix('_threshold').removeprefix('fid_')})"
    return Near(student, what, value, threshold, error, check.status == "passed", check.max_points)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# --- what a person should look at -------------------------------------------------------------------------------------


def _flags(graded: Sequence[Graded], of: Callable[[Graded], Student], pairs: Sequence[Pair]) -> tuple[Flag, ...]:
    found: dict[tuple[str, str], list[tuple[Student, str]]] = {}

    def say(heading: str, text: str, item: Graded, note: str = "") -> None:
        found.setdefault((heading, text), []).append((of(item), clean_line(note, 300)))

    layers = {id(item): _layers(item.verdict) for item in graded}
    best = max(layers.values(), key=len, default=frozenset())
    for item in graded:
        verdict = item.verdict
        if verdict.state == "refused":
            say("Refused", "These could not be read, so nothing of them was graded.", item, verdict.reason)
        elif verdict.state != "complete":
            text = "Grading did not come to its end; grade them again. What had not finished earns nothing."
            say("Not finished", text, item, verdict.reason)
        if errors := [check for check in verdict.checks if check.status == "grader_error"]:
            text = "The grader itself failed on a check, which earns nothing: not the student's mistake. Mend, then grade again."
            say("Grader error", text, item, f"{errors[0].id}: {errors[0].message}")
        own = layers[id(item)]
        if own and ("files" not in own or own < best):
            missing = sorted(best - own) or ["files"]
            say("Isolation", "Graded with fewer layers around the student's code than there should be.", item,
                f"without {', '.join(missing)}")  # fmt: skip
        for notice in verdict.notices:
            if notice.kind == "outside_todo":
                text = "Given code was changed outside the TODO marks; the report shows the difference."
                say("Edits outside the TODO marks", text, item)
            elif notice.kind == "staff":
                say("Notices for staff", _pattern(notice.message), item, notice.message)
    graded_in_part = sum(item.verdict.state != "refused" for item in graded)
    flags = [_flag(heading, text, who, graded_in_part) for (heading, text), who in found.items()]
    return tuple(sorted(flags, key=lambda flag: (_ORDER.index(flag.heading), -len(flag.students))))


_ORDER = [
    "Grader error",
    "Refused",
    "Not finished",
    "Isolation",
    "Notices for staff",
    "Edits outside the TODO marks",
    "About the whole class",
]


def _flag(heading: str, text: str, who: list[tuple[Student, str]], total: int) -> Flag:
    """What is said of nearly everybody is said once, of the class."""
    if heading == "Notices for staff":
        notes = {note for _, note in who}
        text = next(iter(notes)) if len(notes) == 1 else clean_line(text, 300)
        who = [(student, note if len(notes) > 1 else "") for student, note in who]
        if len(notes) == 1 and len(who) > max(3, total // 2):
            return Flag("About the whole class", f"{text} (said of {len(who):,} of {total:,} submissions)", ())
    return Flag(heading, text, tuple(dict.fromkeys(who)))


def _pattern(message: str) -> str:
    """A notice without its numbers, so that notices of one kind stand together."""
    return re.sub(r"\d[\d.,]*", "…", clean_line(message, 300))


def _layers(verdict: Verdict) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", verdict.environment.get("isolation", "")))


# --- costs, pictures, table -------------------------------------------------------------------------------------------


def _costs(graded: Sequence[Graded], of: Callable[[Graded], Student]) -> tuple[Cost, ...]:
    kinds: list[tuple[str, str, Callable[[Verdict], float]]] = [
        ("Time", "s", lambda verdict: verdict.seconds),
        ("Peak memory", "MB", lambda verdict: getattr(verdict, "peak_megabytes", 0.0)),
    ]
    costs = []
    for what, unit, measure in kinds:
        values = [(of(item), measure(item.verdict)) for item in graded]
        values = [(student, value) for student, value in values if _is_number(value) and value > 0]
        if len(values) < 2:
            continue
        cuts = quantiles([value for _, value in values], n=20, method="inclusive")
        values.sort(key=lambda pair: -pair[1])
        costs.append(Cost(what, unit, cuts[9], cuts[18], values[0][1], tuple(values[:EXTREMES])))
    return tuple(costs)


def _pictures(
    graded: Sequence[Graded], of: Callable[[Graded], Student], pictures: Mapping[str, str]
) -> tuple[Picture, ...]:
    """The furthest from the data first; what was not measured last."""
    shown = []
    for item in graded:
        if item.folder in pictures:
            value = _measured(item.verdict)
            caption = f"{value[0].partition(' ')[0]} {value[1]:.1f}" if value else ""
            order = -value[1] if value else math.inf
            shown.append((order, Picture(of(item), link(item.folder, pictures[item.folder]), caption)))
    return tuple(picture for _, picture in sorted(shown, key=lambda pair: (pair[0], pair[1].student.name)))


def _measured(verdict: Verdict) -> tuple[str, float] | None:
    for check in verdict.checks:
        for name in ("Chamfer distance", "FID"):
            if _is_number(check.evidence.get(name)):
                return name, float(check.evidence[name])
    return None


def _row(item: Graded, student: Student, tasks: Sequence[TaskRow], flags: Sequence[str]) -> Row:
    verdict = item.verdict
    judged = {check.task for check in verdict.checks if check.status != "not_run"}
    states = {"complete": "", "refused": "refused", "running": "not finished", "interrupted": "not finished"}
    memory = getattr(verdict, "peak_megabytes", 0.0)
    return Row(
        student=student,
        score=verdict.score,
        maximum=verdict.max_score,
        tasks=tuple(verdict.task_points(task.id)[0] if task.id in judged else None for task in tasks),
        state=states[verdict.state],
        flags=tuple(dict.fromkeys(f for f in flags if f not in ("Refused", "Not finished"))),
        mistakes=tuple(sorted({clean_line(m, LINE) for check in verdict.checks for m in check.misconceptions})),
        seconds=verdict.seconds if _is_number(verdict.seconds) else 0.0,
        megabytes=memory if _is_number(memory) else 0.0,
    )
