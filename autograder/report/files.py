"""The files that a grade leaves behind, each written so that a reader sees the old content or the new."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.report.gradescope import Visibility, results_json, to_gradescope
from autograder.report.html import render_html
from autograder.report.view import Audience
from autograder.verdict import Figure, Verdict, write_atomically


def write_reports(
    verdict: Verdict,
    figures: Sequence[Figure],
    folder: Path,
    *,
    audience: Audience = "student",
    visibility: Visibility = "visible",
    stdout_visibility: Visibility = "hidden",
    check_visibility: Mapping[str, Visibility] | None = None,
) -> tuple[Path, ...]:
    """Write `results.json`, `report.html` and `figures/<name>.png` into `folder`; gives their paths in that order.

    `audience` is who reads the page; `results.json` is always for students. May be called again as the verdict grows.
    """
    results = folder / "results.json"
    write_atomically(results, results_json(to_gradescope(verdict, visibility, stdout_visibility, check_visibility)))
    report = folder / "report.html"
    write_atomically(report, render_html(verdict, figures, audience))
    pictures: list[Path] = []
    for figure in figures:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", figure.name)[:80].strip("_") or "figure"
        path = folder / "figures" / f"{stem}.png"
        for number in range(2, len(figures) + 2):
            if path not in pictures:
                break
            path = folder / "figures" / f"{stem}_{number}.png"
        write_atomically(path, figure.png)
        pictures.append(path)
    return results, report, *pictures
