"""Many submissions: collect them from what a course's platform exports, grade them, keep the grades, show the class."""
