"""Changes of the solution that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

WHICH_ARE_KEPT = "Which steps of a sampler are kept for a picture is left to the student; the last one is judged."
ACCEPTED = (
    Accepted("flow_matching.py:class_fm_sample", ("if i % 20 == 0 or i == num_ts - 1:",), (), WHICH_ARE_KEPT),
    Accepted("flow_matching.py:time_fm_sample", ("if i % 20 == 0 or i == num_ts - 1:",), (), WHICH_ARE_KEPT),
)
