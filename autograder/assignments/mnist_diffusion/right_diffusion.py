"""Right schedules, losses and samplers of many shapes: tables of either length, times in every form, results with or without states on the way."""

from autograder.grading.mutants import Variant

TIME, CLASS = "time_conditional.py", "class_conditional.py"
SCHEDULE, LOSS, SAMPLE = (f"{TIME}:{name}" for name in ("ddpm_schedule", "ddpm_forward", "ddpm_sample"))
CLASS_LOSS, CLASS_SAMPLE = f"{CLASS}:ddpm_forward", f"{CLASS}:ddpm_sample"

_SHORT = """
    betas = torch.linspace(beta1, beta2, num_ts)
    alphas = 1 - betas
    return {"betas": betas, "alphas": alphas, "alpha_bars": torch.cumprod(alphas, 0)}
"""


def loss_body(low: str, high: str, told: str, row: str = "t", extra: str = "") -> str:
    """A loss with t of low … high − 1, which tells `told`."""
    return f"""
        t = torch.randint({low}, {high}, (len(x_0),), device=x_0.device)
        eps = torch.randn_like(x_0)
        bar = ddpm_schedule["alpha_bars"][{row}].reshape(-1, 1, 1, 1){extra}
        x_t = torch.sqrt(bar) * x_0 + torch.sqrt(1 - bar) * eps
        return nn.MSELoss()(eps, unet(x_t, {told}))
    """


def sample_body(times: str, told: str, last: str, before: str, rows: str = "1", seeded: str = "torch.manual_seed(seed)", result: str = "x") -> str:
    """A sampler by way of ε for tables whose row t belongs to the step; `before`: ᾱ of the step before, `last`: the last t."""
    return f"""
        {seeded}
        beta, alpha, bar = ddpm_schedule["betas"], ddpm_schedule["alphas"], ddpm_schedule["alpha_bars"]
        x = torch.randn({rows}, 1, img_wh[0], img_wh[1])
        states = [x]
        for t in {times}:
            eps = unet(x, {told})
            before = {before}
            x = (x - (1 - alpha[t]) / torch.sqrt(1 - bar[t]) * eps) / torch.sqrt(alpha[t])
            if t > {last}:
                x = x + torch.sqrt((1 - before) / (1 - bar[t]) * beta[t]) * torch.randn_like(x)
            states.append(x)
        return {result}
    """


def class_loss_body(low: str, high: str, answer: str, before: str = "") -> str:
    return f"""
        t = torch.randint({low}, {high}, (len(x_0),), device=x_0.device)
        eps = torch.randn_like(x_0)
        bar = ddpm_schedule["alpha_bars"][t].reshape(-1, 1, 1, 1)
        x_t = torch.sqrt(bar) * x_0 + torch.sqrt(1 - bar) * eps
        {before}
        return ((eps - {answer}) ** 2).mean()
    """


def class_sample_body(times: str, told: str, last: str, before: str, calls: str, result: str = "x") -> str:
    return f"""
        torch.manual_seed(seed)
        beta, alpha, bar = ddpm_schedule["betas"], ddpm_schedule["alphas"], ddpm_schedule["alpha_bars"]
        n = c.shape[0]
        x, states = torch.randn(n, 1, img_wh[0], img_wh[1]), []
        for t in {times}:
            time = {told}
            {calls}
            x0 = (x - torch.sqrt(1 - bar[t]) * eps) / torch.sqrt(bar[t])
            before = {before}
            mean = torch.sqrt(before) * beta[t] / (1 - bar[t]) * x0 + torch.sqrt(alpha[t]) * (1 - before) / (1 - bar[t]) * x
            x = mean + torch.sqrt(beta[t]) * torch.randn_like(x) if t > {last} else mean
            states.append(x)
        return {result}
    """


_TWO_CALLS = "u = unet(x, c, time, torch.zeros(n)); k = unet(x, c, time, torch.ones(n)); eps = (1 - guidance_scale) * u + guidance_scale * k"
_FROM_0 = ("range(num_ts - 1, -1, -1)", "0", 'bar[t - 1] if t > 0 else torch.tensor(1.0)')

DIFFUSION: tuple[Variant, ...] = (
    Variant(
        "tables-of-T-entries", "tables of T entries, t of 0 … T − 1, t/T told as (N, 1), the mean by way of ε, the posterior variance, one image",
        bodies={
            SCHEDULE: _SHORT,
            LOSS: loss_body("0", "num_ts", "t[:, None] / num_ts"),
            SAMPLE: sample_body(_FROM_0[0], "torch.tensor([[t / num_ts]])", _FROM_0[1], _FROM_0[2]),
            CLASS_LOSS: class_loss_body("0", "num_ts", "unet(x_t, c, t[:, None] / num_ts, (torch.rand(len(c)) > p_uncond).float())"),
            CLASS_SAMPLE: class_sample_body(_FROM_0[0], "torch.full((n, 1), t / num_ts)", _FROM_0[1], _FROM_0[2], _TWO_CALLS),
        },
    ),
    Variant(
        "tables-of-T-entries-t-plus-1", "tables of T entries, told (t + 1)/T as (N, 1, 1, 1); the trajectory is returned as a list",
        bodies={
            SCHEDULE: _SHORT,
            LOSS: loss_body("0", "num_ts", "((t + 1) / num_ts).view(-1, 1, 1, 1)"),
            SAMPLE: sample_body(_FROM_0[0], "torch.full((4, 1, 1, 1), (t + 1) / num_ts)", _FROM_0[1], _FROM_0[2], rows="4", result="states"),
            CLASS_LOSS: class_loss_body("0", "num_ts", "unet(x_t, c, (t + 1) / num_ts, torch.bernoulli(torch.full((len(c),), 1 - p_uncond)))"),
            CLASS_SAMPLE: class_sample_body(
                _FROM_0[0], "torch.full((n,), (t + 1) / num_ts)", _FROM_0[1], _FROM_0[2], _TWO_CALLS, "x, torch.stack(states, 1)"
            ),
        },
    ),
    Variant(
        "t-over-T-minus-1", "tables of T entries, told t/(T − 1)",
        bodies={
            SCHEDULE: _SHORT,
            LOSS: loss_body("0", "num_ts", "t / (num_ts - 1)"),
            SAMPLE: sample_body(_FROM_0[0], "torch.full((2,), t / (num_ts - 1))", _FROM_0[1], _FROM_0[2], rows="2", result="x, states"),
            CLASS_LOSS: class_loss_body("0", "num_ts", "unet(x_t, c, t / (num_ts - 1), torch.rand(len(c)) >= p_uncond)"),
            CLASS_SAMPLE: class_sample_body(_FROM_0[0], "torch.full((n,), t / (num_ts - 1))", _FROM_0[1], _FROM_0[2], _TWO_CALLS),
        },
    ),
    Variant(
        "t-itself", "the network is told t itself, in training and in sampling",
        bodies={
            LOSS: loss_body("1", "num_ts + 1", "t.float()"),
            SAMPLE: sample_body("range(num_ts, 0, -1)", "torch.tensor([float(t)])", "1", "bar[t - 1]"),
            CLASS_LOSS: class_loss_body("1", "num_ts + 1", "unet(x_t, c, t, (torch.rand(len(c)) >= p_uncond).int())"),
            CLASS_SAMPLE: class_sample_body("range(num_ts, 0, -1)", "torch.full((n,), t)", "1", "bar[t - 1]", _TWO_CALLS),
        },
    ),
    Variant(
        "alpha-0-in-the-product", "tables of T + 1 entries whose ᾱ_0 is α_0; t of 1 … T",
        bodies={SCHEDULE: """
            betas = torch.linspace(beta1, beta2, num_ts + 1)
            alphas = 1.0 - betas
            return dict(betas=betas, alphas=alphas, alpha_bars=torch.cumprod(alphas, dim=0))
        """},
    ),
    Variant(
        "alpha-0-in-the-product-and-all-rows", "tables of T + 1 entries whose ᾱ_0 is α_0; t of 0 … T, and T + 1 steps",
        bodies={
            SCHEDULE: _SHORT.replace("num_ts)", "num_ts + 1)"),
            LOSS: loss_body("0", "num_ts + 1", "t / num_ts"),
            SAMPLE: sample_body("reversed(range(num_ts + 1))", "torch.tensor([t / num_ts])", "0", _FROM_0[2]),
            CLASS_LOSS: class_loss_body("0", "num_ts + 1", "unet(x_t, c, t / num_ts, (torch.rand(len(c)) >= p_uncond).double())"),
            CLASS_SAMPLE: class_sample_body("reversed(range(num_ts + 1))", "torch.full((n,), t / num_ts)", "0", _FROM_0[2], _TWO_CALLS),
        },
    ),
    Variant(
        "beta-0-left-out", "T betas, and ᾱ with a 1 in front",
        bodies={SCHEDULE: """
            betas = torch.cat([torch.zeros(1), torch.linspace(beta1, beta2, num_ts)])
            alphas = 1 - betas
            return {"betas": betas, "alphas": alphas, "alpha_bars": alphas.cumprod(0)}
        """},
    ),
    Variant(
        "doubled-batch", "one call of the network with the batch twice; one-hot vectors made by the caller, zeros for no label",
        bodies={
            CLASS_LOSS: """
                hot = F.one_hot(c, 10).float()
                hot[torch.rand(len(c)) < p_uncond] = 0
                t = 1 + (torch.rand(len(x_0)) * num_ts).long()
                eps = torch.randn(x_0.shape)
                bar = ddpm_schedule["alpha_bars"].gather(0, t)[:, None, None, None]
                return torch.mean((unet(bar**0.5 * x_0 + (1 - bar) ** 0.5 * eps, hot, t / num_ts) - eps) ** 2)
            """,
            CLASS_SAMPLE: class_sample_body(
                "range(num_ts, 0, -1)", "torch.full((2 * n,), t / num_ts)", "1", "bar[t - 1]",
                "u, k = unet(torch.cat([x, x]), torch.cat([c, c]), time, torch.arange(2 * n) >= n).chunk(2); eps = u + guidance_scale * (k - u)",
            ),
        },
    ),
    Variant(
        "label-first-and-clamped", "with the label first, the doubled batch the other way round; the pictures clamped at the end",
        bodies={
            SAMPLE: sample_body("range(num_ts, 0, -1)", "torch.full((3,), t / num_ts)", "1", "bar[t - 1]", rows="3", result="x.clamp(0, 1)"),
            CLASS_SAMPLE: class_sample_body(
                "range(num_ts, 0, -1)", "torch.full((2 * n,), t / num_ts)", "1", "bar[t - 1]",
                "k, u = unet(torch.cat([x, x]), torch.cat([c, c]), time, torch.arange(2 * n) < n).chunk(2); eps = u + guidance_scale * (k - u)",
                "torch.clamp(x, 0, 1), states",
            ),
        },
    ),
    Variant(
        "keywords", "the network is called with keywords",
        bodies={
            CLASS_LOSS: class_loss_body(
                "1", "num_ts + 1", "unet(x_t, c=c, t=t / num_ts, mask=mask)", "mask = 1 - (torch.rand(len(c)) < p_uncond).float()"
            ),
            CLASS_SAMPLE: class_sample_body(
                "range(num_ts, 0, -1)", "torch.full((n,), t / num_ts)", "1", "bar[t - 1]",
                "u = unet(x=x, c=c, t=time, mask=torch.zeros(n, 1)); k = unet(x, c, t=time); eps = u + guidance_scale * (k - u)",
            ),
        },
    ),
    Variant(
        "one-call-where-one-is-enough", "for γ = 0 and 1 only one of the two answers is asked for",
        bodies={CLASS_SAMPLE: class_sample_body(
            "range(num_ts, 0, -1)", "torch.full((n,), t / num_ts)", "1", "bar[t - 1]",
            "u = unet(x, c, time, torch.zeros(n)) if guidance_scale != 1 else 0; k = unet(x, c, time, torch.ones(n)) if guidance_scale else 0; "
            "eps = u + guidance_scale * (k - u)",
        )},
    ),
    Variant(
        "estimates-clamped", "the estimate of x_0 is clamped in every step, to the range of images",
        edits={
            TIME: (("        of_x0 = alpha_bars", "        x0_hat = x0_hat.clamp(0, 1)\n        of_x0 = alpha_bars"),),
            CLASS: (("        of_x0 = alpha_bars", "        x0_hat = x0_hat.clamp(-1, 1)\n        of_x0 = alpha_bars"),),
        },
    ),
    Variant(
        "eval-mode-and-no-grad", "the sampler sets evaluation mode, runs without gradients, and counts down with while",
        edits={TIME: (
            ("for t in range(num_ts, 0, -1):\n", "unet.eval()\n    t = num_ts\n    while t >= 1:\n"),
            (" + betas[t].sqrt() * z\n", " + betas[t].sqrt() * z\n        t -= 1\n"),
        )},
    ),
    Variant(
        "tuple-of-tables", "the schedule is a tuple",
        bodies={SCHEDULE: """
            betas = torch.linspace(beta1, beta2, num_ts + 1)
            return betas, 1 - betas, torch.cat([torch.ones(1), (1 - betas[1:]).cumprod(0)])
        """},
        edits={
            TIME: (
                ('ddpm_schedule["alpha_bars"].to(x_0.device)[t]', "ddpm_schedule[2][t]"),
                ('(ddpm_schedule[name] for name in ("betas", "alphas", "alpha_bars"))', "ddpm_schedule"),
                ("ddpm_schedule(*betas, num_ts).items()", 'zip(("betas", "alphas", "alpha_bars"), ddpm_schedule(*betas, num_ts))'),
                ("ddpm_forward(self.unet, dict(self.named_buffers(recurse=False)),", "ddpm_forward(self.unet, tuple(self.buffers(recurse=False)),"),
                ("ddpm_sample(self.unet, dict(self.named_buffers(recurse=False)),", "ddpm_sample(self.unet, tuple(self.buffers(recurse=False)),"),
            ),
            CLASS: (
                ('ddpm_schedule["alpha_bars"].to(x_0.device)[t]', "ddpm_schedule[2][t]"),
                ('(ddpm_schedule[name] for name in ("betas", "alphas", "alpha_bars"))', "ddpm_schedule"),
                ("ddpm_schedule(*betas, num_ts).items()", 'zip(("betas", "alphas", "alpha_bars"), ddpm_schedule(*betas, num_ts))'),
                ("ddpm_forward(self.unet, dict(self.named_buffers(recurse=False)),", "ddpm_forward(self.unet, tuple(self.buffers(recurse=False)),"),
                ("ddpm_sample(self.unet, dict(self.named_buffers(recurse=False)),", "ddpm_sample(self.unet, tuple(self.buffers(recurse=False)),"),
            ),
        },
    ),
    Variant(
        "guidance-by-lerp", "guidance as torch.lerp, t as a tensor, no mask for the call with the label",
        bodies={CLASS_SAMPLE: """
            beta, alpha, bar = (ddpm_schedule[name] for name in ("betas", "alphas", "alpha_bars"))
            generator = torch.Generator().manual_seed(seed)
            x = torch.randn(len(c), 1, *img_wh, generator=generator)
            for t in torch.arange(num_ts, 0, -1):
                eps_u = unet(x, c, t.repeat(len(c)) / num_ts, torch.zeros(len(c), dtype=torch.bool))
                eps_c = unet(x, c, t.repeat(len(c)) / num_ts)
                eps = torch.lerp(eps_u, eps_c, guidance_scale)
                z = torch.randn(x.shape, generator=generator)
                x = (x - beta[t] / (1 - bar[t]).sqrt() * eps) / alpha[t].sqrt() + (beta[t].sqrt() * z if t > 1 else 0)
            return x
        """},
    ),
)  # fmt: skip
