"""Mistakes that an exception names in any code (kind, text): attributes and names that are not there, a network that is asked without t."""

from collections.abc import Callable

from autograder.grading.mutants import Misconception

FUNCTIONS = "q_sample|p_sample|p_sample_loop|ddim_p_sample|ddim_p_sample_loop|compute_loss"  # one that is missing is another matter
TABLE_UNKNOWN = (
    "AttributeError",
    rf"'(BaseScheduler|DiffusionModule)' object has no attribute '(?!({FUNCTIONS})').*'.*",
)
NAME_UNKNOWN = "NameError", r"name '.*' is not defined.*"
INDEX_NOT_INTEGER = (
    "RuntimeError|IndexError",
    (
        r"gather\(\): Expected dtype .* for index|(index_select|take)\(\): Expected dtype .*|tensors used as indices must be long.*"
    ),
)
RANDINT_SIZE = (
    "TypeError",
    (
        r"randint\(\) received an invalid combination of arguments - got \((int, )?int, int[,)].*|randint\(\): argument 'size'.*"
    ),
)
NETWORK_WITHOUT_T = "RuntimeError", "the network takes x and t, and was called with 1 arguments"


def crashes(
    make: Callable[..., Misconception], name: str, table: str, misspelt: str, variable: str
) -> tuple[Misconception, ...]:
    """Attributes and names that are not there; `table` and `variable` occur once in the solution of the region."""
    return (
        make(
            f"{name}-table-unknown",
            explanation="Your code reads an attribute that is not there. Compare its spelling, and whose attribute it is, with BaseScheduler at "
            "the top of ddpm.py, which has the tables, the time steps and their number.",
            edits=((table, misspelt),),
            failure=TABLE_UNKNOWN,
        ),
        make(
            f"{name}-name-unknown",
            explanation="Your code uses a name that nothing defines. Look for an import that is missing, and for a variable that is spelled in "
            "two ways.",
            edits=((variable, f"{variable}_"),),
            failure=NAME_UNKNOWN,
        ),
    )
