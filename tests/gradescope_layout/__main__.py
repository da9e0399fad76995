"""`python -m tests.gradescope_layout`: the bundle on a real Ubuntu 22.04, laid out and limited as on Gradescope. Needs root and debootstrap.

python -m tests.gradescope_layout                          make the root file system, run setup.sh, grade a few sample submissions
python -m tests.gradescope_layout passes_all fork-bomb     grade these sample submissions and hostile ones, by name
python -m tests.gradescope_layout --short-training all     all of both, with a training too short to succeed, so that it takes an hour
python -m tests.gradescope_layout --again                  as before, with setup.sh run again

The first run fetches Ubuntu and the pinned packages, several gigabytes where the CPU build of torch cannot be had; it takes what pip's settings
and the variables SSL_CERT_FILE and PIP_… of this shell say. Where a proxy has a certificate of its own, the system's bundle is copied inside.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autograder.bundle.make import bundle
from autograder.manifest import load_manifest
from autograder.places import REPOSITORY
from tests.gradescope_layout.container import Container, group, why_not
from tests.red_team.attacks import ATTACKS
from tests.red_team.trial import attack_files

ASSIGNMENT = "swiss_roll"
SUITE = "jammy"  # Ubuntu 22.04
EXAMPLES = REPOSITORY / "examples" / "submissions"
FEW = ("passes_all", "two_mistakes", "untouched_stub", "endless_loop", "allocates_ten_gigabytes", "kills_its_process")
PASSED_ON = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "PIP_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "HTTPS_PROXY",
    "https_proxy",
)
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CERTIFICATES_INSIDE = (
    "/etc/ssl/certificates-of-the-machine.crt"  # setup.sh upgrades Ubuntu's own, and with it that file
)
CANARY = "canary-in-the-metadata@example.com"
METADATA = json.dumps({"created_at": "2026-03-10T10:00:00-07:00", "users": [{"email": CANARY, "name": "Ada Lovelace"}]})
SHORT = (
    ("num_iterations", "20"),
    ("average_last", "10"),
    ("dataset_size", "5000"),
    ("num_samples", "16"),
    ("max_trainings", "1"),
    ("seconds_per_call", "2.0"),
    ("outcome", '"own"'),
)


Work = Callable[[], tuple[Mapping[str, bytes], tuple[str, ...], float]]
"""Makes the files of a submission; the tasks, and the most points that these may give together."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Run the bundle in Gradescope's layout, on Ubuntu 22.04, under its limits."
    )
    parser.add_argument("names", nargs="*", help="sample submissions and attacks; `all` for all of both")
    parser.add_argument(
        "--root", type=Path, default=Path(tempfile.gettempdir()) / "gradescope-layout", help="kept between runs"
    )
    parser.add_argument("--again", action="store_true", help="run setup.sh although it has run")
    parser.add_argument("--short-training", action="store_true", help="train for 20 iterations, which fails task 1-5")
    parser.add_argument("--processors", type=float, default=0.5)
    parser.add_argument("--memory", type=int, default=768, help="megabytes")
    arguments = parser.parse_args()
    if reason := why_not() or ("" if shutil.which("debootstrap") else "there is no program debootstrap"):
        parser.error(f"this cannot run here: {reason}")
    work = submissions()
    chosen = list(work) if arguments.names == ["all"] else list(arguments.names or FEW)
    if unknown := [name for name in chosen if name not in work]:
        parser.error(f"there is no submission {', '.join(unknown)}")

    container = Container(arguments.root.resolve())
    make_root(container.root)
    with tempfile.TemporaryDirectory() as folder:
        for line in bundle(ASSIGNMENT, "gradescope", Path(folder) / "autograder.zip"):
            print(line)
        container.fill(Path(folder) / "autograder.zip")
    if (arguments.again or not (container.root / "opt/autograder/ready").exists()) and set_up(container):
        return 1
    if arguments.short_training:
        shorten(container)
    bad = 0
    for name in chosen:
        bad += attempt(container, name, *work[name](), arguments.processors, arguments.memory)
    print(f"{len(chosen)} submissions, {bad} of them with something wrong")
    return 1 if bad else 0


def make_root(root: Path) -> None:
    """Ubuntu as debootstrap makes it, with the updates that the platform's image has, and this machine's way to the network."""
    if not (root / "etc/os-release").exists():
        keys = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
        trust = ["--keyring", str(keys)] if keys.exists() else ["--no-check-gpg"]
        print(
            f"debootstrap {SUITE} {root} ({'signatures are checked' if keys.exists() else 'signatures are not checked: no keyring'})"
        )
        command = [
            "debootstrap",
            "--variant=minbase",
            "--components=main,universe",
            "--include=ca-certificates,python3",
            *trust,
        ]
        subprocess.run([*command, SUITE, str(root)], check=True, stdout=subprocess.DEVNULL)
    sources = root / "etc/apt/sources.list"
    lines = [line for line in sources.read_text().splitlines() if f" {SUITE} " in line][:1]
    sources.write_text(
        "\n".join([*lines, *(line.replace(f" {SUITE} ", f" {SUITE}-updates ") for line in lines)]) + "\n"
    )
    for path in ("/etc/resolv.conf", "/etc/hosts"):
        if Path(path).exists():
            shutil.copy(path, f"{root}{path}")
    if Path(CERTIFICATES).exists():
        shutil.copy(CERTIFICATES, f"{root}{CERTIFICATES_INSIDE}")


def set_up(container: Container) -> int:
    started = time.monotonic()
    given = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    given |= {name: CERTIFICATES_INSIDE for name, value in given.items() if value == CERTIFICATES}
    process = container.start(["bash", "/autograder/source/setup.sh"], given)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("setup.sh:"):
            print(f"{time.monotonic() - started:5.0f} s  {line.rstrip()}", flush=True)
    if process.wait():
        print("".join(lines[-20:]))
    return process.returncode


def shorten(container: Container) -> None:
    path = container.root / "autograder/source/autograder/assignments" / ASSIGNMENT / "assignment.toml"
    text = path.read_text(encoding="utf-8")
    for key, value in SHORT:
        text = re.sub(rf"(?m)^{key} = \S+", f"{key} = {value}", text)
    path.write_text(text, encoding="utf-8")


def submissions() -> dict[str, Work]:
    """Every sample submission and every attack, by name."""
    manifest = load_manifest(ASSIGNMENT)
    behaviour = tuple(task.id for task in manifest.tasks if task.kind == "behaviour")
    full = sum(manifest.task(task).points for task in behaviour)
    places = {
        "CANARY": "/autograder/submission_metadata.json",
        "OUT": "/autograder/results",
        "REPOSITORY": "/autograder/source",
    }
    places |= {"GRADER": "1", "PORT": "1"}

    def example(path: Path) -> Mapping[str, bytes]:
        if path.is_dir():
            return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
        return {path.name: path.read_bytes()}

    found: dict[str, Work] = {}
    for path in sorted(EXAMPLES.iterdir()):
        found[path.name] = lambda path=path: (example(path), behaviour, full)  # type: ignore[misc]
    for attack in ATTACKS:
        found[attack.id] = lambda attack=attack: (  # type: ignore[misc]
            {
                name: text.encode("utf-8", "surrogatepass")
                for name, text in attack_files(attack, manifest, places).items()
            },
            (attack.task,) if attack.task else behaviour,
            attack.honest,
        )
    return found


def attempt(
    container: Container,
    name: str,
    files: Mapping[str, bytes],
    tasks: tuple[str, ...],
    most: float,
    processors: float,
    megabytes: int,
) -> bool:
    """Grade one submission, print a line, and say whether something is wrong with what came of it."""
    container.submit(files, METADATA)
    with group(processors, megabytes) as limits:
        started = time.monotonic()
        status, printed = container.run(["bash", "/autograder/source/run_autograder"], {}, limits)
        seconds = time.monotonic() - started
    results: dict[str, Any] = json.loads(container.results.read_text(encoding="utf-8"))
    earned = sum(test["score"] for test in results["tests"] if test["tags"][0] in tasks)
    secret = (container.root / "autograder/source/secret").read_text().strip()
    shown = json.dumps(results) + printed
    problems = [
        *([f"exit status {status}"] if status else []),
        *(["the secret is shown"] if secret in shown else []),
        *(["the metadata is shown"] if CANARY in shown else []),
        *([f"{earned:g} points in {', '.join(tasks)} instead of at most {most:g}"] if earned > most else []),
        *(
            [f"the results are {results['extra_data']['state']}"]
            if results["extra_data"]["state"] not in ("complete", "refused")
            else []
        ),
        *(["the grader failed"] if "grader_error" in shown else []),
    ]
    environment = results["extra_data"].get("environment", {})
    used = "; ".join(str(environment.get(key, "–")) for key in ("time used", "memory used", "isolation"))
    extra = f"; out of memory: {environment['out of memory']}" if "out of memory" in environment else ""
    limited = "" if limits.folders else " (no limits: control groups cannot be written here)"
    print(
        f"{name:36} {seconds:5.0f} s  {results['score']:5.1f} points  {used}{extra}{limited}  {'; '.join(problems) or 'ok'}",
        flush=True,
    )
    if problems:
        print(
            "".join(f"    {line}\n" for line in printed.splitlines() if "FOR STAFF" in line or "grader" in line),
            end="",
            flush=True,
        )
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
