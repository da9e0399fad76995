"""Trainings, which run in the worker from beginning to end, so that no step waits for the grader."""

import gc
from collections.abc import Callable, Iterable

import torch
from torch.optim.adam import adam


class FusedAdam:
    """Adam as torch.optim.Adam(parameters, lr, fused=True) does it, to the last bit, by torch's functional form.

    The class imports torch's compiler when it is made, which costs seconds in every fresh worker, and does bookkeeping at every step.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], learning_rate: float):
        self.parameters, self.learning_rate = parameters, learning_rate
        self.first_moments = [torch.zeros_like(p) for p in parameters]
        self.second_moments = [torch.zeros_like(p) for p in parameters]
        self.steps = [torch.zeros((), dtype=torch.float32) for _ in parameters]

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        having = [i for i, p in enumerate(self.parameters) if p.grad is not None]
        if not having:
            return
        adam(
            [self.parameters[i] for i in having],
            [p.grad for p in self.parameters if p.grad is not None],
            [self.first_moments[i] for i in having],
            [self.second_moments[i] for i in having],
            [],
            [self.steps[i] for i in having],
            fused=True, amsgrad=False, beta1=0.9, beta2=0.999, lr=self.learning_rate, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip


class Training:
    """Adam with a constant rate. The weights end as the mean of every tenth of the `average_last` last iterates (Polyak and Juditsky, 1992).

    `report_every`: iterations between two reports.
    """

    def __init__(
        self, parameters: Iterable[torch.nn.Parameter], learning_rate: float, average_last: int, report_every: int
    ):
        self.parameters = [p for p in parameters if p.requires_grad]
        self.adam = FusedAdam(self.parameters, learning_rate)
        self.average_last, self.report_every = average_last, report_every
        self.sums, self.summed = [torch.zeros_like(p) for p in self.parameters], 0
        self.other_weights: list[torch.Tensor] = []

    def run(
        self, steps: int, loss_of: Callable[[int], torch.Tensor], report: Callable[[int, float], None]
    ) -> torch.Tensor:
        """The losses, (steps,). `loss_of(i)`: the loss in iteration i; `report(done, loss)`: called in between."""
        losses = torch.empty(steps)
        gc.disable()
        for i in range(steps):
            losses[i] = self._step(loss_of(i))
            if i >= steps - self.average_last and (steps - 1 - i) % 10 == 0:
                torch._foreach_add_(self.sums, [p.detach() for p in self.parameters])
                self.summed += 1
            if (i + 1) % self.report_every == 0:
                gc.collect(0)
                report(i + 1, float(losses[i]))
        gc.enable()
        self.other_weights = [total / max(self.summed, 1) for total in self.sums]
        if self.summed:
            self.swap_weights()
        return losses

    def _step(self, loss: torch.Tensor) -> torch.Tensor:
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        self.adam.step()
        return loss.detach()

    def swap_weights(self) -> None:
        """Exchange the averaged weights and those of the last iterate."""
        with torch.no_grad():
            for parameter, other in zip(self.parameters, self.other_weights):
                kept = parameter.clone()
                parameter.copy_(other)
                other.copy_(kept)
