"""Changes of right versions that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

IN_RANGE = "What the decoder gives is in 0 … 1 already; whether it is clamped once more is left open."
EPS = "The ε of a GroupNorm is within rounding of any other, unless what it normalises hardly varies."
SPACING = "DDIM may take any of the usual spacings of its steps."
AS_A_LIST = "The distances may come as a list."
TIMES = "times = torch.linspace(self.timesteps - 1, 0, num_steps).round().long().tolist()"
NEAREST = "nearest = [np.linalg.norm(training_features - feature, axis=1).min() for feature in features]"
CLAMPED = "x0 = x0 if self.use_vae else x0.clamp(-1, 1)"
MAY_BE_CLAMPED = "The estimate of x₀ may be clamped to where the data end, or not."
FINITE = "if not np.isfinite(covmean).all():"
OFFSET = "An offset of 1e-6 on the diagonals is within rounding."
ROOT = "root = torch.linalg.eigvalsh(half.T @ s_2 @ half).clamp(min=0).sqrt().sum()"
PRODUCT = "of_product = np.linalg.eigvalsh(root @ sigma_2 @ root).clip(min=0)  # √Σ₁ Σ₂ √Σ₁ has the eigenvalues of Σ₁ Σ₂"
SINGULAR = "Of a matrix that is positive and symmetric, singular values are eigenvalues."
GIVEN = "m_1, s_1, m_2, s_2 = (torch.as_tensor(given, dtype=torch.{}) for given in (mu_1, sigma_1, mu_2, sigma_2))"
PRECISION = "Single precision is within what the check allows."
DISTANCE = "libs/fid.py:frechet_distance"
OFFSET_LINE = "offset = 1e-6 * np.eye(len(mu_1))"
RATES = "rates = 10_000 ** (-torch.arange(0, self.width, 2{}) / self.width)"
DECODED = "x = self.vae.decoder(x)"
MADE = "made = SpatialTransformer(channels, context_dim, num_heads, groups=GROUPS)"
OWN_EPS = "made.norm.eps = 1e-6"
SD = "libs/stable_diffusion.py:SDUNet.__init__"
LOOPS = ("libs/ddpm.py:DDPM.p_sample_loop", "libs/ddim.py:DDIM.p_sample_loop")

ACCEPTED = (
    *(Accepted(loop, (DECODED,), (f"return {DECODED.removeprefix('x = ')}",), IN_RANGE) for loop in LOOPS),
    Accepted(SD, (OWN_EPS,), (), EPS),
    Accepted(SD, (MADE,), (f"return {MADE.removeprefix('made = ')}",), EPS),
    Accepted(SD, (), ("return made",), EPS),
    Accepted("libs/ddim.py:DDIM.p_sample_loop", (TIMES,), (), SPACING),
    Accepted("libs/fid.py:nearest_training_distance", (NEAREST,), (f"return {NEAREST.removeprefix('nearest = ')}",), AS_A_LIST),
    Accepted("libs/ddpm.py:DDPM.p_sample", (CLAMPED,), ("x0 = x0",), MAY_BE_CLAMPED),
    Accepted(DISTANCE, (FINITE,), (FINITE.replace("not ", ""),), OFFSET),
    *(Accepted(DISTANCE, (line,), (line.replace("eigvalsh", "svdvals"),), SINGULAR) for line in (ROOT, PRODUCT)),
    Accepted(DISTANCE, (OFFSET_LINE,), (OFFSET_LINE.replace("* ", "* -"),), OFFSET),
    Accepted("libs/stable_diffusion.py:SDUNet.forward", (RATES.format(", dtype=torch.float64"),), (RATES.format(""),), PRECISION),
    Accepted(DISTANCE, (GIVEN.format("float64"),), (GIVEN.format("float32"),), PRECISION),
)
