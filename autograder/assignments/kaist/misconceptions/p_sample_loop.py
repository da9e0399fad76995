"""Known wrong versions of the DDPM loop, p_sample_loop; see the docstring of this package."""

from autograder.assignments.kaist.misconceptions.exceptions import crashes
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas import P_SAMPLE_LOOP

_p_sample_loop = in_region("1-2", "ddpm.py:DiffusionModule.p_sample_loop", P_SAMPLE_LOOP)
MISCONCEPTIONS: tuple[Misconception, ...] = (
    _p_sample_loop(
        "start-from-zeros",
        edits=(("torch.randn(", "torch.zeros("),),
    ),
    _p_sample_loop(
        "start-from-uniform",
        edits=(("torch.randn(", "torch.rand("),),
    ),
    _p_sample_loop(
        "start-from-one-point",
        explanation="All of your samples seem to start from the same point. DDPM, Algorithm 2, line 1 draws x_T for each "
        "sample; look at the shape that you draw.",
        edits=(("torch.randn(shape, device=self.device)", "torch.randn(shape[1:], device=self.device).expand(shape)"),),
    ),
    _p_sample_loop(
        "start-too-weak",
        edits=(
            (
                "torch.randn(shape, device=self.device)",
                "torch.randn(shape, device=self.device) * self.var_scheduler.betas[-1].sqrt()",
            ),
        ),
    ),
    _p_sample_loop(
        "loop-stops-at-t-1",
        explanation="Your loop seems to stop before t = 0, so the last of the noise is never removed. DDPM, Algorithm 2 "
        "counts down to 1; to which t is that in this code, where t counts from 0?",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.timesteps[:-1]"),),
    ),
    _p_sample_loop(
        "loop-starts-late",
        explanation="Your loop seems to leave out its first step, t = T − 1. Print the t of every step and compare with DDPM, "
        "Algorithm 2, line 2.",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.timesteps[1:]"),),
    ),
    _p_sample_loop(
        "loop-from-T-to-1",
        explanation="Your loop seems to take the steps T, …, 1, as DDPM, Algorithm 2 is printed. In this code t counts from "
        "0; print the t of every step.",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.timesteps + 1"),),
    ),
    _p_sample_loop(
        "loop-from-T-to-0",
        explanation="Your loop seems to take one step too many: it starts at t = T, which is none of 0 … T−1. Print the t of "
        "every step.",
        edits=(("self.var_scheduler.timesteps", "range(self.var_scheduler.num_train_timesteps, -1, -1)"),),
    ),
    _p_sample_loop(
        "loop-upwards",
        explanation="Your loop seems to count up, from t = 0 to T − 1. Sampling goes from noise to data: compare with DDPM, "
        "Algorithm 2, line 2.",
        edits=(("self.var_scheduler.timesteps", "range(self.var_scheduler.num_train_timesteps)"),),
    ),
    _p_sample_loop(
        "loop-skips-steps",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.timesteps[::2]"),),
    ),
    _p_sample_loop(
        "single-step",
        is_no_work=True,
        edits=(("xt = self.p_sample(xt, t)", "xt = self.p_sample(xt, t)\n    return xt"),),
    ),
    _p_sample_loop(
        "loop-empty",
        is_no_work=True,
        explanation="Your sampling seems to return the noise that it starts from: no step is taken. Look at what is inside "
        "your loop.",
        edits=(("xt = self.p_sample(xt, t)", "pass"),),
    ),
    _p_sample_loop(
        "step-result-thrown-away",
        explanation="Your loop seems to call p_sample and not to keep what it returns, so every step starts from the same x. "
        "Look at what the step's result is assigned to.",
        edits=(("xt = self.p_sample(xt, t)", "self.p_sample(xt, t)"),),
    ),
    _p_sample_loop(
        "every-step-from-x-T",
        explanation="Each of your steps seems to start from x_T again instead of from the result of the step before. Look at "
        "which variable goes into p_sample.",
        edits=(("return xt", "return x"), ("xt = self.p_sample(xt, t)", "x = self.p_sample(xt, t)")),
    ),
    _p_sample_loop(
        "same-noise-in-every-step",
        explanation="Your steps seem to use the same random numbers over and over, as a seed that is set inside the loop "
        "makes them. DDPM, Algorithm 2, line 3 draws a new z in each step.",
        edits=(("xt = self.p_sample(xt, t)", "torch.manual_seed(0)\n    xt = self.p_sample(xt, t)"),),
    ),
    _p_sample_loop(
        "noise-added-in-loop-too",
        explanation="Your loop seems to add noise of its own to what p_sample returns, which holds its noise already. Compare "
        "with DDPM, Algorithm 2: how many z are there in each step?",
        edits=(
            (
                "xt = self.p_sample(xt, t)",
                "xt = self.p_sample(xt, t)\n    xt = xt + (t > 0) * self.var_scheduler.betas[t].sqrt() * torch.randn_like(xt)",
            ),
        ),
    ),
    _p_sample_loop(
        "result-clamped-to-one",
        explanation="Your samples seem to be cut off at ±1, as codes for images do at the end. Look at how far the points of "
        "this data set reach.",
        edits=(("return xt", "return xt.clamp(-1, 1)"),),
    ),
    _p_sample_loop(
        "returns-all-states",
        explanation="Your loop seems to return the states of all steps together. The docstring of p_sample_loop says which of "
        "them is asked for.",
        edits=(
            ("for t in", "states = [xt]\nfor t in"),
            ("return xt", "return torch.stack(states)"),
            ("xt = self.p_sample(xt, t)", "xt = self.p_sample(xt, t)\n    states.append(xt)"),
        ),
    ),
    _p_sample_loop(
        "loop-without-return",
        explanation="Your loop seems to end without giving its result back. Follow your code to its last line.",
        edits=(("return xt", "pass"),),
    ),
    _p_sample_loop(
        "shape-ignored",
        explanation="Your samples seem to have a fixed shape, whatever shape is asked for. Look at where the shape of x_T "
        "comes from.",
        edits=(("torch.randn(shape,", "torch.randn((2048, 2),"),),
    ),
    _p_sample_loop(
        "loop-sets-the-seed",
        explanation="Your loop seems to set the seed of the random generator, so every call gives the same samples. Whoever wants the "
        "same samples again sets the seed outside.",
        edits=(("xt = torch.randn", "torch.manual_seed(42)\nxt = torch.randn"),),
    ),
    _p_sample_loop(
        "start-in-float64",
        explanation="Your x_T seems to be float64, and the network, whose weights are float32, refuses it. Look at how you draw it.",
        edits=(("device=self.device)", "device=self.device, dtype=torch.float64)"),),
    ),
    _p_sample_loop(
        "loop-for-points-only",
        explanation="Your loop seems to keep only the first entry of shape and to take the second for granted. Asked for images it must "
        "start from noise of the whole shape.",
        edits=(("torch.randn(shape,", "torch.randn(shape[0], 2,"),),
    ),
    _p_sample_loop(
        "loop-turns-the-schedule-round",
        explanation="The first run of your loop seems right, and the second goes the other way. Look at whether it changes something "
        "that outlives the call.",
        body="""
self.var_scheduler.timesteps = self.var_scheduler.timesteps.flip(0)
xt = torch.randn(shape, device=self.device)
for t in self.var_scheduler.timesteps.flip(0):
    xt = self.p_sample(xt, t)
return xt
""",
    ),
    _p_sample_loop(
        "loop-of-thousand-steps",
        explanation="Your loop seems to take a thousand steps whatever the schedule is. The number of time steps stands in the scheduler.",
        edits=(("self.var_scheduler.timesteps", "range(999, -1, -1)"),),
    ),
    _p_sample_loop(
        "loop-over-a-number",
        explanation="Your loop is given the number of time steps, and `for` wants the time steps themselves. Look at what else the scheduler has, "
        "or at range.",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.num_train_timesteps"),),
        failure=("TypeError", "'int' object is not iterable"),
    ),
    *crashes(_p_sample_loop, "loop", "var_scheduler.timesteps", "var_scheduler.steps", "return xt"),
)
