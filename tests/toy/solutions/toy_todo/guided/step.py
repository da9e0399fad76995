"""The step with guidance."""

from constants import SIZE


def step(network, x, t, w):
    """x, t, w: numbers. network(x, t, label) gives a number; the label is 1 or None."""
    ######## TODO 2: step ########
    # Two calls of the network.
    ### BEGIN SOLUTION
    without = network(x, t, None)
    return x + SIZE * (without + w * (network(x, t, 1) - without))
    ### END SOLUTION
    ### STUB: raise NotImplementedError("TODO 2: step")
    ######## END TODO ########
