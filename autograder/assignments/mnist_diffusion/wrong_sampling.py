"""Known wrong versions of the samplers in time_conditional.py and class_conditional.py, whose steps are the same."""

from collections.abc import Callable

from autograder.grading.formulas import named, together
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas import GUIDANCE, SAMPLING

GUIDED = together(named("class", SAMPLING), GUIDANCE)
_X0_HAT = "x0_hat = (x - (1 - alpha_bars[t]).sqrt() * eps) / alpha_bars[t].sqrt()"
_OF_X0 = "of_x0 = alpha_bars[t - 1].sqrt() * betas[t] / (1 - alpha_bars[t])"
_OF_XT = "of_xt = alphas[t].sqrt() * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t])"
_RANGE, _NOISE, _Z = "range(num_ts, 0, -1)", "betas[t].sqrt() * z", "z = torch.randn(x.shape, generator=generator, device=x.device)"
_SEEDED = "torch.Generator(betas.device).manual_seed(seed)"


def _sampler_mistakes(make: Callable[..., Misconception], prefix: str, rows: str) -> tuple[Misconception, ...]:
    """`rows`: how many images, in the solution."""

    def known(id: str, *edits: tuple[str, str]) -> Misconception:
        return make(f"{prefix}{id}", edits=edits)

    def told(id: str, explanation: str, *edits: tuple[str, str]) -> Misconception:
        return make(f"{prefix}{id}", explanation=explanation, edits=edits)

    return (
        known("loop-stops-at-t-1", (_RANGE, "range(num_ts, 1, -1)")),
        known("loop-starts-late", (_RANGE, "range(num_ts - 1, 0, -1)")),
        told(
            "loop-from-T-to-0",
            "Your loop seems to take a step for t = 0 as well, where 1 − ᾱ_0 is 0. Print the t of every step.",
            (_RANGE, "range(num_ts, -1, -1)"),
        ),
        known("loop-upwards", (_RANGE, "range(1, num_ts + 1)")),
        known("loop-skips-steps", (_RANGE, "range(num_ts, 0, -2)")),
        known("noise-at-t-0", (" if t > 1 else 0", "")),
        known("no-noise-at-t-1", ("t > 1", "t > 2")),
        known("noise-never-added", (_Z, "z = torch.zeros_like(x)")),
        told(
            "the-same-noise-in-every-step",
            "The noise of your steps seems to be the same again and again. Where is your generator made?",
            (_Z, f"z = torch.randn(x.shape, generator={_SEEDED}, device=x.device)"),
        ),
        told(
            "step-noise-uniform",
            "The noise of your steps seems to be uniform random numbers. Compare torch.rand and torch.randn.",
            (_Z, _Z.replace("randn", "rand")),
        ),
        known("variance-for-standard-deviation", (_NOISE, "betas[t] * z")),
        known("sigma-from-alpha-bar", (_NOISE, "(1 - alpha_bars[t]).sqrt() * z"),
        ),
        known("unit-noise", (_NOISE, "z")),
        told(
            "noise-inside-the-parentheses",
            "The noise of your steps seems to be scaled together with x_t, which makes it a little too weak. It is added at the end.",
            ("x = of_x0 * x0_hat + of_xt * x + betas[t].sqrt() * z", "x = of_x0 * x0_hat + of_xt * (x + betas[t].sqrt() * z)"),
        ),
        known("eps-added", (_X0_HAT, _X0_HAT.replace("x - (1", "x + (1")),
        ),
        told(
            "estimate-not-divided",
            "Your x̂_0 seems to lack the division by √ᾱ_t.",
            (_X0_HAT, _X0_HAT.replace(" / alpha_bars[t].sqrt()", "")),
        ),
        told(
            "root-below-the-estimate-missing",
            "Your x̂_0 seems to be divided by ᾱ_t, without the square root.",
            (_X0_HAT, _X0_HAT.replace("/ alpha_bars[t].sqrt()", "/ alpha_bars[t]")),
        ),
        told(
            "root-at-eps-missing",
            "Your x̂_0 seems to take away (1 − ᾱ_t) ε_θ, without the square root.",
            (_X0_HAT, _X0_HAT.replace("(1 - alpha_bars[t]).sqrt()", "(1 - alpha_bars[t])")),
        ),
        told(
            "alphas-in-the-estimate",
            "Your x̂_0 seems to be made with α_t in the place of ᾱ_t.",
            (_X0_HAT, _X0_HAT.replace("alpha_bars[t]", "alphas[t]")),
        ),
        known("posterior-mean-weights-swapped", ("x = of_x0 * x0_hat + of_xt * x", "x = of_xt * x0_hat + of_x0 * x"),
        ),
        known("returns-estimate-of-x0", ("of_x0 * x0_hat + of_xt * x + betas", "x0_hat + betas"),
        ),
        told(
            "alpha-bar-of-t-at-the-estimate",
            "The factor of x̂_0 in your mean seems to hold √ᾱ_t. Which t does it take?",
            (_OF_X0, _OF_X0.replace("[t - 1]", "[t]")),
        ),
        told(
            "alpha-bar-of-t-at-x-t",
            "The factor of x_t in your mean seems to hold 1 − ᾱ_t above the fraction, so that it falls away. Which t does it take?",
            (_OF_XT, _OF_XT.replace("[t - 1]", "[t]")),
        ),
        told(
            "root-of-alpha-missing",
            "The factor of x_t in your mean seems to hold α_t without its square root.",
            (_OF_XT, _OF_XT.replace("alphas[t].sqrt()", "alphas[t]")),
        ),
        told(
            "root-of-alpha-bar-missing",
            "The factor of x̂_0 in your mean seems to hold ᾱ_{t−1} without its square root.",
            (_OF_X0, _OF_X0.replace("alpha_bars[t - 1].sqrt()", "alpha_bars[t - 1]")),
        ),
        told(
            "root-of-beta-in-the-mean",
            "The factor of x̂_0 in your mean seems to hold √β_t in the place of β_t.",
            (_OF_X0, _OF_X0.replace("betas[t]", "betas[t].sqrt()")),
        ),
        told(
            "alpha-bar-for-alpha",
            "The factor of x_t in your mean seems to hold √ᾱ_t in the place of √α_t.",
            (_OF_XT, _OF_XT.replace("alphas[t].sqrt()", "alpha_bars[t].sqrt()")),
        ),
        known("start-from-zeros", (f"x = torch.randn({rows}, 1,", f"x = 0 * torch.randn({rows}, 1,")),
        known("start-from-uniform", (f"x = torch.randn({rows}, 1,", f"x = torch.rand({rows}, 1,")),
        told(
            "size-written-in",
            "Your images seem to be 28 × 28, whatever img_wh is.",
            (f"({rows}, 1, *img_wh,", f"({rows}, 1, 28, 28,"),
        ),
        told(
            "height-and-width-swapped",
            "The height and the width of your images seem to be swapped. What does img_wh hold first?",
            ("*img_wh", "*img_wh[::-1]"),
        ),
        told(
            "seed-written-in",
            "Your images seem to be the same for every seed. Is there a number in the place of the argument?",
            (_SEEDED, "torch.Generator(betas.device).manual_seed(0)"),
        ),
        told(
            "seed-not-used",
            "The same seed seems to give other images at the second call. Does anything use the argument `seed`?",
            (f"generator = {_SEEDED}", "generator = None"),
        ),
        told(
            "sampler-tells-t-itself",
            "In sampling the network seems to be told t itself, and t/T in training. It can only know what it was trained with.",
            ("t / num_ts", "float(t)"),
        ),
        told(
            "sampler-tells-t-minus-1",
            "In sampling the network seems to be told a time that is one step smaller than in training.",
            ("t / num_ts", "(t - 1) / num_ts"),
        ),
        told(
            "sampler-tells-t-plus-1",
            "In sampling the network seems to be told a time that is one step larger than in training.",
            ("t / num_ts", "(t + 1) / num_ts"),
        ),
        told(
            "sampler-divides-by-300",
            "In sampling the time seems to be divided by another number than in training. Is there a number in the place of num_ts?",
            ("t / num_ts", "t / 300"),
        ),
        told(
            "sampler-tells-backwards",
            "The time that your sampler tells the network seems to go up from step to step.",
            ("t / num_ts", "1 - t / num_ts"),
        ),
        told(
            "sampler-tells-one-time",
            "Your sampler seems to tell the network the same time at every step.",
            ("t / num_ts", "0.5"),
        ),
    )  # fmt: skip


SAMPLE = (
    *_sampler_mistakes(in_region("2-3", "time_conditional.py:ddpm_sample", SAMPLING), "", "16"),
    in_region("2-3", "time_conditional.py:ddpm_sample")(
        "one-image-for-all",
        explanation="All images of a batch seem to start from the same noise.",
        edits=(("x = torch.randn(16, 1, *img_wh, generator=generator, device=betas.device)",
                "x = torch.randn(1, 1, *img_wh, generator=generator, device=betas.device).repeat(16, 1, 1, 1)"),),
    ),
)  # fmt: skip

_guided = in_region("2-5", "class_conditional.py:ddpm_sample", GUIDED)
_EPS = "eps_u + guidance_scale * (eps_c - eps_u)"
_CALLS = "eps_u, eps_c = unet(x, c, time, without), unet(x, c, time, 1 - without)"

GUIDED_SAMPLE = (
    *_sampler_mistakes(_guided, "class-", "len(c)"),
    _guided("guidance-from-the-label", edits=((_EPS, "eps_c + guidance_scale * (eps_c - eps_u)"),)),
    _guided("guidance-swapped", edits=((_EPS, "eps_c + guidance_scale * (eps_u - eps_c)"),)),
    _guided("guidance-the-wrong-way", edits=((_EPS, "eps_u + guidance_scale * (eps_u - eps_c)"),)),
    _guided("guidance-left-out", edits=((_EPS, "eps_c"),)),
    _guided("guidance-without-label", edits=((_EPS, "eps_u"),)),
    _guided("guidance-scale-written-in", edits=((_EPS, "eps_u + 5.0 * (eps_c - eps_u)"),)),
    _guided("guidance-sum", edits=((_EPS, "eps_u + guidance_scale * eps_c"),)),
    _guided("guidance-of-the-label-alone", edits=((_EPS, "guidance_scale * eps_c"),)),
    _guided("guidance-difference-only", edits=((_EPS, "guidance_scale * (eps_c - eps_u)"),)),
    _guided("guidance-is-the-mean", edits=((_EPS, "(eps_c + eps_u) / 2"),)),
    _guided("both-with-the-label", edits=((_CALLS, "eps_u, eps_c = unet(x, c, time, 1 - without), unet(x, c, time, 1 - without)"),)),
    _guided(
        "label-0-for-no-label-in-sampling",
        explanation="The call without a label seems to be told the label 0, which is a class like any other. No label is mask 0.",
        edits=((_CALLS, "eps_u, eps_c = unet(x, torch.zeros_like(c), time), unet(x, c, time)"),),
    ),
    _guided(
        "other-labels-in-sampling",
        explanation="The network seems to be told other labels than those of c.",
        edits=((_CALLS, _CALLS.replace("unet(x, c, time, 1 - without)", "unet(x, c.flip(0), time, 1 - without)")),),
    ),
    _guided(
        "one-hot-as-long-as-the-largest-label-in-sampling",
        explanation="Your one-hot vectors seem to be as long as the largest label of c has it. Give F.one_hot the number of classes.",
        edits=((_CALLS, _CALLS.replace("x, c,", "x, torch.nn.functional.one_hot(c).float(),")),),
    ),
    _guided(
        "time-missing-in-one-call",
        explanation="One of the two calls of the network seems to lack the time, so that the mask stands in its place. Compare the two calls.",
        edits=((_CALLS, _CALLS.replace("unet(x, c, time, 1 - without)", "unet(x, c, 1 - without)")),),
    ),
    _guided(
        "guidance-with-noise-of-the-step-before",
        explanation="One of the two answers seems to be that of the step before.",
        edits=((_CALLS, "eps_u = unet(x, c, time, without) if t == num_ts else eps_c\n    eps_c = unet(x, c, time, 1 - without)"),),
    ),
)
