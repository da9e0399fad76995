"""Secret random numbers: fresh for every submission, the same at every regrade, never seen by the worker before they
are used.

The seed of a check is HMAC-SHA256(secret, submission digest, check). Verdicts carry a commitment to the secret and
the digest, so that a grade can be replayed by whoever holds the secret, and nobody else learns it.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

import numpy as np

from autograder.errors import UserError
from autograder.oracles.schedule import EvenlySpaced, Floats

SECRET_VARIABLE = "AUTOGRADER_SECRET"
SECRET_FILE_VARIABLE = "AUTOGRADER_SECRET_FILE"


def load_secret() -> bytes:
    """The grader's secret: from AUTOGRADER_SECRET, else from the file named by AUTOGRADER_SECRET_FILE, else from a
    file that is made at the first use.

    Raises UserError when the named file cannot be read or holds fewer than 16 bytes.
    """
    value = os.environ.get(SECRET_VARIABLE)
    if value is not None:
        return _long_enough(value.encode(), SECRET_VARIABLE)
    named = os.environ.get(SECRET_FILE_VARIABLE)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = Path(named) if named else home / "diffusion-autograder" / "secret"
    try:
        if not named and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another grader was faster
                _write_new(path, secrets.token_hex(32).encode())
        return _long_enough(path.read_bytes().strip(), str(path))
    except OSError as error:
        raise UserError(
            f"The secret file {path} cannot be used ({error.strerror}); name another one in {SECRET_FILE_VARIABLE}."
        ) from error


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read. Raises FileExistsError when it is there already."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _long_enough(secret: bytes, source: str) -> bytes:
    if len(secret) < 16:
        raise UserError(
            f"The secret in {source} is shorter than 16 bytes; use a longer one, such as 32 random characters."
        )
    return secret


def commitment(secret: bytes, digest: str) -> str:
    """What a verdict says of its seeds: SHA-256 of the submission's key."""
    return hashlib.sha256(b"commitment" + _key(secret, digest)).hexdigest()


def _key(secret: bytes, digest: str) -> bytes:
    return hmac.new(secret, digest.encode(), hashlib.sha256).digest()


class Draw:
    """A stream of secret random numbers for one check of one submission."""

    def __init__(self, secret: bytes, digest: str, purpose: str):
        seed = hmac.new(_key(secret, digest), purpose.encode(), hashlib.sha256).digest()
        self.generator = np.random.default_rng(int.from_bytes(seed, "big"))

    def normal(self, *shape: int) -> Floats:
        """Standard normal numbers that float32 holds exactly."""
        return self.generator.standard_normal(shape, dtype=np.float32).astype(np.float64)

    def uniform(self, low: float, high: float, *shape: int) -> Floats:
        return self.generator.uniform(low, high, shape).astype(np.float32).astype(np.float64)

    def integer(self, low: int, high: int) -> int:
        """One integer of low … high, both included."""
        return int(self.generator.integers(low, high, endpoint=True))

    def seed(self) -> int:
        """A seed for the random generators of the worker."""
        return self.integer(1, 2**31 - 2)

    def schedule(self, num_timesteps: int | None = None) -> EvenlySpaced:
        """A short schedule, whose neighbours differ enough that every index mistake shows: 13 to 19 steps, β from
        0.02 … 0.04 to 0.2 … 0.3.
        """
        return EvenlySpaced(
            num_timesteps=num_timesteps or self.integer(13, 19),
            beta_1=round(float(self.uniform(0.02, 0.04)), 4),
            beta_T=round(float(self.uniform(0.2, 0.3)), 4),
            mode="quad" if self.integer(0, 1) else "linear",
        )
