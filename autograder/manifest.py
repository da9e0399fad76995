"""`assignment.toml`: what an assignment consists of, as records. A key that is not known is an error that names the
nearest one.
"""

import dataclasses
import difflib
import importlib
import re
import tomllib
import types
import typing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from autograder import listed_data, places
from autograder.errors import UserError
from autograder.limits import Limits
from autograder.outcome_rule import OutcomeRule
from autograder.regions import file_of, path_of


@dataclass(frozen=True)
class Files:
    """File names inside the assignment folder."""

    todo: tuple[str, ...]  # hold TODO regions; handed in by the student
    given: tuple[str, ...]  # always taken from the handout
    notebook: str | None = None  # may be handed in; never executed by the grader
    from_notebook: bool = False  # the todo files may be handed in as the definitions of a notebook, whatever it is called
    notebook_globals: str | None = None  # the given file whose names a notebook has from cells of its own: the given file's count
    also_called: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by function: its names in other editions of the course
    packages: tuple[str, ...] = ()  # top-level packages that a student's code may import
    samples: str | None = None  # folder of the images that the student's sampler drew; decoded in the worker only
    num_samples: int | None = None  # how many images there must be
    image_resolution: int | None = None  # their side, in pixels
    checkpoint: str | None = (
        None  # of the student's model, for the case that there are no samples; loaded in the worker only
    )
    weights: dict[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # of trained models, by name: patterns of paths below the code, the first that fits counts; loaded in the worker only


@dataclass(frozen=True)
class Deliverable:
    """Something to be handed in beside the code. Where it is missing, `share` of all points is taken off."""

    title: str  # "a plot of the loss"
    patterns: tuple[str, ...]  # of paths below the top of the submission, as in fnmatch, case ignored: "*loss*.png"
    at_least: int = 1
    share: float = 0.1


@dataclass(frozen=True)
class Data:
    """A file that student code reads and nobody changes, such as weights; see listed_data.py."""

    file: str  # below the folder that students get: "weights/denoiser.safetensors"
    sha256: str  # 64 hexadecimal digits
    title: str = ""  # for sentences: "the weights of the denoiser"
    carried: bool = True  # by handout, kit and bundle, out of the solution's folder; else it is looked up


@dataclass(frozen=True)
class Task:
    """A numbered part of the handout. `needs` names the tasks whose code this one runs (the task graph).

    A task of the kind "manual" has no checks: a person reads it and gives its points, by an override. What a `bonus` task earns comes
    on top, as far as the manifest's `max_bonus` allows. `shares`: regions of other tasks that this one judges too, such as a loss that has to
    work in latent space as well.
    """

    id: str
    title: str
    points: float
    kind: Literal["behaviour", "outcome", "manual"] = "behaviour"
    bonus: bool = False
    regions: tuple[str, ...] = ()  # "file.py:Class.function"
    shares: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def judged(self) -> tuple[str, ...]:
        """The regions that its checks may be about."""
        return (*self.regions, *self.shares)


Flag = Literal["below_floor", "cannot_have_drawn", "copies", "untrained", "without_network"]
# Of an outcome whose figures are met. below_floor: nearer to the real images than other real images are. cannot_have_drawn: the samplers
# beside the samples are undone or wrong. copies: of training images. untrained: the network of a checkpoint does not know the images that
# were drawn with it. without_network: the sampler gives the data whatever the network says.


OutcomePolicy = Literal["own", "shared"]
# own: every submission is trained. shared: where the checks have proved its network and loss right, weights of trainings of the reference are
# laid into its network, and its samplers are judged with them.


@dataclass(frozen=True)
class Policy:
    outside_todo: Literal["warn", "zero"] = "warn"
    hard_coded_device_deduction: float = 0.0
    hints: Literal["none", "where", "what"] = "what"
    submission_name: str | None = None  # a regular expression for the name of a zip file, without ".zip"
    submission_name_share: float = 0.1  # of all points, taken off where a zip is called otherwise
    outcome: OutcomePolicy = "own"
    hold: tuple[Flag, ...] = ()  # what holds the points of an outcome back until a person has looked


@dataclass(frozen=True)
class Profile:
    """How points are summed: "sum" adds up the checks; "tiers" gives `both`, `one` or nothing for the two outcome
    checks. `leaves_out` names tasks ("1-3") and checks ("1-5.ddim_samples_the_swiss_roll") that are not judged and not
    counted, for an edition in which they are optional.
    """

    title: str
    rule: Literal["sum", "tiers"] = "sum"
    both: float = 0.0
    one: float = 0.0
    leaves_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    id: str
    title: str
    course: str
    folder: str
    default_profile: str
    files: Files
    tasks: tuple[Task, ...]
    profiles: dict[str, Profile]
    sample_shape: tuple[int, ...] = ()  # of the data in the checks of behaviour: (2,) for points, (C, H, W) for images
    checks_from: tuple[str, ...] = ()  # folders beside this one whose checks belong to the rubric too
    max_bonus: float | None = None  # points that the bonus tasks may add together; all of theirs where not given
    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=Limits)
    deliverables: tuple[Deliverable, ...] = ()
    data: tuple[Data, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    outcome: OutcomeRule = field(default_factory=OutcomeRule)  # the assignment's own Rule, see outcome_rule.py
    gradescope: dict[str, Any] = field(default_factory=dict)  # see bundle/settings.py

    @property
    def home(self) -> Path:
        """The folder of the rubric."""
        return places.assignments() / self.id

    @property
    def check_files(self) -> tuple[Path, ...]:
        """The files that hold the checks, in the order of their names."""
        folders = (self.home, *(places.assignments() / name for name in self.checks_from))
        return tuple(
            sorted((path for folder in folders for path in folder.glob("test_*.py")), key=lambda path: path.name)
        )

    @property
    def handout(self) -> Path:
        """The folder that students receive."""
        return places.courses() / self.folder

    @property
    def solution(self) -> Path:
        return places.solutions() / self.folder

    @property
    def regions(self) -> tuple[str, ...]:
        """All regions, in the order of the tasks."""
        return tuple(region for task in self.tasks for region in task.regions)

    def task(self, identifier: str) -> Task:
        for task in self.tasks:
            if task.id == identifier:
                return task
        raise UserError(
            f"There is no task {identifier!r} in {self.id}; the tasks are {', '.join(t.id for t in self.tasks)}."
        )

    def listed_data(self) -> dict[str, bytes]:
        """The data that the assignment lists, by its path. Raises UserError where one is missing, or is another file."""
        found = {listed.file: listed_data.find(listed, self.solution) for listed in self.data}
        for _, problem in found.values():
            if problem:
                raise UserError(f"{self.id}: {problem}")
        return {file: content for file, (content, _) in found.items() if content is not None}

    @property
    def total(self) -> float:
        """The points that there are without a bonus."""
        return sum(task.points for task in self.tasks if not task.bonus)

    @property
    def bonus(self) -> float:
        """The points that all bonus tasks together may add."""
        there = sum(task.points for task in self.tasks if task.bonus)
        return there if self.max_bonus is None else min(self.max_bonus, there)

    def profile(self, name: str | None) -> Profile:
        name = name or self.default_profile
        if name not in self.profiles:
            raise UserError(f"There is no profile {name!r} in {self.id}; the profiles are {', '.join(self.profiles)}.")
        return self.profiles[name]


def load_manifest(identifier: str) -> Manifest:
    """The manifest of an assignment, by its identifier. Raises UserError when there is none, or when it is not well
    formed.
    """
    if identifier not in assignment_ids():
        raise UserError(f"There is no assignment {identifier!r}; there is {', '.join(assignment_ids())}.")
    return _load(places.assignments() / identifier / "assignment.toml")


def assignment_ids() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in places.assignments().glob("*/assignment.toml")))


@cache
def _load(path: Path) -> Manifest:
    return parse_manifest(path.read_text(encoding="utf-8"), source=path.parent.name + "/" + path.name)


def parse_manifest(text: str, source: str = "assignment.toml") -> Manifest:
    """Read a manifest from TOML text. Raises UserError naming `source` and the key at fault."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{source} is not valid TOML: {error}.") from error
    outcome = table.pop("outcome", {})
    manifest = build_record(Manifest, table, source)
    manifest = dataclasses.replace(manifest, outcome=build_record(_rule_of(manifest.id), outcome, f"{source}: outcome"))
    known = {task.id for task in manifest.tasks}
    for task in manifest.tasks:
        for need in task.needs:
            if need not in known:
                raise UserError(f"{source}: task {task.id} needs {need!r}, which is not a task.")
    if len(known) != len(manifest.tasks):
        raise UserError(f"{source}: two tasks have the same id.")
    for task in manifest.tasks:
        if task.kind == "manual" and task.judged:
            raise UserError(f"{source}: task {task.id} is judged by a person, so it has no regions; take them out, or the kind.")
    _check_regions(manifest, source)
    if manifest.max_bonus is not None and (manifest.max_bonus < 0 or not any(task.bonus for task in manifest.tasks)):
        raise UserError(f"{source}: max_bonus is 0 or more, and there for tasks with bonus = true.")
    _check_data(manifest, source)
    manifest.profile(None)
    for name, profile in manifest.profiles.items():
        if unknown := [left for left in profile.leaves_out if left.partition(".")[0] not in known]:
            raise UserError(f"{source}: the profile {name} leaves out {unknown[0]!r}, which is of no task.")
    return manifest


def _rule_of(identifier: str) -> type[OutcomeRule]:
    """The record that an assignment declares for its table [outcome]."""
    if not (places.assignments() / identifier / "rule.py").is_file():
        return OutcomeRule
    return importlib.import_module(f"autograder.assignments.{identifier}.rule").Rule


def _check_regions(manifest: Manifest, source: str) -> None:
    """Raise UserError for a region that is in no file of students, or listed twice, or shared without being one."""
    for task in manifest.tasks:
        for region in task.regions:
            if file_of(region) not in manifest.files.todo or not path_of(region):
                form = f"{manifest.files.todo[0] if manifest.files.todo else 'file.py'}:Class.function"
                raise UserError(f"{source}: task {task.id} lists the region {region!r}; write a file of files.todo and a name, as {form!r}.")
            if manifest.regions.count(region) > 1:
                raise UserError(f"{source}: the region {region!r} is listed twice.")
        for region in task.shares:
            if region not in manifest.regions or region in task.regions:
                raise UserError(f"{source}: task {task.id} shares {region!r}, which is a region of no other task.")


def _check_data(manifest: Manifest, source: str) -> None:
    for listed in manifest.data:
        if not re.fullmatch(r"[0-9A-Fa-f]{64}", listed.sha256):
            raise UserError(f"{source}: the sha256 of {listed.file} must be 64 hexadecimal digits, as `sha256sum` prints them.")
        parts = PurePosixPath(listed.file).parts
        if not parts or ".." in parts or listed.file.startswith("/") or "\\" in listed.file:
            raise UserError(f"{source}: {listed.file!r} must be a path below the assignment's folder, such as weights/net.safetensors.")
        if listed.file in (*manifest.files.todo, *manifest.files.given):
            raise UserError(f"{source}: {listed.file} is listed as data and as a file of code; keep one.")
    names = [listed.file for listed in manifest.data]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{source}: {twice[0]} is listed twice as data; keep one.")


def build_record(kind: Any, value: Any, where: str) -> Any:
    """Plain TOML data as the annotated type `kind`, such as a dataclass. Raises UserError naming `where` and the key at fault."""
    origin = typing.get_origin(kind)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise UserError(f"{where} must be a table.")
        hints = typing.get_type_hints(kind)
        fields = {f.name: f for f in dataclasses.fields(kind)}
        for key in value:
            if key not in fields:
                near = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)
                known = f"the nearest known key is {near[0]!r}" if near else f"{kind.__name__} has no keys"
                raise UserError(f"{where}: unknown key {key!r}; {known}.")
        for name, f in fields.items():
            if name not in value and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
                raise UserError(f"{where}: the key {name!r} is missing.")
        return kind(**{key: build_record(hints[key], item, f"{where}: {key}") for key, item in value.items()})
    if origin is tuple:
        if not isinstance(value, list):
            raise UserError(f"{where} must be a list.")
        inner = typing.get_args(kind)[0]
        return tuple(build_record(inner, item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise UserError(f"{where} must be a table.")
        inner = typing.get_args(kind)[1]
        return {key: build_record(inner, item, f"{where}.{key}") for key, item in value.items()}
    if origin is Literal:
        options = typing.get_args(kind)
        if value not in options:
            raise UserError(f"{where} must be one of {', '.join(map(repr, options))}, not {value!r}.")
        return value
    if origin is types.UnionType:
        return value if value is None else build_record(typing.get_args(kind)[0], value, where)
    if kind is Any:
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise UserError(f"{where} must be {kind.__name__}, not {value!r}.")
    return value
