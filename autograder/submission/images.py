"""What is handed in beside code: a folder of samples, a checkpoint, weights of trained models. Bytes only; the worker looks inside."""

from collections.abc import Sequence
from pathlib import PurePath

from autograder import data_files
from autograder.manifest import Manifest
from autograder.submission.entries import Entry, Source
from autograder.submission.locate import Folder
from autograder.submission.rules import IntakeLimits, Refused, listed, shown, shown_path

SUFFIXES = (".png", ".jpg", ".jpeg")
MADE_BY_TRAINING = (
    "training_state.pt",
    "settings.json",
)  # beside a folder of pictures that shows the training, not the result
WRITTEN_BESIDE = "sampling.json"  # by sampling.py, beside the samples


def read_images(
    source: Source, entries: Sequence[Entry], main: Folder, manifest: Manifest, limits: IntakeLimits
) -> tuple[dict[str, bytes], list[str]]:
    """The files in the folder of samples, by name, and sentences about what was left out.

    `entries` are those that are not clutter. The folder lies next to the code, or else it is the only one of its name outside the folder of
    a training; case does not matter. Where it holds no image itself, those in the folders in it are taken, by names such as "cat/0.png";
    else those are left out.
    """
    if manifest.files.samples is None:
        return {}, []
    entries = [entry for entry in entries if entry.name.casefold() != WRITTEN_BESIDE]
    wanted = manifest.files.samples.casefold()
    folders = sorted({folder for entry in entries if (folder := _folder_called(wanted, entry.folder)) is not None})
    runs = {entry.folder for entry in entries if entry.name in MADE_BY_TRAINING}
    beside = [folder for folder in folders if folder[:-1] == main]
    chosen = beside or [folder for folder in folders if folder[:-1] not in runs]
    if len(chosen) > 1:
        places = listed([shown_path(folder) for folder in chosen])
        return {}, [
            f"The samples may lie in {places}, so none were judged; hand in one folder {manifest.files.samples}."
        ]
    if not chosen:
        return {}, []
    images: dict[str, bytes] = {}
    notes: list[str] = []
    others: list[str] = []
    total = 0
    depth = len(chosen[0])
    inside = [entry for entry in entries if entry.folder == chosen[0]]
    deeper = [entry for entry in entries if entry.folder[:depth] == chosen[0] and len(entry.folder) > depth and _is_image(entry)]
    place = shown_path(chosen[0])
    if deeper:
        names = listed(sorted({shown(f"{place}/{entry.folder[depth]}", 40) for entry in deeper}))
        if any(map(_is_image, inside)):
            notes.append(f"The images that lie in {place} itself were judged; {len(deeper):,} in {names} were not.")
        else:
            inside += deeper
            notes.append(f"The images were taken from {names}; all of them may lie in {place} itself.")
    for entry in inside:
        if not _is_image(entry):
            others.append(shown(entry.name, 40))
            continue
        if len(images) == limits.images:
            notes.append(f"There are more than {limits.images:,} images among the samples; the others were left out.")
            break
        try:
            content = source.read(entry)
        except Refused as refused:
            content = b""  # judged as an image that cannot be read
            notes.append(str(refused))
        total += len(content)
        if total > limits.images_bytes:
            most = f"{limits.images_bytes / 1e6:g} MB"
            raise Refused(
                f"The samples are larger than {most} together; hand in {manifest.files.samples} as 64×64 PNG."
            )
        images["/".join(entry.path[depth:])] = content
    if others:
        notes.append(f"In {shown_path(chosen[0])}, only PNG and JPEG are looked at; left out: {listed(others)}.")
    return images, notes


def _folder_called(wanted: str, folder: Folder) -> Folder | None:
    """The outermost folder of this name on the way to `folder`, or None."""
    depth = next((depth for depth, part in enumerate(folder, 1) if part.casefold() == wanted), None)
    return folder[:depth] if depth is not None else None


def _is_image(entry: Entry) -> bool:
    return entry.name.lower().endswith(SUFFIXES)


def read_checkpoint(
    source: Source, entries: Sequence[Entry], main: Folder, manifest: Manifest, limits: IntakeLimits
) -> tuple[bytes | None, list[str]]:
    """The checkpoint next to the code, by the manifest's pattern, or None; and sentences about several, or one that cannot be read."""
    if manifest.files.checkpoint is None:
        return None, []
    found = [
        entry
        for entry in entries
        if entry.folder[: len(main)] == main
        and entry.kind == "file"
        and PurePath(entry.name).match(manifest.files.checkpoint)
    ]
    if not found:
        return None, []
    notes = []
    if len(found) > 1:
        names = listed([shown_path(entry.path, 40) for entry in found])
        notes.append(f"Of the checkpoints {names} the first was taken.")
    try:
        return source.read(found[0], limits.checkpoint_bytes), notes
    except Refused as refused:
        return None, [*notes, str(refused)]


def read_weights(
    source: Source, entries: Sequence[Entry], main: Folder, manifest: Manifest, limits: IntakeLimits
) -> tuple[dict[str, bytes], list[str]]:
    """The weights of trained models by their names in the manifest, as far as they are there; and sentences about several, or unreadable ones.

    Of the files that fit the first of a model's patterns that any fits, the last by name counts, such as that of the last epoch. A pattern is
    meant from the folder of the code on, or from the top of what was handed in.
    """
    files = [entry for entry in entries if entry.kind == "file"]
    below = {"/".join(entry.path): entry for entry in files} | {"/".join(e.path[len(main) :]): e for e in files if e.path[: len(main)] == main}
    found: dict[str, bytes] = {}
    notes: list[str] = []
    for model, patterns in manifest.files.weights.items():
        fitting = next((names for pattern in patterns if (names := sorted(n for n in below if data_files.fits(n, pattern)))), [])
        if not fitting:
            continue
        chosen = below[fitting[-1]]
        if len(fitting) > 1:
            notes.append(f"Of the weights {listed([shown(name, 40) for name in fitting], most=4)} those in {shown(fitting[-1], 40)} were taken.")
        try:
            found[model] = source.read(chosen, limits.checkpoint_bytes)
        except Refused as refused:
            notes.append(str(refused))
    return found, notes
