"""Known mistakes in the equations of DDPM and DDIM, as formulas of the schedule for the numbers that the judgements measure.

They explain any course's code, in whichever right form the rest of it is: either variance, β_t or β̃_t, the mean by way of ε or of x_0.
What a student reads about each stands with its formula; a course may say it in the words of its own files, with the misconception of the
same id. A judgement gives its Note the schedule as inputs["schedule"]; the names of the numbers are those below.

    q_sample        "x_0 at t", "ε at t": the factors in x_t = c x_0 + d ε
    p_sample        "a at t", "b at t", "σ at t": of the step a x_t − b ε_θ + σ z; "t fed at t": what the network got; "σ over √β": the
                    root mean square of σ_t/√β_t over all steps but the last
    ddim_p_sample   "a at t, t_prev, η", and so on, and "offset at …", the mean of what is neither x_t nor ε_θ; without η where it is 0
    loops           "t": the times of the steps; "number of steps"; "calls of the network", also those with equal x; "x_T spread"
    compute_loss    "x_t is x_0": 1 where the network got clean data; "loss", of inputs["x0"], ["noise"], ["eps_hat"], ["xt"],
                    ["noise_level"] = 1 − ᾱ_t of each row; "range of t": least t, largest t − T, both from the first t; "kinds of t"

    guidance        "weight of the label at γ …": its share of the two answers' weights, less γ; "sum of the weights at γ …", of right ones 1; of
                    inputs["guidance scale"]

Where one function holds several of these algorithms, `grading.formulas.together` makes one of them; a loop with the step inside is SAMPLING.
"""

from autograder.grading.formulas import Algorithm
from autograder.judges.formulas.ddim_step import DDIM_P_SAMPLE
from autograder.judges.formulas.ddpm_loop import P_SAMPLE_LOOP
from autograder.judges.formulas.ddpm_step import P_SAMPLE
from autograder.judges.formulas.forward_process import Q_SAMPLE
from autograder.judges.formulas.guidance import GUIDANCE
from autograder.judges.formulas.loss import COMPUTE_LOSS
from autograder.judges.formulas.sampling import SAMPLING

ALGORITHMS: dict[str, Algorithm] = {
    "q_sample": Q_SAMPLE,
    "p_sample": P_SAMPLE,
    "p_sample_loop": P_SAMPLE_LOOP,
    "ddim_p_sample": DDIM_P_SAMPLE,
    "compute_loss": COMPUTE_LOSS,
}

__all__ = ["ALGORITHMS", "COMPUTE_LOSS", "DDIM_P_SAMPLE", "GUIDANCE", "P_SAMPLE", "P_SAMPLE_LOOP", "Q_SAMPLE", "SAMPLING"]
