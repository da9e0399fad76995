"""The bonus task "sd": Stable Diffusion's U-Net, and a checkpoint laid into it."""

from autograder.grading.checks import Note, task
from autograder.grading.reference import Reference
from autograder.grading.seeds import Draw
from autograder.judges import stable_diffusion
from autograder.judges.stable_diffusion import Loaded
from autograder.sandbox.proxies import Student

NETWORK, LOAD = "libs/stable_diffusion.py:SDUNet", "libs/stable_diffusion.py:load_stable_diffusion"


@task("sd", points=1.5, region=NETWORK, shows_work=True)
def test_output(student: Student, draw: Draw, note: Note, reference: Reference) -> None:
    """With the weights of a checkpoint, `SDUNet` computes what Stable Diffusion's U-Net does."""
    stable_diffusion.judge_outputs(Loaded(student, reference), draw, note)


@task("sd", points=0.5, region=NETWORK, shows_work=True)
def test_batches(student: Student, draw: Draw, note: Note, reference: Reference) -> None:
    """`SDUNet` takes latents that are not square, and each of a batch has a time and a context of its own."""
    stable_diffusion.judge_batches(Loaded(student, reference), draw, note)


@task("sd", points=1, region=LOAD, shows_work=True)
def test_whole_checkpoint(student: Student, draw: Draw, note: Note, reference: Reference) -> None:
    """`load_stable_diffusion` takes a whole checkpoint, in which there are an autoencoder and a text encoder too, and the sizes from its shapes."""
    stable_diffusion.judge_whole_checkpoint(Loaded(student, reference), draw, note)


@task("sd", points=1, region=LOAD)
def test_names(student: Student, draw: Draw, note: Note, reference: Reference) -> None:
    """A tensor of the U-Net that is missing in a checkpoint, or that belongs nowhere, is an error that names it."""
    stable_diffusion.judge_names(Loaded(student, reference), draw, note)
