"""Right solutions of another shape: those of ddpm.py, which both KAIST tasks share, and what is right for images only."""

from autograder.assignments.kaist.variants import VARIANTS as OF_DDPM
from autograder.grading.mutants import Variant


def _at_the_ends_of_images(body: str) -> str:
    return body.replace("(-6, 6)", "(-1, 1)").replace("-6.0, 6.0", "-1.0, 1.0")


(_WIDE,) = [variant for variant in OF_DDPM if variant.id == "clamped-estimates"]
VARIANTS = (
    *OF_DDPM,
    Variant(
        "estimates-clamped-to-images",
        "both steps clamp their estimate of x₀ at ±1, where images end",
        bodies={region: _at_the_ends_of_images(body) for region, body in _WIDE.bodies.items()},
    ),
)
