"""Task 1-8: visual anagrams."""

from autograder.assignments.pretrained_diffusion.illusions import RULE_OF_ANAGRAMS, anagram, right_variances
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.judges import strided
from autograder.sandbox.proxies import Student

ANAGRAM = "sampling.py:make_flip_illusion"


@task("1-8", points=1.5, region=ANAGRAM)
def test_visits(student: Student, draw: Draw, note: Note) -> None:
    """`make_flip_illusion` starts from its image at timesteps[i_start], and takes a step at each of the timesteps from there, but the last."""

    def judge(found: strided.Run) -> None:
        assert found.model.start is not None
        strided.expect_first(found, found.model.start, note)
        strided.expect_visits(found, note)

    anagram(student, draw, note, judge)


@task("1-8", points=1.5, region=ANAGRAM)
def test_asked(student: Student, draw: Draw, note: Note) -> None:
    """In every step `make_flip_illusion` asks about x with prompt 1, about x upside down with prompt 2, and about both with the null prompt."""
    anagram(student, draw, note, lambda found: strided.expect_asked(found, note), as_asked=False)


@task("1-8", points=2, region=ANAGRAM)
def test_estimate(student: Student, draw: Draw, note: Note) -> None:
    """The noise of every step is the mean of the guided estimate of x and of that of x upside down, turned back (Geng et al. 2024)."""
    anagram(student, draw, note, lambda found: strided.expect_weights(found, note, RULE_OF_ANAGRAMS))


@task("1-8", points=2, region=ANAGRAM, shows_work=True)
def test_mean(student: Student, draw: Draw, note: Note) -> None:
    """The mean of every step of `make_flip_illusion` is that of task 1-4, with this noise, and its result is the last x."""
    anagram(student, draw, note, lambda found: strided.expect_mean(found, note))


@task("1-8", points=1, region=ANAGRAM)
def test_noise(student: Student, draw: Draw, note: Note) -> None:
    """Every step of `make_flip_illusion` adds noise once, by add_variance, with the variance of a prompt, upright; the image stays as it is."""

    def judge(found: strided.Run) -> None:
        strided.expect_noise(found, note, right_variances(found), "that of prompt 1, or that of prompt 2 turned back")
        found.expect_kept(note)

    anagram(student, draw, note, judge)
