"""A page of figures and sentences, as a single HTML file with everything in it (given; nothing to do here).

The sentences stand in a text file with a heading "## key" for each section, which is made at the first call and never overwritten.
"""

import base64
import html
import re
from pathlib import Path
from typing import NamedTuple

from errors import UserError


class Picture(NamedTuple):
    """A figure of the page: its file below results/, what is seen in it, and the command that makes it."""

    file: str
    alt: str
    made_by: str


class Section(NamedTuple):
    """A part of the page. `ask`: what your sentences below it may say. The pictures of a bonus are left out where there are none."""

    key: str
    title: str
    ask: str
    pictures: tuple[Picture, ...]
    bonus: bool = False


class Page(NamedTuple):
    """`title`: until you write another. `file`, `words`: what is written, and your sentences. `results`: where the pictures lie."""

    title: str
    sections: tuple[Section, ...]
    file: Path
    words: Path
    results: Path


STYLE = """
body { margin: 0; background: #f6f7f9; color: #22272e; font: 17px/1.6 system-ui, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 48px 24px 96px; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 .3em; }
h2 { font-size: 1.3rem; margin: 0 0 .6em; }
.who { color: #5c6773; margin: 0 0 2.5em; }
section { background: #fff; border: 1px solid #e3e7ec; border-radius: 10px; padding: 26px 30px; margin: 0 0 26px; }
p { max-width: 46em; margin: 0 0 1em; }
figure { margin: 1.2em 0; }
img { display: block; max-width: 100%; height: auto; }
img.moving { image-rendering: pixelated; border-radius: 4px; }
figcaption { color: #5c6773; font-size: .9rem; margin-top: .35em; }
code { background: #eef1f5; white-space: nowrap; border-radius: 4px; padding: .1em .35em; font-size: .92em; }
.open { border: 1.5px dashed #c3ccd6; border-radius: 8px; color: #5c6773; padding: .9em 1.1em; margin: 1.2em 0; }
@media print { body { background: #fff; } section { border: 0; padding: 0; break-inside: avoid-page; } }
"""


def write(page: Page) -> list[Picture]:
    """Write the page, and its file of sentences where there is none; returns the pictures that are missing, but for those of a bonus.

    Raises UserError for sentences that cannot be read.
    """
    page.file.parent.mkdir(parents=True, exist_ok=True)
    if not page.words.exists():
        page.words.write_text(first_words(page), encoding="utf-8")
        print(f"Your sentences go into {page.words}.")
    try:
        words = read_words(page, page.words.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise UserError(f"{page.words} is not text in UTF-8; save it in that encoding.") from None
    page.file.write_text(page_html(page, words), encoding="utf-8")
    return [
        picture
        for section in page.sections
        if not section.bonus
        for picture in section.pictures
        if not (page.results / picture.file).is_file()
    ]


def first_words(page: Page) -> str:
    """The file of sentences as it is at the beginning: a heading for each section, with the question in a comment."""
    parts = [f"## {section.key}\n\n<!-- {section.title}: {section.ask} -->\n" for section in page.sections]
    return "\n".join([f"## title\n\n{page.title}\n", "## name\n\nYour name\n", *parts])


def read_words(page: Page, text: str) -> dict[str, str]:
    """The text below each heading "## key". Comments are left out. Raises UserError for a heading that the page does not have."""
    pieces = re.split(r"^##[ \t]+(\w+)[ \t]*$", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    words = {key: body.strip() for key, body in zip(pieces[1::2], pieces[2::2])}
    known = ["title", "name", *(section.key for section in page.sections)]
    if unknown := [key for key in words if key not in known]:
        raise UserError(
            f"{page.words} has a heading {unknown[0]!r} that the page does not have; the headings are {', '.join(known)}."
        )
    return words


def paragraphs(text: str) -> str:
    """As HTML: empty lines part paragraphs, `code` is code, and nothing else has a meaning."""
    escaped = (html.escape(" ".join(part.split())) for part in re.split(r"\n\s*\n", text) if part.strip())
    return "\n".join("<p>" + re.sub("`([^`]+)`", r"<code>\1</code>", part) + "</p>" for part in escaped)


def picture_html(picture: Picture, results: Path) -> str:
    """The picture with what it is below it, or how it is made where it is missing."""
    path = results / picture.file
    if not path.is_file():
        return f'<div class="open">Not there yet: {html.escape(picture.alt)}. <code>{html.escape(picture.made_by)}</code> makes it.</div>'
    kind = path.suffix[1:]
    moving = ' class="moving"' if kind == "gif" else ""
    data = base64.b64encode(path.read_bytes()).decode()
    alt = html.escape(picture.alt)
    return f'<figure><img{moving} alt="{alt}" src="data:image/{kind};base64,{data}"><figcaption>{alt}.</figcaption></figure>'


def section_html(page: Page, section: Section, words: str) -> str:
    """A section with its pictures and words; empty for a bonus of which there is nothing."""
    if section.bonus and not words and not any((page.results / picture.file).is_file() for picture in section.pictures):
        return ""
    wish = f'<p class="open">{html.escape(section.ask)} Write it in <code>{page.words}</code>, below <code>## {section.key}</code>.</p>'
    shown = "\n".join(picture_html(picture, page.results) for picture in section.pictures)
    return f"<section>\n<h2>{html.escape(section.title)}</h2>\n{shown}\n{paragraphs(words) or wish}\n</section>"


def page_html(page: Page, words: dict[str, str]) -> str:
    title, name = html.escape(words.get("title") or page.title), html.escape(words.get("name", ""))
    body = "\n".join(
        filter(None, (section_html(page, section, words.get(section.key, "")) for section in page.sections))
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    top = f'<h1>{title}</h1>\n<p class="who">{name}</p>'
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body><main>\n{top}\n{body}\n</main></body>\n</html>\n'
