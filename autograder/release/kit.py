"""The student kit: the handout, and the checker with its visible checks and the numbers that must come out.

    autograder release swiss_roll -o handout.zip

The numbers were made by the solution (release/numbers.py): the kit holds data, and no formula.
"""

import dataclasses
import io
import json
import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.errors import UserError
from autograder.grading.dependencies import code_of, follow
from autograder.grading.mutants import explanations
from autograder.grading.rubric import load_rubric
from autograder.kit.facts import Kit
from autograder.kit.scripts import SCRIPTS
from autograder.manifest import Manifest
from autograder.markers import find_region, regions
from autograder.newer_python import GRADER
from autograder.places import REPOSITORY, assignments, inside
from autograder.regions import file_of
from autograder.release.handout import HandoutError, all_secrets, data_problems, derive_folder
from autograder.release.leaks import find_leaks
from autograder.release.numbers import read_numbers, visible_modules
from autograder.submission.helpers import HOOKS
from autograder.submission.rules import IntakeLimits

# Of the package, what the kit and the grader both do.
SHARED = ("data_files.py", "eager.py", "errors.py", "listed_data.py", "measuring.py", "newer_python.py", "not_python.py", "regions.py", "timeouts.py")
PACKAGE = Path(__file__).resolve().parent.parent
_JUDGING = ("autograder/assignments/", "autograder/judges/")
_TELLING_WORDS = 6  # a shorter sentence of an explanation may stand in a handout too
_TELLING_LINE = 50  # signs; shorter lines of code are idiom
_UNSEARCHABLE = (
    ".pyc",
    ".pyo",
    ".so",
    ".pt",
    ".pth",
    ".pkl",
    ".pickle",
    ".ckpt",
    ".safetensors",
    ".npy",
    ".npz",
    ".zip",
)


def facts_of(manifest: Manifest) -> dict[str, Any]:
    """What the kit knows of its assignment, as data for JSON."""
    limits = IntakeLimits()
    return {
        "id": manifest.id,
        "title": manifest.title,
        "folder": manifest.folder,
        "tasks": [dataclasses.asdict(dataclasses.replace(task, regions=(), needs=())) for task in manifest.tasks],
        "todo": manifest.files.todo,
        "given": manifest.files.given,
        "notebook": manifest.files.notebook,
        "from_notebook": manifest.files.from_notebook,
        "data": [dataclasses.asdict(listed) for listed in manifest.data],
        "samples": manifest.files.samples,
        "weights": manifest.files.weights,
        "num_samples": manifest.files.num_samples,
        "image_resolution": manifest.files.image_resolution,
        "deliverables": [dataclasses.asdict(deliverable) for deliverable in manifest.deliverables],
        "submission_name": manifest.policy.submission_name,
        "hints": manifest.policy.hints,
        "sample_shape": manifest.sample_shape,
        "file_bytes": limits.file_bytes,
        "images_bytes": limits.images_bytes,
        "notebook_bytes": limits.notebook_bytes,
        "visible": visible_modules(manifest),
        "regions": _stubs(manifest),
        "hooks": sorted(HOOKS),
        "python": ".".join(map(str, GRADER)),
    }


def make_kit(manifest: Manifest) -> Kit:
    """The kit as the repository itself uses it: facts from the manifest, checks and numbers from `numbers.json`."""
    known = read_numbers(manifest)
    kit = facts_kit(manifest)
    kit.facts.update(checks=known["checks"], pictures=known["pictures"])
    return dataclasses.replace(kit, numbers=known["numbers"])


def facts_kit(manifest: Manifest) -> Kit:
    """The kit without checks and numbers, which packing does not need."""
    return Kit(REPOSITORY, json.loads(json.dumps(facts_of(manifest))), {})


def kit_files(manifest: Manifest) -> dict[str, bytes]:
    """Everything in the kit, as path to content. Raises HandoutError when an answer would leak."""
    kit = make_kit(manifest)
    files = derive_folder(manifest)
    if problems := data_problems(manifest):
        raise HandoutError(problems)
    files |= {name: text.encode() for name, text in SCRIPTS.items()}
    files |= {f"checker/autograder/{name}": content for name, content in _shipped(manifest).items()}
    for name, content in (("facts.json", kit.facts), ("numbers.json", kit.numbers)):
        files[f"checker/{name}"] = (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
    if problems := find_kit_leaks(manifest, files):
        raise HandoutError(problems)
    return files


def write_kit(manifest: Manifest, path: Path) -> list[str]:
    """Write the kit's zip, the same bytes for the same tree, and return what is in it. Raises UserError when it cannot."""
    files = kit_files(manifest)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{manifest.folder}/{name}", date_time=(2020, 1, 1, 0, 0, 0))
            entry.external_attr, entry.create_system = 0o644 << 16, 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(buffer.getvalue())
        shutil.move(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise UserError(f"Cannot write {path}: {error.strerror}; name a file in a folder that exists.") from error
    return sorted(files)


def find_kit_leaks(manifest: Manifest, files: Mapping[str, bytes]) -> list[str]:
    """A sentence for everything in `files` that students must not see: lines of answers, explanations of misconceptions,
    names, sentences and sources of hidden checks, and files that cannot be searched.
    """
    texts = {name: _searchable(name, content) for name, content in files.items()}
    problems = find_leaks(dict(files), all_secrets(manifest))
    problems += find_leaks({name: text.encode() for name, text in texts.items()}, all_secrets(manifest))
    given = _squeezed(" ".join(_searchable(name, content) for name, content in _open_files(manifest).items()))
    hidden = {
        source: [_squeezed(text) for text in pieces if _squeezed(text) not in given]
        for source, pieces in _hidden_texts(manifest).items()
    }
    names, listed = _hidden_names(manifest), {entry.file for entry in manifest.data}
    for name, text in texts.items():
        if name.lower().endswith(_UNSEARCHABLE) and name not in listed:
            problems.append(f"{name}: a file of this kind cannot be searched for answers; take it out.")
        squeezed = _squeezed(text)
        for source, pieces in hidden.items():
            if any(piece in squeezed for piece in pieces):
                problems.append(f"{name}: holds text of {source}.")
        known = set(re.findall(r"\w+", text)) & names
        problems += [f"{name}: holds the name of a hidden check, {hidden_name}." for hidden_name in sorted(known)]
    return list(dict.fromkeys(problems))


def _searchable(name: str, content: bytes) -> str:
    """All text in a file, whatever kind of file it is: of one that is no text its readable parts, of JSON, notebooks included, also the strings
    without escapes.
    """
    text = content.decode(errors="ignore")
    if "\0" in text:
        text = "\n".join(re.findall(r"[^\x00-\x08\x0e-\x1f\x7f]{12,}", text))
    if name.endswith((".json", ".ipynb")):
        text += "\n" + "\n".join(_strings(json.loads(text)))
    return text


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in _strings(part)]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return [value] if isinstance(value, str) else []


def _squeezed(text: str) -> str:
    return re.sub(r"[\s#]", "", text).replace("'", '"')


def _hidden_sources(manifest: Manifest) -> list[Path]:
    """The rubric's files: all of the assignment beside the visible checks, and the judges and other assignments' code that it imports."""
    folders = [assignments() / name for name in (manifest.id, *manifest.checks_from)]
    paths = {path for folder in folders for path in folder.rglob("*.py")}
    paths |= {path for path in code_of(manifest).files if inside(path).startswith(_JUDGING)}
    paths -= {*_visible_sources(manifest)}
    return sorted(path for path in paths if path.parent.name != "worker")


def _hidden_texts(manifest: Manifest) -> dict[str, list[str]]:
    """Source → its telling pieces: sentences of an explanation, the sentence of a check, long lines of the rubric's files."""
    found = {f"the explanation of {name}": _sentences(text) for name, (_, text) in explanations(manifest).items()}
    found |= {f"the hidden check {check.id}": [check.title] for check in load_rubric(manifest)}
    for path in _hidden_sources(manifest):
        lines = [
            line for line in path.read_text(encoding="utf-8").splitlines() if len(_squeezed(line)) >= _TELLING_LINE
        ]
        found[f"the hidden {path.parent.name}/{path.name}"] = lines
    return found


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"(?<=[.?!:;])\s", text) if len(sentence.split()) >= _TELLING_WORDS]


def _hidden_names(manifest: Manifest) -> set[str]:
    """Names of the functions that judge: of the checks, and of what they call in the rubric's files."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in _hidden_sources(manifest))
    return set(re.findall(r"^def ((?:test|judge)_\w+)", text, re.M)) | {"MISCONCEPTIONS", "misconceptions", "VARIANTS"}


def _open_files(manifest: Manifest) -> dict[str, bytes]:
    """What students get whatever the rubric says: what a hidden file shares with it is no secret."""
    return {**derive_folder(manifest), **_shipped(manifest)}


def _shipped(manifest: Manifest) -> dict[str, bytes]:
    """The part of the package that students get, as it is."""
    paths = [PACKAGE / name for name in ("__init__.py", "assignments/__init__.py", *SHARED)] + sorted((PACKAGE / "kit").glob("*.py"))
    paths += _visible_sources(manifest)
    return {inside(path).removeprefix("autograder/"): path.read_bytes() for path in paths}


def _visible_sources(manifest: Manifest) -> list[Path]:
    """The visible checks, and what they import of the assignments' folders and the judges', with the packages around them."""
    files = follow(visible_modules(manifest)).files
    return sorted(path for path in files if inside(path).startswith(_JUDGING) and path.parent != assignments())


def _stubs(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Region → its task and the name of its TODO block, and the lines that the handout has in place of the answer."""
    found = {}
    for name in manifest.regions:
        file = file_of(name)
        region = find_region(regions((manifest.solution / file).read_text(encoding="utf-8"), file), name)
        assert region is not None, name
        stub = [line.strip() for line in region.stub_lines if line.strip() and not line.strip().startswith("#")]
        found[name] = {"task": region.task, "block": region.name, "stub": stub}
    return found
