"""Known wrong versions of libs/edm.py. Those that judges/formulas has a formula for are recognised by it, and are its proof."""

from autograder.grading.formulas import named
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas import edm, edm_loss, heun

ALGORITHMS = {
    "EDM.c_skip": named("edm-skip", edm.C_SKIP),
    "EDM.c_out": named("edm-out", edm.C_OUT),
    "EDM.c_in": named("edm-in", edm.C_IN),
    "EDM.c_noise": named("edm-noise", edm.C_NOISE),
    "EDM.denoise": named("edm-denoiser", edm.DENOISER),
    "EDM.compute_loss": named("edm-loss", edm_loss.EDM_LOSS),
    "EDM.sigma_steps": named("edm-steps", heun.SIGMA_STEPS),
    "EDM.generate": named("edm-heun", heun.HEUN),
}
_skip, _out, _in, _noise, _denoiser, _loss, _steps, _heun = (in_region("edm", region, known) for region, known in ALGORITHMS.items())

_D2 = "self.sigma_data**2"
_TOTAL = "(sigma**2 + self.sigma_data**2)"
_ANSWER = "self.model(self.c_in(sigma) * x, label, self.c_noise(sigma).flatten())"
_EXPANDED = ".reshape(-1, 1, 1, 1).expand(len(x), 1, 1, 1)"
_RESULT = "self.c_skip(sigma) * x + self.c_out(sigma) * answer"
_LEVELS = "self.P_mean + self.P_std * torch.randn(len(x_start), device=x_start.device)"
_WEIGHT = "(sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2"
_MEAN = "(weight * (denoised - x_start) ** 2).mean()"
_NOISE = "if noise is None:\n    noise ="
_ENCODED = "with torch.no_grad():\n        x_start = self.vae.encoder(x_start)"
_CORRECTED = "x + (sigma_next - sigma) * (d + d_next) / 2"
_D, _D_NEXT = "(x - self.denoise(x, sigma, labels)) / sigma\n", "(x_next - self.denoise(x_next, sigma_next, labels)) / sigma_next"
_STEPS_OF = "self.sigma_steps(num_steps, self.sigma_min, self.sigma_max, self.rho)"
_LINE = "share * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))"
_SHARE = "torch.linspace(0, 1, num_steps, dtype=torch.float64)"

EDM: tuple[Misconception, ...] = (
    _skip("edm-skip-share-of-noise", body=f"return sigma**2 / {_TOTAL}"),
    _skip("edm-skip-not-squared", body="return self.sigma_data / (sigma + self.sigma_data)"),
    _skip("edm-skip-sum-squared", body=f"return {_D2} / (sigma + self.sigma_data) ** 2"),
    _skip("edm-skip-with-root", body=f"return self.sigma_data / {_TOTAL} ** 0.5"),
    _skip("edm-skip-hard-coded", body="return 0.25 / (sigma**2 + 0.25)"),
    _out("edm-out-without-root", body=f"return sigma * self.sigma_data / {_TOTAL}"),
    _out("edm-out-without-sigma-data", body=f"return sigma / {_TOTAL} ** 0.5"),
    _out("edm-out-without-sigma", body=f"return self.sigma_data / {_TOTAL} ** 0.5"),
    _out("edm-out-is-sigma", body="return sigma", is_no_work=True),
    _out("edm-out-sum-without-squares", body="return sigma * self.sigma_data / (sigma + self.sigma_data) ** 0.5"),
    _in("edm-in-without-root", body=f"return 1 / {_TOTAL}"),
    _in("edm-in-of-unit-data", body="return 1 / (sigma**2 + 1) ** 0.5"),
    _in("edm-in-upside-down", body=f"return {_TOTAL} ** 0.5"),
    _in("edm-in-sum-without-squares", body="return 1 / (sigma + self.sigma_data)"),
    _noise("edm-noise-without-quarter", body="return torch.as_tensor(sigma).log()"),
    _noise("edm-noise-is-sigma", body="return torch.as_tensor(sigma)", is_no_work=True),
    _noise("edm-noise-of-base-10", body="return torch.as_tensor(sigma).log10() / 4"),
    _noise("edm-noise-of-base-2", body="return torch.as_tensor(sigma).log2() / 4"),
    _noise("edm-noise-half", body="return torch.as_tensor(sigma).log() / 2"),
    _denoiser("edm-denoiser-input-not-scaled", edits=(("self.c_in(sigma) * x", "x"),)),
    _denoiser("edm-denoiser-told-sigma", edits=(("self.c_noise(sigma).flatten()", "sigma.flatten()"),)),
    _denoiser("edm-denoiser-without-skip", edits=((_RESULT, "self.c_out(sigma) * answer"),)),
    _denoiser("edm-denoiser-answer-not-scaled", edits=((_RESULT, "self.c_skip(sigma) * x + answer"),)),
    _denoiser("edm-denoiser-skip-of-the-scaled-input", edits=((_RESULT, "self.c_skip(sigma) * self.c_in(sigma) * x + self.c_out(sigma) * answer"),)),
    _denoiser("edm-denoiser-network-alone", edits=((_RESULT, "answer"),), is_no_work=True),
    _denoiser("edm-denoiser-as-noise-taken-away", edits=((_RESULT, "x - sigma * answer"),)),
    _denoiser("edm-denoiser-skip-and-out-swapped", edits=((_RESULT, "self.c_out(sigma) * x + self.c_skip(sigma) * answer"),)),
    _denoiser(
        "edm-denoiser-first-sigma-for-all",
        "Your denoiser seems to use the σ of the first image for all of them. Look at what becomes of the shape of σ.",
        edits=((_EXPANDED, ".flatten()[:1].reshape(1, 1, 1, 1).expand(len(x), 1, 1, 1)"),),
    ),
    _denoiser(
        "edm-denoiser-time-of-four-dimensions",
        "The network seems to be told a time of the shape (B, 1, 1, 1), which its time embedding takes for something else. Print its shape.",
        edits=((".flatten()", ""),),
    ),
    _denoiser(
        "edm-denoiser-without-label",
        "The network seems to be told labels that do not belong to the images. Look at its second argument.",
        edits=(("x, label,", "x, torch.zeros_like(label),"),),
    ),
    _loss("edm-loss-levels-hard-coded", edits=((_LEVELS, "-1.2 + 1.2 * torch.randn(len(x_start))"),)),
    _loss("edm-loss-levels-spread-squared", edits=(("self.P_std *", "self.P_std**2 *"),)),
    _loss("edm-loss-levels-spread-forgotten", edits=(("self.P_std * ", ""),)),
    _loss("edm-loss-levels-mean-forgotten", edits=(("self.P_mean + ", ""),)),
    _loss("edm-loss-levels-mean-reversed", edits=(("self.P_mean + ", "-self.P_mean + "),)),
    _loss("edm-loss-one-level-for-the-batch", edits=((_LEVELS, "self.P_mean + self.P_std * torch.randn(1).expand(len(x_start))"),)),
    _loss(
        "edm-loss-levels-uniform",
        "Your σ seem to come from a uniform distribution. Compare with the distribution in EDM, Table 1.",
        edits=((_LEVELS, "(self.sigma_min + (self.sigma_max - self.sigma_min) * torch.rand(len(x_start))).log()"),),
    ),
    _loss(
        "edm-loss-exp-forgotten",
        "Your σ seems to be what should be its logarithm, so that some σ are negative. Compare with the distribution in EDM, Table 1.",
        edits=(("log_sigma.exp()", "log_sigma"),),
    ),
    _loss("edm-loss-noise-uniform", edits=(("torch.randn_like(x_start)", "torch.rand_like(x_start)"),)),
    _loss(
        "edm-loss-noise-not-scaled",
        "The noise in your x seems to be as strong for every σ. Look at what stands before it.",
        edits=(("sigma * noise", "noise"),),
    ),
    _loss(
        "edm-loss-noise-times-variance",
        "Your noise seems to be scaled by σ². Is σ the standard deviation of the noise, or its variance?",
        edits=(("sigma * noise", "sigma**2 * noise"),),
    ),
    _loss(
        "edm-loss-without-noise",
        "Your denoiser seems to be given the clean images. Look at its first argument.",
        edits=(("x_start + sigma * noise", "x_start"),),
    ),
    _loss("edm-loss-same-at-every-call", edits=((_NOISE, f"torch.manual_seed(0)\n{_NOISE}"),)),
    _loss("edm-loss-given-noise-ignored", edits=((_NOISE, "noise ="),)),
    _loss("edm-loss-not-weighted", edits=((_MEAN, "((denoised - x_start) ** 2).mean()"),)),
    _loss("edm-loss-weight-upside-down", edits=((_WEIGHT, "(sigma * self.sigma_data) ** 2 / (sigma**2 + self.sigma_data**2)"),)),
    _loss("edm-loss-weight-not-squared", edits=((_WEIGHT, "(sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data)"),)),
    _loss("edm-loss-weight-of-sum", edits=((_WEIGHT, "(sigma**2 + self.sigma_data**2) / (sigma + self.sigma_data) ** 2"),)),
    _loss("edm-loss-weight-of-noise", edits=((_WEIGHT, "1 / sigma**2"),)),
    _loss("edm-loss-target-is-noise", edits=(("denoised - x_start", "denoised - noise"),)),
    _loss("edm-loss-target-is-x", edits=(("denoised - x_start", "denoised - (x_start + sigma * noise)"),)),
    _loss("edm-loss-sum-for-mean", edits=((_MEAN, "(weight * (denoised - x_start) ** 2).sum()"),)),
    _loss("edm-loss-absolute-error", edits=((_MEAN, "(weight**0.5 * (denoised - x_start)).abs().mean()"),)),
    _loss("edm-loss-loss-for-each-row", edits=((_MEAN, "(weight * (denoised - x_start) ** 2).flatten(1).mean(1)"),)),
    _loss(
        "edm-loss-gradient-cut",
        "No gradient seems to come back through the network's answer. Look for detach, item or no_grad.",
        edits=(("denoised = self", "with torch.no_grad():\n    denoised = self"),),
    ),
    _loss(
        "edm-loss-not-encoded",
        "With use_vae, your loss seems to be one of the images. Look for the place where they become latents.",
        edits=((_ENCODED, "pass"),),
    ),
    _loss(
        "edm-loss-noise-of-the-images",
        "With use_vae, your noise seems to have the shape of the images. What is it added to?",
        body="""
            noise = torch.randn_like(x_start) if noise is None else noise
            if self.use_vae:
                x_start = self.vae.encoder(x_start)
            sigma = (self.P_mean + self.P_std * torch.randn(len(x_start), device=x_start.device)).exp().reshape(-1, 1, 1, 1)
            denoised = self.denoise(x_start + sigma * noise, sigma, label)
            weight = (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2
            return (weight * (denoised - x_start) ** 2).mean()
        """,
    ),
    _steps("edm-steps-ascending", edits=(("sigma_max ** (1 / rho) + share", "sigma_min ** (1 / rho) - share"),)),
    _steps("edm-steps-without-rho", edits=(("sigma_max ** (1 / rho) + " + _LINE, "(sigma_max + share * (sigma_min - sigma_max)) ** (1 / rho)"),)),
    _steps("edm-steps-rho-upside-down", edits=(("share =", "rho = 1 / rho\nshare ="),)),
    _steps("edm-steps-divided-by-all", edits=((_SHARE, "torch.arange(num_steps, dtype=torch.float64) / num_steps"),)),
    _steps("edm-steps-geometric", edits=(("share =", "rho = 1e9\nshare ="),)),
    _steps("edm-steps-rho-hard-coded", edits=(("share =", "rho = 7\nshare ="),)),
    _steps("edm-steps-ends-hard-coded", edits=(("share =", "sigma_min, sigma_max = 0.002, 80\nshare ="),)),
    _steps(
        "edm-steps-not-to-the-power",
        "Your σ seem to be the values whose power EDM, Eq. 5 takes in the end. Compare its outermost part.",
        edits=(("roots**rho", "roots"),),
    ),
    _heun("edm-heun-start-not-scaled", edits=(("sigmas[0] * torch", "torch"),)),
    _heun("edm-heun-start-uniform", edits=(("torch.randn(", "torch.rand("),)),
    _heun("edm-heun-same-start-at-every-call", edits=(("x = sigmas", "torch.manual_seed(0)\nx = sigmas"),)),
    _heun("edm-heun-second-slope-alone", edits=((_CORRECTED, "x + (sigma_next - sigma) * d_next"),)),
    _heun("edm-heun-slopes-not-halved", edits=((_CORRECTED, "x + (sigma_next - sigma) * (d + d_next)"),)),
    _heun("edm-heun-corrected-from-the-guess", edits=((_CORRECTED, "x_next + (sigma_next - sigma) * (d + d_next) / 2"),)),
    _heun("edm-heun-correction-unused", edits=((f"x_next = {_CORRECTED}", f"corrected = {_CORRECTED}"),)),
    _heun("edm-heun-difference-of-slopes", edits=(("(d + d_next)", "(d - d_next)"),)),
    _heun(
        "edm-heun-euler-alone",
        "Your steps seem to be those of Euler's method alone. Look at lines 6 to 8 of EDM, Alg. 1.",
        edits=(("if sigma_next > 0:", "if False:"),),
    ),
    _heun(
        "edm-heun-corrected-at-zero",
        "Your last step seems to be corrected too, at σ = 0, where the slope cannot be worked out. Look at line 6 of EDM, Alg. 1.",
        edits=(("if sigma_next > 0:", "if True:"),),
    ),
    _heun(
        "edm-heun-second-slope-at-the-old-sigma",
        "The second slope of your steps seems to be asked for at the σ where the step begins. Look at line 7 of EDM, Alg. 1.",
        edits=((_D_NEXT, "(x_next - self.denoise(x_next, sigma, labels)) / sigma"),),
    ),
    _heun(
        "edm-heun-slope-not-divided",
        "The slope seems not to be divided by σ. Look at line 4 of EDM, Alg. 1.",
        edits=((_D, "x - self.denoise(x, sigma, labels)\n"), (_D_NEXT, "x_next - self.denoise(x_next, sigma_next, labels)")),
    ),
    _heun(
        "edm-heun-slope-reversed",
        "Your steps seem to go against the slope. Look at its sign, and at that of the step (EDM, Alg. 1, lines 4 and 5).",
        edits=((_D, "(self.denoise(x, sigma, labels) - x) / sigma\n"), (_D_NEXT, "(self.denoise(x_next, sigma_next, labels) - x_next) / sigma_next")),
    ),
    _heun(
        "edm-heun-last-step-missing",
        "Your sampler seems to stop at sigma_min, with noise of that strength left. Look at where the loop ends.",
        edits=(("zip(sigmas[:-1], sigmas[1:])", "zip(sigmas[:-2], sigmas[1:-1])"),),
    ),
    _heun(
        "edm-heun-noise-in-every-step",
        "Your steps seem to add noise. Here only the start is random.",
        edits=(("x = x_next", "x = x_next + 0.1 * sigma_next * torch.randn_like(x)"),),
    ),
    _heun(
        "edm-heun-eighteen-steps",
        "Your sampler seems to take the same number of steps whatever num_steps is. Look for a number in its place.",
        edits=((_STEPS_OF, "self.sigma_steps(18)"),),
    ),
    _heun(
        "edm-heun-not-postprocessed",
        "What you return seem to be the states themselves. Look at what the images are to be, and at self.postprocess.",
        edits=(("self.postprocess(x)", "x"),),
    ),
    _heun(
        "edm-heun-not-decoded",
        "With use_vae, what you return seem to be latents. Look for the place where they become images.",
        edits=(("    x = self.vae.decoder(x)", "    pass"),),
    ),
    _heun(
        "edm-heun-decoded-in-every-step",
        "With use_vae, the decoder seems to be called in every step. Only the last latents are to become images.",
        edits=(("    x = x_next", "    x = x_next\n    if self.use_vae:\n        self.vae.decoder(x)"),),
    ),
    _heun(
        "edm-heun-other-labels",
        "The network seems to be told other labels than those that are asked for. Look at what becomes of labels.",
        edits=(("sigmas = self", "labels = torch.arange(len(labels))\nsigmas = self"),),
    ),
    _heun(
        "edm-heun-one-start-for-all",
        "All of your images seem to start from the same noise. Look at the shape of the start.",
        edits=(("torch.randn(len(labels), *self.img_shape, device=device)", "torch.randn(1, *self.img_shape).repeat(len(labels), 1, 1, 1)"),),
    ),
)  # fmt: skip
