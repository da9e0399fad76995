"""Right solutions of many shapes. Each must get full marks. Those of U-Nets and of exercise 4 stand in files of their own."""

from autograder.assignments.minimal_diffusion.right_conditional import CONDITIONAL
from autograder.assignments.minimal_diffusion.right_unet import UNETS
from autograder.grading.mutants import Variant

SCHEDULE, FORWARD, SAMPLE = "ddpm.py:schedule", "ddpm.py:DDPM.forward", "ddpm.py:DDPM.sample"
UNET = "unet.py:UNet.forward"
C_FORWARD, C_SAMPLE = "conditional.py:DDPM.forward", "conditional.py:DDPM.sample"

_BUFFERS = """
        betas = torch.linspace(beta1, beta2, T + 1, dtype=torch.float64)
        alphas = 1 - betas
        bar = alphas.cumprod(0)
        self.register_buffer("betas", betas.float())
        self.register_buffer("alphas", alphas.float())
        self.register_buffer("bar", bar.float())
"""
_LOSS_OF_BUFFERS = """
    t = torch.randint(1, T + 1, (len(x),), device=x.device)
    bar = self.bar[t].reshape(-1, 1, 1, 1)
    noise = torch.randn_like(x)
    return ((self.net({inputs}) - noise) ** 2).mean()
"""
_SAMPLE_OF_BUFFERS = """
    {labels}
    x = torch.randn(n_sample, *size)
    for i in reversed(range(1, T + 1)):
        beta, alpha, bar = self.betas[i], self.alphas[i], self.bar[i]
        x = (x - beta * self.net({inputs}) / (1 - bar).sqrt()) / alpha.sqrt()
        if i > 1:
            x = x + beta.sqrt() * torch.randn_like(x)
    return x
"""
_NOISED = "bar.sqrt() * x + (1 - bar).sqrt() * noise"
_CONSTRUCTOR = "        self.net = first_network() if net is None else net\n"
_C_CONSTRUCTOR = "        self.net = UNet() if net is None else net\n"
_IMPORT = "from ddpm import T, mab_over_sqrtmab_inv, oneover_sqrta, sigma_t, sqrtab, sqrtmab\n"

_CLAMPED = """
    {labels}
    x = torch.randn(n_sample, *size, device=device)
    for t in range(T, 0, -1):
        bar, before = alphabar_t[t], alphabar_t[t - 1]
        x0 = ((x - (1 - bar).sqrt() * self.net({inputs})) / bar.sqrt()).clamp(-1, 1)
        mean = before.sqrt() * beta_t[t] / (1 - bar) * x0 + alpha_t[t].sqrt() * (1 - before) / (1 - bar) * x
        x = mean + sigma_t[t] * torch.randn_like(x) if t > 1 else mean
    return x.clamp(-1, 1)
"""
_DIFFUSION = (
    Variant(
        "cumprod-and-linspace", "the schedule by linspace and cumprod, in float64",
        bodies={SCHEDULE: """
            beta_t = torch.linspace(beta1, beta2, T + 1, dtype=torch.float64)
            alpha_t = 1.0 - beta_t
            alphabar_t = torch.cumprod(alpha_t, 0)
            sqrtab, sqrtmab = (v.sqrt().float()[:, None, None, None] for v in (alphabar_t, 1 - alphabar_t))
            oneover_sqrta = alpha_t.rsqrt().float()
            mab_over_sqrtmab_inv = (beta_t / (1 - alphabar_t).sqrt()).float()
            beta_t, alpha_t, alphabar_t = beta_t.float(), alpha_t.float(), alphabar_t.float()
            sigma_t = torch.sqrt(beta_t)
        """},
    ),
    Variant(
        "flat-tables", "flat tables, reshaped where images are multiplied",
        bodies={
            SCHEDULE: """
                beta_t = beta1 + (beta2 - beta1) * torch.arange(T + 1) / T
                alpha_t = 1 - beta_t
                alphabar_t = torch.cumprod(alpha_t, 0)
                sqrtab = torch.sqrt(alphabar_t)
                sqrtmab = torch.sqrt(1 - alphabar_t)
                oneover_sqrta = 1 / torch.sqrt(alpha_t)
                mab_over_sqrtmab_inv = (1 - alpha_t) / sqrtmab
                sigma_t = torch.sqrt(beta_t)
            """,
            FORWARD: """
                t = torch.randint(1, T + 1, (x.size(0),))
                eps = torch.randn_like(x)
                return F.mse_loss(self.net(sqrtab[t].view(-1, 1, 1, 1) * x + sqrtmab[t].view(-1, 1, 1, 1) * eps), eps)
            """,
            C_FORWARD: """
                t = torch.randint(1, T + 1, (x.size(0),))
                eps = torch.randn_like(x)
                return F.mse_loss(self.net(sqrtab[t].view(-1, 1, 1, 1) * x + sqrtmab[t].view(-1, 1, 1, 1) * eps, c), eps)
            """,
        },
    ),
    Variant(
        "buffers", "the tables as buffers of the two modules, under names of their own",
        bodies={
            SCHEDULE: "pass",
            FORWARD: _LOSS_OF_BUFFERS.format(inputs=_NOISED),
            SAMPLE: _SAMPLE_OF_BUFFERS.format(labels="", inputs="x"),
            C_FORWARD: _LOSS_OF_BUFFERS.format(inputs=f"{_NOISED}, c"),
            C_SAMPLE: _SAMPLE_OF_BUFFERS.format(labels="c = torch.arange(n_sample) % 10", inputs="x, c"),
        },
        edits={
            "ddpm.py": ((_CONSTRUCTOR, _CONSTRUCTOR + _BUFFERS),),
            "conditional.py": ((_IMPORT, "from ddpm import T, beta1, beta2\n"), (_C_CONSTRUCTOR, _C_CONSTRUCTOR + _BUFFERS)),
        },
    ),
    Variant(
        "constructor-without-arguments", "the original constructor, which makes its own network; T written out in the functions",
        bodies={
            FORWARD: """
                _ts = torch.randint(1, 401, (x.shape[0],)).to(x.device)
                eps = torch.randn_like(x)
                x_t = sqrtab[_ts] * x + sqrtmab[_ts] * eps
                return nn.functional.mse_loss(eps, self.net(x_t))
            """,
            SAMPLE: """
                x_i = torch.randn(n_sample, *size)
                for i in range(400, 0, -1):
                    z = torch.randn(n_sample, *size) if i > 1 else 0
                    eps = self.net(x_i)
                    x_i = oneover_sqrta[i] * (x_i - eps * mab_over_sqrtmab_inv[i]) + sigma_t[i] * z
                return x_i
            """,
        },
        edits={
            "ddpm.py": (("def __init__(self, net=None):", "def __init__(self):"), (_CONSTRUCTOR, "        self.net = first_network()\n")),
            "conditional.py": (("def __init__(self, net=None):", "def __init__(self):"), (_C_CONSTRUCTOR, "        self.net = UNet()\n")),
        },
    ),
    Variant(
        "noising-in-a-helper", "x_t in a function of its own; t by rounding up a uniform number; the loss written out",
        bodies={FORWARD: """
            t = (torch.rand(x.shape[0]) * T).floor().long() + 1
            noise = torch.empty_like(x).normal_()
            error = noise - self.net(noised(x, t, noise))
            return error.pow(2).flatten(1).mean(1).mean()
        """},
        edits={"ddpm.py": (("class DDPM(nn.Module):", """def noised(x, t, noise):
    return x * sqrtab[t] + noise * sqrtmab[t]


class DDPM(nn.Module):"""),)},
    ),
    Variant(
        "numpy-noise", "random numbers of NumPy",
        bodies={FORWARD: """
            import numpy as np
            t = torch.from_numpy(np.random.randint(1, T + 1, size=len(x)))
            eps = torch.from_numpy(np.random.randn(*x.shape)).float()
            return torch.mean((self.net(sqrtab[t] * x + sqrtmab[t] * eps) - eps) ** 2)
        """, SAMPLE: """
            import numpy as np
            x = torch.from_numpy(np.random.randn(n_sample, *size)).float()
            for t in range(T, 0, -1):
                x = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * self.net(x))
                if t > 1:
                    x = x + sigma_t[t] * torch.tensor(np.random.normal(size=x.shape), dtype=torch.float32)
            return x
        """},
    ),
    Variant(
        "own-generators", "random numbers that no seed reaches",
        bodies={
            FORWARD: """
                generator = torch.Generator()
                generator.seed()
                t = torch.randint(1, T + 1, (len(x),), generator=generator)
                eps = torch.randn(x.shape, generator=generator)
                return F.mse_loss(self.net(sqrtab[t] * x + sqrtmab[t] * eps), eps)
            """,
            SAMPLE: """
                import numpy as np
                normal = np.random.default_rng().standard_normal
                x = torch.from_numpy(normal((n_sample, *size), dtype=np.float32))
                for t in range(T, 0, -1):
                    x = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * self.net(x))
                    if t > 1:
                        x = x + sigma_t[t] * torch.from_numpy(normal(x.shape, dtype=np.float32))
                return x
            """,
        },
    ),
    Variant(
        "result-clamped", "the result is kept within the range of images",
        bodies={SAMPLE: """
            x = torch.randn(n_sample, *size, device=device)
            for t in range(T, 0, -1):
                x = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * self.net(x)) + sigma_t[t] * torch.randn_like(x) * (t > 1)
            return torch.clamp(x, -1, 1)
        """},
    ),
    Variant(
        "estimates-clamped", "the estimate of x_0 in every step, and the result, are kept within the range of images",
        bodies={
            SAMPLE: _CLAMPED.format(labels="", inputs="x"),
            C_SAMPLE: _CLAMPED.format(labels="c = torch.arange(n_sample) % NUM_CLASSES", inputs="x, c"),
        },
        edits={"conditional.py": ((_IMPORT, "from ddpm import T, alpha_t, alphabar_t, beta_t, sigma_t, sqrtab, sqrtmab\n"),)},
    ),
    Variant(
        "t-as-an-extra", "the network may be told t as well",
        bodies={
            FORWARD: """
                t = torch.randint(1, T + 1, (x.shape[0],), device=x.device)
                eps = torch.randn_like(x)
                return F.mse_loss(eps, self.net(sqrtab[t] * x + sqrtmab[t] * eps, t / T))
            """,
            SAMPLE: """
                x = torch.randn(n_sample, *size, device=device)
                for t in range(T, 0, -1):
                    eps = self.net(x, torch.full((n_sample,), t / T))
                    x = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * eps)
                    x = x + sigma_t[t] * torch.randn_like(x) if t > 1 else x
                return x
            """,
            UNET: """
                if t is not None:
                    x = torch.cat([x, t.float().view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])], 1)
                else:
                    x = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
                skips = [x]
                for down in self.downs:
                    skips.append(down(skips[-1]))
                y = self.bottleneck(skips[-1])
                for up in self.ups:
                    y = up(torch.cat([y, skips.pop()], dim=1))
                return self.head(torch.cat([y, skips.pop()], dim=1))
            """,
        },
        edits={"unet.py": (("def forward(self, x):", "def forward(self, x, t=None):"),)},
    ),
    Variant(
        "posterior-variance", "the paper's other variance",
        bodies={SAMPLE: """
            x = torch.randn(n_sample, *size, device=device)
            for t in range(T, 0, -1):
                x = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * self.net(x))
                if t > 1:
                    variance = beta_t[t] * (1 - alphabar_t[t - 1]) / (1 - alphabar_t[t])
                    x = x + variance.sqrt() * torch.randn_like(x)
            return x
        """},
    ),
    Variant(
        "while-loop", "a while loop, t as a tensor, the noise switched off by a factor",
        bodies={SAMPLE: """
            with torch.no_grad():
                x, t = torch.normal(0.0, 1.0, (n_sample, *size)), torch.tensor(T)
                while t > 0:
                    eps = self.net(x)
                    mean = (x - beta_t[t] / torch.sqrt(1 - alphabar_t[t]) * eps) / torch.sqrt(1 - beta_t[t])
                    x = mean + (t > 1).float() * torch.sqrt(beta_t[t]) * torch.randn(x.shape)
                    t = t - 1
            return x
        """},
    ),
    Variant(
        "by-way-of-x0", "the posterior mean of x_0 and x_t",
        bodies={SAMPLE: """
            x = torch.randn((n_sample,) + tuple(size), device=device)
            for t in range(T, 0, -1):
                bar, before = alphabar_t[t], alphabar_t[t - 1]
                x0 = (x - (1 - bar).sqrt() * self.net(x)) / bar.sqrt()
                mean = before.sqrt() * beta_t[t] / (1 - bar) * x0 + alpha_t[t].sqrt() * (1 - before) / (1 - bar) * x
                x = mean + sigma_t[t] * torch.randn_like(x) if t != 1 else mean
            return x
        """},
    ),
)  # fmt: skip

VARIANTS: tuple[Variant, ...] = (*_DIFFUSION, *UNETS, *CONDITIONAL)
