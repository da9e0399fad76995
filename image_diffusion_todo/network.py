"""The noise predictor ε_θ(x_t, t) for images: a U-Net (given; nothing to do here).

DDPM (Ho, Jain, Abbeel, 2020), Appendix B. With the default arguments it is the network of the assignment, and nothing
about it may be changed: the thresholds hold for it.
"""

import torch
import torch.nn as nn
from module import DownSample, ResBlock, Swish, TimeEmbedding, UpSample, norm, xavier


class UNet(nn.Module):
    """Predicts the noise in x_t.

    T: number of timesteps (kept with the settings; the embedding serves any t). image_resolution: side of the images in
    pixels, divisible by 2^(len(ch_mult) − 1). ch: channels at full resolution, a multiple of 32. ch_mult: factor on ch at
    each resolution, the first one full, each next one half. attn: the resolutions, by index, whose blocks have attention.
    num_res_blocks: residual blocks at each resolution on the way down; one more on the way up. dropout: in each of them.

    Raises ValueError for sizes that do not fit. Class conditioning (use_cfg) belongs to a later assignment and is refused.
    """

    def __init__(
        self,
        T: int = 1000,
        image_resolution: int = 64,
        ch: int = 128,
        ch_mult=(1, 2, 2, 2),
        attn=(1,),
        num_res_blocks: int = 4,
        dropout: float = 0.1,
        use_cfg: bool = False,
        cfg_dropout: float = 0.1,
        num_classes=None,
    ):
        super().__init__()
        check_sizes(image_resolution, ch, ch_mult, attn, use_cfg)
        self.image_resolution = image_resolution
        self.settings = dict(
            T=T, image_resolution=image_resolution, ch=ch, ch_mult=list(ch_mult), attn=list(attn),
            num_res_blocks=num_res_blocks, dropout=dropout,
        )  # fmt: skip
        tdim = 4 * ch
        self.time_embedding = TimeEmbedding(tdim)

        self.head = nn.Conv2d(3, ch, 3, padding=1)
        self.downblocks = nn.ModuleList()
        now_ch, skips = ch, [ch]  # channels of every feature map that the way up will see again
        for i, mult in enumerate(ch_mult):
            for _ in range(num_res_blocks):
                self.downblocks.append(ResBlock(now_ch, ch * mult, tdim, dropout, attn=i in attn))
                now_ch = ch * mult
                skips.append(now_ch)
            if i != len(ch_mult) - 1:
                self.downblocks.append(DownSample(now_ch))
                skips.append(now_ch)

        self.middleblocks = nn.ModuleList(
            [ResBlock(now_ch, now_ch, tdim, dropout, attn=True), ResBlock(now_ch, now_ch, tdim, dropout)]
        )

        self.upblocks = nn.ModuleList()
        for i, mult in reversed(list(enumerate(ch_mult))):
            for _ in range(num_res_blocks + 1):
                self.upblocks.append(ResBlock(now_ch + skips.pop(), ch * mult, tdim, dropout, attn=i in attn))
                now_ch = ch * mult
            if i != 0:
                self.upblocks.append(UpSample(now_ch))

        self.tail = nn.Sequential(norm(now_ch), Swish(), nn.Conv2d(now_ch, 3, 3, padding=1))
        xavier(self.head)
        xavier(self.tail[-1], gain=1e-5)  # the first prediction is nearly zero

    def forward(self, x: torch.Tensor, timestep) -> torch.Tensor:
        """The predicted noise, like x.

        x: (B, 3, H, W); timestep: an integer, or a tensor of shape (), (1,) or (B,). Raises ValueError for another shape.
        """
        if x.ndim != 4 or x.shape[1:] != (3, self.image_resolution, self.image_resolution):
            expected = f"(B, 3, {self.image_resolution}, {self.image_resolution})"
            raise ValueError(f"The network expects images of shape {expected}, and got {tuple(x.shape)}.")
        t = torch.atleast_1d(torch.as_tensor(timestep, device=x.device))
        if t.shape not in ((1,), (x.shape[0],)):
            raise ValueError(f"The network expects one t for all, or one for each of the {x.shape[0]} images, and got {tuple(t.shape)}.")
        temb = self.time_embedding(t)  # (B, D) or (1, D)

        h = self.head(x)
        skips = [h]
        for block in self.downblocks:
            h = block(h, temb)
            skips.append(h)
        for block in self.middleblocks:
            h = block(h, temb)
        for block in self.upblocks:
            if isinstance(block, ResBlock):
                h = torch.cat([h, skips.pop()], dim=1)
            h = block(h, temb)
        return self.tail(h)


def check_sizes(image_resolution: int, ch: int, ch_mult, attn, use_cfg: bool) -> None:
    """Raises ValueError, in a sentence, for arguments that make no U-Net."""
    if use_cfg:
        raise ValueError("This assignment trains without class labels: leave use_cfg at False.")
    if ch < 32 or ch % 32:
        raise ValueError(f"ch must be a multiple of 32, which the groups of the normalisation divide, not {ch}.")
    halvings = len(ch_mult) - 1
    if image_resolution % 2**halvings or image_resolution < 2**halvings:
        raise ValueError(f"image_resolution must be divisible by {2**halvings}: the network halves it {halvings} times.")
    if not all(0 <= i < len(ch_mult) for i in attn):
        raise ValueError(f"attn names resolutions by index, 0 … {halvings}, not {list(attn)}.")
