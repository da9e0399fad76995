"""Right solutions of many shapes. Each must get full marks."""

from autograder.assignments.minimal_diffusion.wrong_unet import own_blocks
from autograder.grading.mutants import Variant

SCHEDULE, FORWARD, SAMPLE = "ddpm.py:schedule", "ddpm.py:DDPM.forward", "ddpm.py:DDPM.sample"
UNET_INIT, UNET = "unet.py:UNet.__init__", "unet.py:UNet.forward"
C_INIT, C_UNET = "conditional.py:UNet.__init__", "conditional.py:UNet.forward"
C_FORWARD, C_SAMPLE = "conditional.py:DDPM.forward", "conditional.py:DDPM.sample"

_BUFFERS = """
        betas = torch.linspace(beta1, beta2, T + 1, dtype=torch.float64)
        alphas = 1 - betas
        bar = alphas.cumprod(0)
        self.register_buffer("betas", betas.float())
        self.register_buffer("alphas", alphas.float())
        self.register_buffer("bar", bar.float())
"""
_LOSS_OF_BUFFERS = """
    t = torch.randint(1, T + 1, (len(x),), device=x.device)
    bar = self.bar[t].reshape(-1, 1, 1, 1)
    noise = torch.randn_like(x)
    return ((self.net({inputs}) - noise) ** 2).mean()
"""
_SAMPLE_OF_BUFFERS = """
    {labels}
    x = torch.randn(n_sample, *size)
    for i in reversed(range(1, T + 1)):
        beta, alpha, bar = self.betas[i], self.alphas[i], self.bar[i]
        x = (x - beta * self.net({inputs}) / (1 - bar).sqrt()) / alpha.sqrt()
        if i > 1:
            x = x + beta.sqrt() * torch.randn_like(x)
    return x
"""
_NOISED = "bar.sqrt() * x + (1 - bar).sqrt() * noise"
_CONSTRUCTOR = "        self.net = first_network() if net is None else net\n"
_C_CONSTRUCTOR = "        self.net = UNet() if net is None else net\n"
_IMPORT = "from ddpm import T, mab_over_sqrtmab_inv, oneover_sqrta, sigma_t, sqrtab, sqrtmab\n"

_DIFFUSION = (
    Variant(
        "cumprod-and-linspace", "the schedule by linspace and cumprod, in float64",
        bodies={SCHEDULE: """
            beta_t = torch.linspace(beta1, beta2, T + 1, dtype=torch.float64)
            alpha_t = 1.0 - beta_t
            alphabar_t = torch.cumprod(alpha_t, 0)
            sqrtab, sqrtmab = (v.sqrt().float()[:, None, None, None] for v in (alphabar_t, 1 - alphabar_t))
            oneover_sqrta = alpha_t.rsqrt().float()
            mab_over_sqrtmab_inv = (beta_t / (1 - alphabar_t).sqrt()).float()
            beta_t, alpha_t, alphabar_t = beta_t.float(), alpha_t.float(), alphabar_t.float()
            sigma_t = torch.sqrt(beta_t)
        """},
    ),
    Variant(
        "flat-tables", "flat tables, reshaped where images are multiplied",
        bodies={
            SCHEDULE: """
                beta_t = beta1 + (beta2 - beta1) * torch.arange(T + 1) / T
                alpha_t = 1 - beta_t
                alphabar_t = torch.cumprod(alpha_t, 0)
                sqrtab = torch.sqrt(alphabar_t)
                sqrtmab = torch.sqrt(1 - alphabar_t)
                oneover_sqrta = 1 / torch.sqrt(alpha_t)
                mab_over_sqrtmab_inv = (1 - alpha_t) / sqrtmab
                sigma_t = torch.sqrt(beta_t)
            """,
            FORWARD: """
                t = torch.randint(1, T + 1, (x.size(0),))
                eps = torch.randn_like(x)
                return F.mse_loss(self.net(sqrtab[t].view(-1, 1, 1, 1) * x + sqrtmab[t].view(-1, 1, 1, 1) * eps), eps)
            """,
            C_FORWARD: """
                t = torch.randint(1, T + 1, (x.size(0),))
                eps = torch.randn_like(x)
                return F.mse_loss(self.net(sqrtab[t].view(-1, 1, 1, 1) * x + sqrtmab[t].view(-1, 1, 1, 1) * eps, c), eps)
            """,
        },
    ),
    Variant(
        "buffers", "the tables as buffers of the two modules, under names of their own",
        bodies={
            SCHEDULE: "pass",
            FORWARD: _LOSS_OF_BUFFERS.format(inputs=_NOISED),
            SAMPLE: _SAMPLE_OF_BUFFERS.format(labels="", inputs="x"),
            C_FORWARD: _LOSS_OF_BUFFERS.format(inputs=f"{_NOISED}, c"),
            C_SAMPLE: _SAMPLE_OF_BUFFERS.format(labels="c = torch.arange(n_sample) % 10", inputs="x, c"),
        },
        edits={
            "ddpm.py": ((_CONSTRUCTOR, _CONSTRUCTOR + _BUFFERS),),
            "conditional.py": ((_IMPORT, "from ddpm import T, beta1, beta2\n"), (_C_CONSTRUCTOR, _C_CONSTRUCTOR + _BUFFERS)),
        },
    ),
    Variant(
        "constructor-without-arguments", "the original constructor, which makes its own network; T written out in the functions",
        bodies={
            FORWARD: """
                _ts = torch.randint(1, 401, (x.shape[0],)).to(x.device)
                eps = torch.randn_like(x)
                x_t = sqrtab[_ts] * x + sqrtmab[_ts] * eps
                return nn.functional.mse_loss(eps, self.net(x_t))
            """,
            SAMPLE: """
                x_i = torch.randn(n_sample, *size)
                for i in range(400, 0, -1):
                    z = torch.randn(n_sample, *size) if i > 1 else 0
                    eps = self.net(x_i)
                    x_i = oneover_sqrta[i] * (x_i - eps * mab_over_sqrtmab_inv[i]) + sigma_t[i] * z
                return x_i
            """,
        },
        edits={
            "ddpm.py": (("def __init__(self, net=None):", "def __init__(self):"), (_CONSTRUCTOR, "        self.net = first_network()\n")),
            "conditional.py": (("def __init__(self, net=None):", "def __init__(self):"), (_C_CONSTRUCTOR, "        self.net = UNet()\n")),
        },
    ),
    Variant(
        "noising-in-a-helper", "x_t in a function of its own; t by rounding up a uniform number; the loss written out",
        bodies={FORWARD: """
            t = (torch.rand(x.shape[0]) * T).floor().long() + 1
            noise = torch.empty_like(x).normal_()
            error = noise - self.net(noised(x, t, noise))
            return error.pow(2).flatten(1).mean(1).mean()
        """},
        edits={"ddpm.py": (("class DDPM(nn.Module):", """def noised(x, t, noise):
    return x * sqrtab[t] + noise * sqrtmab[t]


class DDPM(nn.Module):"""),)},
    ),
    Variant(
        "numpy-noise", "random numbers of NumPy",
        bodies={FORWARD: """
            import numpy as np
            t = torch.from_numpy(np.random.randint(1, T + 1, size=len(x)))
            eps = torch.from_numpy(np.random.randn(*x.shape)).float()
            return torch.mean((self.net(sqrtab[t] * x + sqrtmab[t] * eps) - eps) ** 2)
        """},
    ),
    Variant(
        "t-as-an-extra", "the network may be told t as well",
        bodies={
            FORWARD: """
                t = torch.randint(1, T + 1, (x.shape[0],), device=x.device)
                eps = torch.randn_like(x)
                return F.mse_loss(eps, self.net(sqrtab[t] * x + sqrtmab[t] * eps, t / T))
            """,
            SAMPLE: """
                x = torch.randn(n_sample, *size, device=device)
                for t in range(T, 0, -1):
                    eps = self.net(x, torch.full((n_sample,), t / T))
                    x = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * eps)
                    x = x + sigma_t[t] * torch.randn_like(x) if t > 1 else x
                return x
            """,
            UNET: """
                if t is not None:
                    x = torch.cat([x, t.float().view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])], 1)
                else:
                    x = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
                skips = [x]
                for down in self.downs:
                    skips.append(down(skips[-1]))
                y = self.bottleneck(skips[-1])
                for up in self.ups:
                    y = up(torch.cat([y, skips.pop()], dim=1))
                return self.head(torch.cat([y, skips.pop()], dim=1))
            """,
        },
        edits={"unet.py": (("def forward(self, x):", "def forward(self, x, t=None):"),)},
    ),
    Variant(
        "posterior-variance", "the paper's other variance",
        bodies={SAMPLE: """
            x = torch.randn(n_sample, *size, device=device)
            for t in range(T, 0, -1):
                x = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * self.net(x))
                if t > 1:
                    variance = beta_t[t] * (1 - alphabar_t[t - 1]) / (1 - alphabar_t[t])
                    x = x + variance.sqrt() * torch.randn_like(x)
            return x
        """},
    ),
    Variant(
        "while-loop", "a while loop, t as a tensor, the noise switched off by a factor",
        bodies={SAMPLE: """
            with torch.no_grad():
                x, t = torch.normal(0.0, 1.0, (n_sample, *size)), torch.tensor(T)
                while t > 0:
                    eps = self.net(x)
                    mean = (x - beta_t[t] / torch.sqrt(1 - alphabar_t[t]) * eps) / torch.sqrt(1 - beta_t[t])
                    x = mean + (t > 1).float() * torch.sqrt(beta_t[t]) * torch.randn(x.shape)
                    t = t - 1
            return x
        """},
    ),
    Variant(
        "by-way-of-x0", "the posterior mean of x_0 and x_t",
        bodies={SAMPLE: """
            x = torch.randn((n_sample,) + tuple(size), device=device)
            for t in range(T, 0, -1):
                bar, before = alphabar_t[t], alphabar_t[t - 1]
                x0 = (x - (1 - bar).sqrt() * self.net(x)) / bar.sqrt()
                mean = before.sqrt() * beta_t[t] / (1 - bar) * x0 + alpha_t[t].sqrt() * (1 - before) / (1 - bar) * x
                x = mean + sigma_t[t] * torch.randn_like(x) if t != 1 else mean
            return x
        """},
    ),
)  # fmt: skip

_CONV, _UP_CONV = "nn.LazyConv2d(c, 4, 2, 1, bias=False)", "nn.LazyConvTranspose2d(c, 4, 2, 1, bias=False)"
_UNETS = (
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

_BODY = """
    skips = [x]
    for down in self.downs:
        skips.append(down(skips[-1]))
    y = {middle}
    for level, up in enumerate(self.ups):
        y = {up}
    return self.head(torch.cat([y, skips.pop()], dim=1))
"""
_C_LAYERS = """
    self.downs = nn.ModuleList(down_block(channels) for channels in (72, 96, 128, 196))
    self.bottleneck = nn.LazyConv2d(256, kernel_size=3, padding=1, bias=False)
    self.ups = nn.ModuleList(up_block(channels) for channels in (256, 196, 128, 96))
    self.head = nn.LazyConv2d(out_class, kernel_size=1)
"""
_UP = "up(torch.cat([y, skips.pop()], dim=1))"
_CONDITIONAL = (
    Variant("label-embedding", "a learned embedding, added to the bottleneck", bodies={
        C_INIT: _C_LAYERS + "    self.embed = nn.Embedding(10, 256)\n",
        C_UNET: _BODY.format(middle="self.bottleneck(skips[-1]) + self.embed(c)[:, :, None, None]", up=_UP),
    }),
    Variant("label-beside-the-image", "the one-hot label as ten more channels of the image", bodies={
        C_UNET: "maps = F.one_hot(c.long(), 10).float()[:, :, None, None].repeat(1, 1, x.shape[2], x.shape[3])\nx = torch.cat([x, maps], 1)"
        + "\nskips = [x]\nfor down in self.downs:\n    skips.append(down(skips[-1]))\ny = self.bottleneck(skips[-1])\n"
        + f"for up in self.ups:\n    y = {_UP}\nreturn self.head(torch.cat([y, skips.pop()], dim=1))",
    }),
    Variant("label-as-scale-and-shift", "every up block's result is scaled and shifted by the label", bodies={
        C_INIT: _C_LAYERS + "    self.film = nn.ModuleList(nn.Embedding(10, 2 * n) for n in (256, 196, 128, 96))\n",
        C_UNET: _BODY.format(middle="self.bottleneck(skips[-1])", up="modulated(" + _UP + ", self.film[level](c))"),
    }, edits={"conditional.py": (("class UNet(nn.Module):", """def modulated(y, numbers):
    scale, shift = numbers[:, :, None, None].chunk(2, dim=1)
    return y * (1 + scale) + shift


class UNet(nn.Module):"""),)}),
    Variant("label-in-every-up-block", "the label before all four up blocks, by scatter", bodies={
        C_UNET: _BODY.replace("skips = [x]", "skips, hot = [x], torch.zeros(len(c), 10).scatter_(1, c.view(-1, 1), 1.0)[..., None, None]").format(
            middle="self.bottleneck(skips[-1])", up="up(torch.cat([y, skips.pop(), hot.expand(-1, -1, *y.shape[2:])], dim=1))"
        ),
    }),
    Variant("labels-as-an-argument", "sample takes labels, and makes its own where there are none", bodies={
        C_SAMPLE: """
            if labels is None:
                labels = torch.arange(10).repeat(n_sample // 10 + 1)[:n_sample]
            x = torch.randn(n_sample, *size)
            for t in range(T, 0, -1):
                eps = self.net(x, labels)
                x = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * eps)
                if t > 1:
                    x += sigma_t[t] * torch.randn_like(x)
            return x
        """,
    }, edits={"conditional.py": (('def sample(self, n_sample, size, device="cpu"):', "def sample(self, n_sample, size, labels=None):"),)}),
    Variant("labels-wanted", "sample wants the labels", bodies={
        C_SAMPLE: """
            x = torch.randn(n_sample, *size)
            for t in range(T, 0, -1):
                z = torch.randn_like(x) if t > 1 else 0.0
                x = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * self.net(x, labels)) + sigma_t[t] * z
            return x
        """,
    }, edits={"conditional.py": (('def sample(self, n_sample, size, device="cpu"):', "def sample(self, n_sample, size, labels):"),)}),
    Variant("one-step-for-both", "the noising and the step in helpers that both classes share; the network asked with keywords", bodies={
        C_FORWARD: """
            t, eps = torch.randint(low=1, high=T + 1, size=(len(x),)), torch.randn(x.shape)
            return (eps - self.net(x=sqrtab[t] * x + sqrtmab[t] * eps, c=c)).square().mean()
        """,
        C_SAMPLE: """
            labels, x = torch.tensor([i % 10 for i in range(n_sample)]), torch.randn(n_sample, *size)
            for t in range(T, 0, -1):
                x = step(x, self.net(x, labels), t)
            return x
        """,
    }, edits={"conditional.py": (("NUM_CLASSES = 10\n", """NUM_CLASSES = 10


def step(x, eps, t):
    mean = oneover_sqrta[t] * (x - mab_over_sqrtmab_inv[t] * eps)
    return mean if t == 1 else mean + sigma_t[t] * torch.randn_like(x)
"""),)}),
)  # fmt: skip

VARIANTS: tuple[Variant, ...] = (*_DIFFUSION, *_UNETS, *_CONDITIONAL)
