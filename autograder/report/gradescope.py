"""The verdict as Gradescope's `results.json`.

The format is documented at https://gradescope-autograders.readthedocs.io/en/latest/specs/. Every text is sent in format
"text", which renders no HTML, no Markdown and no ANSI colours, so nothing in it needs escaping; the top-level output
says so too, since its default format would render HTML.
"""

import json
import math
import textwrap
from collections.abc import Mapping
from typing import Any, Literal

from autograder.report.evidence import Evidence
from autograder.report.view import CheckView, View, check_numbers, present
from autograder.report.wording import paragraphs
from autograder.text import clean_data, clean_line, clean_text
from autograder.verdict import Verdict

Visibility = Literal["visible", "hidden", "after_due_date", "after_published"]
VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")
COLUMNS = 96  # running text is wrapped here, since Gradescope shows it as it is
PRINTED = 2000


def to_gradescope(
    verdict: Verdict,
    visibility: Visibility = "visible",
    stdout_visibility: Visibility = "hidden",
    check_visibility: Mapping[str, Visibility] | None = None,
) -> dict[str, Any]:
    """The `results.json` of a verdict as JSON data.

    The top-level score is `verdict.score`: it holds deductions, tiers and refusals, and overrides the sum of the tests. With a bonus it
    may be above the points that the assignment has on Gradescope, which counts them.
    Students may come to see all of it, `extra_data` too: what is for staff (notices, messages of grader errors, names
    of misconceptions) stays in the verdict.

    `check_visibility` maps a check's id or its task to a visibility of its own. Gradescope shows a student no total
    while any test is not visible to them. Raises ValueError for an unknown visibility.
    """
    own = dict(check_visibility or {})
    for value in (visibility, stdout_visibility, *own.values()):
        if value not in VISIBILITIES:
            raise ValueError(f"visibility must be one of {', '.join(VISIBILITIES)}, not {value!r}")
    view = present(verdict, "student")
    views = {check.number: check for check in view.checks}
    tests = []
    for check in verdict.checks:
        shown = views[check_numbers(verdict)[check.id]]
        tests.append(
            {
                "score": shown.awarded,
                "max_score": shown.maximum,
                "status": "passed" if shown.state == "passed" else "failed",
                "name": clean_line(shown.title.replace("`", ""), 200) + (" (bonus)" if shown.bonus else ""),
                "name_format": "text",
                "number": shown.number,
                "output": _test_output(shown, view.state),
                "output_format": "text",
                "tags": [shown.task, shown.state],
                "visibility": own.get(check.id, own.get(check.task, visibility)),
                "extra_data": {
                    "check": shown.id,
                    "status": check.status,
                    "seconds": round(shown.seconds, 3),
                    "carried": [clean_line(name, 120) for name in check.carried[:20]],
                    "evidence": {} if check.status == "grader_error" else clean_data(check.evidence),
                },
            }
        )
    return {
        "score": view.score,
        "execution_time": round(verdict.seconds, 3) if math.isfinite(verdict.seconds) and verdict.seconds > 0 else 0.0,
        "output": _output(view),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": visibility,
        "stdout_visibility": stdout_visibility,
        "tests": tests,
        "extra_data": {
            "max_score": view.maximum,
            "max_bonus": round(verdict.highest - verdict.max_score, 6),
            "held": view.held,
            "state": view.state,
            "assignment": clean_line(verdict.assignment, 120),
            "profile": clean_line(verdict.profile, 120),
            "digest": clean_line(verdict.digest, 120),
            "seed_commitment": clean_line(verdict.seed_commitment, 120),
            "started": clean_line(verdict.started, 60),
            "environment": {
                clean_line(str(key), 60): clean_line(str(value), 200) for key, value in verdict.environment.items()
            },
        },
    }


def results_json(results: dict[str, Any]) -> str:
    """The data as JSON text in ASCII, with `<`, `>` and `&` as escapes: inert even when pasted into a web page."""
    text = json.dumps(results, indent=2, ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") + "\n"


def _test_output(check: CheckView, state: str) -> str:
    parts = [f"{check.symbol} {check.word}" + (f", {check.points} points" if check.points else "")]
    if check.state == "not_run" and not check.message and state in ("refused", "interrupted"):
        parts.append(f"Not judged, because the grading was {state}; the reason stands at the top.")
    if check.message:
        parts.append(_wrap(check.message))
    if check.hint:
        parts.append(_wrap("Likely cause: " + check.hint))
    if check.carried:
        parts.append(_wrap("Carried forward: " + check.carried))
    if check.evidence and check.lost:
        parts.append("Numbers:\n" + _evidence(check.evidence))
    if check.printed and check.state != "passed":
        cut = clean_text(check.printed, PRINTED)
        parts.append("Your code printed:\n" + "\n".join(f"| {line}" for line in cut.split("\n")))
    return "\n\n".join(parts)


def _output(view: View) -> str:
    parts = [f"{view.title}: {view.points} points", _wrap(view.sentence)]
    if view.arithmetic:
        parts.append(_wrap(view.arithmetic))
    if view.start:
        parts.append(_wrap(f"Where to start: {view.start.number}, {view.start.title}"))
    wide = max((len(task.title) for task in view.tasks), default=0)
    parts.append("\n".join(f"{task.id}  {task.title:<{wide}}  {task.points or task.verdict}" for task in view.tasks))
    for notice in view.notices:
        cost = f" ({notice.cost})" if notice.cost else ""
        detail = "\n" + clean_text(notice.detail, 6000) if notice.detail else ""
        parts.append(f"{notice.heading}{cost}\n{_wrap(notice.message)}{detail}")
    parts.append("\n".join(f"{name}: {value}" for name, value in view.facts))
    return "\n\n".join(part for part in parts if part)


def _wrap(text: str) -> str:
    blocks = []
    for kind, block in paragraphs(text):
        lines = block.split("\n")
        if kind == "text":
            lines = [
                short
                for line in lines
                for short in textwrap.wrap(line, COLUMNS, break_long_words=False, break_on_hyphens=False) or [""]
            ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _evidence(evidence: Evidence) -> str:
    lines = []
    if evidence.facts:
        wide = max(len(name) for name, _ in evidence.facts)
        lines += [f"  {name:<{wide}}  {value}" for name, value in evidence.facts]
    if evidence.rows:
        grid = [evidence.header, *evidence.rows]
        widths = [max(len(row[column]) for row in grid) for column in range(len(evidence.header))]
        lines += ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in grid]
    return "\n".join(lines)
