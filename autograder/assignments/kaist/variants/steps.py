"""Right solutions of ddpm.py: forward process and steps in other shapes."""

from autograder.assignments.kaist.variants.places import (
    BEFORE_SAVE,
    DDIM,
    DDPM_IMPORTS,
    LOSS,
    P_SAMPLE,
    P_SAMPLE_LOOP,
    Q_SAMPLE,
)
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (
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
        edits={"ddpm.py": ((DDPM_IMPORTS, DDPM_IMPORTS + "from einops import rearrange, reduce, repeat\n"),)},
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
                    BEFORE_SAVE,
                    "    def roots(self):\n"
                    "        if not hasattr(self, '_roots'):\n"
                    "            table = self.var_scheduler.alphas_cumprod\n"
                    "            self._roots = (table.sqrt(), (1 - table).sqrt())\n"
                    "        return self._roots\n\n"
                    "    def estimate_x0(self, xt, eps, signal, sigma):\n"
                    "        return (xt - sigma * eps) / signal\n\n" + BEFORE_SAVE,
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
