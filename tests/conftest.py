"""What holds for every test."""

import os
import signal

# A shell lets its background jobs ignore Ctrl-C, and all that they start inherits it. The tests that press Ctrl-C want to see what it does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# On a machine with a GPU too, what the tests compare is computed on the CPU. Said before the first import of torch.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
