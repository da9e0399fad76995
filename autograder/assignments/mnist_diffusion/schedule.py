"""The schedule of a submission: in which of the right layouts its tables are, and whether their numbers are right.

Tables have T or T + 1 entries, with ᾱ_0 = 1 or α_0, and t counts from 0 or from 1: what must hold is that schedule, loss and sampler agree.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.grading.checks import Floats, Note, WrongAnswer, expect
from autograder.grading.seeds import Draw
from autograder.oracles.schedule import Schedule
from autograder.oracles.tolerance import near
from autograder.sandbox.proxies import Student, describe


@dataclass(frozen=True)
class Betas:
    """What ddpm_schedule is given."""

    first: float
    last: float
    steps: int

    @classmethod
    def drawn(cls, draw: Draw) -> "Betas":
        """Few steps and large β, since small ones hide mistakes."""
        return cls(float(draw.uniform(1e-3, 2e-3)), float(draw.uniform(0.2, 0.28)), draw.integer(13, 17))


@dataclass(frozen=True)
class Layout:
    """A way to lay out the same schedule. `betas`: of the tables; `schedule`: of the rows that are used, in which ᾱ_0 = 1 is a row of β = 0."""

    betas: Floats
    schedule: Schedule

    @property
    def tables(self) -> dict[str, Floats]:
        """As ddpm_schedule returns them."""
        bars: Floats = np.multiply.accumulate(1 - self.betas)
        return {"betas": self.betas, "alphas": 1 - self.betas, "alpha_bars": bars}

    def fits(self, alpha_bars: Floats) -> bool:
        """Whether these are its ᾱ, to float32."""
        right = self.tables["alpha_bars"]
        return alpha_bars.shape == right.shape and near(alpha_bars, right, 1e-5 * right + 1e-7)


COURSE = Betas(1e-4, 0.02, 300)


def layouts(betas: Betas) -> list[Layout]:
    """All that are right: T + 1 entries with ᾱ_0 = 1 for t of 1 … T, the course's own; T entries for 0 … T − 1; T + 1 with ᾱ_0 = α_0, of which
    1 … T, all, or all but the last are used; and the first two with β_1 = beta1 in the one and without β_0 in the other.
    """
    line, short = np.linspace(betas.first, betas.last, betas.steps + 1), np.linspace(betas.first, betas.last, betas.steps)
    from_1, from_1_short = (np.concatenate([[0.0], values]) for values in (line[1:], short))
    return [
        Layout(from_1, Schedule(from_1, 1)),
        Layout(short, Schedule(short)),
        Layout(line, Schedule(line, 1)),
        Layout(line, Schedule(line)),
        Layout(line, Schedule(line[:-1])),
        Layout(from_1_short, Schedule(from_1_short, 1)),
        Layout(line[1:], Schedule(line[1:])),
    ]


def read_tables(value: Any) -> dict[str, Any] | None:
    """β, α and ᾱ of what ddpm_schedule returned: a dictionary, by the course's names or in their order, or three tensors."""
    if isinstance(value, dict):
        named = {name: value[name] for name in ("betas", "alphas", "alpha_bars") if name in value}
        if len(named) == 3:
            return named
        value = list(value.values())
    if isinstance(value, (list, tuple)) and len(value) == 3:
        return dict(zip(("betas", "alphas", "alpha_bars"), value))
    return None


def own_layouts(student: Student, betas: Betas) -> list[Layout]:
    """The layouts that the student's tables have; all where they cannot be read."""
    tables = read_tables(student.module("time_conditional").call("ddpm_schedule", betas.first, betas.last, betas.steps))
    bars = None if tables is None else tables["alpha_bars"]
    if not isinstance(bars, np.ndarray):
        return layouts(betas)
    return [one for one in layouts(betas) if one.fits(bars.ravel().astype(np.float64))] or layouts(betas)


def judge_schedule(student: Student, draw: Draw, note: Note) -> None:
    """The tables of secret β: T or T + 1 entries, evenly spaced, α = 1 − β, ᾱ the running product, in one of `layouts`. Raises WrongAnswer."""
    for betas in (Betas.drawn(draw), COURSE):
        value = student.module("time_conditional").call("ddpm_schedule", betas.first, betas.last, betas.steps)
        tables = read_tables(value)
        if tables is None:
            raise WrongAnswer(f"ddpm_schedule must return a dictionary with betas, alphas and alpha_bars; yours returned {describe(value)}.")
        T = betas.steps
        for name, table in tables.items():
            right = isinstance(table, np.ndarray) and table.dtype.kind == "f"
            expect(right, f"{name} must be a tensor of numbers, one for each t; yours is {describe(table)}.")
            note(f"entries of {name}, less T", table.size - T, 0)
            expect(
                table.size in (T, T + 1),
                f"With num_ts = {T}, {name} must have {T} or {T + 1} entries, one for each t; yours has {table.size}.",
            )
        _judge_numbers({name: table.ravel().astype(np.float64) for name, table in tables.items()}, betas, note)


def _judge_numbers(tables: dict[str, Floats], betas: Betas, note: Note) -> None:
    """β and α of t = 1 … T are those of the layout that ᾱ is in; entry 0 of theirs serves nobody."""
    T, bars = betas.steps, tables["alpha_bars"]
    for name, table in tables.items():
        note(f"ends of {name}, T = {'secret' if T < 100 else T}", (table[-T], table[-1]), 1e-5)
        note.measured_work(bool(np.isfinite(table).all() and np.ptp(np.diff(table)) > 1e-5))
    of_size = [one for one in layouts(betas) if len(one.betas) == len(bars)]
    fitting = [one for one in of_size if one.fits(bars)]
    layout = next(iter(fitting), min(of_size, key=lambda one: float(np.median(abs(bars - one.tables["alpha_bars"])))))
    for name in ("betas", "alphas", "alpha_bars"):
        table, expected = tables[name][-T:], layout.tables[name][-T:]
        wrong = np.flatnonzero(~(abs(table - expected) <= 1e-5 * abs(expected) + 1e-7))
        if wrong.size:
            t = int(wrong[len(wrong) // 2])
            entry = f"{name}[{t + tables[name].size - T}]"
            raise WrongAnswer(
                f"With beta1 = {betas.first:.4g}, beta2 = {betas.last:.4g} and num_ts = {T}, {entry} must be {expected[t]:.6g}; "
                f"yours is {table[t]:.6g}, and {wrong.size} of {T} entries are off."
            )
    expect(fitting, f"alpha_bars[0] must be 1, the product of no α, or α_0; yours is {bars[0]:.6g}.")
