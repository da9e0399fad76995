"""Exercise 4: the U-Net and the DDPM with a label."""

from autograder.assignments.minimal_diffusion import unet
from autograder.assignments.minimal_diffusion.interface import Conditional, judged, supplied
from autograder.grading.checks import Carry, Note, task
from autograder.grading.seeds import Draw
from autograder.judges import loss, sampling
from autograder.sandbox.proxies import Student

UNET = "conditional.py:UNet"
FORWARD, SAMPLE = "conditional.py:DDPM.forward", "conditional.py:DDPM.sample"


@task("4", points=1, region=UNET)
def test_conditional_unet(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The conditional `UNet` gives (B, out_class, H, W), has links across, and a gradient reaches every layer."""
    supplied(student, carry)
    built = unet.judge_shapes(student, "conditional", draw, note)
    unet.judge_gradients(built, draw, note)
    unet.judge_links(built.seen, note)


@task("4", points=1, region=UNET)
def test_label_effect(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """Each of the ten labels changes the noise that `UNet` finds in its own image, and in no other."""
    supplied(student, carry)
    unet.judge_label_effect(student, "conditional", draw, note)


@task("4", points=1, region=FORWARD, false_fail=1e-7, detects="as in exercise 1")
def test_conditional_noised_images(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The conditional `forward` gives the network x_t, for a t of 1 … T for each image, and the labels."""
    judged(Conditional, student, draw, note, carry, loss.judge_noise, loss.judge_timesteps)


@task("4", points=0.5, region=FORWARD)
def test_conditional_loss_value(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The conditional loss is the mean of (ε − ε_θ)² over everything, and its gradient reaches the network."""
    judged(Conditional, student, draw, note, carry, loss.judge_value, loss.judge_gradient)


@task("4", points=0.5, region=SAMPLE, false_fail=5e-8, detects="a mean of x_T off by 0.04, a spread off by 3 %")
def test_conditional_start(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The conditional `sample` starts from noise, takes T steps, and gives image i the label i modulo 10."""
    judged(Conditional, student, draw, note, carry, sampling.judge_steps)


@task("4", points=1, region=SAMPLE, false_fail=2e-7, detects="as in exercise 2")
def test_conditional_steps(student: Student, draw: Draw, note: Note, carry: Carry) -> None:
    """The steps of the conditional `sample` are those of exercise 2."""
    judged(Conditional, student, draw, note, carry, sampling.judge_mean_and_noise)
