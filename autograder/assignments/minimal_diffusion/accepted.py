"""Changes of the solution that no check of behaviour should see; see docs/generated-mutants.md."""

from autograder.grading.generated.accepted import Accepted

WIDTHS = "How wide the levels are is left to the student: checks hold what every U-Net of the handout has, whatever its widths."
LEVELS = "self.downs = nn.ModuleList(down_block(channels) for channels in (72, 96, 128, 196))"
ACCEPTED = tuple(Accepted(f"{file}:UNet.__init__", (LEVELS,), (), WIDTHS) for file in ("unet.py", "conditional.py"))
