"""The behaviour checks of task 1 as a course would write them for otter-grader or nbgrader: plain functions that call the student's
classes in their own process and assert. Properties, sample sizes and tolerances are those of the rubric; what is missing is what
those tools do not have: errors carried forward, other accepted forms, sentences for the student, diagnosis, and a boundary.

This file is copied next to each submission. It needs numpy, scipy and torch only.
"""

# ruff: noqa: PT018

from types import SimpleNamespace

import numpy as np
import torch
from scipy import stats

ROWS = 4096
random = np.random.default_rng()


def draw_schedule():
    steps, first, last = int(random.integers(13, 20)), random.uniform(0.02, 0.04), random.uniform(0.2, 0.3)
    betas = np.linspace(first, last, steps)
    bar = np.cumprod(1 - betas)
    return SimpleNamespace(T=steps, first=first, last=last, betas=betas, alphas=1 - betas, bar=bar)


def build(s, answer):
    """The student's module around a network that gives answer(x, t) and remembers its calls."""
    import ddpm

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.calls = torch.nn.Parameter(torch.ones(())), []

        def forward(self, x, t):
            self.calls.append((x.detach().clone(), torch.as_tensor(t).expand(len(x)).clone()))
            return answer(x, t) * self.scale

    return ddpm.DiffusionModule(Network(), ddpm.BaseScheduler(s.T, s.first, s.last, mode="linear"))


def normal(*shape):
    return torch.from_numpy(random.standard_normal(shape, dtype=np.float32))


def noisy(s, t, rows=ROWS):
    x0, eps = torch.from_numpy(random.uniform(-2, 2, (rows, 2)).astype(np.float32)), normal(rows, 2)
    return float(np.sqrt(s.bar[t])) * x0 + float(np.sqrt(1 - s.bar[t])) * eps, eps


def is_standard_normal(z):
    z = np.asarray(z, dtype=np.float64).ravel()
    return (
        abs(z.mean()) < 6 / np.sqrt(z.size)
        and abs(z.std() - 1) < 6 / np.sqrt(2 * z.size)
        and stats.kstest(z, "norm").pvalue > 1e-8
    )


def is_fresh(a, b):
    return abs(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]) < 6 / np.sqrt(a.size)


def measure(s, t, take):
    """out = a x − b ε + noise, by two calls with equal seeds and one with another."""
    current = {}
    d = build(s, lambda x, t: current["eps"])
    inputs, outputs = [], []
    for seed in (1, 1, 2):
        x, current["eps"] = noisy(s, t)
        torch.manual_seed(seed)
        outputs.append(take(d, x).detach().numpy().astype(np.float64))
        inputs.append((x.numpy().astype(np.float64), current["eps"].numpy().astype(np.float64)))
    design = np.stack([(inputs[0][i] - inputs[1][i]).ravel() for i in (0, 1)], axis=1)
    (a, minus_b), *_ = np.linalg.lstsq(design, (outputs[0] - outputs[1]).ravel(), rcond=None)
    rest = [outputs[i] - a * inputs[i][0] - minus_b * inputs[i][1] for i in (0, 2)]
    return SimpleNamespace(a=a, b=-minus_b, noise=rest[0], other=rest[1], calls=d.network.calls, x=inputs[0][0])


def close(got, expected, tolerance=1e-3):
    return np.all(abs(np.asarray(got) - expected) <= tolerance * (1 + abs(np.asarray(expected))))


def some(s):
    return (s.T - 1, (s.T - 1) // 2, 1, 0)


def p_step(s, t):
    return measure(s, t, lambda d, x: d.p_sample(x, torch.tensor([t])))


def ddim_step(s, t, before, eta):
    return measure(s, t, lambda d, x: d.ddim_p_sample(x, torch.tensor([t]), torch.tensor([before]), eta))


def ddim_coefficients(s, t, before, eta):
    now, then = s.bar[t], s.bar[before] if before >= 0 else 1.0
    sigma = eta * np.sqrt(max((1 - then) / (1 - now) * (1 - now / then), 0))
    a = np.sqrt(then / now)
    return a, a * np.sqrt(1 - now) - np.sqrt(max(1 - then - sigma**2, 0)), sigma


def pairs(s):
    return ((s.T - 1, s.T - 4), ((s.T - 1) // 2, 1), (3, 0))


def simple_net(dim_in, hidden, dim_out):
    import network

    net = network.SimpleNet(dim_in, dim_out, list(hidden), 20)
    layers = [m for m in net.modules() if isinstance(m, network.TimeLinear)]
    for layer in layers:
        for parameter in layer.parameters():
            parameter.data = normal(*parameter.shape) / parameter.shape[-1] ** 0.5
    return net, layers


ARCHITECTURES = ((2, (16, 24, 12), 2), (3, (20,), 2), (2, (16, 16, 24), 4))


def network_layers():
    for dim_in, hidden, dim_out in ARCHITECTURES:
        _, layers = simple_net(dim_in, hidden, dim_out)
        sizes = [(layer.fc.in_features, layer.fc.out_features) for layer in layers]
        assert sorted(sizes) == sorted(zip((dim_in, *hidden), (*hidden, dim_out)))


def network_chain():
    for dim_in, hidden, dim_out in ARCHITECTURES:
        net, layers = simple_net(dim_in, hidden, dim_out)
        x, t = 3 * normal(ROWS // 16, dim_in), torch.from_numpy(random.integers(0, 20, ROWS // 16))
        h = x
        with torch.no_grad():
            for index, layer in enumerate(layers):
                h = layer(h, t) if index == len(layers) - 1 else torch.relu(layer(h, t))
            assert close(net(x, t).numpy(), h.numpy(), 1e-4)


def network_forms_of_t_and_gradients():
    net, layers = simple_net(2, (32, 32, 32), 2)
    x = normal(256, 2)
    full = net(x, torch.full((256,), 7))
    assert close(net(x, torch.tensor([7])).detach().numpy(), full.detach().numpy(), 1e-4)
    full.square().mean().backward()
    assert all(layer.fc.weight.grad.any() for layer in layers)


def q_sample_closed_form(shape=(2,)):
    s = draw_schedule()
    d = build(s, lambda x, t: x)
    for t in range(s.T):
        x0, eps = normal(64, *shape), normal(64, *shape)
        got = d.q_sample(x0, torch.full((64,), t), eps)
        assert close(got.numpy(), (np.sqrt(s.bar[t]) * x0 + np.sqrt(1 - s.bar[t]) * eps).numpy(), 1e-4)


def q_sample_any_shape():
    q_sample_closed_form((3, 4, 5))


def q_sample_own_noise():
    s = draw_schedule()
    d = build(s, lambda x, t: x)
    one, two = (d.q_sample(torch.zeros(ROWS, 2), torch.full((ROWS,), s.T - 1)).numpy() for _ in range(2))
    assert is_standard_normal(one / np.sqrt(1 - s.bar[-1])) and is_fresh(one, two)


def p_sample_network_call():
    s = draw_schedule()
    for t in some(s):
        step = p_step(s, t)
        x, times = step.calls[0]
        assert len(step.calls) <= 3 and close(x.numpy(), step.x, 1e-4) and (times == t).all()


def p_sample_mean():
    s = draw_schedule()
    for t in some(s):
        step, a = p_step(s, t), 1 / np.sqrt(s.alphas[t])
        assert close(step.a, a) and close(step.b, a * s.betas[t] / np.sqrt(1 - s.bar[t]))
        assert abs(step.noise.mean()) < 6 * step.noise.std() / np.sqrt(step.noise.size) + 1e-3


def p_sample_noise():
    s = draw_schedule()
    before = np.concatenate([[1.0], s.bar[:-1]])
    steps = {t: p_step(s, t) for t in some(s)}
    assert steps[0].noise.std() < 1e-3
    assert any(
        all(
            is_standard_normal(step.noise / np.sqrt(v[t])) and is_fresh(step.noise, step.other)
            for t, step in steps.items()
            if t
        )
        for v in (s.betas, s.betas * (1 - before) / (1 - s.bar))
    )


def p_sample_rows():
    s = draw_schedule()
    t = torch.where(torch.arange(ROWS) % 2 == 0, s.T - 1, 1)
    t[-1] = 0
    x = normal(ROWS, 2)
    d = build(s, lambda x, t: torch.zeros_like(x))
    one, two = d.p_sample(x, t), d.p_sample(x, t)
    assert (one != two).any(dim=1)[:-1].all()


def oracle(s, mean, spread):
    """The exact noise predictor of normal data."""

    def answer(x, t):
        bar = torch.from_numpy(s.bar[np.asarray(torch.as_tensor(t).reshape(-1))].astype(np.float32)).reshape(-1, 1)
        return (1 - bar).sqrt() * (x - bar.sqrt() * mean) / (bar * spread**2 + 1 - bar)

    return answer


def p_sample_loop_steps():
    s = draw_schedule()
    d = build(s, oracle(s, 0.3, 0.5))
    result = d.p_sample_loop((ROWS, 2))
    assert [int(t[0]) for _, t in d.network.calls] == list(range(s.T - 1, -1, -1))
    assert is_standard_normal(d.network.calls[0][0].numpy()) and result.shape == (ROWS, 2)


def p_sample_loop_distribution():
    s = draw_schedule()
    mean, spread = 0.3, 0.5
    samples = build(s, oracle(s, mean, spread)).p_sample_loop((ROWS, 2)).detach().numpy().astype(np.float64)
    before = np.concatenate([[1.0], s.bar[:-1]])
    fits = []
    for variance in (s.betas, s.betas * (1 - before) / (1 - s.bar)):
        m, v = 0.0, 1.0
        for t in range(s.T - 1, -1, -1):
            a = 1 / np.sqrt(s.alphas[t])
            b = a * s.betas[t] / np.sqrt(1 - s.bar[t])
            slope = np.sqrt(1 - s.bar[t]) / (s.bar[t] * spread**2 + 1 - s.bar[t])
            m = (a - b * slope) * m + b * slope * np.sqrt(s.bar[t]) * mean
            v = (a - b * slope) ** 2 * v + variance[t] * (t > 0)
        fits.append(is_standard_normal((samples - m) / np.sqrt(v)))
    assert any(fits)


def ddim_network_call():
    s = draw_schedule()
    for t, before in pairs(s):
        step = ddim_step(s, t, before, 0.0)
        x, times = step.calls[0]
        assert len(step.calls) <= 3 and close(x.numpy(), step.x, 1e-4) and (times == t).all()


def ddim_deterministic():
    s = draw_schedule()
    for t, before in pairs(s):
        step, (a, b, _) = ddim_step(s, t, before, 0.0), ddim_coefficients(s, t, before, 0.0)
        assert step.noise.std() < 1e-3 and close(step.a, a) and close(step.b, b)


def ddim_last_step():
    s = draw_schedule()
    for eta in (0.0, 1.0):
        for t, before in ((0, -1), (2, -3), (3, -1)):
            step, (a, b, _) = ddim_step(s, t, before, eta), ddim_coefficients(s, t, before, eta)
            assert step.noise.std() < 1e-3 and close(step.a, a) and close(step.b, b)


def ddim_stochastic():
    s = draw_schedule()
    for eta in (random.uniform(0.3, 0.7), 1.0):
        for t, before in pairs(s):
            step, (a, b, sigma) = ddim_step(s, t, before, eta), ddim_coefficients(s, t, before, eta)
            assert is_standard_normal(step.noise / sigma) and is_fresh(step.noise, step.other)
            assert close(step.a, a) and close(step.b, b)


def ddim_loop_steps():
    for count in (4, 7):
        s = draw_schedule()
        d = build(s, oracle(s, 0.3, 0.5))
        d.ddim_p_sample_loop((ROWS, 2), num_inference_timesteps=count, eta=0.0)
        times = [int(t[0]) for _, t in d.network.calls]
        assert (
            len(times) == count
            and times == sorted(times, reverse=True)
            and is_standard_normal(d.network.calls[0][0].numpy())
        )


def run_loss(shape):
    s = draw_schedule()
    x0, eps_hat = torch.from_numpy(random.uniform(-2, 2, shape).astype(np.float32)), normal(*shape)
    d = build(s, lambda x, t: eps_hat)
    loss = d.compute_loss(x0)
    ((x, t),) = d.network.calls
    bar = torch.from_numpy(s.bar[t.numpy()]).reshape(-1, *[1] * (len(shape) - 1))
    return s, d, loss, t, (x - bar.sqrt() * x0) / (1 - bar).sqrt(), eps_hat


def loss_value(shape=(256, 2)):
    _, _, loss, _, noise, eps_hat = run_loss(shape)
    assert close(loss.item(), float(((noise - eps_hat) ** 2).mean()), 1e-4)


def loss_any_shape():
    loss_value((64, 3, 4, 4))


def loss_noise():
    (*_, one, _), (*_, two, _) = run_loss((ROWS, 2)), run_loss((ROWS, 2))
    assert is_standard_normal(one.numpy()) and is_fresh(one.numpy(), two.numpy())


def loss_timesteps():
    s, _, _, t, *_ = run_loss((4 * ROWS, 2))
    assert stats.chisquare(np.bincount(t.numpy(), minlength=s.T)).pvalue > 1e-8


def loss_gradient():
    _, d, loss, *_ = run_loss((256, 2))
    loss.backward()
    assert d.network.scale.grad


CHECKS = (
    network_layers, network_chain, network_forms_of_t_and_gradients, q_sample_closed_form, q_sample_own_noise, q_sample_any_shape,
    p_sample_network_call, p_sample_mean, p_sample_noise, p_sample_rows, p_sample_loop_steps, p_sample_loop_distribution,
    ddim_network_call, ddim_deterministic, ddim_last_step, ddim_stochastic, ddim_loop_steps,
    loss_value, loss_noise, loss_timesteps, loss_gradient, loss_any_shape,
)  # fmt: skip
