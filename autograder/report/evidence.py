"""The numbers that a check has noted, laid out for reading."""

from dataclasses import dataclass
from typing import Any

from autograder.text import clean_data, clean_line

EVIDENCE_ROWS, CELL = 16, 80  # rows, and characters of a cell


@dataclass(frozen=True)
class Evidence:
    """The numbers behind a message: single `facts`, and a `table` of lists of the same length."""

    facts: tuple[tuple[str, str], ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.facts or self.rows)


def tabulate(evidence: dict[str, Any]) -> Evidence:
    """Lay evidence out: lists of one length as columns, the rest as names and values, nested names joined by dots."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                walk(f"{prefix}.{key}" if prefix else key, item)
        else:
            flat[prefix] = value

    walk("", clean_data(evidence) if isinstance(evidence, dict) else {})
    flat.pop("", None)
    lists = {
        name: value
        for name, value in flat.items()
        if isinstance(value, list) and len(value) >= 2 and not any(isinstance(item, (list, dict)) for item in value)
    }
    length = max((len(value) for value in lists.values()), key=[len(v) for v in lists.values()].count, default=0)
    columns = {name: value for name, value in lists.items() if len(value) == length}
    if len(columns) < 2 or len(columns) > 6:
        columns = {}
    rows = [tuple(_cell(value) for value in row) for row in zip(*columns.values())]
    if len(rows) > EVIDENCE_ROWS:
        rows = [*rows[:EVIDENCE_ROWS], ("…", *[""] * (len(columns) - 1))]
    facts = [(name, _cell(value)) for name, value in flat.items() if name not in columns]
    if len(facts) > EVIDENCE_ROWS:
        facts = [*facts[:EVIDENCE_ROWS], ("…", f"{len(facts) - EVIDENCE_ROWS} more")]
    return Evidence(tuple(facts), tuple(columns), tuple(rows))


def _cell(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e+").replace("-", "−")
    if isinstance(value, int):
        return str(value).replace("-", "−")
    if isinstance(value, list):
        return clean_line("(" + ", ".join(_cell(item) for item in value) + ")", CELL)
    if value in ("nan", "inf", "-inf"):
        return {"nan": "NaN", "inf": "∞", "-inf": "−∞"}[value]
    return clean_line(str(value), CELL)
