"""The two programs of the student kit that students start; all they do stands in `autograder/kit/`."""

SCRIPT = '''"""{title} Run `python {name} --help`."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ".")

CHECKER = Path(__file__).resolve().parent / "checker"
sys.path.insert(0, str(CHECKER))

from autograder.kit.{module} import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(CHECKER))
'''
SCRIPTS = {
    "check.py": SCRIPT.format(title="Check your work.", name="check.py", module="check"),
    "pack.py": SCRIPT.format(title="Make the zip that you hand in.", name="pack.py", module="pack"),
}


def is_kit_script(content: bytes) -> bool:
    """Whether a file is one of them, whatever its line ends: it comes along with a folder, and is not the student's work."""
    return content.split() in [text.encode().split() for text in SCRIPTS.values()]
