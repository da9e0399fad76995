"""Task 3: p_sample and p_sample_loop."""

from autograder.assignments.latent_diffusion import latent, samples
from autograder.assignments.latent_diffusion.interface import Wisconsin
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.judges import ddpm_loop, ddpm_step
from autograder.sandbox.proxies import Student

STEP, LOOP = "libs/ddpm.py:DDPM.p_sample", "libs/ddpm.py:DDPM.p_sample_loop"


@task("3", points=0.2, region=STEP)
def test_step_calls_the_network(student: Student, draw: Draw, note: Note) -> None:
    """`p_sample` calls the network once, with x_t, the labels and t."""
    ddpm_step.judge_network_call(Wisconsin(student), draw, note)


@task("3", points=0.4, region=STEP, false_fail=1e-8, detects="0.1 % of a coefficient", shows_work=True)
def test_step_mean(student: Student, draw: Draw, note: Note) -> None:
    """The mean of `p_sample` is (x_t − β_t/√(1−ᾱ_t) ε_θ) / √α_t (DDPM, Eq. 11)."""
    ddpm_step.judge_mean(Wisconsin(student), draw, note)


@task("3", points=0.4, region=STEP, false_fail=4e-7, detects="5 % of σ_t at 16384 numbers", shows_work=True)
def test_step_noise(student: Student, draw: Draw, note: Note) -> None:
    """`p_sample` adds normal noise of variance β̃_t, or else β_t, for t > 0, also at t = 1, and none at t = 0 (DDPM, Alg. 2 and Sec. 3.2)."""
    ddpm_step.judge_noise(Wisconsin(student), draw, note)


@task("3", points=0.1, region=STEP)
def test_step_takes_any_batch(student: Student, draw: Draw, note: Note) -> None:
    """`p_sample` takes batches of any size, also of one row, and images of any size, and leaves t as it is."""
    ddpm_step.judge_batches(Wisconsin(student), draw, note)


@task("3", points=0.1, region=STEP)
def test_step_of_latents(student: Student, draw: Draw, note: Note) -> None:
    """With `use_vae`, `p_sample` takes the same step: latents reach beyond ±1, and nothing clamps them."""
    course = Wisconsin(student)
    latent.judge_last_step(course, draw, note, course.p_sample)


@task("3", points=0.5, region=LOOP, false_fail=8e-7, detects="a mean of x_T off by 0.09, a spread off by 7 %", shows_work=True)
def test_loop_steps(student: Student, draw: Draw, note: Note) -> None:
    """`p_sample_loop` starts from N(0, I) and takes the steps t = T−1, …, 1, 0, each on the result of the one before and with the labels."""
    ddpm_loop.judge_steps(Wisconsin(student), draw, note)


@task("3", points=0.3, region=LOOP, shows_work=True)
def test_images(student: Student, draw: Draw, note: Note) -> None:
    """What `p_sample_loop` returns are images in 0 … 1, what self.postprocess makes of the last x."""
    samples.judge_images(Wisconsin(student), draw, note)
