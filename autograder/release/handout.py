"""The folder that students receive, derived from `solutions/`: in memory, on disk, and checked."""

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import UserError
from autograder.kit.leftovers import LEFTOVERS
from autograder.listed_data import find
from autograder.manifest import Manifest
from autograder.markers import MarkerError, Region, derive_handout, find_region, regions
from autograder.release.leaks import Secret, find_leaks, secrets
from autograder.release.notebooks import is_notebook_source, to_ipynb


class HandoutError(UserError):
    """The derived folder must not be given to students; `problems` has one sentence for each reason."""

    def __init__(self, problems: list[str]):
        super().__init__(" ".join(problems))
        self.problems = problems


def derive_folder(manifest: Manifest) -> dict[str, bytes]:
    """Everything students receive, as relative path to content.

    Python files get stubs for answers, text notebooks become `.ipynb`, all else stays; caches and dot files are left
    out, and so is data that the handout does not carry. Raises MarkerError for faulty markers, or blocks other than those the
    manifest lists; UserError when the
    solution folder is missing, a file is not valid Python, or a notebook stands there ready-made.
    """
    if not manifest.solution.is_dir():
        raise UserError(f"solutions/{manifest.folder}/ is missing; write the solution there.")
    _match_with_manifest(manifest)
    derived: dict[str, bytes] = {}
    for name, path in _visible_files(manifest.solution):
        if path.suffix == ".ipynb":
            raise UserError(f"{_source(manifest, name)} has no readable source; convert it to jupytext py:percent.")
        if path.suffix != ".py":
            derived[name] = path.read_bytes()
            continue
        text = derive_handout(_python(manifest, name), _source(manifest, name), [task.id for task in manifest.tasks])
        _parse(text, f"the handout derived from {_source(manifest, name)}")
        if is_notebook_source(text):
            derived[name.removesuffix(".py") + ".ipynb"] = to_ipynb(text)
        else:
            derived[name] = text.encode()
    listed = {entry.file: entry for entry in manifest.data}
    kept = {name: content for name, content in derived.items() if name not in listed or listed[name].carried}
    return kept | {entry.file: content for entry in manifest.data if entry.carried and (content := find(entry, manifest.solution)[0])}


def write_handout(manifest: Manifest) -> list[str]:
    """Make the student folder equal to `derive_folder`, and say what was changed, a sentence each.

    Only files that differ are written, each replaced in one step. Of the files that are no longer derived, those that
    git tracks are removed; anything else in the folder is left alone. Raises HandoutError, having written nothing, when
    an answer would leak; UserError as `derive_folder` does, and when the folder cannot be written.
    """
    derived = derive_folder(manifest)
    if problems := [*data_problems(manifest), *find_leaks(derived, all_secrets(manifest))]:
        raise HandoutError(problems)
    changes = []
    present = dict(_visible_files(manifest.handout))
    try:
        for name, content in derived.items():
            if name not in present or present[name].read_bytes() != content:
                _replace(manifest.handout / name, content)
                changes.append(f"{manifest.folder}/{name}: written.")
        for name in sorted((present.keys() - derived.keys()) & _tracked(manifest.handout)):
            present[name].unlink()
            changes.append(f"{manifest.folder}/{name}: removed, no longer derived.")
    except OSError as error:
        raise UserError(f"Cannot write {manifest.folder}/: {error.strerror} ({error.filename}).") from error
    return changes


def check_handout(manifest: Manifest) -> list[str]:
    """What is wrong with the student folder as it stands, a sentence each: files missing, stale, superfluous; leaks.

    Raises UserError as `derive_folder` does.
    """
    derived = derive_folder(manifest)
    present = {name: path.read_bytes() for name, path in _visible_files(manifest.handout)}
    problems = []
    for name in sorted(derived.keys() | present.keys()):
        if name not in present:
            problems.append(f"{name}: is missing; run `autograder release`.")
        elif name not in derived:
            problems.append(f"{name}: is superfluous, nothing in solutions/ gives it; delete it.")
        elif present[name] != derived[name]:
            problems.append(f"{name}: is stale; run `autograder release`.")
    notebook = [manifest.files.notebook] if manifest.files.notebook else []
    for name in (*manifest.files.todo, *manifest.files.given, *notebook):
        if name not in derived:
            problems.append(f"{name}: is named in assignment.toml, but nothing in solutions/ gives it; add it.")
    problems += data_problems(manifest)
    known = all_secrets(manifest)
    leaks = dict.fromkeys(find_leaks(present, known) + find_leaks(derived, known))
    return [f"{manifest.folder}/{problem}" for problem in [*problems, *leaks]]


def data_problems(manifest: Manifest) -> list[str]:
    """A sentence for each file of data that the handout carries and that is missing, or is not what the manifest lists."""
    return [said for entry in manifest.data if entry.carried and (said := find(entry, manifest.solution)[1])]


def _match_with_manifest(manifest: Manifest) -> None:
    """Prove that the manifest and the solution name the same regions, under the same tasks."""
    blocks: dict[str, list[Region]] = {}
    for file in (*manifest.files.todo, *manifest.files.given):
        if (manifest.solution / file).is_file():
            blocks[file] = regions(_python(manifest, file), _source(manifest, file))
    listed: set[Region] = set()
    for task in manifest.tasks:
        for entry in task.regions:
            file = entry.partition(":")[0]
            region = find_region(blocks.get(file, []), entry)
            if region is None:
                advice = "add it, or correct assignment.toml"
                raise UserError(f"{_source(manifest, file)} has no TODO block for {entry!r}; {advice}.")
            if region.task != task.id:
                message = f"assignment.toml lists {entry!r} under task {task.id}; write that in place of {region.task}."
                raise MarkerError(_source(manifest, file), region.first_line, message)
            if region in listed:
                message = f"two regions of assignment.toml mean this block, {entry!r} among them; name the blocks by class and function."
                raise MarkerError(_source(manifest, file), region.first_line, message)
            listed.add(region)
    for file, found in blocks.items():
        for region in found:
            if region not in listed:
                message = f"assignment.toml lists no region {region.name!r} of this file; correct the name, or list it."
                raise MarkerError(_source(manifest, file), region.first_line, message)


def all_secrets(manifest: Manifest) -> list[Secret]:
    names = [name for name, _ in _visible_files(manifest.solution) if name.endswith(".py")]
    return [secret for name in names for secret in secrets(_python(manifest, name), name)]


def _visible_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative name and path of every file that is neither hidden nor a cache, nor left by a training, a sampling or a check."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part in LEFTOVERS for part in parts):
            yield "/".join(parts), path


def _source(manifest: Manifest, name: str) -> str:
    return f"solutions/{manifest.folder}/{name}"


def _python(manifest: Manifest, name: str) -> str:
    """The text of a solution file. Raises UserError when it is not Python in UTF-8."""
    source = _source(manifest, name)
    try:
        text = (manifest.solution / name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{source} is not text in UTF-8; save it in that encoding.") from error
    _parse(text, source)
    return text


def _parse(text: str, source: str) -> None:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte
        line, reason = getattr(error, "lineno", None) or 1, getattr(error, "msg", error)
        raise UserError(f"{source} is not valid Python in line {line} ({reason}); correct it.") from error


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(content)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def _tracked(folder: Path) -> set[str]:
    """The files that git has in this folder, so that removing one loses nothing; none without git."""
    try:
        command = ["git", "-C", str(folder), "ls-files", "-z"]
        listing = subprocess.run(command, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return set()
    return set(filter(None, listing.stdout.split("\0")))
