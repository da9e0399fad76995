"""Known wrong versions of the forward process, q_sample; see the docstring of this package."""

from autograder.assignments.kaist.misconceptions.exceptions import INDEX_NOT_INTEGER, crashes
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas import Q_SAMPLE

_q_sample = in_region("1-2", "ddpm.py:DiffusionModule.q_sample", Q_SAMPLE)
MISCONCEPTIONS: tuple[Misconception, ...] = (
    _q_sample(
        "root-missing-on-x0",
        edits=(("alphas_cumprod_t.sqrt() * x0", "alphas_cumprod_t * x0"),),
    ),
    _q_sample(
        "root-missing-on-noise",
        edits=(("(1 - alphas_cumprod_t).sqrt() * noise", "(1 - alphas_cumprod_t) * noise"),),
    ),
    _q_sample(
        "both-roots-missing",
        body="""
            alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
            return alphas_cumprod_t * x0 + (1 - alphas_cumprod_t) * noise
        """,
    ),
    _q_sample(
        "root-inside-the-difference",
        edits=(("(1 - alphas_cumprod_t).sqrt() * noise", "(1 - alphas_cumprod_t.sqrt()) * noise"),),
    ),
    _q_sample(
        "x0-and-noise-swapped",
        body="""
            alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
            return (1 - alphas_cumprod_t).sqrt() * x0 + alphas_cumprod_t.sqrt() * noise
        """,
    ),
    _q_sample(
        "q-alpha-for-alpha-bar",
        edits=(("self.var_scheduler.alphas_cumprod", "self.var_scheduler.alphas"),),
    ),
    _q_sample(
        "q-beta-for-alpha-bar",
        explanation="Your x_t seems to be made with β_t in the place of ᾱ_t. Look at which of the scheduler's tables stands "
        "for which symbol of DDPM, Eq. 4.",
        edits=(("self.var_scheduler.alphas_cumprod", "self.var_scheduler.betas"),),
    ),
    _q_sample(
        "q-product-of-betas",
        explanation="Your ᾱ_t seems to be a running product of the β. Read in DDPM, above Eq. 4, what ᾱ_t is the product of; "
        "the scheduler has it ready.",
        edits=(("self.var_scheduler.alphas_cumprod", "self.var_scheduler.betas.cumprod(dim=0)"),),
    ),
    _q_sample(
        "q-of-step-before",
        explanation="Your x_t seems to have the noise of the step before, t − 1. In this code t counts from 0, so the table's "
        "entry t belongs to t.",
        edits=((", t, x0)", ", (t - 1).clamp(min=0), x0)"),),
    ),
    _q_sample(
        "q-index-minus-one",
        explanation="Your x_t seems to have the noise of the step before, t − 1, and at t = 0 that of the very last step: an "
        "index of −1 reads a table from its end. In this code t counts from 0.",
        edits=((", t, x0)", ", t - 1, x0)"),),
    ),
    _q_sample(
        "q-t-of-first-row-for-all",
        edits=((", t, x0)", ", t[:1], x0)"),),
    ),
    _q_sample(
        "q-not-shaped-for-the-batch",
        explanation="Your code seems to multiply one number for each row, shape (B,), with x₀ of shape (B, …), which pairs "
        "them up wrongly or not at all. Look at the shapes of both, and at what extract is for.",
        edits=(("extract(self.var_scheduler.alphas_cumprod, t, x0)", "self.var_scheduler.alphas_cumprod[t]"),),
    ),
    _q_sample(
        "noise-argument-ignored",
        explanation="Your x_t seems to hold other noise than the noise that q_sample was given. The loss compares with the "
        "noise that it passes in; look at where your noise comes from.",
        edits=(("sqrt() * noise", "sqrt() * torch.randn_like(x0)"),),
    ),
    _q_sample(
        "noise-subtracted",
        edits=(("* x0 +", "* x0 -"),),
    ),
    _q_sample(
        "noise-left-out",
        edits=((" + (1 - alphas_cumprod_t).sqrt() * noise", ""),),
    ),
    _q_sample(
        "x0-not-scaled-down",
        edits=(("alphas_cumprod_t.sqrt() * x0", "x0"),),
    ),
    _q_sample(
        "noise-of-one-step",
        edits=(("(1 - alphas_cumprod_t).sqrt() * noise", "extract(self.var_scheduler.betas, t, x0).sqrt() * noise"),),
    ),
    _q_sample(
        "q-changes-x0",
        explanation="Your code seems to write x_t over the x₀ that it was given, so the data of whoever called it is gone. Look for an "
        "operation that works in place.",
        body="""
alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
x0 *= alphas_cumprod_t.sqrt()
x0 += (1 - alphas_cumprod_t).sqrt() * noise
return x0
""",
    ),
    _q_sample(
        "q-changes-noise",
        explanation="Your code seems to scale the very noise that it was given, so the loss then compares with scaled noise. Look for "
        "an operation that works in place.",
        body="""
alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
noise *= (1 - alphas_cumprod_t).sqrt()
return alphas_cumprod_t.sqrt() * x0 + noise
""",
    ),
    _q_sample(
        "q-result-in-float64",
        explanation="Your x_t seems to be float64 where x₀ is float32, and the network's weights are float32. Compare the dtype of what "
        "goes in with that of what comes out.",
        edits=(("self.var_scheduler.alphas_cumprod, t", "self.var_scheduler.alphas_cumprod.double(), t"),),
    ),
    _q_sample(
        "q-sets-the-seed",
        explanation="Your code seems to set the seed of the random generator, so all that is drawn afterwards is the same again and "
        "again, in the training too. Look for the line that does.",
        edits=(("return ", "torch.manual_seed(0)\nreturn "),),
    ),
    _q_sample(
        "q-clean-at-t-0",
        explanation="Your x_t seems to be x₀ itself at the first time step. Counting from 0, that one is the paper's first step, which already "
        "has noise in it; see the table of the handout's conventions.",
        edits=(
            ("return ", "xt = "),
            ("sqrt() * noise", "sqrt() * noise\nreturn torch.where((t == 0).reshape(alphas_cumprod_t.shape), x0, xt)"),
        ),
    ),
)

MISCONCEPTIONS += (
    _q_sample(
        "q-for-points-only",
        explanation="Your factors seem to have the shape (B, 1), which multiplies points, (B, 2), and nothing with more dimensions. Look at "
        "how extract shapes what it returns.",
        edits=(
            ("extract(self.var_scheduler.alphas_cumprod, t, x0)", "self.var_scheduler.alphas_cumprod[t].view(-1, 1)"),
        ),
    ),
    _q_sample(
        "q-index-not-integer",
        explanation="Your code looks into a table with a t that is no integer. Look at what is done to t before it is used as an index.",
        edits=(("extract(self.var_scheduler.alphas_cumprod, t, x0)", "self.var_scheduler.alphas_cumprod[t.float()]"),),
        failure=INDEX_NOT_INTEGER,
    ),
    *crashes(_q_sample, "q", "var_scheduler.alphas_cumprod", "var_scheduler.alpha_bar", "* x0"),
)
