"""Which mutants there are to judge: drawn by a seed, without repetition, from the solution and from right variants of it.

An operator is drawn first and then a place, so that an operator with few places comes as often as one with many. Where the single
mutants of the solution are all drawn, pairs of edits in one region follow.
"""

import difflib
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from autograder.grading.generated.operators import edits, tried
from autograder.grading.generated.source import Edit, Source
from autograder.grading.mutants import right_texts, variants
from autograder.manifest import Manifest
from autograder.markers import strip_markers
from autograder.regions import file_of, path_of

SHARE_OF_VARIANTS = 0.2
MUTANTS_OF_A_BODY = 5  # at least, of each body of a variant that is drawn
ATTEMPTS = 50  # for each pair


@dataclass(frozen=True)
class Mutant:
    """`variant`: the right version that was changed, "" for the solution. `text`: of the whole file, as it would be handed in."""

    id: str
    assignment: str
    variant: str
    region: str
    operators: tuple[str, ...]
    text: str
    diff: str

    @property
    def before(self) -> tuple[str, ...]:
        """The lines that were changed, without their margins."""
        return _lines(self.diff, "-")

    @property
    def after(self) -> tuple[str, ...]:
        return _lines(self.diff, "+")


def draw(manifest: Manifest, number: int, seed: int) -> list[Mutant]:
    """`number` mutants, or all that there are; a fifth of them of variants, where the assignment has any."""
    chance = random.Random(f"{manifest.id} {seed}")
    bodies = [(variant.id, region) for variant in variants(manifest) for region in variant.bodies]
    chance.shuffle(bodies)
    of_variants = round(SHARE_OF_VARIANTS * number) if bodies else 0
    found: list[Mutant] = []
    sources = [(name, source_of(manifest.id, name, region)) for name, region in bodies[: max(1, of_variants // MUTANTS_OF_A_BODY)]]
    if of_variants:
        found = _drawn(manifest, sources, of_variants, chance)
    own = [("", source_of(manifest.id, "", region)) for region in manifest.regions]
    return [*_drawn(manifest, own, number - len(found), chance), *found]


@cache
def source_of(assignment: str, variant: str, region: str) -> Source:
    """A region of a right version."""
    return Source(right_texts(assignment, variant)[file_of(region)], region)


def _drawn(manifest: Manifest, sources: Sequence[tuple[str, Source]], number: int, chance: random.Random) -> list[Mutant]:
    """Single mutants first, then pairs."""
    known = {source: {source.program(()) or ""} for _, source in sources}
    variant_of = {source: name for name, source in sources}
    single: dict[str, list[tuple[Source, Edit]]] = {}
    for _, source in sources:
        for edit in edits(source):
            single.setdefault(edit.operator, []).append((source, edit))
    places = [place for group in single.values() for place in group]
    beside = {source: [edit for of, edit in places if of is source] for _, source in sources}
    for group in single.values():
        chance.shuffle(group)
    found: list[Mutant] = []
    while len(found) < number and single:
        operator = chance.choice(list(single))
        source, edit = single[operator].pop()
        if not single[operator]:
            del single[operator]
        if made := tried(source, (edit,), known[source]):
            found.append(_mutant(manifest, variant_of[source], source, made))
    for _ in range(ATTEMPTS * (number - len(found)) if places else 0):
        if len(found) == number:
            break
        source, edit = chance.choice(places)
        other = chance.choice(beside[source])
        if made := tried(source, (edit, other), known[source]):
            found.append(_mutant(manifest, variant_of[source], source, made))
    return found


def _mutant(manifest: Manifest, variant: str, source: Source, made: tuple[Edit, ...]) -> Mutant:
    file = file_of(source.region)
    before, after = (strip_markers(text, file) for text in (source.text, source.with_edits(made)))
    lines = _diff(before.splitlines(), after.splitlines(), file)
    places = []
    for edit in made:
        line, column = source.line_and_column(edit.start)
        which = hashlib.sha256(edit.text.encode()).hexdigest()[:4]
        places.append(f"{edit.operator.replace(' ', '-')}@{path_of(source.region)}:{line}:{column}#{which}")
    name = " + ".join(places)
    operators = tuple(edit.operator for edit in made)
    return Mutant(f"{variant}: {name}" if variant else name, manifest.id, variant, source.region, operators, after, "\n".join(lines))


def _diff(before: list[str], after: list[str], file: str) -> list[str]:
    """In the unified form. difflib's own function takes a line that is frequent in a long file, such as that of a marker, for a changed one."""
    lines = [f"--- {file}", f"+++ {file}"]
    for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(n=1):
        (_, first, _, other, _), (_, _, last, _, other_last) = group[0], group[-1]
        lines.append(f"@@ -{first + 1},{last - first} +{other + 1},{other_last - other} @@")
        for kind, start, end, other_start, other_end in group:
            if kind == "equal":
                lines += [f" {line}" for line in before[start:end]]
                continue
            lines += [f"-{line}" for line in before[start:end]] + [f"+{line}" for line in after[other_start:other_end]]
    return lines


def _lines(diff: str, mark: str) -> tuple[str, ...]:
    return tuple(line[1:].strip() for line in diff.split("\n")[2:] if line.startswith(mark))
