"""The U-Net of the diagrams: its blocks (task 1-1), and the three networks made of them (tasks 1-1, 2-1 and 2-4).

U-Net: Ronneberger, Fischer, Brox, 2015. Every map here is (B, channels, H, W). C is the number of channels of the images and D, `num_hiddens`,
the width of the network; images are 28 × 28, and the maps inside 14 × 14, 7 × 7 and 1 × 1.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Conv(nn.Module):
    """(B, in_channels, H, W) → (B, out_channels, H, W)."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        ######## TODO 1-1: Conv.__init__ ########
        # A convolution (kernel 3, stride 1, padding 1), BatchNorm2d, GELU. About 3 lines.
        self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, 1, 1), nn.BatchNorm2d(out_channels), nn.GELU())
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 1-1: Conv.forward ########
        # Run x through the layers. 1 line.
        return self.layers(x)
        ######## END TODO ########


class DownConv(nn.Module):
    """Halves the side: (B, in_channels, H, W) → (B, out_channels, H/2, W/2)."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        ######## TODO 1-1: DownConv.__init__ ########
        # A convolution (kernel 3, stride 2, padding 1), BatchNorm2d, GELU. About 3 lines.
        self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, 2, 1), nn.BatchNorm2d(out_channels), nn.GELU())
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 1-1: DownConv.forward ########
        # Run x through the layers. 1 line.
        return self.layers(x)
        ######## END TODO ########


class UpConv(nn.Module):
    """Doubles the side: (B, in_channels, H, W) → (B, out_channels, 2H, 2W)."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        ######## TODO 1-1: UpConv.__init__ ########
        # A transposed convolution (kernel 4, stride 2, padding 1), BatchNorm2d, GELU. About 3 lines.
        up = nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1)
        self.layers = nn.Sequential(up, nn.BatchNorm2d(out_channels), nn.GELU())
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 1-1: UpConv.forward ########
        # Run x through the layers. 1 line.
        return self.layers(x)
        ######## END TODO ########


class Flatten(nn.Module):
    """One number for each channel: (B, channels, 7, 7) → (B, channels, 1, 1)."""

    def __init__(self):
        super().__init__()
        ######## TODO 1-1: Flatten.__init__ ########
        # The average over the 7 × 7 map (AvgPool2d), GELU. 1 line.
        self.layers = nn.Sequential(nn.AvgPool2d(7), nn.GELU())
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 1-1: Flatten.forward ########
        # Run x through the layers. 1 line.
        return self.layers(x)
        ######## END TODO ########


class Unflatten(nn.Module):
    """Back to a map: (B, in_channels, 1, 1) → (B, in_channels, 7, 7)."""

    def __init__(self, in_channels):
        super().__init__()
        ######## TODO 1-1: Unflatten.__init__ ########
        # A transposed convolution to as many channels (kernel 7, stride 7, padding 0), BatchNorm2d, GELU. About 3 lines.
        up = nn.ConvTranspose2d(in_channels, in_channels, 7, 7, 0)
        self.layers = nn.Sequential(up, nn.BatchNorm2d(in_channels), nn.GELU())
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 1-1: Unflatten.forward ########
        # Run x through the layers. 1 line.
        return self.layers(x)
        ######## END TODO ########


class ConvBlock(nn.Module):
    """Two convolutions: (B, in_channels, H, W) → (B, out_channels, H, W)."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        ######## TODO 1-1: ConvBlock.__init__ ########
        # Conv(in_channels, out_channels), Conv(out_channels, out_channels). About 2 lines.
        self.layers = nn.Sequential(Conv(in_channels, out_channels), Conv(out_channels, out_channels))
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 1-1: ConvBlock.forward ########
        # Run x through the layers. 1 line.
        return self.layers(x)
        ######## END TODO ########


class DownBlock(nn.Module):
    """Halves the side: (B, in_channels, H, W) → (B, out_channels, H/2, W/2)."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        ######## TODO 1-1: DownBlock.__init__ ########
        # DownConv(in_channels, out_channels), ConvBlock(out_channels, out_channels). About 2 lines.
        self.layers = nn.Sequential(DownConv(in_channels, out_channels), ConvBlock(out_channels, out_channels))
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 1-1: DownBlock.forward ########
        # Run x through the layers. 1 line.
        return self.layers(x)
        ######## END TODO ########


class UpBlock(nn.Module):
    """Doubles the side: (B, in_channels, H, W) → (B, out_channels, 2H, 2W)."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        ######## TODO 1-1: UpBlock.__init__ ########
        # UpConv(in_channels, out_channels), ConvBlock(out_channels, out_channels). About 2 lines.
        self.layers = nn.Sequential(UpConv(in_channels, out_channels), ConvBlock(out_channels, out_channels))
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 1-1: UpBlock.forward ########
        # Run x through the layers. 1 line.
        return self.layers(x)
        ######## END TODO ########


class UnconditionalUNet(nn.Module):
    """The U-Net of the first diagram, C = in_channels, D = num_hiddens: (B, C, 28, 28) → (B, C, 28, 28)."""

    def __init__(self, in_channels, num_hiddens):
        super().__init__()
        ######## TODO 1-1: UnconditionalUNet.__init__ ########
        # The blocks of the diagram: ConvBlock(C, D), DownBlock(D, D), DownBlock(D, 2D), Flatten, Unflatten(2D), UpBlock(4D, D), UpBlock(2D, D),
        # ConvBlock(2D, D), and at the end a bare Conv2d(D, C, 3, 1, 1): no BatchNorm, no GELU. About 10 lines.
        C, D = in_channels, num_hiddens
        self.first = ConvBlock(C, D)
        self.down1, self.down2 = DownBlock(D, D), DownBlock(D, 2 * D)
        self.flatten, self.unflatten = Flatten(), Unflatten(2 * D)
        self.up1, self.up2 = UpBlock(4 * D, D), UpBlock(2 * D, D)
        self.last = ConvBlock(2 * D, D)
        self.out = nn.Conv2d(D, C, 3, 1, 1)
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 1-1: UnconditionalUNet.forward ########
        # Down to 1 × 1 and up again. On the way up, torch.cat along the channels with what the way down had at the same side: before both UpBlocks
        # and before the last ConvBlock. About 8 lines.
        x28 = self.first(x)  # (B, D, 28, 28)
        x14 = self.down1(x28)  # (B, D, 14, 14)
        x7 = self.down2(x14)  # (B, 2D, 7, 7)
        y = self.unflatten(self.flatten(x7))  # (B, 2D, 7, 7)
        y = self.up1(torch.cat([y, x7], dim=1))  # (B, D, 14, 14)
        y = self.up2(torch.cat([y, x14], dim=1))  # (B, D, 28, 28)
        return self.out(self.last(torch.cat([y, x28], dim=1)))
        ######## END TODO ########


class FCBlock(nn.Module):
    """Two fully connected layers, for a number that conditions the network: (B, in_channels) → (B, out_channels)."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        ######## TODO 2-1: FCBlock.__init__ ########
        # Linear(in_channels, out_channels), GELU, Linear(out_channels, out_channels). About 3 lines.
        self.layers = nn.Sequential(nn.Linear(in_channels, out_channels), nn.GELU(), nn.Linear(out_channels, out_channels))
        ######## END TODO ########

    def forward(self, x):
        ######## TODO 2-1: FCBlock.forward ########
        # Run x through the layers. 1 line.
        return self.layers(x)
        ######## END TODO ########


class TimeConditionalUNet(nn.Module):
    """The U-Net that is told the time: (B, C, 28, 28) and t, (B,), in 0 … 1 → (B, C, 28, 28). `num_classes` is not used."""

    def __init__(self, in_channels, num_classes, num_hiddens):
        super().__init__()
        ######## TODO 2-1: TimeConditionalUNet.__init__ ########
        # The blocks of UnconditionalUNet, and two of FCBlock: (1, 2D) for the unflattened map, (1, D) for the first UpBlock. About 11 lines.
        C, D = in_channels, num_hiddens
        self.first = ConvBlock(C, D)
        self.down1, self.down2 = DownBlock(D, D), DownBlock(D, 2 * D)
        self.flatten, self.unflatten = Flatten(), Unflatten(2 * D)
        self.up1, self.up2 = UpBlock(4 * D, D), UpBlock(2 * D, D)
        self.last = ConvBlock(2 * D, D)
        self.out = nn.Conv2d(D, C, 3, 1, 1)
        self.t1, self.t2 = FCBlock(1, 2 * D), FCBlock(1, D)
        ######## END TODO ########

    def forward(self, x, t):
        ######## TODO 2-1: TimeConditionalUNet.forward ########
        # As in UnconditionalUNet. What the first FCBlock makes of t is added to the unflattened map, before torch.cat; what the second makes of it,
        # to the output of the first UpBlock, before torch.cat. t comes as (B,), and a Linear wants (B, 1). About 11 lines.
        t = t.view(-1, 1)
        t1, t2 = self.t1(t)[:, :, None, None], self.t2(t)[:, :, None, None]  # (B, 2D, 1, 1), (B, D, 1, 1)
        x28 = self.first(x)
        x14 = self.down1(x28)
        x7 = self.down2(x14)
        y = self.unflatten(self.flatten(x7)) + t1
        y = self.up1(torch.cat([y, x7], dim=1)) + t2
        y = self.up2(torch.cat([y, x14], dim=1))
        return self.out(self.last(torch.cat([y, x28], dim=1)))
        ######## END TODO ########


class ClassConditionalUNet(nn.Module):
    """The U-Net that is told the time and the digit: x, c (B,), t (B,), mask (B,) → (B, C, 28, 28)."""

    def __init__(self, in_channels, num_classes, num_hiddens):
        super().__init__()
        ######## TODO 2-4: ClassConditionalUNet.__init__ ########
        # The blocks of TimeConditionalUNet, and two more of FCBlock, for the class: (num_classes, 2D) and (num_classes, D). About 13 lines.
        self.num_classes = num_classes
        C, D = in_channels, num_hiddens
        self.first = ConvBlock(C, D)
        self.down1, self.down2 = DownBlock(D, D), DownBlock(D, 2 * D)
        self.flatten, self.unflatten = Flatten(), Unflatten(2 * D)
        self.up1, self.up2 = UpBlock(4 * D, D), UpBlock(2 * D, D)
        self.last = ConvBlock(2 * D, D)
        self.out = nn.Conv2d(D, C, 3, 1, 1)
        self.t1, self.t2 = FCBlock(1, 2 * D), FCBlock(1, D)
        self.c1, self.c2 = FCBlock(num_classes, 2 * D), FCBlock(num_classes, D)
        ######## END TODO ########

    def forward(self, x, c, t, mask=None):
        """c: whole numbers 0 … num_classes − 1. Where mask is 0 the network is not told the class; without a mask it is told all."""
        ######## TODO 2-4: ClassConditionalUNet.forward ########
        # c as one-hot vectors, (B, num_classes), which are zeroed where mask is 0. As in TimeConditionalUNet, but in the place of the sums:
        # c1 · unflattened map + t1, and c2 · output of the first UpBlock + t2. About 16 lines.
        one_hot = F.one_hot(c, self.num_classes).to(x.dtype)
        if mask is not None:
            one_hot = one_hot * mask.view(-1, 1)
        t = t.view(-1, 1)
        t1, t2 = self.t1(t)[:, :, None, None], self.t2(t)[:, :, None, None]  # (B, 2D, 1, 1), (B, D, 1, 1)
        c1, c2 = self.c1(one_hot)[:, :, None, None], self.c2(one_hot)[:, :, None, None]
        x28 = self.first(x)
        x14 = self.down1(x28)
        x7 = self.down2(x14)
        y = c1 * self.unflatten(self.flatten(x7)) + t1
        y = c2 * self.up1(torch.cat([y, x7], dim=1)) + t2
        y = self.up2(torch.cat([y, x14], dim=1))
        return self.out(self.last(torch.cat([y, x28], dim=1)))
        ######## END TODO ########
