"""The gradebook as each platform takes it in, and as a plain table. Cells that a spreadsheet would run as a formula are made plain text."""

import csv
import io
from collections.abc import Callable, Sequence

from autograder.classroom.gradebook import Grade, Gradebook
from autograder.report.clean import clean_line

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain_cell(text: str) -> str:
    """`text` with an apostrophe before it where a spreadsheet would take it for a formula; on one line."""
    text = clean_line(text, 500)
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text


def to_csv(rows: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()


def canvas(book: Gradebook) -> str:
    """For Canvas, Grades → Import. ID is Canvas's own number of a user, which its export writes into the file names."""
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", plain_cell(book.title)]
    possible = ["    Points Possible", "", "", "", "", f"{_maximum(book):g}"]
    rows = [
        [plain_cell(g.name), plain_cell(g.student_id), "", plain_cell(g.email), "", f"{g.points}"] for g in book.grades
    ]
    return to_csv([head, possible, *rows])


def gradescope(book: Gradebook) -> str:
    """As Gradescope's own export of grades."""
    head = ["Name", "SID", "Email", "Total Score", "Max Points", "Status", "Submission Time"]
    rows = [
        [
            plain_cell(g.name),
            plain_cell(g.student_id),
            plain_cell(g.email),
            f"{g.points}",
            f"{g.max_points:g}",
            "Graded",
            g.submitted_at,
        ]
        for g in book.grades
    ]
    return to_csv([head, *rows])


def moodle(book: Gradebook) -> str:
    """For Moodle's offline grading worksheet."""
    head = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Feedback comments"]
    rows = [
        [
            f"Participant {clean_line(g.student_id, 120)}", plain_cell(g.name), plain_cell(g.email), "Submitted for grading", f"{g.points}",
            f"{g.max_points:g}", plain_cell(g.reason),
        ]
        for g in book.grades
    ]  # fmt: skip
    return to_csv([head, *rows])


def plain(book: Gradebook) -> str:
    """Everything that is known of each grade."""
    head = [
        "name", "id", "email", "points", "maximum", "score", "late_days", "late_penalty", "override", "reason", "state", "submitted_at", "report"
    ]  # fmt: skip
    return to_csv([head, *(_plain_row(grade) for grade in book.grades)])


def _plain_row(g: Grade) -> list[str]:
    who = [plain_cell(g.name), plain_cell(g.student_id), plain_cell(g.email)]
    numbers = [f"{g.points}", f"{g.max_points:g}", f"{g.score:g}", f"{g.late_days}", f"{g.penalty:g}"]
    return [*who, *numbers, plain_cell(g.override), plain_cell(g.reason), g.state, g.submitted_at, g.report]


def _maximum(book: Gradebook) -> float:
    return max((grade.max_points for grade in book.grades), default=0.0)


FORMATS: dict[str, Callable[[Gradebook], str]] = {
    "canvas": canvas,
    "gradescope": gradescope,
    "moodle": moodle,
    "csv": plain,
}
