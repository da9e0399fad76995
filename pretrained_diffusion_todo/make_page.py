"""Make every figure that is missing, and put all of them with your own sentences on one page (given; nothing to do here).

    python make_page.py                         writes results/index.html, one file with everything in it: open it in a browser, and hand it in
    python make_page.py --again edits guided    draws these anew, such as after you have changed your code, or your pictures; all: --again
    python make_page.py --only-page             draws nothing

Your sentences stand in results/words.md, which is made at the first call and never overwritten: write below its headings, and call again.
"""

import argparse
import traceback
from pathlib import Path

import web_page
from errors import UserError, run
from tqdm import tqdm
from web_page import Page, Picture, Section

RESULTS = Path("results")


def _picture(name: str, alt: str, ending: str = "png") -> Picture:
    return Picture(f"{name}.{ending}", alt, f"python make_page.py --again {name}")


SECTIONS = (
    Section("prompts", "0 What the model draws", "Do the pictures show the prompts? What do more steps bring?",
            (_picture("prompts", "Guided samples of three prompts in 2 to 33 steps"),)),
    Section("forward", "1.1 The forward process", "From which t on do you not recognise the picture?",
            (_picture("forward", "The test image clean and under noise"),)),
    Section("denoising", "1.2 to 1.4 Three ways to take noise away", "What does the blur lose? What does one step get wrong that many get right?",
            (_picture("denoising", "Noisy images, and what blur, one step and the loop make of them"),
             _picture("on_the_way", "The image on the way through the loop, every fifth step"))),
    Section("samples", "1.5 and 1.6 From pure noise", "What does guidance buy, and what does it cost?",
            (_picture("samples", "Five samples without guidance"), _picture("guided", "Five samples with guidance"))),
    Section("edits", "1.7 Edits", "How much of the picture is left at which i_start?",
            (_picture("edits", "Three pictures edited at six noise levels"),
             _picture("edited_drawings", "Two hand-drawn pictures edited at six noise levels"),
             _picture("edited_with_prompts", "Three pictures edited towards a prompt"))),
    Section("inpainting", "1.7.2 Inpainting", "Does the new content fit to what is around it?",
            (_picture("inpainting", "Three pictures, their masks, and the holes filled"),)),
    Section("illusions", "1.8 Visual anagrams", "Which prompts go together, and why?",
            (_picture("illusions", "Pictures that show another prompt upside down"),)),
    Section("hybrids", "1.9 Hybrids", "From how far away does the picture change?",
            (_picture("hybrids", "Pictures that show another prompt from far away"),)),
    Section("more", "Bonus: more", "A logo, a frame from your own idea, an animation: what do you want to show?",
            (_picture("enlarged", "A sample in two sizes"), _picture("sampling", "From noise to three prompts, animated", "gif")), bonus=True),
)  # fmt: skip


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", nargs="*", metavar="FIGURE", help="draw these anew; without names: all")
    parser.add_argument("--only-page", action="store_true", help="draw nothing")
    return parser.parse_args(arguments)


def chosen(again: list[str] | None) -> list[str]:
    """The figures to draw: those that are missing, and those asked for. Raises UserError for a name that is none."""
    names = {Path(picture.file).stem: picture for section in SECTIONS for picture in section.pictures}
    if unknown := [name for name in again or () if name not in names]:
        raise UserError(f"There is no figure {unknown[0]!r}; the figures are {', '.join(names)}.")
    return [name for name, picture in names.items() if again == [] or name in (again or ()) or not (RESULTS / picture.file).is_file()]


def draw(names: list[str]) -> None:
    """One that cannot be drawn, since its TODO is open or its code fails, is reported, and the others are drawn."""
    import figures

    for name in (bar := tqdm(names, unit="figure")):
        bar.set_description(name)
        try:
            figures.make(name)
        except NotImplementedError as error:
            tqdm.write(f"{name}: not yet, {error}.")
        except UserError as error:
            tqdm.write(f"{name}: {error}")
        except Exception as error:
            at = next((frame for frame in reversed(traceback.extract_tb(error.__traceback__)) if Path(frame.filename).name == "sampling.py"), None)
            tqdm.write(f"{name}: {type(error).__name__}: {error}" + (f" (sampling.py, line {at.lineno})" if at else ""))


def main(arguments: list[str] | None = None) -> None:
    args = parse(arguments)
    if not args.only_page:
        draw(chosen(args.again))
    page = Page("The power of diffusion models", SECTIONS, RESULTS / "index.html", RESULTS / "words.md", RESULTS)
    for picture in web_page.write(page):
        print(f"Missing: {picture.file}, {picture.alt[0].lower()}{picture.alt[1:]}.")
    print(f"{page.file}: {page.file.stat().st_size / 1e6:.1f} MB.")


if __name__ == "__main__":
    run(main)
