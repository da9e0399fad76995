"""Changes of right versions that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

DESIGN = "The U-Net is the student's own design: checks hold what every one of the handout has, and leave widths, activations, biases and order open."
ROUNDING = "1/√α of the t before is off by 3e-5, which is within what right forms of the mean differ by in single precision."
MORE_EXACT = "The tables may be kept in double precision."
OWN_INPUT = "What the network is given beside x_t is the student's own affair."
MAY_BE_CLAMPED = "The estimate of x_0 may be clamped to where the data end, or not."
EITHER_VARIANCE = "With ᾱ_t for ᾱ_{t−1} the variance is β_t, the paper's other choice (DDPM, Sec. 3.2)."
HALF = "Noise of half precision has the distribution to within what can be measured."

ROWS = "beta, alpha, bar = self.betas[i], self.alphas[{}], self.bar[i]"
X0 = "(x - (1 - bar).sqrt() * self.net(x, c)) / bar.sqrt()"
VARIANCE = "variance = beta_t[t] * (1 - alphabar_t[{}]) / (1 - alphabar_t[t])"
NUMPY_NOISE = "x = x + sigma_t[t] * torch.tensor(np.random.normal(size=x.shape), dtype=torch.{})"
NUMPY_EPS = "eps = torch.from_numpy(np.random.randn(*x.shape)).{}()"
BESIDE = "return F.mse_loss(eps, self.net(sqrtab[t] * x + sqrtmab[t] * eps, {}))"

ACCEPTED = (
    *(Accepted(f"{file}:UNet.{method}", (), (), DESIGN) for file in ("unet.py", "conditional.py") for method in ("__init__", "forward")),
    *(
        Accepted(
            f"{file}:DDPM.sample",
            (f"mean = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * self.net({given}))",),
            (f"mean = oneover_sqrta[t - 1] * (x - mab_over_sqrtmab_inv[t] * self.net({given}))",),
            ROUNDING,
        )
        for file, given in (("ddpm.py", "x"), ("conditional.py", "x, c"))
    ),
    Accepted(
        "ddpm.py:schedule",
        ("beta_t = (beta2 - beta1) * torch.arange(0, T + 1, dtype=torch.float32) / T + beta1",),
        ("beta_t = (beta2 - beta1) * torch.arange(0, T + 1, dtype=torch.float64) / T + beta1",),
        MORE_EXACT,
    ),
    *(Accepted("ddpm.py:DDPM.forward", (BESIDE.format("t / T"),), (BESIDE.format(other),), OWN_INPUT) for other in ("t / T ** 2", "t - T")),
    Accepted("ddpm.py:DDPM.sample", (ROWS.format("i"),), (ROWS.format("i - 1"),), ROUNDING),
    Accepted("ddpm.py:DDPM.sample", (VARIANCE.format("t - 1"),), (VARIANCE.format("(t - 1) + 1"),), EITHER_VARIANCE),
    Accepted("ddpm.py:DDPM.sample", (NUMPY_NOISE.format("float32"),), (NUMPY_NOISE.format("float16"),), HALF),
    Accepted("ddpm.py:DDPM.forward", (NUMPY_EPS.format("float"),), (NUMPY_EPS.format("half"),), HALF),
    Accepted("conditional.py:DDPM.sample", (f"x0 = ({X0}).clamp(-1, 1)",), (f"x0 = {X0}",), MAY_BE_CLAMPED),
)
