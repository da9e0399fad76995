"""The conditional U-Net: noise in an image, found from the image, its label and the time."""

import torch
from torch import nn

from .blocks import Downsample, LabelEmbedding, ResBlock, SinusoidalPE, SpatialTransformer, Upsample


class UNet(nn.Module):
    """ε_θ(x, label, time).

    dim: channels of the first level; level i has dim · dim_mults[i]. context_dim: of the embedded label. attn_levels: which levels have a
    SpatialTransformer, 0 being the one at full size. out_channels: default, in_channels. init_dim: channels after conv_in; default, dim.
    """

    def __init__(
        self,
        dim,
        context_dim,
        num_classes,
        in_channels=3,
        out_channels=None,
        dim_mults=(1, 2, 4),
        attn_levels=(0, 1),
        init_dim=None,
        num_groups=None,
        num_heads=None,
    ):
        super().__init__()
        init_dim = init_dim or dim
        num_groups = num_groups or min(max(dim // 64, 1) * 8, 32)
        num_heads = num_heads or min(max(dim // 128, 1) * 4, 8)
        self.in_channels, self.out_channels = in_channels, out_channels or in_channels
        dims = [init_dim, *(dim * mult for mult in dim_mults)]
        levels = list(enumerate(zip(dims[:-1], dims[1:])))
        time_dim = 4 * dim

        def resblock(channels_in, channels_out):
            return ResBlock(channels_in, time_dim, out_channel=channels_out, groups=num_groups)

        def transformer(channels):
            return SpatialTransformer(channels, context_dim, num_heads=num_heads, groups=num_groups)

        self.time_embd = nn.Sequential(SinusoidalPE(dim), nn.Linear(dim, time_dim), nn.SiLU(), nn.Linear(time_dim, time_dim))
        self.label_embd = nn.Sequential(
            LabelEmbedding(num_classes, dim), nn.Linear(dim, context_dim), nn.SiLU(), nn.Linear(context_dim, context_dim)
        )
        self.conv_in = nn.Conv2d(in_channels, init_dim, kernel_size=3, padding=1)
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level, (dim_in, dim_out) in levels:
            self.encoder.append(
                nn.ModuleList([
                    resblock(dim_in, dim_out),
                    transformer(dim_out) if level in attn_levels else None,
                    Downsample(dim_out) if level < len(levels) - 1 else None,
                ])
            )
        self.mid_res_block1 = resblock(dims[-1], dims[-1])
        self.mid_attn = transformer(dims[-1])
        self.mid_res_block2 = resblock(dims[-1], dims[-1])
        for level, (dim_in, dim_out) in reversed(levels):
            self.decoder.append(
                nn.ModuleList([
                    resblock(2 * dim_out, dim_in),  # of what comes from below and what the encoder stored
                    transformer(dim_in) if level in attn_levels else None,
                    Upsample(dim_in) if level > 0 else None,
                ])
            )
        self.final_conv = nn.Sequential(nn.GroupNorm(num_groups, init_dim), nn.SiLU(), nn.Conv2d(init_dim, self.out_channels, kernel_size=1))

    def forward(self, x, label, time):
        """The noise in x, (B, out_channels, H, W).

        x: (B, in_channels, H, W). label: whole numbers, (B,). time: (B,).
        """
        x = self.conv_in(x)
        t = self.time_embd(time)  # (B, 4·dim)
        c = self.label_embd(label).unsqueeze(1)  # (B, 1, context_dim)
        encoder_output = []

        for resblock, transformer, downsample in self.encoder:
            x = resblock(x, t)
            if transformer is not None:
                x = transformer(x, c)
            encoder_output.append(x)
            if downsample is not None:
                x = downsample(x)

        x = self.mid_res_block1(x, t)
        x = self.mid_attn(x, c)
        x = self.mid_res_block2(x, t)

        ######## TODO 1: UNet.forward ########
        # The levels of self.decoder in turn, each a list of a ResBlock, a SpatialTransformer or None, an Upsample or None:
        # concatenate x, first, and what the encoder stored at this level, second, along the channels; then what there is of the three.
        # encoder_output holds the levels from the largest image to the smallest; the decoder begins with the smallest.
        # (about 6 lines)
        for resblock, transformer, upsample in self.decoder:
            x = torch.cat([x, encoder_output.pop()], dim=1)
            x = resblock(x, t)
            if transformer is not None:
                x = transformer(x, c)
            if upsample is not None:
                x = upsample(x)
        ######## END TODO ########

        return self.final_conv(x)
