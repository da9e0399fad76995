"""Right solutions of ddpm.py: the training loss in other shapes."""

from autograder.assignments.kaist.variants.places import LOSS
from autograder.grading.mutants import Variant

VARIANTS: tuple[Variant, ...] = (
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
