"""`autograder new`: the beginnings of an assignment, which validate as they stand. The templates lie in `new/`."""

import json
import keyword
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autograder import places
from autograder.errors import UserError

TEMPLATES = Path(__file__).resolve().parent / "new"


def new_assignment(identifier: str, course: str) -> list[Path]:
    """Write both folders, and return the files. Raises UserError for an identifier that cannot be used, before anything is written."""
    course = " ".join(course.split())
    if not course or not course.isprintable():
        raise UserError('Say for which course it is, such as --course "Durham COMP3547, practical 5".')
    _check_identifier(identifier)
    contents = new_files(identifier, course)
    try:
        for path, text in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot write {error.filename}: {error.strerror}; remove what is there of {identifier}, and try again.") from error
    return list(contents)


def new_files(identifier: str, course: str) -> dict[Path, str]:
    """Path → text of every file of a new assignment."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True)
    environment.globals["quoted"] = lambda text: json.dumps(text, ensure_ascii=False)  # JSON's strings are TOML's
    folder = f"{identifier}_todo"
    words = {"id": identifier, "title": identifier.replace("_", " ").capitalize(), "course": course, "folder": folder}
    homes = {"solution": places.solutions() / folder, "assignment": places.assignments() / identifier}
    return {
        homes[part] / name.removesuffix(".jinja"): environment.get_template(f"{part}/{name}").render(words)
        for part in homes
        for name in sorted(path.name for path in (TEMPLATES / part).iterdir())
    }


def _check_identifier(identifier: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", identifier):
        raise UserError(
            f"{identifier!r} cannot name an assignment, which is a Python package; write up to 60 small letters, digits and _, such as flow_matching."
        )
    if keyword.iskeyword(identifier):
        raise UserError(f"{identifier!r} is a word of Python's own and cannot name a package; write another, such as {identifier}_diffusion.")
    folder = f"{identifier}_todo"
    for taken in (places.assignments() / identifier, places.solutions() / folder, places.courses() / folder):
        if taken.exists():
            raise UserError(f"{places.inside(taken)} exists already; choose another identifier, or remove what is there.")
