"""One plain layer in the place of each block that is known to be wrong: so that what is built of the block is judged all the same, and one mistake
costs one check.

The same layers stand in for the blocks of the student's unet.py and for those of the solution. They give maps of the block's sizes, and nothing
else of it: a worker never sees the solution.
"""

from collections.abc import Iterable

from autograder.sandbox.proxies import Handle, Student

TEXT = """
from torch import nn

def plain(name, layer, *settings, twice=False):
    def init(self, *sizes, **named):
        sizes = [*sizes, *(named[key] for key in sorted(named))]
        layer.__init__(self, *sizes * (1 + twice), *settings)

    def forward(self, x):
        return layer.forward(self, x.reshape(*x.shape[:2], 1, 1) if twice else x)

    return type(name, (layer,), {"__init__": init, "forward": forward})

def fully_connected(*more):
    def init(self, *sizes, **named):
        nn.Linear.__init__(self, *sizes, *(named[key] for key in sorted(named)))

    def forward(self, x):
        return nn.Linear.forward(self, x.reshape(len(x), -1).to(self.weight.dtype)).reshape(len(x), -1, *more)

    return type("FCBlock", (nn.Linear,), {"__init__": init, "forward": forward})

Conv, ConvBlock = plain("Conv", nn.Conv2d, 1), plain("ConvBlock", nn.Conv2d, 3, 1, 1)
DownConv, DownBlock = plain("DownConv", nn.Conv2d, 2, 2), plain("DownBlock", nn.Conv2d, 4, 2, 1)
UpConv, UpBlock = plain("UpConv", nn.ConvTranspose2d, 2, 2), plain("UpBlock", nn.ConvTranspose2d, 4, 2, 1)
Flatten, Unflatten = plain("Flatten", nn.AvgPool2d, 7), plain("Unflatten", nn.ConvTranspose2d, 7, 7, twice=True)
FCBlock, FCBlockOfMaps = fully_connected(), fully_connected(1, 1)
"""
NAMES = frozenset({"Conv", "DownConv", "UpConv", "Flatten", "Unflatten", "ConvBlock", "DownBlock", "UpBlock", "FCBlock"})


def with_plain(student: Student, module: str, blocks: Iterable[str], maps: bool = False) -> tuple[Handle, list[Handle]]:
    """The module run anew with plain layers for `blocks`, and their classes. `maps`: FCBlock gives (B, D, 1, 1), not (B, D)."""
    run = student.module("builtins")
    made = run.new("dict")
    run.new("exec", TEXT, made)
    classes = {name: made.new("get", "FCBlockOfMaps" if maps and name == "FCBlock" else name) for name in blocks}
    return student.module_with(module, **classes), list(classes.values())
