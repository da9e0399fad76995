"""Known wrong and known right versions of the regions of an assignment, and how to make whole submissions of them.

`misconceptions.py` and `variants.py` of an assignment hold tuples MISCONCEPTIONS and VARIANTS of these records.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from autograder.grading.formulas import Algorithm
from autograder.manifest import Manifest
from autograder.markers import find_region, regions, replace_solution, strip_markers


@dataclass(frozen=True)
class Misconception:
    """A known wrong version of one region. It must lose points in `task`, and there only.

    Either `edits` (pairs of old and new text; each old text occurs exactly once in the solution of the region) or a
    whole new `body`. `explanation` is for the student: which equation, what to look at; never the answer.

    `failure`: regular expressions for the whole of an exception's name and of its text, where the mistake is known by these alone.
    """

    id: str  # "noise-at-t-0"
    task: str  # "1-2"
    region: str  # "ddpm.py:DiffusionModule.p_sample", as in the manifest
    explanation: str
    edits: tuple[tuple[str, str], ...] = ()
    body: str = ""
    failure: tuple[str, str] | None = None
    is_no_work: bool = False  # does no more than a body without work: the outcome is lost with it (grading.work)


@dataclass(frozen=True)
class Variant:
    """A right solution of another shape: it must get full marks.

    `bodies` replaces the answers of regions, by the manifest's names; `edits` changes text anywhere in a file (file
    name → pairs of old and new), for helper methods, imports and default arguments; `files` adds helper modules.
    """

    id: str  # "sequential-layers"
    description: str
    bodies: Mapping[str, str] = field(default_factory=dict)
    edits: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@cache
def solution_texts(manifest_id: str) -> dict[str, str]:
    """The solution files that hold TODO regions, with their markers."""
    from autograder.manifest import load_manifest

    manifest = load_manifest(manifest_id)
    return {name: (manifest.solution / name).read_text(encoding="utf-8") for name in manifest.files.todo}


def solution_files(manifest: Manifest) -> dict[str, bytes]:
    """The solution as a student would hand it in, together with the given files."""
    texts = solution_texts(manifest.id)
    files = {name: strip_markers(text, name).encode() for name, text in texts.items()}
    return files | {name: (manifest.solution / name).read_bytes() for name in manifest.files.given} | manifest.listed_data()


def misconceptions(manifest: Manifest) -> tuple[Misconception, ...]:
    return importlib.import_module(f"autograder.assignments.{manifest.id}.misconceptions").MISCONCEPTIONS


def right_forms(manifest: Manifest) -> tuple[Misconception, ...]:
    """Other right versions of regions, in which mistakes are looked for too; made as misconceptions are, and none."""
    return importlib.import_module(f"autograder.assignments.{manifest.id}.misconceptions").RIGHT_FORMS


def algorithms(manifest: Manifest) -> Mapping[str, Algorithm]:
    """Known mistakes as formulas, by the name by which checks call a region."""
    return importlib.import_module(f"autograder.assignments.{manifest.id}.misconceptions").ALGORITHMS


def variants(manifest: Manifest) -> tuple[Variant, ...]:
    return importlib.import_module(f"autograder.assignments.{manifest.id}.variants").VARIANTS


def apply_misconceptions(manifest: Manifest, chosen: tuple[Misconception, ...]) -> dict[str, bytes]:
    """The solution with these mistakes in it. Raises ValueError where two of them cannot be made together."""
    texts = dict(solution_texts(manifest.id))
    replaced: set[str] = set()
    for misconception in chosen:
        name, _, region_name = misconception.region.partition(":")
        if misconception.region in replaced or (
            misconception.body and sum(m.region == misconception.region for m in chosen) > 1
        ):
            raise ValueError(f"{misconception.id} replaces a region that another mistake changes too")
        body = misconception.body
        if body:
            replaced.add(misconception.region)
        else:
            body = _solution_body(texts[name], region_name)
            for old, new in misconception.edits:
                if body.count(old) != 1:
                    raise ValueError(
                        f"{misconception.id}: {old!r} occurs {body.count(old)} times in the solution of {misconception.region}"
                    )
                body = body.replace(old, new)
        texts[name] = replace_solution(texts[name], region_name, body, name)
    return solution_files(manifest) | {name: strip_markers(text, name).encode() for name, text in texts.items()}


def apply_variant(manifest: Manifest, variant: Variant) -> dict[str, bytes]:
    """The submission that a variant describes. Raises ValueError for an edit whose old text does not occur exactly
    once.
    """
    texts = dict(solution_texts(manifest.id))
    for region, body in variant.bodies.items():
        name, _, region_name = region.partition(":")
        texts[name] = replace_solution(texts[name], region_name, body, name)
    for name, pairs in variant.edits.items():
        for old, new in pairs:
            if texts[name].count(old) != 1:
                raise ValueError(f"{variant.id}: {old!r} occurs {texts[name].count(old)} times in {name}")
            texts[name] = texts[name].replace(old, new)
    extra = {name: text.encode() for name, text in variant.files.items()}
    return solution_files(manifest) | {name: strip_markers(text, name).encode() for name, text in texts.items()} | extra


def _solution_body(text: str, region_name: str) -> str:
    region = find_region(regions(text), region_name)
    assert region is not None, region_name
    return region.solution


def combinations(manifest: Manifest) -> tuple[tuple[str, ...], ...]:
    """Identifiers of misconceptions that are tried together."""
    return importlib.import_module(f"autograder.assignments.{manifest.id}.misconceptions").COMBINATIONS
