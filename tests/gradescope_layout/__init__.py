"""A root file system laid out as Gradescope's, and a way to run its two programs in it as the platform does: as root, in namespaces of their own,
with the capabilities of a container, under a control group with its limits.
"""
