"""Right versions of libs/ddpm.py, libs/unet.py and libs/ddim.py of many shapes."""

from autograder.grading.mutants import Variant

UNET = "libs/unet.py:UNet.forward"
Q, STEP, LOOP, LOSS = (f"libs/ddpm.py:DDPM.{name}" for name in ("q_sample", "p_sample", "p_sample_loop", "compute_loss"))
DDIM_STEP, DDIM_LOOP = "libs/ddim.py:DDIM.p_sample", "libs/ddim.py:DDIM.p_sample_loop"
_GIVEN_LOSS = "def compute_loss(self, x_start, label, t, noise=None):"
_GIVEN_LOOP = "def p_sample_loop(self, labels):"
_EXTRACT = 'return a[t].reshape(-1, *(1,) * (len(x_shape) - 1))'

DECODERS: tuple[Variant, ...] = (
    Variant("skips-by-index", "the stored outputs by negative indices", bodies={
        UNET: """
            for i, (resblock, transformer, upsample) in enumerate(self.decoder):
                x = torch.cat((x, encoder_output[-(i + 1)]), dim=1)
                x = resblock(x, t)
                x = transformer(x, c) if transformer else x
                x = upsample(x) if upsample else x
        """,
    }),
    Variant("skips-reversed", "the list reversed before the loop, levels by number", bodies={
        UNET: """
            for level, skip in zip(self.decoder, reversed(encoder_output)):
                h = level[0](torch.concat([x, skip], 1), t)
                if level[1] is not None:
                    h = level[1](h, c)
                x = h if level[2] is None else level[2](h)
        """,
    }),
    Variant("encoder-with-the-middle", "sizes compared before the concatenation, and a helper for a level", bodies={
        UNET: """
            def level(blocks, x):
                skip = encoder_output.pop(-1)
                assert x.shape[2:] == skip.shape[2:]
                x = blocks[0](torch.cat([x, skip], dim=-3), t)
                if isinstance(blocks[1], SpatialTransformer):
                    x = blocks[1](x, c)
                return blocks[2](x) if isinstance(blocks[2], Upsample) else x

            for blocks in self.decoder:
                x = level(blocks, x)
        """,
    }),
    Variant("joined-in-a-new-tensor", "a tensor of the right size that is filled", bodies={
        UNET: """
            while encoder_output:
                number = len(self.decoder) - len(encoder_output)
                resblock, transformer, upsample = self.decoder[number]
                skip = encoder_output.pop()
                both = x.new_empty(x.shape[0], x.shape[1] + skip.shape[1], *x.shape[2:])
                both[:, : x.shape[1]], both[:, x.shape[1] :] = x, skip
                x = resblock(both, t)
                for block, arguments in ((transformer, (c,)), (upsample, ())):
                    if block is not None:
                        x = block(x, *arguments)
        """,
    }),
)  # fmt: skip

DDPM: tuple[Variant, ...] = (
    Variant("t-by-index", "tables by index and view, the variance β", bodies={
        Q: """
            signal = self.sqrt_alphas_cumprod[t].view(-1, 1, 1, 1)
            return signal * x_start + self.sqrt_one_minus_alphas_cumprod[t].view(-1, 1, 1, 1) * noise
        """,
        STEP: """
            beta = self.betas[t_index]
            eps = self.model(x, label, t)
            mu = self.sqrt_recip_alphas[t_index] * (x - beta * eps / self.sqrt_one_minus_alphas_cumprod[t_index])
            if t_index > 0:
                mu = mu + torch.sqrt(beta) * torch.randn_like(x)
            return mu
        """,
    }),
    Variant("no-gate", "noise at every t, whose posterior variance is 0 at t = 0", bodies={
        STEP: """
            coefficient = self._extract(self.betas, t, x.shape) / self._extract(self.sqrt_one_minus_alphas_cumprod, t, x.shape)
            mean = self._extract(self.sqrt_recip_alphas, t, x.shape) * (x - coefficient * self.model(x, label, t))
            return mean + torch.sqrt(self._extract(self.posterior_variance, t, x.shape)) * torch.randn_like(x)
        """,
    }),
    Variant("gate-by-t", "the last step known by t[0]; the mean by way of x_0", bodies={
        STEP: """
            bar = self._extract(self.sqrt_alphas_cumprod, t, x.shape) ** 2
            alpha = 1 - self._extract(self.betas, t, x.shape)
            before = bar / alpha
            x0 = (x - (1 - bar).sqrt() * self.model(x, label, t)) / bar.sqrt()
            mean = (before.sqrt() * (1 - alpha) * x0 + alpha.sqrt() * (1 - before) * x) / (1 - bar)
            z = torch.zeros_like(x) if t[0] == 0 else torch.randn_like(x)
            return mean + (1 - alpha).sqrt() * z
        """,
    }),
    Variant("x0-clamped", "x̂_0 clamped to the range of images, as in DDPM's own code; without an autoencoder only", bodies={
        STEP: """
            bar = self._extract(self.sqrt_alphas_cumprod, t, x.shape) ** 2
            alpha = 1 - self._extract(self.betas, t, x.shape)
            before = bar / alpha
            x0 = (x - (1 - bar).sqrt() * self.model(x, label, t)) / bar.sqrt()
            x0 = x0 if self.use_vae else x0.clamp(-1, 1)
            mean = (before.sqrt() * (1 - alpha) * x0 + alpha.sqrt() * (1 - before) * x) / (1 - bar)
            if t_index == 0:
                return mean
            return mean + self._extract(self.posterior_variance, t, x.shape).sqrt() * torch.randn_like(x)
        """,
    }),
    Variant("t-in-a-list", "the loop makes t of a list, and labels a list of numbers", bodies={
        LOOP: """
            shape = [len(labels)] + list(self.img_shape)
            imgs = torch.randn(shape, device=device)
            for i in range(self.timesteps - 1, -1, -1):
                imgs = self.p_sample(imgs, labels, torch.tensor([i] * len(labels), device=device).long(), i)
            imgs = self.vae.decoder(imgs) if self.use_vae else imgs
            return self.postprocess(imgs)
        """,
    }),
    Variant("t-index-by-default", "the step finds out t_index by itself where it is not given, and the loop leaves it out", bodies={
        STEP: """
            last = int(t[0] if t_index is None else t_index) == 0
            beta = self._extract(self.betas, t, x.shape)
            of_noise = beta / self._extract(self.sqrt_one_minus_alphas_cumprod, t, x.shape)
            mean = self._extract(self.sqrt_recip_alphas, t, x.shape) * (x - of_noise * self.model(x, label, t))
            return mean if last else mean + self._extract(self.posterior_variance, t, x.shape).sqrt() * torch.randn_like(x)
        """,
        LOOP: """
            x = torch.randn(len(labels), *self.img_shape, device=self.betas.device)
            for t in reversed(range(self.timesteps)):
                x = self.p_sample(x, labels, torch.full((len(labels),), t, device=x.device))
            return self.postprocess(self.vae.decoder(x) if self.use_vae else x)
        """,
    }, edits={"libs/ddpm.py": (("def p_sample(self, x, label, t, t_index):", "def p_sample(self, x, label, t, t_index=None):"),)}),
    Variant("t-of-one-entry", "the loop gives t the shape (1,); the step looks at t_index", bodies={
        STEP: """
            rows = t.expand(len(x))
            beta = self._extract(self.betas, rows, x.shape)
            of_noise = beta / self._extract(self.sqrt_one_minus_alphas_cumprod, rows, x.shape)
            mean = self._extract(self.sqrt_recip_alphas, rows, x.shape) * (x - of_noise * self.model(x, label, rows))
            return mean if t_index == 0 else mean + self._extract(self.posterior_variance, rows, x.shape).sqrt() * torch.randn_like(x)
        """,
        LOOP: """
            x = torch.randn(len(labels), *self.img_shape).to(device)
            for step in range(self.timesteps):
                i = self.timesteps - 1 - step
                x = self.p_sample(x, labels, torch.tensor([i], device=device), i)
            if self.use_vae:
                x = self.vae.decoder(x)
            return self.postprocess(x)
        """,
    }),
    Variant("loop-with-its-own-steps", "the loop computes its steps itself", bodies={
        LOOP: """
            x = torch.randn((labels.shape[0], *self.img_shape), device=device)
            for i in reversed(range(self.timesteps)):
                t = torch.full((labels.shape[0],), i, device=device, dtype=torch.long)
                eps = self.model(x, labels, t)
                x = self.sqrt_recip_alphas[i] * (x - self.betas[i] / self.sqrt_one_minus_alphas_cumprod[i] * eps)
                if i:
                    x = x + self.betas[i].sqrt() * torch.randn_like(x)
            return self.postprocess(self.vae.decoder(x) if self.use_vae else x)
        """,
    }),
    Variant("list-of-states", "all states kept in a list, the last one decoded; in-place postprocess as in the original", bodies={
        LOOP: """
            states = [torch.randn(len(labels), *self.img_shape, device=device)]
            for i in list(range(self.timesteps))[::-1]:
                t = torch.full((len(labels),), i, device=device)
                states.append(self.p_sample(states[-1], labels, t, i))
            images = states[-1]
            if self.use_vae:
                images = self.vae.decoder(images)
            return self.postprocess(images)
        """,
    }, edits={"libs/ddpm.py": (("return images.clamp(0, 1) if self.use_vae else (images.clamp(-1, 1) + 1) / 2",
                               "if self.use_vae:\n            return images.clamp_(0, 1)\n        return images.clamp_(-1, 1).add_(1).mul_(0.5)"),)}),
    Variant("loss-by-hand", "the mean of squares, arguments exchanged, the encoder without no_grad", bodies={
        LOSS: """
            if self.use_vae is True:
                x_start = self.vae.encoder(x_start)
            if noise is None:
                noise = torch.randn(x_start.shape, device=x_start.device, dtype=x_start.dtype)
            predicted = self.model(self.q_sample(x_start, t, noise=noise), label, t)
            return torch.mean((noise - predicted) ** 2)
        """,
    }),
    Variant("loss-without-q-sample", "x_t inside of the loss", bodies={
        LOSS: """
            z = self.vae.encoder(x_start).detach() if self.use_vae else x_start
            eps = noise if noise is not None else torch.randn_like(z)
            signal, level = self.sqrt_alphas_cumprod[t], self.sqrt_one_minus_alphas_cumprod[t]
            x_t = signal[:, None, None, None] * z + level[:, None, None, None] * eps
            return nn.MSELoss()(eps, self.model(x_t, label, t))
        """,
    }),
    Variant("fourth-argument-renamed", "noise is called eps", bodies={
        LOSS: """
            if self.use_vae:
                with torch.no_grad():
                    x_start = self.vae.encoder(x_start)
            if eps is None:
                eps = torch.randn_like(x_start)
            return F.mse_loss(self.model(self.q_sample(x_start, t, eps), label, t), eps, reduction="mean")
        """,
    }, edits={"libs/ddpm.py": ((_GIVEN_LOSS, "def compute_loss(self, x_start, label, t, eps=None):"),)}),
    Variant("encoded-by-a-helper", "a helper method encodes, another decodes", bodies={
        LOSS: """
            x_start = self._to_latent(x_start)
            noise = torch.randn_like(x_start) if noise is None else noise
            loss = F.mse_loss(noise, self.model(self.q_sample(x_start, t, noise), label, t), reduction="none")
            return loss.mean(dim=(1, 2, 3)).mean()
        """,
    }, edits={"libs/ddpm.py": ((f"    {_GIVEN_LOSS}", f'''    @torch.no_grad()
    def _to_latent(self, images):
        return self.vae.encoder(images) if self.use_vae else images

    {_GIVEN_LOSS}'''),)}),
    Variant("edition-of-2025", "t drawn inside, and the loop is called generate", bodies={
        LOSS: """
            if self.use_vae:
                with torch.no_grad():
                    x_start = self.vae.encoder(x_start)
            if noise is None:
                noise = torch.randn_like(x_start)
            t = torch.randint(0, self.timesteps, (x_start.shape[0],), device=x_start.device).long()
            return F.mse_loss(self.model(self.q_sample(x_start=x_start, t=t, noise=noise), label, t), noise)
        """,
    }, edits={"libs/ddpm.py": (
        (_GIVEN_LOSS, "def compute_loss(self, x_start, label, noise=None):"), (_GIVEN_LOOP, "def generate(self, labels):"),
    )}),
    Variant("tables-on-the-cpu", "plain attributes, gathered on the CPU, as in the original", bodies={}, edits={"libs/ddpm.py": (
        ("self.register_buffer(name, table, persistent=False)", "setattr(self, name, table)"),
        (_EXTRACT, "out = a.gather(-1, t.cpu())\n        return out.reshape(t.shape[0], *((1,) * (len(x_shape) - 1))).to(t.device)"),
    )}),
    Variant("tables-of-ones-own", "more tables, made of the given ones in the constructor", bodies={
        Q: "bar = self.alpha_bars[t].reshape(-1, 1, 1, 1)\nreturn bar**0.5 * x_start + (1 - bar) ** 0.5 * noise",
        STEP: """
            alpha, bar = self.alphas[t_index], self.alpha_bars[t_index]
            mean = (x - (1 - alpha) / torch.sqrt(1 - bar) * self.model(x, label, t)) / torch.sqrt(alpha)
            return mean + torch.sqrt(1 - alpha) * torch.randn_like(x) if t_index > 0 else mean
        """,
    }, edits={"libs/ddpm.py": (("    @staticmethod\n    def _extract", '''        self.alphas = 1 - self.betas
        self.alpha_bars = torch.cumprod(self.alphas, dim=0)

    @staticmethod
    def _extract'''),)}),
)  # fmt: skip

DDIM: tuple[Variant, ...] = (
    Variant("ddim-strided", "times by arange and a stride, the step from numbers", bodies={
        DDIM_STEP: """
            now, before = int(t[0]), int(t_prev[0])
            bar = self.sqrt_alphas_cumprod[now].item() ** 2
            bar_prev = self.sqrt_alphas_cumprod[before].item() ** 2 if before >= 0 else 1.0
            eps = self.model(x, label, t)
            variance = eta**2 * (1 - bar_prev) / (1 - bar) * (1 - bar / bar_prev)
            x0 = (x - (1 - bar) ** 0.5 * eps) / bar**0.5
            x = bar_prev**0.5 * x0 + max(1 - bar_prev - variance, 0.0) ** 0.5 * eps
            return x + variance**0.5 * torch.randn_like(x) if variance > 0 else x
        """,
        DDIM_LOOP: """
            stride = self.timesteps // num_steps
            times = list(range(0, self.timesteps, stride))[:num_steps][::-1]
            x = torch.randn(len(labels), *self.img_shape, device=device)
            for i, t in enumerate(times):
                t_prev = times[i + 1] if i + 1 < len(times) else -1
                rows = torch.ones(len(labels), dtype=torch.long, device=device)
                x = self.p_sample(x, labels, rows * t, rows * t_prev, eta=eta)
            return self.postprocess(self.vae.decoder(x) if self.use_vae else x)
        """,
    }),
    Variant("ddim-padded-table", "ᾱ with a 1 before it", bodies={
        DDIM_STEP: """
            bars = torch.cat([torch.ones(1, device=x.device), self.sqrt_alphas_cumprod**2])
            bar, bar_prev = bars[t + 1].view(-1, 1, 1, 1), bars[t_prev + 1].view(-1, 1, 1, 1)
            eps = self.model(x, label, t)
            sigma = eta * torch.sqrt((1 - bar_prev) / (1 - bar)) * torch.sqrt(1 - bar / bar_prev)
            direction = torch.sqrt(torch.relu(1 - bar_prev - sigma.square())) * eps
            return torch.sqrt(bar_prev / bar) * (x - torch.sqrt(1 - bar) * eps) + direction + sigma * torch.randn_like(x)
        """,
    }),
    Variant("ddim-by-numpy", "times by NumPy's linspace, the labels repeated from a list", bodies={
        DDIM_LOOP: """
            import numpy as np

            times = np.linspace(0, self.timesteps - 1, num_steps).astype(int)[::-1]
            following = np.append(times[1:], -1)
            x = torch.randn([len(labels), *self.img_shape], device=device)
            for t, t_prev in zip(times.tolist(), following.tolist()):
                both = [torch.tensor([value] * len(labels), device=device) for value in (t, t_prev)]
                x = self.p_sample(x, labels, *both, eta)
            x = self.vae.decoder(x) if self.use_vae else x
            return self.postprocess(x)
        """,
    }),
)  # fmt: skip
