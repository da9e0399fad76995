"""Mutants made by operators: what `autograder validate --generated` judges beside the mistakes that people thought of.

source → operators → drawing: which mutants there are. reach, trial, equality: what becomes of one. campaign: all of them, in processes.
"""
