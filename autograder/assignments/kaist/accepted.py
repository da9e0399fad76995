"""Changes of right versions that no check of behaviour should see, for both assignments of KAIST CS479; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

STEP, LOSS = "ddpm.py:DiffusionModule.p_sample", "ddpm.py:DiffusionModule.compute_loss"
DDIM = "ddpm.py:DiffusionModule.ddim_p_sample"
DDIM_LOOP = f"{DDIM}_loop"
OUTSIDE = "The estimate of x₀ may be clamped anywhere outside of the data."
HALF = "x_t in half precision is within 0.05 %, and coefficients are measured to 0.1 %."
IN_VAIN = "Numbers that were drawn in vain change nothing."
DRAWN = "Numbers that are drawn in float64 and rounded have the distribution of those that are drawn in float32."
CLAMPED_OR_NOT = "The direction to x_t may be that of the estimate of x₀ before it is clamped, or after."
SPACING = "DDIM may take any of the usual spacings of its steps, of which some begin below T − 1."

CLAMPED = "x0 = torch.clamp(x0, -6.0, 6.0)"
MEAN = "mean = (xt.{}() - beta / (1 - alpha_bar).sqrt() * eps) / (1 - beta).sqrt()"
BOTH = "x, eps = xt.{}(), self.network(xt, t).double()"
NUMPY_NOISE = "z = torch.from_numpy(np.random.default_rng().standard_normal(tuple(xt.shape){})).to(xt)"
NUMPY_TIMES = "t = torch.as_tensor(np.random.randint(0, self.var_scheduler.num_train_timesteps, size=len(x0)), device=x0.device)"
IN_PAIRS = "t = torch.randint(low=0, high=T, size=({},)).to(x0.device)"
DIRECTION = "eps = (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()"
NEARER = (("-6.0", "-5.699999999999999"), (" 6.0", " 5.699999999999999"))

ACCEPTED = (
    *(Accepted(DDIM, (CLAMPED,), (CLAMPED.replace(end, nearer),), OUTSIDE) for end, nearer in NEARER),
    *(Accepted(STEP, (line.format("double"),), (line.format("half"),), HALF) for line in (MEAN, BOTH)),
    Accepted(STEP, (NUMPY_NOISE.format(", dtype=np.float32"),), (NUMPY_NOISE.format(""),), DRAWN),
    Accepted(STEP, ("assert t.ndim == 0",), ("assert t.ndim >= 0",), "A step may take t in more forms than it is given."),
    *(Accepted(LOSS, (), (line,), IN_VAIN) for line in (NUMPY_TIMES, "eps = torch.normal(torch.zeros_like(x0), 1.0)")),
    Accepted(LOSS, (IN_PAIRS.format("n // 2 + 1"),), (IN_PAIRS.format("n + 1"),), "Times may be drawn in pairs, or each by itself."),
    Accepted(DDIM, (DIRECTION,), (DIRECTION,), CLAMPED_OR_NOT),
    Accepted(
        DDIM_LOOP,
        ("chosen = np.linspace(self.var_scheduler.num_train_timesteps - 1, 0, num_inference_timesteps).round().astype(int)",),
        ("chosen = np.linspace((self.var_scheduler.num_train_timesteps - 1) - 1, 0, num_inference_timesteps).round().astype(int)",),
        SPACING,
    ),
    Accepted(
        DDIM_LOOP,
        ("steps = np.round(np.arange(T, 0, -T / num_inference_timesteps))[:num_inference_timesteps].astype(np.int64) - 1",),
        ("steps = np.round(np.arange(T - 1, 0, -T / num_inference_timesteps))[:num_inference_timesteps].astype(np.int64) - 1",),
        SPACING,
    ),
)
