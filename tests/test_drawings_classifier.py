"""The classifier of drawn pictures, and what samples are worth by it. Its pictures here are none that it was trained on."""

from functools import cache

import numpy as np
import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from autograder.drawings import training
from autograder.drawings.classifier import (
    CLASSES,
    LAYERS,
    NOTHING,
    WEIGHTS,
    classify,
    from_model,
    probabilities,
    scores,
    weights,
)
from autograder.drawings.drawings import CONTENTS, FLIP_PAIRS, PHOTO, PROMPTS, content_of, draw
from autograder.drawings.samples import from_afar, from_near, probability_of, share_shown, shown, upside_down
from autograder.errors import UserError

ASKED = tuple(prompt for prompt in PROMPTS if content_of(prompt) is not None)
EACH = 15


@cache
def unseen() -> np.ndarray:
    """EACH pictures of each of ASKED, (N, 64, 64, 3) in [0, 1]."""
    return np.stack([draw(prompt, np.random.default_rng((77, k))) for prompt in ASKED for k in range(EACH)]) / 255


@cache
def prompts() -> list[str]:
    return [prompt for prompt in ASKED for _ in range(EACH)]


def of(prompt: str) -> np.ndarray:
    return unseen()[ASKED.index(prompt) * EACH :][:EACH]


def test_the_weights_are_small_and_have_a_class_for_nothing():
    assert WEIGHTS.stat().st_size < 500_000
    assert CLASSES[-1] == NOTHING
    assert CLASSES[:-1] == CONTENTS
    assert weights()[f"b{LAYERS + 1}"].shape == (len(CLASSES),)


def test_the_network_is_the_one_that_torch_computes():
    pictures = unseen()[::40]
    x = 2 * torch.from_numpy(pictures.transpose(0, 3, 1, 2)).float() - 1
    known = {name: torch.from_numpy(value) for name, value in weights().items()}
    for layer in range(1, LAYERS + 1):
        kernel = known[f"w{layer}"].permute(3, 2, 0, 1)
        x = torch.relu(
            torch.nn.functional.conv2d(x, kernel, known[f"b{layer}"], stride=2, padding=kernel.shape[-1] // 2)
        )
    expected = x.mean((2, 3)) @ known["w5"] + known["b5"]
    assert np.allclose(scores(pictures), expected.numpy(), atol=1e-3)  # float32, sums of up to 864 terms
    assert np.allclose(probabilities(pictures), torch.softmax(expected, 1).numpy(), atol=1e-3)


def test_pictures_are_taken_for_what_was_asked_for_whatever_the_style():
    right = shown(unseen(), prompts()).reshape(len(ASKED), EACH).mean(axis=1)
    assert right.mean() > 0.99
    assert right.min() > 0.85, ASKED[right.argmin()]


@pytest.mark.parametrize(
    ("spoil", "least"), [("noise", 0.95), ("blur", 0.95), ("pale", 0.97), ("dark", 0.97), ("moved", 0.97)]
)
def test_slightly_spoiled_pictures_still_are(spoil, least):
    rng = np.random.default_rng(0)
    pictures = {
        "noise": lambda x: np.clip(x + 0.08 * rng.standard_normal(x.shape), 0, 1),
        "blur": from_afar,
        "pale": lambda x: 0.6 * x + 0.3,
        "dark": lambda x: 0.7 * x,
        "moved": lambda x: np.pad(x, ((0, 0), (3, 0), (0, 3), (0, 0)), mode="edge")[:, :64, 3:],
    }[spoil](unseen())
    assert share_shown(pictures, prompts()) > least


def test_what_is_no_picture_of_anything_is_called_so():
    rng = np.random.default_rng(0)
    noise = np.clip(0.5 + 0.5 * rng.standard_normal((60, 64, 64, 3)), 0, 1)
    plain = np.broadcast_to(rng.uniform(0, 1, (60, 1, 1, 3)), noise.shape)
    for none in (noise, plain, from_afar(noise)):
        assert np.mean([one == NOTHING for one in classify(none)]) > 0.9
        assert share_shown(none, [PHOTO] * 60) < 0.1


def test_a_sample_of_another_prompt_does_not_count():
    cats, houses = of("a cat"), of("an oil painting of a house")
    assert share_shown(cats, ["a house"] * EACH) == 0
    assert share_shown(np.concatenate([cats, houses]), ["a pencil drawing of a cat"] * 2 * EACH) == pytest.approx(
        0.5, abs=0.05
    )
    assert share_shown(cats, [PHOTO] * EACH) > 0.9
    assert share_shown(cats[:0], []) == 0


def test_the_probability_of_an_open_prompt_is_that_of_any_content():
    pictures = unseen()[::30]
    told = probabilities(pictures)
    assert np.allclose(probability_of(pictures, ""), 1 - told[:, -1], atol=1e-5)
    assert np.allclose(probability_of(pictures, "an oil painting of a cat"), told[:, CONTENTS.index("a cat")])


def test_a_hybrid_is_one_thing_from_afar_and_another_from_near():
    hybrids = np.clip(from_afar(of("a skull")) + from_near(of("ocean waves")) - 0.5, 0, 1)
    assert share_shown(from_afar(hybrids), ["a skull"] * EACH) > 0.8
    assert share_shown(from_near(hybrids), ["ocean waves"] * EACH) > 0.8


def test_an_upright_picture_is_not_its_partner():
    for one, other in FLIP_PAIRS:
        assert share_shown(of(one), [other] * EACH) == 0
        assert share_shown(of(other), [one] * EACH) == 0
        assert np.array_equal(upside_down(upside_down(of(one))), of(one))


def test_what_lies_between_the_two_of_a_pair_reads_both_ways():
    for one, other in FLIP_PAIRS:
        between = 0.5 * of(one) + 0.5 * upside_down(of(other))
        assert share_shown(between, [one] * EACH) > 0.8
        assert share_shown(upside_down(between), [other] * EACH) > 0.8


def test_the_blur_is_the_one_of_the_course():
    pictures = unseen()[::60]
    x = torch.from_numpy(pictures.transpose(0, 3, 1, 2))
    expected = gaussian_blur(x, 33, 2.0).numpy().transpose(0, 2, 3, 1)
    assert np.allclose(from_afar(pictures), expected, atol=1e-5)


def test_what_a_model_gives_is_brought_to_pictures():
    x = np.full((2, 3, 64, 64), -1.5)
    x[:, 1] = 0
    x[:, 2] = 1
    assert np.array_equal(from_model(x)[0, 5, 7], [0, 0.5, 1])
    assert from_model(x).shape == (2, 64, 64, 3)


@pytest.mark.parametrize(
    ("pictures", "words"),
    [
        (np.zeros((2, 3, 64, 64)), r"shape \(N, 64, 64, 3\)"),
        (np.zeros((64, 64, 3)), r"shape \(N, 64, 64, 3\)"),
        (np.full((1, 64, 64, 3), -1.0), r"in \[0, 1\]"),
        (np.full((1, 64, 64, 3), 255), r"in \[0, 1\]"),
        (np.full((1, 64, 64, 3), np.nan), r"in \[0, 1\]"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_a_sentence(pictures, words):
    with pytest.raises(ValueError, match=words):
        classify(pictures)


def test_each_picture_needs_its_prompt_and_a_known_one():
    with pytest.raises(ValueError, match="2 pictures and 1 prompts"):
        share_shown(unseen()[:2], ["a cat"])
    with pytest.raises(ValueError, match='the nearest is "a cat"'):
        share_shown(unseen()[:1], ["a cta"])


def test_weights_that_are_not_there_are_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(training, "WEIGHTS", tmp_path / "contents.npz")
    with pytest.raises(UserError, match=r"There are no weights at .*contents.npz"):
        training.main(["--test"])


def test_it_can_be_trained_anew(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(training, "WEIGHTS", tmp_path / "weights" / "contents.npz")
    monkeypatch.setattr(training, "accuracy", lambda: {"as drawn": 0.5})
    training.main(["--pictures", "140", "--epochs", "1"])
    weights.cache_clear()
    with np.load(tmp_path / "weights" / "contents.npz") as file:
        assert {name: file[name].shape for name in file.files} == {
            name: value.shape for name, value in weights().items()
        }
    assert "right for  50.00 % of pictures: as drawn" in capsys.readouterr().out
    with pytest.raises(UserError, match="at least one epoch"):
        training.main(["--epochs", "0"])
