"""Networks of the kinds that courses ask for, small, as texts: the solution, right forms of it, and wrong ones, by replacements."""

UNET = """
import torch
from torch import nn
import torch.nn.functional as F

class Conv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(i, o, 3, 1, 1), nn.BatchNorm2d(o)
    def forward(self, x):
        return F.gelu(self.norm(self.conv(x)))

class DownConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o)
    def forward(self, x):
        return F.gelu(self.norm(self.conv(x)))

class UpConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv, self.norm = nn.ConvTranspose2d(i, o, 4, 2, 1), nn.BatchNorm2d(o)
    def forward(self, x):
        return F.gelu(self.norm(self.conv(x)))

class Flatten(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(2)
    def forward(self, x):
        return F.gelu(self.pool(x))

class Unflatten(nn.Module):
    def __init__(self, i):
        super().__init__()
        self.conv, self.norm = nn.ConvTranspose2d(i, i, 2, 2, 0), nn.BatchNorm2d(i)
    def forward(self, x):
        return F.gelu(self.norm(self.conv(x)))

class ConvBlock(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.first, self.second = Conv(i, o), Conv(o, o)
    def forward(self, x):
        return self.second(self.first(x))

class DownBlock(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.down, self.block = DownConv(i, o), ConvBlock(o, o)
    def forward(self, x):
        return self.block(self.down(x))

class UpBlock(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.up, self.block = UpConv(i, o), ConvBlock(o, o)
    def forward(self, x):
        return self.block(self.up(x))

class FCBlock(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.first, self.second = nn.Linear(i, o), nn.Linear(o, o)
    def forward(self, x):
        return self.second(F.gelu(self.first(x)))

class Network(nn.Module):
    def __init__(self, C=1, K=4, D=3):
        super().__init__()
        self.K = K
        self.inc = ConvBlock(C, D)
        self.down1, self.down2 = DownBlock(D, D), DownBlock(D, 2 * D)
        self.flatten, self.unflatten = Flatten(), Unflatten(2 * D)
        self.t1, self.t2 = FCBlock(1, 2 * D), FCBlock(1, D)
        self.c1, self.c2 = FCBlock(K, 2 * D), FCBlock(K, D)
        self.up1, self.up2 = UpBlock(4 * D, D), UpBlock(2 * D, D)
        self.outc, self.out = ConvBlock(2 * D, D), nn.Conv2d(D, C, 3, 1, 1)
    def forward(self, x, c, t, mask):
        one_hot = F.one_hot(c, self.K).float() * mask[:, None]
        t = t[:, None]
        c1, c2 = self.c1(one_hot)[:, :, None, None], self.c2(one_hot)[:, :, None, None]
        t1, t2 = self.t1(t)[:, :, None, None], self.t2(t)[:, :, None, None]
        d0 = self.inc(x)
        d1 = self.down1(d0)
        d2 = self.down2(d1)
        f = self.unflatten(self.flatten(d2))
        u = c1 * f + t1
        u1 = self.up1(torch.cat([u, d2], 1))
        u1 = c2 * u1 + t2
        u2 = self.up2(torch.cat([u1, d1], 1))
        return self.out(self.outc(torch.cat([u2, d0], 1)))
"""

UNET_NAMES = {
    "inc": "the first ConvBlock",
    "down1": "the first DownBlock",
    "down2": "the second DownBlock",
    "flatten": "Flatten",
    "unflatten": "Unflatten",
    "t1": "the first FCBlock of t",
    "t2": "the second FCBlock of t",
    "c1": "the first FCBlock of c",
    "c2": "the second FCBlock of c",
    "up1": "the first UpBlock",
    "up2": "the second UpBlock",
    "outc": "the last ConvBlock",
    "out": "the output layer",
}

Change = tuple[str, str]
GELU_OF_CONV = "return F.gelu(self.norm(self.conv(x)))"
CONV = "self.conv, self.norm = nn.Conv2d(i, o, 3, 1, 1), nn.BatchNorm2d(o)"
DOWN = "self.conv, self.norm = nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o)"
UP = "self.conv, self.norm = nn.ConvTranspose2d(i, o, 4, 2, 1), nn.BatchNorm2d(o)"
UNFLATTEN = "nn.ConvTranspose2d(i, i, 2, 2, 0)"
FORWARD_OF_FLATTEN = "return F.gelu(self.pool(x))"

UNET_RIGHT: dict[str, list[Change]] = {
    "the solution": [],
    "no bias before BatchNorm": [("nn.Conv2d(i, o, 3, 1, 1)", "nn.Conv2d(i, o, 3, 1, 1, bias=False)")],
    "skips first": [("[u, d2]", "[d2, u]"), ("[u1, d1]", "[d1, u1]"), ("[u2, d0]", "[d0, u2]")],
    "a mean for the pooling": [("self.pool(x)", "x.mean((2, 3), keepdim=True)")],
    "an adaptive pooling": [("nn.AvgPool2d(2)", "nn.AdaptiveAvgPool2d(1)")],
    "unflatten with stride 1": [(UNFLATTEN, "nn.ConvTranspose2d(i, i, 2)")],
    "unflatten as a linear layer": [
        (UNFLATTEN, "nn.Linear(i, 4 * i)"),
        (
            "return F.gelu(self.norm(self.conv(x)))\n\nclass ConvBlock",
            "return F.gelu(self.norm(self.conv(x.flatten(1)).view(len(x), -1, 2, 2)))\n\nclass ConvBlock",
        ),
    ],
    "lazy layers": [("nn.Conv2d(i, o, 3, 1, 1)", "nn.LazyConv2d(o, 3, 1, 1)"), ("nn.Linear(i, o)", "nn.LazyLinear(o)")],
    "nn.Sequential": [
        (
            DOWN,
            "self.conv, self.norm = nn.Sequential(nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o), nn.GELU(), nn.Identity()), nn.Identity()",
        ),
        ("return F.gelu(self.norm(self.conv(x)))\n\nclass UpConv", "return self.norm(self.conv(x))\n\nclass UpConv"),
    ],
    "functional convolutions of bare parameters": [
        (
            CONV,
            "self.w, self.b, self.norm = nn.Parameter(torch.randn(o, i, 3, 3)), nn.Parameter(torch.zeros(o)), nn.BatchNorm2d(o)",
        ),
        (
            "return F.gelu(self.norm(self.conv(x)))\n\nclass DownConv",
            "return F.gelu(self.norm(F.conv2d(x, self.w, self.b, padding=1)))\n\nclass DownConv",
        ),
    ],
    "a linear layer by hand": [
        (
            "self.first, self.second = nn.Linear(i, o), nn.Linear(o, o)",
            "self.first, self.w, self.b = nn.Linear(i, o), nn.Parameter(torch.randn(o, o)), nn.Parameter(torch.zeros(o))",
        ),
        ("return self.second(F.gelu(self.first(x)))", "return F.gelu(self.first(x)) @ self.w + self.b"),
    ],
    "1x1 convolutions for the FCBlock": [
        ("nn.Linear(i, o), nn.Linear(o, o)", "nn.Conv2d(i, o, 1), nn.Conv2d(o, o, 1)"),
        (
            "return self.second(F.gelu(self.first(x)))",
            "return self.second(F.gelu(self.first(x[:, :, None, None])))[:, :, 0, 0]",
        ),
    ],
    "the embeddings in another order and late": [
        (
            "        c1, c2 = self.c1(one_hot)[:, :, None, None], self.c2(one_hot)[:, :, None, None]\n"
            "        t1, t2 = self.t1(t)[:, :, None, None], self.t2(t)[:, :, None, None]\n",
            "",
        ),
        (
            "        u = c1",
            "        t2, t1 = self.t2(t)[..., None, None], self.t1(t)[..., None, None]\n"
            "        c2, c1 = self.c2(one_hot)[..., None, None], self.c1(one_hot)[..., None, None]\n        u = t1 + c1",
        ),
        ("* f + t1", "* f"),
    ],
    "a skip written into room for both": [
        ("torch.cat([u1, d1], 1)", "room"),
        (
            "        u2 = ",
            "        n = u1.size(1)\n        room = u1.new_empty(len(u1), 2 * n, *u1.shape[2:])\n"
            "        room[:, :n] = u1\n        room[:, n:] = d1\n        u2 = ",
        ),
    ],
    "an unused extra": [("self.K = K", "self.K, self.extra = K, ConvBlock(7, 9)")],
    "a layer whose result nobody uses": [
        ("self.K = K", "self.K, self.idle = K, nn.Conv2d(1, 5, 5)"),
        ("d0 = self.inc(x)", "self.idle(x)\n        d0 = self.inc(x)"),
    ],
    "GELU by hand": [("F.gelu(self.pool(x))", "(lambda z: 0.5 * z * (1 + torch.erf(z / 2 ** 0.5)))(self.pool(x))")],
    "GELU by its tanh form": [("F.gelu(self.norm(self.conv(x)))", 'F.gelu(self.norm(self.conv(x)), approximate="tanh")')],
    "weight normalisation": [("self.first, self.second = Conv(i, o), Conv(o, o)", "self.first, self.second = Conv(i, o), Conv(o, o)\n"
        "        self.second.conv = nn.utils.parametrizations.weight_norm(self.second.conv)")],
    "zeros padded by hand": [
        (DOWN, "self.conv, self.norm = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(i, o, 3, 2)), nn.BatchNorm2d(o)")
    ],
    "same padding": [("nn.Conv2d(i, o, 3, 1, 1)", 'nn.Conv2d(i, o, 3, padding="same")')],
    "a transposed convolution of stride 1": [
        (
            "self.out = ConvBlock(2 * D, D), nn.Conv2d(D, C, 3, 1, 1)",
            "self.out = ConvBlock(2 * D, D), nn.ConvTranspose2d(D, C, 3, 1, 1)",
        )
    ],
    "one-hot vectors by an identity matrix": [("F.one_hot(c, self.K).float()", "torch.eye(self.K)[c]")],
    "in-place masks and sums": [("u = c1 * f + t1", "u = c1 * f\n        u += t1")],
    "other names, other order of construction": [
        ("self.inc", "self.zebra"),
        ("        self.zebra = ConvBlock(C, D)\n", ""),
        (
            "self.K = K\n",
            "self.K = K\n        self.out = nn.Conv2d(D, C, 3, 1, 1)\n        self.up2 = UpBlock(2 * D, D)\n        self.zebra = ConvBlock(C, D)\n",
        ),
    ],
}

UNET_WRONG: dict[str, tuple[list[Change], str]] = {
    "weight normalisation, and no activation": (
        [
            ("self.out = ConvBlock(2 * D, D), nn.Conv2d(D, C, 3, 1, 1)",
             "self.out = ConvBlock(2 * D, D), nn.utils.parametrizations.weight_norm(nn.Conv2d(D, C, 3, 1, 1))"),
            ("F.gelu(self.pool(x))", "self.pool(x)"),
        ],
        "After the average pooling in Flatten the diagram has GELU",
    ),
    "a weight that is no parameter": (
        [
            ("self.out = ConvBlock(2 * D, D), nn.Conv2d(D, C, 3, 1, 1)", "self.w = ConvBlock(2 * D, D), torch.randn(C, D, 3, 3)"),
            ("self.out(self.outc(", "F.conv2d(padding=1, weight=self.w, input=self.outc("),
        ],
        "the diagram has Conv2d(3 → 1, kernel 3, stride 1, padding 1); yours has Conv2d with weights that are no parameters",
    ),
    "no activation after the first convolution": (
        [
            (
                "return F.gelu(self.norm(self.conv(x)))\n\nclass DownConv",
                "return self.norm(self.conv(x))\n\nclass DownConv",
            )
        ],
        "After the BatchNorm2d in the first ConvBlock the diagram has GELU; yours goes on with Conv2d(3 → 3, kernel 3, stride 1, padding 1)",
    ),
    "ReLU for GELU": (
        [
            (
                "return F.gelu(self.norm(self.conv(x)))\n\nclass UpConv",
                "return F.relu(self.norm(self.conv(x)))\n\nclass UpConv",
            )
        ],
        "After the BatchNorm2d in the first DownBlock the diagram has GELU; yours has ReLU",
    ),
    "no BatchNorm": (
        [("return F.gelu(self.norm(self.conv(x)))\n\nclass UpConv", "return F.gelu(self.conv(x))\n\nclass UpConv")],
        "After the Conv2d(3 → 3, kernel 3, stride 2, padding 1) in the first DownBlock the diagram has BatchNorm2d; yours has GELU",
    ),
    "kernel 2 for 4": (
        [("nn.ConvTranspose2d(i, o, 4, 2, 1)", "nn.ConvTranspose2d(i, o, 2, 2)")],
        "The first UpBlock must have ConvTranspose2d(12 → 3, kernel 4, stride 2, padding 1); "
        "yours has ConvTranspose2d(12 → 3, kernel 2, stride 2, padding 0)",
    ),
    "kernel 1 in the output layer": (
        [("nn.Conv2d(D, C, 3, 1, 1)", "nn.Conv2d(D, C, 1)")],
        "The output layer must have Conv2d(3 → 1, kernel 3, stride 1, padding 1); yours has Conv2d(3 → 1, kernel 1, stride 1, padding 0)",
    ),
    "other widths": (
        [
            (
                "self.down2 = DownBlock(D, D), DownBlock(D, 2 * D)",
                "self.down2 = DownBlock(D, 2 * D), DownBlock(2 * D, 2 * D)",
            ),
            ("UpBlock(2 * D, D)", "UpBlock(3 * D, D)"),
        ],
        "The first DownBlock must have Conv2d(3 → 3, kernel 3, stride 2, padding 1); yours has Conv2d(3 → 6",
    ),
    "pooling for the stride": (
        [(DOWN, "self.conv, self.norm = nn.Sequential(nn.Conv2d(i, o, 3, 1, 1), nn.AvgPool2d(2)), nn.BatchNorm2d(o)")],
        "The first DownBlock must have Conv2d(3 → 3, kernel 3, stride 2, padding 1); yours has Conv2d(3 → 3, kernel 3, stride 1, padding 1)",
    ),
    "GELU on the output": (
        [
            (
                "return self.out(self.outc(torch.cat([u2, d0], 1)))",
                "return F.gelu(self.out(self.outc(torch.cat([u2, d0], 1))))",
            )
        ],
        "The diagram ends with the output of the output layer; yours applies GELU to it",
    ),
    "the wrong skip": (
        [("torch.cat([u1, d1], 1)", "torch.cat([u1, u1], 1)")],
        "The diagram concatenates the sum of a product and the output of the second FCBlock of t and the output of the first DownBlock; yours",
    ),
    "a sum for the concatenation": (
        [
            ("torch.cat([u2, d0], 1)", "u2 + d0"),
            ("self.outc, self.out = ConvBlock(2 * D, D)", "self.outc, self.out = ConvBlock(D, D)"),
        ],
        "a concatenation with the output of the first ConvBlock; yours has an addition of",
    ),
    "time before the up-convolution": (
        [("u = c1 * f + t1", "u = c1 * f"), ("torch.cat([u, d2], 1)", "torch.cat([u, d2 + t1], 1)")],
        "The diagram adds",
    ),
    "time multiplied": ([("c1 * f + t1", "c1 * f * t1")], "a multiplication with the output of the first FCBlock of t"),
    "time left out": (
        [("u1 = c2 * u1 + t2", "u1 = c2 * u1")],
        "the diagram has an addition of the output of the second FCBlock of t; yours goes on with a concatenation",
    ),
    "the mask ignored": (
        [("F.one_hot(c, self.K).float() * mask[:, None]", "F.one_hot(c, self.K).float()")],
        "After what is made of the input c the diagram has a multiplication with the input mask",
    ),
    "no activation in the FCBlock": (
        [("self.second(F.gelu(self.first(x)))", "self.second(self.first(x))")],
        "the diagram has GELU",
    ),
    "an activation on the embedding": (
        [("self.second(F.gelu(self.first(x)))", "F.gelu(self.second(F.gelu(self.first(x))))")],
        "After the output of the first FCBlock of c the diagram has a multiplication with the output of Unflatten; yours has GELU",
    ),
    "no activation in Flatten": (
        [("F.gelu(self.pool(x))", "self.pool(x)")],
        "After the average pooling in Flatten the diagram has GELU",
    ),
    "max pooling in Flatten": (
        [("nn.AvgPool2d(2)", "nn.MaxPool2d(2)")],
        "the diagram has average pooling; yours has max pooling",
    ),
    "a block used twice": (
        [
            ("u2 = self.up2(torch.cat([u1, d1], 1))", "u2 = self.up2(torch.cat([u1, d1], 1))"),
            (
                "self.second(self.first(x))\n\nclass DownBlock",
                "self.second(self.second(self.first(x)))\n\nclass DownBlock",
            ),
        ],
        "stride 2, padding 1); yours has Conv2d(3 → 3, kernel 3, stride 1, padding 1) (in your `inc.second.conv`)",
    ),
    "shared convolutions": (
        [
            (
                "self.first, self.second = Conv(i, o), Conv(o, o)",
                "self.first, self.second = Conv(i, o), Conv(o, o)\n        self.second.conv = self.first.conv if i == o else self.second.conv",
            )
        ],
        "with weights of its own",
    ),
    "a detached skip": ([("torch.cat([u2, d0], 1)", "torch.cat([u2, d0.detach()], 1)")], "The gradient of"),
    "a detached embedding": (
        [("t1, t2 = self.t1(t)[:, :, None, None]", "t1, t2 = self.t1(t).detach()[:, :, None, None]")],
        "training never reaches it",
    ),
    "no bias in the output layer": (
        [("nn.Conv2d(D, C, 3, 1, 1)", "nn.Conv2d(D, C, 3, 1, 1, bias=False)")],
        "with a bias; yours has none",
    ),
    "BatchNorm without scale": (
        [("nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o)", "nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o, affine=False)")],
        "with bias and weight; yours has none",
    ),
    "BatchNorm without running averages": (
        [
            (
                "nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o)",
                "nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o, track_running_stats=False)",
            )
        ],
        "In evaluation mode",
    ),
    "GroupNorm": (
        [("nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o)", "nn.Conv2d(i, o, 3, 2, 1), nn.GroupNorm(1, o)")],
        "the diagram has BatchNorm2d; yours goes on with GroupNorm",
    ),
    "Dropout": ([("F.gelu(self.pool(x))", "F.dropout(F.gelu(self.pool(x)), 0.5, self.training)")], "yours has Dropout"),
    "layers in a list": (
        [
            (
                "self.first, self.second = nn.Linear(i, o), nn.Linear(o, o)",
                "self.all = [nn.Linear(i, o), nn.Linear(o, o)]",
            ),
            ("self.second(F.gelu(self.first(x)))", "self.all[1](F.gelu(self.all[0](x)))"),
        ],
        "hides layers",
    ),
    "a layer made in the first call": (
        [
            (
                "def forward(self, x, c, t, mask):",
                "def forward(self, x, c, t, mask):\n        if not hasattr(self, 'late'): self.late = nn.Conv2d(3, 1, 3, 1, 1)",
            ),
            ("self.out(self.outc", "self.late(self.outc"),
        ],
        "in __init__",
    ),
    "an idle lazy layer": (
        [("self.K = K", "self.K, self.extra = K, nn.Sequential(nn.LazyConv2d(9, 4, 2, 1))")],
        "never runs: `extra.0`",
    ),
}


def changed(text: str, changes: list[Change]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


LAZY_UNET = """
import torch
from torch import nn

class Network(nn.Module):
    def __init__(self, out_class=3):
        super().__init__()
        self.down1 = nn.Sequential(nn.LazyConv2d(5, 4, 2, 1, bias=False), nn.LazyBatchNorm2d(), nn.ReLU())
        self.down2 = nn.Sequential(nn.LazyConv2d(6, 4, 2, 1, bias=False), nn.LazyBatchNorm2d(), nn.ReLU())
        self.mid = nn.LazyConv2d(7, 3, 1, 1, bias=False)
        self.up1 = nn.Sequential(nn.LazyConvTranspose2d(6, 4, 2, 1, bias=False), nn.LazyBatchNorm2d(), nn.ReLU())
        self.up2 = nn.Sequential(nn.LazyConvTranspose2d(5, 4, 2, 1, bias=False), nn.LazyBatchNorm2d(), nn.ReLU())
        self.out = nn.LazyConv2d(out_class, 1)
    def forward(self, x, c):
        c = nn.functional.one_hot(c, 4).float()[:, :, None, None]
        d1 = self.down1(x)
        d2 = self.down2(d1)
        u = self.mid(d2)
        u = self.up1(torch.cat([u, d2, c.expand(-1, -1, *u.shape[2:])], 1))
        u = self.up2(torch.cat([u, d1, c.expand(-1, -1, *u.shape[2:])], 1))
        return self.out(torch.cat([u, x], 1))
"""
LAZY_NAMES = {
    "down1": "the first down block",
    "down2": "the second down block",
    "mid": "the bottleneck",
    "up1": "the first up block",
    "up2": "the second up block",
    "out": "the 1×1 convolution",
}
LAZY_RIGHT: dict[str, list[Change]] = {
    "the solution": [],
    "the label first": [("[u, d2, c.expand(-1, -1, *u.shape[2:])]", "[c.repeat(1, 1, *u.shape[2:]), d2, u]")],
    "in-place ReLU": [("nn.ReLU()", "nn.ReLU(inplace=True)")],
    "layers with sizes": [
        (
            "nn.LazyConv2d(5, 4, 2, 1, bias=False), nn.LazyBatchNorm2d()",
            "nn.Conv2d(3, 5, 4, 2, 1, bias=False), nn.BatchNorm2d(5)",
        )
    ],
    "a bias before BatchNorm": [("nn.LazyConv2d(6, 4, 2, 1, bias=False)", "nn.LazyConv2d(6, 4, 2, 1)")],
    "the output layer as a matrix": [
        ("self.out = nn.LazyConv2d(out_class, 1)", "self.out = nn.Linear(8, out_class)"),
        (
            "return self.out(torch.cat([u, x], 1))",
            "return self.out(torch.cat([u, x], 1).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)",
        ),
    ],
}
LAZY_WRONG: dict[str, tuple[list[Change], str]] = {
    "an idle fifth block": (
        [
            (
                "self.mid =",
                "self.down5 = nn.Sequential(nn.LazyConv2d(9, 4, 2, 1, bias=False), nn.LazyBatchNorm2d(), nn.ReLU())\n        self.mid =",
            )
        ],
        "never runs: `down5.0`, `down5.1`",
    ),
    "kernel 3 for 4": (
        [("nn.LazyConv2d(6, 4, 2, 1, bias=False)", "nn.LazyConv2d(6, 3, 2, 1, bias=False)")],
        "The second down block must have Conv2d(5 → 6, kernel 4, stride 2, padding 1); yours has Conv2d(5 → 6, kernel 3, stride 2, padding 1)",
    ),
    "the input not joined": (
        [("self.out(torch.cat([u, x], 1))", "self.out(u)")],
        "After the output of the second up block the diagram has a concatenation with the input x; yours goes on with Conv2d(5 → 3",
    ),
    "the label once": (
        [
            (
                "u = self.up2(torch.cat([u, d1, c.expand(-1, -1, *u.shape[2:])], 1))",
                "u = self.up2(torch.cat([u, d1], 1))",
            )
        ],
        "The diagram concatenates the output of the first up block and the output of the first down block and what is made of the input c; "
        "yours concatenates",
    ),
    "an activation after the bottleneck": ([("u = self.mid(d2)", "u = self.mid(d2).relu()")], "yours has ReLU"),
    "a bias in the bottleneck": (
        [("nn.LazyConv2d(7, 3, 1, 1, bias=False)", "nn.LazyConv2d(7, 3, 1, 1)")],
        "The bottleneck must have Conv2d(6 → 7, kernel 3, stride 1, padding 1), without bias; "
        "yours has Conv2d(6 → 7, kernel 3, stride 1, padding 1), with bias",
    ),
    "no BatchNorm": (
        [
            (
                "nn.LazyConvTranspose2d(6, 4, 2, 1, bias=False), nn.LazyBatchNorm2d()",
                "nn.LazyConvTranspose2d(6, 4, 2, 1, bias=False)",
            )
        ],
        "in the first up block the diagram has BatchNorm2d; yours has ReLU",
    ),
}

DECODER = """
import torch
from torch import nn
import torch.nn.functional as F

class ResBlock(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.norm, self.conv, self.time, self.skip = nn.GroupNorm(2, i), nn.Conv2d(i, o, 3, padding=1), nn.Linear(8, o), nn.Conv2d(i, o, 1)
    def forward(self, x, t):
        return self.conv(F.silu(self.norm(x))) + self.time(F.silu(t))[:, :, None, None] + self.skip(x)

class Attention(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.q, self.k, self.v, self.out, self.norm = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d), nn.LayerNorm(d)
    def forward(self, x):
        b, d, h, w = x.shape
        y = self.norm(x.flatten(2).transpose(1, 2))
        q, k, v = self.q(y), self.k(y), self.v(y)
        y = self.out(torch.softmax(q @ k.transpose(1, 2) / d ** 0.5, -1) @ v)
        return x + y.transpose(1, 2).reshape(b, d, h, w)

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.time = nn.Linear(1, 8)
        self.conv_in = nn.Conv2d(2, 4, 3, padding=1)
        self.encoder = nn.ModuleList([
            nn.ModuleList([ResBlock(4, 4), nn.Identity(), nn.Conv2d(4, 4, 4, 2, 1)]),
            nn.ModuleList([ResBlock(4, 8), Attention(8), nn.Identity()]),
        ])
        self.mid1, self.mid_attn, self.mid2 = ResBlock(8, 8), Attention(8), ResBlock(8, 8)
        self.decoder = nn.ModuleList([
            nn.ModuleList([ResBlock(16, 8), Attention(8), nn.ConvTranspose2d(8, 8, 4, 2, 1)]),
            nn.ModuleList([ResBlock(12, 4), nn.Identity(), nn.Identity()]),
        ])
        self.final = nn.Conv2d(4, 2, 1)
    def forward(self, x, t):
        t, x = self.time(t[:, None]), self.conv_in(x)
        encoder_output = []
        for res, attention, down in self.encoder:
            x = attention(res(x, t))
            encoder_output.append(x)
            x = down(x)
        x = self.mid2(self.mid_attn(self.mid1(x, t)), t)
        for res, attention, up in self.decoder:
            x = torch.cat([x, encoder_output.pop()], 1)
            x = up(attention(res(x, t)))
        return self.final(x)
"""
DECODER_NAMES = {
    "decoder.0.0": "the ResBlock of the first decoder level",
    "decoder.1.0": "the ResBlock of the second decoder level",
    "decoder.0.1": "the transformer of the first decoder level",
    "decoder.0.2": "the first upsampling",
    "encoder.0.0": "the ResBlock of the first encoder level",
    "encoder.1.1": "the transformer of the second encoder level",
    "mid2": "the last middle ResBlock",
}
DECODER_RIGHT: dict[str, list[Change]] = {
    "the solution": [],
    "by index": [
        ("encoder_output.pop()", "encoder_output[-1]"),
        (
            "x = up(attention(res(x, t)))",
            "encoder_output = encoder_output[:-1]\n            x = up(attention(res(x, t)))",
        ),
    ],
    "values before keys": [("q, k, v = self.q(y), self.k(y), self.v(y)", "v, k, q = self.v(y), self.k(y), self.q(y)")],
}
DECODER_WRONG: dict[str, tuple[list[Change], str]] = {
    "skips first": (
        [("[x, encoder_output.pop()]", "[encoder_output.pop(), x]")],
        "in this order; yours come in another order",
    ),
    "no attention": (
        [("x = up(attention(res(x, t)))", "x = up(res(x, t))")],
        "the diagram has the transformer of the first decoder level; yours goes on with ConvTranspose2d",
    ),
    "stored after the downsampling": (
        [
            (
                "encoder_output.append(x)\n            x = down(x)",
                "x = down(x)\n            encoder_output.append(F.interpolate(x, size=(8, 8)) if len(encoder_output) == 0 else x)",
            )
        ],
        "yours has upsampling",
    ),
    "upsampled first": (
        [("x = up(attention(res(x, t)))", "x = attention(res(x, t))\n            x = up(x) * 1.5")],
        "a multiplication with a number",
    ),
}
