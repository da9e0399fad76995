"""Known wrong versions of the bonus task "ddim". Those that judges/formulas has a formula for are recognised by it."""

from autograder.grading.mutants import in_region
from autograder.judges.formulas import DDIM_P_SAMPLE

_step = in_region("ddim", "libs/ddim.py:DDIM.p_sample", DDIM_P_SAMPLE)
_loop = in_region("ddim", "libs/ddim.py:DDIM.p_sample_loop")
_X0 = "(x - (1 - alpha_bar).sqrt() * eps_theta) / alpha_bar.sqrt()"
_SIGMA = "eta * ((1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev)).sqrt()"
_BACK = "alpha_bar_prev.sqrt() * x0_hat"
_DIRECTION = "(1 - alpha_bar_prev - sigma**2).clamp(min=0).sqrt() * eps_theta"

STEP = (
    _step("t-prev-clamped-to-0", edits=(("self._alpha_bar(t_prev, x.shape)", "self._alpha_bar(t_prev.clamp(min=0), x.shape)"),)),
    _step("t-prev-0-taken-as-clean", edits=(("self._alpha_bar(t_prev, x.shape)", "self._alpha_bar(torch.where(t_prev < 1, -1, t_prev), x.shape)"),)),
    _step("previous-is-t-minus-1", edits=(("self._alpha_bar(t_prev, x.shape)", "self._alpha_bar(t - 1, x.shape)"),)),
    _step("x0-from-previous-alpha-bar", edits=((_X0, _X0.replace("alpha_bar", "alpha_bar_prev")),)),
    _step("x0-not-divided", edits=((_X0, "(x - (1 - alpha_bar).sqrt() * eps_theta)"),)),
    _step("x0-divided-without-root", edits=((_X0, _X0.replace("/ alpha_bar.sqrt()", "/ alpha_bar")),)),
    _step("x0-root-missing-on-noise", edits=((_X0, _X0.replace("(1 - alpha_bar).sqrt()", "(1 - alpha_bar)")),)),
    _step("x0-noise-added", edits=((_X0, _X0.replace("x - ", "x + ")),)),
    _step("x0-not-scaled-back", edits=((_BACK, "x0_hat"),)),
    _step("x0-scaled-back-without-root", edits=((_BACK, "alpha_bar_prev * x0_hat"),)),
    _step("direction-dropped", edits=((f" + {_DIRECTION}", ""),)),
    _step("direction-without-root", edits=((_DIRECTION, _DIRECTION.replace(".sqrt()", "")),)),
    _step("direction-from-alpha-bar-of-t", edits=((_DIRECTION, _DIRECTION.replace("alpha_bar_prev", "alpha_bar")),)),
    _step("direction-subtracted", edits=((f"+ {_DIRECTION}", f"- {_DIRECTION}"),)),
    _step("direction-ignores-sigma", edits=((" - sigma**2", ""),)),
    _step("direction-sigma-not-squared", edits=(("sigma**2", "sigma"),)),
    _step("eta-ignored", edits=(("sigma = eta * ", "sigma = "),)),
    _step("eta-taken-as-0", edits=(("sigma = eta * ", "sigma = 0 * "),)),
    _step("eta-squared", edits=(("sigma = eta * ", "sigma = eta**2 * "),)),
    _step("ddim-variance-for-standard-deviation", edits=((_SIGMA, _SIGMA.removesuffix(".sqrt()")),)),
    _step("sigma-noise-levels-upside-down", edits=(("(1 - alpha_bar_prev) / (1 - alpha_bar)",
                                                    "(1 - alpha_bar) / (1 - alpha_bar_prev).clamp(min=1e-3)"),)),
    _step("sigma-first-factor-missing", edits=(("(1 - alpha_bar_prev) / (1 - alpha_bar) * ", ""),)),
    _step("noise-term-dropped", edits=((" + sigma * torch.randn_like(x)", ""),)),
    _step("ddim-network-fed-t-prev", edits=(("self.model(x, label, t)", "self.model(x, label, t_prev)"),)),
    _step("ddim-network-fed-fraction", edits=(("self.model(x, label, t)", "self.model(x, label, t / self.timesteps)"),)),
    _step(
        "ddim-step-labels-forgotten",
        "Your DDIM step seems to ask the network without the labels that it is given.",
        edits=(("self.model(x, label, t)", "self.model(x, torch.zeros_like(label), t)"),),
    ),
    _step(
        "ddim-uniform-noise",
        "The noise of your DDIM step seems to be uniform, never negative. It is standard normal, times σ (DDIM, Eq. 12).",
        edits=(("torch.randn_like(x)", "torch.rand_like(x)"),),
    ),
    _step(
        "ddim-latents-clamped",
        "With use_vae, your DDIM step seems to clamp its estimate of x_0 to ±1, where images end. Latents reach beyond.",
        edits=((_X0, f"({_X0}).clamp(-1, 1)"),),
    ),
)  # fmt: skip

_TIMES = "times = torch.linspace(self.timesteps - 1, 0, num_steps).round().long().tolist()"
_START = "x = torch.randn(len(labels), *self.img_shape, device=device)"
_PAIRS = "[*times[1:], -1]"

LOOP = (
    _loop(
        "ddim-loop-upwards",
        "Your DDIM loop seems to go from small times to large ones. Sampling starts from noise, at the largest.",
        edits=((_TIMES, f"{_TIMES}[::-1]"),),
    ),
    _loop(
        "ddim-loop-takes-all-steps",
        "Your DDIM loop seems to take all T steps, whatever num_steps is.",
        edits=(("0, num_steps)", "0, self.timesteps)"),),
    ),
    _loop(
        "ddim-loop-one-step-too-many",
        "Your DDIM loop seems to take num_steps + 1 steps. Count the times that you chose.",
        edits=(("0, num_steps)", "0, num_steps + 1)"),),
    ),
    _loop(
        "ddim-loop-last-steps-only",
        "Your DDIM loop seems to take its steps close together instead of over all of 0 … T − 1.",
        edits=((_TIMES, "times = list(reversed(range(num_steps)))"),),
    ),
    _loop(
        "ddim-loop-last-step-to-t-0",
        "The last step of your DDIM loop seems to end at t = 0, which still has noise, and not at clean data, t_prev = −1.",
        edits=((_PAIRS, "[*times[1:], 0]"),),
    ),
    _loop(
        "ddim-loop-stops-before-clean",
        "Your DDIM loop seems to lack its last step, the one to clean data.",
        edits=((f"zip(times, {_PAIRS})", "zip(times[:-1], times[1:])"),),
    ),
    _loop(
        "ddim-loop-aims-at-t-minus-1",
        "The steps of your DDIM loop seem to aim at t − 1, while the next one begins at another time.",
        edits=((f"zip(times, {_PAIRS})", "((t, t - 1) for t in times)"),),
    ),
    _loop(
        "eta-not-passed-on",
        "Your DDIM loop seems not to pass eta on to its steps.",
        edits=(("now, before, eta)", "now, before)"),),
    ),
    _loop(
        "ddim-start-from-zeros",
        "Your DDIM loop seems to start from zeros. It starts from noise, as DDPM does.",
        edits=((_START, _START.replace("randn", "zeros")),),
    ),
    _loop(
        "ddim-start-from-uniform",
        "The noise that your DDIM loop starts from seems to be uniform. It is standard normal.",
        edits=((_START, _START.replace("randn", "rand")),),
    ),
    _loop(
        "ddim-loop-labels-forgotten",
        "Your DDIM loop seems to ask for one label only, whatever labels it is given.",
        edits=(("self.p_sample(x, labels,", "self.p_sample(x, torch.zeros_like(labels),"),),
    ),
    _loop(
        "ddim-postprocess-left-out",
        "Your DDIM loop seems to return the last x itself. self.postprocess makes an image of it.",
        edits=(("return self.postprocess(x)", "return x"),),
    ),
    _loop(
        "ddim-never-decoded",
        "With use_vae, your DDIM loop seems to return latents. What makes images of them?",
        edits=(("    x = self.vae.decoder(x)", "    pass"),),
    ),
    _loop(
        "ddim-return-forgotten",
        "DDIM.p_sample_loop seems to return nothing. Look at its last line.",
        edits=(("return self.postprocess(x)", "self.postprocess(x)"),),
        is_no_work=True,
    ),
)
