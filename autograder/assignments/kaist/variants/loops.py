"""Right solutions of ddpm.py: sampling loops in other shapes."""

from autograder.assignments.kaist.variants.places import (
    BEFORE_SAVE,
    DDIM,
    DDIM_LOOP,
    DDIM_LOOP_SIGNATURE,
    DDIM_SIGNATURE,
    DDPM_IMPORTS,
    LOSS,
    P_LOOP_SIGNATURE,
    P_SAMPLE,
    P_SAMPLE_LOOP,
    P_SIGNATURE,
)
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (
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
                    BEFORE_SAVE,
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
                    "            yield xt\n\n" + BEFORE_SAVE,
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
                (P_LOOP_SIGNATURE, "def p_sample_loop(self, shape, return_trajectory=False):"),
                (
                    DDIM_LOOP_SIGNATURE,
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
                (P_SIGNATURE, "def p_sample(self, xt: torch.Tensor, t: torch.Tensor, generator=None):"),
                (P_LOOP_SIGNATURE, "def p_sample_loop(self, shape, generator=None):"),
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
        edits={"ddpm.py": ((DDIM_SIGNATURE, DDIM_SIGNATURE.replace("0.0):", "0.0, return_x0=False):")),)},
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
        edits={"ddpm.py": ((DDPM_IMPORTS, DDPM_IMPORTS + "from tqdm.auto import tqdm\n"),)},
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
        edits={"ddpm.py": ((DDPM_IMPORTS, "import functools\n" + DDPM_IMPORTS),)},
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
