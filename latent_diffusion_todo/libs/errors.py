"""One family of errors that a user can cause, told in one sentence (given)."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something that whoever started the program can put right; the message says what is wrong and what to do."""


def run(main: Callable[[], None]) -> None:
    """Run a script's `main`; a UserError ends it with its sentence on stderr and exit status 1, without a traceback."""
    try:
        main()
    except UserError as error:
        sys.exit(f"Error: {error}")
