"""What the class page says, before it is drawn: one pure function from graded submissions to a `ClassView`.

Every text that a student may have written (names, reasons, notices, code) is cleaned here; the template escapes it.
"""

import math
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import mean, quantiles
from urllib.parse import quote

from autograder.classroom.page.flags import Of, find_flags, find_mistakes, find_near, is_number
from autograder.classroom.page.records import (
    Bar,
    CheckRow,
    ClassView,
    Cost,
    Course,
    Flag,
    Picture,
    Row,
    Student,
    TaskRow,
)
from autograder.classroom.page.similar import present_similar
from autograder.classroom.records import Graded
from autograder.classroom.similarity import Pair
from autograder.report.view import LINE
from autograder.report.wording import count, points_text
from autograder.text import clean_line
from autograder.verdict import CheckResult, Verdict

NAME = 80  # characters shown of a name
BARS = 20  # of the histogram, at most
EXTREMES = 8  # slowest and largest submissions that are named


def present_class(
    title: str,
    graded: Sequence[Graded],
    pairs: Sequence[Pair] = (),
    course: Course | None = None,
    pictures: Mapping[str, str] | None = None,
    remarks: Sequence[str] = (),
) -> ClassView:
    """The view of a class. `pictures` maps a folder of reports to the name of a PNG below it, with forward slashes.

    Points, shares and the distribution count submissions that were graded to the end; the others are named among the
    flags. Raises ValueError for a folder of reports that does not lie below the page.
    """
    course = course or Course()
    students = {id(item): _student(item) for item in graded}

    def of(item: Graded) -> Student:
        return students[id(item)]

    done = [item for item in graded if item.verdict.state == "complete"]
    flags = find_flags(graded, of, pairs)
    tasks = _tasks(done)
    near = find_near(graded, of, course)
    mistakes = find_mistakes(graded, of, course)
    flagged: dict[str, list[str]] = {}
    for flag in flags:
        for student, _ in flag.students:
            flagged.setdefault(student.link + student.name, []).append(flag.heading)
    for case in near:
        if not case.passed:
            flagged.setdefault(case.student.link + case.student.name, []).append("Missed by little")
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
        flags=(*(Flag("Who handed in", clean_line(remark, 20_000), ()) for remark in remarks), *flags),
        near=near,
        costs=_costs(graded, of),
        similar=present_similar(pairs, {item.folder: link(item.folder, "report.html") for item in graded}),
        pictures=_pictures(graded, of, pictures or {}, course),
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
    partly = sum(any(check.status == "not_run" for check in item.verdict.checks) for item in done)
    how = "graded" if partly else "graded in full"
    note = ""
    if partly:
        whom = "" if partly == len(done) else f" in {partly:,} of them"
        note = f" Not every task was judged{whom}, so the points are those of the tasks that were."
    parts = [count(len(graded), "submission")]
    if len(done) == len(graded):
        return f"{parts[0]}, all {how}.{note}"
    parts.append(f"{len(done):,} {how}")
    parts += [f"{refused:,} refused"] if refused else []
    parts += [f"{rest:,} not finished"] if rest else []
    return ", ".join(parts) + f". Points, shares and the distribution count those {how}.{note}"


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


# --- costs, pictures, table -------------------------------------------------------------------------------------------


def _costs(graded: Sequence[Graded], of: Of) -> tuple[Cost, ...]:
    kinds: list[tuple[str, str, Callable[[Verdict], float]]] = [
        ("Time", "s", lambda verdict: verdict.seconds),
        ("Peak memory", "MB", lambda verdict: verdict.peak_megabytes),
    ]
    costs = []
    for what, unit, measure in kinds:
        values = [(of(item), measure(item.verdict)) for item in graded]
        values = [(student, value) for student, value in values if is_number(value) and value > 0]
        if len(values) < 2:
            continue
        cuts = quantiles([value for _, value in values], n=20, method="inclusive")
        values.sort(key=lambda pair: -pair[1])
        costs.append(Cost(what, unit, cuts[9], cuts[18], values[0][1], tuple(values[:EXTREMES])))
    return tuple(costs)


def _pictures(graded: Sequence[Graded], of: Of, pictures: Mapping[str, str], course: Course) -> tuple[Picture, ...]:
    """The furthest from the data first; what was not measured last."""
    shown = []
    for item in graded:
        if item.folder in pictures:
            value = _measured(item.verdict, course)
            caption = f"{value[0].partition(' ')[0]} {value[1]:.1f}" if value else ""
            order = -value[1] if value else math.inf
            shown.append((order, Picture(of(item), link(item.folder, pictures[item.folder]), caption)))
    return tuple(picture for _, picture in sorted(shown, key=lambda pair: (pair[0], pair[1].student.name)))


def _measured(verdict: Verdict, course: Course) -> tuple[str, float] | None:
    for check in verdict.checks:
        measure = course.measures.get(check.id)
        if measure and is_number(check.evidence.get(measure.figure)):
            return measure.figure, float(check.evidence[measure.figure])
    return None


def _row(item: Graded, student: Student, tasks: Sequence[TaskRow], flags: Sequence[str]) -> Row:
    verdict = item.verdict
    judged = {check.task for check in verdict.checks if check.status != "not_run"}
    states = {"complete": "", "refused": "refused", "running": "not finished", "interrupted": "not finished"}
    memory = verdict.peak_megabytes
    return Row(
        student=student,
        score=verdict.score,
        maximum=verdict.max_score,
        tasks=tuple(verdict.task_points(task.id)[0] if task.id in judged else None for task in tasks),
        state=states[verdict.state],
        flags=tuple(dict.fromkeys(f for f in flags if f not in ("Refused", "Not finished"))),
        mistakes=tuple(sorted({clean_line(m, LINE) for check in verdict.checks for m in check.misconceptions})),
        seconds=verdict.seconds if is_number(verdict.seconds) else 0.0,
        megabytes=memory if is_number(memory) else 0.0,
        held=verdict.held,
    )
