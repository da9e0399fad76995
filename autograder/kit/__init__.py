"""What students run on their own machine: `check` and `pack`. Shipped as it is, inside the student kit.

It knows torch and NumPy, no solution and no other part of the grader. The numbers that must come out are data, made when the kit
is released. Nothing here is a boundary: a student's code runs as the student.
"""
