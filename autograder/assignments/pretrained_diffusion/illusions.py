"""Runs of `make_flip_illusion` and `make_hybrids`, in each form in which code takes two prompts, and either way of turning upside down."""

from collections.abc import Callable, Mapping

from autograder.assignments.pretrained_diffusion.interface import (
    FIRST,
    SECOND,
    SHAPE,
    Course,
    hybrid,
    illusion,
    timesteps,
)
from autograder.grading.checks import Floats, Note, any_form
from autograder.grading.seeds import Draw
from autograder.judges import strided
from autograder.judges.borrowed import DOWN, MIRRORED, RECOLOURED, TURNED, UPRIGHT, Step
from autograder.sandbox.proxies import Student

RULE_OF_ANAGRAMS = "the noise must be the mean of ε_1 of x and ε_2 of the flipped x, turned back, each ε_u + γ (ε_c − ε_u)"
RULE_OF_HYBRIDS = "the noise must be the low pass of ε_1 and the high pass of ε_2, each ε_u + γ (ε_c − ε_u)"
Judge = Callable[[strided.Run], None]


def anagram(student: Student, draw: Draw, note: Note, judge: Judge, as_asked: bool = True) -> None:
    """`judge` looks at one run. Upside down is a flip of the height, or a half turn, as the code has it. `as_asked`: whatever was asked about,
    which is the business of another check.
    """

    def terms(course: Course, one: str, other: str) -> tuple[strided.Term, ...]:
        asked = [(one.frame, one.prompt) for step in course.model.steps for one in step.asked]
        frame = next((frame for frame, _ in asked if frame in ((TURNED, MIRRORED, RECOLOURED) if as_asked else (TURNED,))), DOWN)
        swapped = as_asked and (UPRIGHT, SECOND) in asked and (UPRIGHT, FIRST) not in asked
        return illusion(other, one, frame) if swapped else illusion(one, other, frame)

    _run(student, draw, note, "make_flip_illusion", "illusion", (UPRIGHT, DOWN, TURNED, MIRRORED, RECOLOURED), terms, judge)


def hybrid_image(student: Student, draw: Draw, note: Note, judge: Judge) -> None:
    """`judge` looks at one run."""
    _run(student, draw, note, "make_hybrids", "hybrid", (UPRIGHT,), lambda course, one, other: hybrid(one, other), judge)


def _run(
    student: Student, draw: Draw, note: Note, name: str, kind: str, frames: tuple[str, ...],
    terms: Callable[[Course, str, str], tuple[strided.Term, ...]], judge: Judge,
) -> None:  # fmt: skip
    scale = round(float(draw.uniform(2.5, 6)), 2)
    start, visits, i_start = draw.normal(*SHAPE), timesteps(draw, 6), draw.integer(1, 2)

    def attempt(swapped: bool) -> Callable[[], None]:
        def run() -> None:
            course = Course(student, draw, kind, scale, frames, swapped=swapped)
            judge(course.run(name, start, i_start, visits, lambda: terms(course, FIRST, SECOND)))

        return run

    together = not Course(student, draw).takes_apart(name)  # in a dictionary either may come first
    any_form(note, [attempt(False), attempt(True)] if together else [attempt(False)])


def right_variances(run: strided.Run) -> Mapping[str, Callable[[Step], Floats | None]]:
    """That of either prompt, upright, and their mean, as Geng et al. reduce it."""
    first, second = (next(term for term in run.terms if term.prompt == prompt) for prompt in (FIRST, SECOND))
    both = strided.variance_of(FIRST, first.frame), strided.variance_of(SECOND, second.frame)
    return {"first": both[0], "second": both[1], "mean": strided.mean_of(*both)}
