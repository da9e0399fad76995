"""Right unet.py files of many shapes. Each must get full marks."""

from autograder.grading.mutants import Variant

BLOCKS = ("Conv", "DownConv", "UpConv", "Flatten", "Unflatten", "ConvBlock", "DownBlock", "UpBlock", "FCBlock")
U, T, C = ("unet.py:UnconditionalUNet", "unet.py:TimeConditionalUNet", "unet.py:ClassConditionalUNet")


def _both(name: str, init: str, forward: str) -> dict[str, str]:
    return {f"unet.py:{name}.__init__": init, f"unet.py:{name}.forward": forward}


# Networks without any of the blocks

_PLAIN_INIT = """
    def double(i, o):
        return [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.GELU(), nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.GELU()]

    d, w = num_hiddens, 2 * num_hiddens
    self.out = nn.Conv2d(d, in_channels, kernel_size=(3, 3), padding="same")
    self.dec2 = nn.Sequential(*double(w, d))
    self.dec1 = nn.Sequential(nn.ConvTranspose2d(w, d, 4, 2, 1), nn.BatchNorm2d(d), nn.GELU(), *double(d, d))
    self.dec0 = nn.Sequential(nn.ConvTranspose2d(2 * w, d, 4, 2, 1), nn.BatchNorm2d(d), nn.GELU(), *double(d, d))
    self.bottom = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.GELU(), nn.ConvTranspose2d(w, w, 7), nn.BatchNorm2d(w), nn.GELU())
    self.enc2 = nn.Sequential(nn.Conv2d(d, w, 3, 2, 1), nn.BatchNorm2d(w), nn.GELU(), *double(w, w))
    self.enc1 = nn.Sequential(nn.Conv2d(d, d, 3, 2, 1), nn.BatchNorm2d(d), nn.GELU(), *double(d, d))
    self.enc0 = nn.Sequential(*double(in_channels, d))
"""
_PLAIN_FORWARD = """
    skips = [self.enc0(x)]
    skips += [self.enc1(skips[0])]
    skips += [self.enc2(skips[1])]
    y = self.bottom(skips[2])
    y = self.dec0(torch.cat((skips.pop(), y), 1))
    y = self.dec1(torch.cat((skips.pop(), y), 1))
    return self.out(self.dec2(torch.cat((skips.pop(), y), 1)))
"""
_PLAIN_TIME = _PLAIN_FORWARD.replace("y = self.bottom(skips[2])", "y = self.bottom(skips[2]) + self.one(t[:, None])[..., None, None]").replace(
    "    y = self.dec1", "    y += self.two(t[:, None])[..., None, None]\n    y = self.dec1"
)

_TRUNK = """
    C, D = in_channels, num_hiddens
    self.first = ConvBlock(C, D)
    self.down1, self.down2 = DownBlock(D, D), DownBlock(D, 2 * D)
    self.flatten, self.unflatten = Flatten(), Unflatten(2 * D)
    self.up1, self.up2 = UpBlock(4 * D, D), UpBlock(2 * D, D)
    self.last = ConvBlock(2 * D, D)
    self.out = nn.Conv2d(D, C, 3, 1, 1)
"""


def _class_forward(before: str, one_hot: str) -> str:
    """The solution's, with another beginning."""
    return f"""
    {before}
    one_hot = {one_hot}
    t = t.reshape(-1, 1)
    t1, t2 = self.t1(t)[:, :, None, None], self.t2(t)[:, :, None, None]
    c1, c2 = self.c1(one_hot)[:, :, None, None], self.c2(one_hot)[:, :, None, None]
    x28 = self.first(x)
    x14 = self.down1(x28)
    x7 = self.down2(x14)
    y = c1 * self.unflatten(self.flatten(x7)) + t1
    y = c2 * self.up1(torch.cat([y, x7], dim=1)) + t2
    y = self.up2(torch.cat([y, x14], dim=1))
    return self.out(self.last(torch.cat([y, x28], dim=1)))
"""


def _time_forward(before: str, one: str = "self.t1(t)[:, :, None, None]", two: str = "self.t2(t)[:, :, None, None]") -> str:
    return f"""
    {before}
    x28 = self.first(x)
    x14 = self.down1(x28)
    x7 = self.down2(x14)
    y = self.unflatten(self.flatten(x7)) + {one}
    y = self.up1(torch.cat([y, x7], dim=1)) + {two}
    y = self.up2(torch.cat([y, x14], dim=1))
    return self.out(self.last(torch.cat([y, x28], dim=1)))
"""


_FORWARD = f"{T}.forward"
_CLASS_HEAD = ("def forward(self, x, c, t, mask=None):", "def forward(self, x, c, t):")
_TIME_HEAD = (
    "class TimeConditionalUNet(nn.Module):\n"
    '    """The U-Net that is told the time: (B, C, 28, 28) and t, (B,), in 0 … 1 → (B, C, 28, 28). `num_classes` is not used."""\n\n'
    "    def __init__(self, in_channels, num_classes, num_hiddens):"
)
_SMALL = {
    **_both("Conv", "self.c, self.n = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1), nn.BatchNorm2d(out_channels)",
            "return F.gelu(self.n(self.c(x)))"),
    **_both("DownConv", "self.c = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)\nself.n = nn.BatchNorm2d(out_channels)",
            "x = self.c(x)\nx = self.n(x)\nreturn torch.nn.functional.gelu(x)"),
    **_both("UpConv", "self.c = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1)\nself.n = nn.BatchNorm2d(out_channels)",
            "return F.gelu(self.n(self.c(x)))"),
    **_both("Flatten", "pass", "return F.gelu(x.mean(dim=(2, 3), keepdim=True))"),
    **_both("Unflatten", "self.c = nn.ConvTranspose2d(in_channels, in_channels, kernel_size=7)\nself.n = nn.BatchNorm2d(in_channels)",
            "return F.gelu(self.n(self.c(x)))"),
    **_both("ConvBlock", "self.a = Conv(in_channels, out_channels)\nself.b = Conv(out_channels, out_channels)", "return self.b(self.a(x))"),
    **_both("DownBlock", "self.b = ConvBlock(out_channels, out_channels)\nself.a = DownConv(in_channels, out_channels)", "return self.b(self.a(x))"),
    **_both("UpBlock", "self.b = ConvBlock(out_channels, out_channels)\nself.a = UpConv(in_channels, out_channels)", "return self.b(self.a(x))"),
    **_both("FCBlock", "self.a, self.b = nn.Linear(in_channels, out_channels), nn.Linear(out_channels, out_channels)",
            "return self.b(F.gelu(self.a(x)))"),
}  # fmt: skip

UNETS: tuple[Variant, ...] = (
    Variant("attributes-and-functions", "layers as attributes, GELU as a function, the mean for the pooling", bodies=_SMALL),
    Variant("gelu-by-tanh", "GELU in its tanh form", bodies={
        "unet.py:Conv.__init__": """
            self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, 1, 1), nn.BatchNorm2d(out_channels), nn.GELU(approximate="tanh"))
        """,
        "unet.py:Flatten.forward": 'return F.gelu(F.avg_pool2d(x, 7), approximate="tanh")',
    }),
    Variant("skip-first", "what the way down had comes first in every torch.cat", bodies={f"{U}.forward": """
        x28 = self.first(x)
        x14 = self.down1(x28)
        x7 = self.down2(x14)
        y = self.unflatten(self.flatten(x7))
        y = self.up1(torch.cat([x7, y], dim=1))
        y = self.up2(torch.cat([x14, y], dim=1))
        return self.out(self.last(torch.cat([x28, y], dim=1)))
    """, f"{T}.forward": """
        t = t[:, None]
        x28 = self.first(x)
        x14 = self.down1(x28)
        x7 = self.down2(x14)
        y = self.unflatten(self.flatten(x7)) + self.t1(t)[:, :, None, None]
        y = self.up1(torch.concat((x7, y), 1)) + self.t2(t)[:, :, None, None]
        y = self.up2(torch.concat((x14, y), 1))
        return self.out(self.last(torch.concat((x28, y), 1)))
    """}),
    Variant("pooling-to-one", "Flatten by adaptive pooling, Unflatten of stride 1, no bias before BatchNorm", bodies={
        "unet.py:Conv.__init__": """
            self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, 1, 1, bias=False), nn.BatchNorm2d(out_channels), nn.GELU())
        """,
        "unet.py:UpConv.__init__": """
            up = nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1, bias=False)
            self.layers = nn.Sequential(up, nn.BatchNorm2d(out_channels), nn.GELU())
        """,
        "unet.py:Flatten.__init__": "self.layers = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.GELU())",
        "unet.py:Unflatten.__init__": """
            self.layers = nn.Sequential(nn.ConvTranspose2d(in_channels, in_channels, 7, 1, 0), nn.BatchNorm2d(in_channels), nn.GELU())
        """,
    }),
    Variant("vectors-at-the-bottom", "Flatten gives vectors, and Unflatten takes them, by a Linear", bodies={
        "unet.py:Flatten.forward": "return self.layers(x).flatten(1)",
        **_both("Unflatten", "self.up, self.norm = nn.Linear(in_channels, in_channels * 49), nn.BatchNorm2d(in_channels)",
                "return F.gelu(self.norm(self.up(x.flatten(1)).view(len(x), -1, 7, 7)))"),
    }),
    Variant("only-vectors-at-the-bottom", "Unflatten takes a vector, and nothing else", bodies={
        "unet.py:Flatten.forward": "return self.layers(x)[:, :, 0, 0]",
        "unet.py:Unflatten.forward": "return self.layers(x[:, :, None, None])",
    }),
    Variant("blocks-without-small-ones", "the blocks are written out, and none is made of another", bodies={
        **_both("ConvBlock", """
            self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, 1, 1), nn.BatchNorm2d(out_channels), nn.GELU(),
                                        nn.Conv2d(out_channels, out_channels, 3, 1, 1), nn.BatchNorm2d(out_channels), nn.GELU())
        """, "return self.layers(x)"),
        **_both("DownBlock", """
            self.down = DownConv(in_channels, out_channels)
            self.convs = nn.ModuleList([Conv(out_channels, out_channels) for _ in range(2)])
        """, """
            x = self.down(x)
            for conv in self.convs:
                x = conv(x)
            return x
        """),
    }),
    Variant("networks-without-blocks", "the three networks use none of the blocks, and are made from the last layer to the first", bodies={
        **_both("UnconditionalUNet", _PLAIN_INIT, _PLAIN_FORWARD),
        **_both("TimeConditionalUNet", f"""{_PLAIN_INIT}
    self.two = nn.Sequential(nn.Linear(1, d), nn.GELU(), nn.Linear(d, d))
    self.one = nn.Sequential(nn.Linear(1, w), nn.GELU(), nn.Linear(w, w))
""", _PLAIN_TIME),
    }),
    Variant(
        "networks-that-inherit", "the conditional networks are made of the unconditional one",
        bodies={
            f"{T}.__init__": """
                super(TimeConditionalUNet, self).__init__(in_channels, num_hiddens)
                self.t1, self.t2 = FCBlock(1, 2 * num_hiddens), FCBlock(1, num_hiddens)
            """,
        },
        edits={"unet.py": ((f"{_TIME_HEAD}\n        super().__init__()", _TIME_HEAD.replace("(nn.Module)", "(UnconditionalUNet)")),
        )},
    ),
    Variant(
        "number-of-classes-absent", "TimeConditionalUNet(in_channels, num_hiddens)",
        edits={"unet.py": ((_TIME_HEAD, _TIME_HEAD.replace("in_channels, num_classes, num_hiddens", "in_channels, num_hiddens")),)},
    ),
    Variant("t-in-a-column", "t comes as (B, 1)", bodies={_FORWARD: _time_forward("assert t.shape == (len(x), 1)")}),
    Variant("t-as-a-map", "t comes as (B, 1, 1, 1)", bodies={
        _FORWARD: _time_forward("assert t.ndim == 4", "self.t1(t).permute(0, 3, 1, 2)", "self.t2(t).permute(0, 3, 1, 2)"),
    }),
    Variant("fc-block-gives-maps", "FCBlock gives (B, D, 1, 1)", bodies={
        "unet.py:FCBlock.forward": "return self.layers(x)[..., None, None]",
        f"{T}.forward": _time_forward("t = t.unsqueeze(-1)", "self.t1(t)", "self.t2(t)"),
        f"{C}.forward": _class_forward("", "F.one_hot(c, self.num_classes).float() * (1 if mask is None else mask.view(-1, 1))")
        .replace("(t)[:, :, None, None]", "(t)").replace("(one_hot)[:, :, None, None]", "(one_hot)"),
    }),
    Variant("in-place", "sums and products in place", bodies={f"{C}.forward": """
        label = torch.zeros(len(c), self.num_classes)
        label[torch.arange(len(c)), c] = 1.0
        if mask is not None:
            label[mask == 0] = 0
        x28 = self.first(x)
        x14 = self.down1(x28)
        x7 = self.down2(x14)
        y = self.unflatten(self.flatten(x7))
        y *= self.c1(label).view(len(x), -1, 1, 1)
        y += self.t1(t.view(-1, 1)).view(len(x), -1, 1, 1)
        y = self.up1(torch.cat([y, x7], dim=1))
        y.mul_(self.c2(label)[..., None, None]).add_(self.t2(t.view(-1, 1))[..., None, None])
        return self.out(self.last(torch.cat([self.up2(torch.cat([x14, y], dim=1)), x28], dim=1)))
    """}),
    Variant("mask-of-bools", "the mask must be of bools", bodies={
        f"{C}.forward": _class_forward("mask = torch.ones(len(c), dtype=torch.bool) if mask is None else mask\n    assert mask.dtype == torch.bool",
                                       "F.one_hot(c, self.num_classes).float().masked_fill(~mask[:, None], 0)"),
    }),
    Variant("mask-in-a-column", "mask comes as (B, 1), t too", bodies={
        f"{C}.forward": _class_forward("assert t.ndim == 2 and (mask is None or mask.ndim == 2)",
                                       "F.one_hot(c, self.num_classes) * (mask if mask is not None else torch.ones(len(c), 1))"),
    }),
    Variant("mask-of-whole-numbers", "a mask of whole numbers chooses rows", bodies={
        f"{C}.forward": _class_forward("keep = torch.ones_like(c) if mask is None else mask\n    assert not keep.is_floating_point()",
                                       "torch.eye(self.num_classes)[c] * torch.where(keep == 1, 1.0, 0.0).reshape(-1, 1)"),
    }),
    Variant(
        "caller-makes-the-one-hot", "c comes as one-hot vectors, and a mask beside it",
        bodies={
            f"{C}.forward": _class_forward("assert c.shape == (len(x), self.num_classes)", "c if mask is None else c * mask.reshape(-1, 1)"),
        },
        edits={"class_conditional.py": (
            ("unet(x_t, c, t / num_ts, mask)", "unet(x_t, F.one_hot(c, 10).float(), t / num_ts, mask)"),
            ("eps_u, eps_c = unet(x, c, time, without), unet(x, c, time, 1 - without)",
             "hot = F.one_hot(c, 10).float()\n        eps_u, eps_c = unet(x, hot, time, without), unet(x, hot, time, 1 - without)"),
        )},
    ),
    Variant(
        "no-label-is-a-zero-vector", "c comes as one-hot vectors, which are zero where no label is told; there is no mask",
        bodies={f"{C}.forward": _class_forward("assert c.shape == (len(x), self.num_classes)", "c")},
        edits={"unet.py": (_CLASS_HEAD,)},
    ),
    Variant("embedding-for-the-class", "the first Linear of the class is a table of which a row is taken", bodies={
        f"{C}.__init__": f"""{_TRUNK}
    self.num_classes = num_classes
    self.t1, self.t2 = FCBlock(1, 2 * D), FCBlock(1, D)
    self.c1, self.c2 = FCBlock(num_classes, 2 * D), FCBlock(num_classes, D)
    self.register_buffer("rows", torch.eye(num_classes))
""",
        f"{C}.forward": _class_forward("told = 1.0 if mask is None else mask.float()[:, None]", "self.rows[c] * told"),
    }),
    Variant("other-arguments", "the blocks are built by keywords, in another order", bodies={
        f"{U}.__init__": """
            C, D = in_channels, num_hiddens
            self.out = nn.Conv2d(in_channels=D, out_channels=C, kernel_size=3, stride=1, padding=1)
            self.last = ConvBlock(in_channels=2 * D, out_channels=D)
            self.up2, self.up1 = UpBlock(out_channels=D, in_channels=2 * D), UpBlock(out_channels=D, in_channels=4 * D)
            self.unflatten, self.flatten = Unflatten(in_channels=2 * D), Flatten()
            self.down2, self.down1 = DownBlock(in_channels=D, out_channels=2 * D), DownBlock(in_channels=D, out_channels=D)
            self.first = ConvBlock(in_channels=C, out_channels=D)
        """,
    }),
    Variant("room-for-both", "the links are written into a tensor that has room for both; checkpoints save memory", bodies={
        f"{U}.forward": """
            from torch.utils.checkpoint import checkpoint
            x28 = checkpoint(self.first, x, use_reentrant=False)
            x14 = self.down1(x28)
            x7 = self.down2(x14)
            y = self.unflatten(self.flatten(x7))
            for up, link in ((self.up1, x7), (self.up2, x14), (self.last, x28)):
                room = y.new_empty(len(y), y.size(1) + link.size(1), *link.shape[2:])
                room[:, : y.size(1)] = y
                room[:, y.size(1) :] = link
                y = up(room)
            return self.out(y)
        """,
    }),
    Variant("lists-and-loops", "the blocks in lists and dictionaries of modules", bodies=_both("UnconditionalUNet", """
        C, D = in_channels, num_hiddens
        self.down = nn.ModuleList([ConvBlock(C, D), DownBlock(D, D), DownBlock(D, 2 * D)])
        self.middle = nn.Sequential(Flatten(), nn.Identity(), Unflatten(2 * D))
        self.up = nn.ModuleDict({"one": UpBlock(4 * D, D), "two": UpBlock(2 * D, D), "three": ConvBlock(2 * D, D)})
        self.end = nn.LazyConv2d(C, 3, padding=1)
    """, """
        links = []
        for block in self.down:
            x = block(x)
            links.append(x)
        x = self.middle(x)
        for block in self.up.values():
            x = block(torch.cat([x, links.pop()], 1))
        return self.end(x)
    """)),
    Variant("time-in-a-helper", "the embeddings come from a helper function; t is made (B, 1) there, of whatever shape it is", bodies={
        f"{T}.forward": _time_forward("t1, t2 = embedded(self, t)", "t1", "t2"),
    }, edits={"unet.py": (("class TimeConditionalUNet(nn.Module):", """def embedded(network, t):
    t = t.reshape(-1, 1).float()
    return tuple(block(t).unsqueeze(2).unsqueeze(3) for block in (network.t1, network.t2))


class TimeConditionalUNet(nn.Module):"""),)}),
)  # fmt: skip
