"""Changes of right versions that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

IN_RANGE = "What the decoder gives is in 0 … 1 already; whether it is clamped once more is left open."
EPS = "The ε of a GroupNorm is within rounding of any other, unless what it normalises hardly varies."
SPACING = "DDIM may take any of the usual spacings of its steps."
AS_A_LIST = "The distances may come as a list."
TIMES = "times = torch.linspace(self.timesteps - 1, 0, num_steps).round().long().tolist()"
NEAREST = "nearest = [np.linalg.norm(training_features - feature, axis=1).min() for feature in features]"
DECODED = "x = self.vae.decoder(x)"
MADE = "made = SpatialTransformer(channels, context_dim, num_heads, groups=GROUPS)"
OWN_EPS = "made.norm.eps = 1e-6"
SD = "libs/stable_diffusion.py:SDUNet.__init__"
LOOPS = ("libs/ddpm.py:DDPM.p_sample_loop", "libs/ddim.py:DDIM.p_sample_loop")

ACCEPTED = (
    *(Accepted(loop, (DECODED,), (f"return {DECODED[4:]}",), IN_RANGE) for loop in LOOPS),
    Accepted(SD, (OWN_EPS,), (), EPS),
    Accepted(SD, (MADE,), (f"return {MADE[7:]}",), EPS),
    Accepted(SD, (), ("return made",), EPS),
    Accepted("libs/ddim.py:DDIM.p_sample_loop", (TIMES,), (), SPACING),
    Accepted("libs/fid.py:nearest_training_distance", (NEAREST,), (f"return {NEAREST[10:]}",), AS_A_LIST),
)
