"""A diffusion model that is told which digit to draw (exercise 4): the U-Net and the DDPM again, with a label.

A label c is a whole number from 0 to 9, and comes as a tensor of shape (B,).
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from ddpm import T, mab_over_sqrtmab_inv, oneover_sqrta, sigma_t, sqrtab, sqrtmab
from unet import down_block, up_block

NUM_CLASSES = 10


class UNet(nn.Module):
    """The U-Net of unet.py with a label. Where the label enters is up to you."""

    def __init__(self, out_class=3):
        super().__init__()
        ######## TODO 4: UNet.__init__ ########
        # The layers of exercise 3: lazy layers find out about the channels of the label by themselves. About 4 lines.
        ### BEGIN SOLUTION
        self.downs = nn.ModuleList(down_block(channels) for channels in (72, 96, 128, 196))
        self.bottleneck = nn.LazyConv2d(256, kernel_size=3, padding=1, bias=False)
        self.ups = nn.ModuleList(up_block(channels) for channels in (256, 196, 128, 96))
        self.head = nn.LazyConv2d(out_class, kernel_size=1)
        ### END SOLUTION
        ### STUB: pass
        ######## END TODO ########

    def forward(self, x, c):
        """The noise in x, (B, C, H, W), for the labels c, (B,). Returns (B, out_class, H, W)."""
        ######## TODO 4: UNet.forward ########
        # As in exercise 3. Turn c into one-hot vectors of shape (B, 10, 1, 1), repeat them over the map, and concatenate
        # them too, before the first two up blocks. Other places, or an embedding, are welcome. About 11 lines.
        ### BEGIN SOLUTION
        label = F.one_hot(c, NUM_CLASSES).to(x.dtype).view(-1, NUM_CLASSES, 1, 1)
        skips = [x]
        for down in self.downs:
            skips.append(down(skips[-1]))
        y = self.bottleneck(skips[-1])
        for level, up in enumerate(self.ups):
            parts = [y, skips.pop()]
            if level < 2:
                parts.append(label.expand(-1, -1, *y.shape[2:]))
            y = up(torch.cat(parts, dim=1))
        return self.head(torch.cat([y, skips.pop()], dim=1))
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 4: UNet.forward")
        ######## END TODO ########


class DDPM(nn.Module):
    """A noise predictor `net` that takes (x, c), with its training loss and its sampler."""

    def __init__(self, net=None):
        super().__init__()
        self.net = UNet() if net is None else net

    def forward(self, x, c):
        """The training loss for clean images x, (B, C, H, W), in −1 … 1, with their labels c, (B,). Returns a scalar."""
        ######## TODO 4: DDPM.forward ########
        # As in exercise 1, with the labels for the network. About 4 lines.
        ### BEGIN SOLUTION
        t = torch.randint(1, T + 1, (x.shape[0],), device=x.device)
        eps = torch.randn_like(x)
        x_t = sqrtab.to(x.device)[t] * x + sqrtmab.to(x.device)[t] * eps
        return F.mse_loss(eps, self.net(x_t, c))
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 4: DDPM.forward")
        ######## END TODO ########

    @torch.no_grad()
    def sample(self, n_sample, size, device="cpu"):
        """Draw images of the digits 0, 1, …, 9, 0, 1, … in this order. Returns x_0, (n_sample, *size)."""
        ######## TODO 4: DDPM.sample ########
        # As in exercise 2, with the label i modulo 10 for image i, whatever n_sample is. About 7 lines.
        ### BEGIN SOLUTION
        c = torch.arange(n_sample, device=device) % NUM_CLASSES
        x = torch.randn(n_sample, *size, device=device)
        for t in range(T, 0, -1):
            z = torch.randn_like(x) if t > 1 else torch.zeros_like(x)
            mean = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * self.net(x, c))
            x = mean + sigma_t[t] * z
        return x
        ### END SOLUTION
        ### STUB: raise NotImplementedError("TODO 4: DDPM.sample")
        ######## END TODO ########
