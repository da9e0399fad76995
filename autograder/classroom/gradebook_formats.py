"""The gradebook as each platform takes it in, and as a plain table; and whom a platform cannot find.

Whose number goes where, and which columns there must be, is read in the platforms' importers: Canvas's gradebook_importer.rb,
Moodle's assignfeedback_offline (importgradeslib.php). A number stands in the column of those who gave it, and nowhere else.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence

from autograder.classroom.gradebook import Grade, Gradebook
from autograder.classroom.people import MOST_NAMED
from autograder.kit.names import same_name
from autograder.submission.rules import listed
from autograder.text import clean_line

BYTE_ORDER_MARK = (
    "\ufeff"  # by it Excel sees UTF-8. Canvas writes it itself and Moodle takes it away; see docs/class.md
)
NO_PARTICIPANT = "Participant 0"  # Moodle passes over the row; an Identifier without a number may stop its database
_FORMULA = re.compile(r'(^|[;"])(\s*)(?=[=+\-@\t\r＝＋－＠])')  # where a cell may begin: also behind ";", and behind a quote


def plain_cell(text: str) -> str:
    """`text` on one line, with an apostrophe wherever a spreadsheet, parting cells by "," or by ";", would see a formula begin."""
    return _FORMULA.sub(r"\1\2'", clean_line(text, 500))


def to_csv(rows: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()


# Canvas


def canvas(book: Gradebook) -> str:
    """For Canvas, Grades → Import. It looks for ID, its own number of a user, then SIS User ID, SIS Login ID and the exact name."""
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", plain_cell(book.title)]
    possible = ["    Points Possible", "", "", "", "", f"{_maximum(book):g}"]
    return to_csv([head, possible, *(_canvas_row(grade) for grade in book.grades)])


def _canvas_row(g: Grade) -> list[str]:
    who = g.person
    own = who.canvas_id if _is_number(who.canvas_id) else ""
    texts = [who.school_id, who.login or who.email, who.section]
    return [plain_cell(who.name), own, *map(plain_cell, texts), f"{g.points}"]


def canvas_remarks(book: Gradebook) -> list[str]:
    """Whom Canvas may not find, or may take for another."""
    names = Counter(same_name(g.name) for g in book.grades)
    lost, by_name, same, skipped = [], [], [], []
    for g in book.grades:
        who = g.person
        if "Points Possible" in who.name:
            skipped.append(who.called)
        elif _is_number(who.canvas_id) or (who.school_id and _canvas_reads(who.school_id)):
            continue
        elif names[same_name(who.name)] > 1:
            same.append(who.called)
        elif not (who.login or who.email) and plain_cell(who.name) != who.name:
            lost.append(who.called)
        else:
            by_name.append(who.called)
    help = "a roster with their numbers helps, such as the gradebook that Canvas exports (--roster)"
    return _said(
        book,
        (
            f"No number of Canvas or of the school: Canvas looks for their login or e-mail address, then for exactly this name, and proposes a "
            f"new student where there is none; {help}",
            by_name,
        ),
        (f"Called the same, without a number: Canvas may take one for the other; {help}", same),
        (f"Canvas cannot find them: no number, and a name that had to be changed; {help}", lost),
        ('Canvas passes over rows with "Points Possible" in the name; enter these by hand', skipped),
    )


def _canvas_reads(number: str) -> bool:
    """Whether a number of the school arrives as it is: Canvas takes separators out of what looks like an amount, and we make formulas text."""
    return plain_cell(number) == number and not re.fullmatch(r"-?[0-9]*[.,][0-9.,]*%?", number)


# Moodle


def moodle(book: Gradebook, feedback: bool = False) -> str:
    """Moodle's offline grading worksheet. The importer needs Identifier, Grade and Last modified (grade).

    That last one is empty: so a grade that somebody has given in Moodle since is kept, unless staff say otherwise at the import. With
    `feedback` there are comments, for everybody: an empty one would wipe what is written there.
    """
    head = [
        "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade", "Last modified (grade)",
        *(["Feedback comments"] if feedback else []),
    ]  # fmt: skip
    return to_csv([head, *(_moodle_row(grade, feedback) for grade in book.grades)])


def _moodle_row(g: Grade, feedback: bool) -> list[str]:
    who = g.person
    identifier = f"Participant {who.moodle_id}" if _is_number(who.moodle_id) else NO_PARTICIPANT
    status = "" if g.state == "handed in nothing" else "Submitted for grading"
    row = [identifier, plain_cell(who.name), plain_cell(who.email), status, f"{g.points}", f"{g.max_points:g}", ""]
    if feedback:
        row.append(plain_cell(_comment(g)))
    return [
        cell.replace("\\", "/") for cell in row
    ]  # a backslash before a quote would break Moodle's reading of the whole file


def _comment(g: Grade) -> str:
    """Never empty."""
    parts = [f"{g.points} of {g.max_points:g} points."]
    if g.penalty:
        parts.append(f"{g.late_days} {'day' if g.late_days == 1 else 'days'} late: {g.penalty:g} points off.")
    return " ".join([*parts, g.reason]).strip()


def moodle_remarks(book: Gradebook) -> list[str]:
    lost = [g.person.called for g in book.grades if not _is_number(g.person.moodle_id)]
    unsure = [g.person.called for g in book.grades if _is_number(g.person.moodle_id) and not book.participants_known]
    count = Counter(g.person.moodle_id for g in book.grades if g.person.moodle_id)
    twice = [g.person.called for g in book.grades if count[g.person.moodle_id] > 1]
    return _said(
        book,
        (
            "Moodle cannot place them, since nobody knows their number as a participant; give Moodle's own grading worksheet with --roster",
            lost,
        ),
        (
            "Their number is that of the exported folder. Where groups hand in, it is the group's and not a participant's: then give Moodle's own "
            "grading worksheet with --roster",
            unsure,
        ),
        ("They have one number in Moodle, so only the last of these rows counts; keep one", twice),
    )


# Gradescope, and a plain table


def gradescope(book: Gradebook) -> str:
    """As Gradescope's own export of grades; it has no import of grades."""
    head = ["Name", "SID", "Email", "Total Score", "Max Points", "Status", "Submission Time"]
    return to_csv([head, *(_gradescope_row(grade) for grade in book.grades)])


def _gradescope_row(g: Grade) -> list[str]:
    status = "Missing" if g.state == "handed in nothing" else "Graded"
    who = [g.person.name, g.person.school_id, g.person.email]
    return [*map(plain_cell, who), f"{g.points}", f"{g.max_points:g}", status, g.submitted_at]


def gradescope_remarks(book: Gradebook) -> list[str]:
    lost = [g.person.called for g in book.grades if not (g.person.school_id or g.person.email)]
    return _said(
        book, ("Gradescope knows people by e-mail address and SID, and these have neither; --roster gives them", lost)
    )


def plain(book: Gradebook) -> str:
    """Everything that is known of each grade."""
    head = [
        "name", "id", "email", "points", "maximum", "score", "late_days", "late_penalty", "override", "reason", "state", "submitted_at",
        "report", "section", "held",
    ]  # fmt: skip
    return to_csv([head, *(_plain_row(grade) for grade in book.grades)])


def _plain_row(g: Grade) -> list[str]:
    who = [plain_cell(text) for text in (g.person.name, g.person.number, g.person.email)]
    numbers = [f"{g.points}", f"{g.max_points:g}", f"{g.score:g}", f"{g.late_days}", f"{g.penalty:g}"]
    rest = [plain_cell(text) for text in (g.override, g.reason, g.state, g.submitted_at, g.report, g.person.section)]
    return [*who, *numbers, *rest, f"{g.held:g}"]


def plain_remarks(book: Gradebook) -> list[str]:
    who = Counter((same_name(g.name), g.person.number, g.person.email) for g in book.grades)
    same = [g.person.called for g in book.grades if who[same_name(g.name), g.person.number, g.person.email] > 1]
    return _said(book, ("Called the same, and nothing else tells them apart", same))


def _maximum(book: Gradebook) -> float:
    return max((grade.max_points for grade in book.grades), default=0.0)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _said(book: Gradebook, *remarks: tuple[str, list[str]]) -> list[str]:
    """Sentences about those whom they concern, by name; where that is everybody, without names."""
    return [
        f"{what}: {f'all {len(who)}' if len(who) == len(book.grades) > 4 else listed(sorted(who), most=MOST_NAMED)}."
        for what, who in remarks
        if who
    ]


FORMATS: dict[str, Callable[[Gradebook], str]] = {
    "canvas": canvas,
    "gradescope": gradescope,
    "moodle": moodle,
    "csv": plain,
}
REMARKS: dict[str, Callable[[Gradebook], list[str]]] = {
    "canvas": canvas_remarks,
    "gradescope": gradescope_remarks,
    "moodle": moodle_remarks,
    "csv": plain_remarks,
}
