"""`numbers.json` says what right solutions give in the visible checks today."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from autograder.errors import UserError
from autograder.manifest import Manifest, assignment_ids, load_manifest
from autograder.release import numbers
from autograder.release.kit import facts_kit, make_kit

DERIVED = {
    "checks": [{"id": "one", "task": "1", "region": "f", "where": "Eq. 1", "sentence": "A sentence."}],
    "pictures": [],
    "numbers": {"one": {"x_t": [[1.0, -2.5], [0.0, 3.0]], "σ": [0.98]}},
}
ALLOWED = {"one": {"x_t": {"within": 1e-4, "relative": 1e-4}, "σ": {"within": 1e-4, "relative": 0.05}}}


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """An assignment with visible checks that give DERIVED, and with no file yet."""
    known = load_manifest(assignment_ids()[0])
    monkeypatch.setattr("autograder.places.assignments", lambda: tmp_path)
    known.home.mkdir()
    monkeypatch.setattr(numbers, "visible_modules", lambda manifest: ["autograder.assignments.some.visible"])
    monkeypatch.setattr(numbers, "derive_numbers", lambda manifest, kit: (copy.deepcopy(DERIVED), ALLOWED))
    return known


def changed(manifest: Manifest, change: Any) -> list[str]:
    """What is said of a file in which something was changed."""
    content = copy.deepcopy(DERIVED)
    change(content)
    (manifest.home / numbers.FILE).write_text(json.dumps(content))
    return numbers.check_numbers(manifest, facts_kit(manifest))


def test_it_is_written_once_and_read_by_the_kit(manifest: Manifest):
    kit = facts_kit(manifest)
    with pytest.raises(UserError, match=rf"missing or damaged; run `autograder release {manifest.id}`"):
        make_kit(manifest)
    assert numbers.write_numbers(manifest, kit) == [f"{manifest.id}/numbers.json: written."]
    assert numbers.write_numbers(manifest, kit) == []
    assert make_kit(manifest).numbers == DERIVED["numbers"]
    assert make_kit(manifest).facts["checks"] == DERIVED["checks"]


def test_what_is_stale_is_named(manifest: Manifest):
    values = DERIVED["numbers"]["one"]["x_t"]
    assert (
        "the numbers of one are stale"
        in changed(manifest, lambda c: c["numbers"]["one"].update({"x_t": [values[0]]}))[0]
    )
    assert (
        "the numbers of one are stale"
        in changed(manifest, lambda c: c["numbers"]["one"]["x_t"][0].__setitem__(0, 1.001))[0]
    )
    assert (
        "the numbers of one are stale"
        in changed(manifest, lambda c: c["numbers"]["one"]["x_t"][0].__setitem__(0, None))[0]
    )
    assert "the numbers of two are stale" in changed(manifest, lambda c: c["numbers"].update(two={}))[0]
    assert (
        "the visible checks have changed" in changed(manifest, lambda c: c["checks"][0].update(sentence="Another."))[0]
    )
    assert "missing or damaged" in changed(manifest, lambda c: c.pop("pictures"))[0]


def test_another_machine_rounds_differently_and_nothing_is_stale(manifest: Manifest):
    assert changed(manifest, lambda c: c["numbers"]["one"]["x_t"][0].__setitem__(0, 1.00001)) == []
    assert changed(manifest, lambda c: c["numbers"]["one"].update({"σ": [0.97]})) == []
    assert "the numbers of one are stale" in changed(manifest, lambda c: c["numbers"]["one"].update({"σ": [0.93]}))[0]


@pytest.mark.parametrize(("other", "kept"), [(1.000001, [1.0]), (1.1, [1.0, 1.1])])
def test_right_solutions_that_round_differently_give_one_number(
    other: float, kept: list[float], manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the file would have one more or less on another machine."""
    given = iter([1.0, other])
    monkeypatch.undo()
    monkeypatch.setattr(numbers, "_also_right", lambda manifest: [None])
    monkeypatch.setattr(numbers, "apply_variant", lambda manifest, variant: {})
    monkeypatch.setattr(
        numbers, "record", lambda kit, files: {"one": {"a": {"values": next(given), "within": 1e-4, "relative": 1e-4}}}
    )
    derived, allowed = numbers.derive_numbers(load_manifest(manifest.id), facts_kit(manifest))
    assert derived["numbers"] == {"one": {"a": kept}}
    assert allowed["one"]["a"]["values"] == 1.0


def test_a_damaged_file_is_one_sentence(manifest: Manifest):
    for text in ("{", '"words"', "[]", '{"checks": [], "pictures": []}', '{"numbers": 3}', "\xff"):
        (manifest.home / numbers.FILE).write_bytes(text.encode("latin-1"))
        assert "missing or damaged" in numbers.check_numbers(manifest, facts_kit(manifest))[0]
