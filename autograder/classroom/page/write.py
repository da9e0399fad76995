"""The class as one web page: what to look at first, what was misunderstood, and a table of everybody.

The page may run one script, its own: the Content-Security-Policy names the script by its SHA-256, so no other one runs,
whatever a student's text tries. Sorting and searching a table of 500 lines cannot be done with style sheets. Without
the script the page is complete, in the order of names. Pictures are linked and loaded when scrolled to; no other
resource is.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from autograder.classroom.page.records import ClassView, Course
from autograder.classroom.page.view import present_class
from autograder.classroom.records import Graded
from autograder.classroom.similarity import Pair
from autograder.errors import UserError
from autograder.grading.mutants import explanations
from autograder.manifest import load_manifest
from autograder.outcome_rule import Measure
from autograder.report.html import render_page
from autograder.verdict import write_atomically

_HERE = Path(__file__).parent
_SCRIPT = (_HERE / "class.js").read_text(encoding="utf-8")
_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode("ascii")
CLASS_POLICY = (
    f"default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'"
)
_PICTURES = ("samples_ddpm.png", "samples_ddim.png", "samples.png")  # of the figures, the one that shows samples best


def write_class_page(
    out: Path, title: str, graded: Sequence[Graded], pairs: Sequence[Pair] = (), remarks: Sequence[str] = ()
) -> None:
    """Write the page to `out`. `remarks`: sentences about who handed in and who did not.

    The folders of reports lie below the folder of `out`, see `Graded.folder`.

    Raises ValueError for a folder that does not, and OSError where the page cannot be written.
    """
    course = _course({item.verdict.assignment for item in graded})
    view = present_class(title, graded, pairs, course, _find_pictures(out.parent, graded), remarks)
    write_atomically(out, render_class(view))


def render_class(view: ClassView) -> str:
    return render_page(_HERE / "class.html.jinja", policy=CLASS_POLICY, view=view, script=Markup(_SCRIPT))


def _course(assignments: set[str]) -> Course:
    """Explanations, and figures of the outcomes, of these assignments. One that is not known here has none."""
    known: dict[str, tuple[str, str]] = {}
    measures: dict[str, Measure] = {}
    outcomes: set[str] = set()
    for identifier in sorted(assignments):
        try:
            manifest = load_manifest(identifier)
        except UserError:
            continue
        known |= explanations(manifest)
        measures |= {measure.check: measure for measure in manifest.outcome.measures()}
        outcomes |= {task.id for task in manifest.tasks if task.kind == "outcome"}
    return Course(known, measures, frozenset(outcomes))


def _find_pictures(home: Path, graded: Sequence[Graded]) -> Mapping[str, str]:
    found = {}
    for item in graded:
        for name in _PICTURES:
            if (home / item.folder / "figures" / name).is_file():
                found[item.folder] = f"figures/{name}"
                break
    return found
