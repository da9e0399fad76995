"""Known wrong versions of the DDIM step, ddim_p_sample; see the docstring of this package."""

from autograder.assignments.kaist.misconceptions.exceptions import NETWORK_WITHOUT_T, crashes
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas import DDIM_P_SAMPLE

_ddim = in_region("1-3", "ddpm.py:DiffusionModule.ddim_p_sample", DDIM_P_SAMPLE)
_CLEAN = "alphas_cumprod_prev = torch.where(is_clean, 1.0, alphas_cumprod_prev)"
_VARIANCE = "(1 - alphas_cumprod_prev) / (1 - alphas_cumprod_t) * (1 - alphas_cumprod_t / alphas_cumprod_prev)"
MISCONCEPTIONS: tuple[Misconception, ...] = (
    # ᾱ at t and at t_prev
    _ddim(
        "ddim-alpha-for-alpha-bar",
        explanation="Your step seems to read α_t where it needs ᾱ_t. The α of the DDIM paper is what the DDPM paper, and the "
        "scheduler, call ᾱ.",
        edits=(
            ("extract(self.var_scheduler.alphas_cumprod, t, xt)", "extract(self.var_scheduler.alphas, t, xt)"),
            ("extract(self.var_scheduler.alphas_cumprod, t_prev", "extract(self.var_scheduler.alphas, t_prev"),
        ),
    ),
    _ddim(
        "ddim-index-minus-one",
        edits=(("t_prev.clamp(min=0)", "t_prev"), (_CLEAN, "alphas_cumprod_prev = alphas_cumprod_prev.clone()")),
    ),
    _ddim(
        "t-prev-clamped-to-0",
        edits=((_CLEAN, "alphas_cumprod_prev = alphas_cumprod_prev.clone()"),),
    ),
    _ddim(
        "t-prev-0-taken-as-clean",
        explanation="Your step to t_prev = 0 seems to treat that as clean data. x at t = 0 still holds a little noise; read "
        "in the docstring which t_prev stands for clean data.",
        edits=(("(t_prev < 0)", "(t_prev <= 0)"),),
    ),
    _ddim(
        "previous-is-t-minus-1",
        explanation="Your step seems to go to t − 1 whatever t_prev is, so in 50 steps it covers a twentieth of the way. Look "
        "at where your ᾱ of the earlier step comes from.",
        edits=(("t_prev = torch", "t_prev = torch.atleast_1d(torch.as_tensor(t - 1))\n_ = torch"),),
    ),
    _ddim(
        "t-and-t-prev-exchanged",
        edits=(
            (
                "eps_theta = self.network(xt, t)",
                "eps_theta = self.network(xt, t)\n"
                "alphas_cumprod_t, alphas_cumprod_prev = alphas_cumprod_prev, alphas_cumprod_t",
            ),
            (_VARIANCE, f"({_VARIANCE}).clamp(min=0)"),
        ),
    ),
    # The estimate of x₀
    _ddim(
        "x0-from-previous-alpha-bar",
        edits=(
            (
                "x0_pred = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()",
                "x0_pred = (xt - (1 - alphas_cumprod_prev).sqrt() * eps_theta) / alphas_cumprod_prev.sqrt()",
            ),
        ),
    ),
    _ddim(
        "x0-not-divided",
        edits=((" * eps_theta) / alphas_cumprod_t.sqrt()", " * eps_theta)"),),
    ),
    _ddim(
        "x0-divided-without-root",
        edits=((" * eps_theta) / alphas_cumprod_t.sqrt()", " * eps_theta) / alphas_cumprod_t"),),
    ),
    _ddim(
        "x0-root-missing-on-noise",
        edits=(("(xt - (1 - alphas_cumprod_t).sqrt() * eps_theta)", "(xt - (1 - alphas_cumprod_t) * eps_theta)"),),
    ),
    _ddim(
        "x0-noise-added",
        edits=(("(xt - (1 - alphas_cumprod_t)", "(xt + (1 - alphas_cumprod_t)"),),
    ),
    _ddim(
        "ddim-x0-clamped-to-one",
        explanation="Your step seems to cut its estimate of x₀ off at ±1, as codes for images do. Look at how far the points "
        "of this data set reach.",
        edits=(("variance = ", "x0_pred = x0_pred.clamp(-1, 1)\nvariance = "),),
    ),
    _ddim(
        "x0-scaled-by-alpha-bar-of-t",
        edits=(("return alphas_cumprod_prev.sqrt() * x0_pred", "return alphas_cumprod_t.sqrt() * x0_pred"),),
    ),
    _ddim(
        "x0-not-scaled-back",
        edits=(("return alphas_cumprod_prev.sqrt() * x0_pred", "return x0_pred"),),
    ),
    _ddim(
        "x0-scaled-back-without-root",
        edits=(("return alphas_cumprod_prev.sqrt() * x0_pred", "return alphas_cumprod_prev * x0_pred"),),
    ),
    # The direction
    _ddim(
        "direction-dropped",
        edits=(("* x0_pred + direction +", "* x0_pred +"),),
    ),
    _ddim(
        "direction-without-eps",
        edits=((".clamp(min=0).sqrt() * eps_theta", ".clamp(min=0).sqrt()"),),
    ),
    _ddim(
        "direction-without-root",
        edits=((".clamp(min=0).sqrt() * eps_theta", ".clamp(min=0) * eps_theta"),),
    ),
    _ddim(
        "direction-from-alpha-bar-of-t",
        edits=(("(1 - alphas_cumprod_prev - sigma_t**2)", "(1 - alphas_cumprod_t - sigma_t**2)"),),
    ),
    _ddim(
        "direction-subtracted",
        edits=(("* x0_pred + direction", "* x0_pred - direction"),),
    ),
    _ddim(
        "direction-ignores-sigma",
        edits=(("(1 - alphas_cumprod_prev - sigma_t**2)", "(1 - alphas_cumprod_prev)"),),
    ),
    _ddim(
        "direction-sigma-not-squared",
        edits=(("sigma_t**2", "sigma_t"),),
    ),
    # σ and η
    _ddim(
        "eta-ignored",
        edits=(("eta * variance.sqrt()", "variance.sqrt()"),),
    ),
    _ddim(
        "eta-taken-as-0",
        edits=(("eta * variance.sqrt()", "0 * variance.sqrt()"),),
    ),
    _ddim(
        "eta-inside-the-root",
        edits=(("eta * variance.sqrt()", "(eta * variance).sqrt()"),),
    ),
    _ddim(
        "eta-squared",
        edits=(("eta * variance.sqrt()", "eta**2 * variance.sqrt()"),),
    ),
    _ddim(
        "ddim-variance-for-standard-deviation",
        edits=(("eta * variance.sqrt()", "eta * variance"),),
    ),
    _ddim(
        "sigma-from-beta",
        edits=((_VARIANCE, "extract(self.var_scheduler.betas, t, xt) * (~is_clean)"),),
    ),
    _ddim(
        "sigma-from-posterior-of-one-step",
        edits=(
            (
                _VARIANCE,
                "(1 - alphas_cumprod_prev) / (1 - alphas_cumprod_t) * extract(self.var_scheduler.betas, t, xt)",
            ),
        ),
    ),
    _ddim(
        "sigma-first-factor-missing",
        edits=((_VARIANCE, "1 - alphas_cumprod_t / alphas_cumprod_prev"),),
    ),
    _ddim(
        "sigma-second-factor-missing",
        edits=((_VARIANCE, "(1 - alphas_cumprod_prev) / (1 - alphas_cumprod_t)"),),
    ),
    _ddim(
        "sigma-fraction-upside-down",
        edits=(
            (
                _VARIANCE,
                _VARIANCE.replace("alphas_cumprod_t / alphas_cumprod_prev", "alphas_cumprod_prev / alphas_cumprod_t"),
            ),
        ),
    ),
    _ddim(
        "sigma-noise-levels-upside-down",
        edits=(
            (
                _VARIANCE,
                "(1 - alphas_cumprod_t) / (1 - alphas_cumprod_prev).clamp(min=1e-8)"
                " * (1 - alphas_cumprod_t / alphas_cumprod_prev) * (~is_clean)",
            ),
        ),
    ),
    _ddim(
        "noise-on-last-step",
        edits=(
            (_CLEAN, "known = alphas_cumprod_prev\n" + _CLEAN),
            (_VARIANCE, _VARIANCE.replace("alphas_cumprod_prev", "known")),
        ),
    ),
    _ddim(
        "noise-term-dropped",
        edits=((" + sigma_t * torch.randn_like(xt)", ""),),
    ),
    _ddim(
        "ddim-uniform-noise",
        explanation="The noise of your step seems to be uniform, never negative, instead of normal. Compare with ε_t in DDIM, "
        "Eq. 12.",
        edits=(("torch.randn_like(xt)", "torch.rand_like(xt)"),),
    ),
    _ddim(
        "ddim-noise-is-prediction",
        explanation="With η > 0 the third term of your result seems to use the predicted noise again. Compare with ε_t in "
        "DDIM, Eq. 12: it is drawn anew.",
        edits=(("torch.randn_like(xt)", "eps_theta"),),
    ),
    _ddim(
        "ddim-one-noise-for-all-rows",
        explanation="With η > 0 all rows of your batch seem to get the same noise. Look at the shape of the noise that you "
        "draw.",
        edits=(("torch.randn_like(xt)", "torch.randn_like(xt[:1])"),),
    ),
    # The network
    _ddim(
        "ddim-network-fed-t-prev",
        edits=(("self.network(xt, t)", "self.network(xt, t_prev)"),),
    ),
    _ddim(
        "ddim-network-fed-fraction",
        explanation="Your network seems to be given t as a fraction of T, while in training it sees integers. Look at what "
        "you pass to the network here and in compute_loss.",
        edits=(("self.network(xt, t)", "self.network(xt, t / self.var_scheduler.num_train_timesteps)"),),
    ),
    _ddim(
        "ddim-second-prediction",
        explanation="Your step seems to ask the network a second time, about its own result, and to point in that direction. "
        "DDIM, Eq. 12 uses one prediction, made at x_t, in both places.",
        edits=(("direction =", "eps_theta = self.network(x0_pred, t)\ndirection ="),),
    ),
    _ddim(
        "ddim-changes-x",
        explanation="Your step seems to write its result over the x_t that it was given, so the same x_t does not give the same result "
        "twice. Look for an operation that works in place.",
        edits=(
            (
                "x0_pred = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()",
                "x0_pred = xt.sub_((1 - alphas_cumprod_t).sqrt() * eps_theta).div_(alphas_cumprod_t.sqrt())",
            ),
        ),
    ),
    _ddim(
        "ddim-result-in-float64",
        explanation="Your step seems to return float64 for a float32 x_t, and the network, whose weights are float32, refuses it in the "
        "next step. Compare the dtype of what goes in with that of what comes out.",
        edits=(("return alphas_cumprod_prev.sqrt()", "return alphas_cumprod_prev.double().sqrt()"),),
    ),
    # σ, as real code has it
    _ddim(
        "sigma-times-beta",
        edits=(("eta * variance.sqrt()", "eta * variance.sqrt() * extract(self.var_scheduler.betas, t, xt)"),),
    ),
    _ddim(
        "sigma-is-beta",
        edits=((_VARIANCE, "extract(self.var_scheduler.betas, t, xt) ** 2 * (~is_clean)"),),
    ),
    _ddim(
        "sigma-root-twice",
        edits=(("eta * variance.sqrt()", "(eta * variance.sqrt()).sqrt()"),),
    ),
    _ddim(
        "sigma-over-alpha-bar-of-t-prev",
        edits=((_VARIANCE, "(1 - alphas_cumprod_prev) / alphas_cumprod_prev"),),
    ),
    _ddim(
        "ddim-no-noise-at-t-1",
        explanation="With η > 0 your step from t = 1 seems to add no noise. t counts from 0 here, so that is not yet the last step; the one "
        "that adds none is the step to clean data, and there σ_t is 0 by itself (DDIM, Eq. 16).",
        edits=(("torch.randn_like(xt)", "torch.randn_like(xt) * (t > 1).reshape(alphas_cumprod_t.shape)"),),
    ),
    _ddim(
        "no-noise-to-t-prev-0",
        explanation="With η > 0 your step to t_prev = 0 seems to add no noise. x at t = 0 is not clean data yet: read in the docstring which "
        "t_prev stands for that.",
        edits=(("torch.randn_like(xt)", "torch.randn_like(xt) * (t_prev > 0).reshape(variance.shape)"),),
    ),
    # Exceptions
    _ddim(
        "ddim-network-without-t",
        explanation="Your network is asked without t. Compare with the arguments of ε_θ in DDIM, Eq. 12.",
        edits=(("self.network(xt, t)", "self.network(xt)"),),
        failure=NETWORK_WITHOUT_T,
    ),
    *crashes(
        _ddim, "ddim", "var_scheduler.alphas_cumprod, t, xt", "var_scheduler.alpha_bar, t, xt", "x0_pred + direction"
    ),
)
