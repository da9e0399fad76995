"""The U-Net of Stable Diffusion 1.x (Rombach, Blattmann, Lorenz, Esser, Ommer, "High-Resolution Image Synthesis with Latent Diffusion Models",
2022), with the weights of a checkpoint: a bonus task.

A checkpoint is a dictionary of tensors by name. Those of the U-Net begin with PREFIX; the rest belongs to the autoencoder ("first_stage_model.")
and to the text encoder ("cond_stage_model."), or is a schedule. The numbers in their names are places in lists, as in `self.input_blocks` here:

    time_embed       0: linear, 2: linear, with SiLU between them
    input_blocks     0: convolution; then, for each of four levels, two of [residual block, transformer], and between two levels a downsampling.
                     The last level has no transformers.
    middle_block     residual block, transformer, residual block
    output_blocks    for each level, from the last, three of [residual block, transformer], each on what comes from below and what the input block
                     of the same number from the end has stored; the third of a level that is not the first also has an upsampling.
    out              0: group norm, 2: convolution, with SiLU between them
"""

import math

import torch
from torch import nn

from .blocks import Downsample, ResBlock, SpatialTransformer, Upsample

PREFIX = "model.diffusion_model."
GROUPS = 32  # of every group norm
BLOCKS = 2  # residual blocks of a level on the way down; one more on the way up


class SDUNet(nn.Module):
    """ε_θ(x, context, time) of latents.

    width: channels of the first level; level i has width · mults[i], and the last one has no transformers. context_dim: of the embedded text.
    """

    def __init__(self, width=320, context_dim=768, in_channels=4, out_channels=4, mults=(1, 2, 4, 4), num_heads=8):
        super().__init__()
        ######## TODO sd: SDUNet.__init__ ########
        # The blocks as the first lines of this file list them. The parts of libs/blocks.py will do, with GROUPS groups and num_heads heads; the norm
        # at the beginning of a transformer has ε = 1e-6 in Stable Diffusion. (about 25 lines)
        raise NotImplementedError("TODO sd: SDUNet.__init__")
        ######## END TODO ########

    def forward(self, x, context, time):
        """The noise in x, (B, out_channels, H, W). x: (B, in_channels, H, W). context: the embedded text, (B, N, context_dim). time: (B,)."""
        ######## TODO sd: SDUNet.forward ########
        # The time as a vector of `width` numbers is another than that of SinusoidalPE: cos before sin, and frequencies 10000^(−i/half) for
        # i = 0 … half − 1. Then the blocks in turn; concatenate x, first, and what was stored, second. (about 13 lines)
        raise NotImplementedError("TODO sd: SDUNet.forward")
        ######## END TODO ########


def in_turn(layers, x, t, context):
    """What the layers make of x, one after the other, each with what it takes beside x."""
    for layer in layers:
        if isinstance(layer, ResBlock):
            x = layer(x, t)
        else:
            x = layer(x, context) if isinstance(layer, SpatialTransformer) else layer(x)
    return x


_ATTENTION = {"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out": "to_out.0"}
PARTS = {  # what a block of libs/blocks.py calls its parts, and what a checkpoint calls them
    ResBlock: {
        "norm1": "in_layers.0", "conv1": "in_layers.2", "time_proj": "emb_layers.1", "norm2": "out_layers.0", "conv2": "out_layers.3",
        "shortcut": "skip_connection",
    },
    SpatialTransformer: {
        "norm": "norm", "proj_in": "proj_in", "proj_out": "proj_out",
        **{f"norm{i}": f"transformer_blocks.0.norm{i}" for i in (1, 2, 3)},
        **{f"self_attention.{own}": f"transformer_blocks.0.attn1.{name}" for own, name in _ATTENTION.items()},
        **{f"cross_attention.{own}": f"transformer_blocks.0.attn2.{name}" for own, name in _ATTENTION.items()},
        "mlp.0": "transformer_blocks.0.ff.net.0", "mlp.1": "transformer_blocks.0.ff.net.2",
    },
    Downsample: {"conv": "op"},
}  # fmt: skip


def load_stable_diffusion(state_dict):
    """An SDUNet with the weights of a checkpoint, (name → tensor), and with its sizes, which may be smaller than those of Stable Diffusion.

    Names without PREFIX are none of its business. Raises KeyError with the name in the checkpoint of a tensor that is missing, or that begins with
    PREFIX and belongs nowhere.
    """
    ######## TODO sd: load_stable_diffusion ########
    # Read the sizes from the shapes: width and in_channels of "input_blocks.0.0.weight", mults of "input_blocks.1.0.out_layers.3.weight" and of
    # 4, 7 and 10 in the place of 1, context_dim of "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", out_channels of "out.2.weight".
    # Every weight comes from the checkpoint, under the name that PARTS tells; a convolution with a kernel of 1 in it is a linear layer in
    # libs/blocks.py, of the same numbers in another shape. (about 20 lines)
    raise NotImplementedError("TODO sd: load_stable_diffusion")
    ######## END TODO ########
