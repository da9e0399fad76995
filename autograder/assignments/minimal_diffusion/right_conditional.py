"""Right conditional networks and samplers of many shapes."""

from autograder.grading.mutants import Variant

C_INIT, C_UNET = "conditional.py:UNet.__init__", "conditional.py:UNet.forward"
C_FORWARD, C_SAMPLE = "conditional.py:DDPM.forward", "conditional.py:DDPM.sample"

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
CONDITIONAL: tuple[Variant, ...] = (
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
