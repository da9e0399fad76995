"""Task 1-3: DDIM sampling. Its α_t is DDPM's ᾱ_t."""

from autograder.assignments.kaist.interface import Kaist
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import ddim_loop, ddim_step
from autograder.sandbox.proxies import Student


@task("1-3", points=0.5, region="ddim_p_sample")
def test_ddim_step_calls_the_network(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`ddim_p_sample` calls the network once, with x_t and t."""
    ddim_step.judge_network_call(Kaist(student, sample_shape), draw, note)


@task("1-3", points=2, region="ddim_p_sample", shows_work=True)
def test_ddim_step_deterministic(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """With η = 0, `ddim_p_sample` gives √ᾱ_prev x̂₀ + √(1−ᾱ_prev) ε_θ with x̂₀ = (x_t − √(1−ᾱ_t) ε_θ)/√ᾱ_t, and no noise (DDIM, Eq. 12)."""
    ddim_step.judge_deterministic(Kaist(student, sample_shape), draw, note)


@task("1-3", points=1, region="ddim_p_sample", shows_work=True)
def test_ddim_last_step(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """For a negative t_prev, clean data with ᾱ = 1, `ddim_p_sample` gives the estimate of x₀ itself, for every η."""
    ddim_step.judge_last_step(Kaist(student, sample_shape), draw, note)


@task(
    "1-3",
    points=1.5,
    region="ddim_p_sample",
    false_fail=6e-7,
    detects="5 % of σ_t, 0.1 % of a coefficient",
    shows_work=True,
)
def test_ddim_step_stochastic(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """With 0 < η ≤ 1, `ddim_p_sample` adds normal noise of standard deviation σ_t(η) and shortens the direction to x_t to match
    (DDIM, Eq. 12 and 16).
    """
    ddim_step.judge_stochastic(Kaist(student, sample_shape), draw, note)


@task(
    "1-3",
    points=2,
    region="ddim_p_sample_loop",
    false_fail=6e-7,
    detects="a mean of x_T off by 0.09, a spread off by 7 %",
    shows_work=True,
)
def test_ddim_loop_steps(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`ddim_p_sample_loop` starts from N(0, I), takes just `num_inference_timesteps` steps from large t to small, ends at
    clean data, and passes η on.
    """
    ddim_loop.judge_steps(Kaist(student, sample_shape), draw, note, carry)
