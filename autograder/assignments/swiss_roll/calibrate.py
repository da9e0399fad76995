"""`autograder calibrate`: measure how the outcome of an assignment is distributed, so that its rule rests on figures.

For the solution, some variants and the worst misconceptions, the pipeline is trained many times. Each training is
judged twice: by the original course's rule (last iterate, one draw of each sampler) and by ours (outcome.py). Every
training is a line in a ledger, so an interrupted run goes on where it stopped.
"""

import json
import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.progress import Progress
from scipy import stats

from autograder.assignments.swiss_roll.outcome import Outcome
from autograder.assignments.swiss_roll.points import chamfer_distance
from autograder.assignments.swiss_roll.rule import Rule
from autograder.assignments.swiss_roll.stand_ins import LOSS, NETWORK, SAMPLERS, Plan
from autograder.grading.checks import WrongAnswer
from autograder.grading.mutants import (
    apply_misconceptions,
    apply_variant,
    misconceptions,
    solution_files,
    variant_called,
    variants,
)
from autograder.grading.outcome import OutcomeContext
from autograder.grading.pool import run_jobs
from autograder.grading.seeds import Draw
from autograder.manifest import Manifest, load_manifest
from autograder.report import make_console
from autograder.sandbox.failures import StudentFailure
from autograder.sandbox.launcher import Sandbox

SECRET = b"calibration, which is no secret"


@dataclass(frozen=True)
class Subject:
    """What is trained: ("solution", ""), ("variant", id) or ("misconception", id). `shared`: with weights of the reference's trainings."""

    kind: str
    id: str
    shared: bool = False

    def __str__(self) -> str:
        return self.id or self.kind


def _files(manifest: Manifest, subject: Subject) -> dict[str, bytes]:
    if subject.kind == "variant":
        return apply_variant(manifest, variant_called(manifest, subject.id))
    if subject.kind == "misconception":
        return apply_misconceptions(manifest, (next(m for m in misconceptions(manifest) if m.id == subject.id),))
    return solution_files(manifest)


def measure(sandbox: Sandbox, job: tuple[str, Subject, int]) -> dict[str, Any]:
    """One training. Chamfer distances with averaged weights (several draws) and with the last iterate (one draw)."""
    assignment, subject, index = job
    manifest = load_manifest(assignment)
    digest = f"calibration {index}"
    context = OutcomeContext(
        manifest, sandbox, _files(manifest, subject), manifest.limits, SECRET, digest, outcome="shared" if subject.shared else "own", threads=1
    )
    outcome = Outcome(context)
    plan = Plan()
    line: dict[str, Any] = {"kind": subject.kind, "id": subject.id, "shared": subject.shared, "index": index}
    try:
        if subject.shared:
            return line | _by_a_shared_training(outcome)
        trained = outcome.trainer.train(plan, 0, outcome.trainer.open_lanes(plan))
        line["seconds"] = round(trained.seconds, 1)
        for sampler in SAMPLERS:
            line[sampler] = outcome.measure(sampler, plan, trained, outcome.rule.threshold(sampler)).draws
        trained.network.worker.request("swap_weights", {})
        for sampler in SAMPLERS:
            draw = Draw(SECRET, digest, f"last iterate {sampler}")
            samples = outcome.sampling.sample(sampler, plan, trained.model, trained.eps_theta, len(outcome.target), draw)
            line[f"{sampler} last"] = round(chamfer_distance(samples, outcome.target), 2)
    except (StudentFailure, WrongAnswer) as error:
        line["error"] = f"{type(error).__name__}: {error}"[:300]
    finally:
        outcome.close()
    return line


def _by_a_shared_training(outcome: Outcome) -> dict[str, Any]:
    """Of code that has passed all checks. "why": it is trained by itself, and why."""
    trained = outcome.shared.trained(Plan(), 0, frozenset((*NETWORK, *LOSS)))
    if trained is None:
        return {"why": outcome.shared.reason}
    return {name: outcome.measure(name, Plan(), trained, outcome.rule.threshold(name)).draws for name in SAMPLERS}


def calibrate(
    manifest: Manifest, subjects: Sequence[tuple[Subject, int]], ledger: Path, processes: int | None = None
) -> list[dict[str, Any]]:
    """Do what is not yet in the ledger, with a progress bar, and return all of its lines that were asked for."""
    lines = _read(ledger)
    done = {(*_subject(line), line["index"]) for line in lines}
    jobs = [
        (manifest.id, subject, index)
        for index in range(max((count for _, count in subjects), default=0))
        for subject, count in subjects
        if index < count and (*astuple(subject), index) not in done
    ]
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with Progress(console=make_console()) as progress, open(ledger, "a", encoding="utf-8") as file:
        bar = progress.add_task("trainings", total=len(jobs) + len(lines), completed=len(lines))
        if jobs:
            for _, line in run_jobs(measure, jobs, processes):
                file.write(json.dumps(line) + "\n")
                file.flush()
                lines.append(line)
                progress.advance(bar)
    wanted = {astuple(subject) for subject, _ in subjects}
    return [line for line in lines if _subject(line) in wanted]


def _subject(line: dict[str, Any]) -> tuple[str, str, bool]:
    return line["kind"], line["id"], line.get("shared", False)


def _read(ledger: Path) -> list[dict[str, Any]]:
    if not ledger.exists():
        return []
    lines = []
    for text in ledger.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue  # the line that was being written when the run was killed
    return lines


def table(manifest: Manifest, lines: Iterable[dict[str, Any]]) -> str:
    """The measurements as Markdown: distribution of the Chamfer distances, and how often each rule passes."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        groups.setdefault((line["kind"], line["id"]), []).append(line)
    rule = manifest.outcome
    assert isinstance(rule, Rule)
    rows = [
        "| trained | n | sampler | last iterate, one draw: min / median / max | original rule fails "
        "| averaged weights: min / median / max | one training fails | "
        f"our rule fails (best of {rule.max_trainings}) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (kind, identifier), group in groups.items():
        usable = [line for line in group if "error" not in line]
        for sampler in SAMPLERS:
            threshold = rule.threshold(sampler)
            last = [line[f"{sampler} last"] for line in usable]
            ours = [median(line[sampler]) for line in usable]
            if not ours:
                rows.append(
                    f"| {identifier or kind} | {len(group)} | {sampler.upper()} | gives no samples | all | gives no samples | all | all |"
                )
                continue
            failed_last, failed = sum(v >= threshold for v in last), sum(v >= threshold for v in ours)
            rows.append(
                f"| {identifier or kind} | {len(usable)} | {sampler.upper()} | {_spread(last)} | {failed_last} of {len(last)} | {_spread(ours)} | "
                f"{failed} of {len(ours)} | {_best_of(failed, len(ours), rule.max_trainings)} |"
            )
    return "\n".join(rows)


def shared_table(manifest: Manifest, lines: Iterable[dict[str, Any]]) -> str:
    """Shared trainings as Markdown: how many right forms are judged by them, and how the distances are distributed over all."""
    lines = [*lines]
    rule = manifest.outcome
    assert isinstance(rule, Rule)
    used = [line for line in lines if "why" not in line and "error" not in line]
    apart = {line["id"]: line.get("why") or line.get("error") for line in lines if line not in used}
    rows = [
        f"{len({line['id'] for line in used})} right forms are judged by shared trainings; trained by themselves are {len(apart)}: "
        + ("; ".join(f"`{name}`, because {why}" for name, why in apart.items()) or "none")
        + ".",
        "",
        "| sampler | gradings | distance: min / median / max | one shared training fails |",
        "|---|---:|---|---|",
    ]
    for sampler in SAMPLERS:
        found = [median(line[sampler]) for line in used]
        failed = sum(value >= rule.threshold(sampler) for value in found)
        rows.append(f"| {sampler.upper()} | {len(found)} | {_spread(found)} | {failed} of {len(found)} (at most {_upper(failed, len(found)):.2g}) |")
    return "\n".join(rows)


def _best_of(failed: int, count: int, trainings: int) -> str:
    """Estimate and 95 % upper bound (Clopper and Pearson) of the probability that all of `trainings` independent
    trainings fail.
    """
    return f"{(failed / count) ** trainings:.2g} (at most {_upper(failed, count) ** trainings:.2g})"


def _upper(failed: int, count: int) -> float:
    """95 % upper bound (Clopper and Pearson) of a probability."""
    return float(stats.beta.ppf(0.95, failed + 1, count - failed)) if failed < count else 1.0


def _spread(values: list[float]) -> str:
    return f"{min(values):.1f} / {np.median(values):.1f} / {max(values):.1f}"


def machine() -> str:
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


VARIANTS = ("sequential-that-takes-t", "posterior-variance", "float64-inside")
MISCONCEPTIONS = (  # known to reach a passing distance, or to come near it
    "silu-for-relu", "plain-linear-last", "noise-at-t-0", "no-noise-at-t-1", "loop-stops-at-t-1", "one-t-for-the-batch",
)  # fmt: skip


def run(manifest: Manifest, trainings: int, ledger: Path, processes: int | None) -> str:
    """Train the solution and three variants `trainings` times each, each of the worst misconceptions a tenth; judge the solution by shared
    trainings `trainings` times, and each variant a fifth of that; the tables as Markdown.
    """
    subjects = [(Subject("solution", ""), trainings)]
    subjects += [(Subject("variant", name), trainings) for name in VARIANTS]
    subjects += [(Subject("misconception", name), math.ceil(trainings / 10)) for name in MISCONCEPTIONS]
    shared = [(Subject("solution", "", shared=True), trainings)]
    shared += [(Subject("variant", variant.id, shared=True), math.ceil(trainings / 5)) for variant in variants(manifest)]
    by_itself = table(manifest, calibrate(manifest, subjects, ledger, processes))
    return f"{by_itself}\n\n{shared_table(manifest, calibrate(manifest, shared, ledger, processes))}\n\nMeasured on {machine()}."
