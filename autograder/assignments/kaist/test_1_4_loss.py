"""Task 1-4: the training loss. x_t comes from the reference q_sample wherever the student's code calls q_sample, so
an error there costs nothing here.
"""

from autograder.assignments.kaist.interface import Kaist
from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.judges import loss
from autograder.sandbox.proxies import Student


@task("1-4", points=2, region="compute_loss", shows_work=True)
def test_loss_is_mean_squared_error_of_the_noise(
    student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note
) -> None:
    """`compute_loss` is the mean of (ε − ε_θ(x_t, t))², with the very ε that is inside x_t (DDPM, Eq. 14)."""
    loss.judge_value(Kaist(student, sample_shape), draw, note)


@task(
    "1-4",
    points=0.5,
    region="compute_loss",
    false_fail=1e-7,
    detects="a mean off by 0.09, a spread off by 7 %",
    shows_work=True,
)
def test_loss_noises_the_data(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`compute_loss` gives the network x_t, made from x₀ with standard normal noise at that very t (DDPM, Alg. 1)."""
    loss.judge_noise(Kaist(student, sample_shape), draw, note)


@task(
    "1-4",
    points=1.5,
    region="compute_loss",
    false_fail=1e-7,
    detects="a missing end; one t that comes up half as often as it must",
)
def test_loss_draws_t_uniformly(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`compute_loss` draws a t for each row, uniformly from 0 … T−1, both ends included (DDPM, Alg. 1)."""
    loss.judge_timesteps(Kaist(student, sample_shape), draw, note)


@task("1-4", points=0.5, region="compute_loss")
def test_loss_has_a_gradient(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`compute_loss` returns a scalar whose gradient reaches the network."""
    loss.judge_gradient(Kaist(student, sample_shape), draw, note)


@task("1-4", points=0.5, region="compute_loss", shows_work=True)
def test_loss_takes_data_of_any_shape(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note) -> None:
    """`compute_loss` also takes images, (B, C, H, W)."""
    loss.judge_value(Kaist(student, sample_shape), draw, note, shape=(64, 3, 4, 4))
