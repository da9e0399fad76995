"""The bonus task "edm": preconditioning, training loss and Heun's sampler of Karras et al. 2022."""

from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import edm, edm_loss, heun
from autograder.judges.edm import Edm
from autograder.sandbox.proxies import Student

SMALLEST = {"dim": 8, "context_dim": 8, "dim_mults": (1,), "attn_levels": ()}  # of a U-Net that the grader's network takes the place of


def course(student: Student, carry: Carry, sample_shape: tuple[int, ...]) -> Edm:
    return Edm(student, carry, sample_shape, settings=SMALLEST)


@task("edm", points=0.25, region="EDM.c_skip", shows_work=True)
def test_c_skip(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`c_skip` is the skip scaling of EDM, Table 1, whatever σ_data is."""
    edm.judge_coefficient(course(student, carry, sample_shape), "c_skip", draw, note)


@task("edm", points=0.25, region="EDM.c_out", shows_work=True)
def test_c_out(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`c_out` is the output scaling of EDM, Table 1, whatever σ_data is."""
    edm.judge_coefficient(course(student, carry, sample_shape), "c_out", draw, note)


@task("edm", points=0.25, region="EDM.c_in", shows_work=True)
def test_c_in(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`c_in` is the input scaling of EDM, Table 1, whatever σ_data is."""
    edm.judge_coefficient(course(student, carry, sample_shape), "c_in", draw, note)


@task("edm", points=0.25, region="EDM.c_noise", shows_work=True)
def test_c_noise(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`c_noise` is what the network is told of σ in EDM, Table 1."""
    edm.judge_coefficient(course(student, carry, sample_shape), "c_noise", draw, note)


@task("edm", points=0.5, region="EDM.denoise", shows_work=True)
def test_denoise(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`denoise` is c_skip x + c_out F(c_in x, label, c_noise), with a σ of its own for each image (EDM, Eq. 7)."""
    edm.judge_denoiser(course(student, carry, sample_shape), draw, note)


@task("edm", points=0.5, region="EDM.compute_loss", shows_work=True, false_fail=8e-8, detects="ln σ off by 0.05, its spread by 5 %; 2 % of ε")
def test_noise_levels(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`compute_loss` adds noise σ ε to each image, with ln σ ~ N(P_mean, P_std²) and standard normal ε, new at every call."""
    edm_loss.judge_noise(course(student, carry, sample_shape), draw, note)


@task("edm", points=0.5, region="EDM.compute_loss", shows_work=True)
def test_loss(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """The loss is the mean of λ(σ) ‖D(y + σ ε; σ) − y‖² over everything, and its gradient reaches the network (EDM, Eq. 2 and Table 1)."""
    edm_loss.judge_value(course(student, carry, sample_shape), draw, note)


@task("edm", points=0.25, region="EDM.compute_loss", shows_work=True, false_fail=1e-8, detects="3 % of ε")
def test_latent_loss(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """With `use_vae`, the loss is the same of the latents that `self.vae.encoder` gives."""
    edm_loss.judge_latent(course(student, carry, sample_shape), draw, note)


@task("edm", points=0.25, region="EDM.sigma_steps", shows_work=True)
def test_sigma_steps(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`sigma_steps` gives the σ of EDM, Eq. 5, from sigma_max to sigma_min, and 0."""
    heun.judge_sigma_steps(course(student, carry, sample_shape), draw, note)


@task("edm", points=0.25, region="EDM.generate", false_fail=4e-8, detects="a mean of 0.044, a spread off by 3.1 %")
def test_start(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """`generate` starts from noise of the standard deviation σ_max, one image of `self.img_shape` for each label."""
    heun.judge_start(course(student, carry, sample_shape), draw, note)


@task("edm", points=0.5, region="EDM.generate", shows_work=True)
def test_steps(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """Every step of `generate` is one of Heun's method, in 2 · num_steps − 1 calls of the network (EDM, Alg. 1)."""
    heun.judge_steps(course(student, carry, sample_shape), draw, note)


@task("edm", points=0.25, region="EDM.generate", shows_work=True)
def test_result(student: Student, sample_shape: tuple[int, ...], draw: Draw, note: Note, carry: Carry) -> None:
    """The last step leads to σ = 0 by Euler's method; `generate` returns images in 0 … 1, decoded where there are latents."""
    heun.judge_result(course(student, carry, sample_shape), draw, note)
