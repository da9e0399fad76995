"""Known wrong versions of conditional.py."""

from autograder.assignments.minimal_diffusion.wrong_unet import both_unets
from autograder.grading.formulas import named
from autograder.grading.mutants import in_region
from autograder.judges.formulas import COMPUTE_LOSS, SAMPLING

LOSS, SAMPLE = (named("conditional", algorithm) for algorithm in (COMPUTE_LOSS, SAMPLING))
_unet = in_region("4", "conditional.py:UNet.forward")
_forward = in_region("4", "conditional.py:DDPM.forward", LOSS)
_sample = in_region("4", "conditional.py:DDPM.sample", SAMPLE)

_LABEL = "label = F.one_hot(c, NUM_CLASSES).to(x.dtype).view(-1, NUM_CLASSES, 1, 1)"

CONDITIONAL = (
    *both_unets("4", "conditional.py", "conditional-", ("parts = [y, skips.pop()]", "parts = [y]")),
    _unet(
        "label-left-out",
        explanation="The label does not seem to reach any layer. Look at what your up blocks are given.",
        edits=(("if level < 2:", "if level < 0:"),),
    ),
    _unet(
        "label-of-the-first-image",
        explanation="All images of a batch seem to get the label of the first one.",
        edits=((_LABEL, f"{_LABEL}[:1].expand(len(x), -1, -1, -1)"),),
    ),
    _unet(
        "labels-averaged",
        explanation="The labels of a batch seem to be mixed into one. Each image has a label of its own.",
        edits=((_LABEL, f"{_LABEL}.mean(0, keepdim=True).expand(len(x), -1, -1, -1)"),),
    ),
    _unet(
        "labels-summed",
        explanation="All labels of a batch seem to go to every image. Each image has a label of its own.",
        edits=((_LABEL, f"{_LABEL}.cumsum(0)"),),
    ),
    _unet(
        "nine-classes",
        explanation="There seem to be too few classes: the digits are 0 to 9, ten in all.",
        edits=((_LABEL, "label = F.one_hot(c, 9).to(x.dtype).view(-1, 9, 1, 1)"),),
    ),
    _unet(
        "labels-modulo-2",
        explanation="Several labels seem to be one and the same to your network. Look at what becomes of c.",
        edits=((_LABEL, _LABEL.replace("(c, ", "(c % 2, ")),),
    ),
    _forward(
        "labels-not-handed-on",
        explanation="The network seems to be asked without the labels. Look at its arguments.",
        edits=(("self.net(x_t, c)", "self.net(x_t)"),),
    ),
    _forward(
        "labels-drawn-at-random",
        explanation="The network seems to get labels that are not those of the images.",
        edits=(("self.net(x_t, c)", "self.net(x_t, torch.randint(0, 10, c.shape))"),),
    ),
    _forward(
        "t-for-the-label",
        explanation="The network seems to get t where it expects the label.",
        edits=(("self.net(x_t, c)", "self.net(x_t, t)"),),
    ),
    _forward(
        "one-hot-too-early",
        explanation="The network seems to get one-hot vectors. Its own forward makes them from c.",
        edits=(("self.net(x_t, c)", "self.net(x_t, F.one_hot(c, 10).float())"),),
    ),
    _forward(
        "conditional-t-from-0",
        explanation="Your t seems to begin at 0. Compare it with exercise 1.",
        edits=(("torch.randint(1, T + 1,", "torch.randint(0, T + 1,"),),
    ),
    _forward(
        "conditional-noise-not-scaled",
        explanation="The noise seems to go into x_t at full strength for every t. Compare with exercise 1.",
        edits=(("sqrtmab.to(x.device)[t] * eps", "eps"),),
    ),
    _forward(
        "conditional-loss-against-x0",
        edits=(("F.mse_loss(eps,", "F.mse_loss(x,"),),
    ),
    _sample(
        "labels-without-modulo",
        explanation="With more than ten images your labels seem to go beyond 9. Image i has the label i modulo 10.",
        edits=(("torch.arange(n_sample, device=device) % NUM_CLASSES", "torch.arange(n_sample, device=device)"),),
    ),
    _sample(
        "labels-all-zero",
        explanation="Every image seems to get the label 0.",
        edits=(("torch.arange(n_sample, device=device) % NUM_CLASSES", "torch.zeros(n_sample, dtype=torch.long)"),),
    ),
    _sample(
        "labels-in-blocks",
        explanation="Your labels seem to come in blocks, 0, 0, 1, 1 and so on. Image i has the label i modulo 10.",
        edits=(("torch.arange(n_sample, device=device) % NUM_CLASSES", "torch.arange(n_sample, device=device) * NUM_CLASSES // n_sample"),),
    ),
    _sample(
        "labels-from-1",
        explanation="Your labels seem to begin at 1. Image i has the label i modulo 10.",
        edits=(("torch.arange(n_sample, device=device) % NUM_CLASSES", "torch.arange(1, n_sample + 1, device=device) % NUM_CLASSES"),),
    ),
    _sample(
        "samples-without-labels",
        explanation="The network seems to be asked without the labels. Look at its arguments.",
        edits=(("self.net(x, c)", "self.net(x)"),),
    ),
    _sample(
        "conditional-noise-at-t-0",
        edits=((" if t > 1 else torch.zeros_like(x)", ""),),
    ),
    _sample(
        "conditional-eps-without-coefficient",
        edits=(("mab_over_sqrtmab_inv[t] * self.net", "self.net"),),
    ),
    _sample(
        "conditional-loop-from-T-to-0",
        explanation="Your loop seems to take a step for t = 0 as well. Compare it with exercise 2.",
        edits=(("range(T, 0, -1)", "range(T, -1, -1)"),),
    ),
)
