"""Judgement of the tables: those that are there, at module level or as buffers of DDPM; the functions show what is made of them."""

from typing import Any

import numpy as np

from autograder.assignments.minimal_diffusion.interface import COURSE, FOR_IMAGES, Durham
from autograder.grading.checks import Note, WrongAnswer, expect_finite
from autograder.grading.seeds import Draw
from autograder.judges.loss import run_loss
from autograder.sandbox.failures import Raised, StudentFailure
from autograder.sandbox.proxies import Handle, describe

TOLERANCE = 1e-3  # relative; float32 loses 2e-4 of √(1 − ᾱ_1), and an index off by one changes β_T by 3e-3
TABLES, T = COURSE.by_name, COURSE.last
WITHOUT_ROUNDING = {"alpha_t": 1e-6, "alphabar_t": 2e-5, "sqrtab": 2e-5, "oneover_sqrta": 1e-6}


def judge_tables(course: Durham, draw: Draw, note: Note) -> None:
    """Every table that is there is right for t = 1 … T. Entry 0 serves nobody: what is in it counts in ᾱ_t only."""
    module = course.student.module("ddpm")
    found = {name: _read(module, name) for name in TABLES}
    absent = [name for name, value in found.items() if value is None]
    if absent:
        model = _model(module)
        found |= {name: _read(model, name) if model else None for name in absent}
    there = {name: value for name, value in found.items() if value is not None}
    faults = {name: fault for name, value in there.items() if (fault := _fault(name, value, note))}
    if absent and (needed := _imported(course, absent)):
        note(f"{needed} is asked for in vain", 1, 0)
        faults[needed] = f"{needed} must be one of the tables of ddpm.py: conditional.py imports it from there."
    flat = [name for name, value in there.items() if name in FOR_IMAGES and name not in faults and value.shape != (T + 1, 1, 1, 1)]
    if flat and not _multiplies_images(course, draw):
        note("tables without the extra dimensions", len(flat), 0)
        faults[flat[0]] = f"{flat[0]} must have shape {(T + 1, 1, 1, 1)}, so that {flat[0]}[t] multiplies images; yours has {there[flat[0]].shape}."
    note.measured_work(len(there.keys() - faults.keys()) > 0 or any(map(_is_computed, there.values())))
    for fault in faults.values():
        raise WrongAnswer(fault)
    if not {"sqrtab", "sqrtmab"} <= there.keys():  # by other names: what DDPM.forward does shows them
        run_loss(course, draw, (4096, *course.sample_shape), note)
        note.measured_work(True)


def _is_computed(value: Any) -> bool:
    """Whether a table rises or falls all the way, and not along a line, as neither constants nor noise nor t itself do."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.size < T // 2 or not np.isfinite(value).all():
        return False
    table = value.ravel().astype(np.float64)
    steps = np.diff(table) * np.sign(table[-1] - table[0])
    line = np.linspace(table[0], table[-1], table.size)
    return bool((steps > 0).all() and abs(table - line).max() > 1e-2 * abs(table[-1] - table[0]))


def _multiplies_images(course: Durham, draw: Draw) -> bool:
    """Whether DDPM.forward makes something of a flat table: then its shape is its own affair."""
    try:
        run_loss(course, draw, (64, *course.sample_shape), Note())
    except (WrongAnswer, StudentFailure):
        return False
    return True


def _imported(course: Durham, absent: list[str]) -> str:
    """A table that conditional.py asks ddpm.py for in vain, or ""."""
    try:
        course.student.module("conditional")
    except Raised as error:
        return next((name for name in absent if error.type_name == "ImportError" and f"'{name}'" in error.text), "")
    except StudentFailure:
        pass
    return ""


def _read(owner: Handle, name: str) -> Any:
    try:
        return owner.get(name)
    except Raised:
        return None


def _model(module: Handle) -> Handle | None:
    try:
        return module.new("DDPM")
    except Raised:
        return None


def _fault(name: str, value: Any, note: Note) -> str | None:
    right = TABLES[name]
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return f"{name} must be a tensor of numbers, one for each t of 0 … {T}; yours is {describe(value)}."
    note(f"size of {name}", value.size, 0)
    if value.size != T + 1:
        return f"{name} must have {T + 1} entries, one for each t of 0 … {T}, so that {name}[t] belongs to t; yours has {value.size}."
    if name not in FOR_IMAGES and len(value) != value.size:
        return f"The entries of {name} must lie along its first axis, so that {name}[t] belongs to t; yours has shape {value.shape}."
    got = expect_finite(value, name).ravel()
    note(f"ends of {name}", (got[1], got[2], got[T // 2], got[T]), 1e-5)
    tolerance = WITHOUT_ROUNDING.get(name, TOLERANCE)
    wrong = np.flatnonzero(abs(got - right)[1:] > tolerance * abs(right[1:])) + 1
    if not wrong.size:
        return None
    t = int(wrong[0] if len(wrong) < T / 2 else wrong[len(wrong) // 2])
    return f"{name}[{t}] must be {right[t]:.6g}; yours is {got[t]:.6g}, and {wrong.size} of {T} entries are off."

