"""Pictures that a program draws from a prompt."""
