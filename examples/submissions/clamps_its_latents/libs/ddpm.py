"""DDPM on images, or in the latent space of an autoencoder (Ho, Jain, Abbeel 2020; Rombach et al. 2022).

t counts from 0 to T − 1 and x_0 is a clean image, or its latent. Images are (B, C, H, W): in −1 … 1 where the diffusion is one of pixels, in
0 … 1 where an autoencoder comes first (`use_vae`), since that is what it takes and gives.
"""

import torch
import torch.nn.functional as F
from torch import nn

from .tiny_autoencoder import TAESD
from .unet import UNet


class DDPM(nn.Module):
    """A U-Net with its schedule, its training loss and its sampler.

    img_shape: (C, H, W) of the images. With use_vae the attribute of this name is the shape of their latents, (4, H/8, W/8), and `vae` is the
    frozen autoencoder: vae.encoder makes latents of images, vae.decoder images of latents. The other arguments are those of UNet.
    """

    def __init__(
        self,
        img_shape=(3, 32, 32),
        timesteps=100,
        dim=64,
        context_dim=64,
        num_classes=10,
        dim_mults=(1, 2, 4),
        attn_levels=(0, 1),
        use_vae=False,
        vae_encoder_weights=None,
        vae_decoder_weights=None,
    ):
        super().__init__()
        self.timesteps, self.use_vae = timesteps, use_vae
        self.img_shape = (4, img_shape[1] // 8, img_shape[2] // 8) if use_vae else tuple(img_shape)
        self.vae = TAESD(vae_encoder_weights, vae_decoder_weights).requires_grad_(False) if use_vae else None
        channels = self.img_shape[0]
        self.model = UNet(
            dim, context_dim, num_classes, in_channels=channels, out_channels=channels, dim_mults=dim_mults, attn_levels=attn_levels
        )
        for name, table in schedule(timesteps, quadratic=use_vae).items():
            self.register_buffer(name, table, persistent=False)  # (T,), on the device of the model

    @staticmethod
    def _extract(a, t, x_shape):
        """a[t] with a shape that multiplies x: (B, 1, 1, 1). a: one of the tables; t: (B,)."""
        return a[t].reshape(-1, *(1,) * (len(x_shape) - 1))

    def q_sample(self, x_start, t, noise=None):
        """x_t of x_0, (B, C, H, W). t: (B,). noise: ε, like x_start; drawn where it is not given."""
        if noise is None:
            noise = torch.randn_like(x_start)
        ######## TODO 2: DDPM.q_sample ########
        # DDPM, Eq. 4. The tables sqrt_alphas_cumprod and sqrt_one_minus_alphas_cumprod have what you need; _extract fits them to x.
        # (about 3 lines)
        of_x0 = self._extract(self.sqrt_alphas_cumprod, t, x_start.shape)
        of_noise = self._extract(self.sqrt_one_minus_alphas_cumprod, t, x_start.shape)
        return of_x0 * x_start + of_noise * noise
        ######## END TODO ########

    def compute_loss(self, x_start, label, t, noise=None):
        """The training loss, a scalar.

        x_start: images, (B, C, H, W). label: (B,). t: (B,). noise: ε, drawn where it is not given; it has the shape of what noise is added to.
        """
        ######## TODO 4: DDPM.compute_loss ########
        # DDPM, Algorithm 1, line 5: the mean squared error between ε and the answer of self.model(x_t, label, t).
        # Task 5: with self.use_vae, the diffusion is one of latents, self.vae.encoder(x_start).
        # (about 6 lines)
        if self.use_vae:
            with torch.no_grad():
                x_start = self.vae.encoder(x_start)
        noise = torch.randn_like(x_start) if noise is None else noise
        x_t = self.q_sample(x_start, t, noise)
        return F.mse_loss(self.model(x_t, label, t), noise)
        ######## END TODO ########

    @torch.no_grad()
    def p_sample(self, x, label, t, t_index):
        """One step of the sampler: x_{t−1} of x_t, (B, C, H, W). label: (B,). t: (B,), all entries equal to t_index, an integer."""
        ######## TODO 3: DDPM.p_sample ########
        # DDPM, Eq. 11 and Algorithm 2: the mean from x_t and the noise that self.model(x, label, t) finds in it, and fresh noise of the
        # variance posterior_variance, except where t_index is 0. The tables betas, sqrt_recip_alphas and sqrt_one_minus_alphas_cumprod
        # have the factors. (about 7 lines)
        beta = self._extract(self.betas, t, x.shape)
        of_noise = beta / self._extract(self.sqrt_one_minus_alphas_cumprod, t, x.shape)
        mean = self._extract(self.sqrt_recip_alphas, t, x.shape) * (x - of_noise * self.model(x, label, t))
        if t_index == 0:
            return mean
        return mean + self._extract(self.posterior_variance, t, x.shape).sqrt() * torch.randn_like(x)
        ######## END TODO ########

    @torch.no_grad()
    def p_sample_loop(self, labels):
        """One image for each label, (B, C, H, W), in 0 … 1. labels: (B,)."""
        device = next(self.model.parameters()).device
        labels = torch.as_tensor(labels, device=device)
        ######## TODO 3: DDPM.p_sample_loop ########
        # DDPM, Algorithm 2: start from noise, of the shape (B, *self.img_shape), and take the step p_sample for t = T − 1, …, 0.
        # Task 5: with self.use_vae, what you have then are latents; self.vae.decoder makes images of them.
        # Return what self.postprocess makes of the images. (about 7 lines)
        x = torch.randn(len(labels), *self.img_shape, device=device)
        for t in reversed(range(self.timesteps)):
            x = self.p_sample(x, labels, torch.full((len(labels),), t, device=device), t)
        if self.use_vae:
            x = self.vae.decoder(x.clamp(-1, 1))
        return self.postprocess(x)
        ######## END TODO ########

    def postprocess(self, images):
        """Images in 0 … 1, whatever the diffusion is one of."""
        return images.clamp(0, 1) if self.use_vae else (images.clamp(-1, 1) + 1) / 2


def schedule(timesteps, quadratic=False):
    """The tables by their names, each (T,): β on a line from 1e-4 to 2e-2, or, `quadratic`, on one in √β from 0.00085 to 0.012."""
    if quadratic:
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, timesteps, dtype=torch.float64) ** 2
    else:
        betas = torch.linspace(1e-4, 2e-2, timesteps, dtype=torch.float64)
    alphas_cumprod = torch.cumprod(1 - betas, dim=0)
    before = torch.cat([torch.ones(1, dtype=torch.float64), alphas_cumprod[:-1]])
    tables = {
        "betas": betas,
        "sqrt_recip_alphas": (1 / (1 - betas)).sqrt(),
        "sqrt_alphas_cumprod": alphas_cumprod.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1 - alphas_cumprod).sqrt(),
        "posterior_variance": betas * (1 - before) / (1 - alphas_cumprod),
    }
    return {name: table.float() for name, table in tables.items()}
