"""Changes of right versions that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

DESIGN = "The U-Net is the student's own design: checks hold what every one of the handout has, and leave widths, activations, biases and order open."
ROUNDING = "1/√α of the t before is off by 3e-5, which is within what right forms of the mean differ by in single precision."
MORE_EXACT = "The tables may be kept in double precision."
OWN_INPUT = "What the network is given beside x_t is the student's own affair."

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
    Accepted(
        "ddpm.py:DDPM.forward",
        ("return F.mse_loss(eps, self.net(sqrtab[t] * x + sqrtmab[t] * eps, t / T))",),
        ("return F.mse_loss(eps, self.net(sqrtab[t] * x + sqrtmab[t] * eps, t / T ** 2))",),
        OWN_INPUT,
    ),
)
