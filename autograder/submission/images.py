"""What an image assignment hands in beside its code: a folder of samples, or a checkpoint. Bytes only; the worker looks inside."""

from collections.abc import Sequence
from pathlib import PurePath

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
    a training; case does not matter.
    """
    if manifest.files.samples is None:
        return {}, []
    entries = [entry for entry in entries if entry.name.casefold() != WRITTEN_BESIDE]
    wanted = manifest.files.samples.casefold()
    folders = sorted({entry.folder for entry in entries if entry.folder and entry.folder[-1].casefold() == wanted})
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
    for entry in (entry for entry in entries if entry.folder == chosen[0]):
        if not entry.name.lower().endswith(SUFFIXES):
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
        images[entry.name] = content
    if others:
        notes.append(f"In {shown_path(chosen[0])}, only PNG and JPEG are looked at; left out: {listed(others)}.")
    return images, notes


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
