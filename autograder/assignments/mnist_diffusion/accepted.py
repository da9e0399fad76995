"""Changes of the solution that no check of behaviour should see; see docs/generated-mutants.md."""

import re

from autograder.grading.generated.accepted import Accepted

FOR_PICTURES = "Which steps a sampler keeps for an animation is left to the student, and so is whether it returns them."
TURNED = "A transposed convolution of stride 1 is a convolution, whose kernel is stored the other way round."
ORDER = "A network may lay the two of a concatenation in either order; the judge of networks finds out which."
LAYERS = "The layers of a network may be made in any order; only the numbers that a seed gives them change places."
GRID = "The times of flow matching may lie on a grid of num_ts steps, with or without its ends."
BEFORE_NORM = "A bias before BatchNorm is taken away again by it."
TWICE = "Numbers that were drawn in vain change nothing."
STATISTICS = "A block that is called twice computes the same; only the running statistics of its BatchNorm move twice in training."
SIGMAS = "σ_t² = β_t is as right as β̃_t (DDPM, Sec. 3.2)."
PERMUTED = "Counted from the end, or from one further on, a random order is a random order."
UNMASKED = "Without a mask the network is told all labels (2-4)."
CLAMPED = "Whether the images at the end are clamped, to a range that holds that of the data, is left to the student."
BOTH_ASKED = "For γ = 0 and 1 one of the two answers is enough, and it may be left out."
OWN_GENERATOR = "Where the random numbers come from is left to the student."
MANY = "How many images are drawn is left to the student."
LAST = "self.out = nn.Conv2d(D, C, 3, 1, 1)"
FIRST = "self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, 1, 1), nn.BatchNorm2d(out_channels), nn.GELU())"
NETWORKS = ("UnconditionalUNet", "TimeConditionalUNet", "ClassConditionalUNet")
SAMPLERS = ("class_conditional.py:ddpm_sample", "flow_matching.py:class_fm_sample")
UP2, END = "y = self.up2(torch.cat([y, x14], dim=1))", "return self.out(self.last(torch.cat([y, x28], dim=1)))"
WAY_UP = {
    "UnconditionalUNet": ("y = self.up1(torch.cat([y, x7], dim=1))  # (B, D, 14, 14)", f"{UP2}  # (B, D, 28, 28)", END),
    "TimeConditionalUNet": ("y = self.up1(torch.cat([y, x7], dim=1)) + t2", UP2, END),
    "ClassConditionalUNet": ("y = c2 * self.up1(torch.cat([y, x7], dim=1)) + t2", UP2, END),
}
LAYERS_OF = (
    "self.first = ConvBlock(C, D)", "self.down1, self.down2 = DownBlock(D, D), DownBlock(D, 2 * D)",
    "self.flatten, self.unflatten = Flatten(), Unflatten(2 * D)", "self.up1, self.up2 = UpBlock(4 * D, D), UpBlock(2 * D, D)",
    "self.last = ConvBlock(2 * D, D)", LAST, "self.t1, self.t2 = FCBlock(1, 2 * D), FCBlock(1, D)",
    "self.c1, self.c2 = FCBlock(num_classes, 2 * D), FCBlock(num_classes, D)",
)  # fmt: skip
BLOCKS = ("x28 = self.first(x)", "x14 = self.down1(x28)", "x7 = self.down2(x14)")
SIZES = ("  # (B, D, 28, 28)", "  # (B, D, 14, 14)", "  # (B, 2D, 7, 7)")
DRAWN = "x = torch.randn({}, 1, *img_wh, generator=generator, device=betas.device)"
FLOW_DRAWN = "x = torch.randn({}, 1, *img_wh, generator=torch.Generator(device).manual_seed(seed), device=device)"
UPDATE = "x = of_x0 * x0_hat + of_xt * x + betas[t].sqrt() * z"
ON_GRID = "t = (torch.randint({}, {}, (n,)) / num_ts).view(n, 1, 1, 1)"
WITHOUT_BIAS = (
    "self.layers = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, 1, 1, bias={}), nn.BatchNorm2d(out_channels), nn.GELU())"
)
DOUBLE = (
    "return [nn.Conv2d(i, o, 3, padding=1, bias={}), nn.BatchNorm2d(o), nn.GELU(), nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.GELU()]"
)
WITHOUT, LABELLED = "u = unet(x, c, time, torch.zeros(n))", "k = unet(x, c, time, torch.ones(n))"
GUIDED = "{}; eps = (1 - guidance_scale) * u + guidance_scale * k"
UP_WITHOUT_BIAS = "up = nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1, bias={})"
BEFORE = "before = bar[{}] if t > 0 else torch.tensor(1.0)"
IN_PAIRS = "t = ((torch.arange(n) + torch.rand(1)) / n)[{}]"
KEPT = (("return x, torch.stack(caches, dim=1)",), ("return x, torch.stack(states, 1)",))
ASKED = {
    "class_conditional.py:ddpm_sample": "eps_u, eps_c = unet(x, c, time, without), unet(x, c, time{})",
    "flow_matching.py:class_fm_sample": "v_u, v_c = unet(x, c, t, without), unet(x, c, t{})",
}
BY_NUMPY = "return x {} torch.from_numpy(np.random.normal(0, sigma, x.shape)).to(x.dtype)"
NOISED = "return x + sigma * torch.randn(x.shape{})"
ONE_IS_ENOUGH = (
    "u = unet(x, c, time, torch.zeros(n)){}; k = unet(x, c, time, torch.ones(n)){}; eps = u + guidance_scale * (k - u)"
)
UNLESS_1, UNLESS_0 = " if guidance_scale != 1 else 0", " if guidance_scale else 0"
FLOW_STEP = "x = x + (v_u + guidance_scale * (v_c - v_u)) / num_ts"


def _turned(line: str) -> str:
    """The line with the two of its concatenation exchanged."""
    return re.sub(r"\[y, (\w+)\]", r"[\1, y]", line)


ACCEPTED = (
    *(Accepted(f"unet.py:{network}.__init__", (LAST,), (LAST.replace("Conv2d", "ConvTranspose2d"),), TURNED) for network in NETWORKS),
    *(Accepted(f"unet.py:{network}.__init__", (line,), (line,), LAYERS) for network in NETWORKS for line in LAYERS_OF),
    Accepted("unet.py:Conv.__init__", (FIRST,), (FIRST.replace("Conv2d", "ConvTranspose2d", 1),), TURNED),
    *(Accepted(f"unet.py:{network}.forward", (line,), (_turned(line),), ORDER) for network, lines in WAY_UP.items() for line in lines),
    *(
        Accepted(f"unet.py:{network}.forward", (), (block + size,), STATISTICS)
        for network in NETWORKS
        for block, sized in zip(BLOCKS, SIZES)
        for size in ("", sized)
    ),
    Accepted("class_conditional.py:ddpm_sample", ("if t % 20 == 0 or t in (num_ts, 1):",), (), FOR_PICTURES),
    Accepted("flow_matching.py:class_fm_sample", ("if i % 20 == 0 or i == num_ts - 1:",), (), FOR_PICTURES),
    *(Accepted(region, lines, (), FOR_PICTURES) for region in SAMPLERS for lines in (("caches.append(x)",), *KEPT)),
    Accepted("flow_matching.py:class_fm_sample", (FLOW_STEP,), (FLOW_STEP,), FOR_PICTURES),
    *(Accepted(region, (), ("caches.append(x)",), FOR_PICTURES) for region in SAMPLERS),
    *(Accepted("time_conditional.py:ddpm_sample", (DRAWN.format(16),), (DRAWN.format(number),), MANY) for number in (8, 15, 17, 32)),
    *(Accepted("flow_matching.py:time_fm_sample", (FLOW_DRAWN.format(16),), (FLOW_DRAWN.format(number),), MANY) for number in (8, 15, 17, 32)),
    Accepted("class_conditional.py:ddpm_sample", (UPDATE,), (UPDATE,), FOR_PICTURES),
    Accepted("unet.py:ClassConditionalUNet.forward", (), ("y = c1 * self.unflatten(self.flatten(x7)) + t1",), STATISTICS),
    *(
        Accepted(f"flow_matching.py:{function}", (ON_GRID.format(first, last),), (ON_GRID.format(first, other),), GRID)
        for function in ("time_fm_forward", "class_fm_forward")
        for first, last, other in (("0", "num_ts", "num_ts + 1"), ("1", "num_ts + 1", "num_ts * 1"))
    ),
    Accepted("flow_matching.py:class_fm_forward", (), ("keep = 1 - (torch.rand(n) < p_uncond).float()",), TWICE),
    Accepted("unet.py:Conv.__init__", (WITHOUT_BIAS.format(False),), (WITHOUT_BIAS.format(True),), BEFORE_NORM),
    *(Accepted(f"unet.py:{network}.__init__", (DOUBLE.format(False),), (DOUBLE.format(True),), BEFORE_NORM) for network in NETWORKS[:2]),
    Accepted("unet.py:UpConv.__init__", (UP_WITHOUT_BIAS.format(False),), (UP_WITHOUT_BIAS.format(True),), BEFORE_NORM),
    Accepted("time_conditional.py:ddpm_sample", (BEFORE.format("t - 1"),), (BEFORE.format("(t - 1) + 1"),), SIGMAS),
    Accepted("flow_matching.py:class_fm_forward", (IN_PAIRS.format("torch.randperm(n)"),), (IN_PAIRS.format("torch.randperm(n) - 1"),), PERMUTED),
    *(Accepted(region, (line.format(", 1 - without"),), (line.format(""),), UNMASKED) for region, line in ASKED.items()),
    Accepted("class_conditional.py:ddpm_sample", (GUIDED.format(f"{WITHOUT}; {LABELLED}"),), (GUIDED.format(f"{LABELLED}; {WITHOUT}"),), ORDER),
    Accepted("time_conditional.py:ddpm_sample", ("return x.clamp(0, 1)",), (), CLAMPED),
    Accepted("class_conditional.py:ddpm_sample", ("return torch.clamp(x, 0, 1), states",), (), CLAMPED),
    *(
        Accepted("class_conditional.py:ddpm_sample", (ONE_IS_ENOUGH.format(UNLESS_1, UNLESS_0),), (ONE_IS_ENOUGH.format(*asked),), BOTH_ASKED)
        for asked in (("", UNLESS_0), (UNLESS_1, ""), (UNLESS_1.replace("1", "-1"), UNLESS_0))
    ),
    Accepted("denoising.py:add_noise", (BY_NUMPY.format("+"),), (BY_NUMPY.format("-"),), "Normal noise may be taken away as well as added."),
    Accepted("denoising.py:add_noise", (NOISED.format(", generator=generator"),), (NOISED.format(""),), OWN_GENERATOR),
)
