"""One progress bar on the terminal, for whatever takes long."""

import sys
from collections.abc import Callable

from tqdm import tqdm


def show(title: str, total: int) -> Callable[[int], None]:
    """A progress bar on stderr, where that is a terminal; the returned function takes the number of things done."""
    bar = tqdm(total=total, desc=title, leave=False, disable=not sys.stderr.isatty())

    def advance(done: int) -> None:
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return advance
