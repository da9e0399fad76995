"""The process in which a student's code runs: it imports what takes long, waits for one job, does it, and ends.

A job comes as one line of JSON on standard input. Records go out as lines of JSON; what the student's code prints goes to standard
error. When standard input closes, the checker is gone and the process ends.
"""

import contextlib
import functools
import importlib
import json
import os
import platform
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder import eager, not_python
from autograder.regions import module_of

Record = dict[str, Any]
_FOR_PICTURES = ("matplotlib.figure", "matplotlib.backends.backend_agg", "sklearn.datasets")


def main(preload: bool = False) -> None:
    """Wait for a job, with torch already imported, and do it. `preload`: import what pictures need, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the checker's business
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(**record: Any) -> None:
        channel.write(json.dumps(record) + "\n")
        channel.flush()

    try:
        import torch
    except ImportError as error:
        send(
            kind="unusable", message=f"PyTorch cannot be imported by this Python ({error}); install it, see README.md."
        )
        return
    eager.switch_off_compilers()
    torch.set_num_threads(1)  # the numbers are small
    for name in _FOR_PICTURES if preload else ():
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    send(kind="ready")
    line = sys.stdin.readline()
    if line:
        pipe = os.dup(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(
            nothing, 0
        )  # on Windows a library that is loaded while a thread reads stdin waits for it (NumPy, 24290)
        sys.stdin = os.fdopen(nothing, encoding="utf-8")  # the student's code must not wait for what nobody types
        threading.Thread(target=_end_with_the_checker, args=(pipe,), daemon=True).start()
        job = json.loads(line)
        do(job, send)
        send(kind="done")
    channel.flush()
    os._exit(0)  # threads and exit handlers of the student's code must not keep us


def _end_with_the_checker(pipe: int) -> None:
    os.read(pipe, 1)
    os._exit(1)


def do(job: Record, send: Callable[..., None]) -> None:
    """Import the student's files and run the checks and pictures that the job names, a record before and after each."""
    from autograder.kit.checks import Code, Compare, Picture, VisibleCheck

    sys.path.insert(0, job["folder"])
    attempt = functools.partial(_attempt, job["folder"])
    code = Code(tuple(job["sample_shape"]))
    modules = [importlib.import_module(name) for name in job["modules"]]
    found = [item for module in modules for item in vars(module).values()]
    for name in job["files"]:
        send(kind="begin", id=name)
        _, problem = attempt(code.module, module_of(name))
        send(kind="imported", id=name, **problem)
        if problem["status"] != "passed":
            return
    failed: set[str] = set()
    checks = {item.id: item for item in found if isinstance(item, VisibleCheck)}
    for check in (checks[name] for name in job["checks"]):
        send(kind="begin", id=check.id)
        compare = Compare(None if job["numbers"] is None else job["numbers"].get(check.id, {}))
        _, problem = attempt(check.run, code, compare)
        send(kind="checked", id=check.id, numbers=compare.recorded, **problem)
        failed |= {*job["checks"][check.id]} if problem["status"] != "passed" else set()
    for picture in (item for item in found if isinstance(item, Picture) and item.id in job["pictures"]):
        if failed & {*job["pictures"][picture.id]}:
            continue
        send(kind="begin", id=picture.id, seconds=job["picture_seconds"])
        path, problem = attempt(picture.run, code, Path(job["picture_folder"]))
        if problem["status"] == "passed":
            send(kind="drawn", id=picture.id, title=picture.title, path=str(path))


def _attempt(folder: str, run: Callable[..., Any], *arguments: Any) -> tuple[Any, Record]:
    """Call `run`: what it returns, and the status, with a message in words unless it is content."""
    from autograder.kit.checks import WrongAnswer

    try:
        return run(*arguments), {"status": "passed"}
    except WrongAnswer as error:
        return None, {"status": "failed", "message": str(error)}
    except NotImplementedError as error:
        if str(error).startswith("TODO "):
            return None, {"status": "todo", "message": f"{str(error).rpartition(': ')[2]} is not done yet."}
        return None, {"status": "failed", "message": _describe(error, folder)}
    except SystemExit:
        return None, {"status": "failed", "message": "Your code ends the program (exit or quit); take that out."}
    except BaseException as error:
        return None, {"status": "failed", "message": _describe(error, folder)}
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _describe(error: BaseException, folder: str) -> str:
    """One sentence about an exception: where in the student's files, and what."""
    what = " ".join(str(error).split())
    what = what if len(what) <= 300 else what[:297] + "…"
    if isinstance(error, SyntaxError):
        name = _in_folder(error.filename or "your file", folder)
        return f"{name}, line {error.lineno}, is not valid Python: {error.msg}{_quoted(error.text)}."
    if explained := not_python.explain(type(error).__name__, what, platform.python_version()):
        what = f"{what}. {explained.rstrip('.')}"
    own = [f for f in traceback.extract_tb(error.__traceback__) if _is_own(f.filename, folder)]
    where = (
        f"{_in_folder(own[-1].filename, folder)}, line {own[-1].lineno}{_quoted(own[-1].line)}" if own else "Calling your code"
    )
    return f"{where} raised {type(error).__name__}: {what}" if what else f"{where} raised {type(error).__name__}."


def _is_own(file: str, folder: str) -> bool:
    """Whether a file is the student's: below the folder, and neither the checker's nor that of an environment which lies there too."""
    own_package = Path(__file__).resolve().parent.parent
    parts = Path(file).parts
    return Path(file).is_relative_to(folder) and "site-packages" not in parts and not Path(file).resolve().is_relative_to(own_package)


def _in_folder(file: str, folder: str) -> str:
    """The name of a file as the student says it: "libs/ddpm.py"."""
    path = Path(file)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _quoted(line: str | None) -> str:
    return f" (`{line.strip()[:120]}`)" if line and line.strip() else ""
