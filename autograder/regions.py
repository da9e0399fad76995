"""What a region is called.

A region is its full name in the manifest: "ddpm.py:DiffusionModule.q_sample", "libs/ddpm.py:sample", or, where a TODO block holds
statements and no function, "ddpm.py:schedule" by the name of its block. The constructor and `forward` of a class are judged together:
where both are regions, the class, "network.py:SimpleNet", means the two. Everything that is loaded holds such names and compares them as
they are. Whoever writes a check may shorten one as long as it can mean one thing only: "q_sample", "SimpleNet", "unet.py:UNet.forward".
"""

import difflib
from collections.abc import Collection, Iterable

from autograder.errors import UserError

OUTCOME = "outcome"  # what the checks of a training, or of samples, judge: no region
_OF_THE_CLASS = ("__init__", "forward")


def file_of(region: str) -> str:
    """ "libs/ddpm.py:DDPM.sample" → "libs/ddpm.py"."""
    return region.partition(":")[0]


def path_of(region: str) -> str:
    """ "libs/ddpm.py:DDPM.sample" → "DDPM.sample"."""
    return region.partition(":")[2]


def module_of(file: str) -> str:
    """What is imported: "libs/ddpm.py" → "libs.ddpm"."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def parts_of(region: str, known: Iterable[str]) -> tuple[str, ...]:
    """The regions among `known`, those of a manifest, that a resolved name means: two for a class, itself for a function."""
    found = set(known)
    return (region,) if region in found else tuple(name for name in _of_class(region) if name in found)


def judged_together(known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """All that a check may judge, by its resolved name: each region of `known`, and each class of which two are."""
    names = {name: (name,) for name in known}
    classes = {name.rpartition(".")[0] for name in known if _is_of_class(name)}
    return names | {name: both for name in classes if name not in names and len(both := parts_of(name, known)) > 1}


def resolve(name: str, known: Collection[str], where: str) -> str:
    """The full name that `name` means among `known`. Raises UserError, which begins with `where`, unless it means exactly one thing."""
    if name in known:
        return name
    meant = sorted(full for full, parts in _meant(known).items() if _is_short_for(name, full) and parts)
    if len(meant) == 1:
        both = parts_of(meant[0], known)
        return both[0] if len(both) == 1 else meant[0]
    if meant:
        raise UserError(f"{where}: the region {name!r} may mean {' or '.join(map(repr, meant))}; write the full name.")
    if not known:
        raise UserError(f"{where}: there is no region {name!r}, and no other; list the regions in assignment.toml.")
    raise UserError(f"{where}: there is no region {name!r}; the nearest is {_nearest(name, known)!r}.")


def shortest(region: str) -> str:
    """As people say it: "ddpm.py:DiffusionModule.q_sample" → "q_sample"; a constructor, and `forward`, go by their class."""
    owner, _, last = region.rpartition(":")[2].rpartition(".")
    return owner.rpartition(".")[2] if owner and last in _OF_THE_CLASS else last


def told(region: str, known: Iterable[str]) -> str:
    """ "DiffusionModule.q_sample"; with its file, "DDPM.sample in conditional.py", where another of `known` is called the same."""
    twins = any(path_of(other) == path_of(region) and other != region for other in known)
    return f"{path_of(region)} in {file_of(region)}" if twins else path_of(region)


def told_shortly(region: str, known: Iterable[str]) -> str:
    """As `shortest`, with the file where another of `known` goes by the same word."""
    twins = any(shortest(other) == shortest(region) and not _same_class(other, region) for other in known)
    if not twins:
        return shortest(region)
    alone = all(path_of(other) != path_of(region) or other == region for other in known)
    return path_of(region) if alone and "." in path_of(region) else f"{shortest(region)} in {file_of(region)}"


def _same_class(one: str, other: str) -> bool:
    """Whether two names go by one class: its constructor, its `forward`, or the class itself."""
    return _class_of(one) == _class_of(other)


def _class_of(name: str) -> str:
    return name.rpartition(".")[0] if _is_of_class(name) else name


def _meant(known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """`judged_together`, and each class of which one function is a region."""
    classes = {name.rpartition(".")[0] for name in known if _is_of_class(name)}
    return {name: (name,) for name in known} | {name: parts_of(name, known) for name in classes if name not in known}


def _is_short_for(name: str, full: str) -> bool:
    file, colon, path = name.rpartition(":")
    if colon and not f"/{file_of(full)}".endswith(f"/{file}"):
        return False
    return bool(path) and f".{path_of(full)}".endswith(f".{path}")


def _of_class(region: str) -> list[str]:
    return [f"{region}.{name}" for name in _OF_THE_CLASS]


def _is_of_class(name: str) -> bool:
    return "." in path_of(name) and name.rpartition(".")[2] in _OF_THE_CLASS


def _nearest(name: str, known: Collection[str]) -> str:
    """By the full names, and by what they are called in short."""
    called = {form: full for full in sorted(known) for form in (full, path_of(full), shortest(full))}
    return called[difflib.get_close_matches(name, called, n=1, cutoff=0.0)[0]]
