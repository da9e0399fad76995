"""How a course wants its submissions graded on Gradescope: the table `[gradescope]` of assignment.toml, or a file of the same keys."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from autograder.errors import UserError
from autograder.manifest import Manifest, build_record
from autograder.report.gradescope import Visibility


@dataclass(frozen=True)
class Ranking:
    """One column of the leaderboard: a figure in the evidence of a check."""

    name: str  # "Chamfer distance, DDPM"
    check: str  # "1-5.ddpm_samples_the_swiss_roll"
    figure: str  # "Chamfer distance"
    order: Literal["asc", "desc"] = "asc"  # "asc": the smallest is the best


@dataclass(frozen=True)
class Settings:
    """Every key has a default, so that an empty table is a sensible one."""

    assignment: str = ""  # filled in by `autograder bundle`
    profile: str | None = None  # how points are summed; the assignment's default when not given
    minutes: float = 10.0  # the time limit that is set on the platform
    memory_megabytes: int = 768  # of the container, where the system does not tell
    processors: float = 0.5  # of the container, where the system does not tell
    max_attempts_per_day: int = 0  # graded ones within 24 hours; 0: no limit
    over_limit_keeps: Literal["best", "last"] = "best"  # which earlier score a submission over the limit gets
    late_penalty_per_day: float = 0.0  # share of all points taken off for each day begun after the due date, 0 … 1
    grace_minutes: float = 0.0  # after the due date, before it counts as late
    behaviour_visibility: Visibility = "visible"
    outcome_visibility: Visibility = "visible"
    stdout_visibility: Visibility = (
        "hidden"  # staff see it in any case; the notices for staff are printed where students do not
    )
    leaderboard: bool = False
    rankings: tuple[Ranking, ...] = ()

    def visibility(self, kind: str) -> Visibility:
        return self.outcome_visibility if kind == "outcome" else self.behaviour_visibility

    def hides_total(self, manifest: Manifest) -> str:
        """One sentence on what students do not see, or "". Gradescope shows no total while a test is not visible."""
        kinds = dict.fromkeys(task.kind for task in manifest.tasks if task.kind != "manual")
        covered = {kind: self.visibility(kind) for kind in kinds if self.visibility(kind) != "visible"}
        if not covered:
            return ""
        which = " and ".join(f"the checks of {kind} are {value!r}" for kind, value in covered.items())
        return f"Students will see no total as long as one check is not visible to them, and {which}."


def read_settings(manifest: Manifest, path: Path | None = None) -> Settings:
    """The settings of `manifest`, with those in the file at `path` in their place. Raises UserError for what cannot be meant."""
    table: dict[str, Any] = dict(manifest.gradescope)
    if path is not None:
        try:
            table |= tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"The settings {path} cannot be read ({getattr(error, 'strerror', 'no UTF-8')})."
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"{path} is not valid TOML: {error}.") from error
    where = str(path) if path else f"{manifest.id}/assignment.toml: gradescope"
    settings: Settings = build_record(Settings, {**table, "assignment": manifest.id}, where)
    manifest.profile(settings.profile)
    for name, least, most in (
        ("minutes", 2.0, 1440.0),
        ("memory_megabytes", 512, 1_000_000),
        ("processors", 0.1, 1024.0),
        ("max_attempts_per_day", 0, 1_000_000),
        ("late_penalty_per_day", 0.0, 1.0),
        ("grace_minutes", 0.0, 1_000_000.0),
    ):
        value = getattr(settings, name)
        if not least <= value <= most:
            raise UserError(f"{where}: {name} must be between {least:g} and {most:g}, not {value:g}.")
    return settings


def as_toml(settings: Settings) -> str:
    """The settings as TOML, for the bundle; `read_settings` gives the same back."""
    lines = [
        "# How this bundle grades. Written by `autograder bundle`; docs/gradescope.md says what each key means.",
        "",
    ]
    for name, value in vars(settings).items():
        if name != "rankings" and value is not None:
            lines.append(f"{name} = {_toml(value)}")
    for ranking in settings.rankings:
        lines += ["", "[[rankings]]", *(f"{name} = {_toml(value)}" for name, value in vars(ranking).items())]
    return "\n".join(lines) + "\n"


def _toml(value: bool | float | str) -> str:
    """As in JSON, whose strings are strings of TOML but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
