"""Faster sampling with a trained DDPM: DDIM (Song, Meng, Ermon 2021), a bonus task."""

import torch

from .ddpm import DDPM


class DDIM(DDPM):
    """DDPM with a sampler that takes few of its T steps."""

    @torch.no_grad()
    def p_sample(self, x, label, t, t_prev, eta=0.0):
        """One step: x at t_prev of x at t, (B, C, H, W). label: (B,). t, t_prev: (B,), whole numbers; t_prev = −1 is clean data, ᾱ = 1.

        eta: η, how much of the noise of DDPM is added; 0 is the deterministic step.
        """
        ######## TODO ddim: DDIM.p_sample ########
        # DDIM, Eq. 12 with σ of Eq. 16: x̂_0 from x and the noise that self.model(x, label, t) finds, the direction to x_t, and σ times fresh
        # noise. ᾱ_t is the square of sqrt_alphas_cumprod. (about 8 lines)
        raise NotImplementedError("TODO ddim: DDIM.p_sample")
        ######## END TODO ########

    def _alpha_bar(self, t, x_shape):
        """ᾱ_t as a shape that multiplies x; 1 where t is −1."""
        bar = self._extract(self.sqrt_alphas_cumprod, t.clamp(min=0), x_shape) ** 2
        return torch.where(t.reshape(bar.shape) < 0, torch.ones_like(bar), bar)

    @torch.no_grad()
    def p_sample_loop(self, labels, num_steps=50, eta=0.0):
        """One image for each label, (B, C, H, W), in 0 … 1, in num_steps of the T steps, from t = T − 1 or near it to clean data."""
        device = next(self.model.parameters()).device
        labels = torch.as_tensor(labels, device=device)
        ######## TODO ddim: DDIM.p_sample_loop ########
        # Choose num_steps of the times 0 … T − 1, evenly. Start from noise, of the shape (B, *self.img_shape), and step from each time to the
        # next smaller one, in the end to −1. Then as in DDPM.p_sample_loop. (about 9 lines)
        raise NotImplementedError("TODO ddim: DDIM.p_sample_loop")
        ######## END TODO ########
