"""The checks of single functions: what they must see, what they must say, and right code that they must leave alone."""

import importlib.util

import numpy as np
import pytest
import torch

from autograder.assignments.swiss_roll.time_linear import TimeLinear, forward
from autograder.grading.seeds import Draw
from autograder.manifest import load_manifest
from autograder.oracles.tolerance import between, finite, near
from autograder.sandbox.lane import Lane
from tests.bulk import bulk
from tests.check_runs import DDPM, NETWORK, judge, messages, passed

P_CHECKS = {"reverse_step_calls_the_network", "reverse_step_mean", "reverse_step_noise", "reverse_step_takes_any_batch"}
DDIM_CHECKS = {"ddim_step_calls_the_network", "ddim_step_deterministic", "ddim_last_step", "ddim_step_stochastic"}


P_SAMPLE = """
    t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
    beta_t = extract(self.var_scheduler.betas, t, xt)
    alpha_bar_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
    mean = (xt - {factor} * beta_t / (1 - alpha_bar_t).sqrt() * self.network(xt, t)) / (1 - beta_t).sqrt()
    sigma = {sigma}
    return mean + {gate} * sigma * {noise}
"""
SEEDED, OWN = (
    "torch.randn_like(xt)",
    "torch.from_numpy(own.standard_normal(tuple(xt.shape))).float()",
)
OWN_GENERATOR = "\n\nown = np.random.default_rng(1)\n"
BETA = "beta_t.sqrt()"
BETA_TILDE = (
    "((1 - extract(self.var_scheduler.alphas_cumprod, (t - 1).clamp(min=0), xt)) / (1 - alpha_bar_t) * beta_t).sqrt()"
)
GATE = "(t > 0).float().reshape(beta_t.shape)"

DDIM = """
    t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
    t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
    beta_t = extract(self.var_scheduler.betas, t, xt)
    a = extract(self.var_scheduler.alphas_cumprod, t, xt)
    a_prev = extract(self.var_scheduler.alphas_cumprod, t_prev.clamp(min=0), xt)
    a_prev = torch.where((t_prev < 0).reshape(a_prev.shape), torch.ones_like(a_prev), a_prev)
    eps = self.network(xt, t)
    sigma = eta * ((1 - a_prev) / (1 - a) * (1 - a / a_prev)).sqrt()
    {mistake}
    x0 = (xt - (1 - a).sqrt() * eps) / a.sqrt()
    return {factor} * a_prev.sqrt() * x0 + {direction} * eps + {gate} * sigma * {noise}
"""
DIRECTION = "(1 - a_prev - sigma**2).clamp(min=0).sqrt()"


def p_sample(factor: str = "1", sigma: str = BETA, gate: str = GATE, noise: str = SEEDED) -> dict[str, str]:
    return {f"{DDPM}.p_sample": P_SAMPLE.format(factor=factor, sigma=sigma, gate=gate, noise=noise)}


def ddim(
    mistake: str = "", factor: str = "1", direction: str = DIRECTION, gate: str = "1", noise: str = SEEDED
) -> dict[str, str]:
    body = DDIM.format(mistake=mistake, factor=factor, direction=direction, gate=gate, noise=noise)
    return {f"{DDPM}.ddim_p_sample": body}


# Comparisons


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_no_comparison_holds_of_what_is_not_finite(bad: float) -> None:
    good = np.ones(3)
    spoiled = np.array([1.0, bad, 1.0])
    assert near(good, good, 0)
    assert near(1.0, 1.5, 0.5)
    for got, expected, within in (
        (spoiled, good, 1e9),
        (good, spoiled, 1e9),
        (spoiled, spoiled, 1e9),
        (bad, bad, np.inf),
    ):
        assert not near(got, expected, within)
    assert not near(good, good, float("nan"))
    assert not finite(spoiled)
    assert not between(bad, -np.inf, np.inf)


def test_no_numbers_are_near_nothing() -> None:
    assert not near(np.zeros((0, 2)), np.zeros((0, 2)), 1)
    assert not near(np.zeros(3), np.zeros(4), 1)
    assert not finite(np.zeros(0))


# Noise that no seed reaches


@pytest.mark.parametrize("factor", ["1.01", pytest.param("0.95", marks=pytest.mark.proof)])
def test_noise_of_its_own_hides_no_wrong_coefficient(factor: str, lane: Lane) -> None:
    wrong = f"torch.where(t > 0, {factor}, 1.0).reshape(beta_t.shape)"
    judged = judge(lane, ["p_sample"], p_sample(factor=wrong, noise=OWN), OWN_GENERATOR)
    assert passed(judged) == P_CHECKS - {"reverse_step_mean"}, messages(judged)
    assert "−ε_θ times" in messages(judged)["reverse_step_mean"]


def test_noise_of_its_own_hides_no_wrong_coefficient_of_ddim(lane: Lane) -> None:
    judged = judge(lane, ["ddim_p_sample"], ddim(factor="(1 + 0.01 * eta)", noise=OWN), OWN_GENERATOR)
    assert passed(judged) == DDIM_CHECKS - {"ddim_last_step", "ddim_step_stochastic"}, messages(judged)


def test_right_noise_of_its_own_is_right(lane: Lane) -> None:
    judged = judge(lane, ["p_sample", "ddim_p_sample"], p_sample(noise=OWN) | ddim(noise=OWN), OWN_GENERATOR)
    assert passed(judged) == P_CHECKS | DDIM_CHECKS, messages(judged)


def test_noise_that_is_too_strong_to_measure_is_told(lane: Lane) -> None:
    """It hides the coefficients, so that they earn nothing, and the noise itself is wrong, too."""
    judged = judge(lane, ["p_sample"], p_sample(sigma="40 * beta_t.sqrt()", noise=OWN), OWN_GENERATOR)
    assert not passed(judged) & {"reverse_step_mean", "reverse_step_noise"}, messages(judged)


# Both ends of every step

DDIM_MISTAKES = {
    "gate at t > 1": dict(gate="(1.0 if t.max() > 1 else 0.0)"),
    "gate at t_prev > 0": dict(mistake="sigma = sigma * (t_prev > 0).float().reshape(a.shape)"),
    "sigma times beta": dict(mistake="sigma = sigma * beta_t"),
    "root of sigma": dict(gate="(sigma.sqrt() / sigma.clamp(min=1e-9))"),
    "root of sigma everywhere": dict(mistake="sigma = sigma.sqrt()"),
    "beta for sigma": dict(mistake="sigma = eta * beta_t * (t_prev >= 0).float().reshape(a.shape)"),
    "root of beta for sigma": dict(mistake="sigma = eta * beta_t.sqrt() * (t_prev >= 0).float().reshape(a.shape)"),
    "no noise from the first t": dict(gate="(t < self.var_scheduler.num_train_timesteps - 1).float().reshape(a.shape)"),
}


@pytest.mark.parametrize("mistake", bulk(DDIM_MISTAKES, kept=["gate at t_prev > 0", "root of sigma", "no noise from the first t"]))
def test_mistakes_with_the_noise_of_ddim_cost_its_check(mistake: str, lane: Lane) -> None:
    """All of them in `make proof`."""
    judged = judge(lane, ["ddim_p_sample"], ddim(**DDIM_MISTAKES[mistake]))
    assert passed(judged) == DDIM_CHECKS - {"ddim_step_stochastic"}, messages(judged)


@pytest.mark.parametrize("sigma", [BETA, BETA_TILDE], ids=["beta", "beta-tilde"])
@pytest.mark.parametrize("gate", ["(1.0 if t.max() > 1 else 0.0)", "(t < self.var_scheduler.num_train_timesteps - 1).float().reshape(beta_t.shape)"],
                         ids=["none at t = 1", "none at T - 1"])  # fmt: skip
def test_noise_that_is_missing_at_an_end_of_ddpm_costs_its_check(sigma: str, gate: str, lane: Lane) -> None:
    gate = f"(t > 0).float().reshape(beta_t.shape) * {gate}"
    judged = judge(lane, ["p_sample"], p_sample(sigma=sigma, gate=gate))
    assert passed(judged) == P_CHECKS - {"reverse_step_noise"}, messages(judged)


def test_nan_at_large_eta_hides_nothing_and_is_told_with_its_eta(lane: Lane) -> None:
    """σ = η √β_t leaves 1 − ᾱ_prev − σ² negative from some η on. What is finite is judged; the check without noise is passed."""
    bare = "(1 - a_prev - sigma**2).sqrt()"
    judged = judge(lane, ["ddim_p_sample"], ddim(mistake="sigma = eta * beta_t.sqrt()", direction=bare))
    assert passed(judged) == {"ddim_step_calls_the_network", "ddim_step_deterministic"}
    said = messages(judged)
    assert "from η = 0.1 on" in said["ddim_last_step"]
    assert "standard deviation" in said["ddim_step_stochastic"]

    nan = "if eta > 0.75:\n        sigma = sigma * float('nan')"
    judged = judge(lane, ["ddim_p_sample"], ddim(mistake=nan))
    assert passed(judged) == {"ddim_step_calls_the_network", "ddim_step_deterministic"}
    assert "from η = 0.8 on" in messages(judged)["ddim_step_stochastic"]


# A crash at one end


def test_a_crash_at_t_0_costs_what_is_about_t_0(lane: Lane) -> None:
    for crash in (
        "self.var_scheduler.alphas_cumprod.index_select(0, t - 1)",
        "extract(self.var_scheduler.alphas_cumprod[: int(t.min()) or None][-1:] if t.min() else torch.ones(0), t - t, xt)",
    ):
        sigma = f"((1 - {crash}).reshape(beta_t.shape) * 0 + beta_t).sqrt()"
        judged = judge(lane, ["p_sample"], p_sample(sigma=sigma))
        assert passed(judged) == P_CHECKS - {"reverse_step_noise"}, messages(judged)
        message = messages(judged)["reverse_step_noise"]
        assert message.startswith("At t = 0: Your code raised IndexError")
        assert "`sigma = " in message  # the student's line, not that of the given extract


def test_at_the_other_t_the_rest_is_judged_first(lane: Lane) -> None:
    sigma = "(self.var_scheduler.alphas_cumprod.index_select(0, t - 1).reshape(beta_t.shape) * 0 + beta_t).sqrt()"
    judged = judge(lane, ["p_sample"], p_sample(sigma=sigma, factor="2"))
    assert "At t = 0" not in messages(judged)["reverse_step_mean"]
    assert "2 times as much" in messages(judged)["reverse_step_mean"]


def test_a_crash_at_the_first_t_is_placed(lane: Lane) -> None:
    sigma = "(self.var_scheduler.alphas_cumprod.index_select(0, t + 1).reshape(beta_t.shape) * 0 + beta_t).sqrt()"
    judged = judge(lane, ["p_sample"], p_sample(sigma=sigma))
    assert passed(judged) == {"reverse_step_takes_any_batch"}
    said = messages(judged)["reverse_step_mean"]
    assert said.startswith("At t = 1")  # T − 1, of two digits
    assert "IndexError" in said


@pytest.mark.parametrize(
    "gate", ["(t[0] > 0).float()", "(t > 0).any().float()", "(t > 0).all().float()", "(1.0 if t[-1] != 0 else 0.0)"]
)
@pytest.mark.parametrize("sigma", [BETA, BETA_TILDE], ids=["beta", "beta-tilde"])
def test_a_gate_on_the_batch_is_right(gate: str, sigma: str, lane: Lane) -> None:
    """All rows of a batch are at one t when sampling, as the handout says."""
    judged = judge(lane, ["p_sample"], p_sample(sigma=sigma, gate=gate))
    assert passed(judged) == P_CHECKS, messages(judged)


ONE_NUMBER = "torch.randn(1, device=xt.device)"


@pytest.mark.parametrize(
    ("region", "bodies", "check", "says"),
    [
        ("p_sample", p_sample(noise=ONE_NUMBER), "reverse_step_noise", "the same number everywhere"),
        ("ddim_p_sample", ddim(noise=ONE_NUMBER), "ddim_step_stochastic", "the same number everywhere"),
        (
            "p_sample",
            p_sample(noise=f"torch.where((t > 0).reshape(beta_t.shape), {SEEDED}, {ONE_NUMBER})", gate="1"),
            "reverse_step_noise",
            "At t = 0, the last step, p_sample must add no noise",
        ),
    ],
    ids=["ddpm", "ddim", "ddpm, in the last step"],
)
def test_noise_of_one_number_is_noise(region: str, bodies: dict[str, str], check: str, says: str, lane: Lane) -> None:
    """Drawn once for all of x_t, it has no spread within one result: it is neither told as missing nor let pass."""
    judged = judge(lane, [region], bodies)
    assert says in messages(judged)[check], messages(judged)
    assert set(messages(judged)) - passed(judged) == {check}


# The network's expectation is the grader's own


def test_the_layer_of_the_grader_is_that_of_the_handout() -> None:
    path = load_manifest("swiss_roll").solution / "network.py"
    spec = importlib.util.spec_from_file_location("network_of_the_handout", path)
    assert spec
    assert spec.loader
    network = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(network)
    draw = Draw(b"secret of this test", "", "time linear")
    sizes = ((3, 7), (7, 5), (5, 2))
    ours = [TimeLinear.drawn(*size, draw) for size in sizes]
    theirs = [network.TimeLinear(*size, 20) for size in sizes]
    for mine, layer in zip(ours, theirs):
        layer.load_state_dict({path: torch.from_numpy(values).float() for path, values in mine.weights.items()})
    x, t = draw.normal(40, 3), np.arange(40) % 20
    h = torch.from_numpy(x).float()
    for index, layer in enumerate(theirs):
        h = layer(h, torch.from_numpy(t))
        h = torch.relu(h) if index < 2 else h
    assert near(forward(ours, x, t), h.detach().double().numpy(), 1e-5)


CHAIN = """
    sizes = [dim_in, *dim_hids, dim_out]
    self.layers = nn.ModuleList(TimeLinear(a, b, num_timesteps) for a, b in zip(sizes, sizes[1:]))
    {more}
"""


@pytest.mark.parametrize(
    "patch",
    [
        "TimeLinear.forward = lambda layer, x, t: x.new_zeros(len(x), layer.dim_out)",
        "TimeEmbedding.forward = lambda layer, t: torch.zeros(1, layer.mlp[2].out_features)",
        "TimeLinear.__call__ = lambda layer, x, t: x.new_zeros(len(x), layer.dim_out)",
        "nn.Linear.forward = lambda layer, x: x.new_zeros(*x.shape[:-1], layer.out_features)",
        "nn.functional.linear = lambda x, weight, bias=None: x.new_zeros(*x.shape[:-1], len(weight))",
        "type(self).out = dim_out",
    ],
)
def test_given_classes_that_are_changed_make_no_answer_right(patch: str, lane: Lane) -> None:
    bodies = {
        f"{NETWORK}.__init__": CHAIN.format(more=f"self.out = dim_out\n    {patch}"),
        f"{NETWORK}.forward": "return x.new_zeros(len(x), self.out) + 0 * sum(p.sum() for p in self.parameters())",
    }
    judged = judge(lane, ["SimpleNet"], bodies)
    assert not passed(judged) & {"chain_with_relu_between", "forms_of_t_and_gradients"}, messages(judged)
    if patch.startswith("TimeLinear.forward"):
        assert "It is given" in messages(judged)["chain_with_relu_between"]


@pytest.mark.parametrize(
    "more",
    [
        "for layer in self.layers: nn.utils.parametrizations.weight_norm(layer.fc)",
        "for layer in self.layers: nn.utils.parametrizations.spectral_norm(layer.fc)",
    ],
)
def test_layers_that_make_their_own_weights_are_right(more: str, lane: Lane) -> None:
    judged = judge(lane, ["SimpleNet"], {f"{NETWORK}.__init__": CHAIN.format(more=more)})
    assert {"chain_with_relu_between", "output_shape", "one_time_linear_for_each_pair"} <= passed(judged), messages(
        judged
    )
