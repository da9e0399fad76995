"""The verdict as one self-contained web page, for a student at midnight: what failed, why, and where to look.

No scripts, no external resources (a Content-Security-Policy tells the browser so), pictures as data URIs, every text
escaped by jinja.
"""

import base64
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autograder.report.view import Audience, CheckView, present
from autograder.report.wording import count, count_points, inline, paragraphs, points_text
from autograder.text import clean_text
from autograder.verdict import Figure, Verdict

HERE = Path(__file__).parent
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Picture:
    """A figure as the template needs it."""

    uri: str
    caption: str
    width: int
    height: int

    @property
    def wide(self) -> bool:
        return self.width > 1.5 * self.height

    @property
    def strip(self) -> bool:
        """So wide that a phone scrolls it sideways."""
        return self.width > 3 * self.height


def render_html(verdict: Verdict, figures: Sequence[Figure] = (), audience: Audience = "student") -> str:
    """The report of one submission as an HTML page."""
    return render_page(
        HERE / "report.html.jinja",
        view=present(verdict, audience),
        pictures=[picture for figure in figures if (picture := _picture(figure))],
    )


def render_page(template: Path, policy: str = CONTENT_SECURITY_POLICY, **values: Any) -> str:
    """A page with the policy filled in. The template may include its neighbours, and the files of this folder."""
    return _environment(template.parent).get_template(template.name).render(policy=policy, **values)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "inline": inline,
        "prose": _prose,
        "points": points_text,
        "count_points": count_points,
        "anchor": _anchor,
        "diff_lines": _diff_lines,
    }
    environment.globals["count"] = count
    return environment


def _prose(text: str, check: CheckView | None = None) -> list[tuple[str, Any]]:
    """Paragraphs of a message for the template. What a student's code said, as in an exception, stays as it is."""
    literal = check is not None and check.state == "broken"
    return [
        (kind, inline(block, subscripts=not literal) if kind == "text" else block)
        for kind, block in paragraphs(text)
        if block.strip()
    ]


def _anchor(text: str) -> str:
    """A safe fragment for links within the page."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-") or "part"


def _diff_lines(text: str) -> list[tuple[str, str]]:
    """(class, line) for each line of a diff."""
    classes = {"+": "added", "-": "removed", "@": "place"}
    return [(classes.get(line[:1], "same"), line) for line in text.split("\n")]


def _picture(figure: Figure) -> Picture | None:
    """None for what is not a PNG."""
    if not figure.png.startswith(_PNG) or len(figure.png) < 24:
        return None
    width, height = struct.unpack(">II", figure.png[16:24])
    uri = "data:image/png;base64," + base64.b64encode(figure.png).decode("ascii")
    return Picture(uri, clean_text(figure.caption, 1000), width, height)
