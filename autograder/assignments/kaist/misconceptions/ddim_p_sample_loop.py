"""Known wrong versions of the DDIM loop, ddim_p_sample_loop; see the docstring of this package."""

from autograder.assignments.kaist.misconceptions.exceptions import crashes
from autograder.grading.mutants import Misconception, in_region

_ddim_loop = in_region("1-3", "ddpm.py:DiffusionModule.ddim_p_sample_loop")
_DDIM_STEP = "xt = self.ddim_p_sample(xt, t, t_prev, eta)"
MISCONCEPTIONS: tuple[Misconception, ...] = (
    _ddim_loop(
        "ddim-start-from-zeros",
        explanation="Your sampling seems to start from zeros, so with η = 0 all samples are the same point. Compare with x_T "
        "in DDIM, Sec. 4.1.",
        edits=(("torch.randn(", "torch.zeros("),),
    ),
    _ddim_loop(
        "ddim-start-from-uniform",
        explanation="Your sampling seems to start from uniform random numbers. Compare the distribution of x_T in the "
        "handout.",
        edits=(("torch.randn(", "torch.rand("),),
    ),
    _ddim_loop(
        "ddim-loop-empty",
        is_no_work=True,
        explanation="Your sampling seems to return the noise that it starts from: the loop takes no step. Look at what is "
        "inside it.",
        edits=((_DDIM_STEP, "pass"),),
    ),
    _ddim_loop(
        "eta-not-passed-on",
        explanation="Your loop seems to take deterministic steps, whatever η it was called with. Look at what each call of "
        "ddim_p_sample is given.",
        edits=(("t_prev, eta)", "t_prev)"),),
    ),
    _ddim_loop(
        "eta-always-1",
        explanation="Your loop seems to take its steps with η = 1, whatever η it was called with. Look at what each call of "
        "ddim_p_sample is given.",
        edits=(("t_prev, eta)", "t_prev, 1.0)"),),
    ),
    _ddim_loop(
        "ddim-loop-upwards",
        explanation="Your loop seems to go from small t to large t. Sampling goes from noise to data; print the pairs (t, "
        "t_prev) that it takes.",
        edits=(("zip(timesteps, prev_timesteps)", "zip(timesteps.flip(0), prev_timesteps.flip(0))"),),
    ),
    _ddim_loop(
        "ddim-loop-stops-early",
        explanation="Your loop seems to leave out its last step, the one to clean data. Print the pairs (t, t_prev) that it "
        "takes, and count them.",
        edits=(("zip(timesteps, prev_timesteps)", "zip(timesteps[:-1], prev_timesteps[:-1])"),),
    ),
    _ddim_loop(
        "ddim-loop-starts-late",
        explanation="Your loop seems to leave out its first step, the one at the largest t. Print the pairs (t, t_prev) that "
        "it takes, and count them.",
        edits=(("zip(timesteps, prev_timesteps)", "zip(timesteps[1:], prev_timesteps[1:])"),),
    ),
    _ddim_loop(
        "ddim-step-too-many",
        explanation="Your loop seems to take one step more than it was asked for. Print the pairs (t, t_prev) that it takes, "
        "and count them.",
        edits=(("return xt", "xt = self.ddim_p_sample(xt, timesteps[-1], prev_timesteps[-1], eta)\nreturn xt"),),
    ),
    _ddim_loop(
        "ddim-takes-all-timesteps",
        explanation="Your loop seems to step through every t, as DDPM does. The point of DDIM is to take "
        "num_inference_timesteps of them; look at the two lists above the TODO.",
        edits=(
            (
                "zip(timesteps, prev_timesteps)",
                "zip(self.var_scheduler.timesteps, self.var_scheduler.timesteps - 1)",
            ),
        ),
    ),
    _ddim_loop(
        "ddim-stride-from-the-top",
        explanation="Your loop seems to count down from T − 1 by a fixed stride until it reaches 0. When T is no multiple of "
        "the number of steps that gives another number of steps; try T = 23 with 5 steps.",
        edits=(
            (
                "for t, t_prev in zip(timesteps, prev_timesteps):",
                "for t in range(self.var_scheduler.num_train_timesteps - 1, -1, -int(step_ratio)):\n    t_prev = t - int(step_ratio)",
            ),
        ),
    ),
    _ddim_loop(
        "ddim-fifty-steps-always",
        explanation="Your loop seems to take a number of steps that does not depend on num_inference_timesteps. Call it with "
        "10 and count the steps.",
        edits=(
            (
                "zip(timesteps, prev_timesteps)",
                "zip(range(980, -1, -20), range(960, -21, -20))",
            ),
        ),
    ),
    _ddim_loop(
        "ddim-t-prev-is-t-minus-1",
        explanation="Each of your steps seems to aim at t − 1, while the next one starts further down. Print the pairs (t, "
        "t_prev) and see whether they join.",
        edits=(("t, t_prev, eta)", "t, t - 1, eta)"),),
    ),
    _ddim_loop(
        "ddim-t-prev-clamped-in-loop",
        explanation="Your last step seems to aim at t = 0 and not at clean data. Read in the comment above the TODO what a "
        "t_prev below 0 means.",
        edits=(("t, t_prev, eta)", "t, t_prev.clamp(min=0), eta)"),),
    ),
    _ddim_loop(
        "ddim-arguments-exchanged",
        explanation="t and t_prev seem to have changed places in your call of ddim_p_sample. Compare with its signature.",
        edits=(("t, t_prev, eta)", "t_prev, t, eta)"),),
    ),
    _ddim_loop(
        "ddim-loop-calls-p-sample",
        explanation="Your loop seems to take DDPM steps, each of which goes back by one t only, at the few t of DDIM. Look at "
        "which function it calls.",
        edits=((_DDIM_STEP, "xt = self.p_sample(xt, t)"),),
    ),
    _ddim_loop(
        "ddim-step-result-thrown-away",
        explanation="Your loop seems to call ddim_p_sample and not to keep what it returns, so every step starts from the "
        "same x. Look at what the step's result is assigned to.",
        edits=((_DDIM_STEP, "self.ddim_p_sample(xt, t, t_prev, eta)"),),
    ),
    _ddim_loop(
        "ddim-single-step",
        is_no_work=True,
        explanation="Your loop seems to end after its first step. Look at how far `return` is indented.",
        edits=((_DDIM_STEP, _DDIM_STEP + "\n    return xt"),),
    ),
    _ddim_loop(
        "ddim-same-noise-in-every-step",
        explanation="With η > 0 your steps seem to use the same random numbers over and over, as a seed that is set inside the "
        "loop makes them. In DDIM, Eq. 12 each step draws its own ε_t.",
        edits=((_DDIM_STEP, "torch.manual_seed(0)\n    " + _DDIM_STEP),),
    ),
    _ddim_loop(
        "ddim-noise-added-in-loop",
        explanation="Each of your steps seems to add new noise of the loop's own. With η = 0, DDIM has no noise after x_T; "
        "and with η > 0 the step itself adds it.",
        edits=((_DDIM_STEP, _DDIM_STEP + "\n    xt = xt + 0.1 * torch.randn_like(xt)"),),
    ),
    _ddim_loop(
        "ddim-result-clamped-to-one",
        explanation="Your samples seem to be cut off at ±1, as codes for images do at the end. Look at how far the points of "
        "this data set reach.",
        edits=(("return xt", "return xt.clamp(-1, 1)"),),
    ),
    _ddim_loop(
        "ddim-loop-without-return",
        explanation="Your loop seems to end without giving its result back. Follow your code to its last line.",
        edits=(("return xt", "pass"),),
    ),
    _ddim_loop(
        "ddim-loop-sets-the-seed",
        explanation="Your loop seems to set the seed of the random generator, so every call gives the same samples. Whoever wants the "
        "same samples again sets the seed outside.",
        edits=(("xt = torch.randn", "torch.manual_seed(0)\nxt = torch.randn"),),
    ),
    _ddim_loop(
        "ddim-start-in-float64",
        explanation="Your x_T seems to be float64, and the network, whose weights are float32, refuses it. Look at how you draw it.",
        edits=(("device=self.device)", "device=self.device, dtype=torch.float64)"),),
    ),
    _ddim_loop(
        "ddim-loop-argument-missing",
        explanation="ddim_p_sample is called with too few arguments. Compare your call with its signature: it wants t and t_prev.",
        edits=((_DDIM_STEP, "xt = self.ddim_p_sample(xt, t, eta=eta)"),),
        failure=(
            "RuntimeError|TypeError",
            r"(the call does not fit: )?(\w+\.)?ddim_p_sample\(\) missing \d required positional arguments?: .*",
        ),
    ),
    *crashes(_ddim_loop, "ddim-loop", "self.device", "self.var_scheduler.dev", "return xt"),
)
