"""Bytes → submission: find the work in a folder or a zip, read what will be judged and no more, name what is odd.

Nothing of a submission is run here, nothing is unpacked to disk, and no link is followed.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.errors import UserError
from autograder.manifest import Manifest, assignment_ids, load_manifest
from autograder.submission.advice import near_miss, nothing_found
from autograder.submission.archive import ZipSource
from autograder.submission.beside import Beside, read_beside
from autograder.submission.bounded import bounded
from autograder.submission.data import read_data
from autograder.submission.entries import Entry, Source, not_a_file
from autograder.submission.from_notebook import FromNotebook, Work, choose, passed_over, read_notebooks
from autograder.submission.helpers import add_helpers, add_written
from autograder.submission.images import read_checkpoint, read_images, read_weights
from autograder.submission.locate import Candidate, Folder, Located, is_near, locate, place_of
from autograder.submission.notebook_places import Origin, in_cells
from autograder.submission.other_names import asked_for_in_bytes
from autograder.submission.python_text import CodeFiles, same_code
from autograder.submission.rules import (
    IntakeLimits,
    Refused,
    folded,
    is_clutter,
    is_troublesome,
    listed,
    shown,
    shown_path,
)
from autograder.submission.sources import open_source
from autograder.verdict import Notice

_MOST_NOTES = 20
_DATA, _WEIGHTS = "data files", "weights of models"  # keeps them apart from code of the same name in the digest


@dataclass(frozen=True)
class Submission:
    """What will be judged. Names of files are relative to the folder of the work: "ddpm.py", "utils/noise.py"."""

    name: str  # as it was given, safe to print
    files: dict[str, bytes]  # exactly what reaches the worker: todo files, and the helper modules next to them
    digest: str  # SHA-256 of what is judged, hexadecimal; the same for every layout and whatever else lies around
    notices: tuple[Notice, ...] = ()  # of kind "intake"
    missing: tuple[str, ...] = ()  # todo files that are not there; it costs only the tasks that need them
    syntax_errors: dict[str, str] = field(default_factory=dict)  # file → sentence; it costs only the tasks that need it
    folder: str = ""  # where the work lies, safe to print; "" for the top
    data: dict[str, bytes] = field(default_factory=dict)  # that the code names, by path; only the student's code opens it
    beside: tuple[Beside, ...] = ()  # code that is not judged and may be meant
    images: dict[str, bytes] = field(default_factory=dict)  # of the samples, by name; never decoded by the grader
    checkpoint: bytes | None = (
        None  # read only where there are not as many samples as asked for; never loaded by the grader
    )
    weights: dict[str, bytes] = field(default_factory=dict)  # of trained models, by their names in the manifest; never loaded by the grader
    listing: tuple[str, ...] = ()  # paths of all plain files, for the deliverables
    notebooks: dict[str, str] = field(default_factory=dict)  # of a file that was made from a notebook: where that lies
    origins: dict[str, tuple[Origin, ...]] = field(default_factory=dict)  # of such a file: which lines are which cell's
    lost: dict[str, str] = field(default_factory=dict)  # "ddpm.py:DDPM" that is not in such a file → why
    is_zip: bool = False

    def called(self, file: str) -> str:
        """What the student knows a file as: its notebook, where it was made from one."""
        return self.notebooks.get(file, file)

    def in_cells(self, sentence: str) -> str:
        """A sentence about this submission in which the lines of a file that was made from a notebook are those of its cells."""
        return in_cells(sentence, self.origins, self.notebooks)


def read_submission(path: str | os.PathLike[str], manifest: Manifest, limits: IntakeLimits | None = None) -> Submission:
    """Read a submission, a folder or a zip file, for the assignment of `manifest`.

    Raises Refused (a UserError), with one sentence that is safe to print, when there is nothing to judge, when the
    submission is damaged or dangerous, or when it takes too long or too much memory to read; no other exception leaves.
    A todo file that is missing or is not valid Python is no reason to refuse.
    """
    location = os.path.join(os.getcwd(), os.fsdecode(path))
    name = shown(os.path.basename(os.path.abspath(location)) or location)
    read: Submission = bounded(name, Submission, read_here, location, manifest, limits or IntakeLimits())
    return read


def read_here(path: str, manifest: Manifest, limits: IntakeLimits) -> Submission:
    """`read_submission` in this process, without a clock."""
    with open_source(path, limits, manifest.files.from_notebook) as source:
        return _read(source, manifest, limits)


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the sorted names and contents, each preceded by its length, as hexadecimal."""
    total = hashlib.sha256(b"submission-1")
    for name, content in sorted(files.items()):
        for part in (name.encode("utf-8", "surrogateescape"), content):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def _read(source: Source, manifest: Manifest, limits: IntakeLimits) -> Submission:
    entries = [entry for entry in source.entries if not is_clutter(entry.path)]
    others = _other_folders(manifest)
    works, problems = read_notebooks(source, entries, manifest, others, limits) if manifest.files.from_notebook else ([], [])
    located = _locate(source, entries, manifest, limits, others, works, problems)
    scripts = {name: _read_todo_file(source, entries, (*folder, name), limits) for name, folder in located.folder_of.items()}
    scripts = {name: asked_for_in_bytes(content, manifest.files.also_called) for name, content in scripts.items()}
    taken = choose(manifest, works, scripts) if works else FromNotebook()
    notes = [*located.remarks, *taken.remarks, *passed_over(manifest, works, taken), *problems]
    main = located.main if taken.folder is None else taken.folder

    code = CodeFiles(limits)
    for name, content in (scripts | taken.files).items():
        place = taken.notebooks.get(name) or shown_path((*located.folder_of[name], name))
        code.check_length(place, content)
        code.add(name, content)
    notes += add_helpers(code, entries, source.read, list(dict.fromkeys([main, *located.folders])), manifest, others)
    notes += add_written(code, taken.helpers, manifest)

    data, data_notes = read_data(source, entries, main, code, manifest, others, limits)
    notes += data_notes
    images, image_notes = read_images(source, entries, main, manifest, limits)
    complete = bool(images) and len(images) == (manifest.files.num_samples or len(images))
    checkpoint, checkpoint_notes = (
        (None, []) if complete else read_checkpoint(source, entries, main, manifest, limits)
    )
    weights, weights_notes = read_weights(source, entries, main, manifest, limits)
    notes += image_notes + checkpoint_notes + weights_notes

    missing = tuple(name for name in manifest.files.todo if name not in code.contents)
    for name in missing:
        claimed = {(*folder, *other.split("/")) for other, folder in located.folder_of.items()}
        nearby = [e for e in entries if e.path not in claimed and any(is_near(e.folder, folder, name) for folder in located.folders)]
        hint = near_miss(name, nearby)
        notes.append(f"{name} is missing, so the tasks that need it earn nothing{': ' + hint if hint else ''}.")
    if changed := _changed_given_files(source, entries, main, manifest):
        verb = "differs" if len(changed) == 1 else "differ"
        notes.append(f"{listed(changed)} {verb} from the handout; grading uses the handout's own version.")
    if odd := [shown_path(entry.path, 40) for entry in entries if entry.kind != "file"]:
        notes.append(f"Links, devices and folders that may not be opened were passed over: {listed(odd, most=3)}.")
    if len(notes) > _MOST_NOTES:
        notes[_MOST_NOTES:] = [f"There are {len(notes) - _MOST_NOTES:,} more remarks of this kind."]
    judged = code.contents | {f"{manifest.files.samples}/{name}": content for name, content in images.items()}
    judged |= {manifest.files.checkpoint or "": checkpoint} if checkpoint is not None else {}
    judged |= {f"{_WEIGHTS}/{name}": content for name, content in weights.items()}
    judged |= {f"{_DATA}/{name}": content for name, content in data.items()}
    return Submission(
        name=source.name,
        files=dict(sorted(code.contents.items())),
        digest=digest_of(judged),
        notices=tuple(Notice("intake", note) for note in notes),
        missing=missing,
        syntax_errors=dict(sorted(code.syntax_errors.items())),
        folder=shown_path(main),
        data=data,
        beside=() if works else read_beside(source, entries, manifest, limits),
        images=images,
        checkpoint=checkpoint,
        weights=weights,
        listing=tuple("/".join(entry.path) for entry in entries if entry.kind == "file"),
        is_zip=isinstance(source, ZipSource),
        notebooks=taken.notebooks,
        origins=taken.origins,
        lost=taken.lost,
    )


def _locate(
    source: Source,
    entries: list[Entry],
    manifest: Manifest,
    limits: IntakeLimits,
    others: frozenset[str],
    works: Sequence[Work],
    problems: list[str],
) -> Located:
    found: dict[Folder, dict[str, bytes | None]] = {}
    for entry in entries:
        place = place_of(entry.path, manifest.files.todo)
        if place and entry.kind != "closed" and len(place[0]) <= limits.depth:
            if place[0] not in found and len(found) == limits.candidates:
                files = listed(list(manifest.files.todo), joint="or")
                many = f"{source.name} holds {files} in more than {limits.candidates} folders"
                raise Refused(f"{many}; hand in one folder, {manifest.folder}.")
            found.setdefault(place[0], {})[place[1]] = _content_or_none(source, entry)
    if not found and works:
        return Located(works[0].folder, {})
    if not found and problems:
        raise Refused(problems[0])
    if not found:
        raise Refused(nothing_found(source.name, entries, manifest, limits))
    return locate(manifest, source.name, [Candidate(folder, files) for folder, files in found.items()], others)


def _content_or_none(source: Source, entry: Entry) -> bytes | None:
    try:
        return source.read(entry)
    except Refused:
        return None  # said again, and aloud, when it is this file that is chosen


def _read_todo_file(source: Source, entries: list[Entry], path: tuple[str, ...], limits: IntakeLimits) -> bytes:
    """The content of a todo file. Raises Refused unless it is exactly one plain file that can be read."""
    path = tuple("/".join(path).split("/"))  # of "libs/ddpm.py" in a folder too
    place = shown_path(path)
    same = [entry for entry in entries if entry.path == path]
    if len(same) > 1:
        raise Refused(f"{source.name} holds {place} {len(same)} times; make the zip again, with one.")
    for entry in entries:
        if entry.path == path[: len(entry.path)] and (len(entry.path) < len(path) or entry.kind != "file"):
            raise Refused(not_a_file(entry))  # the file itself, or one of the folders that it lies in
        if entry.folder == path[:-1] and entry.name != path[-1] and folded(entry.name) == folded(path[-1]):
            pair = f"{place} and {shown_path(entry.path)} have names that are the same on some computers"
            raise Refused(f"{pair}; keep one of them, named {path[-1]}.")
    if reason := is_troublesome(path, limits):
        raise Refused(f"{place} {reason}; rename the folder and hand it in again.")
    return source.read(same[0])


def _changed_given_files(source: Source, entries: list[Entry], folder: Folder, manifest: Manifest) -> list[str]:
    """The given files next to the work that do not say what the handout's say."""
    changed = []
    for entry in entries:
        name = "/".join(entry.path[len(folder) :])
        truth = manifest.solution / name
        if entry.path[: len(folder)] == folder and name in manifest.files.given and truth.is_file():
            content = _content_or_none(source, entry)
            if not same_code(name, content, truth.read_bytes()):
                changed.append(name)
    return changed


def _other_folders(manifest: Manifest) -> frozenset[str]:
    """The folders of the other assignments. One whose manifest is broken is not this student's problem."""
    folders = set()
    for identifier in assignment_ids():
        try:
            folders.add(load_manifest(identifier).folder)
        except UserError:
            continue
    return frozenset(folders - {manifest.folder})
