"""KID, density and coverage against other programs and definitions; the memorisation tests against sets whose copies are known."""

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.stats import betabinom

from fid import memorisation
from fid.errors import UserError
from fid.measurement import from_pixels
from fid.measures import density_and_coverage, kernel_distance, nearest_distances
from fid.memorisation import Nearness, compare, excess, nearness, pixel_distances, thumbnails
from tests.fid_images import blobs


def gaussians(n: int, dimension: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dimension)) + shift


def test_kid_equals_torch_fidelity_on_the_whole_set():
    import torch
    from torch_fidelity.metric_kid import kid_features_to_metric

    first, second = gaussians(60, 9, 0), gaussians(60, 9, 1, shift=0.3)
    options = {"kid_subsets": 1, "kid_subset_size": 60, "verbose": False}
    theirs = kid_features_to_metric(torch.from_numpy(first), torch.from_numpy(second), **options)
    assert kernel_distance(first, second).value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-10)


def test_kid_is_unbiased_at_any_n_and_its_error_is_right():
    reference = gaussians(100, 5, 2)
    found = [kernel_distance(gaussians(40, 5, seed, shift=0.4), reference) for seed in range(10, 90)]
    whole = kernel_distance(gaussians(3000, 5, 3, shift=0.4), reference).value
    values, errors = np.array([f.value for f in found]), np.array([f.standard_error for f in found])
    assert abs(values.mean() - whole) < 4 * values.std() / np.sqrt(len(values))
    assert np.sqrt((errors**2).mean()) / values.std() == pytest.approx(1, abs=0.3)


def test_density_and_coverage_follow_their_definitions():
    samples, real, k = gaussians(30, 3, 4, shift=0.4), gaussians(30, 3, 5), 5
    inside = 0
    covered = 0
    for row in real:
        radius = sorted(np.linalg.norm(real - row, axis=1))[k]  # the first is the image itself
        hits = sum(np.linalg.norm(sample - row) < radius for sample in samples)
        inside += hits
        covered += hits > 0
    assert density_and_coverage(samples, real, k) == pytest.approx((inside / (k * 30), covered / 30))


def test_density_and_coverage_tell_collapse_from_noise():
    real = gaussians(400, 6, 6)
    density, coverage = density_and_coverage(gaussians(400, 6, 7), real)
    assert density == pytest.approx(1, abs=0.15)
    assert coverage == pytest.approx(1 - 2**-5, abs=0.03)
    assert density_and_coverage(np.repeat(real[:4] + 1e-3, 100, axis=0), real)[1] < 0.1
    assert density_and_coverage(gaussians(400, 6, 8, shift=9), real) == (0, 0)


def test_measures_refuse_nan_and_other_dimensions():
    with pytest.raises(UserError, match="NaN"):
        kernel_distance(np.full((4, 2), np.nan), np.ones((4, 2)))
    with pytest.raises(UserError, match="2 and 3 dimensions"):
        kernel_distance(np.ones((4, 2)), np.ones((4, 3)))


def test_nearest_distances_leave_the_row_itself_out():
    assert nearest_distances(np.array([[0.0], [1.0], [5.0]])) == pytest.approx([1, 1, 4])


# Memorisation. Features stand for pixels here: each image's thumbnail, blurred, so that both distances exist without a network.


def as_features(pixels: np.ndarray) -> np.ndarray:
    return thumbnails(from_pixels(pixels, "x"))[:, ::4, ::4].reshape(len(pixels), -1)


def report(samples: np.ndarray, bank: np.ndarray) -> memorisation.Memorisation:
    small, chosen = thumbnails(from_pixels(bank, "bank")), memorisation.calibration_indices(len(bank))
    distances = memorisation.feature_distances

    def of(pixels: np.ndarray, own: np.ndarray | None) -> tuple[Nearness, Nearness]:
        by_features = distances(as_features(pixels), as_features(pixels[:, :, ::-1]), as_features(bank))
        query = thumbnails(from_pixels(pixels, "query"))
        return nearness(pixel_distances(query, small), len(pixels), own), nearness(by_features, len(pixels), own)

    return compare(*of(samples, None), *of(bank[chosen], chosen))


BANK = blobs(200, 20)
FRESH = blobs(80, 21)


def test_fresh_images_are_not_called_copies():
    found = report(FRESH, BANK)
    assert min(found.pixels.p_value, found.features.p_value, found.both.p_value) > 0.01
    assert found.both.expected == pytest.approx(80 * 2 / 201)


def mirrored_and_shifted(pixels: np.ndarray) -> np.ndarray:
    return np.roll(pixels[:, :, ::-1], (2, -2), axis=(1, 2))


@pytest.mark.parametrize(
    "change", [lambda x: x, lambda x: x[:, :, ::-1], mirrored_and_shifted], ids=["same", "mirrored", "both"]
)
def test_copies_are_found_mirrored_and_shifted_too(change):
    found = report(change(BANK[:60]), BANK)
    assert found.pixels.count == 60
    assert found.pixels.p_value < 1e-12
    assert (found.nearest_in_pixels == np.arange(60)).all()
    assert found.relative_pixels.max() < 0.02


def test_a_few_copies_among_many_fresh_images_stand_out_and_rank_first():
    samples = np.concatenate([FRESH[:70], BANK[[7, 100, 33, 120, 150, 51, 5, 9, 11, 190]]])
    found = report(samples, BANK)
    assert found.both.p_value < 1e-4
    assert set(np.argsort(found.relative_pixels)[:10]) == set(range(70, 80))


def test_blurred_and_plain_images_are_not_called_copies_in_pixels():
    """They lie near to everything in pixels; the distance relative to the next neighbours knows that."""
    blurred = np.stack([np.asarray(Image.fromarray(x).filter(ImageFilter.GaussianBlur(12))) for x in FRESH])
    assert report(blurred, BANK).pixels.p_value > 0.01


def test_the_calibration_leaves_each_image_itself_out():
    small = thumbnails(from_pixels(BANK, "bank"))
    every = np.arange(len(BANK))
    assert nearness(pixel_distances(small, small), len(BANK)).relative.max() < 1e-2
    left_out = nearness(pixel_distances(small, small), len(BANK), every)
    assert left_out.relative.min() > 0.1
    assert (left_out.nearest != every).all()


def test_equal_images_in_the_bank_make_no_alarm_for_new_ones():
    bank = np.concatenate([BANK[:150], BANK[:50]])
    assert report(FRESH, bank).both.p_value > 0.01


@pytest.mark.parametrize("m", [50, 1000])
def test_the_excess_test_keeps_its_level_and_is_the_exact_distribution(m):
    """For exchangeable scores: P(p ≤ α) ≤ α, with the error of the estimated threshold taken in, which a binomial test would not."""
    rng = np.random.default_rng(22)
    tests = [excess(rng.random(200), rng.random(m)) for _ in range(2000)]
    p = np.array([t.p_value for t in tests])
    for level in (0.05, 0.01):
        assert (p <= level).mean() <= level + 4 * np.sqrt(level / 2000)
    counts = np.array([t.count for t in tests])
    assert counts.mean() == pytest.approx(tests[0].expected, abs=4 * counts.std() / np.sqrt(2000))
    j = max(1, m // 100)
    assert (counts == 0).mean() == pytest.approx(betabinom.pmf(0, 200, j, m - j + 1), abs=0.05)


def test_a_bank_of_a_handful_works():
    found = report(FRESH[:3], BANK[:3])
    assert np.isfinite(found.relative_pixels).all()
