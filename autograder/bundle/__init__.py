"""The grader as one zip for a platform that runs it: what goes in (contents.py), and what runs there (gradescope.py)."""
