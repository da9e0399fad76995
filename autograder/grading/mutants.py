"""Known wrong and known right versions of the regions of an assignment, and how to make whole submissions of them.

`misconceptions.py` and `variants.py` of an assignment hold tuples MISCONCEPTIONS and VARIANTS of these records.
"""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from autograder.errors import UserError
from autograder.grading.formulas import Algorithm
from autograder.manifest import Manifest
from autograder.markers import find_region, regions, replace_solution, strip_markers
from autograder.regions import resolve


@dataclass(frozen=True)
class Misconception:
    """A known wrong version of one region. It must lose points in `task`, and there only.

    Either `edits` (pairs of old and new text; each old text occurs exactly once in the solution of the region) or a
    whole new `body`. `explanation` is for the student: which equation, what to look at; never the answer.

    `failure`: regular expressions for the whole of an exception's name and of its text, where the mistake is known by these alone.
    """

    id: str  # "noise-at-t-0"
    task: str  # "1-2"
    region: str  # "ddpm.py:DiffusionModule.p_sample", as in the manifest; may be written as short as is clear
    explanation: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    body: str = ""
    failure: tuple[str, str] | None = None
    is_no_work: bool = False  # does no more than a body without work: the outcome is lost with it (grading.work)


def in_region(task: str, region: str, algorithm: Algorithm | None = None) -> Callable[..., Misconception]:
    """Makes the misconceptions of one region from an id and what else a Misconception takes. One without an explanation has that of the
    formula of the same id.
    """
    known = algorithm.explanations if algorithm else {}

    def make(id: str, explanation: str = "", **how: Any) -> Misconception:
        return Misconception(id, task, region, explanation or known.get(id, ""), **how)

    return make


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


@cache
def _handed_in(manifest_id: str) -> dict[str, bytes]:
    return {name: strip_markers(text, name).encode() for name, text in solution_texts(manifest_id).items()}


def solution_files(manifest: Manifest) -> dict[str, bytes]:
    """The solution as a student would hand it in, together with the given files."""
    given = {name: (manifest.solution / name).read_bytes() for name in manifest.files.given}
    return _handed_in(manifest.id) | given | manifest.listed_data()


def _with_texts(manifest: Manifest, texts: Mapping[str, str]) -> dict[str, bytes]:
    """The solution with these texts, which still have their markers."""
    known = solution_texts(manifest.id)
    changed = {name: strip_markers(text, name).encode() for name, text in texts.items() if text != known[name]}
    return solution_files(manifest) | changed


def misconceptions(manifest: Manifest) -> tuple[Misconception, ...]:
    """The known mistakes. Raises UserError for one in a region, or of a task, that the manifest does not have."""
    return _resolved(manifest.id, "MISCONCEPTIONS")


def right_forms(manifest: Manifest) -> tuple[Misconception, ...]:
    """Other right versions of regions, in which mistakes are looked for too; made as misconceptions are, and none."""
    return _resolved(manifest.id, "RIGHT_FORMS")


@cache
def _resolved(manifest_id: str, name: str) -> tuple[Misconception, ...]:
    """A tuple of `misconceptions.py`, each with the full name of its region."""
    from autograder.manifest import load_manifest

    manifest = load_manifest(manifest_id)
    written: tuple[Misconception, ...] = getattr(_known_mistakes(manifest), name)
    found = []
    for m in written:
        known = manifest.task(m.task).judged if name == "MISCONCEPTIONS" else manifest.regions
        region = resolve(m.region, known, f"{manifest.id}: {m.id}, in {name}")
        if region not in known:
            raise UserError(f"{manifest.id}: {m.id}, in {name}: {m.region!r} is a class; write which function of it is meant.")
        found.append(dataclasses.replace(m, region=region))
    return tuple(found)


def algorithms(manifest: Manifest) -> Mapping[str, Algorithm]:
    """Known mistakes as formulas, by the full name of the region. Raises UserError for one that the manifest does not have."""
    written: Mapping[str, Algorithm] = _known_mistakes(manifest).ALGORITHMS
    where = f"{manifest.id}: ALGORITHMS"
    return {resolve(region, manifest.regions, where): algorithm for region, algorithm in written.items()}


def _known_mistakes(manifest: Manifest) -> Any:
    return importlib.import_module(f"autograder.assignments.{manifest.id}.misconceptions")


def explanations(manifest: Manifest) -> dict[str, tuple[str, str]]:
    """By the id of a mistake: the task that it belongs to, "" where only a formula knows it, and what is said about it."""
    of_formulas = {id: ("", text) for a in algorithms(manifest).values() for id, text in a.explanations.items()}
    return of_formulas | {m.id: (m.task, m.explanation) for m in misconceptions(manifest)}


def variants(manifest: Manifest) -> tuple[Variant, ...]:
    """The right solutions of other shapes. Raises UserError for one in a region that the manifest does not have."""
    found: tuple[Variant, ...] = importlib.import_module(f"autograder.assignments.{manifest.id}.variants").VARIANTS
    for variant in found:
        for region in variant.bodies:
            if resolve(region, manifest.regions, f"{manifest.id}: the variant {variant.id}") != region:
                raise UserError(f"{manifest.id}: the variant {variant.id} names the region {region!r}; write its full name.")
    return found


def variant_called(manifest: Manifest, name: str) -> Variant:
    """Raises StopIteration for a name that no variant has."""
    return next(variant for variant in variants(manifest) if variant.id == name)


def right_files(manifest: Manifest, variant: str = "") -> dict[str, bytes]:
    """What a student with the solution, or with a variant of it, hands in: without the given files."""
    return without_given(manifest, apply_variant(manifest, variant_called(manifest, variant)) if variant else solution_files(manifest))


def without_given(manifest: Manifest, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name not in manifest.files.given}


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
    return _with_texts(manifest, texts)


def apply_variant(manifest: Manifest, variant: Variant) -> dict[str, bytes]:
    """The submission that a variant describes. Raises ValueError for an edit whose old text does not occur exactly
    once.
    """
    extra = {name: text.encode() for name, text in variant.files.items()}
    return _with_texts(manifest, variant_texts(manifest, variant)) | extra


def variant_texts(manifest: Manifest, variant: Variant) -> dict[str, str]:
    """The files of a variant that hold TODO regions, with their markers. Raises ValueError as `apply_variant` does."""
    texts = dict(solution_texts(manifest.id))
    for region, body in variant.bodies.items():
        name, _, region_name = region.partition(":")
        texts[name] = replace_solution(texts[name], region_name, body, name)
    for name, pairs in variant.edits.items():
        for old, new in pairs:
            if texts[name].count(old) != 1:
                raise ValueError(f"{variant.id}: {old!r} occurs {texts[name].count(old)} times in {name}")
            texts[name] = texts[name].replace(old, new)
    return texts


@cache
def right_texts(manifest_id: str, variant: str) -> dict[str, str]:
    """The files with TODO regions of the solution (""), or of a variant, with their markers."""
    from autograder.manifest import load_manifest

    manifest = load_manifest(manifest_id)
    return variant_texts(manifest, variant_called(manifest, variant)) if variant else solution_texts(manifest_id)


def _solution_body(text: str, region_name: str) -> str:
    region = find_region(regions(text), region_name)
    assert region is not None, region_name
    return region.solution


def combinations(manifest: Manifest) -> tuple[tuple[str, ...], ...]:
    """Identifiers of misconceptions that are tried together."""
    found: tuple[tuple[str, ...], ...] = _known_mistakes(manifest).COMBINATIONS
    return found
