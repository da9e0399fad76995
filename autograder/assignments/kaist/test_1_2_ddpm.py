"""Task 1-2: the forward process and DDPM sampling."""

from autograder.assignments.kaist.interface import Kaist
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import ddpm_loop, ddpm_step, forward_process
from autograder.sandbox.proxies import Student


@task("1-2", points=1.5, region="q_sample", shows_work=True)
def test_forward_process_closed_form(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`q_sample` gives x_t = √ᾱ_t x₀ + √(1−ᾱ_t) ε for every t, with the noise that it is given (DDPM, Eq. 4)."""
    forward_process.judge_closed_form(Kaist(student, sample_shape), draw, note)


@task(
    "1-2",
    points=0.5,
    region="q_sample",
    false_fail=2e-7,
    detects="a mean off by 0.08 or a kurtosis off by 0.5 at 8192 numbers",
)
def test_forward_process_draws_noise(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`q_sample` without `noise` draws standard normal noise of its own, for each element, anew at each call."""
    forward_process.judge_own_noise(Kaist(student, sample_shape), draw, note)


@task("1-2", points=0.5, region="q_sample", shows_work=True)
def test_forward_process_takes_data_of_any_shape(
    student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note
) -> None:
    """`q_sample` also takes data with more dimensions, (B, …), such as images."""
    forward_process.judge_closed_form(Kaist(student, sample_shape), draw, note, shape=(3, 4, 5))


@task("1-2", points=0.5, region="p_sample")
def test_reverse_step_calls_the_network(
    student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note
) -> None:
    """`p_sample` calls the network once, with x_t and t."""
    ddpm_step.judge_network_call(Kaist(student, sample_shape), draw, note)


@task("1-2", points=1.5, region="p_sample", false_fail=1e-8, detects="0.1 % of a coefficient", shows_work=True)
def test_reverse_step_mean(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """The mean of `p_sample` is (x_t − β_t/√(1−ᾱ_t) ε_θ) / √α_t (DDPM, Eq. 11)."""
    ddpm_step.judge_mean(Kaist(student, sample_shape), draw, note)


@task("1-2", points=1, region="p_sample", false_fail=4e-7, detects="5 % of σ_t at 16384 numbers", shows_work=True)
def test_reverse_step_noise(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`p_sample` adds normal noise of variance β_t, or else β̃_t, for t > 0, also at t = 1, and none at t = 0 (DDPM, Alg. 2 and Sec. 3.2)."""
    ddpm_step.judge_noise(Kaist(student, sample_shape), draw, note)


@task("1-2", points=0.5, region="p_sample")
def test_reverse_step_takes_any_batch(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`p_sample` takes batches of any size, also of one row, and samples of any size, and leaves t as it is."""
    ddpm_step.judge_batches(Kaist(student, sample_shape), draw, note)


@task(
    "1-2",
    points=1.5,
    region="p_sample_loop",
    false_fail=8e-7,
    detects="a mean of x_T off by 0.09, a spread off by 7 %",
    shows_work=True,
)
def test_sampling_loop_steps(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`p_sample_loop` starts from x_T ~ N(0, I) and takes the steps t = T−1, …, 1, 0, each on the result of the one before (DDPM, Alg. 2)."""
    ddpm_loop.judge_steps(Kaist(student, sample_shape), draw, note)


@task(
    "1-2",
    points=0.5,
    region="p_sample_loop",
    false_fail=1e-7,
    detects="9 % of the spread, a ninth of a standard deviation of the mean",
    shows_work=True,
)
def test_sampling_loop_distribution(
    student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry
) -> None:
    """With the exact noise predictor of a Gaussian, `p_sample_loop` draws samples from just the distribution that the equations predict."""
    ddpm_loop.judge_distribution(Kaist(student, sample_shape), draw, note, carry)
