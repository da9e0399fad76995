"""The other editions of ddpm.py: the original course's, KAIST CS479 in 2023 and 2024, and those of its forks.

The stubs are written down by what they do, with what has no effect on their result: they look up α_t or ᾱ_t, call the network, draw t or go
through the time steps.
"""

from autograder.submission.editions import Edition

EDITIONS = (
    Edition(
        "KAIST CS479, 2023 and 2024",
        stubs={
            "ddpm.py": """
class DiffusionModule:
    def q_sample(self, x0, t, noise=None):
        alpha_bar = extract(self.var_scheduler.alphas_cumprod, t, x0)
        return x0

    def p_sample(self, xt, t):
        t = torch.tensor([t]).to(self.device) if isinstance(t, int) else t
        alpha, alpha_bar = extract(self.var_scheduler.alphas, t, xt), extract(self.var_scheduler.alphas_cumprod, t, xt)
        factor, eps = (1 - alpha) / (1 - alpha_bar).sqrt(), self.network(xt, t)
        return xt

    def p_sample_loop(self, shape):
        return torch.zeros(shape).to(self.device)

    def ddim_p_sample(self, xt, t, t_prev, eta=0.0):
        now = extract(self.var_scheduler.alphas_cumprod, t, xt)
        before = extract(self.var_scheduler.alphas_cumprod, t_prev, xt) if t_prev >= 0 else torch.ones_like(now)
        return xt

    def ddim_p_sample_loop(self, shape, num_inference_timesteps=50, eta=0.0):
        ratio = self.var_scheduler.num_train_timesteps // num_inference_timesteps
        steps = (np.arange(0, num_inference_timesteps) * ratio).round()[::-1].copy().astype(np.int64)
        steps, earlier = torch.from_numpy(steps), torch.from_numpy(steps) - ratio
        for t, t_prev in zip(steps, earlier):
            pass
        return torch.zeros(shape).to(self.device)

    def compute_loss(self, x0):
        t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],)).to(x0.device).long()
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
        beta, earlier = extract(self.var_scheduler.betas, t, xt), (t - 1).clamp(min=0)
        now, before = extract(self.var_scheduler.alphas_cumprod, t, xt), extract(self.var_scheduler.alphas_cumprod, earlier, xt)
        return x_t_prev

    def p_sample_loop(self, shape):
        xt = torch.randn(shape).to(self.device)
        return None

    def compute_loss(self, x0):
        t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],)).to(x0.device).long()
        return None
"""
        },
    ),
)
