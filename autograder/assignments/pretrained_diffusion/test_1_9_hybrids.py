"""Task 1-9: hybrid images."""

from autograder.assignments.pretrained_diffusion.illusions import RULE_OF_HYBRIDS, hybrid_image, right_variances
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.judges import strided
from autograder.sandbox.proxies import Student

HYBRIDS = "sampling.py:make_hybrids"


@task("1-9", points=1, region=HYBRIDS)
def test_visits(student: Student, draw: Draw, note: Note) -> None:
    """`make_hybrids` starts from its image at timesteps[i_start], and asks the network at each of the timesteps from there, but the last."""

    def judge(found: strided.Run) -> None:
        assert found.model.start is not None
        strided.expect_first(found, found.model.start, note)
        strided.expect_visits(found, note)
        strided.expect_asked(found, note)

    hybrid_image(student, draw, note, judge)


@task("1-9", points=2.5, region=HYBRIDS)
def test_estimate(student: Student, draw: Draw, note: Note) -> None:
    """The noise of every step is the low pass of the guided ε_1 and the high pass of the guided ε_2 (Geng et al. 2024)."""
    hybrid_image(student, draw, note, lambda found: strided.expect_weights(found, note, RULE_OF_HYBRIDS))


@task("1-9", points=1.5, region=HYBRIDS, shows_work=True)
def test_mean(student: Student, draw: Draw, note: Note) -> None:
    """The mean of every step of `make_hybrids` is that of task 1-4, with this noise, and its result is the last x."""
    hybrid_image(student, draw, note, lambda found: strided.expect_mean(found, note))


@task("1-9", points=1, region=HYBRIDS)
def test_noise(student: Student, draw: Draw, note: Note) -> None:
    """Every step of `make_hybrids` adds noise once, by add_variance, with the variance of one of the prompts; the image stays as it is."""

    def judge(found: strided.Run) -> None:
        strided.expect_noise(found, note, right_variances(found), "that of one of the two prompts in this step")
        found.expect_kept(note)

    hybrid_image(student, draw, note, judge)
