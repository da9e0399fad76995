"""Architectures of the feature networks. Each maps a prepared batch (n, 3, S, S) float32 to features (n, D), and has a classifier head."""

import torch
import torchvision
from pytorch_fid.inception import FIDInceptionA, FIDInceptionC, FIDInceptionE_1, FIDInceptionE_2
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.inception import BasicConv2d

CLASSES = ("cat", "dog", "wild")


class TinyClassifier(nn.Module):
    """Six convolutions at 64 × 64. Features: the spatial means after each resolution, standardised; D = 32 + 64 + 128 = 224.

    Means of early layers see noise and blur, means of late layers see shapes. Standardised by batch normalisation without scale, so every
    feature has variance 1 on the training images, and FID is in units of that.
    """

    dimension = 224

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(
                BasicConv2d(inside, outside, kernel_size=3, stride=2, padding=1),
                BasicConv2d(outside, last, kernel_size=3, padding=1),
            )
            for inside, outside, last in ((3, 32, 32), (32, 64, 64), (64, 96, 128))
        )
        self.standardise = nn.BatchNorm1d(self.dimension, affine=False)
        self.classify = nn.Linear(self.dimension, len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        """x: (n, 3, 64, 64) in [−1, 1]; features (n, 224)."""
        means = []
        for stage in self.stages:
            x = stage(x)
            means.append(x.mean(dim=(2, 3)))
        return self.standardise(torch.cat(means, dim=1))


class AFHQInception(nn.Module):
    """Inception v3 cut into four blocks, with a head for three classes; D = 2048.

    The names of the parameters (block1.0.conv.weight … final_fc.bias) are those of StarGAN v2's `InceptionV3`, which the course's
    `afhq_inception_v3.ckpt` was saved from, so that file loads here as it is.
    """

    dimension = 2048

    def __init__(self) -> None:
        super().__init__()
        whole = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
        pool = nn.MaxPool2d(kernel_size=3, stride=2)
        self.block1 = nn.Sequential(whole.Conv2d_1a_3x3, whole.Conv2d_2a_3x3, whole.Conv2d_2b_3x3, pool)
        self.block2 = nn.Sequential(whole.Conv2d_3b_1x1, whole.Conv2d_4a_3x3, pool)
        self.block3 = nn.Sequential(
            *(getattr(whole, f"Mixed_{name}") for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e"))
        )
        self.block4 = nn.Sequential(whole.Mixed_7a, whole.Mixed_7b, whole.Mixed_7c, nn.AdaptiveAvgPool2d((1, 1)))
        self.final_fc = nn.Linear(self.dimension, len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        """x: (n, 3, 256, 256) in [−1, 1]; features (n, 2048)."""
        return self.block4(self.block3(self.block2(self.block1(x)))).flatten(1)

    def classify(self, features: Tensor) -> Tensor:
        """Logits of cat, dog, wild."""
        return self.final_fc(features)


class Inception2015(nn.Module):
    """The network of the original FID (Heusel et al. 2017), as ported by pytorch-fid, whose patched blocks are used; D = 2048.

    The names of the parameters are those of the published `pt_inception-2015-12-05-6726825d.pth`.
    """

    dimension = 2048

    def __init__(self) -> None:
        super().__init__()
        whole = torchvision.models.inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False)
        whole.Mixed_5b = FIDInceptionA(192, pool_features=32)
        whole.Mixed_5c = FIDInceptionA(256, pool_features=64)
        whole.Mixed_5d = FIDInceptionA(288, pool_features=64)
        whole.Mixed_6b = FIDInceptionC(768, channels_7x7=128)
        whole.Mixed_6c = FIDInceptionC(768, channels_7x7=160)
        whole.Mixed_6d = FIDInceptionC(768, channels_7x7=160)
        whole.Mixed_6e = FIDInceptionC(768, channels_7x7=192)
        whole.Mixed_7b = FIDInceptionE_1(1280)
        whole.Mixed_7c = FIDInceptionE_2(2048)
        for name, child in whole.named_children():
            if name not in ("dropout", "avgpool"):
                self.add_module(name, child)

    def forward(self, x: Tensor) -> Tensor:
        """x: (n, 3, H, W) in [0, 1], enlarged here to 299 × 299; features (n, 2048)."""
        x = 2 * functional.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False) - 1
        for name, child in self.named_children():
            if name != "fc":
                x = child(x)
        return x.mean(dim=(2, 3))


class ConvolutionReLU(nn.Module):
    """A convolution and ReLU. On a CPU in float32 they are one call of oneDNN, where PyTorch has it, so that the result is written once."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.fused = (
            getattr(torch.ops.mkldnn, "_convolution_pointwise", None) if torch.backends.mkldnn.is_available() else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: (n, C, H, W); (n, C', H', W')."""
        c = self.convolution
        if self.fused is None or x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_grad_enabled():
            return functional.relu_(c(x))
        return self.fused(x, c.weight, c.bias, c.padding, c.stride, c.dilation, c.groups, "relu", [], "")


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """Every convolution with its batch normalisation and ReLU as one convolution with ReLU, in evaluation mode.

    The same function up to rounding, less than half of the time on a CPU together with the channels-last layout.
    """
    for name, child in module.named_children():
        if isinstance(child, BasicConv2d):
            setattr(module, name, ConvolutionReLU(fuse_conv_bn_eval(child.conv, child.bn)))
        else:
            fold_batch_norm(child)
    return module
