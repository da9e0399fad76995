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
    Variant(
        "results-clamped-to-images",
        "both loops clamp what they return at ±1, where images end",
        bodies={
            "ddpm.py:DiffusionModule.p_sample_loop": """
                xt = torch.randn(shape, device=self.device)
                for t in self.var_scheduler.timesteps:
                    xt = self.p_sample(xt, t)
                return xt.clamp(-1, 1)
            """,
            "ddpm.py:DiffusionModule.ddim_p_sample_loop": """
                xt = torch.randn(shape, device=self.device)
                for t, t_prev in zip(timesteps, prev_timesteps):
                    xt = self.ddim_p_sample(xt, t, t_prev, eta)
                return torch.clamp(xt, -1.0, 1.0)
            """,
        },
    ),
)
