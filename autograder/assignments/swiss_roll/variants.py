"""Right solutions of many shapes, as students and researchers write them. Each must get full marks.

Most change a few regions of the solution; what they leave alone is the solution's own. The last ones replace whole files.
"""

from autograder.grading.mutants import Variant

INIT, FORWARD = "network.py:SimpleNet.__init__", "network.py:SimpleNet.forward"
Q_SAMPLE = "ddpm.py:DiffusionModule.q_sample"
P_SAMPLE, P_SAMPLE_LOOP = "ddpm.py:DiffusionModule.p_sample", "ddpm.py:DiffusionModule.p_sample_loop"
DDIM, DDIM_LOOP = "ddpm.py:DiffusionModule.ddim_p_sample", "ddpm.py:DiffusionModule.ddim_p_sample_loop"
LOSS = "ddpm.py:DiffusionModule.compute_loss"

# Places where something is put in, each once in its file
_BEFORE_SIMPLE_NET = "class SimpleNet(nn.Module):"
_BEFORE_DIFFUSION_MODULE = "class DiffusionModule(nn.Module):"
_BEFORE_SAVE = "    def save(self, file_path):"
_NETWORK_IMPORTS, _DDPM_IMPORTS = "import math\n", "from typing import Optional\n"
_P_SIGNATURE = "def p_sample(self, xt: torch.Tensor, t: torch.Tensor):"
_P_LOOP_SIGNATURE = "def p_sample_loop(self, shape):"
_DDIM_SIGNATURE = "def ddim_p_sample(self, xt: torch.Tensor, t: torch.Tensor, t_prev: torch.Tensor, eta: float = 0.0):"
_DDIM_LOOP_SIGNATURE = "def ddim_p_sample_loop(self, shape, num_inference_timesteps=50, eta=0.0):"

_NETWORKS = (
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

_FORMS_OF_T = (
    Variant(
        "t-as-integer",
        "both loops count with Python integers, and the steps take nothing else",
        bodies={
            P_SAMPLE: """
                assert isinstance(t, int)
                beta, alpha = self.var_scheduler.betas[t].item(), self.var_scheduler.alphas[t].item()
                alpha_bar = self.var_scheduler.alphas_cumprod[t].item()
                eps = self.network(xt, torch.full((xt.shape[0],), t, device=xt.device, dtype=torch.long))
                mean = (xt - beta / np.sqrt(1 - alpha_bar) * eps) / np.sqrt(alpha)
                if t > 0:
                    return mean + np.sqrt(beta) * torch.randn_like(xt)
                return mean
            """,
            P_SAMPLE_LOOP: """
                x = torch.randn(*shape).to(self.device)
                for t in range(self.var_scheduler.num_train_timesteps - 1, -1, -1):
                    x = self.p_sample(x, t)
                return x
            """,
            DDIM: """
                assert isinstance(t, int) and isinstance(t_prev, int)
                alpha_bar = self.var_scheduler.alphas_cumprod[t].item()
                alpha_bar_prev = self.var_scheduler.alphas_cumprod[t_prev].item() if t_prev >= 0 else 1.0
                eps = self.network(xt, torch.full((xt.shape[0],), t, device=xt.device, dtype=torch.long))
                x0 = (xt - math.sqrt(1 - alpha_bar) * eps) / math.sqrt(alpha_bar)
                sigma = eta * math.sqrt((1 - alpha_bar_prev) / (1 - alpha_bar)) * math.sqrt(1 - alpha_bar / alpha_bar_prev)
                x = math.sqrt(alpha_bar_prev) * x0 + math.sqrt(max(1 - alpha_bar_prev - sigma**2, 0)) * eps
                if sigma > 0:
                    x = x + sigma * torch.randn_like(x)
                return x
            """,
            DDIM_LOOP: """
                x = torch.randn(*shape).to(self.device)
                for t, t_prev in zip(timesteps.tolist(), prev_timesteps.tolist()):
                    x = self.ddim_p_sample(x, t, t_prev, eta=eta)
                return x
            """,
        },
        edits={"ddpm.py": ((_DDPM_IMPORTS, "import math\n" + _DDPM_IMPORTS),)},
    ),
    Variant(
        "t-as-scalar-tensor",
        "the loops run over tensors of time steps, and the steps take only tensors of shape ()",
        bodies={
            P_SAMPLE: """
                assert t.ndim == 0
                beta_t, alpha_t = self.var_scheduler.betas[t], self.var_scheduler.alphas[t]
                alpha_bar_t = self.var_scheduler.alphas_cumprod[t]
                z = torch.randn_like(xt) if t > 0 else torch.zeros_like(xt)
                eps_theta = self.network(xt, t)
                return 1 / alpha_t.sqrt() * (xt - (1 - alpha_t) / (1 - alpha_bar_t).sqrt() * eps_theta) + beta_t.sqrt() * z
            """,
            P_SAMPLE_LOOP: """
                xt = torch.randn(shape, device=self.device)
                for t in self.var_scheduler.timesteps.to(self.device):
                    xt = self.p_sample(xt, t)
                return xt
            """,
            DDIM: """
                assert t.ndim == 0 and t_prev.ndim == 0
                a_t = self.var_scheduler.alphas_cumprod[t]
                a_prev = self.var_scheduler.alphas_cumprod[t_prev] if t_prev >= 0 else torch.ones_like(a_t)
                eps_theta = self.network(xt, t)
                sigma = eta * ((1 - a_prev) / (1 - a_t) * (1 - a_t / a_prev)) ** 0.5
                x0 = (xt - (1 - a_t) ** 0.5 * eps_theta) / a_t**0.5
                noise = torch.randn_like(xt) if eta > 0 else 0.0
                return a_prev**0.5 * x0 + (1 - a_prev - sigma**2) ** 0.5 * eps_theta + sigma * noise
            """,
        },
    ),
    Variant(
        "t-of-shape-1",
        "the loops wrap each t in a tensor of shape (1,), and the steps look at t[0]",
        bodies={
            P_SAMPLE: """
                assert t.shape == (1,)
                schedule = self.var_scheduler
                beta, alpha, alpha_bar = (extract(v, t, xt) for v in (schedule.betas, schedule.alphas, schedule.alphas_cumprod))
                mu = (xt - (beta / torch.sqrt(1 - alpha_bar)) * self.network(xt, t)) / torch.sqrt(alpha)
                if t[0] > 0:
                    noise = torch.randn(xt.shape, device=xt.device, dtype=xt.dtype)
                else:
                    noise = 0
                return mu + torch.sqrt(beta) * noise
            """,
            P_SAMPLE_LOOP: """
                xt = torch.randn(shape).to(self.device)
                for i in reversed(range(self.var_scheduler.num_train_timesteps)):
                    xt = self.p_sample(xt, torch.tensor([i], device=self.device))
                return xt
            """,
            DDIM: """
                assert t.shape == (1,) and t_prev.shape == (1,)
                alpha_bar = extract(self.var_scheduler.alphas_cumprod, t, xt)
                if t_prev[0] < 0:
                    alpha_bar_prev = torch.ones_like(alpha_bar)
                else:
                    alpha_bar_prev = extract(self.var_scheduler.alphas_cumprod, t_prev, xt)
                eps = self.network(xt, t)
                var = eta**2 * (1 - alpha_bar_prev) / (1 - alpha_bar) * (1 - alpha_bar / alpha_bar_prev)
                x0 = (xt - torch.sqrt(1 - alpha_bar) * eps) / torch.sqrt(alpha_bar)
                mean = torch.sqrt(alpha_bar_prev) * x0 + torch.sqrt(torch.relu(1 - alpha_bar_prev - var)) * eps
                return mean + torch.sqrt(var) * torch.randn_like(xt)
            """,
            DDIM_LOOP: """
                xt = torch.randn(shape).to(self.device)
                for t, t_prev in zip(timesteps, prev_timesteps):
                    xt = self.ddim_p_sample(xt, t.unsqueeze(0).to(self.device), t_prev.unsqueeze(0).to(self.device), eta)
                return xt
            """,
        },
    ),
    Variant(
        "t-of-shape-b",
        "the loops fill a tensor of shape (B,) with torch.full; the steps take no other, and look at its first entry",
        bodies={
            P_SAMPLE: """
                assert t.shape == (xt.shape[0],)
                beta_t = self.var_scheduler.betas[t].view(-1, *[1] * (xt.dim() - 1))
                alpha_t = self.var_scheduler.alphas[t].view(-1, *[1] * (xt.dim() - 1))
                alpha_bar_t = self.var_scheduler.alphas_cumprod[t].view(-1, *[1] * (xt.dim() - 1))
                pred_noise = self.network(xt, t)
                mean = torch.rsqrt(alpha_t) * (xt - beta_t * torch.rsqrt(1 - alpha_bar_t) * pred_noise)
                if t[0] > 0:
                    mean = mean + torch.sqrt(beta_t) * torch.randn_like(mean)
                return mean
            """,
            P_SAMPLE_LOOP: """
                img = torch.randn(shape, device=self.device)
                for i in reversed(range(0, self.var_scheduler.num_train_timesteps)):
                    img = self.p_sample(img, torch.full((shape[0],), i, device=self.device, dtype=torch.long))
                return img
            """,
            DDIM: """
                assert t.shape == t_prev.shape == (xt.shape[0],)
                alpha = extract(self.var_scheduler.alphas_cumprod, t, xt)
                alpha_next = extract(self.var_scheduler.alphas_cumprod, t_prev.clamp(min=0), xt)
                alpha_next = alpha_next if t_prev[0] >= 0 else torch.ones_like(alpha)
                pred_noise = self.network(xt, t)
                x_start = (xt - (1 - alpha).sqrt() * pred_noise) / alpha.sqrt()
                sigma = eta * ((1 - alpha / alpha_next) * (1 - alpha_next) / (1 - alpha)).sqrt()
                c = (1 - alpha_next - sigma**2).clamp(min=0).sqrt()
                return x_start * alpha_next.sqrt() + c * pred_noise + sigma * torch.randn_like(xt)
            """,
            DDIM_LOOP: """
                img = torch.randn(shape, device=self.device)
                for i, j in zip(timesteps, prev_timesteps):
                    t = torch.full((shape[0],), i.item(), device=self.device, dtype=torch.long)
                    t_prev = torch.full((shape[0],), j.item(), device=self.device, dtype=torch.long)
                    img = self.ddim_p_sample(img, t, t_prev, eta)
                return img
            """,
        },
    ),
    Variant(
        "t-as-ones-times-number",
        "the loop passes torch.ones(B) · t, a tensor of floats, and the step casts it",
        bodies={
            P_SAMPLE: """
                index = t.long()
                beta_t = extract(self.var_scheduler.betas, index, xt)
                alpha_bar_t = extract(self.var_scheduler.alphas_cumprod, index, xt)
                mean = (xt - beta_t / (1 - alpha_bar_t).sqrt() * self.network(xt, t.float())) / (1 - beta_t).sqrt()
                return mean + (index > 0).to(xt.dtype).view_as(beta_t) * beta_t.sqrt() * torch.randn_like(xt)
            """,
            P_SAMPLE_LOOP: """
                xt = torch.randn(shape, device=self.device)
                for t in range(self.var_scheduler.num_train_timesteps)[::-1]:
                    xt = self.p_sample(xt, torch.ones(shape[0], device=self.device) * t)
                return xt
            """,
        },
    ),
    Variant(
        "numpy-timesteps",
        "both loops run over NumPy arrays, so that t is a NumPy integer",
        bodies={
            P_SAMPLE_LOOP: """
                xt = torch.randn(shape, device=self.device)
                for t in np.arange(self.var_scheduler.num_train_timesteps)[::-1]:
                    xt = self.p_sample(xt, t)
                return xt
            """,
            DDIM_LOOP: """
                xt = torch.randn(shape, device=self.device)
                for t, t_prev in zip(timesteps.numpy(), prev_timesteps.numpy()):
                    xt = self.ddim_p_sample(xt, t, t_prev, eta)
                return xt
            """,
        },
    ),
    Variant(
        "while-loop",
        "sampling counts t down in a while loop and passes everything by name",
        bodies={
            P_SAMPLE_LOOP: """
                xt, t = torch.randn(shape, device=self.device), self.var_scheduler.num_train_timesteps
                while t:
                    t -= 1
                    xt = self.p_sample(t=t, xt=xt)
                return xt
            """,
            DDIM_LOOP: """
                xt, step = torch.randn(size=shape, device=self.device), 0
                while step < num_inference_timesteps:
                    xt = self.ddim_p_sample(xt=xt, t=timesteps[step], t_prev=prev_timesteps[step], eta=eta)
                    step += 1
                return xt
            """,
            LOSS: """
                t = torch.randint(low=0, high=self.var_scheduler.num_train_timesteps, size=x0.shape[:1], device=x0.device)
                noise = torch.randn_like(x0)
                return F.mse_loss(input=self.network(x=self.q_sample(x0=x0, t=t, noise=noise), t=t), target=noise)
            """,
        },
    ),
)

_STEPS = (
    Variant(
        "posterior-variance",
        "the noise of p_sample has the posterior variance β̃_t, with ᾱ of clean data put in front of the table",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                alphas_cumprod = self.var_scheduler.alphas_cumprod
                alphas_cumprod_prev = F.pad(alphas_cumprod[:-1], (1, 0), value=1.0)
                beta_tilde = self.var_scheduler.betas * (1 - alphas_cumprod_prev) / (1 - alphas_cumprod)
                coefficient = self.var_scheduler.betas / (1 - alphas_cumprod).sqrt()
                mean = (xt - extract(coefficient, t, xt) * self.network(xt, t)) * extract(self.var_scheduler.alphas.rsqrt(), t, xt)
                return mean + extract(beta_tilde.sqrt(), t, xt) * torch.randn_like(xt)
            """,
        },
    ),
    Variant(
        "posterior-log-variance",
        "β̃_t as a clipped logarithm, and the mean from x₀ (DDPM, Eq. 7), as in improved-diffusion; x₀ clamped at ±10, outside the data",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                betas, alphas_cumprod = self.var_scheduler.betas, self.var_scheduler.alphas_cumprod
                alphas_cumprod_prev = torch.cat([torch.ones_like(betas[:1]), alphas_cumprod[:-1]])
                posterior_variance = betas * (1 - alphas_cumprod_prev) / (1 - alphas_cumprod)
                log_variance = torch.log(torch.cat([posterior_variance[1:2], posterior_variance[1:]]))
                coef_x0 = betas * alphas_cumprod_prev.sqrt() / (1 - alphas_cumprod)
                coef_xt = (1 - alphas_cumprod_prev) * self.var_scheduler.alphas.sqrt() / (1 - alphas_cumprod)

                eps = self.network(xt, t)
                x0 = extract((1 / alphas_cumprod).sqrt(), t, xt) * xt - extract((1 / alphas_cumprod - 1).sqrt(), t, xt) * eps
                x0 = x0.clamp(-10, 10)
                mean = extract(coef_x0, t, xt) * x0 + extract(coef_xt, t, xt) * xt
                nonzero_mask = (t != 0).float().view(-1, *([1] * (xt.ndim - 1)))
                return mean + nonzero_mask * torch.exp(0.5 * extract(log_variance, t, xt)) * torch.randn_like(xt)
            """,
        },
    ),
    Variant(
        "clamped-estimates",
        "both steps clamp their estimate of x₀ at ±6, outside the data, and go on from the clamped one",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta = extract(self.var_scheduler.betas, t, xt)
                alpha_bar = extract(self.var_scheduler.alphas_cumprod, t, xt)
                alpha_bar_prev = alpha_bar / (1 - beta)
                x0 = ((xt - (1 - alpha_bar).sqrt() * self.network(xt, t)) / alpha_bar.sqrt()).clamp(-6, 6)
                mean = (alpha_bar_prev.sqrt() * beta * x0 + (1 - beta).sqrt() * (1 - alpha_bar_prev) * xt) / (1 - alpha_bar)
                noise = torch.where((t > 0).view_as(beta), torch.randn_like(xt), 0.0)
                return mean + beta.sqrt() * noise
            """,
            DDIM: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                alpha_bar = extract(self.var_scheduler.alphas_cumprod, t, xt)
                padded = torch.cat([torch.ones(1, device=xt.device), self.var_scheduler.alphas_cumprod])
                alpha_bar_prev = extract(padded, t_prev.clamp(min=-1) + 1, xt)
                x0 = (xt - (1 - alpha_bar).sqrt() * self.network(xt, t)) / alpha_bar.sqrt()
                x0 = torch.clamp(x0, -6.0, 6.0)
                eps = (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()
                sigma = eta * ((1 - alpha_bar_prev) / (1 - alpha_bar)).sqrt() * (1 - alpha_bar / alpha_bar_prev).sqrt()
                mean = x0 * alpha_bar_prev.sqrt() + (1 - alpha_bar_prev - sigma**2).clamp(min=0).sqrt() * eps
                return mean + sigma * torch.randn_like(xt)
            """,
        },
    ),
    Variant(
        "in-place-arithmetic",
        "all arithmetic in place on clones: mul_, sub_, add_, addcmul_",
        bodies={
            Q_SAMPLE: """
                a = extract(self.var_scheduler.alphas_cumprod, t, x0)
                xt = x0.clone()
                xt.mul_(a.sqrt())
                xt.addcmul_((1 - a).sqrt().expand_as(xt), noise)
                return xt
            """,
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta = extract(self.var_scheduler.betas, t, xt)
                eps = self.network(xt, t).clone()
                eps.mul_(beta).div_((1 - extract(self.var_scheduler.alphas_cumprod, t, xt)).sqrt())
                x = xt.clone().sub_(eps).div_(extract(self.var_scheduler.alphas, t, xt).sqrt())
                z = torch.empty_like(x).normal_()
                z *= (t > 0).reshape(beta.shape)
                z *= beta.sqrt()
                x += z
                return x
            """,
            DDIM: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                a = extract(self.var_scheduler.alphas_cumprod, t, xt)
                a_prev = extract(self.var_scheduler.alphas_cumprod, t_prev.clamp(min=0), xt)
                a_prev[(t_prev < 0).reshape(a_prev.shape)] = 1
                eps = self.network(xt, t)
                sigma = (1 - a).reciprocal_().mul_(1 - a_prev).mul_(1 - a / a_prev).sqrt_().mul_(eta)
                x = xt.clone()
                x.sub_((1 - a).sqrt() * eps).div_(a.sqrt()).mul_(a_prev.sqrt())
                x.add_((1 - a_prev).sub_(sigma**2).clamp_(min=0).sqrt_() * eps)
                x.add_(torch.randn_like(x).mul_(sigma))
                return x
            """,
        },
    ),
    Variant(
        "x-changed-in-place",
        "the step of DDPM changes the x that it is given, after the network has seen it",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta = extract(self.var_scheduler.betas, t, xt)
                xt -= beta / (1 - extract(self.var_scheduler.alphas_cumprod, t, xt)).sqrt() * self.network(xt, t)
                xt /= (1 - beta).sqrt()
                xt += (t > 0).reshape(beta.shape) * beta.sqrt() * torch.randn_like(xt)
                return xt
            """,
        },
    ),
    Variant(
        "einops-everywhere",
        "coefficients shaped with einops, losses reduced with it",
        bodies={
            Q_SAMPLE: """
                a = rearrange(self.var_scheduler.alphas_cumprod[t], "b -> b" + " 1" * (x0.ndim - 1))
                return a.sqrt() * x0 + (1 - a).sqrt() * noise
            """,
            P_SAMPLE: """
                t = repeat(torch.as_tensor(t).reshape(-1)[:1], "1 -> b", b=len(xt)) if torch.as_tensor(t).numel() == 1 else t
                shape = "b -> b" + " 1" * (xt.ndim - 1)
                beta, alpha = rearrange(self.var_scheduler.betas[t], shape), rearrange(self.var_scheduler.alphas[t], shape)
                alpha_bar = rearrange(self.var_scheduler.alphas_cumprod[t], shape)
                mean = (xt - beta / (1 - alpha_bar).sqrt() * self.network(xt, t)) / alpha.sqrt()
                return mean + rearrange(t > 0, shape) * beta.sqrt() * torch.randn_like(xt)
            """,
            LOSS: """
                t = torch.randint(self.var_scheduler.num_train_timesteps, (len(x0),), device=x0.device)
                eps = torch.randn_like(x0)
                errors = (self.network(self.q_sample(x0, t, eps), t) - eps) ** 2
                return reduce(errors, "b ... -> ", "mean")
            """,
        },
        edits={"ddpm.py": ((_DDPM_IMPORTS, _DDPM_IMPORTS + "from einops import rearrange, reduce, repeat\n"),)},
    ),
    Variant(
        "float64-inside",
        "steps computed in float64 and returned as they came",
        bodies={
            Q_SAMPLE: """
                a = extract(self.var_scheduler.alphas_cumprod.double(), t, x0)
                return (a.sqrt() * x0.double() + (1 - a).sqrt() * noise.double()).to(x0.dtype)
            """,
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta = extract(self.var_scheduler.betas.double(), t, xt)
                alpha_bar = extract(torch.cumprod(1 - self.var_scheduler.betas.double(), dim=0), t, xt)
                x, eps = xt.double(), self.network(xt, t).double()
                mean = (x - beta / (1 - alpha_bar).sqrt() * eps) / (1 - beta).sqrt()
                z = torch.randn(x.shape, dtype=torch.float64, device=x.device) * (t > 0).reshape(beta.shape)
                return (mean + beta.sqrt() * z).to(xt.dtype)
            """,
            DDIM: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                table = torch.cumprod(1 - self.var_scheduler.betas.double(), dim=0)
                table = torch.cat([torch.ones_like(table[:1]), table])
                a, a_prev = extract(table, t + 1, xt), extract(table, (t_prev + 1).clamp(min=0), xt)
                x, eps = xt.double(), self.network(xt, t).double()
                sigma = eta * torch.sqrt((1 - a_prev) / (1 - a) * (1 - a / a_prev))
                x0 = (x - torch.sqrt(1 - a) * eps) / torch.sqrt(a)
                out = torch.sqrt(a_prev) * x0 + torch.sqrt((1 - a_prev - sigma**2).clamp(min=0)) * eps
                return (out + sigma * torch.randn_like(out)).to(xt.dtype)
            """,
        },
    ),
    Variant(
        "float64-result",
        "the samplers run in float64 from start to end, and cast only what the network sees",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta = extract(self.var_scheduler.betas.double(), t, xt)
                alpha_bar = extract(self.var_scheduler.alphas_cumprod.double(), t, xt)
                eps = self.network(xt.float(), t).double()
                mean = (xt.double() - beta / (1 - alpha_bar).sqrt() * eps) / (1 - beta).sqrt()
                return mean + (t > 0).reshape(beta.shape) * beta.sqrt() * torch.randn_like(mean)
            """,
            P_SAMPLE_LOOP: """
                xt = torch.randn(shape, device=self.device, dtype=torch.float64)
                for t in self.var_scheduler.timesteps:
                    xt = self.p_sample(xt, t)
                return xt
            """,
        },
    ),
    Variant(
        "gates-by-where",
        "torch.where chooses between a step with noise and one without, on the whole result",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta_t = extract(self.var_scheduler.betas, t, xt)
                eps_theta = self.network(xt, t)
                scale = beta_t / torch.sqrt(1 - extract(self.var_scheduler.alphas_cumprod, t, xt))
                mean = (xt - scale * eps_theta) / torch.sqrt(extract(self.var_scheduler.alphas, t, xt))
                noisy = torch.normal(mean, torch.sqrt(beta_t).expand_as(mean))
                return torch.where(t.reshape(beta_t.shape) == 0, mean, noisy)
            """,
            DDIM: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                a = extract(self.var_scheduler.alphas_cumprod, t, xt)
                a_prev = extract(self.var_scheduler.alphas_cumprod, torch.where(t_prev < 0, 0, t_prev), xt)
                a_prev = torch.where(t_prev.reshape(a_prev.shape) < 0, torch.ones_like(a_prev), a_prev)
                eps = self.network(xt, t)
                x0 = (xt - torch.sqrt(1 - a) * eps) / torch.sqrt(a)
                sigma = eta * torch.sqrt((1 - a_prev) / (1 - a)) * torch.sqrt(1 - a / a_prev)
                direction = torch.sqrt(torch.maximum(1 - a_prev - sigma**2, torch.zeros_like(a))) * eps
                x_prev = torch.sqrt(a_prev) * x0 + direction
                return torch.where(sigma > 0, x_prev + sigma * torch.randn_like(xt), x_prev)
            """,
        },
    ),
    Variant(
        "gates-on-the-batch",
        "both steps ask all rows, or any, whether there is noise: all are at one t when sampling",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta_t = extract(self.var_scheduler.betas, t, xt)
                alpha_bar_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
                mean = (xt - beta_t / (1 - alpha_bar_t).sqrt() * self.network(xt, t)) / (1 - beta_t).sqrt()
                return mean + (t > 0).all().float() * beta_t.sqrt() * torch.randn_like(xt)
            """,
            DDIM: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                a = extract(self.var_scheduler.alphas_cumprod, t, xt)
                if (t_prev < 0).any():
                    a_prev = torch.ones_like(a)
                else:
                    a_prev = extract(self.var_scheduler.alphas_cumprod, t_prev, xt)
                eps = self.network(xt, t)
                sigma = eta * ((1 - a_prev) / (1 - a) * (1 - a / a_prev)).sqrt()
                x0 = (xt - (1 - a).sqrt() * eps) / a.sqrt()
                return a_prev.sqrt() * x0 + (1 - a_prev - sigma**2).clamp(min=0).sqrt() * eps + sigma * torch.randn_like(xt)
            """,
        },
    ),
    Variant(
        "noise-drawn-first",
        "noise is drawn before the network is called, also where it is not used, and with other calls of the random generator in between",
        bodies={
            P_SAMPLE: """
                z = torch.normal(0.0, 1.0, size=tuple(xt.shape), device=xt.device)
                torch.rand(3)
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta_t = extract(self.var_scheduler.betas, t, xt)
                alpha_bar_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
                eps = self.network(xt, t)
                z[(t == 0).expand(len(xt))] = 0
                return (xt - beta_t / (1 - alpha_bar_t).sqrt() * eps) / (1 - beta_t).sqrt() + beta_t.sqrt() * z
            """,
            DDIM: """
                z = torch.randn_like(xt)
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                alpha_bar = extract(self.var_scheduler.alphas_cumprod, t, xt)
                alpha_bar_prev = extract(self.var_scheduler.alphas_cumprod, t_prev.clamp(min=0), xt)
                alpha_bar_prev = alpha_bar_prev.masked_fill((t_prev < 0).reshape(alpha_bar_prev.shape), 1.0)
                eps = self.network(xt, t)
                beta_tilde = (1 - alpha_bar_prev) * (alpha_bar_prev - alpha_bar) / (alpha_bar_prev * (1 - alpha_bar))
                x0 = (xt - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()
                rest = 1 - alpha_bar_prev - eta**2 * beta_tilde
                return alpha_bar_prev.sqrt() * x0 + rest.clamp(min=0).sqrt() * eps + eta * beta_tilde.sqrt() * z
            """,
            LOSS: """
                noise = torch.randn_like(x0)
                torch.rand(5)
                t = torch.randint(0, self.var_scheduler.num_train_timesteps, (len(x0),), device=x0.device)
                return (noise - self.network(self.q_sample(x0, t, noise), t)).square().mean()
            """,
        },
    ),
    Variant(
        "normal-distribution-objects",
        "noise from torch.distributions, the step itself a draw from a Normal",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta_t = extract(self.var_scheduler.betas, t, xt)
                alpha_bar_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
                mean = (xt - beta_t / (1 - alpha_bar_t).sqrt() * self.network(xt, t)) / (1 - beta_t).sqrt()
                draw = torch.distributions.Normal(mean, beta_t.sqrt()).sample()
                return torch.lerp(mean, draw, (t > 0).to(mean).reshape(beta_t.shape))
            """,
            P_SAMPLE_LOOP: """
                xt = torch.distributions.Normal(0.0, 1.0).sample(shape).to(self.device)
                for t in self.var_scheduler.timesteps:
                    xt = self.p_sample(xt, t)
                return xt
            """,
        },
    ),
    Variant(
        "generators-of-its-own",
        "noise from random generators of the code's own, which no global seed reaches",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta_t = extract(self.var_scheduler.betas, t, xt)
                alpha_bar_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
                mean = (xt - beta_t / (1 - alpha_bar_t).sqrt() * self.network(xt, t)) / (1 - beta_t).sqrt()
                z = torch.from_numpy(np.random.default_rng().standard_normal(tuple(xt.shape), dtype=np.float32)).to(xt)
                return mean + (t > 0).reshape(beta_t.shape) * beta_t.sqrt() * z
            """,
        },
    ),
    Variant(
        "ddim-as-ode-step",
        "DDIM with the coefficients of x_t and ε_θ worked out beforehand",
        bodies={
            DDIM: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                a = extract(self.var_scheduler.alphas_cumprod, t, xt)
                a_prev = extract(self.var_scheduler.alphas_cumprod, t_prev.clamp(min=0), xt)
                a_prev = a_prev + (t_prev < 0).reshape(a_prev.shape) * (1 - a_prev)
                shrink = a / a_prev
                sigma_squared = eta**2 * (1 - shrink) * (1 - a_prev) / (1 - a)
                coefficient = (1 - a_prev - sigma_squared).clamp(min=0).sqrt() - ((1 - a) / shrink).sqrt()
                return xt / shrink.sqrt() + coefficient * self.network(xt, t) + sigma_squared.sqrt() * torch.randn_like(xt)
            """,
        },
    ),
    Variant(
        "ddim-from-roots",
        "DDIM with tables of square roots, computed when first needed; eps and x₀ come from helper methods",
        bodies={
            Q_SAMPLE: """
                signal, sigma = self.roots()
                return extract(signal, t, x0) * x0 + extract(sigma, t, x0) * noise
            """,
            DDIM: """
                signal, sigma = self.roots()
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long().clamp(min=-1)
                s, n = extract(signal, t, xt), extract(sigma, t, xt)
                s_prev = extract(torch.cat([signal, signal.new_ones(1)]), t_prev, xt)
                n_prev = extract(torch.cat([sigma, sigma.new_zeros(1)]), t_prev, xt)
                eps = self.network(xt, t)
                strength = eta * n_prev / n * (1 - (s / s_prev) ** 2).sqrt()
                mean = s_prev * self.estimate_x0(xt, eps, s, n) + (n_prev**2 - strength**2).clamp(min=0).sqrt() * eps
                return mean + strength * torch.randn_like(xt)
            """,
        },
        edits={
            "ddpm.py": (
                (
                    _BEFORE_SAVE,
                    "    def roots(self):\n"
                    "        if not hasattr(self, '_roots'):\n"
                    "            table = self.var_scheduler.alphas_cumprod\n"
                    "            self._roots = (table.sqrt(), (1 - table).sqrt())\n"
                    "        return self._roots\n\n"
                    "    def estimate_x0(self, xt, eps, signal, sigma):\n"
                    "        return (xt - sigma * eps) / signal\n\n" + _BEFORE_SAVE,
                ),
            )
        },
    ),
    Variant(
        "inference-mode",
        "the network is called under torch.inference_mode and the steps are decorated with it",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                with torch.inference_mode():
                    eps_theta = self.network(xt, t)
                beta_t = extract(self.var_scheduler.betas, t, xt)
                alpha_bar_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
                mean = (xt - beta_t / (1 - alpha_bar_t).sqrt() * eps_theta) / (1 - beta_t).sqrt()
                return mean + (t > 0).reshape(beta_t.shape) * beta_t.sqrt() * torch.randn_like(xt)
            """,
        },
        edits={
            "ddpm.py": (
                ("    @torch.no_grad()\n    def ddim_p_sample(", "    @torch.inference_mode()\n    def ddim_p_sample("),
            )
        },
    ),
)

_LOOPS = (
    Variant(
        "inlined-steps",
        "both loops do their steps themselves, and never call p_sample or ddim_p_sample",
        bodies={
            P_SAMPLE_LOOP: """
                schedule = self.var_scheduler
                x = torch.randn(shape, device=self.device)
                for i in reversed(range(schedule.num_train_timesteps)):
                    t = torch.full((shape[0],), i, device=self.device, dtype=torch.long)
                    eps = self.network(x, t)
                    x = (x - schedule.betas[i] / (1 - schedule.alphas_cumprod[i]).sqrt() * eps) / schedule.alphas[i].sqrt()
                    if i > 0:
                        x = x + schedule.betas[i].sqrt() * torch.randn_like(x)
                return x
            """,
            DDIM_LOOP: """
                alphas_cumprod = self.var_scheduler.alphas_cumprod
                x = torch.randn(shape, device=self.device)
                for t, t_prev in zip(timesteps, prev_timesteps):
                    a = alphas_cumprod[t]
                    a_prev = alphas_cumprod[t_prev] if t_prev >= 0 else torch.tensor(1.0, device=self.device)
                    eps = self.network(x, t[None].to(self.device))
                    sigma = eta * ((1 - a_prev) / (1 - a) * (1 - a / a_prev)).sqrt()
                    x0 = (x - (1 - a).sqrt() * eps) / a.sqrt()
                    x = a_prev.sqrt() * x0 + (1 - a_prev - sigma**2).clamp(min=0).sqrt() * eps + sigma * torch.randn_like(x)
                return x
            """,
        },
    ),
    Variant(
        "inlined-posterior-steps",
        "the DDPM loop does its own steps with the posterior mean and variance",
        bodies={
            P_SAMPLE_LOOP: """
                betas, alpha_bars = self.var_scheduler.betas, self.var_scheduler.alphas_cumprod
                xt = torch.randn(shape, device=self.device)
                for t in self.var_scheduler.timesteps.tolist():
                    bar, bar_prev = alpha_bars[t], alpha_bars[t - 1] if t > 0 else torch.ones_like(alpha_bars[0])
                    x0 = (xt - (1 - bar).sqrt() * self.network(xt, torch.tensor([t], device=self.device))) / bar.sqrt()
                    mean = (bar_prev.sqrt() * betas[t] * x0 + (1 - betas[t]).sqrt() * (1 - bar_prev) * xt) / (1 - bar)
                    xt = mean + (betas[t] * (1 - bar_prev) / (1 - bar)).sqrt() * torch.randn_like(xt)
                return xt
            """,
        },
    ),
    Variant(
        "loops-as-generators",
        "helper methods yield the state of each step, and the loops take the last one",
        bodies={
            P_SAMPLE_LOOP: """
                *_, x0 = self.p_sample_states(shape)
                return x0
            """,
            DDIM_LOOP: """
                for xt in self.ddim_states(shape, zip(timesteps, prev_timesteps), eta):
                    pass
                return xt
            """,
        },
        edits={
            "ddpm.py": (
                (
                    _BEFORE_SAVE,
                    "    def p_sample_states(self, shape):\n"
                    "        xt = torch.randn(shape, device=self.device)\n"
                    "        yield xt\n"
                    "        for t in self.var_scheduler.timesteps:\n"
                    "            xt = self.p_sample(xt, t)\n"
                    "            yield xt\n\n"
                    "    def ddim_states(self, shape, pairs, eta):\n"
                    "        xt = torch.randn(shape, device=self.device)\n"
                    "        for t, t_prev in pairs:\n"
                    "            xt = self.ddim_p_sample(xt, t, t_prev, eta)\n"
                    "            yield xt\n\n" + _BEFORE_SAVE,
                ),
            )
        },
    ),
    Variant(
        "trajectory-on-request",
        "the loops keep every state, and return the list when an extra argument asks for it",
        bodies={
            P_SAMPLE_LOOP: """
                trajectory = [torch.randn(shape, device=self.device)]
                for t in self.var_scheduler.timesteps:
                    trajectory.append(self.p_sample(trajectory[-1], t))
                return trajectory if return_trajectory else trajectory[-1]
            """,
            DDIM_LOOP: """
                trajectory = [torch.randn(shape, device=self.device)]
                for t, t_prev in zip(timesteps, prev_timesteps):
                    trajectory.append(self.ddim_p_sample(trajectory[-1], t, t_prev, eta))
                if return_trajectory:
                    return trajectory
                return trajectory[-1]
            """,
        },
        edits={
            "ddpm.py": (
                (_P_LOOP_SIGNATURE, "def p_sample_loop(self, shape, return_trajectory=False):"),
                (
                    _DDIM_LOOP_SIGNATURE,
                    "def ddim_p_sample_loop(self, shape, num_inference_timesteps=50, eta=0.0, return_trajectory=False):",
                ),
            )
        },
    ),
    Variant(
        "optional-generator",
        "loops and steps take an optional generator, which the loops hand on to the steps",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                beta_t = extract(self.var_scheduler.betas, t, xt)
                alpha_bar_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
                mean = (xt - beta_t / (1 - alpha_bar_t).sqrt() * self.network(xt, t)) / (1 - beta_t).sqrt()
                z = torch.randn(xt.shape, generator=generator, device=xt.device)
                return mean + (t > 0).reshape(beta_t.shape) * beta_t.sqrt() * z
            """,
            P_SAMPLE_LOOP: """
                xt = torch.randn(shape, generator=generator, device=self.device)
                for t in self.var_scheduler.timesteps:
                    xt = self.p_sample(xt, t, generator=generator)
                return xt
            """,
        },
        edits={
            "ddpm.py": (
                (_P_SIGNATURE, "def p_sample(self, xt: torch.Tensor, t: torch.Tensor, generator=None):"),
                (_P_LOOP_SIGNATURE, "def p_sample_loop(self, shape, generator=None):"),
            )
        },
    ),
    Variant(
        "step-returns-estimate-too",
        "ddim_p_sample returns x₀ as well when an extra argument asks for it, as the loop does",
        bodies={
            DDIM: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                a = extract(self.var_scheduler.alphas_cumprod, t, xt)
                a_prev = extract(self.var_scheduler.alphas_cumprod, t_prev.clamp(min=0), xt)
                a_prev = torch.where((t_prev < 0).reshape(a_prev.shape), torch.ones_like(a_prev), a_prev)
                eps = self.network(xt, t)
                x0 = (xt - (1 - a).sqrt() * eps) / a.sqrt()
                sigma = eta * ((1 - a_prev) / (1 - a) * (1 - a / a_prev)).sqrt()
                out = a_prev.sqrt() * x0 + (1 - a_prev - sigma**2).clamp(min=0).sqrt() * eps + sigma * torch.randn_like(xt)
                return (out, x0) if return_x0 else out
            """,
            DDIM_LOOP: """
                xt = torch.randn(shape, device=self.device)
                for t, t_prev in zip(timesteps, prev_timesteps):
                    xt, x0 = self.ddim_p_sample(xt, t, t_prev, eta, return_x0=True)
                return xt
            """,
        },
        edits={"ddpm.py": ((_DDIM_SIGNATURE, _DDIM_SIGNATURE.replace("0.0):", "0.0, return_x0=False):")),)},
    ),
    Variant(
        "tqdm-loops",
        "progress bars around the loops",
        bodies={
            P_SAMPLE_LOOP: """
                xt = torch.randn(shape).to(self.device)
                for t in tqdm(self.var_scheduler.timesteps, desc="DDPM", leave=False):
                    xt = self.p_sample(xt, t)
                return xt
            """,
            DDIM_LOOP: """
                xt = torch.randn(shape).to(self.device)
                bar = tqdm(list(zip(timesteps, prev_timesteps)), total=len(timesteps))
                for t, t_prev in bar:
                    xt = self.ddim_p_sample(xt, t, t_prev, eta)
                    bar.set_postfix(t=int(t))
                return xt
            """,
        },
        edits={"ddpm.py": ((_DDPM_IMPORTS, _DDPM_IMPORTS + "from tqdm.auto import tqdm\n"),)},
    ),
    Variant(
        "eval-and-train-in-loops",
        "the loops put the network into eval mode and back",
        bodies={
            P_SAMPLE_LOOP: """
                was_training = self.training
                self.eval()
                x = torch.randn(shape, device=self.device)
                for t in self.var_scheduler.timesteps:
                    x = self.p_sample(x, t)
                self.train(was_training)
                return x
            """,
            DDIM_LOOP: """
                self.network.eval()
                x = torch.randn(shape, device=self.device)
                for t, t_prev in zip(timesteps, prev_timesteps):
                    x = self.ddim_p_sample(x, t, t_prev, eta)
                self.network.train()
                return x.detach()
            """,
            LOSS: """
                self.network.train()
                t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],), device=x0.device)
                noise = torch.randn_like(x0)
                return F.mse_loss(noise, self.network(self.q_sample(x0, t, noise), t))
            """,
        },
    ),
    Variant(
        "loops-as-folds",
        "both loops as functools.reduce",
        bodies={
            P_SAMPLE_LOOP: """
                start = torch.randn(shape, device=self.device)
                return functools.reduce(self.p_sample, self.var_scheduler.timesteps, start)
            """,
            DDIM_LOOP: """
                start = torch.randn(shape, device=self.device)
                return functools.reduce(lambda x, pair: self.ddim_p_sample(x, *pair, eta), zip(timesteps, prev_timesteps), start)
            """,
        },
        edits={"ddpm.py": ((_DDPM_IMPORTS, "import functools\n" + _DDPM_IMPORTS),)},
    ),
    Variant(
        "ddim-timesteps-by-linspace",
        "DDIM at evenly spaced time steps from T − 1 down to clean data, with a start at −1 in the list, as in lucidrains' code",
        bodies={
            DDIM_LOOP: """
                times = torch.linspace(-1, self.var_scheduler.num_train_timesteps - 1, steps=num_inference_timesteps + 1)
                times = list(reversed(times.int().tolist()))
                img = torch.randn(shape, device=self.device)
                for time, time_next in zip(times[:-1], times[1:]):
                    img = self.ddim_p_sample(img, torch.tensor([time]), torch.tensor([time_next]), eta)
                return img
            """,
        },
    ),
    Variant(
        "ddim-timesteps-from-both-ends",
        "DDIM at rounded time steps from T − 1 to 0, both included; t_prev is the next entry, and −1 at the end",
        bodies={
            DDIM_LOOP: """
                chosen = np.linspace(self.var_scheduler.num_train_timesteps - 1, 0, num_inference_timesteps).round().astype(int)
                following = np.append(chosen[1:], -1)
                xt = torch.randn(shape, device=self.device)
                for i in range(num_inference_timesteps):
                    xt = self.ddim_p_sample(xt, int(chosen[i]), int(following[i]), eta)
                return xt
            """,
        },
    ),
    Variant(
        "ddim-timesteps-plus-one",
        "DDIM at the given time steps moved up by one, as in the code of the paper and of Stable Diffusion",
        bodies={
            DDIM_LOOP: """
                timesteps = timesteps + 1
                xt = torch.randn(shape, device=self.device)
                for i, t in enumerate(timesteps):
                    t_prev = timesteps[i + 1] if i + 1 < len(timesteps) else torch.tensor(-1)
                    xt = self.ddim_p_sample(xt, t, t_prev, eta)
                return xt
            """,
        },
    ),
    Variant(
        "ddim-timesteps-trailing",
        'DDIM at time steps counted down from T − 1 by T / steps and rounded ("trailing" spacing)',
        bodies={
            DDIM_LOOP: """
                T = self.var_scheduler.num_train_timesteps
                steps = np.round(np.arange(T, 0, -T / num_inference_timesteps))[:num_inference_timesteps].astype(np.int64) - 1
                previous = list(steps[1:]) + [-1]
                xt = torch.randn(shape, device=self.device)
                for t, t_prev in zip(steps.tolist(), previous):
                    xt = self.ddim_p_sample(xt, torch.tensor(t), torch.tensor(int(t_prev)), eta)
                return xt
            """,
        },
    ),
)

_LOSSES = (
    Variant(
        "loss-by-hand",
        "the mean of squares written out; t by randint_like",
        bodies={
            LOSS: """
                t = torch.randint_like(x0.flatten(1)[:, 0], high=self.var_scheduler.num_train_timesteps, dtype=torch.long)
                noise = torch.randn(x0.shape).to(x0.device)
                difference = noise - self.network(self.q_sample(x0, t, noise), t)
                return (difference * difference).sum() / difference.numel()
            """,
        },
    ),
    Variant(
        "loss-as-module",
        "nn.MSELoss; t as the floor of a uniform random number times T",
        bodies={
            LOSS: """
                batch_size = x0.shape[0]
                t = (torch.rand(batch_size, device=x0.device) * self.var_scheduler.num_train_timesteps).floor().long()
                eps = torch.randn_like(x0)
                criterion = nn.MSELoss()
                return criterion(self.network(self.q_sample(x0, t, eps), t), eps)
            """,
        },
    ),
    Variant(
        "loss-averaged-by-row",
        "errors without reduction, averaged over each row and then over the batch; t by multinomial",
        bodies={
            LOSS: """
                weights = torch.ones(self.var_scheduler.num_train_timesteps, device=x0.device)
                t = torch.multinomial(weights, num_samples=len(x0), replacement=True)
                noise = torch.randn_like(x0)
                errors = F.mse_loss(self.network(self.q_sample(x0, t, noise), t), noise, reduction="none")
                return errors.mean(dim=tuple(range(1, errors.ndim))).mean()
            """,
        },
    ),
    Variant(
        "loss-with-q-sample-inlined",
        "x_t made in place, without q_sample, with addcmul and lerp; t drawn by NumPy",
        bodies={
            LOSS: """
                t = torch.as_tensor(np.random.randint(0, self.var_scheduler.num_train_timesteps, size=len(x0)), device=x0.device)
                eps = torch.normal(torch.zeros_like(x0), 1.0)
                a = self.var_scheduler.alphas_cumprod[t].reshape(len(x0), *[1] * (x0.ndim - 1))
                xt = torch.addcmul(a.sqrt() * x0, (1 - a).sqrt(), eps)
                return torch.lerp(self.network(xt, t), eps, 2.0).sub(eps).pow(2).mean()
            """,
        },
    ),
    Variant(
        "loss-as-squared-norm",
        "the squared norm over all numbers, divided by how many there are; t by random_",
        bodies={
            LOSS: """
                t = torch.empty(len(x0), dtype=torch.long, device=x0.device).random_(self.var_scheduler.num_train_timesteps)
                noise = torch.empty_like(x0).normal_()
                prediction = self.network(self.q_sample(x0, t, noise), t)
                return torch.linalg.vector_norm(prediction - noise) ** 2 / x0.numel()
            """,
        },
    ),
    Variant(
        "loss-of-shape-1",
        "the loss as a tensor of shape (1,), on which backward works as well",
        bodies={
            LOSS: """
                t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],)).to(x0.device)
                noise = torch.randn_like(x0)
                errors = (self.network(self.q_sample(x0, t, noise), t) - noise) ** 2
                return errors.reshape(1, -1).mean(dim=1)
            """,
        },
    ),
    Variant(
        "loss-antithetic-t",
        "each t is used together with T − 1 − t, as in the code of the DDIM paper",
        bodies={
            LOSS: """
                n, T = x0.size(0), self.var_scheduler.num_train_timesteps
                t = torch.randint(low=0, high=T, size=(n // 2 + 1,)).to(x0.device)
                t = torch.cat([t, T - t - 1], dim=0)[:n]
                e = torch.randn_like(x0)
                return (e - self.network(self.q_sample(x0, t, e), t)).square().mean()
            """,
        },
    ),
    Variant(
        "loss-stratified-t",
        "one t from each of B equal parts of 0 … T, in random order, as in variational diffusion models",
        bodies={
            LOSS: """
                n, T = len(x0), self.var_scheduler.num_train_timesteps
                u = (torch.randperm(n) + torch.rand(n)) / n
                t = (u * T).long().clamp(max=T - 1).to(x0.device)
                eps = torch.randn_like(x0)
                return F.mse_loss(self.network(self.q_sample(x0, t, eps), t), eps)
            """,
        },
    ),
    Variant(
        "loss-in-float64",
        "prediction and noise compared in float64",
        bodies={
            LOSS: """
                t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],), device=x0.device)
                noise = torch.randn_like(x0)
                prediction = self.network(self.q_sample(x0, t, noise), t)
                return F.mse_loss(prediction.double(), noise.double()).float()
            """,
        },
    ),
)

_HELPERS = (
    Variant(
        "schedule-helper-class",
        "a class computes all coefficients of a step once; the steps read them off",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                c = Coefficients(self.var_scheduler)
                mean = extract(c.of_x, t, xt) * xt - extract(c.of_eps, t, xt) * self.predict_noise(xt, t)
                return mean + extract(c.sigma, t, xt) * torch.randn_like(xt)
            """,
            LOSS: """
                t = torch.randint(0, self.var_scheduler.num_train_timesteps, (x0.shape[0],), device=x0.device)
                noise = torch.randn_like(x0)
                return F.mse_loss(self.predict_noise(self.q_sample(x0, t, noise), t), noise)
            """,
        },
        edits={
            "ddpm.py": (
                (
                    _BEFORE_DIFFUSION_MODULE,
                    "class Coefficients:\n"
                    "    def __init__(self, schedule):\n"
                    "        self.of_x = schedule.alphas.rsqrt()\n"
                    "        self.of_eps = self.of_x * schedule.betas / (1 - schedule.alphas_cumprod).sqrt()\n"
                    "        self.sigma = schedule.betas.sqrt().clone()\n"
                    "        self.sigma[0] = 0\n\n\n" + _BEFORE_DIFFUSION_MODULE,
                ),
                (
                    _BEFORE_SAVE,
                    "    def predict_noise(self, xt, t):\n        return self.network(xt, t)\n\n" + _BEFORE_SAVE,
                ),
            )
        },
    ),
    Variant(
        "helper-module",
        "the arithmetic of all steps in a module of its own, next to ddpm.py",
        bodies={
            Q_SAMPLE: "return steps.noised(x0, noise, extract(self.var_scheduler.alphas_cumprod, t, x0))",
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                z = torch.randn_like(xt) * (t > 0).reshape(-1, *[1] * (xt.ndim - 1))
                tables = (self.var_scheduler.betas, self.var_scheduler.alphas_cumprod)
                return steps.ddpm(xt, self.network(xt, t), z, *(extract(table, t, xt) for table in tables))
            """,
            DDIM: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                t_prev = torch.atleast_1d(torch.as_tensor(t_prev, device=xt.device)).long()
                table = self.var_scheduler.alphas_cumprod
                now, before = extract(table, t, xt), steps.clean_or(extract(table, t_prev.clamp(min=0), xt), t_prev < 0)
                return steps.ddim(xt, self.network(xt, t), torch.randn_like(xt), now, before, eta)
            """,
        },
        edits={"ddpm.py": ((_DDPM_IMPORTS, _DDPM_IMPORTS + "\nimport steps\n"),)},
        files={
            "steps.py": '''"""One step of each sampler, as functions of its coefficients."""

import torch


def noised(x0, noise, alpha_bar):
    return torch.sqrt(alpha_bar) * x0 + torch.sqrt(1 - alpha_bar) * noise


def denoised(xt, eps, alpha_bar):
    return (xt - torch.sqrt(1 - alpha_bar) * eps) / torch.sqrt(alpha_bar)


def ddpm(xt, eps, z, beta, alpha_bar):
    return (xt - beta / torch.sqrt(1 - alpha_bar) * eps) / torch.sqrt(1 - beta) + torch.sqrt(beta) * z


def clean_or(alpha_bar, is_clean):
    return torch.where(is_clean.reshape(alpha_bar.shape), torch.ones_like(alpha_bar), alpha_bar)


def ddim(xt, eps, z, now, before, eta):
    sigma = eta * torch.sqrt((1 - before) / (1 - now) * (1 - now / before))
    direction = torch.sqrt(torch.clamp(1 - before - sigma**2, min=0)) * eps
    return torch.sqrt(before) * denoised(xt, eps, now) + direction + sigma * z
'''
        },
    ),
    Variant(
        "tables-as-buffers",
        "what the equations need is computed once, in the constructors, and kept in buffers",
        bodies={
            Q_SAMPLE: "return extract(self.root_alpha_bar, t, x0) * x0 + extract(self.root_one_minus_alpha_bar, t, x0) * noise",
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                tables = self.var_scheduler
                x0 = (xt - extract(self.root_one_minus_alpha_bar, t, xt) * self.network(xt, t)) / extract(self.root_alpha_bar, t, xt)
                mean = extract(tables.weight_x0, t, xt) * x0 + extract(tables.weight_xt, t, xt) * xt
                return mean + extract(tables.posterior_std, t, xt) * torch.randn_like(xt)
            """,
        },
        edits={
            "ddpm.py": (
                (
                    "        self.var_scheduler = var_scheduler\n",
                    "        self.var_scheduler = var_scheduler\n"
                    "        self.register_buffer('root_alpha_bar', var_scheduler.alphas_cumprod.sqrt())\n"
                    "        self.register_buffer('root_one_minus_alpha_bar', (1 - var_scheduler.alphas_cumprod).sqrt())\n",
                ),
                (
                    '        self.register_buffer("alphas", alphas.float())\n',
                    '        self.register_buffer("alphas", alphas.float())\n'
                    "        after = alphas.cumprod(dim=0)\n"
                    "        before = torch.cat([torch.ones(1, dtype=after.dtype), after[:-1]])\n"
                    "        self.register_buffer('weight_x0', (before.sqrt() * betas / (1 - after)).float())\n"
                    "        self.register_buffer('weight_xt', (alphas.sqrt() * (1 - before) / (1 - after)).float())\n"
                    "        self.register_buffer('posterior_std', (betas * (1 - before) / (1 - after)).sqrt().float())\n",
                ),
            )
        },
    ),
    Variant(
        "static-and-class-methods",
        "the mean of the step in a static method, the loop calls the step through the class",
        bodies={
            P_SAMPLE: """
                t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
                values = [extract(getattr(self.var_scheduler, name), t, xt) for name in ("betas", "alphas", "alphas_cumprod")]
                mean = self.reverse_mean(xt, self.network(xt, t), *values)
                return mean.add(values[0].sqrt().mul(torch.randn_like(xt)).mul(t.gt(0).view_as(values[0])))
            """,
            P_SAMPLE_LOOP: """
                xt = torch.randn(shape, device=self.device)
                for t in self.var_scheduler.timesteps:
                    xt = DiffusionModule.p_sample(self, xt, t)
                return xt
            """,
        },
        edits={
            "ddpm.py": (
                (
                    _BEFORE_SAVE,
                    "    @staticmethod\n"
                    "    def reverse_mean(x, eps, beta, alpha, alpha_bar):\n"
                    "        return torch.pow(alpha, -0.5) * (x - beta * torch.pow(1 - alpha_bar, -0.5) * eps)\n\n"
                    + _BEFORE_SAVE,
                ),
            )
        },
    ),
    Variant(
        "course-files-of-2023",
        "given code as in the original course: extract by gather, float32 schedule, NumPy time steps, save and load of whole objects",
        files={
            "ddpm.py": '''from typing import Optional

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def extract(input, t: torch.Tensor, x: torch.Tensor):
    """Pick input[t] with gather and give it the rank of x."""
    if t.ndim == 0:
        t = t[None]
    picked = input.gather(0, t.long().to(input.device))
    return picked.reshape(t.shape[0], *(1 for _ in x.shape[1:]))


class BaseScheduler(nn.Module):
    def __init__(self, num_train_timesteps: int, beta_1: float = 1e-4, beta_T: float = 0.02, mode: str = "linear"):
        super().__init__()
        self.num_train_timesteps = num_train_timesteps
        self.timesteps = torch.from_numpy(np.arange(num_train_timesteps)[::-1].astype(np.int64).copy())

        if mode == "linear":
            betas = torch.linspace(beta_1, beta_T, steps=num_train_timesteps)
        elif mode == "quad":
            betas = torch.linspace(beta_1**0.5, beta_T**0.5, num_train_timesteps).square()
        else:
            raise NotImplementedError(mode)

        alphas = 1.0 - betas
        for name, value in (("betas", betas), ("alphas", alphas), ("alphas_cumprod", torch.cumprod(alphas, dim=0))):
            self.register_buffer(name, value)


class DiffusionModule(nn.Module):
    def __init__(self, network: nn.Module, var_scheduler: BaseScheduler, **kwargs):
        super().__init__()
        self.network = network
        self.var_scheduler = var_scheduler

    @property
    def device(self):
        return next(self.network.parameters()).device

    @property
    def image_resolution(self):
        return self.network.image_resolution

    def q_sample(self, x0, t, noise: Optional[torch.Tensor] = None):
        if noise is None:
            noise = torch.randn_like(x0)
        alphas_prod_t = extract(self.var_scheduler.alphas_cumprod, t, x0)
        xt = torch.sqrt(alphas_prod_t) * x0 + torch.sqrt(1 - alphas_prod_t) * noise
        return xt

    @torch.no_grad()
    def p_sample(self, xt, t):
        if isinstance(t, int):
            t = torch.tensor([t]).to(self.device)
        eps_factor = (1 - extract(self.var_scheduler.alphas, t, xt)) / (
            1 - extract(self.var_scheduler.alphas_cumprod, t, xt)
        ).sqrt()
        eps_theta = self.network(xt, t)
        mean = (xt - eps_factor * eps_theta) / extract(self.var_scheduler.alphas, t, xt).sqrt()
        noise = torch.randn_like(xt) if (t > 0).any() else 0
        return mean + extract(self.var_scheduler.betas, t, xt).sqrt() * noise

    @torch.no_grad()
    def p_sample_loop(self, shape):
        xt = torch.randn(shape).to(self.device)
        for t in self.var_scheduler.timesteps:
            xt = self.p_sample(xt, t.to(self.device))
        return xt

    @torch.no_grad()
    def ddim_p_sample(self, xt, t, t_prev, eta=0.0):
        alpha_prod_t = extract(self.var_scheduler.alphas_cumprod, t, xt)
        if t_prev >= 0:
            alpha_prod_t_prev = extract(self.var_scheduler.alphas_cumprod, t_prev, xt)
        else:
            alpha_prod_t_prev = torch.ones_like(alpha_prod_t)
        eps_theta = self.network(xt, t)
        sigma = eta * torch.sqrt((1 - alpha_prod_t_prev) / (1 - alpha_prod_t) * (1 - alpha_prod_t / alpha_prod_t_prev))
        x0 = (xt - torch.sqrt(1 - alpha_prod_t) * eps_theta) / torch.sqrt(alpha_prod_t)
        direction = torch.sqrt(1 - alpha_prod_t_prev - sigma**2) * eps_theta
        return torch.sqrt(alpha_prod_t_prev) * x0 + direction + sigma * torch.randn_like(xt)

    @torch.no_grad()
    def ddim_p_sample_loop(self, shape, num_inference_timesteps=50, eta=0.0):
        ratio = self.var_scheduler.num_train_timesteps // num_inference_timesteps
        timesteps = torch.from_numpy((np.arange(num_inference_timesteps) * ratio)[::-1].astype(np.int64).copy())
        prev_timesteps = timesteps - ratio

        xt = torch.randn(shape).to(self.device)
        for t, t_prev in zip(timesteps, prev_timesteps):
            xt = self.ddim_p_sample(xt, t, t_prev, eta)
        return xt

    def compute_loss(self, x0):
        batch_size = x0.shape[0]
        t = torch.randint(0, self.var_scheduler.num_train_timesteps, size=(batch_size,)).to(x0.device)
        noise = torch.randn_like(x0)
        eps_theta = self.network(self.q_sample(x0, t, noise), t)
        return F.mse_loss(eps_theta, noise)

    def save(self, file_path):
        torch.save({"parts": (self.network, self.var_scheduler), "state_dict": self.state_dict()}, file_path)

    def load(self, file_path):
        content = torch.load(file_path, map_location="cpu", weights_only=False)
        self.network, self.var_scheduler = content["parts"]
        self.load_state_dict(content["state_dict"])
'''
        },
    ),
)

VARIANTS: tuple[Variant, ...] = (*_NETWORKS, *_FORMS_OF_T, *_STEPS, *_LOOPS, *_LOSSES, *_HELPERS)
