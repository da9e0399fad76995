"""Data files that come along beside the code, as bytes and within limits; and a word about those that do not."""

from collections.abc import Sequence
from fnmatch import fnmatch

from autograder import data_files
from autograder.manifest import Manifest
from autograder.markers import derive_handout
from autograder.submission.entries import Entry, Source
from autograder.submission.helpers import HOOKS
from autograder.submission.images import MADE_BY_TRAINING, WRITTEN_BESIDE
from autograder.submission.locate import Folder, is_other_assignment
from autograder.submission.python_text import CodeFiles, NotPython, decode
from autograder.submission.rules import IntakeLimits, Refused, folded, is_troublesome, listed, shown_path

_KNOWN = {*MADE_BY_TRAINING, WRITTEN_BESIDE, "requirements.txt"}  # not worth a word


def read_data(
    source: Source,
    entries: Sequence[Entry],
    main: Folder,
    code: CodeFiles,
    manifest: Manifest,
    others: frozenset[str],
    limits: IntakeLimits,
) -> tuple[dict[str, bytes], list[str]]:
    """Files that the code names, by path from the folder of the work, and sentences about what was left out."""
    beside = {"/".join(entry.path[len(main) :]): entry for entry in entries if _may_be_data(entry, main, manifest, others)}
    if not beside:
        return {}, []
    texts = [_text(name, content) for name, content in code.contents.items()]
    named = data_files.named_in(texts, beside)
    taken: dict[str, bytes] = {}
    notes = []
    size = 0
    for name, entry in sorted(beside.items()):
        if name not in named:
            continue
        try:
            if why := _why_not(name, [*code.contents, *taken], entry, limits):
                raise Refused(f"it {why}.")
            content = source.read(entry, max(1, data_files.MOST_BYTES - size))
        except Refused as refused:
            notes.append(f"{shown_path(entry.path)}, which your code names, was left out: {refused}")
            continue
        taken[name] = content
        size += len(content)
    reads = any(data_files.reads_files(_text(n, c), _handout(manifest, n)) for n, c in code.contents.items())
    unnamed = [name for name in sorted(beside.keys() - named) if reads or data_files.is_binary(name)]
    unnamed = [name for name in unnamed if beside[name].name.casefold() not in _KNOWN]
    if unnamed:
        names = listed([shown_path(beside[name].path, 40) for name in unnamed], most=3)
        notes.append(f"Left out, since no code names it: {names}; what your code reads must stand in it with its whole name.")
    return taken, notes


def _may_be_data(entry: Entry, main: Folder, manifest: Manifest, others: frozenset[str]) -> bool:
    below = entry.path[len(main) :]
    if entry.kind != "file" or entry.path[: len(main)] != main or not 1 <= len(below) <= data_files.DEEPEST:
        return False
    samples = (manifest.files.samples or "").casefold()
    if any(part.casefold() == samples or is_other_assignment(manifest, part, others) for part in below[:-1]):
        return False
    if "/".join(below) in {listed.file for listed in manifest.data}:
        return False  # the assignment's own is used
    if any(data_files.fits("/".join(below), pattern) for patterns in manifest.files.weights.values() for pattern in patterns):
        return False
    if manifest.files.checkpoint and fnmatch(entry.name, manifest.files.checkpoint):
        return False
    return data_files.is_data(entry.name) and entry.name.casefold() not in HOOKS


def _why_not(name: str, there: Sequence[str], entry: Entry, limits: IntakeLimits) -> str | None:
    if len(there) >= data_files.MOST_FILES + limits.files:
        return f"is one of more than {data_files.MOST_FILES} data files"
    own = folded(name)
    for other in map(folded, there):
        if own == other or own.startswith(other + "/") or other.startswith(own + "/"):
            return "is one file with another on some computers"
    return is_troublesome(entry.path, limits)


def _text(name: str, content: bytes) -> str:
    try:
        return decode(name, content)[0]
    except NotPython:
        return content.decode("utf-8", "replace")


def _handout(manifest: Manifest, name: str) -> str:
    path = manifest.solution / name
    return derive_handout(path.read_text(encoding="utf-8"), name) if path.is_file() else ""
