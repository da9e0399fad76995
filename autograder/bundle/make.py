"""`autograder bundle`: write the zip for Gradescope, for an image, or for GitHub Classroom."""

import hashlib
import hmac
import io
import zipfile
from pathlib import Path

from autograder.bundle.classroom import classroom_files
from autograder.bundle.contents import code_of, files_of, requirements
from autograder.bundle.settings import Settings, as_toml, read_settings
from autograder.errors import UserError
from autograder.grading.seeds import load_secret
from autograder.manifest import Manifest, load_manifest
from autograder.newer_python import GRADER
from autograder.verdict import write_atomically

TEMPLATES = Path(__file__).resolve().parent / "templates"
RUNTIME = "autograder.bundle.gradescope"
PYTHON, UV = ".".join(map(str, GRADER)), "0.13.9"
PROGRAMS = ("setup.sh", "run_autograder", "entry_point.sh")
PRIVATE = ("secret",)
LARGE = 100 << 20  # bytes; what Gradescope takes is more, but uploads and images grow with it


def bundle(assignment: str, target: str, out: Path, settings_file: Path | None = None) -> list[str]:
    """Write the bundle of an assignment and return what the instructor should read, a sentence each.

    `target`: "gradescope", "docker" or "github-classroom". Raises UserError for an unknown assignment, settings that cannot be meant, a copy
    of the project that is not whole, and a place that cannot be written.
    """
    manifest = load_manifest(assignment)
    settings = read_settings(manifest, settings_file)
    if target == "github-classroom":
        files, remarks = classroom_files(manifest, settings), []
    else:
        files, remarks = bundle_files(manifest, settings), [settings.hides_total(manifest)]
    if target == "docker":
        files["secret"] = bundle_secret(manifest, target).encode()
        files |= {name: (TEMPLATES / name).read_bytes() for name in ("Dockerfile", "entry_point.sh")}
    data = as_zip(files)
    try:
        write_atomically(out, data)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); choose another place with -o.") from error
    size = f"{out}: {len(files)} files, {len(data) / 1e6:.1f} MB. {NEXT[target]}"
    if len(data) > LARGE:
        remarks.append("It is large because of the references that the assignment names in its outcome.")
    return [size, *filter(None, remarks)]


NEXT = {
    "gradescope": "Upload it under Configure Autograder. It holds the seed of your grades and the solution: keep it from students.",
    "docker": "Unpack it and run `docker build`. It holds the seed of your grades and the solution: keep the image from students.",
    "github-classroom": "Unpack it into the template repository of the assignment, and read what docs/gradescope.md says of its limits.",
}


def bundle_files(manifest: Manifest, settings: Settings) -> dict[str, bytes]:
    """Path → content of a bundle that grades."""
    code = code_of(manifest, RUNTIME)
    pinned, constraints = requirements(manifest, code)
    setup = (TEMPLATES / "setup.sh").read_text(encoding="utf-8").replace("@PYTHON@", PYTHON).replace("@UV@", UV)
    return {
        **files_of(manifest, code),
        "setup.sh": setup.encode(),
        "run_autograder": (TEMPLATES / "run_autograder").read_bytes(),
        "requirements.txt": pinned.encode(),
        "constraints.txt": constraints.encode(),
        "bundle.toml": as_toml(settings).encode(),
        "secret": bundle_secret(manifest).encode(),
    }


def bundle_secret(manifest: Manifest, target: str = "gradescope") -> str:
    """The secret of a bundle: follows from the instructor's, the assignment and the target, so that every bundle of a course has the same. It
    does not give away the instructor's, nor that of another target: whoever reads an image that students run knows nothing of the grades.
    """
    purpose = f"bundle of {manifest.id}" + ("" if target == "gradescope" else f" for {target}")
    return hmac.new(load_secret(), purpose.encode(), hashlib.sha256).hexdigest()


def as_zip(files: dict[str, bytes]) -> bytes:
    """A zip that depends on the files only: no dates, one order."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that the permissions count
            mode = 0o755 if name in PROGRAMS else 0o600 if name in PRIVATE else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content)
    return target.getvalue()
