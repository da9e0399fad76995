"""Known wrong versions of ddpm.py: the schedule, DDPM.forward and DDPM.sample.

Those that judges/formulas has a formula for are recognised by it, and are its proof; most are explained there, too.
"""

from autograder.grading.mutants import in_region
from autograder.judges.formulas import COMPUTE_LOSS, SAMPLING

_schedule = in_region("1", "ddpm.py:schedule")
_forward = in_region("1", "ddpm.py:DDPM.forward", COMPUTE_LOSS)
_sample = in_region("2", "ddpm.py:DDPM.sample", SAMPLING)

SCHEDULE = (
    _schedule(
        "entry-0-missing",
        explanation="Your tables seem to have T entries. They need one for t = 0 as well, so that table[t] belongs to t: print len(beta_t).",
        edits=(("torch.arange(0, T + 1, ", "torch.arange(1, T + 1, "),),
    ),
    _schedule(
        "line-divided-by-T-plus-1",
        explanation="Your betas do not seem to arrive at beta2. Print beta_t[T] and compare.",
        edits=((" / T + beta1", " / (T + 1) + beta1"),),
    ),
    _schedule(
        "beta1-forgotten",
        explanation="Your betas seem to begin at 0. Print beta_t[0] and compare it with beta1.",
        edits=((" / T + beta1", " / T"),),
    ),
    _schedule(
        "betas-shifted-by-one",
        explanation="Your betas seem to be one t too early: beta_t[0] is to be beta1, and beta_t[T] beta2.",
        edits=(("torch.arange(0, T + 1, ", "torch.arange(1, T + 2, "),),
    ),
    _schedule(
        "betas-even-in-root",
        explanation="Your betas seem to lie on a line in their square roots. Here they lie on a line themselves.",
        body="""
            beta_t = torch.linspace(beta1**0.5, beta2**0.5, T + 1) ** 2
            alpha_t = 1 - beta_t
            alphabar_t = torch.exp(torch.cumsum(torch.log(alpha_t), dim=0))
            sqrtab = alphabar_t.sqrt().view(-1, 1, 1, 1)
            sqrtmab = (1 - alphabar_t).sqrt().view(-1, 1, 1, 1)
            oneover_sqrta = 1 / alpha_t.sqrt()
            mab_over_sqrtmab_inv = (1 - alpha_t) / (1 - alphabar_t).sqrt()
            sigma_t = beta_t.sqrt()
        """,
    ),
    _schedule(
        "alphabar-of-betas",
        explanation="Your alphabar_t seems to be a product of betas. Print alphabar_t[1]: it is to be close to 1.",
        edits=(("torch.cumsum(torch.log(alpha_t), dim=0)", "torch.cumsum(torch.log(beta_t), dim=0)"),),
    ),
    _schedule(
        "alphabar-is-alpha",
        explanation="Your alphabar_t does not seem to be a running product: it stays close to 1 up to t = T.",
        edits=(("torch.exp(torch.cumsum(torch.log(alpha_t), dim=0))", "alpha_t"),),
    ),
    _schedule(
        "alphabar-of-t-minus-1",
        explanation="Your alphabar_t seems to lack the last factor: alphabar_t[t] is the product up to and with alpha_t[t].",
        edits=(
            ("torch.exp(torch.cumsum(torch.log(alpha_t), dim=0))", "torch.cat([torch.ones(1), alpha_t[:-1]]).cumprod(0)"),
        ),
    ),
    _schedule(
        "sqrtab-without-root",
        explanation="Your sqrtab seems to be the share itself and not its square root. Compare sqrtab[T]**2 with alphabar_t[T].",
        edits=(("alphabar_t.sqrt().view", "alphabar_t.view"),),
    ),
    _schedule(
        "sqrtmab-without-root",
        explanation="Your sqrtmab seems to be a variance and not its square root. Compare sqrtmab[1]**2 with 1 − alphabar_t[1].",
        edits=(("(1 - alphabar_t).sqrt().view", "(1 - alphabar_t).view"),),
    ),
    _schedule(
        "sqrtmab-root-inside",
        explanation="Your sqrtmab seems to be 1 minus a square root. Which of the two comes first, the difference or the root?",
        edits=(("(1 - alphabar_t).sqrt().view", "(1 - alphabar_t.sqrt()).view"),),
    ),
    _schedule(
        "images-tables-flat",
        explanation="Your sqrtab seems to be a flat table: sqrtab[t], for a t of shape (B,), does not multiply images then.",
        edits=(("alphabar_t.sqrt().view(-1, 1, 1, 1)", "alphabar_t.sqrt()"),),
    ),
    _schedule(
        "table-left-out",
        explanation="Your ddpm.py seems to lack sigma_t. The handout asks for eight tables, and conditional.py imports five of them.",
        edits=(("\nsigma_t = beta_t.sqrt()", ""),),
    ),
    _schedule(
        "tables-along-another-axis",
        explanation="Your sqrtab seems to hold its entries along its second axis. Lay them along the first, where sqrtab[t] looks.",
        edits=(("alphabar_t.sqrt().view(-1, 1, 1, 1)", "alphabar_t.sqrt().view(1, -1, 1, 1)"),),
    ),
    _schedule(
        "oneover-without-root",
        explanation="Your oneover_sqrta seems to lack the square root. Compare it with the factor in front of the bracket in equation (C).",
        edits=(("1 / alpha_t.sqrt()", "1 / alpha_t"),),
    ),
    _schedule(
        "mab-over-without-root",
        explanation="Your mab_over_sqrtmab_inv seems to lack the square root below the fraction of equation (C).",
        edits=(("/ (1 - alphabar_t).sqrt()", "/ (1 - alphabar_t)"),),
    ),
    _schedule(
        "mab-over-with-alphabar-above",
        explanation="Your mab_over_sqrtmab_inv seems to have the bar above the fraction too. Compare both halves with equation (C).",
        edits=(("(1 - alpha_t) / (1", "(1 - alphabar_t) / (1"),),
    ),
    _schedule(
        "sigma-is-the-variance",
        explanation="Your sigma_t seems to be a variance. Noise is multiplied by a standard deviation.",
        edits=(("sigma_t = beta_t.sqrt()", "sigma_t = beta_t"),),
    ),
)

FORWARD = (
    _forward(
        "t-from-0",
        explanation="Your t seems to begin at 0. Entry 0 of the tables belongs to no step: compare the ends of your range with (B).",
        edits=(("torch.randint(1, T + 1,", "torch.randint(0, T + 1,"),),
    ),
    _forward("t-never-T-minus-1", edits=(("torch.randint(1, T + 1,", "torch.randint(1, T,"),)),
    _forward(
        "t-counted-from-0",
        explanation="Your t seems to count from 0 to T − 1. In this assignment it counts from 1 to T.",
        edits=(("torch.randint(1, T + 1,", "torch.randint(0, T,"),),
    ),
    _forward("one-t-for-the-batch", edits=(("(x.shape[0],)", "(1,)"),)),
    _forward(
        "uniform-noise",
        explanation="Your noise does not seem to be normal. Compare the names of PyTorch's functions: rand and randn.",
        edits=(("torch.randn_like(x)", "torch.rand_like(x)"),),
    ),
    _forward(
        "one-noise-for-the-batch",
        explanation="All images of a batch seem to get the same noise. Each number of x needs one of its own.",
        edits=(("torch.randn_like(x)", "torch.randn_like(x[:1]).expand_as(x)"),),
    ),
    _forward(
        "noise-not-scaled",
        explanation="The noise seems to go into x_t at full strength for every t. Compare the second half of (A).",
        edits=(("sqrtmab.to(x.device)[t] * eps", "eps"),),
    ),
    _forward(
        "image-not-scaled",
        explanation="The image seems to go into x_t at full strength for every t. Compare the first half of (A).",
        edits=(("= sqrtab.to(x.device)[t] * x", "= x"),),
    ),
    _forward(
        "factors-swapped",
        explanation="The factors of image and noise in x_t seem to be swapped. At t = 1 there is to be hardly any noise.",
        edits=(("sqrtab.to(x.device)[t] * x", "sqrtmab.to(x.device)[t] * x"), ("+ sqrtmab.to(x.device)[t] * eps", "+ sqrtab.to(x.device)[t] * eps")),
    ),
    _forward(
        "factors-without-roots",
        explanation="The factors in x_t seem to be ᾱ_t and 1 − ᾱ_t themselves. Compare them with (A).",
        edits=(
            ("sqrtab.to(x.device)[t] * x", "sqrtab.to(x.device)[t] ** 2 * x"),
            ("+ sqrtmab.to(x.device)[t] * eps", "+ sqrtmab.to(x.device)[t] ** 2 * eps"),
        ),
    ),
    _forward(
        "factors-of-t-minus-1",
        explanation="Your x_t seems to take its factors from the entry before t. Entry t belongs to t.",
        edits=(
            ("sqrtab.to(x.device)[t] * x", "sqrtab.to(x.device)[t - 1] * x"),
            ("+ sqrtmab.to(x.device)[t] * eps", "+ sqrtmab.to(x.device)[t - 1] * eps"),
        ),
    ),
    _forward("network-fed-x0", edits=(("self.net(x_t)", "self.net(x)"),)),
    _forward("loss-against-x0", edits=(("F.mse_loss(eps,", "F.mse_loss(x,"),)),
    _forward("loss-against-xt", edits=(("F.mse_loss(eps,", "F.mse_loss(x_t,"),)),
    _forward("loss-against-fresh-noise", edits=(("F.mse_loss(eps,", "F.mse_loss(torch.randn_like(x),"),)),
    _forward(
        "loss-against-minus-noise",
        explanation="Your loss seems to compare with the noise, and x_t to hold minus the noise. Look at the sign in (A).",
        edits=(("x + sqrtmab", "x - sqrtmab"),),
    ),
    _forward("sum-for-mean", edits=(("self.net(x_t))", 'self.net(x_t), reduction="sum")'),)),
    _forward("absolute-error", edits=(("F.mse_loss", "F.l1_loss"),)),
    _forward("loss-halved", edits=(("F.mse_loss", "0.5 * F.mse_loss"),)),
    _forward(
        "gradient-cut",
        explanation="No gradient seems to come back through the network's answer. Look for detach, or for no_grad.",
        edits=(("self.net(x_t)", "self.net(x_t).detach()"),),
    ),
    _forward(
        "return-forgotten",
        explanation="forward seems to return nothing. Look at its last line.",
        edits=(("return F.mse_loss", "F.mse_loss"),),
    ),
)

_STEP = "for t in range(T, 0, -1):"
_NET = "mab_over_sqrtmab_inv[t] * self.net(x)"
SAMPLE = (
    _sample("noise-at-t-0", edits=((" if t > 1 else torch.zeros_like(x)", ""),)),
    _sample("no-noise-at-t-1", edits=(("if t > 1", "if t > 2"),)),
    _sample("noise-never-added", edits=((" + sigma_t[t] * z", " + 0 * z"),)),
    _sample("noise-only-at-t-0", edits=(("if t > 1", "if t == 1"),)),
    _sample("variance-for-standard-deviation", edits=(("sigma_t[t] * z", "sigma_t[t] ** 2 * z"),)),
    _sample("noise-inside-the-division", edits=(("mean + sigma_t[t] * z", "mean + oneover_sqrta[t] * sigma_t[t] * z"),)),
    _sample("unit-noise", edits=(("sigma_t[t] * z", "z"),)),
    _sample(
        "noise-drawn-once",
        explanation="Your steps seem to use the same noise again and again. Draw z anew in every step.",
        body="""
            x = torch.randn(n_sample, *size, device=device)
            z = torch.randn_like(x)
            for t in range(T, 0, -1):
                mean = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * self.net(x))
                x = mean + (sigma_t[t] * z if t > 1 else 0)
            return x
        """,
    ),
    _sample(
        "noise-for-the-whole-batch",
        explanation="All images seem to get the same noise. Each number of x needs one of its own.",
        edits=(("torch.randn_like(x)", "torch.randn_like(x[:1])"),),
    ),
    _sample("start-from-uniform", edits=(("torch.randn(n_sample,", "torch.rand(n_sample,"),)),
    _sample("start-from-zeros", edits=(("torch.randn(n_sample,", "torch.zeros(n_sample,"),)),
    _sample(
        "one-start-for-all",
        explanation="All images seem to start from the same noise. Look at the shape of your start.",
        edits=(("torch.randn(n_sample, *size, device=device)", "torch.randn(1, *size, device=device).repeat(n_sample, 1, 1, 1)"),),
    ),
    _sample(
        "loop-from-T-to-0",
        explanation="Your loop seems to take a step for t = 0 as well. The last step is t = 1.",
        edits=((_STEP, "for t in range(T, -1, -1):"),),
    ),
    _sample("loop-stops-at-t-1", edits=((_STEP, "for t in range(T, 1, -1):"),)),
    _sample("loop-one-too-small", edits=((_STEP, "for t in range(T - 1, -1, -1):"),)),
    _sample("loop-upwards", edits=((_STEP, "for t in range(1, T + 1):"),)),
    _sample("eps-without-coefficient", edits=((_NET, "self.net(x)"),)),
    _sample("eps-coefficient-with-alpha-bar-above", edits=((_NET, "sqrtmab[t] * self.net(x)"),)),
    _sample(
        "eps-with-beta-only",
        explanation="The network's answer seems to be multiplied by β_t alone. Compare with the fraction in (C).",
        edits=((_NET, "beta_t[t] * self.net(x)"),),
    ),
    _sample("eps-added", edits=(("(x - mab_over", "(x + mab_over"),)),
    _sample("division-forgotten", edits=(("oneover_sqrta[t] * (x", "1.0 * (x"),)),
    _sample("multiplied-by-root-alpha", edits=(("oneover_sqrta[t] * (x", "alpha_t[t].sqrt() * (x"),)),
    _sample(
        "divided-by-root-alpha-bar",
        edits=(("oneover_sqrta[t] * (x", "(x"), ("* self.net(x))", "* self.net(x)) / sqrtab[t]")),
    ),
    _sample("only-x-divided", edits=(("oneover_sqrta[t] * (x - mab", "(oneover_sqrta[t] * x - mab"),)),
    _sample(
        "coefficients-of-t-minus-1",
        edits=tuple((f"{table}[t]", f"{table}[t - 1]") for table in ("oneover_sqrta", "mab_over_sqrtmab_inv", "sigma_t")),
    ),
    _sample(
        "x-never-updated",
        explanation="Every step seems to begin from the first x again. Look at the name under which you keep the result of a step.",
        edits=(("x = mean + sigma_t[t] * z", "result = mean + sigma_t[t] * z"), ("return x", "return result")),
    ),
    _sample(
        "returns-the-start",
        explanation="sample seems to return the noise that it started from. Look at its last line.",
        edits=(("for t in", "start = x\nfor t in"), ("return x", "return start")),
    ),
)
