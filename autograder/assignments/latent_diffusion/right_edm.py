"""Right versions of libs/edm.py of many shapes."""

from autograder.grading.mutants import Variant

_FILE = "libs/edm.py"
SKIP, OUT, IN, NOISE, DENOISE, LOSS, STEPS, GENERATE = (
    f"{_FILE}:EDM.{name}" for name in ("c_skip", "c_out", "c_in", "c_noise", "denoise", "compute_loss", "sigma_steps", "generate")
)
_WEIGHT = "(sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2"
_START = "x = torch.randn(len(labels), *self.img_shape, device=device) * sigmas[0]\n"
_END = "\nreturn self.postprocess(self.vae.decoder(x) if self.use_vae else x)"
_SLOPE = "    def _slope(self, x, sigma, labels):\n        return (x - self.denoise(x, sigma, labels)) / sigma\n\n"

EDM: tuple[Variant, ...] = (
    Variant("edm-written-otherwise", "the coefficients of one another, by torch's functions, which take tensors only", bodies={
        SKIP: "return (self.sigma_data * self.c_in(sigma)).square()",
        OUT: "return sigma * self.sigma_data * torch.rsqrt(sigma.square() + self.sigma_data**2)",
        IN: "return torch.rsqrt(sigma.square() + self.sigma_data**2)",
        NOISE: "return 0.25 * torch.log(sigma)",
    }),
    Variant("edm-coefficients-of-four-dimensions", "each coefficient fits σ to images by itself", bodies={
        SKIP: "sigma = sigma.reshape(-1, 1, 1, 1)\nreturn 1 / (1 + (sigma / self.sigma_data) ** 2)",
        OUT: "sigma = sigma.reshape(-1, 1, 1, 1)\nreturn sigma * self.sigma_data / torch.sqrt(sigma**2 + self.sigma_data**2)",
        IN: "return (sigma.view(-1, 1, 1, 1) ** 2 + self.sigma_data**2) ** -0.5",
        NOISE: "return sigma.flatten().log().div(4)",
        DENOISE: """
            sigma = torch.as_tensor(sigma, dtype=x.dtype).flatten()
            if len(sigma) == 1:
                sigma = sigma.repeat(len(x))
            F_x = self.model(x * self.c_in(sigma), label, self.c_noise(sigma))
            return torch.addcmul(self.c_skip(sigma) * x, self.c_out(sigma), F_x)
        """,
    }),
    Variant("edm-scalars-only", "the coefficients take one number at a time, by math; the denoiser has its own", bodies={
        SKIP: "sigma = float(sigma)\nreturn self.sigma_data**2 / (sigma**2 + self.sigma_data**2)",
        OUT: "sigma = float(sigma)\nreturn sigma * self.sigma_data / math.sqrt(sigma**2 + self.sigma_data**2)",
        IN: "return 1 / math.hypot(float(sigma), self.sigma_data)",
        NOISE: "return math.log(float(sigma)) / 4",
        DENOISE: """
            levels = torch.as_tensor(sigma, dtype=torch.float32).flatten().expand(len(x)) if torch.as_tensor(sigma).numel() == 1 else sigma.flatten()
            answers = self.model(
                torch.stack([self.c_in(s) * image for s, image in zip(levels, x)]), label, torch.tensor([self.c_noise(s) for s in levels])
            )
            return torch.stack([self.c_skip(s) * image + self.c_out(s) * a for s, image, a in zip(levels, x, answers)])
        """,
    }, edits={_FILE: (("import torch\n", "import math\n\nimport torch\n"),)}),
    Variant("edm-keywords-in-float64", "σ in float64 on the way, the network by keywords", bodies={
        DENOISE: """
            sigma = torch.as_tensor(sigma).double().reshape(-1, 1, 1, 1)
            time = (self.c_noise(sigma) * torch.ones(len(x), 1, 1, 1)).flatten().float()
            F_x = self.model(x=(self.c_in(sigma) * x).float(), label=label, time=time)
            return (self.c_skip(sigma) * x + self.c_out(sigma) * F_x).to(x.dtype)
        """,
    }),
    Variant("edm-loss-by-the-target", "F against what it must be, Eq. 8", bodies={
        LOSS: """
            if self.use_vae:
                x_start = self.vae.encoder(x_start).detach()
            if noise is None:
                noise = torch.randn(x_start.shape)
            sigma = torch.exp(torch.normal(self.P_mean, self.P_std, size=(x_start.shape[0], 1, 1, 1)))
            x = x_start + noise * sigma
            F_x = self.model(self.c_in(sigma) * x, label, self.c_noise(sigma).reshape(-1))
            return nn.functional.mse_loss(F_x, (x_start - self.c_skip(sigma) * x) / self.c_out(sigma))
        """,
    }),
    Variant("edm-loss-clamped", "σ within the range of the sampler, weight as 1/c_out²", bodies={
        LOSS: """
            if self.use_vae:
                x_start = self.vae.encoder(x_start)
            y, n = x_start, torch.randn_like(x_start) if noise is None else noise
            sigma = (torch.randn(len(y)) * self.P_std + self.P_mean).exp().clamp(self.sigma_min, self.sigma_max)
            D = self.denoise(y + sigma.view(-1, 1, 1, 1) * n, sigma, label)
            return ((D - y).square() / self.c_out(sigma.view(-1, 1, 1, 1)).square()).mean()
        """,
    }),
    Variant("edm-loss-for-each-image-first", "the weight sum for each image, then the batch", bodies={
        LOSS: f"""
            latents = self.vae.encoder(x_start) if self.use_vae else x_start
            sigma = torch.distributions.LogNormal(self.P_mean, self.P_std).sample((len(latents),))
            eps = torch.empty_like(latents).normal_() if noise is None else noise
            denoised = self.denoise(latents + sigma[:, None, None, None] * eps, sigma, label)
            weight = {_WEIGHT}
            return (weight * (denoised - latents).pow(2).flatten(1).mean(1)).mean()
        """,
    }),
    Variant("edm-steps-without-zero", "the 0 comes with the sampler, which counts steps", bodies={
        STEPS: """
            i = torch.arange(num_steps)
            low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
            return (high + i / (num_steps - 1) * (low - high)) ** rho
        """,
        GENERATE: """
            sigmas = torch.cat([self.sigma_steps(num_steps), torch.zeros(1)])
            """ + _START.rstrip() + """
            for i in range(num_steps):
                now, to = sigmas[i], sigmas[i + 1]
                d = (x - self.denoise(x, now.expand(len(x)), labels)) / now
                x_euler = x + (to - now) * d
                if i == num_steps - 1:
                    x = x_euler
                else:
                    d_2 = (x_euler - self.denoise(x_euler, to.expand(len(x)), labels)) / to
                    x = x + (to - now) * (0.5 * d + 0.5 * d_2)
            if self.use_vae:
                x = self.vae.decoder(x)
            return self.postprocess(x)
        """,
    }),
    Variant("edm-steps-as-a-list", "the steps as plain numbers, in a list", bodies={
        STEPS: """
            low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
            return [(high + i * (low - high) / (num_steps - 1)) ** rho for i in range(num_steps)] + [0.0]
        """,
        GENERATE: """
            sigmas = self.sigma_steps(num_steps, sigma_max=self.sigma_max, sigma_min=self.sigma_min, rho=self.rho)
            """ + _START.rstrip() + """
            for now, to in zip(sigmas, sigmas[1:]):
                slope = x.sub(self.denoise(x, now, labels)).div(now)
                guess = x + (to - now) * slope
                x, old = guess, x
                if to != 0:
                    x = old + (to - now) / 2 * (slope + (guess - self.denoise(guess, to, labels)) / to)
            """ + _END.strip() + """
        """,
    }),
    Variant("edm-in-float64", "the state of the sampler in float64, as in the authors' code", bodies={
        STEPS: """
            step_indices = torch.arange(num_steps, dtype=torch.float64)
            t_steps = (sigma_max ** (1 / rho) + step_indices / (num_steps - 1) * (sigma_min ** (1 / rho) - sigma_max ** (1 / rho))) ** rho
            return torch.cat([torch.as_tensor(t_steps), torch.zeros_like(t_steps[:1])])
        """,
        GENERATE: """
            t_steps = self.sigma_steps(num_steps, self.sigma_min, self.sigma_max, self.rho)
            x_next = torch.randn([len(labels), *self.img_shape]).to(torch.float64) * t_steps[0]
            for i, (t_cur, t_next) in enumerate(zip(t_steps[:-1], t_steps[1:])):
                x_hat = x_next
                denoised = self.denoise(x_hat.float(), t_cur.float(), labels).to(torch.float64)
                d_cur = (x_hat - denoised) / t_cur
                x_next = x_hat + (t_next - t_cur) * d_cur
                if i < num_steps - 1:
                    denoised = self.denoise(x_next.float(), t_next.float(), labels).to(torch.float64)
                    d_prime = (x_next - denoised) / t_next
                    x_next = x_hat + (t_next - t_cur) * (0.5 * d_cur + 0.5 * d_prime)
            x = x_next.float()
            """ + _END.strip() + """
        """,
    }),
    Variant("edm-slope-as-a-helper", "the slope in a method of its own, in-place updates, the last step apart", bodies={
        GENERATE: """
            sigmas = self.sigma_steps(num_steps)
            """ + _START.rstrip() + """
            for now, to in zip(sigmas[: num_steps - 1].tolist(), sigmas[1:num_steps].tolist()):
                first = self._slope(x, now, labels)
                second = self._slope(x + (to - now) * first, to, labels)
                x += (to - now) * (first + second) / 2
            x = self.denoise(x, sigmas[num_steps - 1], labels)
            """ + _END.strip() + """
        """,
    }, edits={_FILE: (("    def postprocess(", f"{_SLOPE}    def postprocess("),)}),
)  # fmt: skip
