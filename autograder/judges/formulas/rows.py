"""What the formulas are made of: the tables of a schedule at one t."""

from types import SimpleNamespace
from typing import Any

from autograder.grading.checks import Note
from autograder.oracles.schedule import Schedule

Step = SimpleNamespace  # s: the schedule; T, t; beta, alpha, bar = ᾱ_t, before = ᾱ_{t−1}, and for DDIM t_prev and eta


def at(s: Schedule, t: int) -> Step:
    """The tables at t; an index below 0 reads them from their end, as it does in a student's code."""
    return Step(
        s=s,
        T=s.num_timesteps,
        t=t,
        beta=s.betas[t],
        alpha=s.alphas[t],
        bar=s.alphas_cumprod[t],
        before=s.alphas_cumprod_prev[t],
    )


def changed(v: Step, **changes: Any) -> Step:
    return Step(**{**vars(v), **changes})


def shifted(s: Schedule, t: int) -> Step:
    return changed(at(s, max(t - 1, 0)), t=t)


def schedule_of(note: Note) -> Schedule | None:
    return note.inputs.get("schedule")


def swapped(v: Step, one: str, other: str) -> Step:
    return changed(v, **{one: getattr(v, other), other: getattr(v, one)})
