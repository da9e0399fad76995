# ruff: noqa: E501
"""Wrong regions as students write them, in several right forms of the rest, each with the mistakes that a diagnosis must name.

`named`: the identifiers that must be named; empty where no known mistake explains it, so that none may be. All were written before the
formulas that explain them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    id: str
    region: str  # as in the manifest
    body: str
    named: frozenset[str] = frozenset()


def case(region: str, name: str, body: str, *named: str) -> Case:
    file = "network.py:SimpleNet" if region in ("__init__", "forward") else "ddpm.py:DiffusionModule"
    return Case(f"{region}: {name}", f"{file}.{region}", body, frozenset(named))


# p_sample, in four right forms: β_t; β̃_t with the index clamped; β̃_t as a branch on an integer; the mean by way of x_0

_TABLES = """
t = torch.atleast_1d(torch.as_tensor(t, device=xt.device)).long()
beta_t = extract(self.var_scheduler.betas, t, xt)
alpha_t = extract(self.var_scheduler.alphas, t, xt)
alpha_bar = extract(self.var_scheduler.alphas_cumprod, t, xt)
"""
_MEAN = """
eps = self.network(xt, t)
mean = 1 / torch.sqrt(alpha_t) * (xt - (1 - alpha_t) / torch.sqrt(1 - alpha_bar) * eps)
"""
_BETA = _TABLES + _MEAN + "sigma = beta_t.sqrt()\n"
_TILDE = (
    _TABLES
    + _MEAN
    + """
before = extract(self.var_scheduler.alphas_cumprod, (t - 1).clamp(min=0), xt)
sigma = ((1 - before) / (1 - alpha_bar) * beta_t).sqrt()
"""
)
_BRANCH = """
steps = torch.as_tensor(t).flatten()
assert (steps == steps[0]).all(), "one t for the batch"
step = int(steps[0])
bars = self.var_scheduler.alphas_cumprod
now, before = bars[step], bars[step - 1] if step > 0 else torch.tensor(1.0)
beta = self.var_scheduler.betas[step]
eps = self.network(xt, torch.full((xt.shape[0],), step))
mean = (xt - beta / (1 - now) ** 0.5 * eps) / (1 - beta) ** 0.5
variance = beta * (1 - before) / (1 - now)
"""
_BY_X0 = """
t = torch.atleast_1d(torch.as_tensor(t)).long()
bar = extract(self.var_scheduler.alphas_cumprod, t, xt)
beta = extract(self.var_scheduler.betas, t, xt)
before = torch.where(t > 0, self.var_scheduler.alphas_cumprod[(t - 1).clamp(min=0)], torch.tensor(1.0)).reshape(bar.shape)
eps = self.network(xt, t)
x0 = (xt - (1 - bar).sqrt() * eps) / bar.sqrt()
"""
_WEIGHTS = "mean = before.sqrt() * beta / (1 - bar) * x0 + (1 - beta).sqrt() * (1 - before) / (1 - bar) * xt\n"
_GATE = "gate = (t > 0).float().reshape(-1, *[1] * (xt.ndim - 1))\n"
_END = "return mean + gate * sigma * torch.randn_like(xt)\n"


def p(name: str, body: str, *named: str) -> Case:
    return case("p_sample", name, body, *named)


P_SAMPLE = (
    p("β̃, gate t > 1 by max", _TILDE + "gate = 1.0 if t.max() > 1 else 0.0\n" + _END, "no-noise-at-t-1"),
    p("β̃, gate t > 1 by row", _TILDE + _GATE.replace("> 0", "> 1") + _END, "no-noise-at-t-1"),
    p("β, gate t > 1 by max", _BETA + "gate = 1.0 if t.max() > 1 else 0.0\n" + _END, "no-noise-at-t-1"),
    p("β̃ in a branch, gate t > 1", _BRANCH + "return mean + (variance.sqrt() * torch.randn_like(xt) if step > 1 else 0)", "no-noise-at-t-1"),
    p("β̃ clamped, no gate", _TILDE + "gate = 1\n" + _END, "noise-at-t-0"),
    p("β, no gate", _BETA + "gate = 1\n" + _END, "noise-at-t-0"),
    p("β̃ from index −1, no gate", (_TILDE + "gate = 1\n" + _END).replace("(t - 1).clamp(min=0)", "t - 1"), "posterior-variance-index-minus-one"),
    p("β̃, gate on all rows", _TILDE + "gate = (t > 0).all().float()\n" + _END),  # right: all rows of a batch are at one t
    p("β̃, gate on the least t", _TILDE + "gate = float(t.min() > 0)\n" + _END),  # right: all rows of a batch are at one t
    p("β, gate on all rows", _BETA + "gate = bool((t > 0).all())\n" + _END),  # right: all rows of a batch are at one t
    p("β̃, no root", (_TILDE + _GATE + _END).replace("* beta_t).sqrt()", "* beta_t)"), "variance-for-standard-deviation"),
    p("β̃ in a branch, no root", _BRANCH + "return mean + (variance * torch.randn_like(xt) if step > 0 else 0)", "variance-for-standard-deviation"),
    p("log variance not halved", (_BETA + _GATE + _END).replace("beta_t.sqrt()", "torch.exp(torch.log(beta_t))"), "variance-for-standard-deviation"),
    p("β̃, times √α", (_TILDE + _GATE + _END).replace("1 / torch.sqrt(alpha_t)", "torch.sqrt(alpha_t)"), "multiplied-by-root-alpha"),
    p("β̃, factor forgotten", (_TILDE + _GATE + _END).replace("1 / torch.sqrt(alpha_t) *", ""), "division-forgotten"),
    p("β̃, plus ε", (_TILDE + _GATE + _END).replace("(xt - (1", "(xt + (1"), "eps-added"),
    p("β̃, √α beside ᾱ in ε", (_TILDE + _GATE + _END).replace("torch.sqrt(1 - alpha_bar) * eps", "torch.sqrt(1 - alpha_t) * eps"), "eps-coefficient-with-alpha"),
    p(
        "β̃, gate t > 1 and no root in ε",
        (_TILDE + _GATE.replace("> 0", "> 1") + _END).replace("torch.sqrt(1 - alpha_bar) * eps", "(1 - alpha_bar) * eps"),
        "no-noise-at-t-1", "eps-coefficient-without-root",
    ),
    p("β, no root and gate t > 1", (_BETA + _GATE.replace("> 0", "> 1") + _END).replace("beta_t.sqrt()", "beta_t"), "variance-for-standard-deviation", "no-noise-at-t-1"),
    p(
        "β̃, no gate, divided by α and by the wrong root",
        (_TILDE + "gate = 1\n" + _END).replace("1 / torch.sqrt(alpha_t)", "1 / alpha_t").replace("torch.sqrt(1 - alpha_bar) * eps", "(1 - alpha_bar) * eps"),
        "noise-at-t-0", "divided-by-alpha", "eps-coefficient-without-root",
    ),
    p("x_0 clamped, β̃", _BY_X0 + "x0 = x0.clamp(-1, 1)\n" + _WEIGHTS + "sigma = (beta * (1 - before) / (1 - bar)).sqrt()\ngate = 1\n" + _END, "x0-clamped-to-one"),
    p("x_0 clamped, β", _BY_X0 + "x0 = x0.clamp(-1.0, 1.0)\n" + _WEIGHTS + "sigma = beta.sqrt()\n" + _GATE + _END, "x0-clamped-to-one"),
    p("weights of x_0 and x_t exchanged", (_BY_X0 + _WEIGHTS).replace("* x0 +", "* xt_ +").replace("* xt\n", "* x0\n").replace("xt_", "xt") + "sigma = beta.sqrt()\n" + _GATE + _END, "posterior-mean-weights-swapped"),
    p("seed in the step, β", "torch.manual_seed(42)\n" + _BETA + _GATE + _END, "same-noise-at-every-call"),
    p("seed in the step, β̃", _TILDE + _GATE + "torch.manual_seed(1)\n" + _END, "same-noise-at-every-call"),
    p("one noise for all rows, β̃", (_TILDE + _GATE + _END).replace("torch.randn_like(xt)", "torch.randn(1, *xt.shape[1:])"), "one-noise-for-all-rows"),
    p("one noise for a row, β̃", (_TILDE + _GATE + _END).replace("torch.randn_like(xt)", "torch.randn(xt.shape[0], *[1] * (xt.ndim - 1))"), "one-noise-for-all-coordinates"),
    p("uniform noise, β̃", (_TILDE + _GATE + _END).replace("torch.randn_like(xt)", "torch.rand_like(xt)"), "uniform-noise-in-step"),
    p("network at t − 1, β̃", (_TILDE + _GATE + _END).replace("(xt, t)", "(xt, t - 1)"), "network-fed-t-minus-1"),
    p("network at t / T, β̃", (_TILDE + _GATE + _END).replace("(xt, t)", "(xt, t.float() / self.var_scheduler.num_train_timesteps)"), "network-fed-fraction"),
    p("unit noise", (_TILDE + _GATE + _END).replace("gate * sigma", "gate"), "unit-noise"),
    p("noise inside the division, β̃", (_TILDE + _GATE + _END).replace("gate * sigma", "gate * sigma / alpha_t.sqrt()"), "noise-inside-the-division"),
    p("no noise at all", _BETA + "return mean", "noise-never-added"),
    p("noise too weak by a tenth", (_BETA + _GATE + _END).replace("gate * sigma", "gate * 0.9 * sigma")),
    p("mean too large by a twentieth", (_TILDE + _GATE + _END).replace("return mean", "return 1.05 * mean")),
    p("mean too large by a twentieth, gate t > 1", (_TILDE + _GATE.replace("> 0", "> 1") + _END).replace("return mean", "return 1.05 * mean"), "no-noise-at-t-1"),
    p("a list", (_BETA + _GATE + _END).replace("return mean + gate * sigma * torch.randn_like(xt)", "return [mean + gate * sigma * torch.randn_like(xt)]")),
    p("mean and noise as a pair", (_TILDE + _GATE + _END).replace("return mean +", "return mean,")),
    p("a table that is not there", (_BETA + _GATE + _END).replace("var_scheduler.betas", "var_scheduler.beta"), "p-table-unknown"),
    p("network without t", (_BETA + _GATE + _END).replace("(xt, t)", "(xt)"), "p-network-without-t"),
    p("gather with a float index", (_BETA + _GATE + _END).replace("extract(self.var_scheduler.betas, t, xt)", "self.var_scheduler.betas.gather(0, t.float())"), "p-index-not-integer"),
)  # fmt: skip

# q_sample


def q(name: str, body: str, *named: str) -> Case:
    return case("q_sample", name, body, *named)


_Q = """
bar = self.var_scheduler.alphas_cumprod[t].view(-1, *[1] * (x0.dim() - 1))
return torch.sqrt(bar) * x0 + torch.sqrt(1.0 - bar) * noise
"""
Q_SAMPLE = (
    q("no root on the noise", _Q.replace("torch.sqrt(1.0 - bar)", "(1 - bar)"), "root-missing-on-noise"),
    q("no root at all", _Q.replace("torch.sqrt", ""), "both-roots-missing"),
    q("alphas", _Q.replace("alphas_cumprod", "alphas"), "q-alpha-for-alpha-bar"),
    q("alphas, noise subtracted", _Q.replace("alphas_cumprod", "alphas").replace("x0 +", "x0 -"), "q-alpha-for-alpha-bar", "noise-subtracted"),
    q("x_0 whole, no root on the noise", _Q.replace("torch.sqrt(bar) * x0", "x0").replace("torch.sqrt(1.0 - bar)", "(1 - bar)"), "x0-not-scaled-down", "root-missing-on-noise"),
    q("product of β", _Q.replace("alphas_cumprod[t]", "betas.cumprod(0)[t]"), "q-product-of-betas"),
    q("index − 1", _Q.replace("[t]", "[t - 1]"), "q-index-minus-one"),
    q("1 − √ᾱ", _Q.replace("torch.sqrt(1.0 - bar)", "(1 - bar.sqrt())"), "root-inside-the-difference"),
    q("exchanged", _Q.replace("* x0 +", "* noise +").replace("bar) * noise\n", "bar) * x0\n"), "x0-and-noise-swapped"),
    q("for points only", _Q.replace(".view(-1, *[1] * (x0.dim() - 1))", ".view(-1, 1)"), "q-for-points-only"),
    q("noise drawn anew", "noise = torch.randn(x0.shape)\n" + _Q, "noise-argument-ignored"),
    q("a tenth too little noise", _Q.replace("* noise", "* 0.9 * noise")),
    q("noise returned too", _Q.replace("* noise\n", "* noise, noise\n")),
    q("a table that is not there", _Q.replace("alphas_cumprod", "alpha_bar"), "q-table-unknown"),
    q("float64", _Q.replace("[t]", ".double()[t]"), "q-result-in-float64"),
)  # fmt: skip

# p_sample_loop


def pl(name: str, body: str, *named: str) -> Case:
    return case("p_sample_loop", name, body, *named)


_LOOP = """
batch = shape[0]
x = torch.randn(shape).to(self.device)
for i in reversed(range(self.var_scheduler.num_train_timesteps)):
    x = self.p_sample(x, torch.full((batch,), i, dtype=torch.long, device=self.device))
return x
"""
P_SAMPLE_LOOP = (
    pl("down to 1", _LOOP.replace("reversed(range(", "range(").replace("timesteps)):", "timesteps - 1, 0, -1):"), "loop-stops-at-t-1"),
    pl("T to 1", _LOOP.replace("reversed(range(", "range(").replace("timesteps)):", "timesteps, 0, -1):"), "loop-from-T-to-1"),
    pl("a thousand steps", _LOOP.replace("self.var_scheduler.num_train_timesteps", "1000"), "loop-of-thousand-steps"),
    pl("a number as a list", _LOOP.replace("reversed(range(self.var_scheduler.num_train_timesteps))", "self.var_scheduler.num_train_timesteps"), "loop-over-a-number"),
    pl("upwards", _LOOP.replace("reversed(range(self.var_scheduler.num_train_timesteps))", "range(self.var_scheduler.num_train_timesteps)"), "loop-upwards"),
    pl("zeros", _LOOP.replace("randn", "zeros"), "start-from-zeros"),
    pl("uniform, down to 1", _LOOP.replace("randn", "rand").replace("reversed(range(", "range(").replace("timesteps)):", "timesteps - 1, 0, -1):"), "start-from-uniform", "loop-stops-at-t-1"),
    pl("a list", _LOOP.replace("return x", "return [x]")),
    pl("an array", _LOOP.replace("return x", "return x.cpu().numpy()")),
    pl("a pair", _LOOP.replace("return x", "return x, shape")),
    pl("nothing returned", _LOOP.replace("return x", "samples = x"), "loop-without-return"),
    pl("tqdm without import", _LOOP.replace("reversed(", "tqdm(range(3)) and reversed("), "loop-name-unknown"),
    pl("a table that is not there", _LOOP.replace("num_train_timesteps", "num_timesteps"), "loop-table-unknown"),
    pl("from x_T every time", _LOOP.replace("x = self.p", "y = self.p").replace("return x", "return y"), "every-step-from-x-T"),
    pl("result not kept", _LOOP.replace("x = self.p", "self.p"), "step-result-thrown-away"),
    pl("all states", _LOOP.replace("for i", "xs = [x]\nfor i").replace("self.device))\n", "self.device))\n    xs.append(x)\n", 1).replace("return x", "return torch.stack(xs)"), "returns-all-states"),
)  # fmt: skip

# ddim_p_sample


def dp(name: str, body: str, *named: str) -> Case:
    return case("ddim_p_sample", name, body, *named)


_DDIM = """
t = torch.atleast_1d(torch.as_tensor(t)).long()
t_prev = torch.atleast_1d(torch.as_tensor(t_prev)).long()
bars = self.var_scheduler.alphas_cumprod
now = extract(bars, t, xt)
before = extract(bars, t_prev.clamp(min=0), xt) if bool((t_prev >= 0).all()) else torch.ones_like(now)
eps = self.network(xt, t)
x0 = (xt - torch.sqrt(1 - now) * eps) / torch.sqrt(now)
sigma = eta * torch.sqrt((1 - before) / (1 - now) * (1 - now / before))
direction = torch.sqrt((1 - before - sigma ** 2).clamp(min=0)) * eps
x = torch.sqrt(before) * x0 + direction
return x + sigma * torch.randn_like(xt) if eta > 0 else x
"""
_SIGMA = "eta * torch.sqrt((1 - before) / (1 - now) * (1 - now / before))"
_BARE = _DDIM.replace("(1 - before - sigma ** 2).clamp(min=0)", "1 - before - sigma ** 2")
DDIM_P_SAMPLE = (
    dp("σ times β", _DDIM.replace(_SIGMA, _SIGMA + " * extract(self.var_scheduler.betas, t, xt)"), "sigma-times-beta"),
    dp("β for σ", _DDIM.replace(_SIGMA, "eta * extract(self.var_scheduler.betas, t, xt) * (t_prev >= 0).float().reshape(now.shape)"), "sigma-is-beta"),
    dp("√β for σ", _DDIM.replace(_SIGMA, "eta * extract(self.var_scheduler.betas, t, xt).sqrt() * (t_prev >= 0).float().reshape(now.shape)"), "sigma-from-beta"),
    dp("root of σ", _DDIM.replace(_SIGMA, f"({_SIGMA}).sqrt()"), "sigma-root-twice"),
    dp("no noise to t_prev = 0", _DDIM.replace(_SIGMA, _SIGMA + " * (t_prev > 0).float().reshape(now.shape)"), "no-noise-to-t-prev-0"),
    dp("no root of σ", _DDIM.replace("torch.sqrt((1 - before) / (1 - now) * (1 - now / before))", "((1 - before) / (1 - now) * (1 - now / before))"), "ddim-variance-for-standard-deviation"),
    dp("index −1 for clean data", _DDIM.replace("extract(bars, t_prev.clamp(min=0), xt) if bool((t_prev >= 0).all()) else torch.ones_like(now)", "extract(bars, t_prev, xt)"), "ddim-index-minus-one"),
    dp("ᾱ_0 for clean data", _DDIM.replace(" if bool((t_prev >= 0).all()) else torch.ones_like(now)", ""), "t-prev-clamped-to-0"),
    dp("alphas", _DDIM.replace("alphas_cumprod", "alphas"), "ddim-alpha-for-alpha-bar"),
    dp("x_0 not divided", _DDIM.replace("* eps) / torch.sqrt(now)", "* eps)"), "x0-not-divided"),
    dp("x_0 not divided, η under the root", _DDIM.replace("* eps) / torch.sqrt(now)", "* eps)").replace(_SIGMA, "torch.sqrt(eta * (1 - before) / (1 - now) * (1 - now / before))"), "x0-not-divided", "eta-inside-the-root"),
    dp("no σ in the direction", _DDIM.replace(" - sigma ** 2", ""), "direction-ignores-sigma"),
    dp("no root in the direction, η squared", _DDIM.replace("torch.sqrt((1 - before - sigma ** 2).clamp(min=0)) * eps", "(1 - before - sigma ** 2).clamp(min=0) * eps").replace("eta * torch", "eta**2 * torch"), "direction-without-root", "eta-squared"),
    dp("direction subtracted", _DDIM.replace("x0 + direction", "x0 - direction"), "direction-subtracted"),
    dp("direction left out, no clamp", _BARE.replace("x0 + direction", "x0"), "direction-dropped"),
    dp("η left out, no clamp", _BARE.replace("eta * torch", "1.0 * torch").replace(" if eta > 0 else x", ""), "eta-ignored"),
    dp("no noise at all, no clamp", _BARE.replace(" + sigma * torch.randn_like(xt) if eta > 0 else x", ""), "noise-term-dropped"),
    dp("t − 1 for t_prev", _DDIM.replace("before =", "t_prev = t - 1\nbefore ="), "previous-is-t-minus-1"),
    dp("x_0 clamped", _DDIM.replace("sigma = eta", "x0 = x0.clamp(-1, 1)\nsigma = eta"), "ddim-x0-clamped-to-one"),
    dp("network at t_prev", _DDIM.replace("(xt, t)", "(xt, t_prev)"), "ddim-network-fed-t-prev"),
    dp("x_0 returned too", _DDIM.replace("return x + sigma * torch.randn_like(xt) if eta > 0 else x", "return x, x0")),
    dp("direction too long by a tenth", _DDIM.replace("x0 + direction", "x0 + 1.1 * direction")),
    dp("a table that is not there", _DDIM.replace("alphas_cumprod", "alpha_cumprod"), "ddim-table-unknown"),
    dp("a name that is not there", _DDIM.replace("(1 - now / before)", "(1 - alpha_t / before)"), "ddim-name-unknown"),
)  # fmt: skip

# ddim_p_sample_loop


def dl(name: str, body: str, *named: str) -> Case:
    return case("ddim_p_sample_loop", name, body, *named)


_DLOOP = """
x = torch.randn(*shape, device=self.device)
for i in range(len(timesteps)):
    x = self.ddim_p_sample(x, timesteps[i], prev_timesteps[i], eta=eta)
return x
"""
DDIM_P_SAMPLE_LOOP = (
    dl("η not passed on", _DLOOP.replace(", eta=eta", ""), "eta-not-passed-on"),
    dl("stops early", _DLOOP.replace("len(timesteps)", "len(timesteps) - 1"), "ddim-loop-stops-early"),
    dl("t_prev clamped", _DLOOP.replace("prev_timesteps[i]", "prev_timesteps[i].clamp(min=0)"), "ddim-t-prev-clamped-in-loop"),
    dl("without t_prev", _DLOOP.replace("prev_timesteps[i], ", ""), "ddim-loop-argument-missing"),
    dl("p_sample", _DLOOP.replace("self.ddim_p_sample(x, timesteps[i], prev_timesteps[i], eta=eta)", "self.p_sample(x, timesteps[i])"), "ddim-loop-calls-p-sample"),
    dl("zeros", _DLOOP.replace("randn", "zeros"), "ddim-start-from-zeros"),
    dl("upwards", _DLOOP.replace("range(len(timesteps))", "range(len(timesteps) - 1, -1, -1)"), "ddim-loop-upwards"),
    dl("a list", _DLOOP.replace("return x", "return [x]")),
    dl("nothing returned", _DLOOP.replace("return x", "x0 = x"), "ddim-loop-without-return"),
    dl("arguments exchanged", _DLOOP.replace("timesteps[i], prev_timesteps[i]", "prev_timesteps[i], timesteps[i]"), "ddim-arguments-exchanged"),
)  # fmt: skip

# compute_loss: noise is drawn before t here, unlike in the solution


def lo(name: str, body: str, *named: str) -> Case:
    return case("compute_loss", name, body, *named)


_LOSS = """
eps = torch.randn_like(x0)
t = (torch.rand(x0.shape[0]) * self.var_scheduler.num_train_timesteps).long()
noisy = self.q_sample(x0, t, eps)
predicted = self.network(noisy, t)
return ((predicted - eps) ** 2).mean()
"""
COMPUTE_LOSS = (
    lo("against x_0", _LOSS.replace("predicted - eps", "predicted - x0"), "loss-against-x0"),
    lo("against x_t", _LOSS.replace("predicted - eps", "predicted - noisy"), "loss-against-xt"),
    lo("noise added", _LOSS.replace("predicted - eps", "predicted + eps"), "loss-against-minus-noise"),
    lo("sum", _LOSS.replace(".mean()", ".sum()"), "sum-for-mean"),
    lo("sum over coordinates", _LOSS.replace(".mean()", ".flatten(1).sum(1).mean()"), "sum-over-coordinates"),
    lo("a number for each row", _LOSS.replace(".mean()", ".flatten(1).mean(1)"), "loss-for-each-row"),
    lo("half", _LOSS.replace("return", "return 0.5 *"), "loss-halved"),
    lo("absolute", _LOSS.replace("((predicted - eps) ** 2)", "(predicted - eps).abs()"), "absolute-error"),
    lo("root", _LOSS.replace("return ((predicted - eps) ** 2).mean()", "return torch.sqrt(((predicted - eps) ** 2).mean())"), "root-of-mean-squared-error"),
    lo("never T − 1", _LOSS.replace("(torch.rand(x0.shape[0]) * self.var_scheduler.num_train_timesteps).long()", "torch.randint(self.var_scheduler.num_train_timesteps - 1, (len(x0),))"), "t-never-T-minus-1"),
    lo("never 0", _LOSS.replace("(torch.rand(x0.shape[0]) * self.var_scheduler.num_train_timesteps).long()", "torch.randint(1, self.var_scheduler.num_train_timesteps, (len(x0),))"), "t-never-0"),
    lo("never 0, sum", _LOSS.replace("(torch.rand(x0.shape[0]) * self.var_scheduler.num_train_timesteps).long()", "torch.randint(1, self.var_scheduler.num_train_timesteps, (len(x0),))").replace(".mean()", ".sum()"), "t-never-0", "sum-for-mean"),
    lo("one t", _LOSS.replace("(torch.rand(x0.shape[0]) * self.var_scheduler.num_train_timesteps).long()", "torch.randint(0, self.var_scheduler.num_train_timesteps, (1,)).expand(len(x0))"), "one-t-for-the-batch"),
    lo("noise not passed on", _LOSS.replace("(x0, t, eps)", "(x0, t)"), "noise-not-passed-to-q-sample"),
    lo("a pair", _LOSS.replace(".mean()", ".mean(), t")),
    lo("a Python number", _LOSS.replace(".mean()", ".mean().item()"), "loss-as-python-number"),
    lo("detached", _LOSS.replace("self.network(noisy, t)", "self.network(noisy, t).detach()"), "output-detached"),
    lo("a twentieth too much", _LOSS.replace("return", "return 1.05 *")),
    lo("network sees x_0", _LOSS.replace("(noisy, t)", "(x0, t)"), "network-fed-x0"),
    lo("size of randint", _LOSS.replace("(torch.rand(x0.shape[0]) * self.var_scheduler.num_train_timesteps).long()", "torch.randint(0, self.var_scheduler.num_train_timesteps, x0.shape[0])"), "loss-randint-size"),
    lo("a table that is not there", _LOSS.replace("num_train_timesteps", "T"), "loss-table-unknown"),
    lo("nothing returned", _LOSS.replace("return", "loss ="), "loss-without-return"),
)  # fmt: skip

# SimpleNet


def init(name: str, body: str, *named: str) -> Case:
    return case("__init__", name, body, *named)


_NET = """
widths = [dim_in] + list(dim_hids) + [dim_out]
self.layers = nn.ModuleList()
for i in range(len(widths) - 1):
    self.layers.append(TimeLinear(widths[i], widths[i + 1], num_timesteps))
"""
SIMPLE_NET = (
    init("sizes reversed", _NET.replace("list(dim_hids)", "list(reversed(dim_hids))"), "hidden-sizes-reversed"),
    init("a plain list", _NET.replace("nn.ModuleList()", "[]"), "layers-in-a-plain-list"),
    init("without num_timesteps", _NET.replace(", num_timesteps)", ")"), "time-linear-argument-missing"),
    init("always 128", _NET.replace("list(dim_hids)", "[128, 128, 128]"), "hidden-sizes-hard-coded"),
    init("one layer too few", _NET.replace("len(widths) - 1", "len(widths) - 2"), "output-layer-missing"),
    init("nn.Linear at the end", _NET + "\n".join(("class Plain(nn.Linear):", "    def forward(self, x, t):", "        return super().forward(x)", "self.layers[-1] = Plain(widths[-2], widths[-1])")), "plain-linear-last"),
    case("forward", "no activation", "for layer in self.layers:\n    x = layer(x, t)\nreturn x", "no-activation"),
    case("forward", "SiLU", "for i, layer in enumerate(self.layers):\n    x = layer(x, t)\n    if i < len(self.layers) - 1:\n        x = x * torch.sigmoid(x)\nreturn x", "silu-for-relu"),
    case("forward", "activation at the end", "for layer in self.layers:\n    x = torch.relu(layer(x, t))\nreturn x", "activation-after-last-layer"),
    case("forward", "sigmoid", "for layer in self.layers[:-1]:\n    x = layer(x, t).sigmoid()\nreturn self.layers[-1](x, t)"),
    case("forward", "a name spelled in two ways", "for layer in self.layer[:-1]:\n    x = F.relu(layer(x, t))\nreturn self.layers[-1](x, t)", "net-attribute-unknown"),
    case("forward", "layers without t", "for layer in self.layers[:-1]:\n    x = F.relu(layer(x))\nreturn self.layers[-1](x, t)", "time-linear-without-t"),
    case("forward", "t of the first row", "t = t.flatten()[0]\nfor layer in self.layers[:-1]:\n    x = F.relu(layer(x, t))\nreturn self.layers[-1](x, t)", "t-of-first-row-for-all"),
    case("forward", "nothing returned", "for layer in self.layers:\n    x = F.relu(layer(x, t))", "forward-without-return"),
)  # fmt: skip

CASES = (*SIMPLE_NET, *Q_SAMPLE, *P_SAMPLE, *P_SAMPLE_LOOP, *DDIM_P_SAMPLE, *DDIM_P_SAMPLE_LOOP, *COMPUTE_LOSS)
