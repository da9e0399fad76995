"""Known wrong versions of the blocks of unet.py, each with what a student reads about it."""

from autograder.grading.mutants import in_region

_conv = in_region("1-1", "unet.py:Conv.__init__")
_down_conv = in_region("1-1", "unet.py:DownConv.__init__")
_up_conv = in_region("1-1", "unet.py:UpConv.__init__")
_flatten = in_region("1-1", "unet.py:Flatten.__init__")
_unflatten = in_region("1-1", "unet.py:Unflatten.__init__")
_conv_block = in_region("1-1", "unet.py:ConvBlock.__init__")
_down_block = in_region("1-1", "unet.py:DownBlock.__init__")
_up_block = in_region("1-1", "unet.py:UpBlock.__init__")
_fc_block = in_region("2-1", "unet.py:FCBlock.__init__")

_NORM = "nn.BatchNorm2d(out_channels), "
_END = ", nn.GELU())"
_DOWN, _UP = "DownConv(in_channels, out_channels)", "UpConv(in_channels, out_channels)"
_TWO = "Conv(in_channels, out_channels), Conv(out_channels, out_channels)"
_BLOCK = "ConvBlock(out_channels, out_channels)"

SMALL = (
    _conv(
        "conv-kernel-1",
        "The convolution of your Conv seems to look at one pixel at a time. Compare its kernel with the diagram's.",
        edits=(("3, 1, 1)", "1, 1, 0)"),),
    ),
    _conv(
        "conv-without-batch-norm",
        "Your Conv seems to have no BatchNorm2d between its convolution and GELU.",
        edits=((_NORM, ""),),
    ),
    _conv(
        "conv-with-relu",
        "Your Conv seems to end with another activation than the diagram's.",
        edits=(("nn.GELU()", "nn.ReLU()"),),
    ),
    _conv(
        "conv-without-gelu",
        "Your Conv seems to have no activation.",
        edits=((_END, ")"),),
    ),
    _conv(
        "conv-gelu-before-batch-norm",
        "In your Conv, GELU and BatchNorm2d seem to stand in the other order. Read the diagram from the left to the right.",
        edits=((f"{_NORM}nn.GELU()", "nn.GELU(), nn.BatchNorm2d(out_channels)"),),
    ),
    _conv(
        "conv-with-dropout",
        "Your Conv seems to have a Dropout, which the diagram lacks.",
        edits=((_END, ", nn.GELU(), nn.Dropout(0.1))"),),
    ),
    _down_conv(
        "down-conv-with-max-pool",
        "Your DownConv seems to halve the side by pooling. In the diagram the stride of the convolution does it.",
        edits=((", 3, 2, 1)", ", 3, 1, 1), nn.MaxPool2d(2)"),),
    ),
    _down_conv(
        "down-conv-stride-1",
        "Your DownConv does not seem to halve the side. Look at its stride.",
        edits=((", 3, 2, 1)", ", 3, 1, 1)"),),
    ),
    _down_conv(
        "down-conv-kernel-4",
        "The kernel of your DownConv seems to have another size than the diagram's.",
        edits=((", 3, 2, 1)", ", 4, 2, 1)"),),
    ),
    _down_conv(
        "down-conv-without-gelu",
        "Your DownConv seems to have no activation.",
        edits=((_END, ")"),),
    ),
    _up_conv(
        "up-conv-kernel-3",
        "The kernel of your UpConv seems to have another size than the diagram's.",
        edits=((", 4, 2, 1)", ", 3, 2, 1, output_padding=1)"),),
    ),
    _up_conv(
        "up-conv-kernel-2",
        "The kernel of your UpConv seems to be as large as its stride, so that no two of its outputs overlap. Compare it with the diagram's.",
        edits=((", 4, 2, 1)", ", 2, 2, 0)"),),
    ),
    _up_conv(
        "up-conv-by-interpolation",
        "Your UpConv seems to double the side by interpolation. In the diagram the transposed convolution does it.",
        body="""
            up = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(in_channels, out_channels, 3, 1, 1))
            self.layers = nn.Sequential(up, nn.BatchNorm2d(out_channels), nn.GELU())
        """,
    ),
    _up_conv(
        "up-conv-without-batch-norm",
        "Your UpConv seems to have no BatchNorm2d between its transposed convolution and GELU.",
        edits=((_NORM, ""),),
    ),
    _flatten(
        "flatten-without-gelu",
        "Your Flatten seems to have no activation.",
        edits=(("nn.AvgPool2d(7), nn.GELU()", "nn.AvgPool2d(7)"),),
    ),
    _flatten(
        "flatten-takes-the-largest",
        "Your Flatten seems to take the largest number of each map. The diagram has the average.",
        edits=(("nn.AvgPool2d(7)", "nn.MaxPool2d(7)"),),
    ),
    _flatten(
        "flatten-with-batch-norm",
        "Your Flatten seems to normalise, which the diagram's does not.",
        edits=(("nn.AvgPool2d(7), ", "nn.AvgPool2d(7), nn.LazyBatchNorm2d(), "),),
    ),
    in_region("1-1", "unet.py:Flatten.forward")(
        "flatten-without-gradient",
        "Your Flatten seems to cut the gradient, so that nothing in front of it learns. Look for torch.no_grad() and .detach().",
        edits=(("return self.layers(x)", "return self.layers(x).detach()"),),
    ),
    _unflatten(
        "unflatten-by-interpolation",
        "Your Unflatten seems to repeat the number of each channel, by interpolation. In the diagram a transposed convolution makes the map.",
        body="self.layers = nn.Sequential(nn.Upsample(scale_factor=7), nn.BatchNorm2d(in_channels), nn.GELU())",
    ),
    _unflatten(
        "unflatten-without-gelu",
        "Your Unflatten seems to have no activation.",
        edits=((_END, ")"),),
    ),
    _unflatten(
        "unflatten-without-batch-norm",
        "Your Unflatten seems to have no BatchNorm2d between its transposed convolution and GELU.",
        edits=(("nn.BatchNorm2d(in_channels), ", ""),),
    ),
    _unflatten(
        "unflatten-for-each-channel",
        "The transposed convolution of your Unflatten seems to treat each channel alone. The diagram's mixes them.",
        edits=((", 7, 7, 0)", ", 7, 7, 0, groups=in_channels)"),),
    ),
)  # fmt: skip

COMPOSED = (
    _conv_block(
        "conv-block-of-one-conv",
        "Your ConvBlock seems to be a single Conv. The diagram has two.",
        edits=((", Conv(out_channels, out_channels)", ""),),
    ),
    _conv_block(
        "conv-block-uses-one-conv-twice",
        "Your ConvBlock seems to run one Conv twice, or more often than the diagram. Each of its Conv needs weights of its own.",
        edits=((_TWO, "Conv(in_channels, out_channels), *[Conv(out_channels, out_channels)] * 2"),),
    ),
    _conv_block(
        "conv-block-widens-late",
        "The first Conv of your ConvBlock seems to keep the number of channels, and the second to change it. In the diagram the first changes it.",
        edits=((_TWO, "Conv(in_channels, in_channels), Conv(in_channels, out_channels)"),),
    ),
    in_region("1-1", "unet.py:ConvBlock.forward")(
        "conv-block-with-a-link",
        "Your ConvBlock seems to add something to what its second Conv gives. The diagram has no link there.",
        edits=(("return self.layers(x)", "y = self.layers[0](x)\nreturn y + self.layers[1](y)"),),
    ),
    _down_block(
        "down-block-without-conv-block",
        "Your DownBlock seems to end after DownConv.",
        edits=((f", {_BLOCK}", ""),),
    ),
    _down_block(
        "down-block-with-one-conv",
        "Your DownBlock seems to have one Conv where the diagram has a ConvBlock.",
        edits=((_BLOCK, "Conv(out_channels, out_channels)"),),
    ),
    _down_block(
        "down-block-goes-down-last",
        "Your DownBlock seems to run its ConvBlock before it halves the side. Read the diagram from the left to the right.",
        edits=((f"{_DOWN}, {_BLOCK}", "ConvBlock(in_channels, in_channels), DownConv(in_channels, out_channels)"),),
    ),
    _up_block(
        "up-block-without-conv-block",
        "Your UpBlock seems to end after UpConv.",
        edits=((f", {_BLOCK}", ""),),
    ),
    _up_block(
        "up-block-goes-up-last",
        "Your UpBlock seems to run its ConvBlock before it doubles the side. Read the diagram from the left to the right.",
        edits=((f"{_UP}, {_BLOCK}", "ConvBlock(in_channels, out_channels), UpConv(out_channels, out_channels)"),),
    ),
    _up_block(
        "up-block-narrows-late",
        "The UpConv of your UpBlock seems to keep the number of channels. In the diagram it is UpConv that changes it.",
        edits=((f"{_UP}, {_BLOCK}", "UpConv(in_channels, in_channels), ConvBlock(in_channels, out_channels)"),),
    ),
    _fc_block(
        "fc-block-without-gelu",
        "Your FCBlock seems to have no activation between its two Linear layers: together they are one.",
        edits=(("nn.GELU(), ", ""),),
    ),
    _fc_block(
        "fc-block-with-gelu-at-the-end",
        "Your FCBlock seems to have an activation after its second Linear, which the diagram lacks.",
        edits=(("nn.Linear(out_channels, out_channels))", "nn.Linear(out_channels, out_channels), nn.GELU())"),),
    ),
    _fc_block(
        "fc-block-with-relu",
        "Your FCBlock seems to have another activation than the diagram's.",
        edits=(("nn.GELU()", "nn.ReLU()"),),
    ),
    _fc_block(
        "fc-block-of-one-linear",
        "Your FCBlock seems to be a single Linear. The diagram has two, with an activation between.",
        edits=((", nn.GELU(), nn.Linear(out_channels, out_channels)", ""),),
    ),
    _fc_block(
        "fc-block-narrow",
        "The first Linear of your FCBlock seems to give in_channels numbers. Compare the sizes of the two with the diagram's.",
        edits=(("nn.Linear(in_channels, out_channels), nn.GELU(), nn.Linear(out_channels, out_channels)",
                "nn.Linear(in_channels, in_channels), nn.GELU(), nn.Linear(in_channels, out_channels)"),),
    ),
)  # fmt: skip
