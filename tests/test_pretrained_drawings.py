"""The drawing program of the small text-conditioned model: every prompt, its contents, and the pairs that read either way up."""

import ast
import sys
from functools import cache

import numpy as np
import pytest

from autograder.drawings import drawings
from autograder.drawings.drawings import (
    CONTENTS,
    FLIP_PAIRS,
    NULL_PROMPT,
    PHOTO,
    PROMPTS,
    STYLED,
    SUBJECTS,
    content_of,
    draw,
    random_picture,
)
from autograder.drawings.face_painting import Canvas
from autograder.drawings.samples import from_near
from autograder.places import REPOSITORY

PROGRAM = ("drawings", "backdrops", "pairs", "subjects", "scenes", "styles", "palette", "face_painting")
TEXTURED = ("a waterfall", "ocean waves", "a field of flowers", "a brick wall")


def pictures(prompt: str, count: int, seed: int = 0) -> np.ndarray:
    """(count, 64, 64, 3) in [0, 1]."""
    return np.stack([draw(prompt, np.random.default_rng((seed, index))) for index in range(count)]) / 255


@cache
def typical(content: str) -> np.ndarray:
    """The mean of 40 pictures, (64, 64, 3)."""
    return pictures(content, 40).mean(axis=0)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_every_prompt_draws_a_picture_that_depends_on_the_generator_alone(prompt):
    one, same, other = (draw(prompt, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert one.shape == (64, 64, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.ptp(one.astype(int)) > 120  # light and dark


def test_the_vocabulary_begins_with_the_null_prompt_and_says_nothing_twice():
    assert PROMPTS[:2] == (NULL_PROMPT, PHOTO) == ("", "a high quality photo")
    assert len(PROMPTS) == len(set(PROMPTS)) == 30
    assert {content_of(prompt) for prompt in PROMPTS} == {None, *CONTENTS}
    assert content_of("a pencil drawing of a fish") == "a fish"
    assert all(content in SUBJECTS for pair in FLIP_PAIRS for content in pair)


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("an umbrela", "an umbrella"), ("A Cat", "a cat"), ("oil painting of a house", "an oil painting of a house")],
)
def test_an_unknown_prompt_is_one_sentence_with_the_nearest(asked, nearest):
    for refuse in (lambda: draw(asked, np.random.default_rng(0)), lambda: content_of(asked)):
        with pytest.raises(ValueError, match=f'the nearest is "{nearest}"'):
            refuse()


def test_no_two_contents_look_alike():
    for place, content in enumerate(CONTENTS):
        for other in CONTENTS[:place]:
            assert np.sqrt(np.mean((typical(content) - typical(other)) ** 2)) > 0.06, (content, other)


def test_pairs_overlap_upside_down_more_than_any_other_subject():
    """Correlation of typical things on a grey ground, so that no backdrop takes part."""

    def alone(content):
        canvases = [Canvas(64) for _ in range(30)]
        for index, canvas in enumerate(canvases):
            canvas.image[:] = 0.75
            SUBJECTS[content][1](canvas, np.random.default_rng(index))
        return np.mean([canvas.image for canvas in canvases], axis=0) - 0.75

    def alike(one, other):
        return np.corrcoef(one.ravel(), other.ravel())[0, 1]

    things = {content: alone(content) for content in SUBJECTS}
    for pair in FLIP_PAIRS:
        for content, partner in (pair, pair[::-1]):
            overlap = {other: alike(things[content][::-1], thing) for other, thing in things.items()}
            assert max(overlap, key=overlap.__getitem__) == partner, overlap
            assert overlap[partner] > 0.6
            assert overlap[partner] > alike(things[content], things[partner]) + 0.3


def test_pairs_stand_before_the_same_backdrops():
    """Both backdrops' mean colours of rows, one of them upside down."""

    def rows(content):
        canvases = [Canvas(64) for _ in range(40)]
        for index, canvas in enumerate(canvases):
            SUBJECTS[content][0](canvas, np.random.default_rng(index))
        return np.mean([canvas.image for canvas in canvases], axis=(0, 2))

    for one, other in FLIP_PAIRS:
        assert np.abs(rows(one)[::-1] - rows(other)).max() < 0.05


def test_textures_have_fine_detail_everywhere():
    """In the weakest of sixteen tiles more than half of what plain subjects have on the whole."""

    def detail(content):
        fine = from_near(pictures(content, 10)) - 0.5
        return fine.reshape(10, 4, 16, 4, 16, 3).std(axis=(0, 2, 4, 5))

    plain = np.median([detail(content).mean() for content in SUBJECTS])
    for content in TEXTURED:
        assert detail(content).min() > 0.6 * plain, content
        assert detail(content).mean() > 1.2 * plain, content


def test_a_photo_is_plain_and_the_null_prompt_is_anything(monkeypatch):
    def styled(image, rng):
        raise AssertionError("a style")

    monkeypatch.setattr(drawings, "STYLED", {prompt: (styled, content) for prompt, (_, content) in STYLED.items()})
    pictures(PHOTO, 60)
    with pytest.raises(AssertionError, match="a style"):
        pictures(NULL_PROMPT, 60)


def test_random_pictures_are_of_every_prompt_with_the_shares_that_guidance_needs(monkeypatch):
    monkeypatch.setattr(drawings, "draw", lambda prompt, rng: np.zeros((64, 64, 3), np.uint8))
    rng = np.random.default_rng(0)
    drawn = [random_picture(rng)[0] for _ in range(10_000)]
    share = {prompt: drawn.count(prompt) / len(drawn) for prompt in PROMPTS}
    assert share[NULL_PROMPT] == pytest.approx(0.12, abs=0.02)
    assert share[PHOTO] == pytest.approx(0.10, abs=0.02)
    assert min(share[prompt] for prompt in STYLED) > 0.01
    assert max(share[prompt] for prompt in STYLED) < min(share[content] for content in CONTENTS)


def test_a_random_picture_is_what_its_prompt_draws():
    prompt, picture = random_picture(np.random.default_rng(8))
    rng = np.random.default_rng(8)
    rng.choice(len(PROMPTS), p=drawings.PROBABILITIES)
    assert np.array_equal(picture, draw(prompt, rng))


def test_the_program_stands_alone():
    """Each file imports NumPy, what Python has, and its own folder."""
    for name in PROGRAM:
        here = REPOSITORY / "autograder" / "drawings" / f"{name}.py"
        for node in ast.walk(ast.parse(here.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom) and node.level:
                names = [node.module] if node.module else names
                assert node.level == 1
                assert set(names) <= set(PROGRAM)
            elif names:
                top = (node.module if isinstance(node, ast.ImportFrom) else names[0]).partition(".")[0]
                assert top == "numpy" or top in sys.stdlib_module_names
