"""One package for each assignment; those of AUTOGRADER_COURSES too (see autograder/places.py, which the student kit does not have)."""

import os

if os.environ.get("AUTOGRADER_COURSES"):
    __path__ = [os.path.join(os.environ["AUTOGRADER_COURSES"], "autograder", "assignments"), *__path__]
