"""Make the sample submissions of examples.toml, from the solution.

    python examples/make.py            write examples/submissions/
    python examples/make.py --check    write nothing; fail when the folder is not what examples.toml says

The same bytes come out on every machine.
"""

import argparse
import binascii
import dataclasses
import difflib
import io
import sys
import textwrap
import tomllib
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from autograder.errors import UserError
from autograder.grading.mutants import misconceptions, solution_texts
from autograder.manifest import Manifest, load_manifest
from autograder.markers import find_region, regions, replace_solution, strip_markers

HERE = Path(__file__).resolve().parent
SUBMISSIONS = HERE / "submissions"
Fault = Literal["none", "encrypted", "in a zip", "cut off", "corrupt"]


@dataclass(frozen=True)
class Example:
    """One table of examples.toml; the head of that file says what the keys mean."""

    name: str
    assignment: str
    shows: str
    demo: bool = False
    train: bool = True
    # how it is made
    todo: tuple[str, ...] = ()
    misconceptions: tuple[str, ...] = ()
    bodies: Mapping[str, str] = field(default_factory=dict)
    edits: Mapping[str, list[list[str]]] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    inside: str = ""
    given: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    zip: Fault | None = None
    text: str | None = None
    drawn: int = 0
    kept: tuple[str, ...] = ()
    # what the grader must say
    refused: bool = False
    points: Mapping[str, float] = field(default_factory=dict)
    deduction: float = 0.0
    status: str = ""
    says: tuple[str, ...] = ()


def load_examples() -> list[Example]:
    """All examples, in order. Raises UserError for a key that is not known."""
    tables = tomllib.loads((HERE / "examples.toml").read_text(encoding="utf-8"))["examples"]
    known = [f.name for f in dataclasses.fields(Example)]
    for table in tables:
        for key in table:
            if key not in known:
                nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
                raise UserError(f"examples.toml: {table['name']}: unknown key {key!r}; the nearest is {nearest!r}.")
    return [Example(**table) for table in tables]


def submission_files(example: Example) -> dict[str, bytes]:
    """What the student hands in: path → content."""
    manifest = load_manifest(example.assignment)
    texts = dict(solution_texts(manifest.id))
    for identifier in example.misconceptions:
        _make_mistake(manifest, texts, identifier)
    for region, body in example.bodies.items():
        _answer(texts, region, body)
    for task in example.todo:
        for region in manifest.task(task).regions:
            _leave_undone(texts, region)
    for name, pairs in example.edits.items():
        for old, new in pairs:
            texts[name] = _replace_once(texts[name], old, new, f"{example.name}, {name}")
    files = {name: strip_markers(text, name).encode() for name, text in texts.items() if name not in example.remove}
    if example.given:
        files |= {name: (manifest.solution / name).read_bytes() for name in manifest.files.given}
    if example.inside:
        files = {f"{example.inside}/{name}": content for name, content in files.items()}
    return files | {name: text.encode() for name, text in example.files.items()}


def example_files(example: Example) -> dict[str, bytes]:
    """What lies in examples/submissions: path → content."""
    if example.text is not None:
        return {example.name: example.text.encode()}
    files = submission_files(example)
    if example.zip is not None:
        return {example.name: _zipped(files, example.zip)}
    return {f"{example.name}/{path}": content for path, content in files.items()}


def all_files() -> dict[str, bytes]:
    return {path: content for example in load_examples() for path, content in example_files(example).items()}


# Editing the solution


def _make_mistake(manifest: Manifest, texts: dict[str, str], identifier: str) -> None:
    found = [m for m in misconceptions(manifest) if m.id == identifier]
    if not found:
        raise UserError(f"examples.toml: {manifest.id} has no misconception {identifier!r}.")
    name, _, region_name = found[0].region.partition(":")
    region = find_region(regions(texts[name], name), region_name)
    assert region is not None, found[0].region
    body = found[0].body or region.solution
    for old, new in found[0].edits:
        body = _replace_once(body, old, new, identifier)
    _answer(texts, found[0].region, body)


def _leave_undone(texts: dict[str, str], region: str) -> None:
    name, _, region_name = region.partition(":")
    found = find_region(regions(texts[name], name), region_name)
    assert found is not None, region
    _answer(texts, region, "\n".join(found.stub_lines))


def _answer(texts: dict[str, str], region: str, body: str) -> None:
    name, _, region_name = region.partition(":")
    texts[name] = replace_solution(texts[name], region_name, textwrap.dedent(body), name)


def _replace_once(text: str, old: str, new: str, where: str) -> str:
    if text.count(old) != 1:
        raise UserError(f"examples.toml: {where}: {old!r} occurs {text.count(old)} times and must occur once.")
    return text.replace(old, new)


# Zip files. Nothing is compressed, so that the bytes do not depend on the version of zlib.


def _zipped(files: Mapping[str, bytes], fault: Fault) -> bytes:
    whole = _zip(files)
    if fault == "encrypted":
        return _zip(files, password=b"midnight")
    if fault == "in a zip":
        return _zip({"submission.zip": whole})
    if fault == "cut off":
        return whole[: len(whole) // 2]
    if fault == "corrupt":
        place = whole.index(next(content for name, content in files.items() if name.endswith("ddpm.py"))) + 1000
        return whole[:place] + bytes(byte ^ 0xFF for byte in whole[place : place + 16]) + whole[place + 16 :]
    return whole


def _zip(files: Mapping[str, bytes], password: bytes | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(_entry(name), _encrypted(content, password) if password else content)
    data = buffer.getvalue()
    return _marked_as_encrypted(data, files) if password else data


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(2024, 9, 30, 23, 59, 0))
    entry.create_system = 3  # Unix, on every machine
    entry.external_attr = 0o100644 << 16
    return entry


def _encrypted(content: bytes, password: bytes) -> bytes:
    """The traditional encryption of PKWARE's APPNOTE, section 6.1, which zipfile reads and does not write."""
    key0, key1, key2 = 0x12345678, 0x23456789, 0x34567890

    def update(byte: int) -> None:
        nonlocal key0, key1, key2
        key0 = _crc_step(key0, byte)
        key1 = ((key1 + (key0 & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        key2 = _crc_step(key2, key1 >> 24)

    for byte in password:
        update(byte)
    out = bytearray()
    for byte in [*range(11), zlib.crc32(content) >> 24, *content]:  # the last byte of the header proves the password
        word = key2 | 2
        out.append(byte ^ ((word * (word ^ 1)) >> 8) & 0xFF)
        update(byte)
    return bytes(out)


def _crc_step(crc: int, byte: int) -> int:
    return binascii.crc32(bytes([byte]), crc ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def _marked_as_encrypted(data: bytes, files: Mapping[str, bytes]) -> bytes:
    """Set the flag, and the checksum and size of the plain content, in both headers of each entry."""
    marked = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        place = archive.start_dir
        for record in archive.filelist:
            plain = files[record.filename]
            for start, flag, crc, size in ((record.header_offset, 6, 14, 22), (place, 8, 16, 24)):
                marked[start + flag] |= 1
                marked[start + crc : start + crc + 4] = zlib.crc32(plain).to_bytes(4, "little")
                marked[start + size : start + size + 4] = len(plain).to_bytes(4, "little")
            place += 46 + len(record.filename.encode()) + len(record.extra) + len(record.comment)
    return bytes(marked)


# The folder


def stale_paths() -> list[str]:
    """Files of examples/submissions that are missing, superfluous, or not what examples.toml says."""
    wanted = all_files()
    kept = [f"{example.name}/{pattern}" for example in load_examples() for pattern in example.kept]
    there = {path.relative_to(SUBMISSIONS).as_posix(): path for path in SUBMISSIONS.rglob("*") if path.is_file()}
    there = {
        name: path
        for name, path in there.items()
        if "__pycache__" not in name and not any(fnmatch(name, pattern) for pattern in kept)
    }
    return sorted(
        name
        for name in {*wanted, *there}
        if name not in wanted or name not in there or there[name].read_bytes() != wanted[name]
    )


def write() -> list[str]:
    """Bring examples/submissions up to date. Returns what was changed."""
    wanted, stale = all_files(), stale_paths()
    for name in stale:
        path = SUBMISSIONS / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wanted[name])
        else:
            path.unlink()
    for folder in sorted((path for path in SUBMISSIONS.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return stale


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the sample submissions of examples.toml, from the solution.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a submission is not up to date")
    arguments = parser.parse_args()
    try:
        stale = stale_paths() if arguments.check else write()
    except UserError as error:
        print(f"make.py: {error}", file=sys.stderr)
        return 2
    for name in stale:
        print(f"{'not up to date' if arguments.check else 'written'}: {name}")
    if arguments.check and stale:
        print("Run python examples/make.py.", file=sys.stderr)
        return 1
    print(f"{len(load_examples())} examples are up to date.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
