"""Right versions of libs/stable_diffusion.py of many shapes; one has blocks of its own, under the names of a checkpoint."""

from autograder.grading.mutants import Variant

_FILE = "libs/stable_diffusion.py"
INIT, FORWARD, LOAD = (f"{_FILE}:{name}" for name in ("SDUNet.__init__", "SDUNet.forward", "load_stable_diffusion"))

_OWN_BLOCKS = '''
class Residual(nn.Module):
    def __init__(self, channels, out, time):
        super().__init__()
        self.in_layers = nn.Sequential(nn.GroupNorm(32, channels), nn.SiLU(), nn.Conv2d(channels, out, 3, 1, 1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time, out))
        self.out_layers = nn.Sequential(nn.GroupNorm(32, out), nn.SiLU(), nn.Dropout(0), nn.Conv2d(out, out, 3, 1, 1))
        self.skip_connection = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()

    def forward(self, x, t, context):
        h = self.in_layers(x) + self.emb_layers(t).unflatten(1, (-1, 1, 1))
        return self.skip_connection(x) + self.out_layers(h)


class CrossAttention(nn.Module):
    def __init__(self, channels, context):
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(size, channels, bias=False) for size in (channels, context, context))
        self.to_out = nn.Sequential(nn.Linear(channels, channels), nn.Dropout(0))

    def forward(self, x, context):
        q, k, v = (y.reshape(*y.shape[:2], 8, -1) for y in (self.to_q(x), self.to_k(context), self.to_v(context)))
        scores = torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5
        return self.to_out(torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), v).flatten(2))


class Gated(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.proj = nn.Linear(channels, 8 * channels)

    def forward(self, x):
        x, gate = self.proj(x).chunk(2, -1)
        return x * nn.functional.gelu(gate)


class Block(nn.Module):
    def __init__(self, channels, context):
        super().__init__()
        self.attn1, self.attn2 = CrossAttention(channels, channels), CrossAttention(channels, context)
        self.ff = nn.Module()
        self.ff.net = nn.Sequential(Gated(channels), nn.Dropout(0), nn.Linear(4 * channels, channels))
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(channels) for _ in range(3))

    def forward(self, x, context):
        y = self.norm1(x)
        x = x + self.attn1(y, y)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff.net(self.norm3(x))


class Transformer(nn.Module):
    def __init__(self, channels, context):
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in, self.proj_out = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1)
        self.transformer_blocks = nn.ModuleList([Block(channels, context)])

    def forward(self, x, t, context):
        h = self.proj_in(self.norm(x))
        y = self.transformer_blocks[0](h.flatten(2).mT, context)
        return x + self.proj_out(y.mT.reshape(h.shape))


class Down(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x, t, context):
        return self.op(x)


class Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x, t, context):
        return self.conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3))


class First(nn.Conv2d):
    def forward(self, x, t, context):
        return super().forward(x)


'''

_OWN_INIT = """
    self.width, time, widths = width, 4 * width, [width * mult for mult in mults]
    self.time_embed = nn.Sequential(nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time))
    down, stored, c = [[First(in_channels, width, 3, padding=1)]], [width], width
    for i, w in enumerate(widths):
        for _ in range(2):
            down.append([Residual(c, w, time)] + ([Transformer(w, context_dim)] if i < 3 else []))
            c = w
            stored.append(c)
        if i < 3:
            down.append([Down(c)])
            stored.append(c)
    middle, up = [Residual(c, c, time), Transformer(c, context_dim), Residual(c, c, time)], []
    for i, w in list(enumerate(widths))[::-1]:
        for j in range(3):
            up.append([Residual(c + stored.pop(), w, time)] + ([Transformer(w, context_dim)] if i < 3 else []) + ([Up(w)] if i and j == 2 else []))
            c = w
    self.input_blocks, self.output_blocks = (nn.ModuleList(map(nn.ModuleList, blocks)) for blocks in (down, up))
    self.middle_block = nn.ModuleList(middle)
    self.out = nn.Sequential(nn.GroupNorm(32, width), nn.SiLU(), nn.Conv2d(width, out_channels, 3, padding=1))
"""

_OWN_FORWARD = """
    rates = 10_000 ** (-torch.arange(0, self.width, 2, dtype=torch.float64) / self.width)
    phase = torch.outer(time.double(), rates)
    t = self.time_embed(torch.cat((torch.cos(phase), torch.sin(phase)), 1).float())

    def run(layers, x):
        for layer in layers:
            x = layer(x, t, context)
        return x

    known = [x]
    for layers in self.input_blocks:
        known.append(run(layers, known[-1]))
    x = run(self.middle_block, known[-1])
    for layers, old in zip(self.output_blocks, known[:0:-1]):
        x = run(layers, torch.cat((x, old), 1))
    return self.out(x)
"""

_OWN_LOAD = """
    weights = {name[len(PREFIX):]: tensor for name, tensor in state_dict.items() if PREFIX in name}
    first, key = weights["input_blocks.0.0.weight"], weights["input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"]
    mults = [len(weights[f"input_blocks.{i}.0.in_layers.2.bias"]) // len(first) for i in (2, 5, 8, 11)]
    model = SDUNet(len(first), key.shape[1], first.shape[1], len(weights["out.2.bias"]), mults)
    model.load_state_dict(weights)
    return model.eval()
"""

_METHOD = """    def _transformer(self, channels, context_dim, num_heads):
        block = SpatialTransformer(channels, context_dim, num_heads=num_heads, mlp_ratio=4, groups=GROUPS)
        block.norm = nn.GroupNorm(GROUPS, channels, eps=1e-6)
        return block

"""

STABLE_DIFFUSION: tuple[Variant, ...] = (
    Variant("sd-blocks-of-its-own", "blocks under the names of a checkpoint, so that PyTorch finds what is missing and unknown", bodies={
        INIT: _OWN_INIT, FORWARD: _OWN_FORWARD, LOAD: _OWN_LOAD,
    }, edits={_FILE: (("class SDUNet(nn.Module):", f"{_OWN_BLOCKS.strip()}\n\n\nclass SDUNet(nn.Module):"),)}),
    Variant("sd-tensors-copied-one-by-one", "each tensor is copied into its parameter, in place; errors of other kinds", bodies={
        LOAD: """
            left = {name: tensor for name, tensor in state_dict.items() if name.startswith(PREFIX)}
            first = left[f"{PREFIX}input_blocks.0.0.weight"]
            levels = [left[f"{PREFIX}input_blocks.{i}.0.out_layers.3.bias"].numel() // first.size(0) for i in (1, 4, 7, 10)]
            text = left[f"{PREFIX}input_blocks.1.1.transformer_blocks.0.attn2.to_v.weight"].size(1)
            model = SDUNet(first.size(0), text, first.size(1), left[f"{PREFIX}out.2.bias"].numel(), tuple(levels))
            with torch.no_grad():
                for path, module in model.named_modules():
                    for leaf, parameter in module.named_parameters(recurse=False):
                        parts = path.split(".")
                        for cut in range(len(parts), 0, -1):
                            block = model.get_submodule(".".join(parts[:cut]))
                            table = PARTS.get(type(block), {})
                            tail = ".".join(parts[cut:])
                            known = next((own for own in table if tail == own or tail.startswith(f"{own}.")), None)
                            if known:
                                parts = parts[:cut] + [table[known] + tail[len(known):]]
                                break
                        name = f"{PREFIX}{'.'.join(parts)}.{leaf}"
                        if name not in left:
                            raise RuntimeError(f"the checkpoint has no {name}")
                        parameter.copy_(left.pop(name).view_as(parameter))
            if left:
                raise ValueError(f"what is {', '.join(left)}?")
            return model
        """,
    }),
    Variant("sd-built-from-a-table", "the blocks from a list of what each holds; numbers of channels counted on the way", bodies={
        INIT: """
            self.width = width
            one, two, three, four = (width * mult for mult in mults)
            make = {
                "R": lambda before, c: ResBlock(before, 4 * width, c, groups=GROUPS),
                "T": lambda before, c: self._transformer(c, context_dim, num_heads),
                "D": lambda before, c: Downsample(c), "U": lambda before, c: Upsample(c),
            }

            def layers(kinds, before, c):
                made = []
                for kind in kinds:
                    made.append(make[kind](before, c))
                    before = c
                return nn.ModuleList(made)

            down = [("RT", one)] * 2 + [("D", one)] + [("RT", two)] * 2 + [("D", two)] + [("RT", three)] * 2 + [("D", three)] + [("R", four)] * 2
            up = [("R", four)] * 2 + [("RU", four)]
            for c, last in ((three, "RTU"), (two, "RTU"), (one, "RT")):
                up += [("RT", c)] * 2 + [(last, c)]
            sizes = [width] + [c for _, c in down]
            self.time_embed = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width))
            self.input_blocks = nn.ModuleList([nn.ModuleList([nn.Conv2d(in_channels, width, kernel_size=3, padding=1)])])
            self.input_blocks.extend(layers(kinds, before, c) for (kinds, c), before in zip(down, sizes))
            self.middle_block = layers("RTR", four, four)
            below = [four] + [c for _, c in up]
            self.output_blocks = nn.ModuleList(layers(kinds, b + s, c) for (kinds, c), b, s in zip(up, below, sizes[::-1]))
            self.out = nn.Sequential(nn.GroupNorm(GROUPS, width), nn.SiLU(), nn.Conv2d(width, out_channels, kernel_size=3, padding=1))
        """,
    }, edits={_FILE: (("    def forward(self, x, context, time):", f"{_METHOD}    def forward(self, x, context, time):"),)}),
    Variant("sd-forward-by-numbers", "the blocks by their numbers, layers in one function, a table of frequencies", bodies={
        FORWARD: """
            rates = torch.tensor([10_000 ** (-2 * i / self.width) for i in range(self.width // 2)])
            phase = torch.as_tensor(time).reshape(-1, 1) * rates
            t = self.time_embed(torch.stack([phase.cos(), phase.sin()], dim=1).flatten(1))
            kept = {}
            for i in range(len(self.input_blocks)):
                x = kept[i] = in_turn(self.input_blocks[i], x, t, context)
            first, attention, second = self.middle_block
            x = second(attention(first(x, t), context), t)
            for i in range(len(self.output_blocks)):
                x = in_turn(self.output_blocks[i], torch.cat([x, kept[len(kept) - 1 - i]], dim=1), t, context)
            return self.out(x)
        """,
    }),
)  # fmt: skip
