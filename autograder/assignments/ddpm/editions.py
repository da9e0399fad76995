"""The other editions of ddpm.py: the original course's, KAIST CS479 in 2023 and 2024, and those of its forks.

The stubs are written down by what they do. In the original they also look up α_t or ᾱ_t, call the network, draw t or go through the
time steps, none of which has an effect on their result.
"""

from autograder.submission.editions import Edition

EDITIONS = (
    Edition(
        "KAIST CS479, 2023 and 2024",
        stubs={
            "ddpm.py": """
class DiffusionModule:
    def q_sample(self, x0, t, noise=None):
        return x0

    def p_sample(self, xt, t):
        return xt

    def p_sample_loop(self, shape):
        return torch.zeros(shape)

    def ddim_p_sample(self, xt, t, t_prev, eta=0.0):
        return xt

    def ddim_p_sample_loop(self, shape, num_inference_timesteps=50, eta=0.0):
        return torch.zeros(shape)

    def compute_loss(self, x0):
        return x0.mean()
"""
        },
        given={
            "ddpm.py": {
                "extract": "c5cab84451da57b3",
                "BaseScheduler.__init__": "0e3823da34892c17",
                "DiffusionModule.__init__": "052f53f0c3fc7b0b",
                "DiffusionModule.save": "d513f48315587ed7",
                "DiffusionModule.load": "996e493d842f18c2",
            }
        },
    ),
    Edition(
        "the same with torch.load(…, weights_only=False), which PyTorch 2.6 asks for",
        given={"ddpm.py": {"DiffusionModule.load": "134ab1ef07a76743"}},
    ),
    Edition(
        "NYCU, Image and Video Generation, 2025: names that are never bound, or None; DDIM as in the original",
        stubs={
            "ddpm.py": """
class DiffusionModule:
    def p_sample(self, xt, t):
        return x_t_prev

    def p_sample_loop(self, shape):
        return None

    def compute_loss(self, x0):
        return None
"""
        },
    ),
)
