"""Changes of right versions that no check of behaviour should see, for both assignments of KAIST CS479; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

DDIM = "ddpm.py:DiffusionModule.ddim_p_sample"
DDIM_LOOP = f"{DDIM}_loop"
OUTSIDE = "The estimate of x₀ may be clamped anywhere outside of the data."
SPACING = "DDIM may take any of the usual spacings of its steps, of which some begin below T − 1."

CLAMPED = "x0 = torch.clamp(x0, -6.0, 6.0)"
NEARER = (("-6.0", "-5.699999999999999"), (" 6.0", " 5.699999999999999"))

ACCEPTED = (
    *(Accepted(DDIM, (CLAMPED,), (CLAMPED.replace(end, nearer),), OUTSIDE) for end, nearer in NEARER),
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
