"""Known wrong versions of the regions of this assignment, most of them seen in real code, each with what a student reads about it.

Every one loses points in its own task and nowhere else. `edits` change the solution of the region, so that two mistakes of one region
can be made together; a `body` replaces it. No two behave alike on all inputs. An explanation says what the code seems to do and what to
compare it with, never what to write. Those that `ddpm/formulas.py` has a formula for are recognised by it; their edits are its proof.
"""

from collections.abc import Callable
from functools import partial

from autograder.grading.mutants import Misconception
from autograder.judges.formulas import ALGORITHMS as ALGORITHMS

# Mistakes that an exception names in any code (kind, text)

_FUNCTIONS = "q_sample|p_sample|p_sample_loop|ddim_p_sample|ddim_p_sample_loop|compute_loss"  # one that is missing is another matter
_TABLE_UNKNOWN = (
    "AttributeError",
    rf"'(BaseScheduler|DiffusionModule)' object has no attribute '(?!({_FUNCTIONS})').*'.*",
)
_NAME_UNKNOWN = "NameError", r"name '.*' is not defined.*"
_INDEX_NOT_INTEGER = (
    "RuntimeError|IndexError",
    (
        r"gather\(\): Expected dtype .* for index|(index_select|take)\(\): Expected dtype .*|tensors used as indices must be long.*"
    ),
)
_RANDINT_SIZE = (
    "TypeError",
    (
        r"randint\(\) received an invalid combination of arguments - got \((int, )?int, int[,)].*|randint\(\): argument 'size'.*"
    ),
)
_NETWORK_WITHOUT_T = "RuntimeError", "the network takes x and t, and was called with 1 arguments"


def _crashes(
    make: Callable[..., Misconception], name: str, table: str, misspelt: str, variable: str
) -> tuple[Misconception, ...]:
    """Attributes and names that are not there; `table` and `variable` occur once in the solution of the region."""
    return (
        make(
            f"{name}-table-unknown",
            explanation="Your code reads an attribute that is not there. Compare its spelling, and whose attribute it is, with BaseScheduler at "
            "the top of ddpm.py, which has the tables, the time steps and their number.",
            edits=((table, misspelt),),
            failure=_TABLE_UNKNOWN,
        ),
        make(
            f"{name}-name-unknown",
            explanation="Your code uses a name that nothing defines. Look for an import that is missing, and for a variable that is spelled in "
            "two ways.",
            edits=((variable, f"{variable}_"),),
            failure=_NAME_UNKNOWN,
        ),
    )


# 1-1, network.py

_init = partial(Misconception, task="1-1", region="network.py:SimpleNet.__init__")
_forward = partial(Misconception, task="1-1", region="network.py:SimpleNet.forward")

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
)

# 1-2, ddpm.py

_q_sample = partial(Misconception, task="1-2", region="ddpm.py:DiffusionModule.q_sample")
_p_sample = partial(Misconception, task="1-2", region="ddpm.py:DiffusionModule.p_sample")
_p_sample_loop = partial(Misconception, task="1-2", region="ddpm.py:DiffusionModule.p_sample_loop")

_IN_Q_SAMPLE: tuple[Misconception, ...] = (
    _q_sample(
        "root-missing-on-x0",
        explanation="The factor of x₀ in your x_t seems to lack its square root. Compare with the mean of the normal "
        "distribution in DDPM, Eq. 4.",
        edits=(("alphas_cumprod_t.sqrt() * x0", "alphas_cumprod_t * x0"),),
    ),
    _q_sample(
        "root-missing-on-noise",
        explanation="The noise in your x_t seems to be scaled by a variance. DDPM, Eq. 4 states a variance as well: what must "
        "standard normal noise be multiplied by to have it?",
        edits=(("(1 - alphas_cumprod_t).sqrt() * noise", "(1 - alphas_cumprod_t) * noise"),),
    ),
    _q_sample(
        "both-roots-missing",
        explanation="Both factors in your x_t seem to lack their square roots, so the squares of the two do not add up to 1. "
        "Compare each with DDPM, Eq. 4, and mind that it states a mean and a variance.",
        body="""
            alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
            return alphas_cumprod_t * x0 + (1 - alphas_cumprod_t) * noise
        """,
    ),
    _q_sample(
        "root-inside-the-difference",
        explanation="In the factor of the noise your code seems to take the square root first and the difference from 1 "
        "afterwards. Look at how far the root in DDPM, Eq. 4 reaches.",
        edits=(("(1 - alphas_cumprod_t).sqrt() * noise", "(1 - alphas_cumprod_t.sqrt()) * noise"),),
    ),
    _q_sample(
        "x0-and-noise-swapped",
        explanation="At small t your x_t is almost pure noise, and at large t almost clean. Look at which of the two factors "
        "in DDPM, Eq. 4 belongs to x₀.",
        body="""
            alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
            return (1 - alphas_cumprod_t).sqrt() * x0 + alphas_cumprod_t.sqrt() * noise
        """,
    ),
    _q_sample(
        "q-alpha-for-alpha-bar",
        explanation="Your x_t seems to be made with α_t, which describes the one step from x_{t−1} to x_t. Look at which α "
        "DDPM, Eq. 4 has for the jump from x₀ all the way to x_t.",
        edits=(("self.var_scheduler.alphas_cumprod", "self.var_scheduler.alphas"),),
    ),
    _q_sample(
        "q-beta-for-alpha-bar",
        explanation="Your x_t seems to be made with β_t in the place of ᾱ_t. Look at which of the scheduler's tables stands "
        "for which symbol of DDPM, Eq. 4.",
        edits=(("self.var_scheduler.alphas_cumprod", "self.var_scheduler.betas"),),
    ),
    _q_sample(
        "q-product-of-betas",
        explanation="Your ᾱ_t seems to be a running product of the β. Read in DDPM, above Eq. 4, what ᾱ_t is the product of; "
        "the scheduler has it ready.",
        edits=(("self.var_scheduler.alphas_cumprod", "self.var_scheduler.betas.cumprod(dim=0)"),),
    ),
    _q_sample(
        "q-of-step-before",
        explanation="Your x_t seems to have the noise of the step before, t − 1. In this code t counts from 0, so the table's "
        "entry t belongs to t.",
        edits=((", t, x0)", ", (t - 1).clamp(min=0), x0)"),),
    ),
    _q_sample(
        "q-index-minus-one",
        explanation="Your x_t seems to have the noise of the step before, t − 1, and at t = 0 that of the very last step: an "
        "index of −1 reads a table from its end. In this code t counts from 0.",
        edits=((", t, x0)", ", t - 1, x0)"),),
    ),
    _q_sample(
        "q-t-of-first-row-for-all",
        explanation="Every row of your x_t seems to be noised at the t of the first row. Each row has its own t; look for an "
        "index on t.",
        edits=((", t, x0)", ", t[:1], x0)"),),
    ),
    _q_sample(
        "q-not-shaped-for-the-batch",
        explanation="Your code seems to multiply one number for each row, shape (B,), with x₀ of shape (B, …), which pairs "
        "them up wrongly or not at all. Look at the shapes of both, and at what extract is for.",
        edits=(("extract(self.var_scheduler.alphas_cumprod, t, x0)", "self.var_scheduler.alphas_cumprod[t]"),),
    ),
    _q_sample(
        "noise-argument-ignored",
        explanation="Your x_t seems to hold other noise than the noise that q_sample was given. The loss compares with the "
        "noise that it passes in; look at where your noise comes from.",
        edits=(("sqrt() * noise", "sqrt() * torch.randn_like(x0)"),),
    ),
    _q_sample(
        "noise-subtracted",
        explanation="The noise in your x_t seems to have the wrong sign. Compare with DDPM, Eq. 4: training and sampling must "
        "mean the same noise.",
        edits=(("* x0 +", "* x0 -"),),
    ),
    _q_sample(
        "noise-left-out",
        explanation="There seems to be no noise in your x_t. DDPM, Eq. 4 is a distribution with a variance; look for the "
        "second term.",
        edits=((" + (1 - alphas_cumprod_t).sqrt() * noise", ""),),
    ),
    _q_sample(
        "x0-not-scaled-down",
        explanation="x₀ seems to be in your x_t at full strength for every t, so at the last t there is more than noise. "
        "Compare with the mean in DDPM, Eq. 4.",
        edits=(("alphas_cumprod_t.sqrt() * x0", "x0"),),
    ),
    _q_sample(
        "noise-of-one-step",
        explanation="The noise in your x_t seems to be that of one step, with variance β_t, while x₀ is scaled for the whole "
        "way. Compare the variance in DDPM, Eq. 4 with that of Eq. 2.",
        edits=(("(1 - alphas_cumprod_t).sqrt() * noise", "extract(self.var_scheduler.betas, t, x0).sqrt() * noise"),),
    ),
    _q_sample(
        "q-changes-x0",
        explanation="Your code seems to write x_t over the x₀ that it was given, so the data of whoever called it is gone. Look for an "
        "operation that works in place.",
        body="""
alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
x0 *= alphas_cumprod_t.sqrt()
x0 += (1 - alphas_cumprod_t).sqrt() * noise
return x0
""",
    ),
    _q_sample(
        "q-changes-noise",
        explanation="Your code seems to scale the very noise that it was given, so the loss then compares with scaled noise. Look for "
        "an operation that works in place.",
        body="""
alphas_cumprod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
noise *= (1 - alphas_cumprod_t).sqrt()
return alphas_cumprod_t.sqrt() * x0 + noise
""",
    ),
    _q_sample(
        "q-result-in-float64",
        explanation="Your x_t seems to be float64 where x₀ is float32, and the network's weights are float32. Compare the dtype of what "
        "goes in with that of what comes out.",
        edits=(("self.var_scheduler.alphas_cumprod, t", "self.var_scheduler.alphas_cumprod.double(), t"),),
    ),
    _q_sample(
        "q-sets-the-seed",
        explanation="Your code seems to set the seed of the random generator, so all that is drawn afterwards is the same again and "
        "again, in the training too. Look for the line that does.",
        edits=(("return ", "torch.manual_seed(0)\nreturn "),),
    ),
    _q_sample(
        "q-clean-at-t-0",
        explanation="Your x_t seems to be x₀ itself at the first time step. Counting from 0, that one is the paper's first step, which already "
        "has noise in it; see the table of the handout's conventions.",
        edits=(
            ("return ", "xt = "),
            ("sqrt() * noise", "sqrt() * noise\nreturn torch.where((t == 0).reshape(alphas_cumprod_t.shape), x0, xt)"),
        ),
    ),
)

_IN_Q_SAMPLE += (
    _q_sample(
        "q-for-points-only",
        explanation="Your factors seem to have the shape (B, 1), which multiplies points, (B, 2), and nothing with more dimensions. Look at "
        "how extract shapes what it returns.",
        edits=(
            ("extract(self.var_scheduler.alphas_cumprod, t, x0)", "self.var_scheduler.alphas_cumprod[t].view(-1, 1)"),
        ),
    ),
    _q_sample(
        "q-index-not-integer",
        explanation="Your code looks into a table with a t that is no integer. Look at what is done to t before it is used as an index.",
        edits=(("extract(self.var_scheduler.alphas_cumprod, t, x0)", "self.var_scheduler.alphas_cumprod[t.float()]"),),
        failure=_INDEX_NOT_INTEGER,
    ),
    *_crashes(_q_sample, "q", "var_scheduler.alphas_cumprod", "var_scheduler.alpha_bar", "* x0"),
)

_ASK = "eps_theta = self.network(xt, t)"
_MEAN = "mean = (xt - beta_t / (1 - alphas_cumprod_t).sqrt() * eps_theta) / alpha_t.sqrt()"

_BEFORE = "alphas_cumprod_t / alpha_t"


def _posterior_mean(alphas_cumprod_prev: str) -> str:
    """The mean by way of x₀ (DDPM, Eq. 7), with this expression for ᾱ_{t−1}."""
    return (
        f"alphas_cumprod_prev = {alphas_cumprod_prev}\n"
        "x0_pred = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()\n"
        "mean = (alphas_cumprod_prev.sqrt() * beta_t * x0_pred + alpha_t.sqrt() * (1 - alphas_cumprod_prev) * xt)"
        " / (1 - alphas_cumprod_t)"
    )


_IN_P_SAMPLE = (
    # The gate on the noise
    _p_sample(
        "noise-at-t-0",
        explanation="Your code seems to add noise in the last step, t = 0, too, so each sample ends slightly blurred. Compare "
        "with the condition on z in DDPM, Algorithm 2, line 3, and mind that t counts from 0 here.",
        edits=(("(t > 0)", "(t >= 0)"),),
    ),
    _p_sample(
        "no-noise-at-t-1",
        explanation="Your code seems to add no noise at t = 1 either. DDPM, Algorithm 2, line 3 counts t from 1, this code "
        "counts from 0: which t here is the last step?",
        edits=(("(t > 0)", "(t > 1)"),),
    ),
    _p_sample(
        "noise-only-at-t-0",
        explanation="Your code seems to add noise at t = 0 and nowhere else. Compare the condition with DDPM, Algorithm 2, "
        "line 3.",
        edits=(("(t > 0)", "(t == 0)"),),
    ),
    _p_sample(
        "no-noise-at-first-step",
        explanation="Your code seems to leave out the noise at t = T − 1, where sampling starts, and to add it at t = 0, "
        "where it ends. Compare with the condition on z in DDPM, Algorithm 2, line 3.",
        edits=(("(t > 0)", "(t < self.var_scheduler.num_train_timesteps - 1)"),),
    ),
    # The noise
    _p_sample(
        "noise-never-added",
        explanation="Your step seems to return the mean alone, so the samples gather in too few places. Compare with the last "
        "term of DDPM, Algorithm 2, line 4.",
        edits=(("is_not_last * beta_t.sqrt() * torch.randn_like(xt)", "0 * is_not_last * xt"),),
    ),
    _p_sample(
        "variance-for-standard-deviation",
        explanation="Your noise seems to be multiplied by the variance σ_t², and so is much too weak. Compare with the last "
        "term of DDPM, Algorithm 2, line 4.",
        edits=(("beta_t.sqrt()", "beta_t"),),
    ),
    _p_sample(
        "root-of-standard-deviation",
        explanation="Your noise seems to be multiplied by the root of σ_t, and so is much too strong. Compare with the last "
        "term of DDPM, Algorithm 2, line 4, and with what Sec. 3.2 says about σ_t².",
        edits=(("beta_t.sqrt()", "beta_t.sqrt().sqrt()"),),
    ),
    _p_sample(
        "unit-noise",
        explanation="Your noise seems to have a standard deviation of 1 at every t, so the samples stay a cloud. Compare with "
        "the last term of DDPM, Algorithm 2, line 4.",
        edits=(("beta_t.sqrt() *", "1.0 *"),),
    ),
    _p_sample(
        "sigma-from-alpha",
        explanation="The strength of your noise seems to come from α_t, which is close to 1 at every step. Read in DDPM, Sec. "
        "3.2 what σ_t² may be.",
        edits=(("beta_t.sqrt()", "alpha_t.sqrt()"),),
    ),
    _p_sample(
        "sigma-from-alpha-bar",
        explanation="The strength of your noise seems to be that of the whole way from x₀ to x_t, while one step back needs "
        "the noise of one step. Read in DDPM, Sec. 3.2 what σ_t² may be.",
        edits=(("beta_t.sqrt()", "(1 - alphas_cumprod_t).sqrt()"),),
    ),
    _p_sample(
        "sigma-of-step-before",
        explanation="Your noise seems to have the strength that belongs to t − 1. Compare the indices in DDPM, Algorithm 2, "
        "line 4: the step from t uses σ of the same t.",
        edits=(("beta_t.sqrt()", "extract(self.var_scheduler.betas, (t - 1).clamp(min=0), xt).sqrt()"),),
    ),
    _p_sample(
        "posterior-variance-upside-down",
        explanation="Your σ_t² seems to be larger than β_t: the fraction in it looks upside down. Compare with β̃_t in DDPM, "
        "Eq. 7; which of the two is the larger number?",
        edits=(
            (
                "beta_t.sqrt()",
                "((1 - alphas_cumprod_t) / (1 - extract(self.var_scheduler.alphas_cumprod, (t - 1).clamp(min=0), xt)) * beta_t).sqrt()",
            ),
        ),
    ),
    _p_sample(
        "posterior-variance-without-beta",
        explanation="Your σ_t² seems to be a ratio of two noise levels, close to 1 at large t, so the samples stay a cloud. "
        "Compare with all factors of β̃_t in DDPM, Eq. 7.",
        edits=(
            (
                "beta_t.sqrt()",
                "((1 - extract(self.var_scheduler.alphas_cumprod, (t - 1).clamp(min=0), xt)) / (1 - alphas_cumprod_t)).sqrt()",
            ),
        ),
    ),
    _p_sample(
        "posterior-variance-index-minus-one",
        explanation="At t = 0 your σ_t² seems to use ᾱ_{t−1} from index −1, which is the last entry of the table, and so adds "
        "noise to the result. What does ᾱ mean for clean data? Look at β̃_t of DDPM, Eq. 7 at the first time "
        "step.",
        edits=(
            (
                "is_not_last * beta_t.sqrt()",
                "((1 - extract(self.var_scheduler.alphas_cumprod, t - 1, xt)) / (1 - alphas_cumprod_t) * beta_t).sqrt()",
            ),
        ),
    ),
    _p_sample(
        "noise-inside-the-division",
        explanation="Your noise seems to be divided by √α_t together with the mean. Look at where the parentheses close in "
        "DDPM, Algorithm 2, line 4.",
        edits=(("beta_t.sqrt()", "beta_t.sqrt() / alpha_t.sqrt()"),),
    ),
    _p_sample(
        "uniform-noise-in-step",
        explanation="The noise of your step seems to be uniform, never negative, instead of normal. Compare with the "
        "distribution of z in DDPM, Algorithm 2, line 3.",
        edits=(("torch.randn_like(xt)", "torch.rand_like(xt)"),),
    ),
    _p_sample(
        "one-noise-for-all-rows",
        explanation="All rows of your batch seem to get the same noise, so the samples move together. Look at the shape of "
        "the noise that you draw.",
        edits=(("torch.randn_like(xt)", "torch.randn_like(xt[:1])"),),
    ),
    _p_sample(
        "one-noise-for-all-coordinates",
        explanation="All coordinates of a sample seem to get the same noise, so it moves along a diagonal only. Look at the "
        "shape of the noise that you draw.",
        edits=(("torch.randn_like(xt)", "torch.randn_like(beta_t.expand(len(xt), *beta_t.shape[1:]))"),),
    ),
    _p_sample(
        "same-noise-at-every-call",
        explanation="Each call of your step seems to use the same noise again, as a fixed seed makes it. DDPM, Algorithm 2, "
        "line 3 draws a new z for every t.",
        edits=(("torch.randn_like(xt)", "torch.randn(xt.shape, generator=torch.Generator().manual_seed(0)).to(xt)"),),
    ),
    # The network
    _p_sample(
        "network-fed-t-minus-1",
        explanation="Your network seems to be asked about t − 1, while its x is x_t. Compare the two arguments of ε_θ in "
        "DDPM, Algorithm 2, line 4; t counts from 0 here, so nothing needs to be shifted.",
        edits=(("self.network(xt, t)", "self.network(xt, t - 1)"),),
    ),
    _p_sample(
        "network-fed-t-plus-1",
        explanation="Your network seems to be asked about t + 1, while its x is x_t. Training and sampling must mean the same "
        "by t, and it counts from 0 here.",
        edits=(("self.network(xt, t)", "self.network(xt, t + 1)"),),
    ),
    _p_sample(
        "network-fed-fraction",
        explanation="Your network seems to be given t as a fraction of T, while in training it sees integers. Look at what "
        "you pass to the network here and in compute_loss.",
        edits=(("self.network(xt, t)", "self.network(xt, t / self.var_scheduler.num_train_timesteps)"),),
    ),
    _p_sample(
        "network-fed-constant-t",
        explanation="Your network seems to be given the same t at every step, so it cannot know how noisy x_t is. Compare "
        "with the arguments of ε_θ in DDPM, Algorithm 2, line 4.",
        edits=(("self.network(xt, t)", "self.network(xt, torch.zeros_like(t))"),),
    ),
    _p_sample(
        "network-fed-scaled-x",
        explanation="Your network seems to be given x_t multiplied by some factor. It was trained on x_t as q_sample makes "
        "it; compare the arguments of ε_θ in DDPM, Algorithm 2, line 4.",
        edits=(("self.network(xt, t)", "self.network(xt / alpha_t.sqrt(), t)"),),
    ),
    _p_sample(
        "network-not-asked",
        explanation="Your step seems to use random noise in the place of the network's prediction. Look at what stands for "
        "ε_θ(x_t, t) of DDPM, Eq. 11 in your code.",
        edits=(("self.network(xt, t)", "torch.randn(xt.shape, device=xt.device)"),),
    ),
    # The mean
    _p_sample(
        "multiplied-by-root-alpha",
        explanation="Your mean seems to be multiplied by √α_t, so the samples shrink. Going back must undo what the forward "
        "step did to x; compare with DDPM, Eq. 11.",
        edits=(("/ alpha_t.sqrt()", "* alpha_t.sqrt()"),),
    ),
    _p_sample(
        "divided-by-alpha",
        explanation="Your mean seems to be divided by α_t without its square root, so the samples grow. Compare the factor in "
        "front of the parentheses with DDPM, Eq. 11.",
        edits=(("/ alpha_t.sqrt()", "/ alpha_t"),),
    ),
    _p_sample(
        "division-forgotten",
        explanation="Your mean seems to lack the factor in front of the parentheses, so the samples stay too small. Compare "
        "with DDPM, Eq. 11.",
        edits=((" / alpha_t.sqrt()", ""),),
    ),
    _p_sample(
        "divided-by-root-alpha-bar",
        explanation="Your mean seems to be divided by √ᾱ_t, as if one step went all the way to x₀, so the samples explode. "
        "Compare the bar, or its absence, in the factor in front of the parentheses of DDPM, Eq. 11.",
        edits=(("/ alpha_t.sqrt()", "/ alphas_cumprod_t.sqrt()"),),
    ),
    _p_sample(
        "only-x-divided",
        explanation="Only x_t seems to be divided by √α_t in your mean, and the term with ε_θ is not. Look at what the "
        "parentheses of DDPM, Eq. 11 enclose.",
        edits=(("(xt - beta_t", "(xt / alpha_t.sqrt() - beta_t"), ("* eps_theta) / alpha_t.sqrt()", "* eps_theta)")),
    ),
    _p_sample(
        "eps-coefficient-without-root",
        explanation="The term with ε_θ in your mean seems to lack the square root in its denominator, so too much noise is "
        "taken away at small t. Compare with DDPM, Eq. 11.",
        edits=(("(1 - alphas_cumprod_t).sqrt() * eps_theta", "(1 - alphas_cumprod_t) * eps_theta"),),
    ),
    _p_sample(
        "eps-coefficient-with-alpha",
        explanation="The denominator of your ε_θ term seems to be made with α_t. Compare the bars in DDPM, Eq. 11: which α is "
        "the one of a single step, and which that of the whole way?",
        edits=(("(1 - alphas_cumprod_t).sqrt() * eps_theta", "(1 - alpha_t).sqrt() * eps_theta"),),
    ),
    _p_sample(
        "eps-coefficient-with-alpha-bar-above",
        explanation="The numerator of your ε_θ term seems to be made with ᾱ_t, so each step takes away all of the noise. "
        "Compare the bars in DDPM, Algorithm 2, line 4: the numerator belongs to one step only.",
        edits=(("xt - beta_t /", "xt - (1 - alphas_cumprod_t) /"),),
    ),
    _p_sample(
        "eps-without-coefficient",
        explanation="Your step seems to subtract the whole of ε_θ, without its factor. Compare with what stands in front of "
        "ε_θ in DDPM, Eq. 11.",
        edits=(("beta_t / (1 - alphas_cumprod_t).sqrt() * eps_theta", "eps_theta"),),
    ),
    _p_sample(
        "eps-beta-forgotten",
        explanation="The factor in front of ε_θ in your mean seems to lack its numerator, so each step removes far too much "
        "noise. Compare with DDPM, Eq. 11.",
        edits=(("xt - beta_t /", "xt - 1 /"),),
    ),
    _p_sample(
        "eps-root-of-beta",
        explanation="The numerator in front of ε_θ in your mean seems to be √β_t, the strength of the noise. Compare with "
        "DDPM, Eq. 11.",
        edits=(("xt - beta_t /", "xt - (beta_t**0.5) /"),),
    ),
    _p_sample(
        "eps-added",
        explanation="Your step seems to add the predicted noise where it must be taken away, so the samples become noisier. "
        "Compare the sign in DDPM, Eq. 11.",
        edits=(("(xt - beta_t", "(xt + beta_t"),),
    ),
    _p_sample(
        "beta-and-alpha-bar-swapped",
        explanation="β_t and ᾱ_t seem to have changed places in your step. Look at which of the scheduler's tables each of "
        "your variables is read from.",
        edits=((_ASK, f"beta_t, alphas_cumprod_t = alphas_cumprod_t, beta_t\n{_ASK}"),),
    ),
    _p_sample(
        "alpha-and-alpha-bar-swapped",
        explanation="α_t and ᾱ_t seem to have changed places in your mean. Look at which of the two has a bar at each place "
        "in DDPM, Eq. 11, and which of the scheduler's tables holds it.",
        edits=((_ASK, f"alpha_t, alphas_cumprod_t = alphas_cumprod_t, alpha_t\n{_ASK}"),),
    ),
    _p_sample(
        "coefficients-of-t-minus-1",
        explanation="All coefficients of your step seem to be those of t − 1. DDPM, Algorithm 2 counts t from 1 and the "
        "tables here from 0: is the shift needed, when the loop counts from 0 as well?",
        edits=(
            ("betas, t, xt", "betas, (t - 1).clamp(min=0), xt"),
            ("alphas, t, xt", "alphas, (t - 1).clamp(min=0), xt"),
            ("alphas_cumprod, t, xt", "alphas_cumprod, (t - 1).clamp(min=0), xt"),
        ),
    ),
    _p_sample(
        "alpha-bar-of-t-minus-1",
        explanation="The denominator of your ε_θ term seems to be made with ᾱ_{t−1}. Compare the index in DDPM, Eq. 11 with "
        "yours.",
        edits=(("alphas_cumprod, t, xt", "alphas_cumprod, (t - 1).clamp(min=0), xt"),),
    ),
    _p_sample(
        "posterior-mean-index-minus-one",
        explanation="At t = 0 your code seems to read ᾱ_{t−1} at index −1, which is the last entry of the table. What does ᾱ "
        "mean for clean data? Look at DDPM, Eq. 7 at the first time step.",
        edits=((_MEAN, _posterior_mean("extract(self.var_scheduler.alphas_cumprod, t - 1, xt)")),),
    ),
    _p_sample(
        "posterior-mean-with-alpha-bar-of-t",
        explanation="Your mean seems to be put together of x₀ and x_t with ᾱ of the same t everywhere. Compare the indices of "
        "ᾱ in μ̃_t of DDPM, Eq. 7.",
        edits=((_MEAN, _posterior_mean("alphas_cumprod_t")),),
    ),
    _p_sample(
        "posterior-mean-weights-swapped",
        explanation="Your mean seems to be put together of x₀ and x_t with their weights exchanged, so sampling hardly moves "
        "and never gets clean. Compare with μ̃_t in DDPM, Eq. 7.",
        edits=((_MEAN, _posterior_mean(_BEFORE).replace("* x0_pred +", "* xt +").replace(") * xt)", ") * x0_pred)")),),
    ),
    _p_sample(
        "x0-clamped-to-one",
        explanation="Your step seems to cut its estimate of x₀ off at ±1, as codes for images do. Look at how far the points "
        "of this data set reach.",
        edits=((_MEAN, _posterior_mean(_BEFORE).replace("mean =", "x0_pred = x0_pred.clamp(-1, 1)\nmean =")),),
    ),
    _p_sample(
        "returns-estimate-of-x0",
        explanation="Your step seems to return an estimate of x₀, at once, in the place of x_{t−1}. Compare with the mean in "
        "DDPM, Eq. 11: one step removes the noise of one step.",
        edits=((_MEAN, "mean = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()"),),
    ),
    _p_sample(
        "returns-predicted-noise",
        is_no_work=True,
        explanation="Your step seems to return what the network predicts, the noise, and not x_{t−1}. Compare with DDPM, "
        "Algorithm 2, line 4.",
        edits=((_MEAN, "mean = eps_theta"), ("is_not_last * beta_t", "0 * is_not_last * beta_t")),
    ),
    _p_sample(
        "last-step-left-out",
        explanation="Your code seems to return x_t as it is at t = 0. The last step adds no noise, but it still takes the mean; compare "
        "with DDPM, Algorithm 2, line 4.",
        edits=(
            (
                "return mean + is_not_last * beta_t.sqrt() * torch.randn_like(xt)",
                "return torch.where(is_not_last > 0, mean + beta_t.sqrt() * torch.randn_like(xt), xt)",
            ),
        ),
    ),
    _p_sample(
        "prediction-clamped",
        explanation="The predicted noise seems to be cut off at ±1. Normal noise is larger than that in a third of all cases; look at "
        "what you do with the answer of the network.",
        edits=((_ASK, _ASK + ".clamp(-1, 1)"),),
    ),
    _p_sample(
        "step-result-in-float64",
        explanation="Your step seems to return float64 for a float32 x_t, and the network, whose weights are float32, refuses it in the "
        "next step. Compare the dtype of what goes in with that of what comes out.",
        edits=(("return mean", "return mean.double()"),),
    ),
    _p_sample(
        "step-changes-t",
        explanation="Your code seems to change the tensor t that it was given. It may be an entry of the schedule's own timesteps, which "
        "are then wrong for the next run; look for an operation that works in place.",
        edits=(("(t > 0)", "(t.add_(1) > 1)"),),
    ),
    # Exceptions
    _p_sample(
        "p-network-without-t",
        explanation="Your network is asked without t. Compare with the two arguments of ε_θ in DDPM, Algorithm 2, line 4.",
        edits=(("self.network(xt, t)", "self.network(xt)"),),
        failure=_NETWORK_WITHOUT_T,
    ),
    _p_sample(
        "p-index-not-integer",
        explanation="Your code looks into a table with a t that is no integer. Look at what is done to t before it is used as an index.",
        edits=(("extract(self.var_scheduler.betas, t, xt)", "self.var_scheduler.betas[t.float()]"),),
        failure=_INDEX_NOT_INTEGER,
    ),
    *_crashes(_p_sample, "p", "var_scheduler.betas", "var_scheduler.beta", "* eps_theta"),
)

_TILDE = "((1 - extract(self.var_scheduler.alphas_cumprod, (t - 1).clamp(min=0), xt)) / (1 - alphas_cumprod_t) * beta_t).sqrt()"

RIGHT_FORMS: tuple[Misconception, ...] = (
    _p_sample("form: posterior variance", explanation="", edits=(("beta_t.sqrt() * torch", f"{_TILDE} * torch"),)),
)

_IN_P_SAMPLE_LOOP = (
    _p_sample_loop(
        "start-from-zeros",
        explanation="Your sampling seems to start from zeros. Compare with DDPM, Algorithm 2, line 1.",
        edits=(("torch.randn(", "torch.zeros("),),
    ),
    _p_sample_loop(
        "start-from-uniform",
        explanation="Your sampling seems to start from uniform random numbers. Compare the distribution with DDPM, Algorithm "
        "2, line 1.",
        edits=(("torch.randn(", "torch.rand("),),
    ),
    _p_sample_loop(
        "start-from-one-point",
        explanation="All of your samples seem to start from the same point. DDPM, Algorithm 2, line 1 draws x_T for each "
        "sample; look at the shape that you draw.",
        edits=(("torch.randn(shape, device=self.device)", "torch.randn(shape[1:], device=self.device).expand(shape)"),),
    ),
    _p_sample_loop(
        "start-too-weak",
        explanation="Your sampling seems to start from noise that is too weak. Compare the variance with DDPM, Algorithm 2, "
        "line 1.",
        edits=(
            (
                "torch.randn(shape, device=self.device)",
                "torch.randn(shape, device=self.device) * self.var_scheduler.betas[-1].sqrt()",
            ),
        ),
    ),
    _p_sample_loop(
        "loop-stops-at-t-1",
        explanation="Your loop seems to stop before t = 0, so the last of the noise is never removed. DDPM, Algorithm 2 "
        "counts down to 1; to which t is that in this code, where t counts from 0?",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.timesteps[:-1]"),),
    ),
    _p_sample_loop(
        "loop-starts-late",
        explanation="Your loop seems to leave out its first step, t = T − 1. Print the t of every step and compare with DDPM, "
        "Algorithm 2, line 2.",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.timesteps[1:]"),),
    ),
    _p_sample_loop(
        "loop-from-T-to-1",
        explanation="Your loop seems to take the steps T, …, 1, as DDPM, Algorithm 2 is printed. In this code t counts from "
        "0; print the t of every step.",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.timesteps + 1"),),
    ),
    _p_sample_loop(
        "loop-from-T-to-0",
        explanation="Your loop seems to take one step too many: it starts at t = T, which is none of 0 … T−1. Print the t of "
        "every step.",
        edits=(("self.var_scheduler.timesteps", "range(self.var_scheduler.num_train_timesteps, -1, -1)"),),
    ),
    _p_sample_loop(
        "loop-upwards",
        explanation="Your loop seems to count up, from t = 0 to T − 1. Sampling goes from noise to data: compare with DDPM, "
        "Algorithm 2, line 2.",
        edits=(("self.var_scheduler.timesteps", "range(self.var_scheduler.num_train_timesteps)"),),
    ),
    _p_sample_loop(
        "loop-skips-steps",
        explanation="Your loop seems to skip time steps. That is for DDIM; DDPM, Algorithm 2, line 2 takes every one.",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.timesteps[::2]"),),
    ),
    _p_sample_loop(
        "single-step",
        is_no_work=True,
        explanation="Your loop seems to end after its first step. Look at how far `return` is indented.",
        edits=(("xt = self.p_sample(xt, t)", "xt = self.p_sample(xt, t)\n    return xt"),),
    ),
    _p_sample_loop(
        "loop-empty",
        is_no_work=True,
        explanation="Your sampling seems to return the noise that it starts from: no step is taken. Look at what is inside "
        "your loop.",
        edits=(("xt = self.p_sample(xt, t)", "pass"),),
    ),
    _p_sample_loop(
        "step-result-thrown-away",
        explanation="Your loop seems to call p_sample and not to keep what it returns, so every step starts from the same x. "
        "Look at what the step's result is assigned to.",
        edits=(("xt = self.p_sample(xt, t)", "self.p_sample(xt, t)"),),
    ),
    _p_sample_loop(
        "every-step-from-x-T",
        explanation="Each of your steps seems to start from x_T again instead of from the result of the step before. Look at "
        "which variable goes into p_sample.",
        edits=(("return xt", "return x"), ("xt = self.p_sample(xt, t)", "x = self.p_sample(xt, t)")),
    ),
    _p_sample_loop(
        "same-noise-in-every-step",
        explanation="Your steps seem to use the same random numbers over and over, as a seed that is set inside the loop "
        "makes them. DDPM, Algorithm 2, line 3 draws a new z in each step.",
        edits=(("xt = self.p_sample(xt, t)", "torch.manual_seed(0)\n    xt = self.p_sample(xt, t)"),),
    ),
    _p_sample_loop(
        "noise-added-in-loop-too",
        explanation="Your loop seems to add noise of its own to what p_sample returns, which holds its noise already. Compare "
        "with DDPM, Algorithm 2: how many z are there in each step?",
        edits=(
            (
                "xt = self.p_sample(xt, t)",
                "xt = self.p_sample(xt, t)\n    xt = xt + (t > 0) * self.var_scheduler.betas[t].sqrt() * torch.randn_like(xt)",
            ),
        ),
    ),
    _p_sample_loop(
        "result-clamped-to-one",
        explanation="Your samples seem to be cut off at ±1, as codes for images do at the end. Look at how far the points of "
        "this data set reach.",
        edits=(("return xt", "return xt.clamp(-1, 1)"),),
    ),
    _p_sample_loop(
        "returns-all-states",
        explanation="Your loop seems to return the states of all steps together. The docstring of p_sample_loop says which of "
        "them is asked for.",
        edits=(
            ("for t in", "states = [xt]\nfor t in"),
            ("return xt", "return torch.stack(states)"),
            ("xt = self.p_sample(xt, t)", "xt = self.p_sample(xt, t)\n    states.append(xt)"),
        ),
    ),
    _p_sample_loop(
        "loop-without-return",
        explanation="Your loop seems to end without giving its result back. Follow your code to its last line.",
        edits=(("return xt", "pass"),),
    ),
    _p_sample_loop(
        "shape-ignored",
        explanation="Your samples seem to have a fixed shape, whatever shape is asked for. Look at where the shape of x_T "
        "comes from.",
        edits=(("torch.randn(shape,", "torch.randn((2048, 2),"),),
    ),
    _p_sample_loop(
        "loop-sets-the-seed",
        explanation="Your loop seems to set the seed of the random generator, so every call gives the same samples. Whoever wants the "
        "same samples again sets the seed outside.",
        edits=(("xt = torch.randn", "torch.manual_seed(42)\nxt = torch.randn"),),
    ),
    _p_sample_loop(
        "start-in-float64",
        explanation="Your x_T seems to be float64, and the network, whose weights are float32, refuses it. Look at how you draw it.",
        edits=(("device=self.device)", "device=self.device, dtype=torch.float64)"),),
    ),
    _p_sample_loop(
        "loop-for-points-only",
        explanation="Your loop seems to keep only the first entry of shape and to take the second for granted. Asked for images it must "
        "start from noise of the whole shape.",
        edits=(("torch.randn(shape,", "torch.randn(shape[0], 2,"),),
    ),
    _p_sample_loop(
        "loop-turns-the-schedule-round",
        explanation="The first run of your loop seems right, and the second goes the other way. Look at whether it changes something "
        "that outlives the call.",
        body="""
self.var_scheduler.timesteps = self.var_scheduler.timesteps.flip(0)
xt = torch.randn(shape, device=self.device)
for t in self.var_scheduler.timesteps.flip(0):
    xt = self.p_sample(xt, t)
return xt
""",
    ),
    _p_sample_loop(
        "loop-of-thousand-steps",
        explanation="Your loop seems to take a thousand steps whatever the schedule is. The number of time steps stands in the scheduler.",
        edits=(("self.var_scheduler.timesteps", "range(999, -1, -1)"),),
    ),
    _p_sample_loop(
        "loop-over-a-number",
        explanation="Your loop is given the number of time steps, and `for` wants the time steps themselves. Look at what else the scheduler has, "
        "or at range.",
        edits=(("self.var_scheduler.timesteps", "self.var_scheduler.num_train_timesteps"),),
        failure=("TypeError", "'int' object is not iterable"),
    ),
    *_crashes(_p_sample_loop, "loop", "var_scheduler.timesteps", "var_scheduler.steps", "return xt"),
)

# 1-3, ddpm.py

_ddim = partial(Misconception, task="1-3", region="ddpm.py:DiffusionModule.ddim_p_sample")
_ddim_loop = partial(Misconception, task="1-3", region="ddpm.py:DiffusionModule.ddim_p_sample_loop")

_CLEAN = "alphas_cumprod_prev = torch.where(is_clean, 1.0, alphas_cumprod_prev)"
_VARIANCE = "(1 - alphas_cumprod_prev) / (1 - alphas_cumprod_t) * (1 - alphas_cumprod_t / alphas_cumprod_prev)"

_IN_DDIM_P_SAMPLE = (
    # ᾱ at t and at t_prev
    _ddim(
        "ddim-alpha-for-alpha-bar",
        explanation="Your step seems to read α_t where it needs ᾱ_t. The α of the DDIM paper is what the DDPM paper, and the "
        "scheduler, call ᾱ.",
        edits=(
            ("extract(self.var_scheduler.alphas_cumprod, t, xt)", "extract(self.var_scheduler.alphas, t, xt)"),
            ("extract(self.var_scheduler.alphas_cumprod, t_prev", "extract(self.var_scheduler.alphas, t_prev"),
        ),
    ),
    _ddim(
        "ddim-index-minus-one",
        explanation="In the last step, where t_prev is negative, your code seems to read ᾱ from the end of the table. A "
        "negative t_prev stands for clean data: what is ᾱ there?",
        edits=(("t_prev.clamp(min=0)", "t_prev"), (_CLEAN, "alphas_cumprod_prev = alphas_cumprod_prev.clone()")),
    ),
    _ddim(
        "t-prev-clamped-to-0",
        explanation="In the last step, where t_prev is negative, your code seems to use ᾱ of t = 0. A negative t_prev stands "
        "for clean data, which comes before t = 0: what is ᾱ there?",
        edits=((_CLEAN, "alphas_cumprod_prev = alphas_cumprod_prev.clone()"),),
    ),
    _ddim(
        "t-prev-0-taken-as-clean",
        explanation="Your step to t_prev = 0 seems to treat that as clean data. x at t = 0 still holds a little noise; read "
        "in the docstring which t_prev stands for clean data.",
        edits=(("(t_prev < 0)", "(t_prev <= 0)"),),
    ),
    _ddim(
        "previous-is-t-minus-1",
        explanation="Your step seems to go to t − 1 whatever t_prev is, so in 50 steps it covers a twentieth of the way. Look "
        "at where your ᾱ of the earlier step comes from.",
        edits=(("t_prev = torch", "t_prev = torch.atleast_1d(torch.as_tensor(t - 1))\n_ = torch"),),
    ),
    _ddim(
        "t-and-t-prev-exchanged",
        explanation="ᾱ of t and ᾱ of t_prev seem to have changed places in your step, so it goes towards more noise. Compare "
        "the indices in DDIM, Eq. 12.",
        edits=(
            (
                "eps_theta = self.network(xt, t)",
                "eps_theta = self.network(xt, t)\n"
                "alphas_cumprod_t, alphas_cumprod_prev = alphas_cumprod_prev, alphas_cumprod_t",
            ),
            (_VARIANCE, f"({_VARIANCE}).clamp(min=0)"),
        ),
    ),
    # The estimate of x₀
    _ddim(
        "x0-from-previous-alpha-bar",
        explanation="Your estimate of x₀ seems to be made with ᾱ of t_prev. It undoes the noise that x_t has; compare the "
        "indices in DDIM, Eq. 9 and in the first term of Eq. 12.",
        edits=(
            (
                "x0_pred = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()",
                "x0_pred = (xt - (1 - alphas_cumprod_prev).sqrt() * eps_theta) / alphas_cumprod_prev.sqrt()",
            ),
        ),
    ),
    _ddim(
        "x0-not-divided",
        explanation="Your estimate of x₀ seems to have the noise taken away, but not the shrinking of the signal undone, so "
        "the samples end too small. Compare with DDIM, Eq. 9.",
        edits=((" * eps_theta) / alphas_cumprod_t.sqrt()", " * eps_theta)"),),
    ),
    _ddim(
        "x0-divided-without-root",
        explanation="Your estimate of x₀ seems to be divided by ᾱ_t without its root, so the samples blow up. Compare with "
        "DDIM, Eq. 9.",
        edits=((" * eps_theta) / alphas_cumprod_t.sqrt()", " * eps_theta) / alphas_cumprod_t"),),
    ),
    _ddim(
        "x0-root-missing-on-noise",
        explanation="The factor of ε_θ in your estimate of x₀ seems to lack its root. x_t was made with a standard deviation "
        "and not with a variance; compare with DDIM, Eq. 9.",
        edits=(("(xt - (1 - alphas_cumprod_t).sqrt() * eps_theta)", "(xt - (1 - alphas_cumprod_t) * eps_theta)"),),
    ),
    _ddim(
        "x0-noise-added",
        explanation="Your estimate of x₀ seems to have the predicted noise added where it must be taken away. Compare the "
        "sign in DDIM, Eq. 9.",
        edits=(("(xt - (1 - alphas_cumprod_t)", "(xt + (1 - alphas_cumprod_t)"),),
    ),
    _ddim(
        "ddim-x0-clamped-to-one",
        explanation="Your step seems to cut its estimate of x₀ off at ±1, as codes for images do. Look at how far the points "
        "of this data set reach.",
        edits=(("variance = ", "x0_pred = x0_pred.clamp(-1, 1)\nvariance = "),),
    ),
    _ddim(
        "x0-scaled-by-alpha-bar-of-t",
        explanation="Your estimate of x₀ seems to come back with the factor that belongs to t, so the signal never grows. "
        "Compare the index in the first term of DDIM, Eq. 12.",
        edits=(("return alphas_cumprod_prev.sqrt() * x0_pred", "return alphas_cumprod_t.sqrt() * x0_pred"),),
    ),
    _ddim(
        "x0-not-scaled-back",
        explanation="Your step seems to put the estimate of x₀ into the result at full strength. Compare its factor in the "
        "first term of DDIM, Eq. 12.",
        edits=(("return alphas_cumprod_prev.sqrt() * x0_pred", "return x0_pred"),),
    ),
    _ddim(
        "x0-scaled-back-without-root",
        explanation="The factor that your estimate of x₀ gets in the result seems to lack its root. Compare with the first "
        "term of DDIM, Eq. 12.",
        edits=(("return alphas_cumprod_prev.sqrt() * x0_pred", "return alphas_cumprod_prev * x0_pred"),),
    ),
    # The direction
    _ddim(
        "direction-dropped",
        explanation="Your result seems to hold no term that points back to x_t, so every step jumps to the estimate of x₀. "
        "Count the terms of DDIM, Eq. 12.",
        edits=(("* x0_pred + direction +", "* x0_pred +"),),
    ),
    _ddim(
        "direction-without-eps",
        explanation="The second term of your result seems to be a number that is the same for every row, so all samples drift "
        "the same way. What is it a factor of in DDIM, Eq. 12?",
        edits=((".clamp(min=0).sqrt() * eps_theta", ".clamp(min=0).sqrt()"),),
    ),
    _ddim(
        "direction-without-root",
        explanation="The factor in front of ε_θ in the second term of your result seems to lack its root. Compare with DDIM, "
        "Eq. 12.",
        edits=((".clamp(min=0).sqrt() * eps_theta", ".clamp(min=0) * eps_theta"),),
    ),
    _ddim(
        "direction-from-alpha-bar-of-t",
        explanation="The second term of your result seems to keep all the noise of x_t, so nothing becomes cleaner. Compare "
        "the index of ᾱ in the second term of DDIM, Eq. 12.",
        edits=(("(1 - alphas_cumprod_prev - sigma_t**2)", "(1 - alphas_cumprod_t - sigma_t**2)"),),
    ),
    _ddim(
        "direction-subtracted",
        explanation="The second term of your result seems to have the wrong sign. Compare with DDIM, Eq. 12.",
        edits=(("* x0_pred + direction", "* x0_pred - direction"),),
    ),
    _ddim(
        "direction-ignores-sigma",
        explanation="With η > 0 your result has too much noise in all: the second term does not seem to make room for σ_t. "
        "Compare what stands under its root in DDIM, Eq. 12.",
        edits=(("(1 - alphas_cumprod_prev - sigma_t**2)", "(1 - alphas_cumprod_prev)"),),
    ),
    _ddim(
        "direction-sigma-not-squared",
        explanation="With η > 0 the second term of your result seems to subtract σ_t where it must subtract a variance. "
        "Compare what stands under its root in DDIM, Eq. 12.",
        edits=(("sigma_t**2", "sigma_t"),),
    ),
    # σ and η
    _ddim(
        "eta-ignored",
        explanation="Your step seems to add as much noise as for η = 1, whatever η is. Look for η in your σ_t, and compare "
        "with DDIM, Eq. 16.",
        edits=(("eta * variance.sqrt()", "variance.sqrt()"),),
    ),
    _ddim(
        "eta-taken-as-0",
        explanation="Your step seems to be the deterministic one for every η. Compare with σ_t in DDIM, Eq. 12 and 16.",
        edits=(("eta * variance.sqrt()", "0 * variance.sqrt()"),),
    ),
    _ddim(
        "eta-inside-the-root",
        explanation="Your σ_t seems to grow with the root of η. Look at where η stands in DDIM, Eq. 16, before the root or "
        "under it.",
        edits=(("eta * variance.sqrt()", "(eta * variance).sqrt()"),),
    ),
    _ddim(
        "eta-squared",
        explanation="Your σ_t seems to grow with the square of η. Tell apart σ_t and σ_t² in DDIM, Eq. 16.",
        edits=(("eta * variance.sqrt()", "eta**2 * variance.sqrt()"),),
    ),
    _ddim(
        "ddim-variance-for-standard-deviation",
        explanation="Your σ_t seems to lack its root: it looks like η times a variance. Compare with DDIM, Eq. 16.",
        edits=(("eta * variance.sqrt()", "eta * variance"),),
    ),
    _ddim(
        "sigma-from-beta",
        explanation="Your σ_t seems to be made of β_t, the noise of one DDPM step. A DDIM step leaps over many: compare with "
        "DDIM, Eq. 16, which knows t and t_prev only.",
        edits=((_VARIANCE, "extract(self.var_scheduler.betas, t, xt) * (~is_clean)"),),
    ),
    _ddim(
        "sigma-from-posterior-of-one-step",
        explanation="Your σ_t seems to be made of the posterior variance β̃_t of one DDPM step, which is too small for a leap "
        "over many. Compare with DDIM, Eq. 16, which knows t and t_prev only.",
        edits=(
            (
                _VARIANCE,
                "(1 - alphas_cumprod_prev) / (1 - alphas_cumprod_t) * extract(self.var_scheduler.betas, t, xt)",
            ),
        ),
    ),
    _ddim(
        "sigma-first-factor-missing",
        explanation="Your σ_t seems to lack the fraction of the two noise levels, so it is too large, and not zero in the "
        "last step. Compare with all factors of DDIM, Eq. 16.",
        edits=((_VARIANCE, "1 - alphas_cumprod_t / alphas_cumprod_prev"),),
    ),
    _ddim(
        "sigma-second-factor-missing",
        explanation="Your σ_t seems to be the fraction of two noise levels alone, so it is too large. Compare with all "
        "factors of DDIM, Eq. 16.",
        edits=((_VARIANCE, "(1 - alphas_cumprod_prev) / (1 - alphas_cumprod_t)"),),
    ),
    _ddim(
        "sigma-fraction-upside-down",
        explanation="A fraction in your σ_t seems to be upside down, so that a negative number comes under the root. Compare "
        "with DDIM, Eq. 16: which ᾱ is the larger, that of t or that of t_prev?",
        edits=(
            (
                _VARIANCE,
                _VARIANCE.replace("alphas_cumprod_t / alphas_cumprod_prev", "alphas_cumprod_prev / alphas_cumprod_t"),
            ),
        ),
    ),
    _ddim(
        "sigma-noise-levels-upside-down",
        explanation="The fraction of the two noise levels in your σ_t seems to be upside down, so σ_t is too large. Compare "
        "with DDIM, Eq. 16.",
        edits=(
            (
                _VARIANCE,
                "(1 - alphas_cumprod_t) / (1 - alphas_cumprod_prev).clamp(min=1e-8)"
                " * (1 - alphas_cumprod_t / alphas_cumprod_prev) * (~is_clean)",
            ),
        ),
    ),
    _ddim(
        "noise-on-last-step",
        explanation="With η > 0 your last step, to clean data, seems to add noise. Look at what σ_t of DDIM, Eq. 16 becomes "
        "there, and at which ᾱ your σ_t uses.",
        edits=(
            (_CLEAN, "known = alphas_cumprod_prev\n" + _CLEAN),
            (_VARIANCE, _VARIANCE.replace("alphas_cumprod_prev", "known")),
        ),
    ),
    _ddim(
        "noise-term-dropped",
        explanation="With η > 0 your step seems to make room for the noise and then not to add it. Count the terms of DDIM, "
        "Eq. 12.",
        edits=((" + sigma_t * torch.randn_like(xt)", ""),),
    ),
    _ddim(
        "ddim-uniform-noise",
        explanation="The noise of your step seems to be uniform, never negative, instead of normal. Compare with ε_t in DDIM, "
        "Eq. 12.",
        edits=(("torch.randn_like(xt)", "torch.rand_like(xt)"),),
    ),
    _ddim(
        "ddim-noise-is-prediction",
        explanation="With η > 0 the third term of your result seems to use the predicted noise again. Compare with ε_t in "
        "DDIM, Eq. 12: it is drawn anew.",
        edits=(("torch.randn_like(xt)", "eps_theta"),),
    ),
    _ddim(
        "ddim-one-noise-for-all-rows",
        explanation="With η > 0 all rows of your batch seem to get the same noise. Look at the shape of the noise that you "
        "draw.",
        edits=(("torch.randn_like(xt)", "torch.randn_like(xt[:1])"),),
    ),
    # The network
    _ddim(
        "ddim-network-fed-t-prev",
        explanation="Your network seems to be asked about t_prev, while its x is x_t. Compare the arguments of ε_θ in DDIM, "
        "Eq. 12.",
        edits=(("self.network(xt, t)", "self.network(xt, t_prev)"),),
    ),
    _ddim(
        "ddim-network-fed-fraction",
        explanation="Your network seems to be given t as a fraction of T, while in training it sees integers. Look at what "
        "you pass to the network here and in compute_loss.",
        edits=(("self.network(xt, t)", "self.network(xt, t / self.var_scheduler.num_train_timesteps)"),),
    ),
    _ddim(
        "ddim-second-prediction",
        explanation="Your step seems to ask the network a second time, about its own result, and to point in that direction. "
        "DDIM, Eq. 12 uses one prediction, made at x_t, in both places.",
        edits=(("direction =", "eps_theta = self.network(x0_pred, t)\ndirection ="),),
    ),
    _ddim(
        "ddim-changes-x",
        explanation="Your step seems to write its result over the x_t that it was given, so the same x_t does not give the same result "
        "twice. Look for an operation that works in place.",
        edits=(
            (
                "x0_pred = (xt - (1 - alphas_cumprod_t).sqrt() * eps_theta) / alphas_cumprod_t.sqrt()",
                "x0_pred = xt.sub_((1 - alphas_cumprod_t).sqrt() * eps_theta).div_(alphas_cumprod_t.sqrt())",
            ),
        ),
    ),
    _ddim(
        "ddim-result-in-float64",
        explanation="Your step seems to return float64 for a float32 x_t, and the network, whose weights are float32, refuses it in the "
        "next step. Compare the dtype of what goes in with that of what comes out.",
        edits=(("return alphas_cumprod_prev.sqrt()", "return alphas_cumprod_prev.double().sqrt()"),),
    ),
    # σ, as real code has it
    _ddim(
        "sigma-times-beta",
        explanation="Your σ_t seems to have a factor β_t too many, so hardly any noise is added. Compare with all factors of DDIM, Eq. 16.",
        edits=(("eta * variance.sqrt()", "eta * variance.sqrt() * extract(self.var_scheduler.betas, t, xt)"),),
    ),
    _ddim(
        "sigma-is-beta",
        explanation="Your σ_t seems to be η β_t. Compare with DDIM, Eq. 16, which knows ᾱ of t and of t_prev only, and has roots.",
        edits=((_VARIANCE, "extract(self.var_scheduler.betas, t, xt) ** 2 * (~is_clean)"),),
    ),
    _ddim(
        "sigma-root-twice",
        explanation="Your σ_t seems to be a root of a root, so there is far too much noise. Tell apart σ_t and σ_t² in DDIM, Eq. 12 and 16.",
        edits=(("eta * variance.sqrt()", "(eta * variance.sqrt()).sqrt()"),),
    ),
    _ddim(
        "sigma-over-alpha-bar-of-t-prev",
        explanation="Your σ_t seems to be made of ᾱ of t_prev alone. Compare with both factors of DDIM, Eq. 16, and with the ᾱ in each.",
        edits=((_VARIANCE, "(1 - alphas_cumprod_prev) / alphas_cumprod_prev"),),
    ),
    _ddim(
        "ddim-no-noise-at-t-1",
        explanation="With η > 0 your step from t = 1 seems to add no noise. t counts from 0 here, so that is not yet the last step; the one "
        "that adds none is the step to clean data, and there σ_t is 0 by itself (DDIM, Eq. 16).",
        edits=(("torch.randn_like(xt)", "torch.randn_like(xt) * (t > 1).reshape(alphas_cumprod_t.shape)"),),
    ),
    _ddim(
        "no-noise-to-t-prev-0",
        explanation="With η > 0 your step to t_prev = 0 seems to add no noise. x at t = 0 is not clean data yet: read in the docstring which "
        "t_prev stands for that.",
        edits=(("torch.randn_like(xt)", "torch.randn_like(xt) * (t_prev > 0).reshape(variance.shape)"),),
    ),
    # Exceptions
    _ddim(
        "ddim-network-without-t",
        explanation="Your network is asked without t. Compare with the arguments of ε_θ in DDIM, Eq. 12.",
        edits=(("self.network(xt, t)", "self.network(xt)"),),
        failure=_NETWORK_WITHOUT_T,
    ),
    *_crashes(
        _ddim, "ddim", "var_scheduler.alphas_cumprod, t, xt", "var_scheduler.alpha_bar, t, xt", "x0_pred + direction"
    ),
)

_DDIM_STEP = "xt = self.ddim_p_sample(xt, t, t_prev, eta)"

_IN_DDIM_P_SAMPLE_LOOP = (
    _ddim_loop(
        "ddim-start-from-zeros",
        explanation="Your sampling seems to start from zeros, so with η = 0 all samples are the same point. Compare with x_T "
        "in DDIM, Sec. 4.1.",
        edits=(("torch.randn(", "torch.zeros("),),
    ),
    _ddim_loop(
        "ddim-start-from-uniform",
        explanation="Your sampling seems to start from uniform random numbers. Compare the distribution of x_T in the "
        "handout.",
        edits=(("torch.randn(", "torch.rand("),),
    ),
    _ddim_loop(
        "ddim-loop-empty",
        is_no_work=True,
        explanation="Your sampling seems to return the noise that it starts from: the loop takes no step. Look at what is "
        "inside it.",
        edits=((_DDIM_STEP, "pass"),),
    ),
    _ddim_loop(
        "eta-not-passed-on",
        explanation="Your loop seems to take deterministic steps, whatever η it was called with. Look at what each call of "
        "ddim_p_sample is given.",
        edits=(("t_prev, eta)", "t_prev)"),),
    ),
    _ddim_loop(
        "eta-always-1",
        explanation="Your loop seems to take its steps with η = 1, whatever η it was called with. Look at what each call of "
        "ddim_p_sample is given.",
        edits=(("t_prev, eta)", "t_prev, 1.0)"),),
    ),
    _ddim_loop(
        "ddim-loop-upwards",
        explanation="Your loop seems to go from small t to large t. Sampling goes from noise to data; print the pairs (t, "
        "t_prev) that it takes.",
        edits=(("zip(timesteps, prev_timesteps)", "zip(timesteps.flip(0), prev_timesteps.flip(0))"),),
    ),
    _ddim_loop(
        "ddim-loop-stops-early",
        explanation="Your loop seems to leave out its last step, the one to clean data. Print the pairs (t, t_prev) that it "
        "takes, and count them.",
        edits=(("zip(timesteps, prev_timesteps)", "zip(timesteps[:-1], prev_timesteps[:-1])"),),
    ),
    _ddim_loop(
        "ddim-loop-starts-late",
        explanation="Your loop seems to leave out its first step, the one at the largest t. Print the pairs (t, t_prev) that "
        "it takes, and count them.",
        edits=(("zip(timesteps, prev_timesteps)", "zip(timesteps[1:], prev_timesteps[1:])"),),
    ),
    _ddim_loop(
        "ddim-step-too-many",
        explanation="Your loop seems to take one step more than it was asked for. Print the pairs (t, t_prev) that it takes, "
        "and count them.",
        edits=(("return xt", "xt = self.ddim_p_sample(xt, timesteps[-1], prev_timesteps[-1], eta)\nreturn xt"),),
    ),
    _ddim_loop(
        "ddim-takes-all-timesteps",
        explanation="Your loop seems to step through every t, as DDPM does. The point of DDIM is to take "
        "num_inference_timesteps of them; look at the two lists above the TODO.",
        edits=(
            (
                "zip(timesteps, prev_timesteps)",
                "zip(self.var_scheduler.timesteps, self.var_scheduler.timesteps - 1)",
            ),
        ),
    ),
    _ddim_loop(
        "ddim-stride-from-the-top",
        explanation="Your loop seems to count down from T − 1 by a fixed stride until it reaches 0. When T is no multiple of "
        "the number of steps that gives another number of steps; try T = 23 with 5 steps.",
        edits=(
            (
                "for t, t_prev in zip(timesteps, prev_timesteps):",
                "for t in range(self.var_scheduler.num_train_timesteps - 1, -1, -int(step_ratio)):\n    t_prev = t - int(step_ratio)",
            ),
        ),
    ),
    _ddim_loop(
        "ddim-fifty-steps-always",
        explanation="Your loop seems to take a number of steps that does not depend on num_inference_timesteps. Call it with "
        "10 and count the steps.",
        edits=(
            (
                "zip(timesteps, prev_timesteps)",
                "zip(range(980, -1, -20), range(960, -21, -20))",
            ),
        ),
    ),
    _ddim_loop(
        "ddim-t-prev-is-t-minus-1",
        explanation="Each of your steps seems to aim at t − 1, while the next one starts further down. Print the pairs (t, "
        "t_prev) and see whether they join.",
        edits=(("t, t_prev, eta)", "t, t - 1, eta)"),),
    ),
    _ddim_loop(
        "ddim-t-prev-clamped-in-loop",
        explanation="Your last step seems to aim at t = 0 and not at clean data. Read in the comment above the TODO what a "
        "t_prev below 0 means.",
        edits=(("t, t_prev, eta)", "t, t_prev.clamp(min=0), eta)"),),
    ),
    _ddim_loop(
        "ddim-arguments-exchanged",
        explanation="t and t_prev seem to have changed places in your call of ddim_p_sample. Compare with its signature.",
        edits=(("t, t_prev, eta)", "t_prev, t, eta)"),),
    ),
    _ddim_loop(
        "ddim-loop-calls-p-sample",
        explanation="Your loop seems to take DDPM steps, each of which goes back by one t only, at the few t of DDIM. Look at "
        "which function it calls.",
        edits=((_DDIM_STEP, "xt = self.p_sample(xt, t)"),),
    ),
    _ddim_loop(
        "ddim-step-result-thrown-away",
        explanation="Your loop seems to call ddim_p_sample and not to keep what it returns, so every step starts from the "
        "same x. Look at what the step's result is assigned to.",
        edits=((_DDIM_STEP, "self.ddim_p_sample(xt, t, t_prev, eta)"),),
    ),
    _ddim_loop(
        "ddim-single-step",
        is_no_work=True,
        explanation="Your loop seems to end after its first step. Look at how far `return` is indented.",
        edits=((_DDIM_STEP, _DDIM_STEP + "\n    return xt"),),
    ),
    _ddim_loop(
        "ddim-same-noise-in-every-step",
        explanation="With η > 0 your steps seem to use the same random numbers over and over, as a seed that is set inside the "
        "loop makes them. In DDIM, Eq. 12 each step draws its own ε_t.",
        edits=((_DDIM_STEP, "torch.manual_seed(0)\n    " + _DDIM_STEP),),
    ),
    _ddim_loop(
        "ddim-noise-added-in-loop",
        explanation="Each of your steps seems to add new noise of the loop's own. With η = 0, DDIM has no noise after x_T; "
        "and with η > 0 the step itself adds it.",
        edits=((_DDIM_STEP, _DDIM_STEP + "\n    xt = xt + 0.1 * torch.randn_like(xt)"),),
    ),
    _ddim_loop(
        "ddim-result-clamped-to-one",
        explanation="Your samples seem to be cut off at ±1, as codes for images do at the end. Look at how far the points of "
        "this data set reach.",
        edits=(("return xt", "return xt.clamp(-1, 1)"),),
    ),
    _ddim_loop(
        "ddim-loop-without-return",
        explanation="Your loop seems to end without giving its result back. Follow your code to its last line.",
        edits=(("return xt", "pass"),),
    ),
    _ddim_loop(
        "ddim-loop-sets-the-seed",
        explanation="Your loop seems to set the seed of the random generator, so every call gives the same samples. Whoever wants the "
        "same samples again sets the seed outside.",
        edits=(("xt = torch.randn", "torch.manual_seed(0)\nxt = torch.randn"),),
    ),
    _ddim_loop(
        "ddim-start-in-float64",
        explanation="Your x_T seems to be float64, and the network, whose weights are float32, refuses it. Look at how you draw it.",
        edits=(("device=self.device)", "device=self.device, dtype=torch.float64)"),),
    ),
    _ddim_loop(
        "ddim-loop-argument-missing",
        explanation="ddim_p_sample is called with too few arguments. Compare your call with its signature: it wants t and t_prev.",
        edits=((_DDIM_STEP, "xt = self.ddim_p_sample(xt, t, eta=eta)"),),
        failure=(
            "RuntimeError|TypeError",
            r"(the call does not fit: )?\w+\.ddim_p_sample\(\) missing \d required positional arguments?: .*",
        ),
    ),
    *_crashes(_ddim_loop, "ddim-loop", "self.device", "self.var_scheduler.dev", "return xt"),
)

# 1-4, ddpm.py

_loss = partial(Misconception, task="1-4", region="ddpm.py:DiffusionModule.compute_loss")

_RANDINT = "torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],), device=x0.device)"

_IN_COMPUTE_LOSS = (
    # The target
    _loss(
        "loss-against-fresh-noise",
        explanation="Your loss seems to compare with other noise than the noise inside x_t, which no network can guess, so it "
        "stays at about 1. How often does DDPM, Algorithm 1 draw ε?",
        edits=(("xt, t), noise)", "xt, t), torch.randn_like(x0))"),),
    ),
    _loss(
        "noise-not-passed-to-q-sample",
        explanation="q_sample seems to draw noise of its own, and your loss compares with another. Both must speak of the "
        "same ε (DDPM, Algorithm 1, lines 4 and 5).",
        edits=(("self.q_sample(x0, t, noise)", "self.q_sample(x0, t)"),),
    ),
    _loss(
        "loss-against-x0",
        explanation="Your loss seems to compare the network's output with x₀. What does ε_θ predict, by DDPM, Eq. 14?",
        edits=(("xt, t), noise)", "xt, t), x0)"),),
    ),
    _loss(
        "loss-against-xt",
        explanation="Your loss seems to compare the network's output with its own input x_t. What does ε_θ predict, by DDPM, "
        "Eq. 14?",
        edits=(("xt, t), noise)", "xt, t), xt)"),),
    ),
    _loss(
        "loss-against-noise-part-of-xt",
        explanation="Your loss seems to compare with the noise as it stands in x_t, already scaled down. Compare with the "
        "target in DDPM, Eq. 14.",
        edits=(("xt, t), noise)", "xt, t), (1 - extract(self.var_scheduler.alphas_cumprod, t, x0)).sqrt() * noise)"),),
    ),
    _loss(
        "loss-against-minus-noise",
        explanation="Your loss seems to add the noise to the prediction where it must compare the two. Compare the sign in "
        "DDPM, Eq. 14.",
        edits=(("xt, t), noise)", "xt, t), -noise)"),),
    ),
    # The way errors become one number
    _loss(
        "sum-for-mean",
        explanation="Your loss seems to be the sum over all numbers, so it grows with the batch and the learning rate no "
        "longer fits. Read in the TODO what is to be taken over everything.",
        edits=(("F.mse_loss(self.network(xt, t), noise)", 'F.mse_loss(self.network(xt, t), noise, reduction="sum")'),),
    ),
    _loss(
        "sum-over-coordinates",
        explanation="Your loss seems to sum over the coordinates of a sample and to average over the batch only. Read in the "
        "docstring over what the mean is taken.",
        edits=(
            (
                "F.mse_loss(self.network(xt, t), noise)",
                "(self.network(xt, t) - noise).square().flatten(1).sum(dim=1).mean()",
            ),
        ),
    ),
    _loss(
        "loss-for-each-row",
        explanation="Your loss seems to be a number for each row of the batch, and backward needs a single one. Read in the "
        "docstring over what the mean is taken.",
        edits=(
            ("F.mse_loss(self.network(xt, t), noise)", "(self.network(xt, t) - noise).square().flatten(1).mean(dim=1)"),
        ),
    ),
    _loss(
        "mean-over-batch-only",
        explanation="Your loss seems to be a number for each coordinate: the mean is taken over one axis only, and backward "
        "needs a single number. Read in the docstring over what the mean is taken.",
        edits=(("F.mse_loss(self.network(xt, t), noise)", "(self.network(xt, t) - noise).square().mean(dim=0)"),),
    ),
    _loss(
        "absolute-error",
        explanation="Your loss seems to be the mean absolute error. Compare with the norm in DDPM, Eq. 14.",
        edits=(("F.mse_loss(", "F.l1_loss("),),
    ),
    _loss(
        "huber-loss",
        explanation="Your loss seems to square small errors only and to treat large ones linearly. Compare with the norm in "
        "DDPM, Eq. 14.",
        edits=(("F.mse_loss(", "F.smooth_l1_loss("),),
    ),
    _loss(
        "root-of-mean-squared-error",
        explanation="Your loss seems to be the root of the mean squared error. Compare with the norm in DDPM, Eq. 14, and "
        "mind the exponent.",
        edits=(("F.mse_loss(self.network(xt, t), noise)", "F.mse_loss(self.network(xt, t), noise).sqrt()"),),
    ),
    _loss(
        "error-not-squared",
        explanation="Your loss seems to be the mean of the error itself, where positive and negative ones cancel. Compare "
        "with the norm in DDPM, Eq. 14.",
        edits=(("F.mse_loss(self.network(xt, t), noise)", "(self.network(xt, t) - noise).mean()"),),
    ),
    _loss(
        "loss-halved",
        explanation="Your loss seems to be half of the mean squared error. Compare with DDPM, Eq. 14, and with the curve in "
        "the handout.",
        edits=(("F.mse_loss(", "0.5 * F.mse_loss("),),
    ),
    _loss(
        "loss-weighted-by-t",
        explanation="Rows at different t seem to count differently in your loss, as in DDPM, Eq. 12. The handout asks for the "
        "simplified loss: compare with Eq. 14.",
        edits=(
            (
                "F.mse_loss(self.network(xt, t), noise)",
                "((self.network(xt, t) - noise).square() / (1 - extract(self.var_scheduler.alphas_cumprod, t, x0))).mean()",
            ),
        ),
    ),
    # The gradient
    _loss(
        "output-detached",
        explanation="No gradient comes back from your loss, so training changes nothing. Look for detach, .data or no_grad "
        "around the network.",
        edits=(("self.network(xt, t)", "self.network(xt, t).detach()"),),
    ),
    _loss(
        "loss-as-python-number",
        explanation="Your loss seems to be an ordinary Python number, which has no gradient. Look at what is done to it "
        "before it is returned.",
        edits=(("F.mse_loss(self.network(xt, t), noise)", "F.mse_loss(self.network(xt, t), noise).item()"),),
    ),
    _loss(
        "loss-without-return",
        explanation="compute_loss seems to end without giving anything back. Follow your code to its last line.",
        edits=(("return F", "loss = F"),),
    ),
    # t
    _loss(
        "t-never-T-minus-1",
        explanation="The last time step, T − 1, never comes up in your training, and sampling starts just there. Look up "
        "whether the upper end of your random generator is included.",
        edits=(("num_train_timesteps, (x0", "num_train_timesteps - 1, (x0"),),
    ),
    _loss(
        "t-never-0",
        explanation="t = 0 never comes up in your training. DDPM, Algorithm 1, line 3 counts from 1; from where does this "
        "code count?",
        edits=(("randint(0,", "randint(1,"),),
    ),
    _loss(
        "t-from-1-to-T",
        explanation="Your t seems to be drawn from 1 … T, as DDPM, Algorithm 1, line 3 is printed. In this code t counts from "
        "0: which is the largest t that the tables of the scheduler know?",
        edits=((_RANDINT, _RANDINT + " + 1"),),
    ),
    _loss(
        "one-t-for-the-batch",
        explanation="All rows of your batch seem to get the same t, which makes the loss jump from step to step. Look at the "
        "shape of the t that you draw.",
        edits=(
            (
                _RANDINT,
                "torch.randint(0, self.var_scheduler.num_train_timesteps, (1,), device=x0.device).expand(len(x0))",
            ),
        ),
    ),
    _loss(
        "t-always-last",
        explanation="Your training seems to use t = T − 1 only. Compare with the distribution of t in DDPM, Algorithm 1, line "
        "3.",
        edits=((_RANDINT, "torch.full((len(x0),), self.var_scheduler.num_train_timesteps - 1, device=x0.device)"),),
    ),
    _loss(
        "t-counts-through-the-batch",
        explanation="The t of your rows seems to count 0, 1, 2, … through the batch, and not to be drawn at random. Compare "
        "with DDPM, Algorithm 1, line 3.",
        edits=(
            (_RANDINT, "torch.arange(len(x0), device=x0.device).clamp(max=self.var_scheduler.num_train_timesteps - 1)"),
        ),
    ),
    _loss(
        "t-rounded-to-nearest",
        explanation="Your t seems to be a rounded random number, so the two ends of 0 … T−1 come up half as often as the "
        "rest. Compare with the distribution in DDPM, Algorithm 1, line 3.",
        edits=(
            (
                _RANDINT,
                "(torch.rand(len(x0), device=x0.device) * (self.var_scheduler.num_train_timesteps - 1)).round().long()",
            ),
        ),
    ),
    _loss(
        "t-more-often-in-the-middle",
        explanation="The middle of 0 … T−1 seems to come up more often than its ends in your t. Compare with the distribution "
        "in DDPM, Algorithm 1, line 3.",
        edits=(
            (
                _RANDINT,
                "((torch.rand(2, len(x0)).mean(dim=0)) * self.var_scheduler.num_train_timesteps).long().to(x0.device)",
            ),
        ),
    ),
    _loss(
        "other-t-for-the-network",
        explanation="Your network seems to be told another t than the one at which x_t was made. How often does DDPM, "
        "Algorithm 1 draw t?",
        edits=(("self.network(xt, t)", "self.network(xt, " + _RANDINT + ")"),),
    ),
    _loss(
        "loss-network-fed-fraction",
        explanation="Your network seems to be given t as a fraction of T in training, while in sampling it sees integers. "
        "Look at what you pass to the network.",
        edits=(("self.network(xt, t)", "self.network(xt, t / self.var_scheduler.num_train_timesteps)"),),
    ),
    _loss(
        "same-draws-at-every-call",
        explanation="Your t and ε seem to be the same at every call, as a fixed seed makes them, so training sees only a few of "
        "all noise patterns. DDPM, Algorithm 1 draws both anew in each iteration.",
        edits=(("t = torch.randint(", "torch.manual_seed(0)\nt = torch.randint("),),
    ),
    # x_t
    _loss(
        "network-fed-x0",
        explanation="Your network seems to be given the clean x₀, from which no noise can be told. Compare the arguments of "
        "ε_θ in DDPM, Algorithm 1, line 5.",
        edits=(("self.network(xt, t)", "self.network(x0, t)"),),
    ),
    _loss(
        "network-fed-noise",
        explanation="Your network seems to be given the noise itself, so it only learns to copy, and the loss falls to almost "
        "nothing. Compare the arguments of ε_θ in DDPM, Algorithm 1, line 5.",
        edits=(("self.network(xt, t)", "self.network(noise, t)"),),
    ),
    _loss(
        "x0-noised-twice",
        explanation="x_t seems to be noised a second time before your network sees it, so it is noisier than its t says. How "
        "often does DDPM, Algorithm 1 add noise?",
        edits=(("xt = self.q_sample(x0, t, noise)", "xt = self.q_sample(self.q_sample(x0, t, noise), t, noise)"),),
    ),
    _loss(
        "noise-added-unscaled",
        explanation="Your x_t seems to be x₀ plus noise at full strength, for every t. Compare with DDPM, Algorithm 1, line "
        "5, or use your q_sample.",
        edits=(("self.q_sample(x0, t, noise)", "x0 + noise"),),
    ),
    _loss(
        "uniform-noise-in-training",
        explanation="The noise in your training seems to be uniform, never negative, instead of normal. Compare with the "
        "distribution of ε in DDPM, Algorithm 1, line 4.",
        edits=(("torch.randn_like(x0)", "torch.rand_like(x0)"),),
    ),
    _loss(
        "one-noise-for-the-batch",
        explanation="All rows of your batch seem to get the same noise in training. Look at the shape of the noise that you "
        "draw.",
        edits=(("torch.randn_like(x0)", "torch.randn_like(x0[:1]).expand_as(x0)"),),
    ),
    _loss(
        "noise-half-as-strong",
        explanation="The noise in your training does not seem to have variance 1. Compare with the distribution of ε in DDPM, "
        "Algorithm 1, line 4; its scaling by t is for q_sample alone.",
        edits=(("torch.randn_like(x0)", "0.5 * torch.randn_like(x0)"),),
    ),
    _loss(
        "noise-in-float64",
        explanation="Your noise seems to be float64 for float32 data, and the network, whose weights are float32, refuses an x_t made of "
        "both. Look at how you draw it.",
        edits=(("torch.randn_like(x0)", "torch.randn_like(x0.double())"),),
    ),
    _loss(
        "two-t-for-the-batch",
        explanation="In each half of your batch all rows seem to have the same t. DDPM, Algorithm 1 draws one for every sample; look at "
        "how many different ones a batch has.",
        edits=(
            (
                _RANDINT,
                _RANDINT.replace("(x0.shape[0],)", "(2,)") + ".repeat_interleave((len(x0) + 1) // 2)[: len(x0)]",
            ),
        ),
    ),
    # Exceptions
    _loss(
        "loss-randint-size",
        explanation="The size of the t that you draw is given as a number. Every function of PyTorch that draws takes a size as a tuple, "
        "also for one dimension.",
        edits=((_RANDINT, _RANDINT.replace("(x0.shape[0],)", "x0.shape[0]")),),
        failure=_RANDINT_SIZE,
    ),
    _loss(
        "loss-network-without-t",
        explanation="Your network is asked without t. Compare with the two arguments of ε_θ in DDPM, Algorithm 1, line 5.",
        edits=(("self.network(xt, t)", "self.network(xt)"),),
        failure=_NETWORK_WITHOUT_T,
    ),
    *_crashes(_loss, "loss", "var_scheduler.num_train_timesteps", "var_scheduler.T", "xt, t), noise"),
)

MISCONCEPTIONS: tuple[Misconception, ...] = (
    *_IN_SIMPLE_NET_INIT,
    *_IN_SIMPLE_NET_FORWARD,
    *_IN_Q_SAMPLE,
    *_IN_P_SAMPLE,
    *_IN_P_SAMPLE_LOOP,
    *_IN_DDIM_P_SAMPLE,
    *_IN_DDIM_P_SAMPLE_LOOP,
    *_IN_COMPUTE_LOSS,
)

# Mistakes that one student makes together. Those in different tasks must cost each of their tasks, and no other.
COMBINATIONS: tuple[tuple[str, ...], ...] = (
    # in different tasks
    ("silu-for-relu", "noise-at-t-0"),
    ("activation-after-last-layer", "loss-against-x0"),
    ("layers-in-a-plain-list", "loop-stops-at-t-1"),
    ("plain-linear-last", "start-from-zeros", "ddim-start-from-zeros"),
    ("t-ignored", "network-fed-constant-t"),
    ("both-roots-missing", "x0-root-missing-on-noise"),
    ("q-alpha-for-alpha-bar", "ddim-alpha-for-alpha-bar", "t-never-T-minus-1"),
    ("noise-argument-ignored", "loss-against-fresh-noise"),
    ("root-missing-on-noise", "sum-for-mean"),
    ("multiplied-by-root-alpha", "x0-not-divided"),
    ("variance-for-standard-deviation", "ddim-variance-for-standard-deviation", "t-never-0"),
    ("loop-upwards", "ddim-loop-upwards"),
    ("posterior-mean-index-minus-one", "ddim-index-minus-one"),
    ("network-fed-fraction", "ddim-network-fed-fraction", "loss-network-fed-fraction"),
    ("ddim-loop-empty", "one-t-for-the-batch"),
    ("no-noise-at-t-1", "eta-not-passed-on", "sum-over-coordinates"),
    # in one region
    ("hidden-sizes-reversed", "output-of-input-size"),
    ("silu-for-relu", "activation-after-last-layer"),
    ("t-ignored", "no-activation"),
    ("root-missing-on-x0", "noise-argument-ignored"),
    ("q-alpha-for-alpha-bar", "noise-subtracted"),
    ("noise-at-t-0", "variance-for-standard-deviation"),
    ("noise-at-t-0", "multiplied-by-root-alpha"),
    ("network-fed-t-minus-1", "eps-coefficient-without-root"),
    ("no-noise-at-t-1", "one-noise-for-all-rows"),
    ("start-from-uniform", "loop-stops-at-t-1"),
    ("t-prev-clamped-to-0", "eta-inside-the-root"),
    ("x0-not-divided", "direction-ignores-sigma"),
    ("direction-sigma-not-squared", "sigma-from-beta"),
    ("ddim-start-from-zeros", "eta-not-passed-on"),
    ("t-never-T-minus-1", "sum-over-coordinates"),
    ("t-never-0", "loss-against-fresh-noise"),
)
