"""The bonus task "fid": the Fréchet distance of features, and the distance to the nearest training image."""

from autograder.grading.checks import Note, task
from autograder.grading.seeds import Draw
from autograder.judges import frechet
from autograder.judges.frechet import Features
from autograder.sandbox.proxies import Student

DISTANCE, NEAREST = "libs/fid.py:frechet_distance", "libs/fid.py:nearest_training_distance"


@task("fid", points=1, region=DISTANCE, shows_work=True)
def test_distance(student: Student, draw: Draw, note: Note) -> None:
    """`frechet_distance` is ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½), whichever set comes first (Heusel et al., Eq. 6)."""
    frechet.judge_distance(Features(student), draw, note)


@task("fid", points=0.5, region=DISTANCE)
def test_equal_and_shifted(student: Student, draw: Draw, note: Note) -> None:
    """`frechet_distance` is 0 for equal sets, and ‖δ‖² for a set that is shifted by δ."""
    frechet.judge_equal_and_shifted(Features(student), draw, note)


@task("fid", points=1, region=DISTANCE, shows_work=True)
def test_fewer_images_than_dimensions(student: Student, draw: Draw, note: Note) -> None:
    """`frechet_distance` holds for singular covariances too, as of fewer images than dimensions, and is a real number."""
    frechet.judge_singular(Features(student), draw, note)


@task("fid", points=1, region=NEAREST, shows_work=True)
def test_nearest(student: Student, draw: Draw, note: Note) -> None:
    """`nearest_training_distance` is the Euclidean distance of each feature to the nearest training feature."""
    frechet.judge_nearest(Features(student), draw, note)


@task("fid", points=0.5, region=NEAREST, shows_work=True)
def test_copies(student: Student, draw: Draw, note: Note) -> None:
    """`nearest_training_distance` is about 0 for copies of training images, wherever they lie, and more for the others."""
    frechet.judge_copies(Features(student), draw, note)
