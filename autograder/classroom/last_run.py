"""What the last `autograder class` found, beside the ledger: who handed in and who is on the roster.

The ledger keeps everybody who was ever graded; by this the gradebook knows whom the class page shows.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from autograder.classroom.people import Person
from autograder.errors import UserError

SCHEMA = "autograder-class-1"
NAME = "class.json"


@dataclass(frozen=True)
class LastRun:
    """`names`: identity of each submission that lay in the folder → the name it had there. `joined`: those of them that an earlier run
    did not find."""

    names: dict[str, str]
    roster: tuple[Person, ...] = ()
    joined: frozenset[str] = frozenset()

    def to_json(self) -> str:
        people = [asdict(person) for person in self.roster]
        data = {"schema": SCHEMA, "names": self.names, "joined": sorted(self.joined), "roster": people}
        return json.dumps(data, ensure_ascii=False, indent=1)

    def after(self, earlier: "LastRun | None") -> "LastRun":
        """This run, knowing who joined since an earlier one."""
        new = self.names.keys() - earlier.names.keys() if earlier else set()
        return replace(self, joined=frozenset(new | (earlier.joined & self.names.keys() if earlier else set())))


def read_last_run(folder: Path) -> LastRun | None:
    """What is known of the last run of the class; None where nothing is. Raises UserError for a damaged file."""
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); run `autograder class` again, which writes it anew."
        ) from error
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise ValueError("another schema")
        roster = tuple(Person(**person) for person in data["roster"])
        return LastRun(dict(data["names"]), roster, frozenset(data["joined"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}); run `autograder class` again, which writes it anew.") from error
