"""A better diffusion model: EDM (Karras, Aittala, Aila, Laine, "Elucidating the Design Space of Diffusion-Based Generative Models", 2022), a
bonus task.

Time is the noise level σ itself: x at σ is y + σ ε, of a clean image y, or its latent. σ is a number, or a tensor: (), (B,) or (B, 1, 1, 1).
Images are (B, C, H, W): in −1 … 1 where the diffusion is one of pixels, in 0 … 1 where an autoencoder comes first (`use_vae`).
"""

import torch
from torch import nn

from .tiny_autoencoder import TAESD
from .unet import UNet


class EDM(nn.Module):
    """A U-Net F with its preconditioning, its training loss and its sampler.

    The arguments up to vae_decoder_weights are those of DDPM, without timesteps, as are the attributes model, img_shape, use_vae and vae.
    sigma_data: the standard deviation of the data. P_mean, P_std: of ln σ in the training. sigma_min, sigma_max, rho: of the steps of the sampler.
    """

    def __init__(
        self,
        img_shape=(3, 32, 32),
        dim=64,
        context_dim=64,
        num_classes=10,
        dim_mults=(1, 2, 4),
        attn_levels=(0, 1),
        use_vae=False,
        vae_encoder_weights=None,
        vae_decoder_weights=None,
        sigma_data=0.5,
        P_mean=-1.2,
        P_std=1.2,
        sigma_min=0.002,
        sigma_max=80.0,
        rho=7.0,
    ):
        super().__init__()
        self.sigma_data, self.P_mean, self.P_std = sigma_data, P_mean, P_std
        self.sigma_min, self.sigma_max, self.rho = sigma_min, sigma_max, rho
        self.use_vae = use_vae
        self.img_shape = (4, img_shape[1] // 8, img_shape[2] // 8) if use_vae else tuple(img_shape)
        self.vae = TAESD(vae_encoder_weights, vae_decoder_weights).requires_grad_(False) if use_vae else None
        channels = self.img_shape[0]
        self.model = UNet(
            dim, context_dim, num_classes, in_channels=channels, out_channels=channels, dim_mults=dim_mults, attn_levels=attn_levels
        )

    def c_skip(self, sigma):
        """The share of x that goes around the network; of the shape of σ."""
        ######## TODO edm: EDM.c_skip ########
        # EDM, Table 1, column "Ours", row "Skip scaling". (about 1 line)
        raise NotImplementedError("TODO edm: EDM.c_skip")
        ######## END TODO ########

    def c_out(self, sigma):
        """The factor of the network's answer; of the shape of σ."""
        ######## TODO edm: EDM.c_out ########
        # EDM, Table 1, row "Output scaling". (about 1 line)
        raise NotImplementedError("TODO edm: EDM.c_out")
        ######## END TODO ########

    def c_in(self, sigma):
        """The factor of what the network is given; of the shape of σ."""
        ######## TODO edm: EDM.c_in ########
        # EDM, Table 1, row "Input scaling". (about 1 line)
        raise NotImplementedError("TODO edm: EDM.c_in")
        ######## END TODO ########

    def c_noise(self, sigma):
        """What the network is told of σ, in the place of t; of the shape of σ."""
        ######## TODO edm: EDM.c_noise ########
        # EDM, Table 1, row "Noise cond.". (about 1 line)
        raise NotImplementedError("TODO edm: EDM.c_noise")
        ######## END TODO ########

    def denoise(self, x, sigma, label):
        """D(x; σ), an estimate of the clean images, (B, C, H, W). x: images with noise, (B, C, H, W). sigma: one, or one for each. label: (B,)."""
        ######## TODO edm: EDM.denoise ########
        # EDM, Eq. 7. The network is self.model(images, label, time) with a time of shape (B,); the factors of images have to fit x, (B, C, H, W).
        # (about 4 lines)
        raise NotImplementedError("TODO edm: EDM.denoise")
        ######## END TODO ########

    def compute_loss(self, x_start, label, noise=None):
        """The training loss, a scalar: a mean over everything.

        x_start: images, (B, C, H, W). label: (B,). noise: ε, standard normal, drawn where it is not given; it has the shape of what noise is
        added to.
        """
        ######## TODO edm: EDM.compute_loss ########
        # EDM, Eq. 8 and Table 1, part "Training": a σ for each image, whose logarithm is normal with mean P_mean and standard deviation P_std;
        # images with noise of that strength; and the mean of the squared error of self.denoise, with the weight λ(σ).
        # With self.use_vae, the diffusion is one of latents, self.vae.encoder(x_start). (about 9 lines)
        raise NotImplementedError("TODO edm: EDM.compute_loss")
        ######## END TODO ########

    def sigma_steps(self, num_steps, sigma_min=0.002, sigma_max=80, rho=7):
        """The σ of the sampler, (num_steps + 1,): from sigma_max down to sigma_min in num_steps values, and 0."""
        ######## TODO edm: EDM.sigma_steps ########
        # EDM, Eq. 5. (about 4 lines)
        raise NotImplementedError("TODO edm: EDM.sigma_steps")
        ######## END TODO ########

    @torch.no_grad()
    def generate(self, labels, num_steps=18):
        """One image for each label, (B, C, H, W), in 0 … 1, by Heun's method in num_steps steps. labels: (B,)."""
        device = next(self.model.parameters()).device
        labels = torch.as_tensor(labels, device=device)
        ######## TODO edm: EDM.generate ########
        # EDM, Algorithm 1 with the steps of self.sigma_steps, between self.sigma_min and self.sigma_max, with σ(t) = t and s(t) = 1.
        # Start from noise of the shape (B, *self.img_shape) and of the strength of the first σ. In every step the slope d = (x − D(x; σ))/σ, a step
        # of Euler's method, and, unless it leads to σ = 0, its correction (lines 6 to 8).
        # With self.use_vae, what you have then are latents; self.vae.decoder makes images of them.
        # Return what self.postprocess makes of the images. (about 12 lines)
        raise NotImplementedError("TODO edm: EDM.generate")
        ######## END TODO ########

    def postprocess(self, images):
        """Images in 0 … 1, whatever the diffusion is one of."""
        return images.clamp(0, 1) if self.use_vae else (images.clamp(-1, 1) + 1) / 2
