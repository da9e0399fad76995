"""Data files beside the code: which of them come along when work is handed in and graded.

A file comes along when its name stands in the code, as in `np.load("betas.npy")`: what no code names cannot be meant. It comes as bytes,
and nothing but the student's own code opens it.
"""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

BINARY = (".npy", ".npz", ".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle", ".safetensors", ".h5", ".mat")
TEXT = (".json", ".jsonl", ".csv", ".tsv", ".txt", ".yaml", ".yml", ".toml", ".ini", ".cfg")
MOST_FILES, MOST_BYTES = 50, 8_000_000  # of one submission, together
DEEPEST = 3  # parts of a path, seen from the code: "data/train/betas.npy"
_READS = re.compile(r"\b(?:open|load|loadtxt|genfromtxt|fromfile|memmap|read_\w+|listdir|scandir|i?glob|rglob|iterdir|walk)\(")


def is_data(name: str) -> bool:
    """Whether a path has the suffix of a data file."""
    return PurePosixPath(name).suffix.lower() in (*BINARY, *TEXT)


def is_binary(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in BINARY


def named_in(code: Iterable[str], names: Iterable[str]) -> set[str]:
    """Of the paths `names`, those whose last part stands in one of the texts, case and Unicode form ignored."""
    text = "\n".join(map(_folded, code))
    return {name for name in names if _folded(PurePosixPath(name).name) in text}


def reads_files(code: str, handout: str) -> bool:
    """Whether a line that the handout does not have calls something that opens files."""
    given = {line.strip() for line in handout.splitlines()}
    return any(_READS.search(line) and line.strip() not in given for line in code.splitlines())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def fits(name: str, pattern: str) -> bool:
    """Whether a path has as many parts as a pattern, and each fits its part; case does not matter."""
    parts, wanted = name.casefold().split("/"), pattern.casefold().split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
