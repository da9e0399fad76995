"""Hostile submissions, one per idea, run for real: none may gain a point, learn a secret, or do harm outside its process."""
