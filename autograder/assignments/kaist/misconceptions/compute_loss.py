"""Known wrong versions of the training loss, compute_loss; see the docstring of this package."""

from autograder.assignments.kaist.misconceptions.exceptions import NETWORK_WITHOUT_T, RANDINT_SIZE, crashes
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas import COMPUTE_LOSS

_loss = in_region("1-4", "ddpm.py:DiffusionModule.compute_loss", COMPUTE_LOSS)
_RANDINT = "torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],), device=x0.device)"
MISCONCEPTIONS: tuple[Misconception, ...] = (
    # The target
    _loss(
        "loss-against-fresh-noise",
        edits=(("xt, t), noise)", "xt, t), torch.randn_like(x0))"),),
    ),
    _loss(
        "noise-not-passed-to-q-sample",
        explanation="q_sample seems to draw noise of its own, and your loss compares with another. Both must speak of the "
        "same ε (DDPM, Algorithm 1, lines 4 and 5).",
        edits=(("self.q_sample(x0, t, noise)", "self.q_sample(x0, t)"),),
    ),
    _loss(
        "loss-against-x0",
        edits=(("xt, t), noise)", "xt, t), x0)"),),
    ),
    _loss(
        "loss-against-xt",
        edits=(("xt, t), noise)", "xt, t), xt)"),),
    ),
    _loss(
        "loss-against-noise-part-of-xt",
        edits=(("xt, t), noise)", "xt, t), (1 - extract(self.var_scheduler.alphas_cumprod, t, x0)).sqrt() * noise)"),),
    ),
    _loss(
        "loss-against-minus-noise",
        edits=(("xt, t), noise)", "xt, t), -noise)"),),
    ),
    # The way errors become one number
    _loss(
        "sum-for-mean",
        explanation="Your loss seems to be the sum over all numbers, so it grows with the batch and the learning rate no "
        "longer fits. Read in the TODO what is to be taken over everything.",
        edits=(("F.mse_loss(self.network(xt, t), noise)", 'F.mse_loss(self.network(xt, t), noise, reduction="sum")'),),
    ),
    _loss(
        "sum-over-coordinates",
        explanation="Your loss seems to sum over the coordinates of a sample and to average over the batch only. Read in the "
        "docstring over what the mean is taken.",
        edits=(
            (
                "F.mse_loss(self.network(xt, t), noise)",
                "(self.network(xt, t) - noise).square().flatten(1).sum(dim=1).mean()",
            ),
        ),
    ),
    _loss(
        "loss-for-each-row",
        explanation="Your loss seems to be a number for each row of the batch, and backward needs a single one. Read in the "
        "docstring over what the mean is taken.",
        edits=(
            ("F.mse_loss(self.network(xt, t), noise)", "(self.network(xt, t) - noise).square().flatten(1).mean(dim=1)"),
        ),
    ),
    _loss(
        "mean-over-batch-only",
        explanation="Your loss seems to be a number for each coordinate: the mean is taken over one axis only, and backward "
        "needs a single number. Read in the docstring over what the mean is taken.",
        edits=(("F.mse_loss(self.network(xt, t), noise)", "(self.network(xt, t) - noise).square().mean(dim=0)"),),
    ),
    _loss(
        "absolute-error",
        edits=(("F.mse_loss(", "F.l1_loss("),),
    ),
    _loss(
        "huber-loss",
        edits=(("F.mse_loss(", "F.smooth_l1_loss("),),
    ),
    _loss(
        "root-of-mean-squared-error",
        edits=(("F.mse_loss(self.network(xt, t), noise)", "F.mse_loss(self.network(xt, t), noise).sqrt()"),),
    ),
    _loss(
        "error-not-squared",
        edits=(("F.mse_loss(self.network(xt, t), noise)", "(self.network(xt, t) - noise).mean()"),),
    ),
    _loss(
        "loss-halved",
        explanation="Your loss seems to be half of the mean squared error. Compare with DDPM, Eq. 14, and with the curve in "
        "the handout.",
        edits=(("F.mse_loss(", "0.5 * F.mse_loss("),),
    ),
    _loss(
        "loss-weighted-by-t",
        explanation="Rows at different t seem to count differently in your loss, as in DDPM, Eq. 12. The handout asks for the "
        "simplified loss: compare with Eq. 14.",
        edits=(
            (
                "F.mse_loss(self.network(xt, t), noise)",
                "((self.network(xt, t) - noise).square() / (1 - extract(self.var_scheduler.alphas_cumprod, t, x0))).mean()",
            ),
        ),
    ),
    # The gradient
    _loss(
        "output-detached",
        explanation="No gradient comes back from your loss, so training changes nothing. Look for detach, .data or no_grad "
        "around the network.",
        edits=(("self.network(xt, t)", "self.network(xt, t).detach()"),),
    ),
    _loss(
        "loss-as-python-number",
        explanation="Your loss seems to be an ordinary Python number, which has no gradient. Look at what is done to it "
        "before it is returned.",
        edits=(("F.mse_loss(self.network(xt, t), noise)", "F.mse_loss(self.network(xt, t), noise).item()"),),
    ),
    _loss(
        "loss-without-return",
        explanation="compute_loss seems to end without giving anything back. Follow your code to its last line.",
        edits=(("return F", "loss = F"),),
    ),
    # t
    _loss(
        "t-never-T-minus-1",
        explanation="The last time step, T − 1, never comes up in your training, and sampling starts just there. Look up "
        "whether the upper end of your random generator is included.",
        edits=(("num_train_timesteps, (x0", "num_train_timesteps - 1, (x0"),),
    ),
    _loss(
        "t-never-0",
        explanation="t = 0 never comes up in your training. DDPM, Algorithm 1, line 3 counts from 1; from where does this "
        "code count?",
        edits=(("randint(0,", "randint(1,"),),
    ),
    _loss(
        "t-from-1-to-T",
        explanation="Your t seems to be drawn from 1 … T, as DDPM, Algorithm 1, line 3 is printed. In this code t counts from "
        "0: which is the largest t that the tables of the scheduler know?",
        edits=((_RANDINT, _RANDINT + " + 1"),),
    ),
    _loss(
        "one-t-for-the-batch",
        edits=(
            (
                _RANDINT,
                "torch.randint(0, self.var_scheduler.num_train_timesteps, (1,), device=x0.device).expand(len(x0))",
            ),
        ),
    ),
    _loss(
        "t-always-last",
        explanation="Your training seems to use t = T − 1 only. Compare with the distribution of t in DDPM, Algorithm 1, line "
        "3.",
        edits=((_RANDINT, "torch.full((len(x0),), self.var_scheduler.num_train_timesteps - 1, device=x0.device)"),),
    ),
    _loss(
        "t-counts-through-the-batch",
        explanation="The t of your rows seems to count 0, 1, 2, … through the batch, and not to be drawn at random. Compare "
        "with DDPM, Algorithm 1, line 3.",
        edits=(
            (_RANDINT, "torch.arange(len(x0), device=x0.device).clamp(max=self.var_scheduler.num_train_timesteps - 1)"),
        ),
    ),
    _loss(
        "t-rounded-to-nearest",
        explanation="Your t seems to be a rounded random number, so the two ends of 0 … T−1 come up half as often as the "
        "rest. Compare with the distribution in DDPM, Algorithm 1, line 3.",
        edits=(
            (
                _RANDINT,
                "(torch.rand(len(x0), device=x0.device) * (self.var_scheduler.num_train_timesteps - 1)).round().long()",
            ),
        ),
    ),
    _loss(
        "t-more-often-in-the-middle",
        explanation="The middle of 0 … T−1 seems to come up more often than its ends in your t. Compare with the distribution "
        "in DDPM, Algorithm 1, line 3.",
        edits=(
            (
                _RANDINT,
                "((torch.rand(2, len(x0)).mean(dim=0)) * self.var_scheduler.num_train_timesteps).long().to(x0.device)",
            ),
        ),
    ),
    _loss(
        "other-t-for-the-network",
        explanation="Your network seems to be told another t than the one at which x_t was made. How often does DDPM, "
        "Algorithm 1 draw t?",
        edits=(("self.network(xt, t)", "self.network(xt, " + _RANDINT + ")"),),
    ),
    _loss(
        "loss-network-fed-fraction",
        explanation="Your network seems to be given t as a fraction of T in training, while in sampling it sees integers. "
        "Look at what you pass to the network.",
        edits=(("self.network(xt, t)", "self.network(xt, t / self.var_scheduler.num_train_timesteps)"),),
    ),
    _loss(
        "same-draws-at-every-call",
        explanation="Your t and ε seem to be the same at every call, as a fixed seed makes them, so training sees only a few of "
        "all noise patterns. DDPM, Algorithm 1 draws both anew in each iteration.",
        edits=(("t = torch.randint(", "torch.manual_seed(0)\nt = torch.randint("),),
    ),
    # x_t
    _loss(
        "network-fed-x0",
        edits=(("self.network(xt, t)", "self.network(x0, t)"),),
    ),
    _loss(
        "network-fed-noise",
        explanation="Your network seems to be given the noise itself, so it only learns to copy, and the loss falls to almost "
        "nothing. Compare the arguments of ε_θ in DDPM, Algorithm 1, line 5.",
        edits=(("self.network(xt, t)", "self.network(noise, t)"),),
    ),
    _loss(
        "x0-noised-twice",
        explanation="x_t seems to be noised a second time before your network sees it, so it is noisier than its t says. How "
        "often does DDPM, Algorithm 1 add noise?",
        edits=(("xt = self.q_sample(x0, t, noise)", "xt = self.q_sample(self.q_sample(x0, t, noise), t, noise)"),),
    ),
    _loss(
        "noise-added-unscaled",
        explanation="Your x_t seems to be x₀ plus noise at full strength, for every t. Compare with DDPM, Algorithm 1, line "
        "5, or use your q_sample.",
        edits=(("self.q_sample(x0, t, noise)", "x0 + noise"),),
    ),
    _loss(
        "uniform-noise-in-training",
        explanation="The noise in your training seems to be uniform, never negative, instead of normal. Compare with the "
        "distribution of ε in DDPM, Algorithm 1, line 4.",
        edits=(("torch.randn_like(x0)", "torch.rand_like(x0)"),),
    ),
    _loss(
        "one-noise-for-the-batch",
        explanation="All rows of your batch seem to get the same noise in training. Look at the shape of the noise that you "
        "draw.",
        edits=(("torch.randn_like(x0)", "torch.randn_like(x0[:1]).expand_as(x0)"),),
    ),
    _loss(
        "noise-half-as-strong",
        explanation="The noise in your training does not seem to have variance 1. Compare with the distribution of ε in DDPM, "
        "Algorithm 1, line 4; its scaling by t is for q_sample alone.",
        edits=(("torch.randn_like(x0)", "0.5 * torch.randn_like(x0)"),),
    ),
    _loss(
        "noise-in-float64",
        explanation="Your noise seems to be float64 for float32 data, and the network, whose weights are float32, refuses an x_t made of "
        "both. Look at how you draw it.",
        edits=(("torch.randn_like(x0)", "torch.randn_like(x0.double())"),),
    ),
    _loss(
        "two-t-for-the-batch",
        explanation="In each half of your batch all rows seem to have the same t. DDPM, Algorithm 1 draws one for every sample; look at "
        "how many different ones a batch has.",
        edits=(
            (
                _RANDINT,
                _RANDINT.replace("(x0.shape[0],)", "(2,)") + ".repeat_interleave((len(x0) + 1) // 2)[: len(x0)]",
            ),
        ),
    ),
    # Exceptions
    _loss(
        "loss-randint-size",
        explanation="The size of the t that you draw is given as a number. Every function of PyTorch that draws takes a size as a tuple, "
        "also for one dimension.",
        edits=((_RANDINT, _RANDINT.replace("(x0.shape[0],)", "x0.shape[0]")),),
        failure=RANDINT_SIZE,
    ),
    _loss(
        "loss-network-without-t",
        explanation="Your network is asked without t. Compare with the two arguments of ε_θ in DDPM, Algorithm 1, line 5.",
        edits=(("self.network(xt, t)", "self.network(xt)"),),
        failure=NETWORK_WITHOUT_T,
    ),
    *crashes(_loss, "loss", "var_scheduler.num_train_timesteps", "var_scheduler.T", "xt, t), noise"),
)
