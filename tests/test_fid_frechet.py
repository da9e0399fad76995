"""The Fréchet distance against closed forms, high precision, and two other programs; its error bar against simulation."""

from unittest import mock

import mpmath
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fid_speed import exact_case, with_sqrtm_of_any_scipy
from fid.errors import UserError
from fid.frechet import Moments, fid_of_features, frechet_distance, group_jackknife, moments


def features(n: int, dimension: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, dimension)) @ rng.standard_normal((dimension, dimension)) * scale + shift


def by_high_precision(first: np.ndarray, second: np.ndarray) -> float:
    """FID with 60 digits, from the eigenvalues of Σ₁Σ₂ by way of Σ₁^{1/2} Σ₂ Σ₁^{1/2}."""
    with mpmath.workdps(60):
        means, covariances = [], []
        for rows in (first, second):
            n, dimension = rows.shape
            exact = mpmath.matrix(rows.tolist())
            mean = [mpmath.fsum(exact[i, k] for i in range(n)) / n for k in range(dimension)]
            centred = mpmath.matrix(n, dimension)
            for i in range(n):
                for k in range(dimension):
                    centred[i, k] = exact[i, k] - mean[k]
            means.append(mean)
            covariances.append(centred.T * centred / (n - 1))
        values, vectors = mpmath.eigsy(covariances[0])
        root = vectors * mpmath.diag([mpmath.sqrt(max(v, 0)) for v in values]) * vectors.T
        inner = mpmath.eigsy(root * covariances[1] * root, eigvals_only=True)
        trace = sum(covariances[0][k, k] + covariances[1][k, k] for k in range(len(means[0])))
        shift = mpmath.fsum((a - b) ** 2 for a, b in zip(*means))
        return float(shift + trace - 2 * mpmath.fsum(mpmath.sqrt(max(v, 0)) for v in inner))


@pytest.mark.parametrize(("n1", "n2", "dimension"), [(9, 12, 4), (4, 5, 7), (3, 9, 6), (2, 2, 5), (12, 3, 1)])
def test_equals_sixty_digits_whether_full_rank_or_not(n1, n2, dimension):
    first, second = features(n1, dimension, 1), features(n2, dimension, 2, scale=1.3, shift=0.2)
    assert fid_of_features(first, second) == pytest.approx(by_high_precision(first, second), rel=1e-12)


def test_equals_the_closed_form_on_rank_deficient_covariances_of_very_different_scales():
    first, second, exact = exact_case(60, 130, 256, np.random.default_rng(3))
    assert np.linalg.matrix_rank(np.cov(first, rowvar=False)) < 256
    assert fid_of_features(first, second) == pytest.approx(exact, rel=1e-12)


def test_equals_pytorch_fid_and_torch_fidelity_on_the_same_features():
    from pytorch_fid.fid_score import calculate_frechet_distance
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    first, second = features(700, 48, 4), features(900, 48, 5, scale=1.1, shift=0.1)
    ours = fid_of_features(first, second)
    (m1, s1), (m2, s2) = ((rows.mean(axis=0), np.cov(rows, rowvar=False)) for rows in (first, second))
    with with_sqrtm_of_any_scipy():
        assert ours == pytest.approx(calculate_frechet_distance(m1, s1, m2, s2), rel=1e-9)
    theirs = fid_statistics_to_metric({"mu": m1, "sigma": s1}, {"mu": m2, "sigma": s2}, verbose=False)
    assert ours == pytest.approx(theirs["frechet_inception_distance"], rel=1e-9)


def test_needs_no_matrix_square_root_so_no_scipy_can_break_it():
    first, second, exact = exact_case(20, 30, 40, np.random.default_rng(6))
    with mock.patch.object(scipy.linalg, "sqrtm", side_effect=TypeError("unexpected keyword argument 'disp'")):
        assert fid_of_features(first, second) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(("n", "dimension"), [(500, 40), (30, 200), (2, 3), (5, 5)])
def test_is_zero_against_itself_in_any_order(n, dimension):
    rows = features(n, dimension, 7)
    shuffled = np.random.default_rng(0).permutation(rows)
    assert 0 <= fid_of_features(rows, shuffled) <= 1e-10 * max(1.0, moments(rows).trace / 1e3)


def test_constant_sets_are_as_far_apart_as_their_means():
    zero, three = np.zeros((5, 4)), np.full((7, 4), 3.0)
    assert fid_of_features(zero, zero) == 0
    assert fid_of_features(zero, three) == pytest.approx(4 * 9, rel=1e-14)
    spread = features(50, 4, 8)
    expected = np.trace(np.cov(spread, rowvar=False)) + ((spread.mean(axis=0) - 3) ** 2).sum()
    assert fid_of_features(three, spread) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(2, 8), st.integers(2, 8), st.integers(1, 6), st.floats(1e-6, 1e6), st.integers(0, 10**6))
def test_is_a_squared_distance(n1, n2, dimension, scale, seed):
    """Not negative; symmetric; unchanged by a rotation; scales as a square; its root obeys the triangle inequality."""
    rng = np.random.default_rng(seed)
    a, b, c = (rng.standard_normal((n, dimension)) * scale + rng.standard_normal(dimension) for n in (n1, n2, n1))
    rotation = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
    ab, bc, ac = fid_of_features(a, b), fid_of_features(b, c), fid_of_features(a, c)
    unit = 1e-10 * (moments(a).trace + moments(b).trace + moments(c).trace + 1)
    assert min(ab, bc, ac) >= 0
    assert abs(fid_of_features(b, a) - ab) < unit
    assert abs(fid_of_features(a @ rotation, b @ rotation) - ab) < unit
    assert abs(fid_of_features(3 * a, 3 * b) - 9 * ab) < 9 * unit
    assert np.sqrt(ac) <= np.sqrt(ab) + np.sqrt(bc) + np.sqrt(unit)


def test_moments_give_back_mean_and_covariance_in_both_shapes():
    for n, dimension in ((30, 50), (300, 20)):
        rows = features(n, dimension, 9, shift=2.0)
        found = moments(rows)
        assert found.factor.shape[0] <= dimension
        assert found.covariance == pytest.approx(np.cov(rows, rowvar=False), rel=1e-10, abs=1e-10)
        assert found.trace == pytest.approx(np.trace(np.cov(rows, rowvar=False)), rel=1e-12)


@pytest.mark.parametrize(
    ("rows", "phrase"),
    [
        (np.ones((1, 4)), "at least 2"),
        (np.empty((0, 4)), "at least 2"),
        (np.ones(5), "shape"),
        (np.ones((3, 0)), "shape"),
        (np.where(np.arange(12).reshape(4, 3) == 7, np.nan, 1.0), "row 2"),
        (np.where(np.arange(12).reshape(4, 3) == 0, np.inf, 1.0), "row 0"),
    ],
)
def test_refuses_with_one_sentence(rows, phrase):
    with pytest.raises(UserError, match=phrase) as caught:
        moments(rows)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_refuses_sets_of_different_dimensions():
    with pytest.raises(UserError, match="4 and 5 dimensions"):
        fid_of_features(np.eye(4), np.eye(5))


def by_definition(rows: np.ndarray, reference: Moments, groups: int) -> tuple[float, float]:
    """The group jackknife, every part recomputed from the rows."""
    order = np.random.default_rng(0).permutation(len(rows))
    left_out = [
        frechet_distance(moments(np.delete(rows, part, axis=0)), reference) for part in np.array_split(order, groups)
    ]
    spread = ((np.array(left_out) - np.mean(left_out)) ** 2).sum()
    return frechet_distance(moments(rows), reference), float(np.sqrt((groups - 1) / groups * spread))


@pytest.mark.parametrize(("n", "m", "dimension"), [(50, 400, 12), (40, 60, 100), (40, 25, 100)])
def test_the_fast_jackknife_is_the_jackknife(n, m, dimension):
    rows, reference = features(n, dimension, 10), moments(features(m, dimension, 11, scale=1.2))
    assert group_jackknife(rows, reference, 10) == pytest.approx(by_definition(rows, reference, 10), rel=1e-9)


@pytest.mark.parametrize("difference", [0.0, 0.5])
def test_two_standard_errors_cover_nineteen_draws_of_twenty_where_the_bootstrap_covers_few(difference):
    """On Gaussians: FID of n draws scatters about its mean as the standard error says; a bootstrap's mean lies far above.

    Between equal distributions FID is quadratic in what was drawn, and the jackknife says √2 of the truth."""
    rng = np.random.default_rng(12)
    dimension, n = 8, 120
    reference = moments(rng.standard_normal((3000, dimension)))
    draws = [rng.standard_normal((n, dimension)) * (1 + difference / 2) + difference for _ in range(120)]
    found = np.array([group_jackknife(rows, reference) for rows in draws])
    values, errors = found.T
    assert np.sqrt((errors**2).mean()) / values.std() == pytest.approx(1.0 if difference else np.sqrt(2), abs=0.2)
    assert 0.9 <= (abs(values - values.mean()) <= 2 * errors).mean() <= 0.995
    if not difference:
        resampled = [
            frechet_distance(moments(rows[rng.integers(0, n, n)]), reference) for rows in draws[:10] for _ in range(10)
        ]
        assert np.mean(resampled) > values.mean() + 3 * values.std()


def test_two_images_have_no_error_bar_but_a_distance():
    reference = moments(features(50, 3, 13))
    value, error = group_jackknife(np.array([[0.0, 0, 0], [1, 1, 1]]), reference)
    assert value > 0
    assert np.isnan(error)
