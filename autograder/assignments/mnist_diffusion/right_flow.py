"""Right versions of flow_matching.py of many shapes."""

from autograder.grading.mutants import Variant

_FILE = "flow_matching.py"
T_FORWARD, T_SAMPLE, C_FORWARD, C_SAMPLE = (f"{_FILE}:{kind}_fm_{what}" for kind in ("time", "class") for what in ("forward", "sample"))

_GRID = """
    n = x_1.size(0)
    t = (torch.randint({numbers}, (n,)) / num_ts).view(n, 1, 1, 1)
    x_0 = torch.randn(x_1.shape)
    x_t = x_0 + t * (x_1 - x_0)
    {more}
    return torch.mean((x_1 - x_0 - unet({inputs})) ** 2)
"""
_START = "torch.manual_seed(seed)\nx = torch.randn({count}, 1, img_wh[0], img_wh[1])\n"
_ONE_HOT = "hot = F.one_hot(c, num_classes=10).float()\n"

FLOW: tuple[Variant, ...] = (
    Variant("times-on-a-grid", "t of a grid without 1, as (N, 1, 1, 1); `>` at the drop, and a mask of booleans", bodies={
        T_FORWARD: _GRID.format(numbers="0, num_ts", more="", inputs="x_t, t"),
        C_FORWARD: _GRID.format(numbers="0, num_ts", more="mask = torch.rand(n) > p_uncond", inputs="x_t, c, t, mask"),
    }),
    Variant("times-on-a-grid-with-1", "t of a grid with both ends; a mask of shape (N, 1)", bodies={
        T_FORWARD: _GRID.format(numbers="0, num_ts + 1", more="", inputs="x_t, t[:, :, 0, 0]"),
        C_FORWARD: _GRID.format(numbers="0, num_ts + 1", more="mask = torch.rand(n, 1).ge(p_uncond).int()", inputs="x_t, c, t.flatten(), mask"),
    }),
    Variant("times-on-a-grid-from-1", "t of a grid without 0; the mask by bernoulli", bodies={
        T_FORWARD: _GRID.format(numbers="1, num_ts + 1", more="", inputs="x=x_t, t=t"),
        C_FORWARD: _GRID.format(
            numbers="1, num_ts + 1", more="mask = torch.bernoulli(torch.full((n,), 1.0 - p_uncond))", inputs="x_t, c=c, t=t, mask=mask"
        ),
    }),
    Variant("times-in-pairs", "t and 1 − t, and a grid moved by a random number: they are more even than by chance", bodies={
        T_FORWARD: """
            half = torch.rand((len(x_1) + 1) // 2)
            t = torch.cat([half, 1 - half])[: len(x_1)]
            x_0, s = torch.randn_like(x_1), t[:, None, None, None]
            return F.mse_loss(unet(torch.lerp(x_0, x_1, s), t), x_1.sub(x_0))
        """,
        C_FORWARD: """
            n = len(x_1)
            t = ((torch.arange(n) + torch.rand(1)) / n)[torch.randperm(n)]
            x_0, s = torch.randn_like(x_1), t[:, None, None, None]
            velocity = x_1 - x_0
            keep = 1 - (torch.rand(n) < p_uncond).float()
            return (unet(x_0 + s * velocity, c, t, keep) - velocity).pow(2).flatten(1).mean(1).mean()
        """,
    }),
    Variant("one-hot-by-the-caller", "one-hot vectors, and zeros for no label", bodies={
        C_FORWARD: _ONE_HOT + """
hot = hot * (torch.rand(len(c)) >= p_uncond)[:, None]
x_0, t = torch.randn_like(x_1), torch.rand(len(x_1), 1, 1, 1)
return F.mse_loss(unet(t * x_1 + (1 - t) * x_0, hot, t), x_1 - x_0)
""",
        C_SAMPLE: _ONE_HOT + _START.format(count="len(c)") + """
for i in range(num_ts):
    t = torch.tensor([i / num_ts])
    v_c, v_u = unet(x, hot, t), unet(x, torch.zeros_like(hot), t)
    x = x + torch.lerp(v_u, v_c, guidance_scale) / num_ts
return x
""",
    }),
    Variant("labels-one-hot-from-outside", "the labels have to arrive one-hot", bodies={
        C_FORWARD: """
            x_0, t = torch.randn_like(x_1), torch.rand(len(x_1), 1, 1, 1)
            dropped = c * (torch.rand(len(c)) >= p_uncond)[:, None]
            return F.mse_loss(unet(t * x_1 + (1 - t) * x_0, dropped, t, torch.ones(len(c))), x_1 - x_0)
        """,
        C_SAMPLE: _START.format(count="c.shape[0]") + """
assert c.ndim == 2 and c.shape[1] == 10
dt = 1.0 / num_ts
for i in range(num_ts):
    t = torch.ones(x.shape[0], 1) * (i * dt)
    v_u = unet(x, c * 0, t)
    x += dt * (v_u + guidance_scale * (unet(x, c, t) - v_u))
return [x, [x]]
""",
    }),
    Variant("both-in-one-batch", "with and without the label in one call of twice the size", bodies={
        C_SAMPLE: _START.format(count="len(c)") + """
mask = torch.cat([torch.zeros(len(c)), torch.ones(len(c))])
states = [x]
for t in torch.linspace(0, 1, num_ts + 1)[:-1]:
    v_u, v_c = unet(torch.cat([x, x]), torch.cat([c, c]), t.repeat(2 * len(c)), mask).chunk(2)
    x = x + ((1 - guidance_scale) * v_u + guidance_scale * v_c) / num_ts
    states.append(x)
return torch.stack(states, dim=1)
""",
        T_SAMPLE: _START.format(count="5") + """
states = [x]
for i in range(num_ts):
    states.append(states[-1] + 1 / num_ts * unet(states[-1], torch.tensor(i / num_ts)))
return states
""",
    }),
    Variant("both-in-one-batch-side-by-side", "the same, each image beside itself; a trajectory as one tensor", bodies={
        C_SAMPLE: _START.format(count="len(c)") + """
n, states = len(c), []
for i in range(num_ts):
    v = unet(x.repeat_interleave(2, 0), c.repeat_interleave(2), torch.full((2 * n,), i / num_ts), torch.tensor([1, 0] * n))
    x = x + (v[1::2] + guidance_scale * (v[0::2] - v[1::2])) / num_ts
    states.append(x)
return torch.stack(states)
""",
        T_SAMPLE: _START.format(count="64") + """
states = []
for i in range(num_ts):
    x = x.add(unet(x, torch.full((64, 1, 1, 1), i / num_ts)), alpha=1 / num_ts)
    states.append(x)
return x, torch.stack(states, 1)
""",
    }),
    Variant("only-what-is-needed", "at γ = 0 and 1 one call is enough; a clamp of the result; a single image; t by addition", bodies={
        C_SAMPLE: _START.format(count="len(c)") + """
def velocity(x, t):
    if guidance_scale == 0:
        return unet(x, c, t, torch.zeros(len(c)))
    with_label = unet(x, c, t)
    if guidance_scale == 1:
        return with_label
    without = unet(x, c, t, torch.zeros(len(c)))
    return without + guidance_scale * (with_label - without)

t, dt = torch.zeros(len(c)), 1 / num_ts
for _ in range(num_ts):
    x, t = x + velocity(x, t) * dt, t + dt
return x.clamp(0, 1), None
""",
        T_SAMPLE: _START.format(count="1") + """
t = 0.0
while t < 1 - 0.5 / num_ts:
    x = x + unet(x, torch.tensor([t])) / num_ts
    t += 1 / num_ts
return torch.clip(x, -1, 1)
""",
    }),
    Variant("image-by-image", "one image after the other", bodies={
        C_SAMPLE: """
            torch.manual_seed(seed)
            images = []
            for label in c:
                x = torch.randn(1, 1, *img_wh)
                for i in range(num_ts):
                    t = torch.tensor([i / num_ts])
                    v_u, v_c = unet(x, label[None], t, torch.zeros(1)), unet(x, label[None], t, torch.ones(1))
                    x = x + (v_u + guidance_scale * (v_c - v_u)) / num_ts
                images.append(x)
            return torch.cat(images)
        """,
        T_SAMPLE: """
            torch.manual_seed(seed)
            images = torch.randn(3, 1, *img_wh)
            for i in range(num_ts):
                for k in range(3):
                    images[k] += unet(images[k : k + 1].clone(), torch.tensor([i / num_ts]))[0] / num_ts
            return images
        """,
    }),
    Variant("states-at-every-hundredth", "states are kept at every so many steps, of which there have to be a hundred", bodies={
        C_SAMPLE: _START.format(count="len(c)") + """
caches, zeros = [], torch.zeros_like(c)
for i in range(num_ts):
    t = torch.full((len(c),), i / num_ts)
    v_u, v_c = unet(x, c, t, zeros), unet(x, c, t, zeros + 1)
    x = x + (v_u + guidance_scale * (v_c - v_u)) / num_ts
    if i % (num_ts // 100) == 0:
        caches.append(x)
return x, torch.stack(caches, 1)
""",
    }),
    Variant("own-classes", "the functions have other names, and only the classes can be called", bodies={}, edits={_FILE: (
        ("def time_fm_forward(", "def loss_of_times("), ("return time_fm_forward(", "return loss_of_times("),
        ("def time_fm_sample(", "def draw_by_times("), ("return time_fm_sample(", "return draw_by_times("),
        ("def class_fm_forward(", "def loss_of_classes("), ("return class_fm_forward(", "return loss_of_classes("),
        ("def class_fm_sample(", "def draw_by_classes("), ("return class_fm_sample(", "return draw_by_classes("),
    )}),
)  # fmt: skip
