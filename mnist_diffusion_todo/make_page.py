"""Put all figures of your trainings, and your own sentences, on one page (given; nothing to do here).

    python make_page.py              writes page/page.html, a single file with everything in it: open it in a browser, and hand it in

Your sentences stand in page/words.md, which is made at the first call and never overwritten: write below its headings, and call again.
"""

from pathlib import Path

import web_page
from errors import run
from run_folder import RESULTS
from web_page import Picture, Section

PAGE, WORDS = Path("page/page.html"), Path("page/words.md")


def _trained(model: str, options: str, of: str, epochs: tuple[int, ...]) -> tuple[Picture, ...]:
    """Loss curve and samples of a model."""
    made_by = f"python train.py {options}"
    shown = (
        Picture(f"{model}/samples_epoch_{epoch:02d}.png", f"Samples of the {of} after epoch {epoch}", made_by)
        for epoch in epochs
    )
    return (
        Picture(f"{model}/loss.png", f"Training loss of the {of} over the steps, on a logarithmic axis", made_by),
        *shown,
    )


SECTIONS = (
    Section("noise", "1.2 Noise", "From which σ on can you no longer read the digits?",
            (Picture("denoiser/noising.png", "Digits under noise of σ = 0 to 1", "python train.py denoiser"),)),
    Section("denoiser", "1.2 A one-step denoiser", "What is better after five epochs than after one? What is still wrong?",
            (Picture("denoiser/loss.png", "Training loss of the denoiser over the steps, on a logarithmic axis", "python train.py denoiser"),
             Picture("denoiser/denoised_epoch_01.png", "Test digits: clean, noisy, and denoised after epoch 1", "python train.py denoiser"),
             Picture("denoiser/denoised_epoch_05.png", "Test digits: clean, noisy, and denoised after epoch 5", "python train.py denoiser"))),
    Section("strengths", "1.2 Noise that it was not trained on", "What does the denoiser do with less noise than it knows, and what with more?",
            (Picture("denoiser/strengths.png", "One test digit with noise of σ = 0 to 1, and denoised", "python train.py denoiser"),)),
    Section("time", "2.2 and 2.3 Told the time", "How do the samples change from epoch 5 to epoch 20?",
            _trained("time", "time", "time-conditional model", (5, 20))),
    Section("class", "2.4 and 2.5 Told the digit", "What does guidance buy, and what does it cost?",
            _trained("class", "class", "class-conditional model", (5, 20))),
    Section("gifs", "Bonus: sampling, animated", "When does a digit decide what it will be?",
            (Picture("time/sampling.gif", "From noise to samples, time-conditional, animated", "python train.py time"),
             Picture("class/sampling.gif", "From noise to the digits 0 to 9 with guidance, animated", "python train.py class")), bonus=True),
    Section("better", "Bonus: a better U-Net", "What did you change, and what does it bring for the same number of steps?",
            (Picture("better/loss.png", "Training loss of the better U-Net beside that of the diagram", "python train.py better"),
             Picture("better/denoised_epoch_05.png", "Test digits: clean, noisy, and denoised by the better U-Net", "python train.py better")), bonus=True),
    Section("flow", "Bonus: flow matching", "How do these samples compare with those of diffusion?",
            _trained("flow_time", "flow --time", "time-conditional flow", (5, 10))
            + _trained("flow_class", "flow", "class-conditional flow", (5, 10)),
            bonus=True),
)  # fmt: skip


def main() -> None:
    page = web_page.Page("A diffusion model of digits", SECTIONS, PAGE, WORDS, RESULTS)
    missing = web_page.write(page)
    for command in dict.fromkeys(picture.made_by for picture in missing):
        count = sum(picture.made_by == command for picture in missing)
        print(f"Missing: {count} picture{'s' * (count > 1)} that {command} makes.")
    print(f"{PAGE}: {PAGE.stat().st_size / 1e6:.1f} MB.")


if __name__ == "__main__":
    run(main)
