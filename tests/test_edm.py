"""EDM: the oracles by independent computations, and the checks of the bonus task by mistakes, right versions and traps."""

import re
import sys

import numpy as np
import pytest

from autograder.grading.mutants import (
    Variant,
    apply_misconceptions,
    apply_variant,
    misconceptions,
    solution_files,
    variants,
)
from autograder.grading.rubric import load_rubric
from autograder.grading.runner import run_check
from autograder.manifest import load_manifest
from autograder.oracles.preconditioning import GaussianDenoiser, Preconditioning, rho_steps
from autograder.regions import path_of
from autograder.sandbox.proxies import Student

ASSIGNMENT = "latent_diffusion"
SECRET = b"secret of the tests of EDM"
MEAN, STD = np.array([0.3, -0.4, 0.0]), np.array([0.2, 0.5, 0.35])


@pytest.fixture(scope="module")
def manifest():
    return load_manifest(ASSIGNMENT)


@pytest.fixture(scope="module")
def checks(manifest):
    return {check.id: check for check in load_rubric(manifest) if check.mark.task == "edm"}


@pytest.fixture(scope="module")
def lane(sandbox):
    with sandbox.lane() as lane:
        yield lane


def judged(lane, manifest, checks, files, wrong=frozenset()):
    student = Student(lane, files, manifest.limits)
    try:
        return {name: run_check(check, student, SECRET, "digest", frozenset(wrong)) for name, check in checks.items()}
    finally:
        student.fresh()


# The oracles


@pytest.mark.parametrize("sigma_data", [0.2, 0.5, 1.7])
def test_input_and_target_of_the_network_have_unit_variance_and_the_weight_makes_all_sigma_equal(sigma_data):
    table, sigma = Preconditioning(sigma_data), np.geomspace(0.002, 80, 40)
    np.testing.assert_allclose(table.c_in(sigma) ** 2 * (sigma**2 + sigma_data**2), 1, rtol=1e-12)
    left, noise = 1 - table.c_skip(sigma), table.c_skip(sigma) * sigma  # of y − c_skip (y + n)
    np.testing.assert_allclose((left * sigma_data) ** 2 + noise**2, table.c_out(sigma) ** 2, rtol=1e-9)  # EDM, Eq. 113
    np.testing.assert_allclose(table.weight(sigma) * table.c_out(sigma) ** 2, 1, rtol=1e-12)


def test_the_skip_is_the_ideal_denoiser_of_centred_data():
    data, table = GaussianDenoiser(np.zeros(3), np.full(3, 0.5)), Preconditioning(0.5)
    x = np.random.default_rng(0).normal(size=(4, 3))
    for sigma in (0.01, 0.5, 20.0):
        np.testing.assert_allclose(data.denoised(x, sigma), table.c_skip(sigma) * x, rtol=1e-12)


def test_the_steps_of_the_defaults():
    steps = rho_steps(18, 0.002, 80, 7)
    np.testing.assert_allclose(steps[[0, 1, 16, 17]], [80, 57.5859, 0.00752802, 0.002], rtol=1e-5)
    np.testing.assert_allclose(np.diff(steps ** (1 / 7)), np.diff(steps ** (1 / 7))[0], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("sigma_data", [0.5, 0.8])
def test_steps_and_preconditioning_are_those_of_diffusers(sigma_data):
    torch, diffusers = pytest.importorskip("torch"), pytest.importorskip("diffusers")
    scheduler = diffusers.EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, sigma_data=sigma_data, rho=7.0)
    scheduler.set_timesteps(12)
    np.testing.assert_allclose(scheduler.sigmas.numpy(), [*rho_steps(12, 0.002, 80, 7), 0], rtol=2e-5)
    table, x, answer = Preconditioning(sigma_data), *torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for sigma in torch.tensor([0.01, 0.7, 30.0], dtype=torch.float64):
        s = float(sigma)
        np.testing.assert_allclose(scheduler.precondition_inputs(x, sigma), table.c_in(s) * x.numpy(), rtol=1e-6)
        np.testing.assert_allclose(float(scheduler.precondition_noise(sigma)), table.c_noise(s), rtol=1e-6)
        denoised = table.c_skip(s) * x.numpy() + table.c_out(s) * answer.numpy()
        np.testing.assert_allclose(scheduler.precondition_outputs(x, answer, sigma), denoised, rtol=1e-6)


def test_the_flow_is_that_of_fine_steps_of_another_method():
    """Runge and Kutta's method of order 4 on ln σ."""
    data, x = GaussianDenoiser(MEAN, STD), 5 * np.random.default_rng(1).normal(size=(6, 3))
    start, sigmas = x, np.exp(np.linspace(np.log(5), np.log(0.01), 2001))
    for now, to in zip(sigmas, sigmas[1:]):
        h, half = np.log(to / now), np.sqrt(now * to)
        k_1 = now * data.slope(x, now)
        k_2 = half * data.slope(x + h / 2 * k_1, half)
        k_3 = half * data.slope(x + h / 2 * k_2, half)
        k_4 = to * data.slope(x + h * k_3, to)
        x = x + h / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4)
    np.testing.assert_allclose(x, data.flow(start, 5, 0.01), atol=1e-9)


def test_heuns_method_has_order_2_and_eulers_order_1():
    data, x = GaussianDenoiser(MEAN, STD), 80 * np.random.default_rng(2).normal(size=(50, 3))
    exact = data.flow(x, 80, 0.002)

    def errors(method):
        return [np.sqrt(((method(rho_steps(n, 0.002, 80, 7)) - exact) ** 2).mean()) for n in (65, 129, 257)]

    def euler(sigmas):
        state = x
        for now, to in zip(sigmas, sigmas[1:]):
            state = state + (to - now) * data.slope(state, now)
        return state

    for method, order in ((lambda sigmas: data.heun(x, sigmas), 2), (euler, 1)):
        found = errors(method)
        assert np.log2(found[0] / found[1]) == pytest.approx(order, abs=0.1)
        assert np.log2(found[1] / found[2]) == pytest.approx(order, abs=0.06)


def test_heuns_method_ends_with_the_denoiser():
    data, x = GaussianDenoiser(MEAN, STD), np.ones((1, 3))
    np.testing.assert_allclose(data.heun(x, np.array([0.5, 0.0])), data.denoised(x, 0.5))


# The solution around its own network


@pytest.mark.slow
@pytest.mark.parametrize("use_vae", [False, True])
def test_the_solution_trains_and_draws_with_its_own_network(manifest, use_vae):
    torch = pytest.importorskip("torch")
    sys.path.insert(0, str(manifest.solution))
    try:
        from libs.edm import EDM

        torch.manual_seed(0)
        model = EDM((3, 32, 16), dim=8, context_dim=8, dim_mults=(1, 2), attn_levels=(1,), use_vae=use_vae)
        loss = model.compute_loss(torch.rand(4, 3, 32, 16), torch.tensor([3, 9, 0, 3]))
        loss.backward()
        assert all(p.grad is not None for p in model.model.parameters())
        assert 0.2 < loss.item() < 5  # about 1 before the training, at every σ: what the weight λ(σ) is for
        images = model.generate([1, 7], num_steps=3)
        assert images.shape == (2, 3, 32, 16)
        assert 0 <= images.min() <= images.max() <= 1
    finally:
        sys.path.remove(str(manifest.solution))
        for name in [name for name in sys.modules if name == "libs" or name.startswith("libs.")]:
            del sys.modules[name]


# The checks


def test_there_are_enough_mistakes_and_right_versions_and_every_region_has_some(manifest):
    regions = set(manifest.task("edm").regions)
    wrong = [m for m in misconceptions(manifest) if m.task == "edm"]
    right = [v for v in variants(manifest) if {*v.bodies} & regions]
    assert len(wrong) >= 25
    assert {m.region for m in wrong} == regions
    assert len(right) >= 10
    assert {region for v in right for region in v.bodies} >= regions


def test_the_solution_passes_and_its_sampler_converges_with_order_2(lane, manifest, checks):
    found = judged(lane, manifest, checks, solution_files(manifest))
    assert {name: j.message for name, j in found.items() if j.status != "passed"} == {}
    assert found["edm.steps"].note.values["order of convergence"][0][0] == pytest.approx(2.4, abs=0.4)  # of steps that are still few


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "check", "sentence"),
    [
        ("edm-skip-with-root", "edm.c_skip", r"At σ = .* and σ_data = .*, c_skip must be that of .* “Skip scaling”; yours is .* times that"),
        ("edm-noise-without-quarter", "edm.c_noise", r"row “Noise cond.”; yours is 4 times that"),
        ("edm-denoiser-told-sigma", "edm.denoise", r"must tell the network c_noise\(σ\)"),
        ("edm-denoiser-time-of-four-dimensions", "edm.denoise", r"a time of shape \(7,\); yours tells it one of shape \(7, 1, 1, 1\)"),
        ("edm-denoiser-without-skip", "edm.denoise", r"x must be multiplied by c_skip\(σ\).* yours is multiplied by 0\.0000"),
        ("edm-denoiser-without-label", "edm.denoise", r"labels of its images, of shape \(7,\); yours gave it others"),
        ("edm-loss-one-level-for-the-batch", "edm.noise_levels", "a σ for each image; in yours all images of a batch have the same"),
        ("edm-loss-levels-spread-squared", "edm.noise_levels", "must be standard normal .*standard deviation is 0[.][3-6]"),
        ("edm-loss-exp-forgotten", "edm.noise_levels", "asks the network at a σ that is not positive"),
        ("edm-loss-given-noise-ignored", "edm.noise_levels", "must use the noise that it is given"),
        ("edm-loss-not-weighted", "edm.loss", r"mean of λ\(σ\) .* over everything.*times as much"),
        ("edm-loss-gradient-cut", "edm.loss", "must carry a gradient back to the network"),
        ("edm-loss-not-encoded", "edm.latent_loss", r"latents of shape \(4096, 4, 1, 2\); yours gave it shape"),
        ("edm-steps-ascending", "edm.sigma_steps", r"σ_0 must be that of EDM, Eq. 5; yours is 0\.002"),
        ("edm-heun-start-not-scaled", "edm.start", "standard deviation σ_max; of x/σ_max its standard deviation is 0.01"),
        ("edm-heun-euler-alone", "edm.steps", r"must ask the network (\d+) times, twice in every step but the last; yours asks it \d+ times"),
        ("edm-heun-corrected-at-zero", "edm.steps", "at a σ that is not positive"),
        ("edm-heun-second-slope-alone", "edm.steps", "step 1, from σ = 80 to .*: the corrected x is not that of EDM, Alg. 1, line 8"),
        ("edm-heun-not-postprocessed", "edm.result", "yours returns the states themselves, without self.postprocess"),
        ("edm-heun-last-step-missing", "edm.result", "the last step to σ = 0 by Euler's method and return the images in 0 … 1; yours returns"),
        ("edm-heun-not-decoded", "edm.result", "must decode the latents once; yours calls self.vae.decoder 0 times"),
    ],
)
def test_a_trap_is_a_kind_sentence(lane, manifest, checks, mistake, check, sentence):
    wrong = next(m for m in misconceptions(manifest) if m.id == mistake)
    judgement = judged(lane, manifest, {check: checks[check]}, apply_misconceptions(manifest, (wrong,)))[check]
    assert judgement.status == "failed"
    assert re.search(sentence, judgement.message), judgement.message


@pytest.mark.slow
@pytest.mark.parametrize("mistake", ["edm-skip-with-root", "edm-noise-is-sigma", "edm-denoiser-network-alone", "edm-steps-without-rho"])
def test_what_is_known_to_be_wrong_costs_no_other_check(lane, manifest, checks, mistake):
    """Because the grader's stands in: for a coefficient, the denoiser and the steps."""
    wrong = next(m for m in misconceptions(manifest) if m.id == mistake)
    files = apply_misconceptions(manifest, (wrong,))
    found = judged(lane, manifest, checks, files, {wrong.region})
    assert {name for name, j in found.items() if j.status != "passed"} == {
        name for name, check in checks.items() if check.mark.region == wrong.region
    }


@pytest.mark.slow
@pytest.mark.proof
def test_a_right_version_of_another_form_passes(lane, manifest, checks):
    regions = set(manifest.task("edm").regions)
    for variant in variants(manifest):
        if {*variant.bodies} & regions:
            found = judged(lane, manifest, checks, apply_variant(manifest, variant))
            assert {name: j.message for name, j in found.items() if j.status != "passed"} == {}, variant.id


IDLE = {
    "c_skip": ("return sigma", "return 1.0", "pass", "return torch.ones_like(sigma)"), "c_noise": ("return sigma", "return 0 * sigma"),
    "denoise": ("return x", "return self.model(x, label, sigma)", "return torch.zeros_like(x)"),
    "compute_loss": ("return torch.tensor(0.0)", "return x_start.mean()", "return self.denoise(x_start, 1.0, label).mean()"),
    "sigma_steps": ("return torch.zeros(num_steps + 1)", "return torch.randn(num_steps + 1)", "return torch.ones(num_steps)"),
    "generate": ("return labels", "return self.postprocess(torch.zeros(len(labels), *self.img_shape))", "return torch.randn(5, *self.img_shape)"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "body"), [(name, body) for name, bodies in IDLE.items() for body in bodies])
def test_a_body_that_does_nothing_shows_no_work(lane, manifest, checks, name, body):
    files = apply_variant(manifest, Variant("idle", "", bodies={f"libs/edm.py:EDM.{name}": body}))
    mine = {id: check for id, check in checks.items() if path_of(check.mark.region) == f"EDM.{name}"}
    found = judged(lane, manifest, mine, files)
    assert not any(judgement.shows_work for judgement in found.values())
    assert all(judgement.status != "passed" for judgement in found.values())
