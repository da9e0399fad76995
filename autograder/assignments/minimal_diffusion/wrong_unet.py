"""Known wrong versions of the U-Net, of unet.py and, where it has them too, of the conditional one."""

from functools import partial

from autograder.grading.mutants import Misconception

_init = partial(Misconception, task="3", region="unet.py:UNet.__init__")
_forward = partial(Misconception, task="3", region="unet.py:UNet.forward")

_LINKED = "up(torch.cat([y, skips.pop()], dim=1))"
_LAST = "self.head(torch.cat([y, skips.pop()], dim=1))"
_DOWNS = "self.downs = nn.ModuleList(down_block(channels) for channels in (72, 96, 128, 196))"
_UPS = "self.ups = nn.ModuleList(up_block(channels) for channels in (256, 196, 128, 96))"
_BOTTLENECK = "y = self.bottleneck(skips[-1])"


def both_unets(task: str, file: str, prefix: str, linked: tuple[str, str]) -> tuple[Misconception, ...]:
    """The mistakes that are the same in both files. `linked`: the line of the links there, and what it is without them."""
    init = partial(Misconception, task=task, region=f"{file}:UNet.__init__")
    forward = partial(Misconception, task=task, region=f"{file}:UNet.forward")
    return (
        init(
            f"{prefix}fifth-block-never-run",
            explanation="A down block seems to be made and never run. Its weights are never made either, and the optimiser refuses them.",
            edits=((_DOWNS, f"{_DOWNS}\nself.down5 = down_block(256)"),),
        ),
        init(
            f"{prefix}down-blocks-in-a-list",
            explanation="The blocks of the way down seem to lie in an ordinary list, where PyTorch does not find them. "
            "Print list(net.parameters()).",
            edits=((_DOWNS, "self.downs = [down_block(channels) for channels in (72, 96, 128, 196)]"),),
        ),
        forward(
            f"{prefix}links-missing",
            explanation="The way up does not seem to get what the way down had. Look at what each up block is given in the diagram.",
            edits=(linked, (_LAST, "self.head(torch.cat([y, x], dim=1))")),
        ),
        forward(
            f"{prefix}input-link-missing",
            explanation="The last convolution does not seem to see the image. Look at the uppermost link of the diagram.",
            edits=((_LAST, "self.head(y)"),),
        ),
        forward(
            f"{prefix}bottleneck-left-out",
            explanation="The bottleneck seems to be made and never run.",
            edits=((_BOTTLENECK, "y = skips[-1]"),),
        ),
    )


def own_blocks(down: str, up: str, channels: str = "(72, 96, 128, 196)") -> str:
    """The layers of the solution with other blocks; `c` stands for the channels of one."""
    return f"""
        self.downs = nn.ModuleList(nn.Sequential({down}) for c in {channels})
        self.bottleneck = nn.LazyConv2d(256, kernel_size=3, padding=1, bias=False)
        self.ups = nn.ModuleList(nn.Sequential({up}) for c in (256, 196, 128, 96))
        self.head = nn.LazyConv2d(out_class, kernel_size=1)
    """


_CONV, _UP_CONV = "nn.LazyConv2d(c, 4, 2, 1, bias=False)", "nn.LazyConvTranspose2d(c, 4, 2, 1, bias=False)"

UNET = (
    *both_unets("3", "unet.py", "", (_LINKED, "up(y)")),
    _init(
        "up-blocks-in-a-list",
        explanation="The blocks of the way up seem to lie in an ordinary list, where PyTorch does not find them. Print list(net.parameters()).",
        edits=((_UPS, "self.ups = [up_block(channels) for channels in (256, 196, 128, 96)]"),),
    ),
    _init(
        "out_class-ignored",
        explanation="Your network seems to give three channels whatever out_class says. Try UNet(out_class=1).",
        edits=(("nn.LazyConv2d(out_class, kernel_size=1)", "nn.LazyConv2d(3, kernel_size=1)"),),
    ),
    _init(
        "normalisation-missing",
        explanation="BatchNorm seems to be missing in your blocks. Compare them with down_block and up_block.",
        body=own_blocks(f"{_CONV}, nn.ReLU()", f"{_UP_CONV}, nn.ReLU()"),
    ),
    _init(
        "activation-missing",
        explanation="There seems to be no activation between your layers: what is left is one linear map. Compare your blocks with down_block.",
        body=own_blocks(f"{_CONV}, nn.BatchNorm2d(c)", f"{_UP_CONV}, nn.BatchNorm2d(c)"),
    ),
    _init(
        "normalisation-missing-on-the-way-up",
        explanation="BatchNorm seems to be missing in your up blocks. Compare them with up_block.",
        body=own_blocks(f"{_CONV}, nn.BatchNorm2d(c), nn.ReLU()", f"{_UP_CONV}, nn.ReLU()"),
    ),
    _init(
        "one-activation-missing",
        explanation="One of your blocks seems to end without ReLU. Compare each with down_block and up_block.",
        edits=((_UPS, f"{_UPS}\nself.ups[3] = self.ups[3][:2]"),),
    ),
    _init(
        "normalisation-shared",
        explanation="Two of your blocks seem to share one BatchNorm. Each needs its own: their numbers are spread differently.",
        edits=((_UPS, f"{_UPS}\nself.ups[2][1] = self.downs[2][1]"),),
    ),
    _forward(
        "activation-after-the-bottleneck",
        explanation="There seems to be an activation more than in the diagram, after the bottleneck.",
        edits=((_BOTTLENECK, f"{_BOTTLENECK}.relu()"),),
    ),
    _forward(
        "links-detached",
        explanation="Training seems not to go back along your links. Look for .detach() or .data.",
        edits=((_LINKED, _LINKED.replace("pop()", "pop().detach()")),),
    ),
    _forward(
        "way-down-without-gradient",
        explanation="Your way down seems to be run without gradients, so that it is never trained. torch.no_grad is for sampling.",
        edits=(("skips.append(down(skips[-1]))", "with torch.no_grad():\n        skips.append(down(skips[-1]))"),),
    ),
    _forward(
        "links-before-the-activation",
        explanation="Your links seem to be taken inside of the blocks, before ReLU. The diagram's begin at what a block gives.",
        body="""
            skips, y = [x], x
            for down in self.downs:
                skips.append(down[:2](y))
                y = down[2](skips[-1])
            y = self.bottleneck(y)
            for up in self.ups:
                y = up(torch.cat([y, skips.pop()], dim=1))
            return self.head(torch.cat([y, skips.pop()], dim=1))
        """,
    ),
    _forward(
        "lowest-link-missing",
        explanation="The first up block seems to get the bottleneck alone. Look at the lowest link of the diagram.",
        body="""
            skips = [x]
            for down in self.downs:
                skips.append(down(skips[-1]))
            y = self.bottleneck(skips.pop())
            y = self.ups[0](y)
            for up in self.ups[1:]:
                y = up(torch.cat([y, skips.pop()], dim=1))
            return self.head(torch.cat([y, skips.pop()], dim=1))
        """,
    ),
    _forward(
        "links-to-itself",
        explanation="Your up blocks seem to get the same thing twice. One half comes from the way down.",
        edits=((_LINKED, "up(torch.cat([y, y], dim=1))"), (_LAST, "self.head(torch.cat([y, x], dim=1))")),
    ),
    _init(
        "link-of-an-own-design-missing",
        explanation="One resolution of your design seems to have no link across. Go through them from the largest to the smallest.",
        body="""
            def convs(c):
                return nn.Sequential(nn.LazyConv2d(c, 3, padding=1), nn.GroupNorm(4, c), nn.SiLU())

            class Level(nn.Module):
                def __init__(self, c, inner, link):
                    super().__init__()
                    self.one, self.inner, self.two, self.link = convs(c), inner, convs(c), link

                def forward(self, x):
                    x = self.one(x)
                    y = nn.functional.interpolate(self.inner(nn.functional.max_pool2d(x, 2)), scale_factor=2)
                    return self.two(torch.cat([y, x if self.link else y], 1))

            self.downs, self.ups = [], []
            self.bottleneck = Level(16, Level(24, Level(32, convs(48), True), False), True)
            self.head = nn.LazyConv2d(out_class, 1)
        """,
    ),
    _forward(
        "links-from-the-wrong-end",
        explanation="Your links seem to be taken from the beginning of the list: the sizes do not fit. The way up meets the last ones first.",
        edits=((_LINKED, "up(torch.cat([y, skips.pop(0)], dim=1))"),),
    ),
    _forward(
        "links-added",
        explanation="Your links seem to be added, which does not fit their channels. Here they are concatenated.",
        edits=((_LINKED, "up(y + skips.pop())"),),
    ),
    _forward(
        "head-left-out",
        explanation="The last convolution seems to be made and never run.",
        edits=((_LAST, "torch.cat([y, skips.pop()], dim=1)"),),
    ),
    _forward(
        "layer-made-in-forward",
        explanation="A layer seems to be made when the network runs for the first time. An optimiser made before does not know it.",
        edits=(
            (
                _BOTTLENECK,
                'if not hasattr(self, "extra"):\n    self.extra = nn.LazyConv2d(256, 3, padding=1)\ny = self.extra(self.bottleneck(skips[-1]))',
            ),
        ),
    ),
    _forward(
        "sigmoid-at-the-end",
        explanation="Your network seems to answer between 0 and 1 only. Noise has both signs, and no limit.",
        edits=((_LAST, f"torch.sigmoid({_LAST})"),),
    ),
    _forward(
        "relu-at-the-end",
        explanation="Your network never seems to answer with a negative number. Noise has both signs.",
        edits=((_LAST, f"torch.relu({_LAST})"),),
    ),
    _forward(
        "image-ignored",
        explanation="What your network answers does not seem to depend on the image. Look at what the first block is given.",
        edits=(("skips = [x]", "x = torch.zeros_like(x)\nskips = [x]"),),
    ),
    _forward(
        "unet-return-forgotten",
        explanation="forward seems to return nothing. Look at its last line.",
        edits=((f"return {_LAST}", _LAST),),
    ),
)
