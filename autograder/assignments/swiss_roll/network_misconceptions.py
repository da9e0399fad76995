"""Known wrong versions of SimpleNet, network.py; the rules are those of kaist/misconceptions."""

from autograder.grading.mutants import Misconception, in_region

_init = in_region("1-1", "network.py:SimpleNet.__init__")
_forward = in_region("1-1", "network.py:SimpleNet.forward")

_IN_SIMPLE_NET_INIT = (
    _init(
        "hidden-sizes-reversed",
        explanation="Your hidden layers seem to come in the reverse order of dim_hids. With hidden sizes that are all equal "
        "this stays unseen; print the sizes of your layers for dim_hids = [16, 24, 12].",
        edits=(("*dim_hids", "*dim_hids[::-1]"),),
    ),
    _init(
        "first-hidden-size-everywhere",
        explanation="All of your hidden layers seem to have the same size. dim_hids has an entry for each of them; print the "
        "sizes of your layers for dim_hids = [16, 24, 12].",
        edits=(("*dim_hids", "*[dim_hids[0]] * len(dim_hids)"),),
    ),
    _init(
        "hidden-sizes-hard-coded",
        explanation="Your network seems to have the same layers whatever dim_hids says. The sizes of the training run are one "
        "choice of many: try dim_hids = [20] and look at the sizes of your layers.",
        edits=(("*dim_hids", "128, 128, 128"),),
    ),
    _init(
        "always-three-hidden-layers",
        explanation="Your network seems to have three hidden layers for any dim_hids. Try lists of length one and four and "
        "count your layers.",
        edits=(("*dim_hids", "dim_hids[0], dim_hids[len(dim_hids) // 2], dim_hids[-1]"),),
    ),
    _init(
        "hidden-layer-missing",
        explanation="Your network seems to have one layer fewer than there are pairs of neighbours in [dim_in, *dim_hids, "
        "dim_out]. Count the numbers in that list, then your layers, and look at where your list of sizes ends.",
        edits=(("*dim_hids", "*dim_hids[:-1]"),),
    ),
    _init(
        "output-layer-missing",
        explanation="Your network seems to end with its last hidden layer. Count the pairs of neighbours in [dim_in, *dim_hids, dim_out], then "
        "your layers, and look at where your loop ends.",
        edits=((", dim_out]", "]"),),
    ),
    _init(
        "hidden-layer-too-many",
        explanation="Your network seems to have one layer more than there are pairs of neighbours in [dim_in, *dim_hids, "
        "dim_out]. Count the numbers in that list, then your layers.",
        edits=(("*dim_hids", "*dim_hids, dim_hids[-1]"),),
    ),
    _init(
        "output-of-input-size",
        explanation="The last layer of your network seems to have dim_in outputs. In this assignment dim_in and dim_out "
        "happen to be equal; try a network that has different ones.",
        edits=(("dim_out]", "dim_in]"),),
    ),
    _init(
        "layers-in-a-plain-list",
        explanation="Your layers seem to lie in an ordinary Python list. Look at what list(net.parameters()) gives: the "
        "optimiser sees only that.",
        edits=(("nn.ModuleList(", "list("),),
    ),
    _init(
        "equal-layers-shared",
        explanation="Layers of equal size seem to be one and the same layer in your network. Compare the number of layers "
        "that you use with the number of TimeLinear objects that you make.",
        body="""
            sizes = [dim_in, *dim_hids, dim_out]
            made = {}
            for pair in zip(sizes[:-1], sizes[1:]):
                made[pair] = TimeLinear(*pair, num_timesteps)
            self.layers = nn.ModuleList(made[pair] for pair in zip(sizes[:-1], sizes[1:]))
        """,
    ),
    _init(
        "plain-linear-last",
        explanation="The last layer of your network does not seem to know t: it looks like an ordinary nn.Linear. Compare the "
        "kind of layer that the TODO asks for with the one at the end of your network.",
        body="""
            class PlainLinear(nn.Linear):
                def forward(self, x, t):
                    return super().forward(x)

            sizes = [dim_in, *dim_hids]
            self.layers = nn.ModuleList(TimeLinear(a, b, num_timesteps) for a, b in zip(sizes[:-1], sizes[1:]))
            self.layers.append(PlainLinear(dim_hids[-1], dim_out))
        """,
    ),
    _init(
        "plain-linear-first",
        explanation="The first layer of your network does not seem to know t: it looks like an ordinary nn.Linear. Compare "
        "the kind of layer that the TODO asks for with the one at the start of your network.",
        body="""
            class PlainLinear(nn.Linear):
                def forward(self, x, t):
                    return super().forward(x)

            sizes = [*dim_hids, dim_out]
            self.layers = nn.ModuleList([PlainLinear(dim_in, dim_hids[0])])
            self.layers.extend(TimeLinear(a, b, num_timesteps) for a, b in zip(sizes[:-1], sizes[1:]))
        """,
    ),
    _init(
        "plain-linear-everywhere",
        explanation="Your network seems to be made of ordinary nn.Linear layers, with no TimeLinear among them. The TODO asks for the layer "
        "class that is given above SimpleNet, which brings the time into every layer.",
        body="""
            class PlainLinear(nn.Linear):
                def forward(self, x, t):
                    return super().forward(x)

            sizes = [dim_in, *dim_hids, dim_out]
            self.layers = nn.ModuleList(PlainLinear(a, b) for a, b in zip(sizes[:-1], sizes[1:]))
        """,
    ),
    _init(
        "t-concatenated-to-x",
        explanation="Your first layer seems to take t as one more coordinate of x. Look at how TimeLinear itself makes use of "
        "t, and at the sizes that the TODO asks for.",
        body="""
            class TimeAsInput(TimeLinear):
                def forward(self, x, t):
                    column = torch.atleast_1d(torch.as_tensor(t)).to(x).reshape(-1, 1).expand(len(x), 1)
                    return super().forward(torch.cat([x, column / num_timesteps], dim=1), t)

            sizes = [*dim_hids, dim_out]
            self.layers = nn.ModuleList([TimeAsInput(dim_in + 1, dim_hids[0], num_timesteps)])
            self.layers.extend(TimeLinear(a, b, num_timesteps) for a, b in zip(sizes[:-1], sizes[1:]))
        """,
    ),
    _init(
        "time-embeddings-shared",
        explanation="Some of your layers seem to share one time embedding, so they cannot learn to use the time in different "
        "ways. Count the parameters and compare with the number in the handout.",
        body="""
sizes = [dim_in, *dim_hids, dim_out]
self.layers = nn.ModuleList(
    TimeLinear(size_in, size_out, num_timesteps) for size_in, size_out in zip(sizes[:-1], sizes[1:])
)
made = {}
for layer in self.layers:
    layer.time_embedding = made.setdefault(layer.dim_out, layer.time_embedding)
""",
    ),
    _init(
        "time-embeddings-frozen",
        explanation="Training seems to leave your time embeddings as they were at the start. Look at which of your parameters "
        "get a gradient.",
        body="""
sizes = [dim_in, *dim_hids, dim_out]
self.layers = nn.ModuleList(
    TimeLinear(size_in, size_out, num_timesteps) for size_in, size_out in zip(sizes[:-1], sizes[1:])
)
for layer in self.layers:
    layer.time_embedding.requires_grad_(False)
""",
    ),
    _init(
        "time-linear-argument-missing",
        explanation="TimeLinear is made with too few arguments. Compare your call with its constructor, above SimpleNet: it wants the number "
        "of time steps too.",
        edits=(("(size_in, size_out, num_timesteps)", "(size_in, size_out)"),),
        failure=("TypeError", r"TimeLinear\.__init__\(\) missing .*'num_timesteps'"),
    ),
)

_IN_SIMPLE_NET_FORWARD = (
    _forward(
        "no-activation",
        explanation="There seems to be no activation between your layers, so for each t the whole network is one linear map. "
        "Read the TODO again for what comes between two layers.",
        edits=(("F.relu(layer(x, t))", "layer(x, t)"),),
    ),
    _forward(
        "silu-for-relu",
        explanation="The activation between your layers seems to be SiLU, as inside TimeEmbedding. Compare with the "
        "activation that the TODO names.",
        edits=(("F.relu(", "F.silu("),),
    ),
    _forward(
        "gelu-for-relu",
        explanation="The activation between your layers seems to be GELU. Compare with the activation that the TODO names.",
        edits=(("F.relu(", "F.gelu("),),
    ),
    _forward(
        "leaky-relu",
        explanation="Negative numbers seem to pass your activation with a small slope. Compare with the activation that the "
        "TODO names.",
        edits=(("F.relu(", "F.leaky_relu("),),
    ),
    _forward(
        "tanh-for-relu",
        explanation="The activation between your layers seems to squeeze large numbers, as tanh does. Compare with the "
        "activation that the TODO names.",
        edits=(("F.relu(", "torch.tanh("),),
    ),
    _forward(
        "activation-after-last-layer",
        explanation="No output of your network is ever negative, but half of all noise is. Look at what happens after your "
        "last layer.",
        edits=(("return self.layers[-1](x, t)", "return self.layers[-1](x, t).relu()"),),
    ),
    _forward(
        "activation-before-each-layer",
        explanation="Your network seems to apply the activation to x before its first layer, and so loses the negative "
        "coordinates of the data. Follow one x through your loop, line by line.",
        edits=(
            ("x = F.relu(layer(x, t))", "x = layer(F.relu(x), t)"),
            ("self.layers[-1](x, t)", "self.layers[-1](F.relu(x), t)"),
        ),
    ),
    _forward(
        "activation-missing-before-last-layer",
        explanation="The last hidden layer of your network seems to have no activation, while the others have one. Look at "
        "which layer your code takes for the last.",
        edits=(
            ("self.layers[:-1]", "self.layers[:-2]"),
            ("return self.layers[-1](x, t)", "return self.layers[-1](self.layers[-2](x, t), t)"),
        ),
    ),
    _forward(
        "activation-missing-after-first-layer",
        explanation="The first layer of your network seems to have no activation, while the others have one. Look at where "
        "your loop begins.",
        edits=(("for layer in self.layers[:-1]", "x = self.layers[0](x, t)\nfor layer in self.layers[1:-1]"),),
    ),
    _forward(
        "t-ignored",
        explanation="The output of your network seems to be the same for every t. Look at what your layers get as their "
        "second argument.",
        edits=(("for layer in", "t = torch.zeros_like(torch.as_tensor(t))\nfor layer in"),),
    ),
    _forward(
        "t-of-first-row-for-all",
        explanation="Every row of the batch seems to be handled at the t of the first row. In training each row has its own "
        "t; look for an index on t.",
        edits=(("for layer in", "t = torch.atleast_1d(torch.as_tensor(t))[:1]\nfor layer in"),),
    ),
    _forward(
        "t-divided-by-num-timesteps",
        explanation="Your layers seem to get t divided by the number of time steps. TimeEmbedding expects t as it is: look at "
        "its frequencies.",
        edits=(("for layer in", "t = torch.as_tensor(t) / self.layers[0].num_timesteps\nfor layer in"),),
    ),
    _forward(
        "t-for-first-layer-only",
        explanation="Only the first layer of your network seems to get the true t. Look at what each of the others gets as "
        "its second argument.",
        edits=(("x = F.relu(layer(x, t))", "x = F.relu(layer(x, t))\n    t = torch.zeros_like(torch.as_tensor(t))"),),
    ),
    _forward(
        "identity-forward",
        explanation="Your network seems to return its input unchanged. Look at which variable forward returns, and whether "
        "the layers change it.",
        edits=(
            ("return self.layers[-1](x, t)", "return x"),
            ("x = F.relu(layer(x, t))", "hidden = F.relu(layer(x, t)); break"),
        ),
    ),
    _forward(
        "residual-connections",
        explanation="Where two layers have equal sizes, your network seems to add the input of the layer to its output. The "
        "network of this task is a plain chain; compare your loop with the TODO.",
        edits=(
            ("x = F.relu(layer(x, t))", "out = F.relu(layer(x, t))\n    x = out + x if out.shape == x.shape else out"),
        ),
    ),
    _forward(
        "dropout-between-layers",
        explanation="Your network seems to set some of its hidden numbers to zero at random, so the same input gives "
        "different outputs. Compare your loop with the TODO, which asks for layers and activations only.",
        edits=(("F.relu(layer(x, t))", "F.dropout(F.relu(layer(x, t)), 0.1)"),),
    ),
    _forward(
        "hidden-layers-detached",
        explanation="No gradient comes back to your first layers, so training never changes them. Look for detach, .data or "
        "no_grad in forward.",
        edits=(("F.relu(layer(x, t))", "F.relu(layer(x, t)).detach()"),),
    ),
    _forward(
        "forward-without-return",
        explanation="forward seems to end without giving anything back. Follow your code to its last line.",
        edits=(("return self.layers[-1](x, t)", "x = self.layers[-1](x, t)"),),
    ),
    _forward(
        "output-clamped",
        explanation="Your output seems to be kept within limits, which only large outputs show. Normal noise has no limits; look "
        "at what comes after your last layer.",
        edits=(("return self.layers[-1](x, t)", "return self.layers[-1](x, t).clamp(-3, 3)"),),
    ),
    _forward(
        "net-attribute-unknown",
        explanation="forward reads an attribute of self that __init__ does not set. Look for a name that is spelled in two ways.",
        edits=(("self.layers[:-1]", "self.layer[:-1]"),),
        failure=("AttributeError", "'SimpleNet' object has no attribute '.*'.*"),
    ),
    _forward(
        "time-linear-without-t",
        explanation="One of your TimeLinear layers is called without t. Each of them takes x and t; nn.Sequential passes on one argument only.",
        edits=(("F.relu(layer(x, t))", "F.relu(layer(x))"),),
        failure=("TypeError", r"TimeLinear\.forward\(\) missing 1 required positional argument: 't'"),
    ),
    _forward(
        "t-given-to-sequential",
        explanation="nn.Sequential takes one argument only, and each of your layers wants x and t. Call the layers one after the other in a loop.",
        body="return nn.Sequential(*self.layers)(x, t)",
        failure=("TypeError", r"Sequential\.forward\(\) takes 2 positional arguments but 3 were given"),
    ),
)

MISCONCEPTIONS: tuple[Misconception, ...] = (*_IN_SIMPLE_NET_INIT, *_IN_SIMPLE_NET_FORWARD)
