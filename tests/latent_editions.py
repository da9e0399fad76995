"""libs/ddpm.py and libs/unet.py in the form that students of the original course hand in: tables on the CPU, `_extract` by gather, an autoencoder
from two files; of the editions of 2023 (a loss that is given t, p_sample_loop) and 2025 (a loss that draws t, generate).
"""

DDPM = '''
import torch
from torch import nn
import torch.nn.functional as F

from .unet import UNet
from .tiny_autoencoder import TAESD


class DDPM(nn.Module):
    def __init__(self, img_shape=(3, 32, 32), timesteps=100, dim=64, context_dim=64, num_classes=10, dim_mults=(1, 2, 4), attn_levels=(0, 1),
                 use_vae=False, vae_encoder_weights=None, vae_decoder_weights=None):
        super().__init__()
        assert len(img_shape) == 3
        self.timesteps = timesteps
        self.use_vae = use_vae
        self.betas = self.quadratic_beta_schedule(timesteps) if use_vae else self.linear_beta_schedule(timesteps)
        tables = self.compute_alpha_vars(self.betas)
        self.sqrt_recip_alphas, self.sqrt_alphas_cumprod, self.sqrt_one_minus_alphas_cumprod, self.posterior_variance = tables
        self.img_shape = [4, img_shape[1] // 8, img_shape[2] // 8] if use_vae else img_shape
        channels = self.img_shape[0]
        self.model = UNet(dim, context_dim, num_classes, in_channels=channels, out_channels=channels, dim_mults=dim_mults,
                          attn_levels=attn_levels)
        if use_vae:
            self.vae = TAESD(encoder_path=vae_encoder_weights, decoder_path=vae_decoder_weights)

    @torch.no_grad()
    def linear_beta_schedule(self, timesteps):
        return torch.linspace(0.0001, 0.02, timesteps)

    @torch.no_grad()
    def quadratic_beta_schedule(self, timesteps):
        return torch.linspace(0.00085**0.5, 0.012**0.5, timesteps) ** 2

    @torch.no_grad()
    def compute_alpha_vars(self, betas):
        alphas = 1. - betas
        alphas_cumprod = torch.cumprod(alphas, axis=0)
        before = F.pad(alphas_cumprod[:-1], (1, 0), value=1.0)
        variance = betas * (1. - before) / (1. - alphas_cumprod)
        return torch.sqrt(1. / alphas), torch.sqrt(alphas_cumprod), torch.sqrt(1. - alphas_cumprod), variance

    @staticmethod
    def _extract(a, t, x_shape):
        out = a.gather(-1, t.cpu())
        return out.reshape(t.shape[0], *((1,) * (len(x_shape) - 1))).to(t.device)

    @torch.no_grad()
    def q_sample(self, x_start, t, noise=None):
        if noise is None:
            noise = torch.randn_like(x_start)
        signal = self._extract(self.sqrt_alphas_cumprod, t, x_start.shape)
        level = self._extract(self.sqrt_one_minus_alphas_cumprod, t, x_start.shape)
        return x_start * signal + level * noise

    def compute_loss(self, x_start, label, {TOLD}noise=None):
        if self.use_vae:
            x_start = self.vae.encoder(x_start)
        if noise is None:
            noise = torch.randn_like(x_start)
        {DRAWN}
        x_t = self.q_sample(x_start, t, noise)
        predicted = self.model(x_t, label, t)
        return F.mse_loss(predicted, noise)

    @torch.no_grad()
    def p_sample(self, x, label, t, t_index):
        betas_t = self._extract(self.betas, t, x.shape)
        level = self._extract(self.sqrt_one_minus_alphas_cumprod, t, x.shape)
        mean = self._extract(self.sqrt_recip_alphas, t, x.shape) * (x - betas_t * self.model(x, label, t) / level)
        if t_index == 0:
            return mean
        variance = self._extract(self.posterior_variance, t, x.shape)
        return mean + torch.sqrt(variance) * torch.randn_like(x)

    @torch.no_grad()
    def {LOOP}(self, labels):
        device = next(self.model.parameters()).device
        imgs = torch.randn([len(labels)] + list(self.img_shape), device=device)
        for i in reversed(range(0, self.timesteps)):
            t = torch.full((len(labels),), i, device=device, dtype=torch.long)
            imgs = self.p_sample(imgs, labels, t, i)
        if self.use_vae:
            imgs = self.vae.decoder(imgs)
        imgs = self.postprocess(imgs)
        return imgs

    @torch.no_grad()
    def postprocess(self, imgs):
        if self.use_vae:
            imgs.clamp_(min=0.0, max=1.0)
        else:
            imgs.clamp_(min=-1.0, max=1.0)
            imgs = (imgs + 1.0) * 0.5
        return imgs
'''

UNET = '''
import torch
from torch import nn

from .utils import default
from .blocks import (ResBlock, SpatialTransformer, SinusoidalPE,
                     LabelEmbedding, Upsample, Downsample)


class UNet(nn.Module):
    def __init__(self, dim, context_dim, num_classes, {PE}in_channels=3, out_channels=None, dim_mults=(1, 2, 4), attn_levels=(0, 1),
                 init_dim=None, num_groups=None, num_heads=None):
        super().__init__()
        init_dim = default(init_dim, dim)
        widths = [init_dim, *map(lambda m: dim * m, dim_mults)]
        in_out = list(zip(widths[:-1], widths[1:]))
        time_dim = dim * 4
        num_groups = default(num_groups, min(max(dim // 64, 1) * 8, 32))
        num_heads = default(num_heads, min(max(dim // 128, 1) * 4, 8))
        self.time_embd = nn.Sequential(SinusoidalPE(dim), nn.Linear(dim, time_dim), nn.SiLU(), nn.Linear(time_dim, time_dim))
        self.label_embd = nn.Sequential(LabelEmbedding(num_classes, dim), nn.Linear(dim, context_dim), nn.SiLU(),
                                        nn.Linear(context_dim, context_dim))
        self.conv_in = nn.Conv2d(in_channels, init_dim, kernel_size=3, padding=1)
        self.encoder, self.decoder = nn.ModuleList([]), nn.ModuleList([])
        for ind, (dim_in, dim_out) in enumerate(in_out):
            last = ind >= len(in_out) - 1
            self.encoder.append(nn.ModuleList([
                ResBlock(dim_in, out_channel=dim_out, time_emb_dim=time_dim, groups=num_groups),
                SpatialTransformer(dim_out, context_dim, num_heads=num_heads, groups=num_groups) if ind in attn_levels else None,
                Downsample(dim_out, dim_out) if not last else None,
            ]))
        mid = widths[-1]
        self.mid_res_block1 = ResBlock(mid, time_emb_dim=time_dim, groups=num_groups)
        self.mid_attn = SpatialTransformer(mid, context_dim, num_heads=num_heads, groups=num_groups)
        self.mid_res_block2 = ResBlock(mid, time_emb_dim=time_dim, groups=num_groups)
        for ind, (dim_in, dim_out) in enumerate(reversed(in_out)):
            level = len(in_out) - ind - 1
            self.decoder.append(nn.ModuleList([
                ResBlock(dim_out * 2, out_channel=dim_in, time_emb_dim=time_dim, groups=num_groups),
                SpatialTransformer(dim_in, context_dim, num_heads=num_heads, groups=num_groups) if level in attn_levels else None,
                Upsample(dim_in, dim_in) if level > 0 else None,
            ]))
        self.final_conv = nn.Sequential(nn.GroupNorm(num_groups, dim), nn.SiLU(), nn.Conv2d(dim, default(out_channels, in_channels), 1))

    def forward(self, x, label, time):
        x = self.conv_in(x)
        t = self.time_embd(time)
        c = self.label_embd(label).unsqueeze(1)
        encoder_output = []
        for resblock, transformer, downsample in self.encoder:
            x = resblock(x, t)
            if transformer:
                x = transformer(x, c)
            encoder_output.append(x)
            if downsample:
                x = downsample(x)
        x = self.mid_res_block1(x, t)
        x = self.mid_attn(x, c)
        x = self.mid_res_block2(x, t)
        for resblock, transformer, upsample in self.decoder:
            x = torch.cat([x, encoder_output.pop()], dim=1)
            x = resblock(x, t)
            if transformer:
                x = transformer(x, c)
            if upsample:
                x = upsample(x)
        return self.final_conv(x)
'''


def edition(year: int) -> dict[str, bytes]:
    """The two files as they were handed in that year."""
    new = year == 2025
    drawn = "t = torch.randint(0, self.timesteps, (x_start.shape[0],), device=x_start.device)" if new else "# t is given"
    ddpm = DDPM.replace("{TOLD}", "" if new else "t, ").replace("{DRAWN}", drawn).replace("{LOOP}", "generate" if new else "p_sample_loop")
    unet = UNET.replace("{PE}", "time_embed_pe=True, " if new else "")
    return {"libs/ddpm.py": ddpm.encode(), "libs/unet.py": unet.encode()}
