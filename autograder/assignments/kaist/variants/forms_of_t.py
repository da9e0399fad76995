"""Right solutions of ddpm.py: t in the forms that students give and take it."""

from autograder.assignments.kaist.variants.places import DDIM, DDIM_LOOP, DDPM_IMPORTS, LOSS, P_SAMPLE, P_SAMPLE_LOOP
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (
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
        edits={"ddpm.py": ((DDPM_IMPORTS, "import math\n" + DDPM_IMPORTS),)},
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
