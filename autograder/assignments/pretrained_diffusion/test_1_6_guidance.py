"""Task 1-6: classifier-free guidance."""

from autograder.assignments.pretrained_diffusion.interface import GUIDED, PROMPT, SHAPE, Course, timesteps
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.judges import strided
from autograder.sandbox.proxies import Student

LOOP = "sampling.py:iterative_denoise_cfg"
RULE = "the noise must be ε_u + γ (ε_c − ε_u)"


def run(student: Student, draw: Draw, i_start: int = 2, scale: float | None = None) -> strided.Run:
    scale = round(float(draw.uniform(2.5, 6)), 2) if scale is None else scale
    course = Course(student, draw, "guided", scale)
    return course.run("iterative_denoise_cfg", draw.normal(*SHAPE), i_start, timesteps(draw, 6), lambda: GUIDED)


@task("1-6", points=2, region=LOOP)
def test_visits(student: Student, draw: Draw, note: Note) -> None:
    """`iterative_denoise_cfg` starts from its image at timesteps[i_start], and asks the network at each of the timesteps from there, but the last."""
    found = run(student, draw)
    assert found.model.start is not None
    strided.expect_first(found, found.model.start, note)
    strided.expect_visits(found, note)


@task("1-6", points=1, region=LOOP)
def test_asked(student: Student, draw: Draw, note: Note) -> None:
    """In every step `iterative_denoise_cfg` asks the network with the prompt and with the null prompt."""
    strided.expect_asked(run(student, draw), note)


@task("1-6", points=4, region=LOOP)
def test_guidance(student: Student, draw: Draw, note: Note) -> None:
    """The noise of every step is ε_u + γ (ε_c − ε_u), for γ = 1 and others (Ho and Salimans, Eq. 6)."""
    for scale in (None, 1.0):
        found = run(student, draw, 1, scale)
        strided.expect_weights(found, note if scale is None else Note(), RULE)


@task("1-6", points=3, region=LOOP, shows_work=True)
def test_mean(student: Student, draw: Draw, note: Note) -> None:
    """The mean of every step of `iterative_denoise_cfg` is that of task 1-4, with the guided noise, and its result is the last x."""
    strided.expect_mean(run(student, draw), note)


@task("1-6", points=2, region=LOOP)
def test_noise(student: Student, draw: Draw, note: Note) -> None:
    """Every step of `iterative_denoise_cfg` adds noise once, by add_variance, with the variance of the prompt; the image stays as it is."""
    found = run(student, draw)
    strided.expect_noise(found, note, {"": strided.variance_of(PROMPT)}, "the one that is predicted for the prompt in this step")
    found.expect_kept(note)
