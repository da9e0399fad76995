"""`pack`: make the zip that is handed in, with all that will be graded and nothing else, and say what is in it."""

import argparse
import io
import keyword
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from autograder import data_files, not_python
from autograder.kit.facts import Kit, not_done, read_kit, untouched
from autograder.kit.names import problem_of, stem_of
from autograder.kit.screen import prepare, say

IMAGES = (".png", ".jpg", ".jpeg")
MOST_FILES, MOST_BYTES = 50_000, 20_000_000  # looked at; in one file that is packed
NEVER = {  # suffix → what it is
    **dict.fromkeys((".ckpt", ".pt", ".pth", ".safetensors", ".onnx"), "checkpoint"),
    **dict.fromkeys((".npz", ".npy", ".zip", ".tar", ".gz", ".h5", ".pkl"), "data or archive"),
}
LEFT_ALONE = {"checker", "check_pictures", "results", "reports", "venv", "env", "node_modules", "wandb", "tensorboard"}
DATA = {"data", "data_stand_in", "data_stand_in.partial"}


class PackError(Exception):
    """No zip is made; the message is one sentence that says why and what to do."""


@dataclass
class Plan:
    """What goes into the zip: name → file; and what the student should know."""

    graded: dict[str, Path] = field(default_factory=dict)
    staff: dict[str, Path] = field(default_factory=dict)  # comes along, and is looked at by people only
    left_out: dict[str, str] = field(default_factory=dict)  # name → why
    missing: list[str] = field(default_factory=list)  # costs points
    remarks: list[str] = field(default_factory=list)


def archive_name(kit: Kit, name: str, student_id: str) -> str:
    """{NAME}_{STUDENT_ID}.zip. Raises PackError for a name or an ID that a file name cannot carry."""
    if problem := problem_of(name, student_id):
        raise PackError(problem)
    stem, pattern = stem_of(name, student_id), kit.facts["submission_name"]
    if pattern and not re.fullmatch(pattern, stem):
        raise PackError(
            f"{stem}.zip is not a name that the course accepts; give --name and --id like JaneDoe and 20241234."
        )
    return f"{stem}.zip"


def plan(kit: Kit, folder: Path) -> Plan:
    """Sort the files of a folder. Raises PackError where what is there could not be accepted."""
    facts, result = kit.facts, Plan()
    for name in facts["todo"]:
        path = folder / name
        if not path.is_file() and not path.is_symlink() and facts["from_notebook"]:
            continue  # its code is in the notebook, which `_look_at_notebook` asks for
        if not path.is_file() or path.is_symlink():
            what = "is a link" if path.is_symlink() else "is missing"
            raise PackError(f"{name} {what}; it must lie in {folder}, if need be as it was handed out.")
        result.graded[name] = path
        _look_at_code(name, path, facts["file_bytes"], facts["python"], result)
    data: dict[str, Path] = {}
    listed = {entry["file"] for entry in facts["data"]}
    notebook_script = (facts["notebook"] or "").removesuffix(".ipynb") + ".py"
    for name, path in _walk(folder, result):
        parts = name.split("/")
        if name in facts["todo"]:
            continue
        if name in listed:
            result.left_out[name] = "given; the course has it"
            continue
        if facts["samples"] and parts[0] == facts["samples"]:
            if len(parts) == 2 and path.suffix.lower() in IMAGES:
                result.graded[name] = path
            else:
                result.left_out[name] = f"no image, or too deep in {facts['samples']}"
        elif _may_be_data(kit, parts):
            data[name] = path
        elif path.suffix.lower() in NEVER:
            result.left_out[name] = f"{NEVER[path.suffix.lower()]}; never handed in"
        elif path.suffix == ".py":
            if name in ("check.py", "pack.py", notebook_script) or name in facts["given"]:
                result.left_out[name] = "given; the course has it"
            elif known := [todo for todo in facts["todo"] if todo.rpartition("/")[2] == parts[-1]]:
                where = "/".join([folder.resolve().name, *known[0].split("/")[:-1]])
                result.left_out[name] = f"a second {parts[-1]}; the one in {where} is handed in"
            elif why := _not_graded(parts, facts["hooks"]):
                result.left_out[name] = why
            elif len(parts) <= 2 or any(todo.split("/")[:-1] == parts[:-1] for todo in facts["todo"]):
                result.graded[name] = path  # a module that the student's code may import
            else:
                result.left_out[name] = "too deep to be imported"
        elif facts["from_notebook"] and path.suffix == ".ipynb":
            result.graded[name] = path
        elif (
            name == facts["notebook"]
            or _is_deliverable(kit, name)
            or (len(parts) == 1 and path.suffix.lower() == ".pdf")
        ):
            result.staff[name] = path
        elif parts[0] != "figures" and name != "README.md":
            result.left_out[name] = "not asked for"
    _look_at_notebook(kit, folder, result)
    _take_weights(kit, folder, result)
    _choose_data(data, result)
    for name, path in list(result.staff.items()):
        if path.stat().st_size > MOST_BYTES:
            result.left_out[name] = f"larger than {MOST_BYTES // 1_000_000} MB"
            del result.staff[name]
    _look_at_samples(kit, result)
    _look_at_deliverables(kit, result)
    if blank := sorted(not_done(kit, untouched(kit, folder))):
        result.remarks.append(f"Not done yet, so it earns nothing: {', '.join(blank)}.")
    return result


def _not_graded(parts: list[str], hooks: list[str]) -> str:
    """Why the intake passes over a module of this name, as far as that can be known here; "" when it does not."""
    module = parts[0].removesuffix(".py")
    if module in sys.stdlib_module_names:
        return "has the name of one of Python's own modules; give it another"
    if parts[-1].casefold() in hooks:
        return "would be run unasked; never graded"
    names = [part.removesuffix(".py") for part in parts]
    if any(not name.isidentifier() or not name.isascii() or keyword.iskeyword(name) for name in names):
        return "cannot be imported under this name"
    return ""


def _walk(folder: Path, result: Plan) -> Iterator[tuple[str, Path]]:
    """Every plain file that may be meant, by its name from the folder; notes the folders that are passed over."""
    count = 0
    waiting = [folder]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            name = path.relative_to(folder).as_posix()
            count += 1
            if count > MOST_FILES:
                raise PackError(
                    f"{folder} holds more than {MOST_FILES:,} files; pack the folder of the assignment only."
                )
            if path.name.startswith(".") or path.name == "__pycache__" or path.name.endswith(".egg-info"):
                continue
            if path.is_symlink():
                result.left_out[name] = "a link"
            elif path.is_dir() and (path.name.casefold() in DATA or (path / "train").is_dir()):
                result.left_out[name + "/"] = "data; never handed in"
            elif path.is_dir() and path.name.casefold() in LEFT_ALONE:
                if path.name != "checker":
                    result.left_out[name + "/"] = "made by a tool or a training"
            elif path.is_dir():
                waiting.append(path)
            elif path.is_file():
                yield name, path


def _look_at_code(name: str, path: Path, most: int, grader: str, result: Plan) -> None:
    content = path.read_bytes()
    if len(content) > most:
        raise PackError(f"{name} is larger than {most / 1e6:g} MB, too large for code; take data out of it.")
    unreadable = not_python.problem(name, content, grader)
    found = [unreadable] if unreadable else not_python.newer(name, content, grader)
    found += not_python.notebook_calls(name, content, grader)
    result.remarks += found
    if found:
        result.remarks.append(f"Until this is put right, {name} earns nothing.")


def _may_be_data(kit: Kit, parts: list[str]) -> bool:
    name = "/".join(parts)
    known = parts[-1].casefold() in kit.facts["hooks"] or _is_deliverable(kit, name)
    return data_files.is_data(name) and len(parts) <= data_files.DEEPEST and not known


def _choose_data(data: dict[str, Path], result: Plan) -> None:
    """Data that the code names comes along, within limits."""
    texts = [path for name, path in result.graded.items() if name.endswith((".py", ".ipynb"))]
    code = [path.read_text(encoding="utf-8", errors="replace") for path in texts]
    named = data_files.named_in(code, data)
    size = count = 0
    for name, path in sorted(data.items()):
        known = NEVER.get(path.suffix.lower())
        if name not in named:
            result.left_out[name] = f"{known}; never handed in unless the code names it" if known else "not asked for"
        elif size + path.stat().st_size > data_files.MOST_BYTES or count == data_files.MOST_FILES:
            most = f"{data_files.MOST_FILES} files or {data_files.MOST_BYTES / 1e6:g} MB of data"
            result.left_out[name] = f"more than {most}, though the code names it"
        else:
            result.graded[name] = path
            size, count = size + path.stat().st_size, count + 1


def _look_at_notebook(kit: Kit, folder: Path, result: Plan) -> None:
    """Raises PackError where neither the files nor a notebook with their code are there, or the notebook is too large."""
    notebooks = {name: path for name, path in result.graded.items() if name.endswith(".ipynb")}
    lacking = [name for name in kit.facts["todo"] if name not in result.graded]
    if lacking and not notebooks:
        wanted = kit.facts["notebook"] or "the notebook with your work"
        missing = f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing, and so is a notebook"
        raise PackError(f"{missing}; {wanted} must lie in {folder}.")
    for name, path in notebooks.items():
        if path.stat().st_size > kit.facts["notebook_bytes"]:
            raise PackError(f"{name} is larger than {kit.facts['notebook_bytes'] / 1e6:g} MB; clear its outputs, save it, and pack again.")
    if len(notebooks) > 1:
        result.remarks.append(f"There are {len(notebooks)} notebooks, of which the one with most of the work is graded: {', '.join(notebooks)}.")


def _take_weights(kit: Kit, folder: Path, result: Plan) -> None:
    """Of each trained model the file that the grader takes: of those that fit the first pattern that any fits, the last by name."""
    for model, patterns in kit.facts["weights"].items():
        found = [sorted(path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink()) for pattern in patterns]
        chosen = next((paths[-1] for paths in found if paths), None)
        if chosen is None:
            result.remarks.append(f"No weights of the model {model} ({patterns[0]}): the grader trains it itself, for a short time.")
        else:
            name = chosen.relative_to(folder).as_posix()
            result.left_out.pop(name, None)
            result.graded[name] = chosen


def _look_at_samples(kit: Kit, result: Plan) -> None:
    wanted, folder, side = (kit.facts[key] for key in ("num_samples", "samples", "image_resolution"))
    if not folder:
        return
    images = {name: path for name, path in result.graded.items() if name.startswith(folder + "/")}
    if len(images) != wanted:
        result.missing.append(
            f"{folder}/ must hold exactly {wanted} images and holds {len(images)}; draw them with sampling.py."
        )
    total = sum(path.stat().st_size for path in images.values())
    if total > kit.facts["images_bytes"]:
        raise PackError(
            f"The images in {folder}/ are larger than {kit.facts['images_bytes'] / 1e6:g} MB together; save them as PNG, {side}×{side}."
        )
    odd = [name for name, path in images.items() if (size := _png_size(path)) and size != (side, side)]
    if odd:
        result.missing.append(
            f"{odd[0]}{f' and {len(odd) - 1} more' if odd[1:] else ''} must be {side}×{side} pixels; draw them again."
        )


def _png_size(path: Path) -> tuple[int, int] | None:
    """(width, height) from the head of a PNG; None for anything else."""
    with path.open("rb") as file:
        head = file.read(24)
    if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 24:
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _is_deliverable(kit: Kit, name: str) -> bool:
    return any(_fits(name, pattern) for entry in kit.facts["deliverables"] for pattern in entry["patterns"])


def _look_at_deliverables(kit: Kit, result: Plan) -> None:
    for entry in kit.facts["deliverables"]:
        names = [*result.graded, *result.staff]
        found = sum(any(_fits(name, pattern) for pattern in entry["patterns"]) for name in names)
        if found < entry["at_least"]:
            like = entry["patterns"][0].replace("*", "")
            lost = f"; without it, {entry['share']:.0%} of all points are lost" if entry["share"] else ""
            result.missing.append(f"Missing: {entry['title']}, a file like {like}{lost}.")


def _fits(name: str, pattern: str) -> bool:
    name, pattern = name.casefold(), pattern.casefold()
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*/{pattern}")


def write(chosen: Plan, target: Path) -> int:
    """Write the zip and return its size in bytes. Raises PackError when the file exists already, or cannot be written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted({**chosen.graded, **chosen.staff}.items()):
            entry = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    content = buffer.getvalue()
    try:
        with target.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise PackError(
            f"{target.name} exists already and was not touched; delete it or move it away, then pack again."
        ) from None
    except OSError as error:
        raise PackError(
            f"{target} cannot be written ({error.strerror}); pack in a folder where you may write."
        ) from None
    return len(content)


def run(kit: Kit, folder: Path, name: str, student_id: str, incomplete: bool) -> int:
    """The command. Returns the exit status: 0 when the zip is there, 2 when not."""
    prepare()
    try:
        target = Path.cwd() / archive_name(kit, name, student_id)
        if target.exists():
            raise PackError(
                f"{target.name} exists already and was not touched; delete it or move it away, then pack again."
            )
        chosen = plan(kit, folder.resolve())
        _print(kit, chosen)
        if chosen.missing and not incomplete:
            raise PackError(
                "no zip was made, since something is missing; add it, or hand in without it by --incomplete."
            )
        size = write(chosen, target)
    except (PackError, OSError) as error:
        print(f"pack: {error}", file=sys.stderr)
        return 2
    count = len(chosen.graded) + len(chosen.staff)
    say()
    say(
        f"{target.name}: {count} file{'s' if count > 1 else ''}, {_amount(size)}. This is the file to hand in.", "green"
    )
    return 0


def _print(kit: Kit, chosen: Plan) -> None:
    say(kit.facts["title"], "bold")
    say("Graded: " + _listed(kit, chosen.graded))
    if chosen.staff:
        say("Comes along: " + _listed(kit, chosen.staff))
    reasons: dict[str, list[str]] = {}
    for name, reason in chosen.left_out.items():
        if reason != "given; the course has it":
            reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        say(f"Left out: {', '.join(names[:3])}{more} ({reason}).", "grey")
    for sentence in chosen.remarks:
        say(sentence, "yellow", mark="!")
    for sentence in chosen.missing:
        say(sentence, "red", mark="✗")


def _listed(kit: Kit, files: dict[str, Path]) -> str:
    folder = f"{kit.facts['samples']}/"
    images = [name for name in files if name.startswith(folder)]
    names = [name for name in files if name not in images]
    return ", ".join(names + ([f"{folder} with {len(images)} images"] if images else [])) + "."


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1000))} kB"


def main(checker: Path, arguments: list[str] | None = None) -> int:
    """`python pack.py` of the kit whose folder is `checker`."""
    parser = argparse.ArgumentParser(prog="pack.py", description="Make the zip that you hand in.")
    parser.add_argument(
        "path", nargs="?", default=str(checker.parent), help="folder with your work (default: this one)"
    )
    parser.add_argument("--name", required=True, help="your name, such as JaneDoe")
    parser.add_argument("--id", required=True, dest="student_id", help="your student ID, such as 20241234")
    parser.add_argument("--incomplete", action="store_true", help="pack although something is missing")
    chosen = parser.parse_args(arguments)
    return run(read_kit(checker), Path(chosen.path), chosen.name, chosen.student_id, chosen.incomplete)
