"""Right solutions of SimpleNet, network.py, of many shapes."""

from autograder.grading.mutants import Variant

INIT, FORWARD = "network.py:SimpleNet.__init__", "network.py:SimpleNet.forward"
_BEFORE_SIMPLE_NET = "class SimpleNet(nn.Module):"  # where something is put in, once in the file
_NETWORK_IMPORTS = "import math\n"

VARIANTS: tuple[Variant, ...] = (
    Variant(
        "sequential-that-takes-t",
        "a subclass of nn.Sequential hands t to the layers that want it; nn.ReLU modules in between",
        bodies={
            INIT: """
                sizes = [dim_in] + list(dim_hids) + [dim_out]
                modules = []
                for i in range(len(sizes) - 1):
                    modules.append(TimeLinear(sizes[i], sizes[i + 1], num_timesteps))
                    modules.append(nn.ReLU())
                self.net = TimeSequential(*modules[:-1])
            """,
            FORWARD: "return self.net(x, t)",
        },
        edits={
            "network.py": (
                (
                    _BEFORE_SIMPLE_NET,
                    "class TimeSequential(nn.Sequential):\n"
                    "    def forward(self, x, t):\n"
                    "        for module in self:\n"
                    "            x = module(x, t) if isinstance(module, TimeLinear) else module(x)\n"
                    "        return x\n\n\n" + _BEFORE_SIMPLE_NET,
                ),
            )
        },
    ),
    Variant(
        "layers-by-setattr",
        "layers as attributes fc0, fc1, …, made with setattr and found again with getattr",
        bodies={
            INIT: """
                self.num_layers = len(dim_hids) + 1
                previous = dim_in
                for i, size in enumerate(list(dim_hids) + [dim_out]):
                    setattr(self, f"fc{i}", TimeLinear(previous, size, num_timesteps))
                    previous = size
            """,
            FORWARD: """
                for i in range(self.num_layers):
                    x = getattr(self, f"fc{i}")(x, t)
                    if i + 1 < self.num_layers:
                        x = torch.relu(x)
                return x
            """,
        },
    ),
    Variant(
        "module-dict",
        "layers in a ModuleDict under names of their own; ReLU as torch.clamp",
        bodies={
            INIT: """
                sizes = [dim_in, *dim_hids, dim_out]
                self.blocks = nn.ModuleDict()
                for number, (a, b) in enumerate(zip(sizes, sizes[1:])):
                    self.blocks[f"from_{a}_to_{b}_number_{number}"] = TimeLinear(dim_in=a, dim_out=b, num_timesteps=num_timesteps)
            """,
            FORWARD: """
                *hidden, last = self.blocks.values()
                for layer in hidden:
                    x = torch.clamp(layer(x, t), min=0)
                return last(x, t)
            """,
        },
    ),
    Variant(
        "hidden-list-and-output-layer",
        "the hidden layers in a list, the output layer apart, and ReLU as one shared module",
        bodies={
            INIT: """
                widths = [dim_in] + list(dim_hids)
                self.hidden = nn.ModuleList()
                for n in range(len(dim_hids)):
                    self.hidden.append(TimeLinear(widths[n], widths[n + 1], num_timesteps))
                self.out = TimeLinear(widths[-1], dim_out, num_timesteps)
                self.activation = nn.ReLU(inplace=True)
            """,
            FORWARD: """
                h = x
                for layer in self.hidden:
                    h = layer(h, t)
                    h = self.activation(h)
                return self.out(h, t)
            """,
        },
    ),
    Variant(
        "layers-registered-in-reverse",
        "the output layer is made and registered first, and forward goes through the list backwards; ReLU as torch.where",
        bodies={
            INIT: """
                sizes = [dim_out, *reversed(dim_hids), dim_in]
                self.layers = nn.ModuleList(TimeLinear(b, a, num_timesteps) for a, b in zip(sizes[:-1], sizes[1:]))
            """,
            FORWARD: """
                for i in range(len(self.layers) - 1, -1, -1):
                    x = self.layers[i](x, t)
                    if i > 0:
                        x = torch.where(x > 0, x, torch.zeros_like(x))
                return x
            """,
        },
    ),
    Variant(
        "relu-modules-in-the-list",
        "layers and nn.ReLU modules in one ModuleList, told apart by isinstance",
        bodies={
            INIT: """
                layers, sizes = [], [dim_in, *dim_hids, dim_out]
                for a, b in zip(sizes[:-1], sizes[1:]):
                    layers += [TimeLinear(a, b, num_timesteps), nn.ReLU()]
                layers.pop()
                self.layers = nn.ModuleList(layers)
            """,
            FORWARD: """
                for layer in self.layers:
                    if isinstance(layer, nn.ReLU):
                        x = layer(x)
                    else:
                        x = layer(x, t)
                return x
            """,
        },
    ),
    Variant(
        "nested-blocks",
        "each hidden layer and its activation in a module of its own, as researchers write blocks; ReLU as x · (x > 0)",
        bodies={
            INIT: """
                self.stem = Block(dim_in, dim_hids[0], num_timesteps)
                self.body = nn.ModuleList([Block(a, b, num_timesteps) for a, b in zip(dim_hids[:-1], dim_hids[1:])])
                self.head = TimeLinear(dim_hids[-1], dim_out, num_timesteps)
            """,
            FORWARD: """
                x = self.stem(x, t)
                for block in self.body:
                    x = block(x, t)
                return self.head(x, t)
            """,
        },
        edits={
            "network.py": (
                (
                    _BEFORE_SIMPLE_NET,
                    "class Block(nn.Module):\n"
                    "    def __init__(self, *sizes):\n"
                    "        super().__init__()\n"
                    "        self.linear = TimeLinear(*sizes)\n\n"
                    "    def forward(self, x, t):\n"
                    "        x = self.linear(x, t)\n"
                    "        return x * (x > 0)\n\n\n" + _BEFORE_SIMPLE_NET,
                ),
            )
        },
    ),
    Variant(
        "layer-subclass-with-activation",
        "a subclass of TimeLinear that applies its own ReLU, used for the hidden layers",
        bodies={
            INIT: """
                sizes = [dim_in, *dim_hids]
                self.layers = nn.ModuleList(ActivatedTimeLinear(a, b, num_timesteps) for a, b in zip(sizes[:-1], sizes[1:]))
                self.layers.append(TimeLinear(sizes[-1], dim_out, num_timesteps))
            """,
            FORWARD: """
                for layer in self.layers:
                    x = layer(x, t)
                return x
            """,
        },
        edits={
            "network.py": (
                (
                    _BEFORE_SIMPLE_NET,
                    "class ActivatedTimeLinear(TimeLinear):\n"
                    "    def forward(self, x, t):\n"
                    "        return super().forward(x, t).relu()\n\n\n" + _BEFORE_SIMPLE_NET,
                ),
            )
        },
    ),
    Variant(
        "functional-network",
        "a fold over pairs of layer and activation; the last activation is the identity",
        bodies={
            INIT: """
                sizes = (dim_in, *dim_hids, dim_out)
                self.layers = nn.ModuleList(map(lambda pair: TimeLinear(*pair, num_timesteps), zip(sizes, sizes[1:])))
            """,
            FORWARD: """
                activations = [F.relu] * (len(self.layers) - 1) + [lambda h: h]
                return functools.reduce(lambda h, pair: pair[1](pair[0](h, t)), zip(self.layers, activations), x)
            """,
        },
        edits={"network.py": ((_NETWORK_IMPORTS, "import functools\n" + _NETWORK_IMPORTS),)},
    ),
    Variant(
        "t-expanded-to-the-batch",
        "forward brings any t to shape (B,) first, with einops, and uses add_module and relu_ in place",
        bodies={
            INIT: """
                self.names = []
                sizes = [dim_in, *dim_hids, dim_out]
                for k in range(1, len(sizes)):
                    self.add_module(f"layer_{k}", TimeLinear(sizes[k - 1], sizes[k], num_timesteps))
                    self.names.append(f"layer_{k}")
            """,
            FORWARD: """
                t = torch.as_tensor(t, device=x.device).reshape(-1)
                if len(t) == 1:
                    t = einops.repeat(t, "1 -> b", b=len(x))
                for name in self.names:
                    x = getattr(self, name)(x, t)
                    if name != self.names[-1]:
                        x = x.relu_()
                return x
            """,
        },
        edits={"network.py": ((_NETWORK_IMPORTS, "import einops\n" + _NETWORK_IMPORTS),)},
    ),
    Variant(
        "output-layer-starts-at-zero",
        "the weights of the output layer are zero at first, as in ADM and DiT, so that training begins with ε_θ = 0",
        bodies={
            INIT: """
                sizes = [dim_in, *dim_hids, dim_out]
                self.layers = nn.ModuleList(TimeLinear(a, b, num_timesteps) for a, b in zip(sizes[:-1], sizes[1:]))
                nn.init.zeros_(self.layers[-1].fc.weight)
                nn.init.zeros_(self.layers[-1].fc.bias)
            """,
        },
    ),
    Variant(
        "own-initialisation",
        "weights drawn anew with Kaiming's rule, biases zero",
        bodies={
            INIT: """
                sizes = [dim_in, *dim_hids, dim_out]
                self.layers = nn.ModuleList(TimeLinear(a, b, num_timesteps) for a, b in zip(sizes[:-1], sizes[1:]))
                for layer in self.layers:
                    nn.init.kaiming_normal_(layer.fc.weight)
                    nn.init.zeros_(layer.fc.bias)
            """,
        },
    ),
)
