"""Known wrong versions of the DDPM step, p_sample; see the docstring of this package."""

from autograder.assignments.kaist.misconceptions.exceptions import INDEX_NOT_INTEGER, NETWORK_WITHOUT_T, crashes
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas import P_SAMPLE

_p_sample = in_region("1-2", "ddpm.py:DiffusionModule.p_sample", P_SAMPLE)
_ASK = "eps_theta = self.network(xt, t)"
_MEAN = "mean = (xt - beta_t / (1 - alphas_cumprod_t).sqrt() * eps_theta) / alpha_t.sqrt()"
_BEFORE = "alphas_cumprod_t / alpha_t"


def _posterior_mean(alphas_cumprod_prev: str) -> str:
    """The mean by way of x₀ (DDPM, Eq. 7), with this expression for ᾱ_{t−1}."""
    return (
        f"alphas_cumprod_prev = {alphas_cumprod_prev}\n"
        "x0_pred = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()\n"
        "mean = (alphas_cumprod_prev.sqrt() * beta_t * x0_pred + alpha_t.sqrt() * (1 - alphas_cumprod_prev) * xt)"
        " / (1 - alphas_cumprod_t)"
    )


MISCONCEPTIONS: tuple[Misconception, ...] = (
    # The gate on the noise
    _p_sample(
        "noise-at-t-0",
        explanation="Your code seems to add noise in the last step, t = 0, too, so each sample ends slightly blurred. Compare "
        "with the condition on z in DDPM, Algorithm 2, line 3, and mind that t counts from 0 here.",
        edits=(("(t > 0)", "(t >= 0)"),),
    ),
    _p_sample(
        "no-noise-at-t-1",
        explanation="Your code seems to add no noise at t = 1 either. DDPM, Algorithm 2, line 3 counts t from 1, this code "
        "counts from 0: which t here is the last step?",
        edits=(("(t > 0)", "(t > 1)"),),
    ),
    _p_sample(
        "noise-only-at-t-0",
        explanation="Your code seems to add noise at t = 0 and nowhere else. Compare the condition with DDPM, Algorithm 2, "
        "line 3.",
        edits=(("(t > 0)", "(t == 0)"),),
    ),
    _p_sample(
        "no-noise-at-first-step",
        explanation="Your code seems to leave out the noise at t = T − 1, where sampling starts, and to add it at t = 0, "
        "where it ends. Compare with the condition on z in DDPM, Algorithm 2, line 3.",
        edits=(("(t > 0)", "(t < self.var_scheduler.num_train_timesteps - 1)"),),
    ),
    # The noise
    _p_sample(
        "noise-never-added",
        edits=(("is_not_last * beta_t.sqrt() * torch.randn_like(xt)", "0 * is_not_last * xt"),),
    ),
    _p_sample(
        "variance-for-standard-deviation",
        edits=(("beta_t.sqrt()", "beta_t"),),
    ),
    _p_sample(
        "root-of-standard-deviation",
        edits=(("beta_t.sqrt()", "beta_t.sqrt().sqrt()"),),
    ),
    _p_sample(
        "unit-noise",
        edits=(("beta_t.sqrt() *", "1.0 *"),),
    ),
    _p_sample(
        "sigma-from-alpha",
        edits=(("beta_t.sqrt()", "alpha_t.sqrt()"),),
    ),
    _p_sample(
        "sigma-from-alpha-bar",
        edits=(("beta_t.sqrt()", "(1 - alphas_cumprod_t).sqrt()"),),
    ),
    _p_sample(
        "sigma-of-step-before",
        edits=(("beta_t.sqrt()", "extract(self.var_scheduler.betas, (t - 1).clamp(min=0), xt).sqrt()"),),
    ),
    _p_sample(
        "posterior-variance-upside-down",
        edits=(
            (
                "beta_t.sqrt()",
                "((1 - alphas_cumprod_t) / (1 - extract(self.var_scheduler.alphas_cumprod, (t - 1).clamp(min=0), xt)) * beta_t).sqrt()",
            ),
        ),
    ),
    _p_sample(
        "posterior-variance-without-beta",
        edits=(
            (
                "beta_t.sqrt()",
                "((1 - extract(self.var_scheduler.alphas_cumprod, (t - 1).clamp(min=0), xt)) / (1 - alphas_cumprod_t)).sqrt()",
            ),
        ),
    ),
    _p_sample(
        "posterior-variance-index-minus-one",
        edits=(
            (
                "is_not_last * beta_t.sqrt()",
                "((1 - extract(self.var_scheduler.alphas_cumprod, t - 1, xt)) / (1 - alphas_cumprod_t) * beta_t).sqrt()",
            ),
        ),
    ),
    _p_sample(
        "noise-inside-the-division",
        edits=(("beta_t.sqrt()", "beta_t.sqrt() / alpha_t.sqrt()"),),
    ),
    _p_sample(
        "uniform-noise-in-step",
        explanation="The noise of your step seems to be uniform, never negative, instead of normal. Compare with the "
        "distribution of z in DDPM, Algorithm 2, line 3.",
        edits=(("torch.randn_like(xt)", "torch.rand_like(xt)"),),
    ),
    _p_sample(
        "one-noise-for-all-rows",
        explanation="All rows of your batch seem to get the same noise, so the samples move together. Look at the shape of "
        "the noise that you draw.",
        edits=(("torch.randn_like(xt)", "torch.randn_like(xt[:1])"),),
    ),
    _p_sample(
        "one-noise-for-all-coordinates",
        explanation="All coordinates of a sample seem to get the same noise, so it moves along a diagonal only. Look at the "
        "shape of the noise that you draw.",
        edits=(("torch.randn_like(xt)", "torch.randn_like(beta_t.expand(len(xt), *beta_t.shape[1:]))"),),
    ),
    _p_sample(
        "same-noise-at-every-call",
        explanation="Each call of your step seems to use the same noise again, as a fixed seed makes it. DDPM, Algorithm 2, "
        "line 3 draws a new z for every t.",
        edits=(("torch.randn_like(xt)", "torch.randn(xt.shape, generator=torch.Generator().manual_seed(0)).to(xt)"),),
    ),
    # The network
    _p_sample(
        "network-fed-t-minus-1",
        explanation="Your network seems to be asked about t − 1, while its x is x_t. Compare the two arguments of ε_θ in "
        "DDPM, Algorithm 2, line 4; t counts from 0 here, so nothing needs to be shifted.",
        edits=(("self.network(xt, t)", "self.network(xt, t - 1)"),),
    ),
    _p_sample(
        "network-fed-t-plus-1",
        explanation="Your network seems to be asked about t + 1, while its x is x_t. Training and sampling must mean the same "
        "by t, and it counts from 0 here.",
        edits=(("self.network(xt, t)", "self.network(xt, t + 1)"),),
    ),
    _p_sample(
        "network-fed-fraction",
        explanation="Your network seems to be given t as a fraction of T, while in training it sees integers. Look at what "
        "you pass to the network here and in compute_loss.",
        edits=(("self.network(xt, t)", "self.network(xt, t / self.var_scheduler.num_train_timesteps)"),),
    ),
    _p_sample(
        "network-fed-constant-t",
        edits=(("self.network(xt, t)", "self.network(xt, torch.zeros_like(t))"),),
    ),
    _p_sample(
        "network-fed-scaled-x",
        explanation="Your network seems to be given x_t multiplied by some factor. It was trained on x_t as q_sample makes "
        "it; compare the arguments of ε_θ in DDPM, Algorithm 2, line 4.",
        edits=(("self.network(xt, t)", "self.network(xt / alpha_t.sqrt(), t)"),),
    ),
    _p_sample(
        "network-not-asked",
        explanation="Your step seems to use random noise in the place of the network's prediction. Look at what stands for "
        "ε_θ(x_t, t) of DDPM, Eq. 11 in your code.",
        edits=(("self.network(xt, t)", "torch.randn(xt.shape, device=xt.device)"),),
    ),
    # The mean
    _p_sample(
        "multiplied-by-root-alpha",
        edits=(("/ alpha_t.sqrt()", "* alpha_t.sqrt()"),),
    ),
    _p_sample(
        "divided-by-alpha",
        edits=(("/ alpha_t.sqrt()", "/ alpha_t"),),
    ),
    _p_sample(
        "division-forgotten",
        edits=((" / alpha_t.sqrt()", ""),),
    ),
    _p_sample(
        "divided-by-root-alpha-bar",
        edits=(("/ alpha_t.sqrt()", "/ alphas_cumprod_t.sqrt()"),),
    ),
    _p_sample(
        "only-x-divided",
        edits=(("(xt - beta_t", "(xt / alpha_t.sqrt() - beta_t"), ("* eps_theta) / alpha_t.sqrt()", "* eps_theta)")),
    ),
    _p_sample(
        "eps-coefficient-without-root",
        edits=(("(1 - alphas_cumprod_t).sqrt() * eps_theta", "(1 - alphas_cumprod_t) * eps_theta"),),
    ),
    _p_sample(
        "eps-coefficient-with-alpha",
        edits=(("(1 - alphas_cumprod_t).sqrt() * eps_theta", "(1 - alpha_t).sqrt() * eps_theta"),),
    ),
    _p_sample(
        "eps-coefficient-with-alpha-bar-above",
        edits=(("xt - beta_t /", "xt - (1 - alphas_cumprod_t) /"),),
    ),
    _p_sample(
        "eps-without-coefficient",
        edits=(("beta_t / (1 - alphas_cumprod_t).sqrt() * eps_theta", "eps_theta"),),
    ),
    _p_sample(
        "eps-beta-forgotten",
        edits=(("xt - beta_t /", "xt - 1 /"),),
    ),
    _p_sample(
        "eps-root-of-beta",
        edits=(("xt - beta_t /", "xt - (beta_t**0.5) /"),),
    ),
    _p_sample(
        "eps-added",
        edits=(("(xt - beta_t", "(xt + beta_t"),),
    ),
    _p_sample(
        "beta-and-alpha-bar-swapped",
        explanation="β_t and ᾱ_t seem to have changed places in your step. Look at which of the scheduler's tables each of "
        "your variables is read from.",
        edits=((_ASK, f"beta_t, alphas_cumprod_t = alphas_cumprod_t, beta_t\n{_ASK}"),),
    ),
    _p_sample(
        "alpha-and-alpha-bar-swapped",
        explanation="α_t and ᾱ_t seem to have changed places in your mean. Look at which of the two has a bar at each place "
        "in DDPM, Eq. 11, and which of the scheduler's tables holds it.",
        edits=((_ASK, f"alpha_t, alphas_cumprod_t = alphas_cumprod_t, alpha_t\n{_ASK}"),),
    ),
    _p_sample(
        "coefficients-of-t-minus-1",
        explanation="All coefficients of your step seem to be those of t − 1. DDPM, Algorithm 2 counts t from 1 and the "
        "tables here from 0: is the shift needed, when the loop counts from 0 as well?",
        edits=(
            ("betas, t, xt", "betas, (t - 1).clamp(min=0), xt"),
            ("alphas, t, xt", "alphas, (t - 1).clamp(min=0), xt"),
            ("alphas_cumprod, t, xt", "alphas_cumprod, (t - 1).clamp(min=0), xt"),
        ),
    ),
    _p_sample(
        "alpha-bar-of-t-minus-1",
        edits=(("alphas_cumprod, t, xt", "alphas_cumprod, (t - 1).clamp(min=0), xt"),),
    ),
    _p_sample(
        "posterior-mean-index-minus-one",
        edits=((_MEAN, _posterior_mean("extract(self.var_scheduler.alphas_cumprod, t - 1, xt)")),),
    ),
    _p_sample(
        "posterior-mean-with-alpha-bar-of-t",
        edits=((_MEAN, _posterior_mean("alphas_cumprod_t")),),
    ),
    _p_sample(
        "posterior-mean-weights-swapped",
        edits=((_MEAN, _posterior_mean(_BEFORE).replace("* x0_pred +", "* xt +").replace(") * xt)", ") * x0_pred)")),),
    ),
    _p_sample(
        "x0-clamped-to-one",
        explanation="Your step seems to cut its estimate of x₀ off at ±1, as codes for images do. Look at how far the points "
        "of this data set reach.",
        edits=((_MEAN, _posterior_mean(_BEFORE).replace("mean =", "x0_pred = x0_pred.clamp(-1, 1)\nmean =")),),
    ),
    _p_sample(
        "returns-estimate-of-x0",
        edits=((_MEAN, "mean = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()"),),
    ),
    _p_sample(
        "returns-predicted-noise",
        is_no_work=True,
        explanation="Your step seems to return what the network predicts, the noise, and not x_{t−1}. Compare with DDPM, "
        "Algorithm 2, line 4.",
        edits=((_MEAN, "mean = eps_theta"), ("is_not_last * beta_t", "0 * is_not_last * beta_t")),
    ),
    _p_sample(
        "last-step-left-out",
        explanation="Your code seems to return x_t as it is at t = 0. The last step adds no noise, but it still takes the mean; compare "
        "with DDPM, Algorithm 2, line 4.",
        edits=(
            (
                "return mean + is_not_last * beta_t.sqrt() * torch.randn_like(xt)",
                "return torch.where(is_not_last > 0, mean + beta_t.sqrt() * torch.randn_like(xt), xt)",
            ),
        ),
    ),
    _p_sample(
        "prediction-clamped",
        explanation="The predicted noise seems to be cut off at ±1. Normal noise is larger than that in a third of all cases; look at "
        "what you do with the answer of the network.",
        edits=((_ASK, _ASK + ".clamp(-1, 1)"),),
    ),
    _p_sample(
        "step-result-in-float64",
        explanation="Your step seems to return float64 for a float32 x_t, and the network, whose weights are float32, refuses it in the "
        "next step. Compare the dtype of what goes in with that of what comes out.",
        edits=(("return mean", "return mean.double()"),),
    ),
    _p_sample(
        "step-changes-t",
        explanation="Your code seems to change the tensor t that it was given. It may be an entry of the schedule's own timesteps, which "
        "are then wrong for the next run; look for an operation that works in place.",
        edits=(("(t > 0)", "(t.add_(1) > 1)"),),
    ),
    # Exceptions
    _p_sample(
        "p-network-without-t",
        explanation="Your network is asked without t. Compare with the two arguments of ε_θ in DDPM, Algorithm 2, line 4.",
        edits=(("self.network(xt, t)", "self.network(xt)"),),
        failure=NETWORK_WITHOUT_T,
    ),
    _p_sample(
        "p-index-not-integer",
        explanation="Your code looks into a table with a t that is no integer. Look at what is done to t before it is used as an index.",
        edits=(("extract(self.var_scheduler.betas, t, xt)", "self.var_scheduler.betas[t.float()]"),),
        failure=INDEX_NOT_INTEGER,
    ),
    *crashes(_p_sample, "p", "var_scheduler.betas", "var_scheduler.beta", "* eps_theta"),
)

_TILDE = "((1 - extract(self.var_scheduler.alphas_cumprod, (t - 1).clamp(min=0), xt)) / (1 - alphas_cumprod_t) * beta_t).sqrt()"

RIGHT_FORMS: tuple[Misconception, ...] = (
    _p_sample("form: posterior variance", explanation="", edits=(("beta_t.sqrt() * torch", f"{_TILDE} * torch"),)),
)
