"""What `autograder --help` lists, a file for each kind of reader; `autograder/cli.py` puts it together.

A command reads its options, imports what it needs only then, and leaves the work to a function elsewhere.
"""
