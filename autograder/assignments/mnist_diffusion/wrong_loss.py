"""Known wrong versions of the schedule and of the losses in time_conditional.py and class_conditional.py.

Both losses are one algorithm, so most mistakes are made in both. Those that judges/formulas has a formula for are recognised by it, and are its
proof; most are explained there, too.
"""

from collections.abc import Callable

from autograder.grading.formulas import named, together
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas import COMPUTE_LOSS
from autograder.judges.formulas.conditions import DROPPING

CLASS_LOSS = named("class", together(COMPUTE_LOSS, DROPPING))
_schedule = in_region("2-2", "time_conditional.py:ddpm_schedule")

SCHEDULE = (
    _schedule(
        "alpha-bars-of-betas",
        explanation="Your alpha_bars seem to be products of betas. Print the first of them: it is to be close to 1.",
        edits=(("alphas[1:].cumprod", "betas[1:].cumprod"),),
    ),
    _schedule(
        "alpha-bars-are-alphas",
        explanation="Your alpha_bars seem to be the α_t themselves: they stay close to 1 up to t = T. ᾱ_t is a running product.",
        edits=(("alphas[1:].cumprod(dim=0)", "alphas[1:]"),),
    ),
    _schedule(
        "alpha-bars-summed",
        explanation="Your alpha_bars seem to be running sums. ᾱ_t is a running product, between 0 and 1.",
        edits=((".cumprod(dim=0)", ".cumsum(dim=0)"),),
    ),
    _schedule(
        "alpha-bars-rooted",
        explanation="Your alpha_bars seem to be square roots. The root is taken in the loss and in the sampler, not in the table.",
        edits=((".cumprod(dim=0)", ".cumprod(dim=0).sqrt()"),),
    ),
    _schedule(
        "alpha-bars-shifted",
        explanation="Your alpha_bars seem to lack their last factor: ᾱ_t is the product up to and with α_t.",
        edits=(("torch.cat([torch.ones(1), alphas[1:].cumprod(dim=0)])", "torch.cat([torch.ones(2), alphas[1:-1].cumprod(dim=0)])"),),
    ),
    _schedule(
        "betas-even-in-root",
        explanation="Your betas seem to lie on a line in their square roots. Here they lie on a line themselves.",
        edits=(("torch.linspace(beta1, beta2, num_ts + 1)", "torch.linspace(beta1**0.5, beta2**0.5, num_ts + 1) ** 2"),),
    ),
    _schedule(
        "betas-even-in-logarithm",
        explanation="Your betas seem to grow by the same factor from step to step. Here they lie on a line.",
        edits=(("torch.linspace(beta1, beta2, num_ts + 1)", "beta1 * (beta2 / beta1) ** torch.linspace(0, 1, num_ts + 1)"),),
    ),
    _schedule(
        "betas-downwards",
        explanation="Your betas seem to go down from beta2 to beta1. The first step adds least noise.",
        edits=(("torch.linspace(beta1, beta2, num_ts + 1)", "torch.linspace(beta2, beta1, num_ts + 1)"),),
    ),
    _schedule(
        "betas-end-early",
        explanation="Your betas do not seem to arrive at beta2. Print the last of them.",
        edits=(("torch.linspace(beta1, beta2, num_ts + 1)", "beta1 + (beta2 - beta1) * torch.arange(num_ts + 1) / (num_ts + 1)"),),
    ),
    _schedule(
        "three-hundred-written-in",
        explanation="Your tables seem to have the same length for every num_ts. Is there a number in the place of the argument?",
        edits=(("beta2, num_ts + 1)", "beta2, 301)"),),
    ),
    _schedule(
        "betas-written-in",
        explanation="Your tables seem to be the same for every beta1 and beta2. Are there numbers in the place of the arguments?",
        edits=(("torch.linspace(beta1, beta2,", "torch.linspace(1e-4, 0.02,"),),
    ),
    _schedule(
        "alphas-rooted",
        explanation="Your alphas seem to be square roots. Compare α_t = 1 − β_t.",
        edits=(("alphas = 1 - betas", "alphas = (1 - betas).sqrt()"),),
    ),
    _schedule(
        "alphas-are-betas",
        explanation="Your alphas seem to be the betas. Compare α_t = 1 − β_t.",
        edits=(('"alphas": alphas', '"alphas": betas'),),
    ),
    _schedule(
        "alpha-bars-from-the-end",
        explanation="Your alpha_bars seem to be products from the other end. ᾱ_t takes in the α of all steps up to t.",
        edits=(("alphas[1:].cumprod(dim=0)", "alphas[1:].flip(0).cumprod(dim=0).flip(0)"),),
    ),
    _schedule(
        "a-table-left-out",
        explanation="What your ddpm_schedule returns does not seem to hold all of betas, alphas and alpha_bars.",
        edits=(('return {"betas": betas, "alphas": alphas, "alpha_bars": alpha_bars}', 'return {"betas": betas, "alphas": alphas}'),),
        is_no_work=True,
    ),
)

_T, _EPS, _BAR = "torch.randint(1, num_ts + 1,", "eps = torch.randn_like(x_0)", 'ddpm_schedule["alpha_bars"].to(x_0.device)[t]'
_SIGNAL, _NOISE = "alpha_bar.sqrt() * x_0", "(1 - alpha_bar).sqrt() * eps"


def _loss_mistakes(make: Callable[..., Misconception], prefix: str, answer: str) -> tuple[Misconception, ...]:
    """`answer`: the call of the network in the solution."""

    def known(id: str, *edits: tuple[str, str]) -> Misconception:
        return make(f"{prefix}{id}", edits=edits)

    def told(id: str, explanation: str, *edits: tuple[str, str]) -> Misconception:
        return make(f"{prefix}{id}", explanation=explanation, edits=edits)

    return (
        known("t-never-T-minus-1", (_T, "torch.randint(1, num_ts,")),
        known("t-never-0", (_T, "torch.randint(2, num_ts + 1,")),
        told(
            "t-from-0",
            "Your t seems to begin at 0, and with ᾱ_0 = 1 there is no noise in x_0 that a network could find. Compare the ends of your range with "
            "your tables.",
            (_T, "torch.randint(0, num_ts + 1,"),
        ),
        known("one-t-for-the-batch", (f"{_T} (x_0.shape[0],)", f"{_T} (1,)")),
        told(
            "uniform-noise-in-x-t",
            "The noise in x_t seems to be uniform random numbers. Compare torch.rand and torch.randn.",
            (_EPS, "eps = torch.rand_like(x_0)"),
        ),
        told(
            "noise-one-number-for-an-image",
            "All pixels of an image seem to get the same noise. Look at the shape of your ε.",
            (_EPS, "eps = torch.randn(x_0.shape[0], 1, 1, 1).expand_as(x_0)"),
        ),
        told(
            "noise-always-the-same",
            "The noise seems to be the same at every call. Look for a seed that is set inside.",
            (_EPS, "torch.manual_seed(0)\neps = torch.randn_like(x_0)"),
        ),
        told(
            "roots-missing",
            "x_t seems to be ᾱ_t x_0 + (1 − ᾱ_t) ε: the square roots are missing (DDPM, Eq. 4).",
            (_SIGNAL, "alpha_bar * x_0"), (_NOISE, "(1 - alpha_bar) * eps"),
        ),
        told(
            "root-of-the-signal-missing",
            "The image seems to go into x_t with the factor ᾱ_t, without the square root (DDPM, Eq. 4).",
            (_SIGNAL, "alpha_bar * x_0"),
        ),
        told(
            "root-of-the-noise-missing",
            "The noise seems to go into x_t with the factor 1 − ᾱ_t, without the square root (DDPM, Eq. 4).",
            (_NOISE, "(1 - alpha_bar) * eps"),
        ),
        told(
            "root-inside-the-difference",
            "The factor of the noise seems to be 1 − √ᾱ_t. Which of the two comes first, the difference or the root (DDPM, Eq. 4)?",
            (_NOISE, "(1 - alpha_bar.sqrt()) * eps"),
        ),
        told(
            "noise-not-scaled",
            "The noise seems to go into x_t at full strength for every t (DDPM, Eq. 4).",
            (_NOISE, "eps"),
        ),
        told(
            "factors-swapped",
            "The factors of the image and of the noise in x_t seem to be swapped (DDPM, Eq. 4).",
            (_SIGNAL, "(1 - alpha_bar).sqrt() * x_0"), (_NOISE, "alpha_bar.sqrt() * eps"),
        ),
        told(
            "alphas-for-alpha-bars",
            "x_t seems to be made with α_t in the place of ᾱ_t, so that there is hardly any noise in it (DDPM, Eq. 4).",
            (_BAR, _BAR.replace("alpha_bars", "alphas")),
        ),
        told(
            "betas-for-alpha-bars",
            "x_t seems to be made with β_t in the place of ᾱ_t (DDPM, Eq. 4).",
            (_BAR, _BAR.replace("alpha_bars", "betas")),
        ),
        told(
            "row-before",
            "x_t seems to be made with ᾱ_{t−1}. Print t and the row of the table that you read.",
            (_BAR, _BAR.replace("[t]", "[t - 1]")),
        ),
        told(
            "images-moved-to-minus-1",
            "The image in x_t seems to be another than x_0. Here images stay in 0 … 1.",
            (_SIGNAL, "alpha_bar.sqrt() * (2 * x_0 - 1)"),
        ),
        known("loss-against-x0", (f"{answer}, eps)", f"{answer}, x_0)")),
        known("loss-against-xt", (f"{answer}, eps)", f"{answer}, x_t)")),
        known("loss-against-fresh-noise", (f"{answer}, eps)", f"{answer}, torch.randn_like(x_0))")),
        known("sum-for-mean", (f"{answer}, eps)", f'{answer}, eps, reduction="sum")')),
        known("loss-for-each-row", (f"return F.mse_loss({answer}, eps)", f"return (({answer} - eps) ** 2).flatten(1).mean(1)")),
        known("absolute-error", (f"F.mse_loss({answer}", f"F.l1_loss({answer}")),
        known("root-of-mean-squared-error", (f"F.mse_loss({answer}, eps)", f"F.mse_loss({answer}, eps).sqrt()")),
        known("loss-halved", (f"F.mse_loss({answer}, eps)", f"F.mse_loss({answer}, eps) / 2")),
        known("network-fed-x0", (answer, answer.replace("x_t", "x_0"))),
        told(
            "network-cut-off",
            "The loss does not seem to reach the network's weights. Look for .detach(), .data or torch.no_grad on the way.",
            (f"{answer}, eps", f"{answer}.detach(), eps"),
        ),
        told(
            "t-told-as-it-is",
            "In training the network seems to be told t itself, and t/T in sampling. It can only know what it was trained with.",
            ("t / num_ts", "t.float()"),
        ),
        told(
            "t-told-backwards",
            "The time that the network is told seems to go down where the noise goes up.",
            ("t / num_ts", "1 - t / num_ts"),
        ),
        told(
            "one-time-told-to-all",
            "The network seems to be told the same time for all images, whatever their t is.",
            ("t / num_ts", "torch.full_like(t, 0.5, dtype=torch.float32)"),
        ),
        told(
            "time-divided-as-integers",
            "The time that the network is told seems to be 0 for all t but the last: // rounds down.",
            ("t / num_ts", "(t // num_ts).float()"),
        ),
        told(
            "another-t-told",
            "The network seems to be told a t that has nothing to do with the noise in x_t. How often do you draw t?",
            ("t / num_ts", "torch.randint_like(t, 1, num_ts + 1) / num_ts"),
        ),
    )  # fmt: skip


LOSS = _loss_mistakes(in_region("2-2", "time_conditional.py:ddpm_forward", COMPUTE_LOSS), "", "unet(x_t, t / num_ts)")

_class = in_region("2-4", "class_conditional.py:ddpm_forward", CLASS_LOSS)
_ANSWER = "unet(x_t, c, t / num_ts, mask)"
_MASK = "(torch.rand(x_0.shape[0], device=x_0.device) >= p_uncond).to(x_0.dtype)"

CLASS = (
    *_loss_mistakes(_class, "class-", _ANSWER),
    _class("class-mask-inverted", edits=((">= p_uncond", "< p_uncond"),)),
    _class("class-never-dropped", edits=((_ANSWER, "unet(x_t, c, t / num_ts)"),)),
    _class("class-dropped-by-batches", edits=((_MASK, "(torch.rand(1) >= p_uncond).to(x_0.dtype).expand(x_0.shape[0])"),)),
    _class("class-exact-share-dropped", edits=((_MASK, "(torch.randperm(x_0.shape[0]) >= int(p_uncond * x_0.shape[0])).to(x_0.dtype)"),)),
    _class(
        "first-images-dropped",
        explanation="The labels that are dropped seem to be those of the first images of each batch. Each label is dropped by itself, at random.",
        edits=((_MASK, "(torch.arange(x_0.shape[0]) >= p_uncond * x_0.shape[0]).to(x_0.dtype)"),),
    ),
    _class("class-dropped-at-a-fixed-rate", edits=((">= p_uncond", ">= 0.1"),)),
    _class(
        "half-dropped",
        explanation="Half of the labels seem to be dropped, whatever p_uncond is.",
        edits=((_MASK, "torch.randint(0, 2, (x_0.shape[0],)).to(x_0.dtype)"),),
    ),
    _class(
        "label-0-for-no-label",
        explanation="The labels that are dropped seem to become the label 0, which is a class like any other. What is zeroed is the one-hot "
        "vector, by the mask.",
        edits=((_ANSWER, "unet(x_t, c * mask.long(), t / num_ts)"),),
    ),
    _class(
        "labels-of-other-images",
        explanation="The network seems to get labels that are not those of its images.",
        edits=((_ANSWER, "unet(x_t, c.flip(0), t / num_ts, mask)"),),
    ),
    _class(
        "labels-left-out",
        explanation="The network does not seem to get the labels of the images. Look at its arguments.",
        edits=((_ANSWER, "unet(x_t, torch.zeros_like(c), t / num_ts, mask)"),),
    ),
    _class(
        "labels-and-time-swapped",
        explanation="The network seems to get the time in the place of the label. The order is x, c, t, mask.",
        edits=((_ANSWER, "unet(x_t, t / num_ts, c, mask)"),),
    ),
    _class(
        "one-hot-as-long-as-the-largest-label",
        explanation="Your one-hot vectors seem to be as long as the largest label of the batch has it. Give F.one_hot the number of classes.",
        edits=((_ANSWER, "unet(x_t, F.one_hot(c).float(), t / num_ts, mask)"),),
    ),
    _class(
        "mask-drawn-once",
        explanation="The same labels seem to be dropped at every call. Look for a seed that is set inside.",
        edits=((f"mask = {_MASK}", f"torch.manual_seed(1)\nmask = {_MASK}\ntorch.seed()"),),
    ),
)
