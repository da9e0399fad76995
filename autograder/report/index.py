"""A page that links the reports of several submissions."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from autograder.report.html import HERE, render_page
from autograder.report.view import present
from autograder.report.wording import score_text
from autograder.text import clean_line
from autograder.verdict import Verdict, write_atomically


@dataclass(frozen=True)
class IndexEntry:
    """One line of the page. `report` is the path of the report, relative to the page, with forward slashes."""

    report: str
    submission: str
    score: float
    max_score: float
    summary: str
    about: str = ""  # what the submission is there to show

    @staticmethod
    def of(verdict: Verdict, report: str, about: str = "") -> "IndexEntry":
        view = present(verdict)
        return IndexEntry(report, view.submission, view.score, view.maximum, view.sentence, about)

    @property
    def points(self) -> str:
        return score_text(self.score, self.max_score)

    @property
    def share(self) -> float:
        return min(max(self.score / self.max_score, 0.0), 1.0) if self.max_score > 0 else 0.0

    @property
    def link(self) -> str:
        """The path as a relative link; it can only lead to a file below the page."""
        return "./" + quote(posixpath.normpath(self.report))


def write_index(path: Path, entries: Iterable[IndexEntry], title: str = "Graded submissions") -> None:
    """Write a self-contained page that lists the entries in their order and links their reports.

    Raises ValueError for a report that does not lie below the folder of the page.
    """
    clean = []
    for entry in entries:
        inner = posixpath.normpath(entry.report)
        if inner.startswith(("/", "../")) or inner in (".", "..") or "\\" in inner:
            raise ValueError(f"the report {entry.report!r} does not lie below the index page")
        clean.append(
            IndexEntry(
                inner.encode("utf-8", "replace").decode(),
                clean_line(entry.submission, 120),
                entry.score,
                entry.max_score,
                clean_line(entry.summary, 400),
                clean_line(entry.about, 300),
            )
        )
    write_atomically(path, render_page(HERE / "index.html.jinja", title=clean_line(title, 120), entries=clean))
