"""The oracles against other ways to the same numbers: fractions, many digits, integrals, simulation, the handout."""

import decimal
import importlib.util
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from autograder.assignments.swiss_roll.points import chamfer_distance, swiss_roll
from autograder.oracles.gaussian import GaussianOracle
from autograder.oracles.schedule import EvenlySpaced, Schedule
from autograder.places import solutions

SCHEDULES = [
    EvenlySpaced(1000),
    EvenlySpaced(1),
    EvenlySpaced(13, 0.02, 0.3),
    EvenlySpaced(17, 0.04, 0.2, "quad"),
    EvenlySpaced(1000, 1e-4, 0.02, "quad"),
]
SHORT = SCHEDULES[2:4]


@pytest.fixture(autouse=True)
def fifty_digits():
    with decimal.localcontext() as context:
        context.prec = 50
        yield


class Exact:
    """The same schedule with 50 digits: β as fractions or decimal roots, ᾱ as a running product of them."""

    def __init__(self, schedule: Schedule):
        count = schedule.num_timesteps
        first, last = Decimal(schedule.beta_1), Decimal(schedule.beta_T)
        if schedule.mode == "quad":
            first, last = first.sqrt(), last.sqrt()
        positions = [Fraction(t, max(count - 1, 1)) for t in range(count)]
        values = [first + (last - first) * Decimal(p.numerator) / Decimal(p.denominator) for p in positions]
        self.betas = [v * v for v in values] if schedule.mode == "quad" else values
        self.alphas_cumprod = []
        product = Decimal(1)
        for beta in self.betas:
            product *= 1 - beta
            self.alphas_cumprod.append(product)

    def alpha_bar(self, t: int) -> Decimal:
        return self.alphas_cumprod[t] if t >= 0 else Decimal(1)


def close(got, expected, tolerance=1e-12):
    expected = np.array(expected, dtype=float)
    return np.all(abs(np.asarray(got) - expected) <= tolerance * (1 + abs(expected)))


# Schedule


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_the_schedule_equals_its_products_with_fifty_digits(schedule):
    exact = Exact(schedule)
    assert close(schedule.betas, exact.betas)
    assert close(schedule.alphas, [1 - b for b in exact.betas])
    assert np.allclose(schedule.alphas_cumprod, np.array(exact.alphas_cumprod, float), rtol=1e-11, atol=0)
    assert close(schedule.alphas_cumprod_prev, [exact.alpha_bar(t - 1) for t in range(schedule.num_timesteps)])
    tilde = [
        (1 - exact.alpha_bar(t - 1)) / (1 - exact.alpha_bar(t)) * exact.betas[t] for t in range(schedule.num_timesteps)
    ]
    assert np.allclose(schedule.posterior_variance, np.array(tilde, float), rtol=1e-9, atol=1e-15)


def test_a_linear_schedule_is_a_product_of_fractions():
    schedule = EvenlySpaced(5, 0.25, 0.5)  # exact in binary
    product = Fraction(1)
    for t in range(5):
        product *= 1 - (Fraction(1, 4) + Fraction(t, 16))
        assert schedule.alphas_cumprod[t] == pytest.approx(float(product), rel=1e-15)


@pytest.mark.parametrize("schedule", SHORT, ids=str)
def test_closed_form_of_q_sample_is_the_chain_of_single_steps(schedule):
    """q(x_t | x_{t−1}) applied t times (DDPM, Eq. 2): mean and variance of x_t given x_0 are those of Eq. 4."""
    x0 = 1.7
    mean, variance = x0, 0.0
    for t in range(schedule.num_timesteps):
        mean, variance = np.sqrt(1 - schedule.betas[t]) * mean, (1 - schedule.betas[t]) * variance + schedule.betas[t]
        without = schedule.q_sample(np.array([[x0]]), np.array([t]), np.array([[0.0]]))
        with_noise = schedule.q_sample(np.array([[x0]]), np.array([t]), np.array([[1.0]]))
        assert without.item() == pytest.approx(mean, abs=1e-12)
        assert (with_noise - without).item() ** 2 == pytest.approx(variance, abs=1e-12)


def test_q_sample_takes_a_time_for_each_row_and_any_shape():
    schedule, rng = SHORT[0], np.random.default_rng(0)
    t = np.array([12, 0, 5])
    for shape in ((3,), (3, 2), (3, 3, 4, 4)):
        x0, noise = rng.standard_normal(shape), rng.standard_normal(shape)
        together = schedule.q_sample(x0, t, noise)
        for row in range(3):
            alone = schedule.q_sample(x0[row : row + 1], t[row : row + 1], noise[row : row + 1])
            assert np.array_equal(together[row : row + 1], alone)
        assert close(schedule.noise_in(together, x0, t), noise, 1e-9)


@pytest.mark.parametrize("schedule", SCHEDULES[:1] + SHORT, ids=str)
def test_reverse_mean_is_the_posterior_mean_at_the_estimate_of_x0(schedule):
    """Eq. 7 of DDPM with x_0 = (x_t − √(1−ᾱ_t) ε)/√ᾱ_t put in gives Eq. 11, here with 50 digits."""
    exact = Exact(schedule)
    for t in range(0, schedule.num_timesteps, max(1, schedule.num_timesteps // 40)):
        alpha_bar, before, beta = exact.alpha_bar(t), exact.alpha_bar(t - 1), exact.betas[t]
        on_x0 = before.sqrt() * beta / (1 - alpha_bar)
        on_xt = (1 - beta).sqrt() * (1 - before) / (1 - alpha_bar)
        a = on_xt + on_x0 / alpha_bar.sqrt()
        b = on_x0 * (1 - alpha_bar).sqrt() / alpha_bar.sqrt()
        assert schedule.p_coefficients(t) == pytest.approx((float(a), float(b)), rel=1e-10)


@pytest.mark.parametrize("schedule", SHORT, ids=str)
def test_posterior_mean_and_variance_are_those_of_bayes_rule(schedule):
    """q(x_{t−1} | x_t, x_0) by numerical integration of the product of two Gaussians, against Eq. 6 and 7."""
    x0, eps = 0.8, -0.6
    for t in (1, 4, schedule.num_timesteps - 1):
        xt = schedule.q_sample(np.array([[x0]]), np.array([t]), np.array([[eps]])).item()
        before, beta = schedule.alphas_cumprod[t - 1], schedule.betas[t]

        def density(x, before=before, beta=beta, xt=xt):
            prior = stats.norm.pdf(x, np.sqrt(before) * x0, np.sqrt(1 - before))
            return prior * stats.norm.pdf(xt, np.sqrt(1 - beta) * x, np.sqrt(beta))

        grid = np.linspace(-9, 9, 40_001)
        weights = density(grid) / density(grid).sum()
        mean = (weights * grid).sum()
        a, b = schedule.p_coefficients(t)
        assert a * xt - b * eps == pytest.approx(mean, abs=1e-9)
        assert schedule.posterior_variance[t] == pytest.approx((weights * (grid - mean) ** 2).sum(), abs=1e-9)


# DDIM


@pytest.mark.parametrize("schedule", SCHEDULES[:1] + SHORT, ids=str)
def test_ddim_with_eta_1_and_neighbours_is_ddpm(schedule):
    """DDIM, Sec. 4.1: with η = 1 and t_prev = t − 1 the step has DDPM's mean and the variance β̃_t."""
    for t in range(0, schedule.num_timesteps, max(1, schedule.num_timesteps // 40)):
        a, b, sigma = schedule.ddim_coefficients(t, t - 1, 1.0)
        assert (a, b) == pytest.approx(schedule.p_coefficients(t), rel=1e-6)
        assert sigma**2 == pytest.approx(schedule.posterior_variance[t], rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("schedule", SHORT, ids=str)
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_ddim_step_keeps_the_marginals(schedule, eta):
    """DDIM, Lemma 1: from x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε, with that ε, x_prev has mean √ᾱ_prev x_0 and variance 1−ᾱ_prev."""
    last = schedule.num_timesteps - 1
    for t, t_prev in ((last, last - 1), (last, 3), (5, 0), (4, -1), (0, -1)):
        a, b, sigma = schedule.ddim_coefficients(t, t_prev, eta)
        now = schedule.alphas_cumprod[t]
        before = schedule.alphas_cumprod[t_prev] if t_prev >= 0 else 1.0
        assert a * np.sqrt(now) == pytest.approx(np.sqrt(before), abs=1e-12)
        assert (a * np.sqrt(1 - now) - b) ** 2 + sigma**2 == pytest.approx(1 - before, abs=1e-12)
        assert a * np.sqrt(1 - now) - b >= -1e-12


@pytest.mark.parametrize("schedule", SHORT, ids=str)
def test_ddim_with_eta_0_is_deterministic_and_can_be_undone(schedule):
    """With η = 0 and the ε in x_t: no noise, x_prev is q_sample at t_prev, two steps are one long one, x_t can be had back."""
    rng = np.random.default_rng(1)
    last = schedule.num_timesteps - 1
    x0, eps = rng.standard_normal((50, 1)), rng.standard_normal((50, 1))

    def noised(t):
        return schedule.q_sample(x0, np.full(50, t), eps)

    for t, between, t_prev in ((last, 6, 0), (7, 5, 3), (2, 1, 0)):
        a, b, sigma = schedule.ddim_coefficients(t, t_prev, 0.0)
        assert sigma == 0
        assert close(a * noised(t) - b * eps, noised(t_prev), 1e-10)
        first, second = schedule.ddim_coefficients(t, between, 0.0), schedule.ddim_coefficients(between, t_prev, 0.0)
        assert close(second[0] * (first[0] * noised(t) - first[1] * eps) - second[1] * eps, noised(t_prev), 1e-10)
        x0_hat = (noised(t_prev) - np.sqrt(1 - schedule.alphas_cumprod[t_prev]) * eps) / np.sqrt(
            schedule.alphas_cumprod[t_prev]
        )
        assert close(schedule.q_sample(x0_hat, np.full(50, t), eps), noised(t), 1e-10)


@pytest.mark.parametrize("schedule", SHORT, ids=str)
def test_the_last_ddim_step_is_the_estimate_of_x0(schedule):
    rng = np.random.default_rng(2)
    x0, eps = rng.standard_normal((20, 1)), rng.standard_normal((20, 1))
    for eta in (0.0, 0.5, 1.0):
        for t, t_prev in ((0, -1), (6, -1), (6, -7)):
            a, b, sigma = schedule.ddim_coefficients(t, t_prev, eta)
            xt = schedule.q_sample(x0, np.full(20, t), eps)
            assert sigma == 0
            assert close(a * xt - b * eps, x0, 1e-10)


# Gaussian oracle

MEAN, STD = np.array([0.7, -0.4]), np.array([0.3, 0.55])


@pytest.mark.parametrize("schedule", SHORT, ids=str)
def test_the_noise_predictor_is_bayes_posterior_mean_of_the_noise(schedule):
    """E[ε | x_t] as an integral over x_0, with the density of the data as the prior."""
    oracle = GaussianOracle(schedule, MEAN, STD)
    x0 = np.linspace(-9, 9, 40_001)
    for t in (0, 3, schedule.num_timesteps - 1):
        alpha_bar = schedule.alphas_cumprod[t]
        for x in (-2.0, 0.1, 1.3):
            eps = (x - np.sqrt(alpha_bar) * x0) / np.sqrt(1 - alpha_bar)
            for axis in (0, 1):
                log_weight = stats.norm.logpdf(x0, MEAN[axis], STD[axis]) + stats.norm.logpdf(eps)
                weight = np.exp(log_weight - log_weight.max())
                expected = (weight * eps).sum() / weight.sum()
                assert oracle.eps_theta(np.array([[x, x]]), t)[0, axis] == pytest.approx(expected, abs=1e-9)


def test_the_noise_predictor_is_the_regression_of_noise_on_x_t():
    """Least squares on 200,000 simulated pairs; slope and offset are within 5.5 standard errors (4e-8 each)."""
    schedule, rng = SHORT[0], np.random.default_rng(3)
    oracle = GaussianOracle(schedule, MEAN, STD)
    for t in (0, 6, 12):
        x0, eps = MEAN + STD * rng.standard_normal((200_000, 2)), rng.standard_normal((200_000, 2))
        xt = schedule.q_sample(x0, np.full(len(x0), t), eps)
        zero, one = oracle.eps_theta(np.zeros((1, 2)), t)[0], oracle.eps_theta(np.ones((1, 2)), t)[0]
        for axis in (0, 1):
            fit = stats.linregress(xt[:, axis], eps[:, axis])
            assert abs(fit.slope - (one - zero)[axis]) < 5.5 * fit.stderr
            assert abs(fit.intercept - zero[axis]) < 5.5 * fit.intercept_stderr


def ddpm_steps(schedule: Schedule, variance) -> list[tuple[int, float, float, float]]:
    return [
        (t, *schedule.p_coefficients(t), float(np.sqrt(variance[t])) * (t > 0))
        for t in reversed(range(schedule.num_timesteps))
    ]


@pytest.mark.parametrize("kind", ["DDPM", "DDPM with the posterior variance", "DDIM", "DDIM with η = 0.6"])
@pytest.mark.parametrize("schedule", SHORT, ids=str)
def test_moments_of_samples_are_those_of_a_simulation(schedule, kind):
    """100,000 chains; mean and spread within 5.5 standard errors (4 numbers, so wrong with probability 2e-7)."""
    oracle, rng = GaussianOracle(schedule, MEAN, STD), np.random.default_rng(4)
    if kind.startswith("DDPM"):
        steps = ddpm_steps(schedule, schedule.posterior_variance if "posterior" in kind else schedule.betas)
    else:
        times = [12, 9, 6, 3, 0]
        eta = 0.6 if "η" in kind else 0.0
        steps = [(t, *schedule.ddim_coefficients(t, before, eta)) for t, before in zip(times, [*times[1:], -1])]
    x = rng.standard_normal((100_000, 2))
    for t, a, b, sigma in steps:
        alpha_bar = schedule.alphas_cumprod[t]
        total = alpha_bar * STD**2 + 1 - alpha_bar  # Var x_t; Cov(ε, x_t) = √(1−ᾱ_t)
        eps = np.sqrt(1 - alpha_bar) / total * (x - np.sqrt(alpha_bar) * MEAN)
        x = a * x - b * eps + sigma * rng.standard_normal(x.shape)
    mean, std = oracle.sampled_moments(steps)
    assert (abs(x.mean(axis=0) - mean) < 5.5 * std / np.sqrt(len(x))).all()
    assert (abs(x.std(axis=0) / std - 1) < 5.5 / np.sqrt(2 * len(x))).all()


def test_a_long_chain_samples_the_data_distribution_itself():
    """With a thousand small steps the exact predictor leads back to the data, up to the error of discretisation."""
    schedule = EvenlySpaced(1000)
    oracle = GaussianOracle(schedule, MEAN, STD)
    mean, std = oracle.sampled_moments(ddpm_steps(schedule, schedule.betas))
    assert close(mean, MEAN, 5e-3)
    assert close(std, STD, 1e-2)


# Swiss roll and Chamfer distance


def handout(name: str):
    spec = importlib.util.spec_from_file_location(
        f"handout_{name}", solutions() / "2d_plot_diffusion_todo" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ANGLES = (1.5 * np.pi, 4.5 * np.pi)  # of scikit-learn's roll; a point's distance from the centre is its angle


def unrolled(points):
    """Points before their normalisation: shift and scale follow from the extremes of the spiral."""
    angle = np.linspace(*ANGLES, 1_000_001)
    ends = np.array([(angle * np.cos(angle)).min(), (angle * np.cos(angle)).max()])
    low, high = points[:, 0].min(), points[:, 0].max()
    scale = (ends[1] - ends[0]) / (high - low)
    return (points - low) * scale + ends[0]


@pytest.fixture(scope="module")
def rolls():
    """200,000 points of each kind, as normalised by their makers."""
    np.random.seed(5)
    theirs = handout("dataset").load_twodim(200_000, "swiss_roll").numpy().astype(np.float64)
    return swiss_roll(200_000, np.random.default_rng(6)), theirs


def test_both_rolls_are_normalised_alike_and_lie_on_the_same_spiral(rolls):
    for points in rolls:
        assert points.shape == (200_000, 2)
        assert np.array_equal(points, points.astype(np.float32))
        assert points.mean() == pytest.approx(0, abs=1e-6)
        assert points.std() == pytest.approx(2, abs=1e-6)
        raw = unrolled(points)
        angle = np.hypot(*raw.T)
        assert angle.min() > ANGLES[0] - 1e-3
        assert angle.max() < ANGLES[1] + 1e-3
        assert abs(raw - np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1)).max() < 2e-3


def test_the_grader_s_swiss_roll_is_distributed_as_the_handout_s(rolls):
    """Two-sample Kolmogorov–Smirnov on coordinates, projections and angle; each is wrong with probability 1e-7."""
    ours, theirs = map(unrolled, rolls)
    for view in (
        lambda p: p[:, 0],
        lambda p: p[:, 1],
        lambda p: p[:, 0] + p[:, 1],
        lambda p: p[:, 0] - 2 * p[:, 1],
        lambda p: np.hypot(*p.T),
    ):
        assert stats.ks_2samp(view(ours), view(theirs), method="asymp").pvalue > 1e-7


def test_quantiles_of_both_rolls_agree(rolls):
    """In each set the other's quantiles are where they should be, to 0.01 in probability: 6 standard errors."""
    levels = np.linspace(0.02, 0.98, 49)
    for axis in (0, 1):
        ours, theirs = (np.sort(unrolled(points)[:, axis]) for points in rolls)
        for a, b in ((ours, theirs), (theirs, ours)):
            reached = np.searchsorted(b, np.quantile(a, levels)) / len(b)
            assert abs(reached - levels).max() < 0.01


def brute_force(a, b):
    squared = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=-1)
    return squared.min(axis=1).sum() + squared.min(axis=0).sum()


@pytest.mark.parametrize("sizes", [(1, 1), (1, 9), (40, 7), (300, 300)])
@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_chamfer_distance_is_that_of_the_whole_matrix(sizes, dimension):
    rng = np.random.default_rng(sizes[0] + dimension)
    a, b = rng.standard_normal((sizes[0], dimension)), 3 * rng.standard_normal((sizes[1], dimension)) + 1
    expected = pytest.approx(brute_force(a, b), rel=1e-12)
    assert chamfer_distance(a, b) == expected
    assert chamfer_distance(b, a) == expected
    assert handout("chamferdist").chamfer_distance(a, b) == expected


def test_chamfer_distance_is_0_for_the_same_points_in_any_order_and_with_repeats():
    a = np.random.default_rng(9).standard_normal((50, 2))
    assert chamfer_distance(a, a[::-1]) == 0
    assert chamfer_distance(a, np.concatenate([a, a])) == 0
    assert chamfer_distance(a, a + 0.001) > 0
