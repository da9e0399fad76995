"""Changes of the solution that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

DESIGN = "The U-Net is the student's own design: checks hold what every one of the handout has, and leave widths, activations, biases and order open."
ACCEPTED = tuple(Accepted(f"{file}:UNet.{method}", (), (), DESIGN) for file in ("unet.py", "conditional.py") for method in ("__init__", "forward"))
