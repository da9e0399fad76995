"""One family of errors that a user can cause, told in one sentence (given)."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something that whoever started the program can put right; the message says what is wrong and what to do."""


def run(main: Callable[[], None]) -> None:
    """Run a script's `main`. A UserError ends it with its sentence on stderr and exit status 1, Ctrl-C with status 130; neither with a traceback."""
    try:
        main()
    except UserError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        print("\nStopped at once, by Ctrl-C; what was not written yet is lost.", file=sys.stderr)
        sys.exit(130)
