"""The layout without an installation: this machine's Python and its packages, seen at other places of a small root file system."""

import sys
import sysconfig
from pathlib import Path

from tests.gradescope_layout.container import Container

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")


def environment(home: Path, python: str, source: str, packages: str) -> None:
    """A virtual environment at `home` with the Python of the prefix `python`, made by hand, since it lies elsewhere when it is used."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = home / "lib" / version / "site-packages"
    folder.mkdir(parents=True)
    (folder / "autograder.pth").write_text(f"{source}\n{packages}\n")
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(f"{python}/bin/{version}")
    (home / "pyvenv.cfg").write_text(f"home = {python}/bin\ninclude-system-site-packages = false\n")


def small_container(root: Path, bundle: Path) -> Container:
    """Needs root to be used. In it, the bundle finds its Python where setup.sh would have put it."""
    binds = [(Path(sysconfig.get_paths()["purelib"]), "/opt/packages"), (Path("/etc"), "/etc")]
    python = Path(sys.base_prefix)
    if not python.is_relative_to("/usr"):
        binds.append((python, str(python)))  # where it is here: its programs look for their libraries there
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            root.mkdir(parents=True, exist_ok=True)
            (root / name[1:]).symlink_to(path.readlink())
        elif path.is_dir():
            binds.append((path, name))
    container = Container(root, tuple(binds))
    container.fill(bundle)
    environment(root / "opt/autograder/venv", str(python), "/autograder/source", "/opt/packages")
    return container
