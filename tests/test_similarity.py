"""Similarity finds what was copied, also under other names, and stays silent about what everybody writes."""

import dataclasses
import random
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from autograder.classroom import similarity
from autograder.classroom.fingerprints import WINDOW, make_document
from autograder.classroom.records import Graded, HandedIn
from autograder.classroom.regions import MOST_CHARACTERS, Region, handout_regions, read_regions, regions_of
from autograder.classroom.similarity import find_similar
from autograder.errors import UserError
from autograder.grading.mutants import apply_variant, solution_files, solution_texts, variants
from autograder.grading.publishing import refused_verdict
from autograder.manifest import load_manifest
from autograder.markers import derive_handout, replace_solution, strip_markers

SWISS_ROLL = load_manifest("swiss_roll")
VERDICT = dataclasses.replace(refused_verdict(SWISS_ROLL, "", ""), state="complete")

UNUSUAL = {  # right or wrong does not matter here
    "q_sample": """
        ladder = [float(step) for step in torch.log(self.var_scheduler.alphas).cumsum(0)]
        kept = torch.tensor([ladder[int(moment)] for moment in t.flatten()]).exp()  # the part that is left
        while kept.ndim < x0.ndim:
            kept = kept[..., None]
        blended = torch.lerp(noise * (1 - kept) ** 0.5, x0, kept.sqrt())
        return blended + (1 - kept.sqrt()) * noise * (1 - kept) ** 0.5
    """,
    "p_sample": """
        if isinstance(t, int):
            t = torch.full((xt.shape[0],), t)
        table = torch.stack([self.var_scheduler.betas, self.var_scheduler.alphas, self.var_scheduler.alphas_cumprod])
        beta, alpha, bar = [row[t].view(-1, *([1] * (xt.dim() - 1))) for row in table]
        guess = self.network(xt, t)
        shift = torch.addcdiv(xt, -beta * guess, torch.sqrt(1.0 - bar))
        jump = torch.where(t.view_as(beta) == 0, torch.zeros_like(xt), torch.randn_like(xt) * beta**0.5)
        return torch.add(shift * alpha**-0.5, jump)
    """,
    "compute_loss": """
        rows = len(x0)
        moments = (torch.rand(rows) * self.var_scheduler.num_train_timesteps).floor().long()
        truth = torch.empty_like(x0).normal_()
        answer = self.network(self.q_sample(x0, moments, noise=truth), moments)
        return (answer - truth).pow(2).flatten(1).mean(1).mean()
    """,
}
NAMES = re.findall(
    r"\w+", "ladder step kept moment moments blended table beta alpha bar row guess shift jump rows truth answer"
)


def with_bodies(bodies: dict[str, str]) -> dict[str, bytes]:
    """The solution with other answers in some regions of ddpm.py."""
    text = solution_texts("swiss_roll")["ddpm.py"]
    for name, body in bodies.items():
        text = replace_solution(text, f"DiffusionModule.{name}", body)
    return {**solution_files(SWISS_ROLL), "ddpm.py": strip_markers(text).encode()}


def disguised(number: int = 1) -> dict[str, bytes]:
    """UNUSUAL under other names, without comments, and with blank lines."""
    text = "\n".join(UNUSUAL.values())
    assert all(re.search(rf"\b{name}\b", text) for name in NAMES)
    bodies = {}
    for region, body in UNUSUAL.items():
        for name in NAMES:
            body = re.sub(rf"(?<![.\w]){name}\b", f"{name[0]}{number}_{name[::-1]}", body)
        bodies[region] = re.sub(r" *#.*", "", body).replace("\n", "\n\n")
    return with_bodies(bodies)


class Class:
    """Submissions on disk, as they are handed in."""

    def __init__(self, home: Path):
        self.home = home
        self.graded: list[Graded] = []

    def hands_in(self, name: str, files: dict[str, bytes], verdict=VERDICT) -> None:
        path = save(self.home / f"{name}.zip", files)
        regions = read_regions(path, SWISS_ROLL) or ()
        self.graded.append(Graded(HandedIn(path, name), verdict, f"reports/{name}", regions))

    def similar(self, earlier: Path | None = None):
        return find_similar(self.graded, earlier)


def save(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def students(tmp_path) -> Class:
    return Class(tmp_path / "class")


def names(pair) -> list[list[str]]:
    return [sorted(person.name for person in side.people) for side in (pair.first, pair.second) if side is not None]


def everybody(pair) -> list[str]:
    return sorted(name for side in names(pair) for name in side)


@pytest.fixture
def some_variants(students) -> Class:
    for variant in variants(SWISS_ROLL)[::4]:
        students.hands_in(variant.id, apply_variant(SWISS_ROLL, variant))
    return students


# ---------------------------------------------------------------- what everybody writes


def test_copies_of_the_solution_are_one_entry(students):
    for number in range(20):
        students.hands_in(f"student {number}", solution_files(SWISS_ROLL))
    (pair,) = students.similar()
    assert (pair.kind, pair.second, pair.note) == ("same", None, "the reference solution")
    assert len(pair.first.people) == 20


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.proof)])
def test_the_known_variants_do_not_drown_the_page(students, every):
    """Some of them here, all in `make proof`."""
    for variant in variants(SWISS_ROLL)[::every]:
        students.hands_in(variant.id, apply_variant(SWISS_ROLL, variant))
    assert students.similar() == []


def test_what_was_given_does_not_count(students):
    handout = {name: derive_handout(text).encode() for name, text in solution_texts("swiss_roll").items()}
    for number in range(10):
        students.hands_in(f"student {number}", handout)
    assert students.similar() == []
    given = frozenset(make_document(handout_regions("swiss_roll")).prints.tolist())
    assert make_document(handout_regions("swiss_roll"), given).own_lines == 0


# ---------------------------------------------------------------- what was copied


def test_a_copy_under_other_names_is_found_among_the_variants(some_variants):
    some_variants.hands_in("author", with_bodies(UNUSUAL))
    some_variants.hands_in("copier", disguised())
    (pair,) = some_variants.similar()
    assert everybody(pair) == ["author", "copier"]
    assert pair.kind == "renamed"
    assert pair.common > 0.97
    marked = {line.text.strip() for side in (pair.first, pair.second) for line in side.lines if line.mark == "rare"}
    assert "beta, alpha, bar = [row[t].view(-1, *([1] * (xt.dim() - 1))) for row in table]" in marked
    assert not any("sizes = [dim_in" in text for text in marked), "the solution's own lines are usual"
    assert pair.rare >= 12


def test_a_copy_of_a_part_is_found(some_variants):
    some_variants.hands_in("author", with_bodies(UNUSUAL))
    some_variants.hands_in("copier", with_bodies({k: UNUSUAL[k] for k in ("q_sample", "p_sample")}))
    (pair,) = some_variants.similar()
    assert everybody(pair) == ["author", "copier"]
    assert pair.note == f"{pair.rare} of them word for word"


def test_equal_code_is_one_entry_whatever_comments_and_layout(students):
    files = with_bodies(UNUSUAL)
    students.hands_in("one", files)
    students.hands_in("two", {**files, "ddpm.py": re.sub(rb"(?m)$", b"  # mine", files["ddpm.py"])})
    students.hands_in("three", solution_files(SWISS_ROLL))
    (pair,) = students.similar()
    assert (pair.kind, names(pair), pair.note) == ("same", [["one", "two"]], "")


def test_ten_who_are_alike_are_one_group_of_nine_pairs(students):
    for number in range(10):
        students.hands_in(f"s{number}", disguised(number))
    pairs = students.similar()
    assert len(pairs) == 9
    assert {pair.group for pair in pairs} == {0}
    assert {name for pair in pairs for name in everybody(pair)} == {f"s{number}" for number in range(10)}


def test_groups_come_one_after_the_other_and_there_are_not_too_many(students, monkeypatch):
    monkeypatch.setattr(similarity, "MOST_PAIRS", 5)
    for number in range(8):
        files = disguised(number)
        students.hands_in(f"s{number}", files)
        students.hands_in(f"t{number}", files)
    pairs = students.similar()
    assert len(pairs) == 5
    groups = [pair.group for pair in pairs]
    assert groups == sorted(groups)


def test_a_copy_of_an_earlier_year_is_found_and_pairs_of_earlier_years_are_not(students, tmp_path):
    save(tmp_path / "earlier/2022/ada.zip", with_bodies(UNUSUAL))
    save(tmp_path / "earlier/2023/bob.zip", disguised(7))
    (tmp_path / "earlier/notes.txt").write_text("no submission")
    students.hands_in("copier", disguised(3))
    students.hands_in("other", solution_files(SWISS_ROLL))
    pairs = students.similar(tmp_path / "earlier")
    assert pairs
    for pair in pairs:
        people = [person for side in (pair.first, pair.second) for person in side.people]
        assert "copier" in [person.name for person in people]
        assert next(person.name for person in people if not person.folder) in ("2022/ada.zip", "2023/bob.zip")
    students.graded = students.graded[1:]
    assert students.similar(tmp_path / "earlier") == []


def test_a_folder_of_earlier_years_that_is_not_there_is_one_sentence(students, tmp_path):
    students.hands_in("one", solution_files(SWISS_ROLL))
    with pytest.raises(UserError, match=r"earlier submissions, .*nowhere, cannot be read"):
        students.similar(tmp_path / "nowhere")


def test_the_lines_shown_are_the_student_s_own(students):
    files = with_bodies(UNUSUAL)
    students.hands_in("one", files)
    students.hands_in("two", disguised())
    (pair,) = students.similar()
    side = next(side for side in (pair.first, pair.second) if side.people[0].name == "one")
    source = [line.rstrip() for name in ("network.py", "ddpm.py") for line in files[name].decode().split("\n")]
    for line in side.lines:
        assert line.heading or line.text in source
    headings = [line.text.rpartition(".")[2] for line in side.lines if line.heading]
    assert headings[:3] == ["q_sample", "p_sample", "compute_loss"], "where the uncommon lines are comes first"
    shown = [line.text.strip() for line in side.lines]
    assert (
        "kept = torch.tensor([ladder[int(moment)] for moment in t.flatten()]).exp()  # the part that is left" in shown
    )
    assert not any("TODO" in text or '"""' in text or text.startswith("def ") for text in shown), "what was given"


# ---------------------------------------------------------------- hostile submissions


def deep(depth: int) -> bytes:
    return (
        b"class DiffusionModule:\n    def q_sample(self, x0, t, noise=None):\n        return "
        + b"(" * depth
        + b")" * depth
    )


HOSTILE_FILES = {
    "not python": b"def (:",
    "binary": bytes(range(256)) * 100,
    "empty": b"",
    "deep": deep(5_000),
    "as deep as the parser goes": deep(90),
    "nested lists": b"class DiffusionModule:\n    def q_sample(self, x0, t, noise=None):\n        return " + b"-" * 3_000 + b"1",
    "one long line": b"class DiffusionModule:\n    def q_sample(self):\n        return '" + b"\\\\" * 200_000 + b"'",
    "many lines": b"class DiffusionModule:\n    def q_sample(self):\n" + b"        x = f'{x!r:>{x}}'\n" * 15_000,
    "one string": b'class DiffusionModule:\n    def q_sample(self):\n        return """' + b'\\"\n' * 100_000 + b'"""',
    "carriage returns": b"class DiffusionModule:\r    def q_sample(self):\r        return 1 + 2 + 3 + 4 + 5 + 6\r",
    "form feeds": b"class DiffusionModule:\n    def q_sample(self):\n        a = 1\x0c\n        return a + 11 + 12 + 13 + 14\n",
    "runs on import": b"open('/tmp/it-was-run', 'w')\nimport os\nos._exit(3)\n",
    "line separators": "class DiffusionModule:\n    def q_sample(self):\n        return '\u2028\u2029\x85' + a + b + c\n".encode(),
}  # fmt: skip


def test_hostile_files_do_not_stop_it_and_are_never_run(students):
    for name, content in HOSTILE_FILES.items():
        students.hands_in(f"{name} 1", {"ddpm.py": content, "network.py": b""})
        students.hands_in(f"{name} 2", {"ddpm.py": content + b"\n# other", "network.py": b""})
    students.hands_in("refused", solution_files(SWISS_ROLL), refused_verdict(SWISS_ROLL, "x", "it was no zip"))
    unknown = dataclasses.replace(VERDICT, assignment="no such assignment")
    students.hands_in("of another course", solution_files(SWISS_ROLL), unknown)
    students.hands_in("author", with_bodies(UNUSUAL))
    students.hands_in("copier", disguised())
    found = [everybody(pair) for pair in students.similar()]
    assert any(one == ["author", "copier"] for one in found)
    assert not any(name in [name for one in found for name in one] for name in ("refused", "of another course"))
    assert not Path("/tmp/it-was-run").exists()


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_what_is_compared_is_bounded(name):
    regions = regions_of({"ddpm.py": HOSTILE_FILES[name]}, SWISS_ROLL)
    assert sum(len(line) for region in regions for line in region.lines) <= MOST_CHARACTERS
    document = make_document(regions)
    assert len(document.line_of) == len(document.prints) == len(document.own)
    assert len(document.lines) == sum(len(region.lines) for region in regions)


@pytest.mark.parametrize("seed", range(20))
def test_any_text_can_be_a_region(seed):
    generator = random.Random(seed)
    alphabet = [
        "def f(x):",
        "class A:",
        "'",
        '"""',
        "f'{",
        "}",
        "\\",
        "#",
        "    ",
        "λ",
        "\u0301",
        "x1",
        "self.x",
        "(",
        "0x",
        "@",
        "\t",
        "é",
    ]
    lines = tuple("".join(generator.choices(alphabet, k=generator.randrange(30))) for _ in range(40))
    document = make_document((Region("a", lines), Region("b", ()), Region("c", lines[::-1])))
    assert (np.diff(document.line_of) >= 0).all(), "signs come in the order of the lines"
    assert document.line_of.max(initial=0) < len(document.lines)


# ---------------------------------------------------------------- fingerprints


def test_names_comments_and_layout_do_not_change_the_fingerprints():
    one = make_document(
        (Region("r", ("def f(a):", "    total = self.g(a, 2)  # sum", "    return total * a.size - 1")),)
    )
    other = make_document((Region("r", ("def f(bb):", "", "    s=self.g( bb,2 )", "    return s*bb.size   -1")),))
    assert set(one.prints.tolist()) == set(other.prints.tolist()) != {0}
    assert one.words != other.words


def test_code_that_repeats_itself_is_not_taken_for_given():
    line = "    x = self.f(x, x + 1) * self.g(x, x - 1)"
    document = make_document((Region("r", ("def f(x):", line, line, line)),), given=frozenset({12345}))
    assert (document.prints[: 1 - WINDOW] != 0).all()


def test_a_sign_lies_on_the_line_that_it_came_from():
    lines = (
        "def f(x):",
        "    '''About.",
        "    More.'''",
        "    y = (x +",
        "         1)",
        "    class K: pass",
        "    return y",
    )
    document = make_document((Region("r", lines),))
    counts = np.bincount(document.line_of, minlength=len(lines))
    for number, text in enumerate(lines):
        plain = re.sub(r"\s", "", text)
        assert counts[number] <= len(plain), (number, text)
    assert counts[1] == counts[2] == 0, "documentation does not count"
    assert counts[3] == len("V=(V+")
    assert counts[4] == len("1)")
    assert counts[5] == len("classV:pass")
    assert counts[6] == len("returnV")
