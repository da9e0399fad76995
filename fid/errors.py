"""The one family of errors that users can cause; the command line shows each as one sentence and exits with status 2."""


class UserError(Exception):
    """Something the user can put right. The message is one sentence that says what is wrong and what to do."""
