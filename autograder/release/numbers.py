"""`numbers.json` of an assignment: what its visible checks are, and the numbers that come out in right solutions.

Derived like the student folders: `autograder release` writes it, `autograder release --check` proves that it is current. So the checker
starts at once, and no solution is run to make a kit.
"""

import importlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autograder.errors import UserError
from autograder.grading.mutants import Variant, apply_variant, solution_files, variants
from autograder.kit.facts import Kit
from autograder.kit.runner import Runner
from autograder.manifest import Manifest
from autograder.places import assignments
from autograder.regions import parts_of, path_of, resolve, shortest

if TYPE_CHECKING:
    from autograder.kit.checks import Picture, VisibleCheck  # with torch, which nothing else here needs

FILE = "numbers.json"
NEAR = 0.1  # of what a check allows: as near are the numbers of two right solutions the same, since machines round differently
Numbers = dict[str, dict[str, list[Any]]]  # check → what is compared → what each right solution gave
Recorded = dict[str, dict[str, dict[str, Any]]]  # check → what is compared → {"values": …, "within": …, "relative": …}


def visible_modules(manifest: Manifest) -> list[str]:
    """The modules that hold the visible checks of an assignment, its own first."""
    folders = [manifest.id, *manifest.checks_from]
    return [
        f"autograder.assignments.{name}.visible" for name in folders if (assignments() / name / "visible.py").is_file()
    ]


def read_numbers(manifest: Manifest) -> dict[str, Any]:
    """What the file says: {"checks": […], "pictures": […], "numbers": {…}}. Raises UserError where it is missing or no JSON."""
    if not visible_modules(manifest):
        return {"checks": [], "pictures": [], "numbers": {}}
    path = manifest.home / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"checks": list(found["checks"]), "pictures": list(found["pictures"]), "numbers": dict(found["numbers"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{manifest.id}/{FILE} is missing or damaged; run `autograder release {manifest.id}`."
        ) from error


def write_numbers(manifest: Manifest, kit: Kit) -> list[str]:
    """Bring the file up to date; a sentence where it has changed. Raises UserError where a right solution fails a visible check."""
    if not visible_modules(manifest):
        return []
    derived, allowed = derive_numbers(manifest, kit)
    if not _differences(manifest, derived, allowed):
        return []
    text = json.dumps(derived, ensure_ascii=False, indent=1)
    (manifest.home / FILE).write_text(text + "\n", encoding="utf-8")
    return [f"{manifest.id}/{FILE}: written."]


def check_numbers(manifest: Manifest, kit: Kit) -> list[str]:
    """What is wrong with the file, a sentence each. Runs the right solutions; raises UserError where one of them fails a visible check."""
    return _differences(manifest, *derive_numbers(manifest, kit)) if visible_modules(manifest) else []


def derive_numbers(manifest: Manifest, kit: Kit) -> tuple[dict[str, Any], Recorded]:
    """The content of the file, from the visible checks and the right solutions, and what was recorded first of each number, with how far
    off it may be. `kit`: the facts of the manifest.
    """
    described = checks_of(manifest)
    facts = {**kit.facts, **described}
    right = [solution_files(manifest), *(apply_variant(manifest, variant) for variant in _also_right(manifest))]
    numbers: Numbers = {}
    allowed: Recorded = {}
    for files in right:
        for check, recorded in record(Kit(kit.root, facts, {}), files).items():
            known = numbers.setdefault(check, {})
            for what, told in recorded.items():
                allowed.setdefault(check, {}).setdefault(what, told)
                if not any(_near(told["values"], values, told, NEAR) for values in known.setdefault(what, [])):
                    known[what].append(told["values"])
    return {**described, "numbers": numbers}, allowed


def checks_of(manifest: Manifest) -> dict[str, Any]:
    """What the kit knows of its visible checks and pictures, as data. Raises UserError where they do not fit the manifest."""
    from autograder.kit.checks import Picture, VisibleCheck  # with torch, which nothing else here needs

    found = [item for name in visible_modules(manifest) for item in vars(importlib.import_module(name)).values()]
    checks = [item for item in found if isinstance(item, VisibleCheck)]
    known, ids = {task.id for task in manifest.tasks}, [check.id for check in checks]
    if strangers := sorted({check.task for check in checks} - known):
        raise UserError(f"{manifest.id}: a visible check names the unknown task {strangers[0]!r}.")
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise UserError(f"{manifest.id}: two visible checks are called {twice[0]}; give one of them another name.")
    pictures = [item for item in found if isinstance(item, Picture)]
    return {
        "checks": [_check(manifest, item) for item in checks],
        "pictures": [_picture(manifest, item) for item in pictures],
    }


def _check(manifest: Manifest, check: "VisibleCheck") -> dict[str, Any]:
    """Raises UserError for a region that its task does not have."""
    known = manifest.task(check.task).judged
    region = resolve(check.region, known, f"{manifest.id}: the visible check {check.id}, in task {check.task}")
    is_one_of_class = path_of(region).endswith((".__init__", ".forward"))
    return {
        "id": check.id,
        "task": check.task,
        "region": region,
        "regions": [*parts_of(region, known)],
        "look_at": path_of(region) if is_one_of_class else shortest(region),
        "where": check.where,
        "sentence": check.sentence,
    }


def _picture(manifest: Manifest, item: "Picture") -> dict[str, Any]:
    """Raises UserError for a region that the assignment does not have."""
    where = f"{manifest.id}: the picture {item.id}"
    needs = [part for name in item.needs for part in parts_of(resolve(name, manifest.regions, where), manifest.regions)]
    return {"id": item.id, "task": item.task, "title": item.title, "needs": needs}


def record(kit: Kit, files: Mapping[str, bytes]) -> Recorded:
    """The numbers that the visible checks see in a right solution. Raises UserError where one of them fails."""
    from autograder.kit.check import job_of

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        found = {}
        with Runner(kit.root, folder) as runner:
            for item in runner.do({**job_of(kit, folder, kit.checks(), []), "numbers": None}):
                if item.get("status", "passed") != "passed" or item["kind"] in ("slow", "died", "unusable"):
                    problem = item.get("message", f"it {item['kind']}")
                    raise UserError(
                        f"The solution of {kit.facts['id']} fails the visible check {item.get('id')}: {problem}"
                    )
                if item["kind"] == "checked":
                    found[item["id"]] = item["numbers"]
    return found


def _also_right(manifest: Manifest) -> list[Variant]:
    """Variants whose numbers are right as well, as the visible checks name them."""
    wanted = [
        name
        for module in visible_modules(manifest)
        for name in getattr(importlib.import_module(module), "ALSO_RIGHT", ())
    ]
    return [variant for variant in variants(manifest) if variant.id in wanted]


def _differences(manifest: Manifest, derived: dict[str, Any], allowed: Recorded) -> list[str]:
    """Where the file parts from what was derived by more than half of what a check allows, a sentence each."""
    try:
        stored = read_numbers(manifest)
    except UserError as error:
        return [str(error)]
    advice = f"run `autograder release {manifest.id}`."
    if any(stored.get(part) != derived[part] for part in ("checks", "pictures")):
        return [f"{manifest.id}/{FILE}: the visible checks have changed since; {advice}"]
    return [
        f"{manifest.id}/{FILE}: the numbers of {check} are stale; {advice}"
        for check in sorted(stored["numbers"].keys() | derived["numbers"].keys())
        if not _alike(stored["numbers"].get(check), derived["numbers"].get(check), allowed.get(check, {}))
    ]


def _alike(stored: Any, derived: Any, allowed: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether one check's numbers are those of as many right solutions, of the same shapes and near each other."""
    if not isinstance(stored, dict) or not isinstance(derived, dict) or stored.keys() != derived.keys():
        return False
    return all(
        isinstance(stored[what], list)
        and len(stored[what]) == len(derived[what])
        and all(_near(one, other, allowed[what], 0.5) for one, other in zip(stored[what], derived[what]))
        for what in derived
    )


def _near(one: Any, other: Any, told: Mapping[str, Any], share: float) -> bool:
    """Whether two nests of numbers have one shape, and differ by no more than this share of what the check allows."""
    try:
        a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool((abs(a - b) <= share * (told["within"] + told["relative"] * abs(b))).all())
