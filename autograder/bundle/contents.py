"""What a bundle holds: what a grade depends on (grading/dependencies.py), the platform's entry, and the packages around them, pinned."""

import re

from autograder.errors import UserError
from autograder.grading import dependencies
from autograder.grading.dependencies import Code
from autograder.manifest import Manifest
from autograder.places import REPOSITORY, inside

DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "PyYAML"}  # whose module has another name


def code_of(manifest: Manifest, entry: str) -> Code:
    """What `entry` (a module) and the rubric of `manifest` need. Raises UserError where there is no repository around this package."""
    if not manifest.solution.is_dir() or not (REPOSITORY / "constraints.txt").is_file():
        raise UserError(
            "A bundle is made from a copy of the repository, with solutions/ and constraints.txt; this is an installed package."
        )
    return dependencies.code_of(manifest, [entry])


def files_of(manifest: Manifest, code: Code) -> dict[str, bytes]:
    """Path in the bundle → content: the code, the data that it reads, and the data that the assignment lists, whether the handout carries
    it or not. Raises UserError where any of it is missing.
    """
    paths = code.files | dependencies.data_of(manifest, code)
    data = {inside(manifest.solution / name): content for name, content in manifest.listed_data().items()}
    return {inside(path): path.read_bytes() for path in sorted(paths)} | data


def requirements(manifest: Manifest, code: Code) -> tuple[str, str]:
    """requirements.txt: what is imported, pinned; and constraints.txt: everything that comes with it, pinned."""
    pins = {}
    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if version:
            pins[_normal(name)] = f"{_normal(name)}=={version.strip()}"
    wanted = {"torch", "numpy", *code.packages, *manifest.files.packages}
    names = sorted({_normal(DISTRIBUTIONS.get(name, name)) for name in wanted})
    if loose := [name for name in names if name not in pins]:
        raise UserError(f"constraints.txt does not pin {', '.join(loose)}; add the version that the tests ran with.")
    return "".join(f"{pins[name]}\n" for name in names), "".join(f"{pins[name]}\n" for name in sorted(pins))


def _normal(name: str) -> str:
    """A distribution's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
