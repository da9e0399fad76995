"""The procedural animal faces: repeatable, distinct, told apart by category, never passed off as AFHQ."""

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from tests.image_assignment import image_assignment

faces = image_assignment().faces


def test_a_seed_always_gives_the_same_bytes():
    first = faces.render_face("cat", 7)
    faces.render_face("dog", 8)  # what was drawn before does not matter
    np.random.seed(1)
    assert np.array_equal(first, faces.render_face("cat", 7))
    assert first.shape == (64, 64, 3)
    assert first.dtype == np.uint8


@pytest.mark.proof
def test_faces_are_distinct():
    pictures = [faces.render_face(category, seed, 32) for category in faces.CATEGORIES for seed in range(60)]
    rows = np.stack(pictures).reshape(len(pictures), -1).astype(float)
    distance = np.abs(rows[:, None] - rows[None]).mean(axis=2) + 1e9 * np.eye(len(rows))
    assert distance.min() > 5, "of 255, on average over the pixels, even between the two most similar of 180"


@pytest.mark.parametrize("category", ["cat", "dog", "wild"])
def test_the_picture_does_not_depend_on_the_resolution(category):
    large, small = faces.render_face(category, 3, 128), faces.render_face(category, 3, 64)
    shrunk = np.asarray(Image.fromarray(large).resize((64, 64), Image.Resampling.BOX)).astype(float)
    assert np.abs(shrunk - small).mean() < 4


def test_the_faces_of_a_released_version_stay_what_they_were():
    """Statistics computed on the faces would silently go stale otherwise."""
    means = [faces.render_face(category, 0).mean(axis=(0, 1)) for category in faces.CATEGORIES]
    expected = [[100.6, 92.8, 78.4], [162.9, 142.5, 131.7], [152.0, 135.5, 124.5]]
    assert np.abs(np.array(means) - np.array(expected)).max() < 0.5


def test_categories_can_be_told_apart():
    def features(seeds):
        return np.stack(
            [faces.render_face(category, seed, 16).ravel() / 255 for category in faces.CATEGORIES for seed in seeds]
        )

    seen, new = range(70), range(1000, 1030)
    classifier = LogisticRegression(max_iter=300).fit(features(seen), np.repeat([0, 1, 2], len(seen)))
    accuracy = classifier.score(features(new), np.repeat([0, 1, 2], len(new)))
    assert accuracy > 0.8, "a linear classifier on 16×16 pixels; chance is 1/3"


def test_writes_afhqs_layout_and_says_that_it_is_a_stand_in(tmp_path):
    faces.write_faces(tmp_path / "faces", train=2, val=1, resolution=32)
    files = sorted(str(p.relative_to(tmp_path / "faces")) for p in (tmp_path / "faces").rglob("*.png"))
    assert files == sorted(
        f"{split}/{category}/{category}_{i:06d}.png"
        for split, n in (("train", 2), ("val", 1))
        for category in ("cat", "dog", "wild")
        for i in range(n)
    )
    assert Image.open(tmp_path / "faces" / files[0]).size == (32, 32)
    assert "NOT AFHQ" in (tmp_path / "faces" / "STAND-IN_NOT_AFHQ.txt").read_text()


def test_training_and_validation_share_no_face(tmp_path):
    faces.write_faces(tmp_path, train=3, val=3, resolution=32)
    pictures = [path.read_bytes() for path in tmp_path.rglob("*.png")]
    assert len(set(pictures)) == len(pictures) == 18


def test_an_unknown_category_is_refused():
    with pytest.raises(ValueError, match="there are cat, dog, wild"):
        faces.render_face("mouse", 0)
