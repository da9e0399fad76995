"""Known wrong versions of q_sample, p_sample and p_sample_loop. Those that judges/formulas has a formula for are recognised by it."""

from autograder.grading.mutants import in_region
from autograder.judges.formulas import P_SAMPLE, P_SAMPLE_LOOP, Q_SAMPLE

_q = in_region("2", "libs/ddpm.py:DDPM.q_sample", Q_SAMPLE)
_step = in_region("3", "libs/ddpm.py:DDPM.p_sample", P_SAMPLE)
_loop = in_region("3", "libs/ddpm.py:DDPM.p_sample_loop", P_SAMPLE_LOOP)
_SUM = "return of_x0 * x_start + of_noise * noise"
_X0, _NOISE = "of_x0 * x_start", "of_noise * noise"
_ALPHA = "(1 / self._extract(self.sqrt_recip_alphas, t, x_start.shape) ** 2)"

Q = (
    _q("root-missing-on-x0", edits=((_X0, "of_x0**2 * x_start"),)),
    _q("root-missing-on-noise", edits=((_NOISE, "of_noise**2 * noise"),)),
    _q("both-roots-missing", edits=((_X0, "of_x0**2 * x_start"), (_NOISE, "of_noise**2 * noise"))),
    _q("root-inside-the-difference", edits=((_NOISE, "(1 - of_x0) * noise"),)),
    _q("x0-and-noise-swapped", edits=((_SUM, "return of_noise * x_start + of_x0 * noise"),)),
    _q("q-alpha-for-alpha-bar", edits=((_SUM, f"return {_ALPHA}.sqrt() * x_start + (1 - {_ALPHA}).sqrt() * noise"),)),
    _q("noise-subtracted", edits=((_SUM, "return of_x0 * x_start - of_noise * noise"),)),
    _q("noise-left-out", edits=((" + of_noise * noise", ""),)),
    _q("x0-not-scaled-down", edits=((_X0, "x_start"),)),
    _q("noise-of-one-step", edits=((_NOISE, "self._extract(self.betas, t, x_start.shape).sqrt() * noise"),)),
    _q("q-index-minus-one", edits=((", t, x_start.shape)\nof_noise", ", t - 1, x_start.shape)\nof_noise"),
                                  ("alphas_cumprod, t, x_start.shape)\nreturn", "alphas_cumprod, t - 1, x_start.shape)\nreturn"))),
    _q(
        "q-t-of-first-row-for-all",
        edits=(("alphas_cumprod, t, x_start.shape)\nof_noise", "alphas_cumprod, t[:1], x_start.shape)\nof_noise"),
               ("alphas_cumprod, t, x_start.shape)\nreturn", "alphas_cumprod, t[:1], x_start.shape)\nreturn")),
    ),
    _q(
        "noise-argument-ignored",
        "q_sample seems to draw its own noise even where it is given some, so that the loss compares with another ε than the one in x_t.",
        edits=((_SUM, "return of_x0 * x_start + of_noise * torch.randn_like(x_start)"),),
    ),
    _q(
        "x-start-changed",
        "q_sample seems to change the x_start that it is given. Its caller still needs the clean images: look for += and *=.",
        edits=((_SUM, "x_start *= of_x0\nreturn x_start + of_noise * noise"),),
    ),
    _q(
        "q-return-forgotten",
        "q_sample seems to return nothing. Look at its last line.",
        edits=((_SUM, _SUM.removeprefix("return ")),),
        is_no_work=True,
    ),
    _q(
        "q-factors-not-per-image",
        "Your factors seem to have the shape (B,), which belongs to the last axis of an image. What does _extract do to the shape?",
        edits=((_SUM, "of_x0, of_noise = of_x0.flatten(), of_noise.flatten()\nreturn of_x0 * x_start + of_noise * noise"),),
    ),
)  # fmt: skip

_MEAN = "(x - of_noise * self.model(x, label, t))"
_FACTOR = "self._extract(self.sqrt_recip_alphas, t, x.shape)"
_SIGMA = "self._extract(self.posterior_variance, t, x.shape).sqrt()"
_GATE = "if t_index == 0:\n    return mean\n"

STEP = (
    _step("noise-at-t-0", edits=((_GATE, ""), (_SIGMA, "self._extract(self.betas, t, x.shape).sqrt()"))),
    _step("no-noise-at-t-1", edits=(("t_index == 0", "t_index <= 1"),)),
    _step("noise-only-at-t-0", edits=(("t_index == 0", "t_index != 0"), (_SIGMA, "beta.sqrt()"))),
    _step("no-noise-at-first-step", edits=(("t_index == 0", "t_index == self.timesteps - 1"),)),
    _step("noise-never-added", edits=((f" + {_SIGMA} * torch.randn_like(x)", ""),)),
    _step("variance-for-standard-deviation", edits=((_SIGMA, _SIGMA.removesuffix(".sqrt()")),)),
    _step("root-of-standard-deviation", edits=((_SIGMA, f"{_SIGMA}.sqrt()"),)),
    _step("unit-noise", edits=((f"{_SIGMA} * ", ""),)),
    _step("sigma-from-alpha-bar", edits=((_SIGMA, "self._extract(self.sqrt_one_minus_alphas_cumprod, t, x.shape)"),)),
    _step("sigma-of-step-before", edits=((_SIGMA, "self._extract(self.betas, t - 1, x.shape).sqrt()"),)),
    _step("noise-inside-the-division", edits=((_SIGMA, f"{_SIGMA} * {_FACTOR}"),)),
    _step("network-fed-t-minus-1", edits=(("self.model(x, label, t)", "self.model(x, label, t - 1)"),)),
    _step("network-fed-t-plus-1", edits=(("self.model(x, label, t)", "self.model(x, label, t + 1)"),)),
    _step("network-fed-fraction", edits=(("self.model(x, label, t)", "self.model(x, label, t / self.timesteps)"),)),
    _step("multiplied-by-root-alpha", edits=((f"{_FACTOR} * {_MEAN}", f"{_MEAN} / {_FACTOR}"),)),
    _step("divided-by-alpha", edits=((f"{_FACTOR} *", f"{_FACTOR}**2 *"),)),
    _step("division-forgotten", edits=((f"{_FACTOR} * ", ""),)),
    _step("divided-by-root-alpha-bar", edits=((_FACTOR, "(1 / self._extract(self.sqrt_alphas_cumprod, t, x.shape))"),)),
    _step("only-x-divided", edits=((f"{_FACTOR} * {_MEAN}", f"{_FACTOR} * x - of_noise * self.model(x, label, t)"),)),
    _step("eps-coefficient-without-root", edits=(("self._extract(self.sqrt_one_minus_alphas_cumprod, t, x.shape)\n",
                                                  "self._extract(self.sqrt_one_minus_alphas_cumprod, t, x.shape) ** 2\n"),)),
    _step("eps-without-coefficient", edits=(("of_noise * self.model", "self.model"),)),
    _step("eps-beta-forgotten", edits=(("of_noise = beta /", "of_noise = 1 /"),)),
    _step("eps-root-of-beta", edits=(("of_noise = beta /", "of_noise = beta.sqrt() /"),)),
    _step("eps-added", edits=(("(x - of_noise", "(x + of_noise"),)),
    _step(
        "alpha-bar-of-t-minus-1",
        edits=(("alphas_cumprod, t, x.shape)\nmean", "alphas_cumprod, (t - 1).clamp(min=0), x.shape)\nmean"),),
    ),
    _step(
        "returns-estimate-of-x0",
        body="""
            noise = self._extract(self.sqrt_one_minus_alphas_cumprod, t, x.shape) * self.model(x, label, t)
            return (x - noise) / self._extract(self.sqrt_alphas_cumprod, t, x.shape)
        """,
    ),
    _step(
        "uniform-noise-in-step",
        "The noise of your step seems to be uniform, never negative. Compare with the distribution of z in DDPM, Algorithm 2, line 3.",
        edits=(("torch.randn_like(x)", "torch.rand_like(x)"),),
    ),
    _step(
        "one-noise-for-all-images",
        "All images of your batch seem to get the same noise, so that they move together. Look at the shape of the noise that you draw.",
        edits=(("torch.randn_like(x)", "torch.randn_like(x[:1])"),),
    ),
    _step(
        "step-same-noise-at-every-call",
        "Each call of your step seems to use the same noise again, as a fixed seed makes it. DDPM, Algorithm 2, line 3 draws a new z for every t.",
        edits=(("torch.randn_like(x)", "torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x)"),),
    ),
    _step(
        "step-labels-forgotten",
        "Your step seems to ask the network without the labels that it is given, so that every image would be of one class.",
        edits=(("self.model(x, label, t)", "self.model(x, torch.zeros_like(label), t)"),),
    ),
    _step(
        "step-label-and-t-exchanged",
        "Your step seems to give the network the time where it takes the label. Its arguments are x, label, time.",
        edits=(("self.model(x, label, t)", "self.model(x, t, label)"),),
    ),
    _step(
        "latents-clamped-in-step",
        "With use_vae, your step seems to clamp its estimate of x_0 to ±1, where images end. Latents reach beyond.",
        edits=((f"mean = {_FACTOR} * {_MEAN}",
                "bar = self._extract(self.sqrt_alphas_cumprod, t, x.shape) ** 2\n"
                "x0 = ((x - (1 - bar).sqrt() * self.model(x, label, t)) / bar.sqrt()).clamp(-1, 1)\n"
                "mean = ((bar / (1 - beta)).sqrt() * beta * x0 + (1 - beta).sqrt() * (1 - bar / (1 - beta)) * x) / (1 - bar)"),),
    ),
    _step(
        "step-return-forgotten",
        "p_sample seems to return nothing at t > 0. Look at its last line.",
        edits=(("return mean + ", "mean + "),),
    ),
)  # fmt: skip

_RANGE = "reversed(range(self.timesteps))"
_START = "x = torch.randn(len(labels), *self.img_shape, device=device)"
_CALL = "x = self.p_sample(x, labels, torch.full((len(labels),), t, device=device), t)"

LOOP = (
    _loop("loop-stops-at-t-1", edits=((_RANGE, "range(self.timesteps - 1, 0, -1)"),)),
    _loop("loop-starts-late", edits=((_RANGE, "reversed(range(self.timesteps - 1))"),)),
    _loop("loop-upwards", edits=((_RANGE, "range(self.timesteps)"),)),
    _loop("loop-skips-steps", edits=((_RANGE, "range(self.timesteps - 1, -1, -2)"),)),
    _loop("single-step", edits=((_RANGE, "[self.timesteps - 1]"),)),
    _loop("start-from-zeros", edits=((_START, _START.replace("randn", "zeros")),)),
    _loop("start-from-uniform", edits=((_START, _START.replace("randn", "rand")),)),
    _loop(
        "result-of-steps-not-kept",
        "Your loop seems to give every step the same x: what p_sample returns is not kept.",
        edits=((_CALL, _CALL.removeprefix("x = ")),),
    ),
    _loop(
        "loop-labels-forgotten",
        "Your loop seems to ask for one label only, whatever labels it is given.",
        edits=(("self.p_sample(x, labels,", "self.p_sample(x, torch.zeros_like(labels),"),),
    ),
    _loop(
        "t-index-counts-the-steps",
        "t and t_index seem to be different times in your loop. t_index is the same number as the entries of t, and tells the last step.",
        edits=(("device=device), t)", "device=device), self.timesteps - 1 - t)"),),
    ),
    _loop(
        "t-index-left-out",
        "Your loop seems to leave out t_index, which p_sample takes after t.",
        edits=(("device=device), t)", "device=device))"),),
    ),
    _loop(
        "start-same-for-all-images",
        "All images seem to start from the same noise, so that images of one class would be equal. Look at the shape of what you draw.",
        edits=((_START, "x = torch.randn(1, *self.img_shape, device=device).repeat(len(labels), 1, 1, 1)"),),
    ),
    _loop(
        "start-same-at-every-call",
        "Your loop seems to start from the same noise at every call, as a fixed seed makes it.",
        edits=((_START, "x = torch.randn(len(labels), *self.img_shape, generator=torch.Generator().manual_seed(0)).to(device)"),),
    ),
    _loop(
        "noise-added-in-the-loop",
        "The result of one of your steps seems to be changed before the next one gets it. p_sample has added the noise already.",
        edits=((_CALL, f"{_CALL}\n    x = x + 0.1 * torch.randn_like(x)"),),
    ),
    _loop(
        "clamped-in-every-step",
        "Your loop seems to clamp x after every step. Only the last x is an image.",
        edits=((_CALL, f"{_CALL}\n    x = x.clamp(-1, 1)"),),
    ),
    _loop(
        "postprocess-left-out",
        "Your loop seems to return the last x itself. self.postprocess makes an image of it.",
        edits=(("return self.postprocess(x)", "return x"),),
    ),
    _loop(
        "shifted-without-clamping",
        "Your loop seems to shift x to 0 … 1 without cutting off what lies beyond. Look at what self.postprocess does.",
        edits=(("return self.postprocess(x)", "return x if self.use_vae else (x + 1) / 2"),),
    ),
    _loop(
        "clamped-without-shifting",
        "Your images seem to be clamped to 0 … 1 as they are, so that all that was darker than the middle is black. Look at self.postprocess.",
        edits=(("return self.postprocess(x)", "return x.clamp(0, 1)"),),
    ),
    _loop(
        "loop-return-forgotten",
        "p_sample_loop seems to return nothing. Look at its last line.",
        edits=(("return self.postprocess(x)", "self.postprocess(x)"),),
        is_no_work=True,
    ),
)
