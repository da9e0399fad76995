"""The statistical tests of the grader: they fail right answers as rarely as they say, and see what they promise to see.

False alarms are counted at alpha = 1e-2, where they are frequent enough; each count must lie within binomial bounds that
a right rate leaves with probability 1e-6. Seeds are fixed. How far out the limits hold is looked at by importance
sampling, at the alpha in use.
"""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
from scipy import signal, stats

from autograder import judges
from autograder.grading.mutants import apply_variant, solution_files, variants
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.manifest import load_manifest
from autograder.oracles import statistics
from autograder.oracles.statistics import (
    ALPHA,
    correlation,
    distance_from_normal,
    moments_fault,
    standard_normal_fault,
    uniform_integers_fault,
    z_limit,
)
from autograder.sandbox.proxies import Student

LOOSE = 1e-2
WRONG = 1e-6  # probability with which one of these tests fails though the rates are right
ROWS = 4096  # of the checks
SETS = 1500


def alarms(test, draw, seed: int, sets: int = SETS) -> int:
    rng = np.random.default_rng(seed)
    return sum(bool(test(draw(rng))) for _ in range(sets))


def within(count: int, low: float, high: float, sets: int = SETS) -> bool:
    """Whether a rate between `low` and `high` explains the count."""
    return stats.binom.ppf(WRONG / 2, sets, low) <= count <= stats.binom.isf(WRONG / 2, sets, high)


def detects(test, draw, seed: int, word: str = "", sets: int = 100) -> bool:
    """Whether at least 99 of 100 sets are found fault with, and for the right reason."""
    rng = np.random.default_rng(seed)
    return sum(word in (test(draw(rng)) or "nothing") for _ in range(sets)) >= 99


# False alarms


@pytest.mark.parametrize("shape", [(1000,), (1000, 2)])
def test_false_alarms_about_standard_normal_numbers(shape):
    """Bonferroni over five statistics, one of six parts each: the rate is between a half and the whole of alpha."""
    count = alarms(lambda z: standard_normal_fault(z, LOOSE), lambda rng: rng.standard_normal(shape), 1)
    assert within(count, LOOSE / 2, LOOSE)


def test_false_alarms_about_the_scaled_noise_of_q_sample():
    """Dividing by the measured spread takes the variance out of the count and must not add to it."""

    def scaled(rng):
        z = rng.standard_normal((1000, 2))
        return z / z.std()

    assert within(alarms(lambda z: standard_normal_fault(z, LOOSE), scaled, 2), LOOSE / 3, LOOSE)


@pytest.mark.parametrize(("numbers", "at_most"), [(1000, ALPHA), (ROWS, ALPHA / 10)])
def test_a_single_large_number_is_no_fault(numbers, at_most):
    """At the alpha in use: the probability that one number far out in the tail of right noise makes the test fail.

    Importance sampling, as 1e-7 cannot be counted: one of the numbers is drawn five times as wide, and each set weighs
    as much as it is likelier without that. A heavy-tailed statistic, such as the sample kurtosis with a normal limit,
    gives 5e-7 at 1000 numbers.
    """
    rng, width, sets = np.random.default_rng(3), 5.0, 1000
    weights = np.zeros(sets)
    for i in range(sets):
        z = rng.standard_normal(numbers)
        z[rng.integers(numbers)] *= width
        if standard_normal_fault(z):
            weights[i] = 1 / np.mean(np.exp(z**2 / 2 - (z / width) ** 2 / 2) / width)
    error = weights.std() / np.sqrt(sets)
    assert weights.mean() + 5 * error < at_most


def test_the_distance_of_normal_numbers_from_normal_is_chi_square():
    """N times the distance has the mean and the distribution of χ² with two degrees of freedom; 5000 sets of 1000."""
    rng = np.random.default_rng(9)
    distances = [1000 * distance_from_normal(rng.standard_normal(1000)) for _ in range(5000)]
    assert abs(np.mean(distances) - 2) < 5 * 2 / np.sqrt(5000)
    assert stats.kstest(distances, stats.chi2(2).cdf).pvalue > WRONG


@pytest.mark.parametrize("other", ["normal", "exponential"])
def test_false_alarms_about_independent_noise(other):
    """One of the two must be normal; the other need not."""

    def pair(rng):
        noise = rng.standard_normal(1000)
        return noise, rng.standard_normal(1000) if other == "normal" else rng.standard_exponential(1000) - 1

    count = alarms(lambda ab: correlation(*ab, LOOSE)[1], pair, 4, 10_000)
    assert within(count, LOOSE, LOOSE, 10_000)


def antithetic(rng, size: int, number: int):
    """Each t together with size − 1 − t: right, and the counts have twice the variance of independent ones."""
    t = rng.integers(size, size=number // 2)
    return np.concatenate([t, size - 1 - t])


@pytest.mark.parametrize("size", [2, 15, 19])
def test_false_alarms_about_uniform_integers(size):
    """The limit leaves room for pairs, so that it is never exceeded more often than alpha says."""
    for draw in (
        lambda rng: rng.integers(size, size=200 * size),
        lambda rng: antithetic(rng, size, 200 * size),
        lambda rng: np.tile(np.arange(size), 200),
    ):
        count = alarms(lambda t: uniform_integers_fault(t, size, LOOSE), draw, 6, 1000)
        assert within(count, 0, LOOSE, 1000)


def test_the_rate_with_which_right_integers_miss_an_end_is_the_one_that_is_said():
    """2 (1 − 1/size)^N, less the sets that miss both; too few values for it to be small."""
    size, number = 5, 20
    count = alarms(
        lambda t: uniform_integers_fault(t, size, 1e-15), lambda rng: rng.integers(size, size=number), 7, 4000
    )
    rate = 2 * (1 - 1 / size) ** number - (1 - 2 / size) ** number
    assert within(count, rate, rate, 4000)


@pytest.mark.parametrize("coordinates", [1, 6])
def test_false_alarms_about_moments(coordinates):
    """All limits are exact for normal samples; Bonferroni over independent statistics loses next to nothing."""
    mean, std = np.linspace(-1, 1, coordinates), np.linspace(0.3, 0.6, coordinates)
    count = alarms(
        lambda x: moments_fault(x, mean, std, LOOSE),
        lambda rng: mean + std * rng.standard_normal((1000, coordinates)),
        8,
    )
    assert within(count, 0.97 * LOOSE, LOOSE)


def test_the_limit_of_a_normal_statistic_is_exceeded_with_probability_alpha():
    for alpha in (0.5, LOOSE, ALPHA, 1e-12):
        assert 2 * stats.norm.sf(z_limit(alpha)) == pytest.approx(alpha, rel=1e-9)


# What is seen: the effects that docstrings and checks declare, at the sizes in use


@pytest.mark.parametrize("offset", [0.095, -0.095])
def test_a_mean_that_is_off_is_seen(offset):
    assert detects(standard_normal_fault, lambda rng: rng.standard_normal((ROWS, 2)) + offset, 10, "mean")


@pytest.mark.parametrize("factor", [0.93, 1.07, 0.5, 3, np.sqrt(2)])
def test_a_spread_that_is_off_is_seen(factor):
    assert detects(standard_normal_fault, lambda rng: factor * rng.standard_normal((ROWS, 2)), 11, "standard deviation")


SHAPES = {
    "Student's t with an excess kurtosis of 1": lambda rng, shape: rng.standard_t(10, shape) * np.sqrt(0.8),
    "Laplace": lambda rng, shape: rng.laplace(size=shape) / np.sqrt(2),
    "uniform": lambda rng, shape: np.sqrt(3) * rng.uniform(-1, 1, shape),
    "signs": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "triangular": lambda rng, shape: np.sqrt(6) * rng.triangular(-1, 0, 1, shape),
    "exponential": lambda rng, shape: rng.standard_exponential(shape) - 1,
    "half normal": lambda rng, shape: (abs(rng.standard_normal(shape)) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi),
    "a tenth is zero": lambda rng, shape: rng.standard_normal(shape) * (rng.random(shape) > 0.1) / np.sqrt(0.9),
}


@pytest.mark.parametrize("name", SHAPES)
def test_noise_of_another_shape_with_the_right_mean_and_spread_is_seen(name):
    def scaled(rng):
        z = SHAPES[name](rng, (ROWS, 2))
        return z / z.std()

    assert detects(standard_normal_fault, scaled, 12, "not normally distributed")


@pytest.mark.parametrize("name", ["uniform", "signs", "Laplace", "exponential"])
def test_the_plainest_of_them_are_seen_at_a_thousand_numbers(name):
    def scaled(rng):
        z = SHAPES[name](rng, (1000,))
        return z / z.std()

    assert detects(standard_normal_fault, scaled, 13, "not normally distributed")


def test_noise_clamped_at_two_is_seen():
    assert detects(standard_normal_fault, lambda rng: rng.standard_normal((ROWS, 2)).clip(-2, 2), 14)


@pytest.mark.parametrize("shape", [(ROWS, 2), (64, 3, 8, 8)])
def test_the_same_numbers_in_every_row_are_named(shape):
    assert detects(
        standard_normal_fault, lambda rng: np.broadcast_to(rng.standard_normal((1, *shape[1:])), shape), 15, "every row"
    )


@pytest.mark.parametrize("shape", [(ROWS, 2), (ROWS, 3, 2, 2)])
def test_the_same_number_in_every_coordinate_is_named(shape):
    def draw(rng):
        return np.broadcast_to(rng.standard_normal((ROWS, *[1] * (len(shape) - 1))), shape)

    assert detects(standard_normal_fault, draw, 16, "every coordinate")


def test_correlated_rows_are_named():
    def rows(rng):
        return signal.lfilter([1], [1, -0.13], np.sqrt(1 - 0.13**2) * rng.standard_normal((ROWS, 2)), axis=0)

    assert detects(standard_normal_fault, rows, 17, "rows")
    assert detects(
        standard_normal_fault, lambda rng: np.repeat(rng.standard_normal((ROWS // 2, 2)), 2, axis=0), 18, "rows"
    )


def test_correlated_coordinates_are_named():
    def coordinates(rng):
        z = rng.standard_normal((ROWS, 2))
        return np.stack([z[:, 0], 0.13 * z[:, 0] + np.sqrt(1 - 0.13**2) * z[:, 1]], axis=1)

    assert detects(standard_normal_fault, coordinates, 19, "coordinates")


@pytest.mark.parametrize(
    ("z", "word"),
    [
        (np.zeros((1000, 2)), "zero"),
        (np.full((1000, 2), 0.7), "the same number everywhere"),
        (np.full((1000, 2), np.nan), "NaN"),
        (np.where(np.arange(2000).reshape(1000, 2) == 7, np.inf, 0.1), "infinite"),
        (np.tile(np.arange(1000.0)[:, None], (1, 2)), "every coordinate"),
        (1e150 * np.random.default_rng(0).standard_normal((1000, 2)), "standard deviation"),
    ],
)
def test_degenerate_noise_is_named(z, word):
    assert word in standard_normal_fault(z)


def test_noise_that_is_used_again_is_seen():
    rng = np.random.default_rng(20)
    z = rng.standard_normal((ROWS, 2))
    for other, expected in ((z, 1), (-z, -1), (3 * z, 1)):
        value, significant = correlation(z, other)
        assert value == pytest.approx(expected, abs=1e-12)
        assert significant
    assert correlation(z, np.zeros_like(z)) == (0.0, False)
    assert detects(
        lambda ab: "same" if correlation(*ab)[1] else None,
        lambda rng: (lambda a, b: (a, 0.1 * a + b))(*rng.standard_normal((2, ROWS, 2))),
        21,
        "same",
    )


@pytest.mark.parametrize("size", [15, 16])
def test_integers_that_are_not_uniform_are_seen(size):
    number = 4 * ROWS

    def rare(rng):
        weights = np.ones(size)
        weights[4] = 0.5
        return rng.choice(size, number, p=weights / weights.sum())

    def test(values):
        return uniform_integers_fault(values, size)

    assert detects(test, rare, 22, "not uniform (4 came up")
    assert detects(test, lambda rng: rng.integers(1, size, number), 23, "0 never comes up")
    assert detects(test, lambda rng: rng.integers(0, size - 1, number), 24, f"{size - 1} never comes up")
    assert detects(test, lambda rng: rng.integers(1, size - 1, number), 25, f"0 and {size - 1} never")
    assert detects(test, lambda rng: rng.integers(0, size + 1, number), 26, f"to {size}, and must stay")
    assert detects(test, lambda rng: rng.integers(-1, size, number), 27, "from -1")
    assert detects(test, lambda rng: np.full(number, rng.integers(size)), 28, "every row has the same value")
    assert detects(test, lambda rng: rng.uniform(0, size - 1, number), 29, "not integers")
    assert detects(test, lambda rng: np.round(rng.uniform(0, size - 1, number)), 30, "not uniform")
    assert "not integers" in test(np.full(number, np.nan))
    assert "not integers" in test(np.full(number, np.inf))


def test_samples_with_other_moments_are_seen():
    mean, std = np.array([0.3, -0.5]), np.array([0.4, 0.55])

    def test(x):
        return moments_fault(x, mean, std)

    def off(shift, factor):
        return lambda rng: mean + std * (np.array([shift, 0]) + np.array([1, factor]) * rng.standard_normal((ROWS, 2)))

    for shift in (0.125, -0.125):
        assert detects(test, off(shift, 1), 31, "mean")
    for factor in (0.91, 1.1, 0.1):
        assert detects(test, off(0, factor), 32, "standard deviation")
    assert "NaN" in test(np.full((ROWS, 2), np.nan))
    assert "mean" in test(np.zeros((ROWS, 2)))
    assert "standard deviation" in test(np.tile(mean, (ROWS, 1)))


# What checks declare


@pytest.fixture
def spent(monkeypatch) -> list[float]:
    """The alpha of every statistical test that a check has made and that found nothing."""
    alphas: list[float] = []

    def counting(test):
        def call(*args, **kwargs):
            bound = inspect.signature(test).bind(*args, **kwargs)
            bound.apply_defaults()
            result = test(*args, **kwargs)
            if not (result[1] if test is correlation else result):
                alphas.append(bound.arguments["alpha"])
            return result

        return call

    for module in pkgutil.walk_packages(judges.__path__, judges.__name__ + "."):
        names = vars(importlib.import_module(module.name))
        for name in ("standard_normal_fault", "correlation", "moments_fault", "uniform_integers_fault"):
            if names.get(name) is getattr(statistics, name):
                monkeypatch.setattr(f"{module.name}.{name}", counting(getattr(statistics, name)))
    return alphas


def test_the_declared_rate_of_a_check_covers_the_tests_that_it_makes(spent, sandbox):
    """For the solution, and for one whose loops take their own steps, which costs more tests."""
    manifest = load_manifest("swiss_roll")
    inlined = next(variant for variant in variants(manifest) if variant.id == "inlined-steps")
    random = [check for check in load_rubric(manifest) if check.mark.false_fail and check.mark.region != "outcome"]
    loops = [check for check in random if check.mark.region.endswith("_loop")]
    short = {}
    with sandbox.lane() as lane:
        for files, checks in ((solution_files(manifest), random), (apply_variant(manifest, inlined), loops)):
            student = Student(lane, files, manifest.limits)
            for check in checks:
                spent.clear()
                assert run_check(check, student, b"secret of this test", "digest").status == "passed"
                if sum(spent) > check.mark.false_fail * 1.001:
                    short[check.id] = f"declares {check.mark.false_fail:.1g}, its tests add up to {sum(spent):.1g}"
            student.fresh()
    assert not short
