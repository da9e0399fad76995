"""KAIST CS479, assignment 3: what its two tasks share, which is all of ddpm.py: interface, checks, known mistakes and right variants."""
