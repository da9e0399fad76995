"""A class that was never taught: names, verdicts and pictures as grading would leave them, made from a seed in a second."""

import dataclasses
import itertools
import os
import random
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from autograder.assignments.swiss_roll.points import swiss_roll
from autograder.classroom.records import Graded, HandedIn
from autograder.grading.mutants import misconceptions
from autograder.grading.publishing import refused_verdict
from autograder.grading.rubric import load_rubric
from autograder.manifest import load_manifest
from autograder.regions import shortest
from autograder.report.figures import samples_scatter
from autograder.verdict import CheckResult, Notice, Verdict

FIRST = re.findall(
    r"\w+",
    "Ada Grace Emmy Sofia Mary Chien Maryam Katherine Hedy Rosalind Alan Kurt Carl Srinivasa Évariste Niels Paul Enrico Wolfgang Hideki "
    "Yusuf Ngozi Léa Jürgen Søren Zoë Minjun Seoyeon Jiho Haruto Yui Priya Arjun Fatima Omar Lucía Mateo Olga Dmitri Ingrid",
)
LAST = re.findall(
    r"\w+",
    "Kim Park Lee Choi Jung Noether Lovelace Hopper Turing Gauss Euler Fourier Laplace Markov Wiener Itō Langevin Boltzmann Maxwell "
    "Okafor Nguyễn García Müller Ångström Öztürk Şahin Novák Kovács Silva Rossi",
)
LAYERS = "process, user, files, network"


@cache
def _rubric():
    manifest = load_manifest("swiss_roll")
    return manifest, load_rubric(manifest), misconceptions(manifest)


@cache
def _pending() -> Verdict:
    """The verdict before the first check."""
    return dataclasses.replace(refused_verdict(_rubric()[0], "", ""), state="running")


def make_class(size: int = 200, seed: int = 6) -> list[Graded]:
    """`size` students of the Swiss-roll assignment: most of them good, some with known mistakes, a few in trouble."""
    generator = random.Random(seed)
    people = [f"{first} {last}" for first, last in itertools.product(FIRST, LAST)]
    generator.shuffle(people)
    folders = (f"reports/{number:03d}" for number in range(size))
    return [_student(name, folder, index, generator) for index, (name, folder) in enumerate(zip(people, folders))]


def _student(name: str, folder: str, index: int, generator: random.Random) -> Graded:
    identifier = f"2024{generator.randrange(10_000, 99_999)}{index:03d}"  # nobody else has it
    file = f"{name.replace(' ', '_').upper()}_{identifier}.zip"
    handed_in = HandedIn(Path(file), name, identifier, submitted_at="2024-10-14T21:40:00+09:00")
    return Graded(handed_in, make_verdict(file, index, generator), folder)


def make_verdict(file: str, index: int, generator: random.Random) -> Verdict:
    manifest, _, known = _rubric()
    if index % 61 == 17:
        return refused_verdict(manifest, file, f"{file} is damaged: the archive ends too early; make the zip again.")
    verdict = dataclasses.replace(_pending(), submission=file)
    level = min(generator.random() ** 0.6, 1.0)
    popular = known[:: max(len(known) // 18, 1)]
    weights = [1 / (rank + 1) for rank in range(len(popular))]
    chosen = generator.choices(popular, weights, k=generator.choice([0, 0, 1, 1, 2, 3, 5]) if level < 0.85 else 0)
    missing = {generator.choice(["p_sample", "compute_loss", "ddim_p_sample_loop"])} if level < 0.2 else set()
    regions = {m.region: m for m in chosen}
    checks = tuple(_check(check, regions, missing, generator) for check in verdict.checks)
    notices: list[Notice] = [
        Notice("staff", "Copies of training images were not looked for: there is no bank of them.")
    ]
    if index % 97 == 5:
        notices.append(Notice("staff", f"{generator.randrange(12, 60)} of 500 samples are nearly the same image."))
    if index % 31 == 9:
        notices.append(Notice("outside_todo", "ddpm.py, line 31: changed outside the TODO regions: extract."))
    if index % 23 == 4:
        notices.append(Notice("hard_coded_device", "A device is written into the code.", deduction=2.0))
    if index % 149 == 30:
        checks = (
            *checks[:3],
            dataclasses.replace(checks[3], status="grader_error", message="MemoryError"),
            *checks[4:],
        )
    state = "interrupted" if index % 113 == 40 else "complete"
    if state == "interrupted":
        checks = (*checks[:5], *(dataclasses.replace(c, status="not_run", points=0.0, evidence={}) for c in checks[5:]))
    return dataclasses.replace(
        verdict,
        checks=checks,
        notices=tuple(notices),
        state=state,
        reason="the machine was shut down" if state == "interrupted" else "",
        digest=f"{index:064x}",
        environment={"grader": "0.1.0", "isolation": "process" if index % 131 == 70 else LAYERS},
        seconds=round(generator.lognormvariate(4.2, 0.25), 3),
        **_memory(generator),
    )


def _memory(generator: random.Random) -> dict[str, float]:
    names = {field.name for field in dataclasses.fields(Verdict)}
    return {"peak_megabytes": round(generator.lognormvariate(5.2, 0.3), 1)} if "peak_megabytes" in names else {}


def _check(check: CheckResult, regions: dict, missing: set[str], generator: random.Random) -> CheckResult:
    _, rubric, _ = _rubric()
    judged = next(c for c in rubric if c.id == check.id)
    seconds = round(generator.uniform(0.01, 0.4), 3)
    if check.task == "1-5":
        sampler = "ddim" if "ddim" in check.id else "ddpm"
        value = round(generator.lognormvariate(np.log(14 if sampler == "ddpm" else 27), 0.22), 2)
        if missing:
            return dataclasses.replace(check, status="failed", message="Not everything that this needs is done.")
        passed = value < (20 if sampler == "ddpm" else 40)
        evidence = {"training 1": [value], "Chamfer distance": value}
        return dataclasses.replace(
            check, status="passed" if passed else "failed", points=check.max_points * passed, evidence=evidence,
            message="" if passed else f"The Chamfer distance of the training must be below 20; yours is {value}.",
        )  # fmt: skip
    if shortest(judged.mark.region) in missing:
        return dataclasses.replace(check, status="broken", message="NotImplementedError: TODO", seconds=seconds)
    mistake = next((regions[name] for name in judged.regions if name in regions), None)
    if mistake and generator.random() < 0.8:
        ids = (mistake.id,) if generator.random() < 0.85 else ()
        return dataclasses.replace(
            check, status="failed", message="At t = 16 it differs.", hint=mistake.explanation if ids else "Look at it.",
            misconceptions=ids, seconds=seconds,
        )  # fmt: skip
    return dataclasses.replace(check, status="passed", points=check.max_points, seconds=seconds)


def write_reports_of(home: Path, graded: Sequence[Graded]) -> None:
    """A little report and a picture of samples for each of them, below `home`; the pictures are a few, linked often."""
    generator = np.random.default_rng(3)
    target = swiss_roll(2048, generator)
    pictures = home / "pictures"
    pictures.mkdir(parents=True)
    for index, noise in enumerate((0.03, 0.06, 0.1, 0.15, 0.4, 1.2)):
        samples = swiss_roll(2048, generator) + noise * generator.standard_normal((2048, 2))
        (pictures / f"{index}.png").write_bytes(samples_scatter(target, samples, "DDPM").png)
    for number, item in enumerate(graded):
        folder = home / item.folder
        (folder / "figures").mkdir(parents=True)
        (folder / "report.html").write_text(f"<!doctype html><title>Report {number}</title><h1>Report {number}</h1>")
        if item.verdict.state == "complete":
            os.link(pictures / f"{min(number % 9, 5)}.png", folder / "figures" / "samples_ddpm.png")
