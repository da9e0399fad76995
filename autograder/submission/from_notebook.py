"""Where a notebook is handed in: which notebook, and which of its code is which file of the assignment.

Of a file that is there in several ways (as a `.py` file, written by a `%%writefile` cell, as definitions in cells), the one counts in which
most of the regions are filled in; of equals the first in this order.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.manifest import Manifest
from autograder.submission.entries import Entry, Source, is_notebook
from autograder.submission.locate import Folder, is_other_assignment, place_of
from autograder.submission.notebook_modules import Module, Notebook, module_of
from autograder.submission.notebook_places import Origin
from autograder.submission.notebook_statements import statements
from autograder.submission.notebook_wanted import Wanted
from autograder.submission.notebooks import CodeCell, NotANotebook, Written, code_cells, read_cells
from autograder.submission.other_names import asked_for_in_cells
from autograder.submission.python_text import NotPython, same_code, tree_of
from autograder.submission.rules import IntakeLimits, Refused, TooLarge, listed, shown, shown_path
from autograder.submission.stubs import blocks_in, find, handout_text, region_paths, regions_in

MOST_NOTEBOOKS = 20
_COPY = re.compile(r"(?: ?\((\d+)\)|-Copy(\d+))$")  # of a browser, of Jupyter
_MOST_BROKEN = 5  # cells that are named


@dataclass
class Work:
    """A notebook that was read, and what it has of each file of the assignment: as cells, and as files that its cells write."""

    place: str  # safe to print
    folder: Folder
    name: str
    modules: dict[str, Module] = field(default_factory=dict)
    written: dict[str, Module] = field(default_factory=dict)  # helper modules too
    done: dict[str, int] = field(default_factory=dict)  # by file, how many regions its cells fill in
    broken: list[str] = field(default_factory=list)

    @property
    def copy_of(self) -> tuple[str, int]:
        """The name without the mark of a copy, and the number of the copy."""
        stem = self.name.rpartition(".")[0]
        match = _COPY.search(stem)
        return (stem[: match.start()], int(match[1] or match[2])) if match else (stem, 0)


@dataclass
class FromNotebook:
    """What comes from notebooks. `helpers`: further modules that cells write; `origins`, `lost`: see Submission."""

    files: dict[str, bytes] = field(default_factory=dict)
    helpers: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, tuple[Origin, ...]] = field(default_factory=dict)
    notebooks: dict[str, str] = field(default_factory=dict)  # file → where its notebook lies
    lost: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    folder: Folder | None = None


def read_notebooks(
    source: Source, entries: Sequence[Entry], manifest: Manifest, others: frozenset[str], limits: IntakeLimits
) -> tuple[list[Work], list[str]]:
    """The notebooks of a submission as far as they can be read, and a sentence for each that cannot. `others`: folders of other
    assignments, whose notebooks are not looked at.
    """
    found, problems = [], []
    near = [entry for entry in entries if is_notebook(entry.name) and len(entry.folder) <= limits.depth]
    for entry in [e for e in near if not any(is_other_assignment(manifest, part, others) for part in e.folder)][:MOST_NOTEBOOKS]:
        try:
            found.append(_work(entry, source.read(entry, limits.notebook_bytes), manifest))
        except TooLarge:
            advice = "clear its outputs (in Jupyter: Edit, Clear Outputs of All Cells; in Colab: Edit, Clear all outputs)"
            problems.append(f"{shown_path(entry.path)} is larger than {limits.notebook_bytes // 1_000_000} MB; {advice} and hand it in again.")
        except (Refused, NotANotebook) as error:
            problems.append(str(error))
        except RecursionError:
            chain = "holds definitions that need each other in too long a chain"
            problems.append(f"{shown_path(entry.path)} {chain}; hand in the code of the assignment only.")
    return found, problems


def code_of_notebooks(source: Source, entries: Sequence[Entry], limits: IntakeLimits) -> list[bytes]:
    """The code cells of each notebook that can be read, as one text."""
    found = []
    for entry in [e for e in entries if is_notebook(e.name) and len(e.folder) <= limits.depth][:MOST_NOTEBOOKS]:
        try:
            cells = read_cells(entry.name, source.read(entry, limits.notebook_bytes))
        except (Refused, NotANotebook):
            continue
        found.append("\n".join(cell.text for cell in cells if cell.kind == "code").encode("utf-8", "replace"))
    return found


def _work(entry: Entry, content: bytes, manifest: Manifest) -> Work:
    work = Work(shown_path(entry.path), entry.folder, entry.name)
    cells = asked_for_in_cells(read_cells(work.place, content), manifest.files.also_called)
    parts = list(code_cells(cells))
    code = [part for part in parts if isinstance(part, CodeCell)]
    asked = wanted_files(manifest)
    notebook = Notebook(cells, code, frozenset(name for wanted in asked for name in wanted.provided))
    for wanted in asked:
        work.modules[wanted.file] = module = module_of(notebook, wanted)
        work.done[wanted.file] = _filled_in(manifest, wanted.file, module.content)
    for part in parts:
        if isinstance(part, Written):
            _write(work.written, part, manifest)
    work.broken = [f"cell {cell.number}, {cell.error}" for cell in notebook.broken]
    return work


def _write(written: dict[str, Module], part: Written, manifest: Manifest) -> None:
    meant = place_of(part.path, manifest.files.todo)
    name = meant[1] if meant else part.path[-1]
    earlier = written.get(name) if part.appends else None
    content = part.text.encode("utf-8", "replace") + b"\n"
    before = earlier.content if earlier else b""
    origins = (*(earlier.origins if earlier else ()), Origin(before.count(b"\n") + 1, part.cell, part.first_line))
    written[name] = Module(before + content, origins)


def wanted_files(manifest: Manifest) -> list[Wanted]:
    """What the assignment asks for, file by file."""
    files = tuple(manifest.files.todo)
    blocks = {name: blocks_in(manifest, name) if region_paths(manifest, name) else {} for name in files}
    paths = {name: region_paths(manifest, name) - blocks[name].keys() | {b.owner for b in blocks[name].values() if b.owner} for name in files}
    asked = frozenset(path.partition(".")[0] for found in paths.values() for path in found)
    return [
        Wanted(
            name, handout_text(manifest.solution / name), tuple(sorted(paths[name])), files, asked, manifest.files.packages,
            frozenset(bound for block in blocks[name].values() if not block.owner for bound in block.names),
            _globals(manifest),
        )
        for name in files if region_paths(manifest, name)
    ]  # fmt: skip


def _globals(manifest: Manifest) -> str:
    """The import of all that the given file provides which the manifest names; "" where it names none."""
    given = manifest.files.notebook_globals
    if given is None:
        return ""
    text = handout_text(manifest.solution / given)
    found = [one for one in statements(CodeCell(0, text, ast.parse(text)), 0) if not isinstance(one.node, (ast.Import, ast.ImportFrom))]
    names = sorted({name for one in found for name in one.names.binds})
    return f"from {given.removesuffix('.py').replace('/', '.')} import {', '.join(names)}"


def _filled_in(manifest: Manifest, name: str, content: bytes | None) -> int:
    """How many regions of a file somebody has filled in; −1 where there is no file."""
    if content is None:
        return -1
    try:
        found = regions_in(manifest, name, content)
    except (NotPython, RecursionError):
        return 0
    return len(region_paths(manifest, name)) - len(found.untouched) - len(found.missing)


def choose(manifest: Manifest, works: Sequence[Work], scripts: Mapping[str, bytes]) -> FromNotebook:
    """Which files come from a notebook. `scripts`: the todo files that are there as such.

    Raises Refused where two notebooks do equally much of a file, differ, and neither is a copy of the other or called as asked for.
    """
    result = FromNotebook()
    used: dict[str, Work] = {}
    for name in [wanted.file for wanted in wanted_files(manifest)]:
        work, rival = _best(manifest, name, works)
        written = max((w for w in works if name in w.written), key=lambda w: _filled_in(manifest, name, w.written[name].content), default=None)
        ways = [scripts.get(name), written.written[name].content if written else None, work.modules[name].content]
        done = [_filled_in(manifest, name, content) for content in ways]
        best = done.index(max(done))
        result.remarks += _about_the_others(manifest, name, scripts.get(name), work, done, best)
        if best == 0:
            continue
        if best == 2 and rival is not None:
            both = f"in {work.place} and, with different content, in {rival.place}"
            raise Refused(f"The work ({name}) is {both}; hand in only one of the two notebooks.")
        chosen, module = (written, written.written[name]) if best == 1 and written else (work, work.modules[name])
        used.setdefault(chosen.place, chosen)
        result.files[name], result.origins[name], result.notebooks[name] = module.content, module.origins, chosen.place
        result.lost |= {f"{name}:{owner}": why for owner, why in module.lost.items()}
        result.remarks += module.remarks
    for work in used.values():
        result.folder = work.folder if result.folder is None else result.folder
        result.remarks += _about(work, [name for name, place in result.notebooks.items() if place == work.place])
        for name, module in work.written.items():
            if name not in manifest.files.todo and name.endswith(".py") and name not in result.helpers:
                result.helpers[name], result.origins[name], result.notebooks[name] = module.content, module.origins, work.place
    result.remarks = list(dict.fromkeys(result.remarks))
    return result


def _best(manifest: Manifest, name: str, works: Sequence[Work]) -> tuple[Work, Work | None]:
    """The notebook that does most of a file, and then most of all; of copies the newest, else the one that is called as asked for. And
    another one that does as much and differs, if there is one.
    """

    def rank(work: Work) -> tuple[int, int, bool]:
        return work.done[name], sum(work.done.values()), work.copy_of[0] == (manifest.files.notebook or "").removesuffix(".ipynb")

    highest = max(map(rank, works))
    best, *equals = sorted((w for w in works if rank(w) == highest), key=lambda w: (-w.copy_of[1], len(w.folder), w.place))
    strangers = [other for other in equals if other.copy_of[0] != best.copy_of[0]]
    mine = best.modules[name].content
    return best, next((other for other in strangers if not _same_work(manifest, name, mine, other.modules[name].content)), None)


def _about(work: Work, files: list[str]) -> list[str]:
    """What there is to say of a notebook that is judged."""
    made = f"{listed(files)} {'was' if len(files) == 1 else 'were'} made from the code of {work.place}"
    said = [f"{made}; its cells are counted from the top, text included."]
    for broken in work.broken[:_MOST_BROKEN]:
        said.append(f"{shown(broken, 300)}; this cell was left out, and the others were read.")
    if more := work.broken[_MOST_BROKEN:]:
        said.append(f"{len(more)} more cells of {work.place} cannot be read as Python and were left out.")
    return said


def _about_the_others(manifest: Manifest, name: str, script: bytes | None, work: Work, done: list[int], best: int) -> list[str]:
    """What was passed over although there is work in it, and the handout's file that a notebook stands in for."""
    if best == 0 and done[2] > 0 and not _same_work(manifest, name, script or b"", work.modules[name].content):
        return [f"{name} was judged, and not what {work.place} defines of it; hand in one of the two."]
    if best > 0 and script is not None:
        why = "in which nothing is filled in" if done[0] <= 0 else "in which less is filled in"
        return [f"The code of {work.place} was judged in place of {name}, {why}."]
    return []


def passed_over(manifest: Manifest, works: Sequence[Work], chosen: FromNotebook) -> list[str]:
    """Notebooks that do something and are not judged."""
    used = set(chosen.notebooks.values())
    others = [work for work in works if work.place not in used and any(work.done.values())]
    left = [work.place for work in others if not all(_same_work(manifest, n, work.modules[n].content, c) for n, c in chosen.files.items())]
    return [f"{listed(sorted(used))} was judged, and not {listed(left)}."] if left and used else []


def _same_work(manifest: Manifest, name: str, one: bytes, other: bytes) -> bool:
    """Whether two versions of a file have the same regions, whatever stands around them."""
    if same_code(name, one, other):
        return True
    try:
        mine, theirs = tree_of(name, one), tree_of(name, other)
        return all(_dump(find(mine, path)) == _dump(find(theirs, path)) for path in region_paths(manifest, name))
    except (NotPython, RecursionError):
        return False


def _dump(node: ast.AST | None) -> str:
    return ast.dump(node) if node is not None else ""
