"""Put all figures of your trainings, and your own sentences, on one page (given; nothing to do here).

    python make_page.py              writes page/page.html, a single file with everything in it: open it in a browser, and hand it in

Your sentences stand in page/words.md, which is made at the first call and never overwritten: write below its headings, and call again.
"""

import base64
import html
import re
from pathlib import Path
from typing import NamedTuple

from errors import UserError, run
from run_folder import RESULTS

PAGE, WORDS = Path("page/page.html"), Path("page/words.md")


class Picture(NamedTuple):
    """A figure of the page: its file below results/, what is seen in it, and the options of train.py that make it."""

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


def _trained(model: str, options: str, of: str, epochs: tuple[int, ...]) -> tuple[Picture, ...]:
    """Loss curve and samples of a model."""
    shown = (Picture(f"{model}/samples_epoch_{epoch:02d}.png", f"Samples of the {of} after epoch {epoch}", options) for epoch in epochs)
    return (Picture(f"{model}/loss.png", f"Training loss of the {of} over the steps, on a logarithmic axis", options), *shown)


SECTIONS = (
    Section("noise", "1.2 Noise", "From which σ on can you no longer read the digits?",
            (Picture("denoiser/noising.png", "Digits under noise of σ = 0 to 1", "denoiser"),)),
    Section("denoiser", "1.2 A one-step denoiser", "What is better after five epochs than after one? What is still wrong?",
            (Picture("denoiser/loss.png", "Training loss of the denoiser over the steps, on a logarithmic axis", "denoiser"),
             Picture("denoiser/denoised_epoch_01.png", "Test digits: clean, noisy, and denoised after epoch 1", "denoiser"),
             Picture("denoiser/denoised_epoch_05.png", "Test digits: clean, noisy, and denoised after epoch 5", "denoiser"))),
    Section("strengths", "1.2 Noise that it was not trained on", "What does the denoiser do with less noise than it knows, and what with more?",
            (Picture("denoiser/strengths.png", "One test digit with noise of σ = 0 to 1, and denoised", "denoiser"),)),
    Section("time", "2.2 and 2.3 Told the time", "How do the samples change from epoch 5 to epoch 20?",
            _trained("time", "time", "time-conditional model", (5, 20))),
    Section("class", "2.4 and 2.5 Told the digit", "What does guidance buy, and what does it cost?",
            _trained("class", "class", "class-conditional model", (5, 20))),
    Section("gifs", "Bonus: sampling, animated", "When does a digit decide what it will be?",
            (Picture("time/sampling.gif", "From noise to samples, time-conditional, animated", "time"),
             Picture("class/sampling.gif", "From noise to the digits 0 to 9 with guidance, animated", "class")), bonus=True),
    Section("better", "Bonus: a better U-Net", "What did you change, and what does it bring for the same number of steps?",
            (Picture("better/loss.png", "Training loss of the better U-Net beside that of the diagram", "better"),
             Picture("better/denoised_epoch_05.png", "Test digits: clean, noisy, and denoised by the better U-Net", "better")), bonus=True),
    Section("flow", "Bonus: flow matching", "How do these samples compare with those of diffusion?",
            _trained("flow_time", "flow --time", "time-conditional flow", (5, 10))
            + _trained("flow_class", "flow", "class-conditional flow", (5, 10)),
            bonus=True),
)  # fmt: skip

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


def first_words() -> str:
    """words.md as it is at the beginning: a heading for each section, with the question in a comment."""
    parts = [f"## {section.key}\n\n<!-- {section.title}: {section.ask} -->\n" for section in SECTIONS]
    return "\n".join(["## title\n\nA diffusion model of digits\n", "## name\n\nYour name\n", *parts])


def read_words(text: str) -> dict[str, str]:
    """The text below each heading "## key". Comments are left out. Raises UserError for a heading that the page does not have."""
    pieces = re.split(r"^##[ \t]+(\w+)[ \t]*$", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    words = {key: body.strip() for key, body in zip(pieces[1::2], pieces[2::2])}
    known = ["title", "name", *(section.key for section in SECTIONS)]
    if unknown := [key for key in words if key not in known]:
        raise UserError(f"{WORDS} has a heading {unknown[0]!r} that the page does not have; the headings are {', '.join(known)}.")
    return words


def paragraphs(text: str) -> str:
    """As HTML: empty lines part paragraphs, `code` is code, and nothing else has a meaning."""
    escaped = (html.escape(" ".join(part.split())) for part in re.split(r"\n\s*\n", text) if part.strip())
    return "\n".join("<p>" + re.sub("`([^`]+)`", r"<code>\1</code>", part) + "</p>" for part in escaped)


def picture_html(picture: Picture, results: Path) -> str:
    """The picture with what it is below it, or how it is made where it is missing."""
    path = results / picture.file
    if not path.is_file():
        return f'<div class="open">Not there yet: {html.escape(picture.alt)}. <code>python train.py {picture.made_by}</code> makes it.</div>'
    kind = path.suffix[1:]
    moving = ' class="moving"' if kind == "gif" else ""
    data = base64.b64encode(path.read_bytes()).decode()
    alt = html.escape(picture.alt)
    return f'<figure><img{moving} alt="{alt}" src="data:image/{kind};base64,{data}"><figcaption>{alt}.</figcaption></figure>'


def section_html(section: Section, words: str, results: Path) -> str:
    """A section with its pictures and words; empty for a bonus of which there is nothing."""
    if section.bonus and not words and not any((results / picture.file).is_file() for picture in section.pictures):
        return ""
    wish = f'<p class="open">{html.escape(section.ask)} Write it in <code>{WORDS}</code>, below <code>## {section.key}</code>.</p>'
    shown = "\n".join(picture_html(picture, results) for picture in section.pictures)
    return f"<section>\n<h2>{html.escape(section.title)}</h2>\n{shown}\n{paragraphs(words) or wish}\n</section>"


def page_html(words: dict[str, str], results: Path) -> str:
    title, name = html.escape(words.get("title") or "A diffusion model of digits"), html.escape(words.get("name", ""))
    body = "\n".join(filter(None, (section_html(section, words.get(section.key, ""), results) for section in SECTIONS)))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    top = f'<h1>{title}</h1>\n<p class="who">{name}</p>'
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body><main>\n{top}\n{body}\n</main></body>\n</html>\n'


def main() -> None:
    PAGE.parent.mkdir(exist_ok=True)
    if not WORDS.exists():
        WORDS.write_text(first_words(), encoding="utf-8")
        print(f"Your sentences go into {WORDS}.")
    try:
        words = read_words(WORDS.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise UserError(f"{WORDS} is not text in UTF-8; save it in that encoding.") from None
    PAGE.write_text(page_html(words, RESULTS), encoding="utf-8")
    missing = [p for s in SECTIONS if not s.bonus for p in s.pictures if not (RESULTS / p.file).is_file()]
    for options in dict.fromkeys(picture.made_by for picture in missing):
        count = sum(picture.made_by == options for picture in missing)
        print(f"Missing: {count} picture{'s' * (count > 1)} that python train.py {options} makes.")
    print(f"{PAGE}: {PAGE.stat().st_size / 1e6:.1f} MB.")


if __name__ == "__main__":
    run(main)
