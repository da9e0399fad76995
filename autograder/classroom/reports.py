"""The files that a graded class leaves beside its ledger: a folder for each student, and the page of the class."""

from collections.abc import Sequence
from pathlib import Path

from autograder.classroom.ledger import writable
from autograder.classroom.records import Graded
from autograder.report import write_reports
from autograder.verdict import Figure, Verdict, write_atomically


def write_student_reports(verdict: Verdict, figures: Sequence[Figure], folder: Path) -> None:
    """verdict.json, results.json, report.html and the figures; what a kill left half written there is taken away."""
    if folder.is_dir():
        for torn in folder.glob(".*.*"):
            torn.unlink()
    write_reports(verdict, figures, folder)
    write_atomically(folder / "verdict.json", verdict.to_json())


def write_class_reports(
    out: Path, title: str, graded: Sequence[Graded], earlier: Path | None, remarks: Sequence[str] = ()
) -> None:
    """index.html: the class at a glance. `earlier`: a folder of earlier years' submissions, to look for code in common with.
    `remarks`: about who handed in.

    Raises UserError where `earlier` cannot be read, or the page not be written.
    """
    from autograder.classroom.page.write import write_class_page
    from autograder.classroom.similarity import find_similar

    similar = find_similar(graded, earlier)
    with writable(out / "index.html"):
        write_class_page(out / "index.html", title, graded, similar, remarks)
