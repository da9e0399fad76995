"""Task 2-5: the guided sampler of class_conditional.py."""

from autograder.assignments.mnist_diffusion.interface import ClassConditional, given_in, judge_time_told, judged
from autograder.assignments.mnist_diffusion.unet_judge import expect_heard_as_told
from autograder.grading.checks import Carry, Note, expect, task
from autograder.grading.seeds import Draw
from autograder.judges import sampling, seeding
from autograder.judges.guidance import judge_guidance
from autograder.sandbox.proxies import Student

SAMPLE = "class_conditional.py:ddpm_sample"
ROWS = 4


@task("2-5", points=1.5, region=SAMPLE, false_fail=5e-8, detects="a mean of x_T off by 0.04, a spread off by 3 %")
def test_start_and_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The guided `ddpm_sample` starts from noise, one image for each label, takes T steps, and gives the network the labels."""
    judged(ClassConditional, student, draw, note, carry, sampling.judge_steps)


@task("2-5", points=3, region=SAMPLE, false_fail=1e-9, detects="0.2 % of a weight")
def test_guidance(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The noise of every step is ε_u + γ (ε_c − ε_u), for γ = 0, 1 and others (Ho and Salimans, Eq. 6)."""

    def judge(course: ClassConditional, draw: Draw, note: Note) -> None:
        for scale in (round(float(draw.uniform(2, 6)), 2), 1.0, 0.0):
            judge_guidance(course, draw, note, scale, course.guided)

    judged(ClassConditional, student, draw, note, carry, judge)


@task("2-5", points=3, region=SAMPLE, false_fail=2e-7, detects="as in task 2-3")
def test_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The mean and the noise of every step are those of task 2-3, with the guided noise."""
    judged(ClassConditional, student, draw, note, carry, sampling.judge_mean_and_noise)


@task("2-5", points=1, region=SAMPLE, false_fail=1e-9, detects="any difference")
def test_time_told(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """In every step the network is told the time that the training told it at the same noise."""
    judge_time_told(ClassConditional, student, draw, note, carry, loss="class_conditional.py:ddpm_forward")


@task("2-5", points=1, region=SAMPLE, false_fail=1e-9, detects="any difference")
def test_seed(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The same seed gives the same images, and another seed gives others."""
    judged(ClassConditional, student, draw, note, carry, seeding.judge_seed)


@task("2-5", points=0.5, region=SAMPLE)
def test_network_and_sampler(student: Student, reference: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Where the guided `ddpm_sample` asks without a label, `ClassConditionalUNet` is told none: both say it in the same way."""
    asked = given_in(student, draw, carry, lambda course: course.given_in_sampler(draw, ROWS))
    expect(asked, "ddpm_sample must ask the network without a label, too, in every step; yours tells it a label in each of its calls.")
    expect_heard_as_told(student, reference, asked, "ddpm_sample", draw, note, carry)
