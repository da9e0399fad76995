"""Task 1-2: denoising by a blur."""

import numpy as np

from autograder.assignments.pretrained_diffusion.interface import Course
from autograder.grading.checks import Floats, Note, expect, task
from autograder.grading.seeds import Draw
from autograder.judges.results import arrays_in, batch_in
from autograder.oracles.blur import gaussian_blur
from autograder.oracles.tolerance import near
from autograder.sandbox.proxies import Student

BLUR = "sampling.py:classical_denoise"
SETTINGS = ((5, 1.0, 1.6), (9, 2.0, 3.0), (13, 1.3, 4.0), (7, 0.5, 0.9))  # kernel_size, and a range of σ; none has its kernel's own σ
WITHIN = 4e-3  # half precision; another kernel or σ is off by 0.05 and more
BORDER = 8


def is_made_of_a_blur(got: Floats, image: Floats, blurred: Floats) -> bool:
    """Whether a blur, in some measure, is part of the result, beside the image."""
    design, target = np.stack([image.ravel(), blurred.ravel()], axis=1), got.ravel()
    weights, *_ = np.linalg.lstsq(design, target, rcond=None)
    left = target - design @ weights
    return bool(abs(weights[1]) > 0.4 and left.std() < 0.7 * target.std())


@task("1-2", points=4, region=BLUR, shows_work=True)
def test_blur(student: Student, draw: Draw, note: Note) -> None:
    """`classical_denoise` is the Gaussian blur with the kernel and the σ that it is given."""
    course = Course(student, draw)
    for kernel_size, lowest, highest in SETTINGS:
        image, sigma = draw.normal(1, 3, 64, 48), round(float(draw.uniform(lowest, highest)), 3)
        handle = course.call("classical_denoise", course.batch(image), kernel_size, sigma, shows=False)
        got, right = batch_in(arrays_in(student, handle), image.shape, "classical_denoise"), gaussian_blur(image, kernel_size, sigma)
        note.measured_work(is_made_of_a_blur(got, image, right))
        note(f"spread left by kernel {kernel_size}", got.std() / image.std(), 5e-3)
        note(f"blurred by kernel {kernel_size}", got[0, 0, 30, 20:28], 5e-3)
        inside = near(got[..., BORDER:-BORDER, BORDER:-BORDER], right[..., BORDER:-BORDER, BORDER:-BORDER], WITHIN)
        where = f"With kernel_size = {kernel_size} and sigma = {sigma}"
        expect(
            inside,
            f"{where}, classical_denoise must leave {right.std() / image.std():.1%} of the spread of pure noise; yours leaves "
            f"{got.std() / image.std():.1%}. Look at what becomes of both arguments.",
        )
        off = float(np.abs(got - right).max())
        expect(off <= WITHIN, f"{where}, classical_denoise is right inside, and off by up to {off:.3f} at the borders, which are to be mirrored.")
