"""Changes of the solution that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

FOR_PICTURES = "Which steps a sampler keeps for an animation is left to the student, and so is whether it returns them."
TURNED = "A transposed convolution of stride 1 is a convolution, whose kernel is stored the other way round."
LAST = "self.out = nn.Conv2d(D, C, 3, 1, 1)"
NETWORKS = ("UnconditionalUNet", "TimeConditionalUNet", "ClassConditionalUNet")
ACCEPTED = (
    *(Accepted(f"unet.py:{network}.__init__", (LAST,), (LAST.replace("Conv2d", "ConvTranspose2d"),), TURNED) for network in NETWORKS),
    Accepted("class_conditional.py:ddpm_sample", ("if t % 20 == 0 or t in (num_ts, 1):",), (), FOR_PICTURES),
    Accepted("class_conditional.py:ddpm_sample", ("caches.append(x)",), (), FOR_PICTURES),
    Accepted("flow_matching.py:class_fm_sample", ("if i % 20 == 0 or i == num_ts - 1:",), (), FOR_PICTURES),
    Accepted("flow_matching.py:class_fm_sample", ("caches.append(x)",), (), FOR_PICTURES),
)
