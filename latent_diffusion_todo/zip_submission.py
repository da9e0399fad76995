"""Make the zip that you hand in: code/, writeup/ and results/ (given; nothing to do here).

    python zip_submission.py                    writes submission.zip
    python zip_submission.py --output team.zip

code/ has your Python files and configs/; writeup/ what lies in writeup/, such as report.pdf; results/ of each training in ../logs/ its
configuration, loss curve, samples, and model.safetensors where it has at most 40 MB. Data, checkpoints and TensorBoard's logs are left out.
"""

import argparse
import os
import zipfile
from pathlib import Path

from libs.errors import UserError, run

LOGS = Path("../logs")
MOST_MODEL, MOST_WRITEUP = 40_000_000, 20_000_000  # bytes, of a file
CODE = ("*.py", "*.ipynb", "libs/**/*.py", "configs/*.yaml", "configs/*.yml")
RESULTS = ("config.yaml", "loss.png", "sample*-*.png", "*.txt", "*.json")


def collect(folder, logs):
    """What goes in, as name in the zip → file, and a sentence for each file that is left out. Raises UserError where there is no code."""
    if not (folder / "libs" / "ddpm.py").is_file():
        raise UserError("There is no libs/ddpm.py here; run this in the folder of the assignment.")
    left_out = []
    files = {f"code/{path.relative_to(folder).as_posix()}": path for pattern in CODE for path in sorted(folder.glob(pattern))}
    for path in sorted((folder / "writeup").rglob("*")):
        if path.is_file() and path.stat().st_size <= MOST_WRITEUP:
            files[path.relative_to(folder).as_posix()] = path
        elif path.is_file():
            left_out.append(f"{path.relative_to(folder).as_posix()} has more than {MOST_WRITEUP // 1_000_000} MB.")
    for training in sorted(path for path in logs.glob("*") if path.is_dir()):
        found = [path for pattern in RESULTS for path in sorted(training.glob(pattern))]
        model = training / "model.safetensors"
        if model.is_file() and model.stat().st_size <= MOST_MODEL:
            found.append(model)
        elif model.is_file():
            left_out.append(f"{training.name}/model.safetensors has more than {MOST_MODEL // 1_000_000} MB; hand it in as your course says.")
        files |= {f"results/{training.name}/{path.name}": path for path in found}
    return {name: path for name, path in files.items() if not _hidden(name)}, left_out


def _hidden(name):
    return any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))


def write_zip(files, output):
    """A zip of the files under their names, which are relative; whole or not at all."""
    partial = output.with_name(output.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    os.replace(partial, output)


def remarks_on(files):
    """What seems to be missing, a sentence each."""
    kinds = {name.partition("/")[0] for name in files}
    if "writeup" not in kinds:
        yield "There is no writeup/; put your report there as a PDF."
    if not any(name.endswith("model.safetensors") for name in files):
        yield f"There is no trained model in {LOGS}/."


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("submission.zip"))
    args = parser.parse_args(arguments)
    files, left_out = collect(Path(), LOGS)
    try:
        write_zip(files, args.output)
    except OSError as error:
        raise UserError(f"{args.output} could not be written ({error.strerror}).") from None
    print(*files, sep="\n")
    print(*(f"Left out: {said}" for said in left_out), *remarks_on(files), sep="\n", end="\n" if left_out or list(remarks_on(files)) else "")
    print(f"{args.output}: {len(files)} files, {args.output.stat().st_size / 1e6:.1f} MB.")


if __name__ == "__main__":
    run(main)
