"""Right U-Nets of many shapes: the diagram in other words, and designs of one's own."""

from autograder.assignments.minimal_diffusion.wrong_unet import own_blocks
from autograder.grading.mutants import Variant

UNET_INIT, UNET = "unet.py:UNet.__init__", "unet.py:UNet.forward"
_CONV, _UP_CONV = "nn.LazyConv2d(c, 4, 2, 1, bias=False)", "nn.LazyConvTranspose2d(c, 4, 2, 1, bias=False)"
UNETS: tuple[Variant, ...] = (
    Variant(
        "attributes-and-functional", "every layer an attribute with its channels counted, ReLU as a function, the other order in torch.cat",
        bodies={
            UNET_INIT: """
                sizes = [3, 72, 96, 128, 196]
                for i in range(4):
                    setattr(self, f"d{i}", nn.LazyConv2d(sizes[i + 1], 4, stride=2, padding=1, bias=False))
                    setattr(self, f"dn{i}", nn.BatchNorm2d(sizes[i + 1]))
                self.mid = nn.Conv2d(196, 256, 3, 1, 1, bias=False)
                outs = [256, 196, 128, 96]
                ins = [256 + 196, 256 + 128, 196 + 96, 128 + 72]
                for i in range(4):
                    setattr(self, f"u{i}", nn.ConvTranspose2d(ins[i], outs[i], 4, 2, 1, bias=False))
                    setattr(self, f"un{i}", nn.BatchNorm2d(outs[i]))
                self.last = nn.LazyConv2d(out_class, 1)
            """,
            UNET: """
                h = [x]
                for i in range(4):
                    h.append(torch.relu(getattr(self, f"dn{i}")(getattr(self, f"d{i}")(h[-1]))))
                y = self.mid(h[4])
                for i in range(4):
                    y = getattr(self, f"u{i}")(torch.cat((h[4 - i], y), 1))
                    y = nn.functional.relu(getattr(self, f"un{i}")(y))
                return self.last(torch.cat((h[0], y), 1))
            """,
        },
    ),
    Variant(
        "nested", "a level is a module that holds the level below",
        bodies={
            UNET_INIT: """
                inner = nn.LazyConv2d(256, 3, padding=1, bias=False)
                for down, up in ((196, 256), (128, 196), (96, 128), (72, 96)):
                    inner = Level(down_block(down), inner, up_block(up))
                self.inside = inner
                self.head = nn.LazyConv2d(out_class, 1)
            """,
            UNET: "return self.head(torch.cat([x, self.inside(x)], 1))",
        },
        edits={"unet.py": (("class UNet(nn.Module):", """class Level(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.down, self.inner, self.up = down, inner, up

    def forward(self, x):
        h = self.down(x)
        return self.up(torch.cat([self.inner(h), h], 1))


class UNet(nn.Module):"""),)},
    ),
    Variant(
        "fifth-level-that-runs", "five levels, the fifth with 256 channels",
        bodies={
            UNET_INIT: """
                self.downs = nn.ModuleList(down_block(c) for c in (72, 96, 128, 196, 256))
                self.middle = nn.LazyConv2d(256, 3, padding=1, bias=False)
                self.ups = nn.ModuleList(up_block(c) for c in (256, 256, 196, 128, 96))
                self.head = nn.LazyConv2d(out_class, 1)
            """,
            UNET: """
                skips = [x]
                for down in self.downs:
                    skips.append(down(skips[-1]))
                y = self.middle(skips[-1])
                for up in self.ups:
                    y = up(torch.cat([y, skips.pop()], dim=1))
                return self.head(torch.cat([y, skips.pop()], dim=1))
            """,
        },
    ),
    Variant("own-widths-and-silu", "other widths, another activation", bodies={UNET_INIT: """
        def block(conv, c):
            return nn.Sequential(conv(c, 4, 2, 1), nn.GroupNorm(4, c), nn.SiLU())

        self.downs = nn.ModuleList(block(nn.LazyConv2d, c) for c in (32, 48, 64, 96))
        self.bottleneck = nn.Sequential(nn.LazyConv2d(96, 3, padding=1), nn.GELU())
        self.ups = nn.ModuleList(block(nn.LazyConvTranspose2d, c) for c in (96, 64, 48, 32))
        self.head = nn.LazyConv2d(out_class, 3, padding=1)
    """}),
    Variant("biases-and-identity", "the diagram with biases, in-place ReLU and an nn.Identity", bodies={UNET_INIT: own_blocks(
        f"{_CONV.replace('False', 'True')}, nn.Identity(), nn.BatchNorm2d(c), nn.ReLU(inplace=True)",
        f"{_UP_CONV.replace('False', 'True')}, nn.BatchNorm2d(c), nn.ReLU()",
    )}),
    Variant(
        "interpolation-and-pooling", "max-pooling down, nearest-neighbour interpolation up, convolutions in between",
        bodies={
            UNET_INIT: """
                def convs(c):
                    return nn.Sequential(nn.LazyConv2d(c, 3, padding=1), nn.LazyBatchNorm2d(), nn.LeakyReLU(0.1))

                self.encoder = nn.ModuleList(convs(c) for c in (32, 48, 64, 96))
                self.middle = convs(128)
                self.decoder = nn.ModuleList(convs(c) for c in (96, 64, 48, 32))
                self.head = nn.LazyConv2d(out_class, 1)
            """,
            UNET: """
                links, y = [], x
                for stage in self.encoder:
                    y = stage(y)
                    links.append(y)
                    y = nn.functional.max_pool2d(y, 2)
                y = self.middle(y)
                for stage in self.decoder:
                    y = nn.functional.interpolate(y, scale_factor=2)
                    y = stage(torch.cat([y, links.pop()], 1))
                return self.head(torch.cat([y, x], 1))
            """,
        },
    ),
    Variant(
        "output-starts-at-zero", "the last layer begins with weights 0, and dropout in the bottleneck",
        bodies={
            UNET_INIT: """
                self.downs = nn.ModuleList(down_block(channels) for channels in (72, 96, 128, 196))
                self.bottleneck = nn.Sequential(nn.LazyConv2d(256, kernel_size=3, padding=1, bias=False), nn.Dropout(0.1))
                self.ups = nn.ModuleList(up_block(channels) for channels in (256, 196, 128, 96))
                self.before = nn.LazyConv2d(96, kernel_size=1)
                self.head = nn.Conv2d(96, out_class, 1)
                nn.init.zeros_(self.head.weight)
                nn.init.zeros_(self.head.bias)
            """,
            UNET: """
                skips = [x]
                for down in self.downs:
                    skips.append(down(skips[-1]))
                y = self.bottleneck(skips[-1])
                for up in self.ups:
                    y = up(torch.cat([y, skips.pop()], dim=1))
                return self.head(torch.relu(self.before(torch.cat([y, skips.pop()], dim=1))))
            """,
        },
    ),
    Variant(
        "dictionary-and-checkpoints", "layers in a dictionary, memory saved by checkpoints, the last layer a matrix, einops in torch.cat's place",
        bodies={
            UNET_INIT: """
                self.layers = nn.ModuleDict({f"down{c}": down_block(c) for c in (72, 96, 128, 196)})
                self.layers.update({f"up{c}": up_block(c) for c in (256, 196, 128, 96)})
                self.layers["middle"] = nn.LazyConv2d(256, 3, padding="same", bias=False)
                self.layers["last"], self.name = nn.LazyLinear(out_class), "unet"
            """,
            UNET: """
                from einops import pack, rearrange
                from torch.utils.checkpoint import checkpoint
                kept = [x]
                for c in (72, 96, 128, 196):
                    kept.insert(0, checkpoint(self.layers[f"down{c}"], kept[0], use_reentrant=False))
                y = self.layers["middle"](kept[0])
                for c, link in zip((256, 196, 128, 96), kept):
                    y, _ = pack([link, y], "b * h w")
                    y = self.layers[f"up{c}"](y)
                y = self.layers["last"](rearrange([*torch.unbind(y, 1), *torch.unbind(x, 1)], "c b h w -> b (h w) c"))
                return rearrange(y, "b (h w) c -> b c h w", h=x.shape[2])
            """,
        },
    ),
    Variant(
        "room-for-both", "the links written into a tensor made for both, the layers in one list, weights normalised",
        bodies={
            UNET_INIT: """
                middle = nn.utils.parametrizations.weight_norm(nn.Conv2d(196, 256, 3, padding=1))
                blocks = [*map(down_block, (72, 96, 128, 196)), middle, *map(up_block, (256, 196, 128, 96)), nn.LazyConv2d(out_class, 1)]
                self.layers = nn.Sequential(*blocks)
            """,
            UNET: """
                kept, y = [x], x
                for i, layer in enumerate(self.layers):
                    if i > 4:
                        link = kept[9 - i]
                        room = y.new_empty(len(y), y.size(1) + link.size(1), *link.shape[2:])
                        room[:, : y.size(1)] = y
                        room[:, y.size(1) :] = link
                        y = room
                    y = layer(y)
                    kept.append(y)
                return y
            """,
        },
    ),
    Variant("diagram-by-interpolation", "the diagram's channels by interpolation and convolution", bodies={UNET_INIT: own_blocks(
        f"{_CONV}, nn.BatchNorm2d(c), nn.ReLU()", "nn.Upsample(scale_factor=2), nn.LazyConv2d(c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU()",
    )}),
    Variant("own-normalisation", "the diagram's channels with InstanceNorm", bodies={UNET_INIT: own_blocks(
        f"{_CONV}, nn.InstanceNorm2d(c, affine=True), nn.ReLU()", f"{_UP_CONV}, nn.BatchNorm2d(c), nn.ReLU()",
    )}),
    Variant(
        "attention-and-gates", "two levels; attention in the middle, channels last and gated on the way down, links added",
        bodies={
            UNET_INIT: """
                self.one, self.two, self.three = nn.LazyConv2d(16, 3, padding=1), nn.LazyConv2d(24, 3, 2, 1), nn.LazyConv2d(32, 3, 2, 1)
                self.norm, self.gate = nn.LayerNorm(16), nn.Linear(16, 16)
                self.before, self.attention = nn.LayerNorm(32), nn.MultiheadAttention(32, 4, batch_first=True)
                self.up, self.last_up = nn.LazyConvTranspose2d(24, 2, 2), nn.LazyConvTranspose2d(16, 2, 2)
                self.head = nn.LazyConv2d(out_class, 3, padding=1)
                nn.init.zeros_(self.attention.out_proj.weight)
            """,
            UNET: """
                one = self.norm(self.one(x).movedim(1, 3)).movedim(3, 1)
                one = one * torch.sigmoid(self.gate(one.mean((2, 3))))[:, :, None, None]
                two = nn.functional.silu(self.two(one))
                y = nn.functional.silu(self.three(two))
                rows = self.before(y.flatten(2).transpose(1, 2))
                y = y + self.attention(rows, rows, rows)[0].transpose(1, 2).reshape(y.shape)
                y = nn.functional.silu(self.up(y)) + two
                return self.head(nn.functional.silu(self.last_up(y)) + one)
            """,
        },
    ),
)  # fmt: skip
