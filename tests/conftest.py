"""What holds for every test."""

import signal

# A shell lets its background jobs ignore Ctrl-C, and all that they start inherits it. The tests that press Ctrl-C want to see what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
