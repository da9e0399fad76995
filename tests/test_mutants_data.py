"""The known mistakes and the known right variants of each assignment are well formed.

Whether the rubric judges them as it must is for `autograder validate` to show, which runs them.
"""

import re
from functools import cache

import pytest

from autograder.assignments.swiss_roll.misconceptions import COMBINATIONS
from autograder.grading import mutants
from autograder.manifest import load_manifest
from autograder.release.leaks import find_leaks, secrets

MANIFEST = load_manifest("swiss_roll")
MISCONCEPTIONS = {misconception.id: misconception for misconception in mutants.misconceptions(MANIFEST)}
VARIANTS = {variant.id: variant for variant in mutants.variants(MANIFEST)}
SOLUTION = mutants.solution_files(MANIFEST)
TASK_OF_REGION = {region: task.id for task in MANIFEST.tasks for region in task.regions}
KEBAB_CASE = re.compile(r"[a-z][a-z0-9]*(-[a-zA-Z0-9]+)*")
CODE = re.compile(r"self\.|torch\.|\.sqrt|\*\*|==")


@cache
def with_mistakes(*chosen: str) -> dict[str, bytes]:
    return mutants.apply_misconceptions(MANIFEST, tuple(MISCONCEPTIONS[i] for i in chosen))


@cache
def as_variant(identifier: str) -> dict[str, bytes]:
    return mutants.apply_variant(MANIFEST, VARIANTS[identifier])


def compile_changes(files: dict[str, bytes], what: str) -> None:
    for name, content in files.items():
        if content != SOLUTION.get(name):
            compile(content, f"{name} of {what}", "exec")


def changed_files(files: dict[str, bytes]) -> set[str]:
    return {name for name, content in files.items() if content != SOLUTION.get(name)}


def sentences(text: str) -> int:
    return len(re.findall(r"[.?!](?=\s+[A-Zx]|$)", text))


def test_identifiers_are_unique_and_speak():
    assert len(MISCONCEPTIONS) == len(mutants.misconceptions(MANIFEST))
    assert len(VARIANTS) == len(mutants.variants(MANIFEST))
    assert [name for name in [*MISCONCEPTIONS, *VARIANTS] if not KEBAB_CASE.fullmatch(name)] == []


def test_every_region_has_misconceptions_and_each_names_the_task_of_its_region():
    assert {m.region for m in MISCONCEPTIONS.values()} == set(TASK_OF_REGION)
    assert [m.id for m in MISCONCEPTIONS.values() if TASK_OF_REGION[m.region] != m.task] == []


def test_every_misconception_changes_the_file_of_its_region_and_compiles():
    for misconception in MISCONCEPTIONS.values():
        files = with_mistakes(misconception.id)
        assert changed_files(files) == {misconception.region.partition(":")[0]}, misconception.id
        compile_changes(files, misconception.id)


def test_no_two_mutants_are_the_same():
    made = [with_mistakes(i) for i in MISCONCEPTIONS] + [as_variant(i) for i in VARIANTS]
    assert len({tuple(sorted(files.items())) for files in made}) == len(made)


def test_explanations_are_short_and_unlike_each_other():
    for misconception in MISCONCEPTIONS.values():
        text = misconception.explanation
        assert 1 <= sentences(text) <= 3, text
        assert 40 < len(text) < 320, text
        assert text == " ".join(text.split()), "broken over lines with a space too many or too few"
        assert text.endswith((".", "?")), text
    assert len({(m.region, m.explanation) for m in MISCONCEPTIONS.values()}) == len(MISCONCEPTIONS)


def test_explanations_keep_the_answer():
    texts = {m.id: m.explanation.encode() for m in MISCONCEPTIONS.values()}
    known = [secret for name, text in mutants.solution_texts(MANIFEST.id).items() for secret in secrets(text, name)]
    assert known
    assert find_leaks(texts, known) == []
    assert [m.id for m in MISCONCEPTIONS.values() if CODE.search(m.explanation)] == []


@pytest.mark.parametrize("chosen", COMBINATIONS, ids="+".join)
def test_combination_can_be_made_in_any_order(chosen):
    files = with_mistakes(*chosen)
    assert files == with_mistakes(*reversed(chosen))
    assert files not in [with_mistakes(i) for i in chosen]
    compile_changes(files, "+".join(chosen))


def test_combinations_lie_in_different_tasks_or_in_one_region():
    assert len({frozenset(chosen) for chosen in COMBINATIONS}) == len(COMBINATIONS)
    tasks = [[MISCONCEPTIONS[i].task for i in chosen] for chosen in COMBINATIONS]
    regions = [{MISCONCEPTIONS[i].region for i in chosen} for chosen in COMBINATIONS]
    assert sum(len(set(of)) == len(of) for of in tasks) >= 12
    assert sum(len(of) == 1 for of in regions) >= 8


def test_every_variant_compiles_and_leaves_the_given_files_alone():
    for identifier, variant in VARIANTS.items():
        files = as_variant(identifier)
        assert changed_files(files), identifier
        assert not changed_files(files) & set(MANIFEST.files.given), identifier
        compile_changes(files, identifier)
        assert len(variant.description) > 10, identifier


def test_every_variant_names_known_regions_and_files():
    for variant in VARIANTS.values():
        assert set(variant.bodies) <= set(TASK_OF_REGION), variant.id
        assert set(variant.edits) <= set(MANIFEST.files.todo), variant.id


def test_a_mistake_is_refused_where_its_text_is_not_found_once():
    twice = mutants.Misconception(
        "twice", "1-1", "network.py:SimpleNet.forward", "", edits=(("self.layers", "self.blocks"),)
    )
    with pytest.raises(ValueError, match="occurs 2 times"):
        mutants.apply_misconceptions(MANIFEST, (twice,))
