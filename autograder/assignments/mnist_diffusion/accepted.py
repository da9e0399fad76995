"""Changes of the solution that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

FOR_PICTURES = "Which steps a sampler keeps for an animation is left to the student, and so is whether it returns them."
ACCEPTED = (
    Accepted("class_conditional.py:ddpm_sample", ("if t % 20 == 0 or t in (num_ts, 1):",), (), FOR_PICTURES),
    Accepted("class_conditional.py:ddpm_sample", ("caches.append(x)",), (), FOR_PICTURES),
    Accepted("flow_matching.py:class_fm_sample", ("if i % 20 == 0 or i == num_ts - 1:",), (), FOR_PICTURES),
    Accepted("flow_matching.py:class_fm_sample", ("caches.append(x)",), (), FOR_PICTURES),
)
