"""Known wrong versions of libs/fid.py. Those that judges/formulas/frechet.py has a formula for are recognised by it, and are its proof."""

from autograder.grading.formulas import named
from autograder.grading.mutants import Misconception, in_region
from autograder.judges.formulas.frechet import FRECHET, NEAREST

ALGORITHMS = {"frechet_distance": named("fid", FRECHET), "nearest_training_distance": named("nearest", NEAREST)}
_distance, _nearest = (in_region("fid", region, known) for region, known in ALGORITHMS.items())

_SHIFT, _TRACES = "shift @ shift", "np.trace(sigma_1) + np.trace(sigma_2)"
_SUM = "np.sqrt(of_product).sum()"
_ROOT = f"2 * {_SUM}"
_LEAST = "[np.linalg.norm(training_features - feature, axis=1).min() for feature in features]"
_LEAST_OF_EACH = "[np.linalg.norm(features - feature, axis=1).min() for feature in training_features]"
_SECOND = "[np.sort(np.linalg.norm(training_features - feature, axis=1))[:2][-1] for feature in features]"
_SIZES = "np.linalg.norm(training_features, axis=1)"
_COSINES = f"[(1 - training_features @ feature / ({_SIZES} * np.linalg.norm(feature))).min() for feature in features]"
_ROOT_OF = """def root_of(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
"""


def _of_chunks(last: str) -> str:
    return f"""
        nearest = []
        for start in range(0, {last}, 16):
            between = features[start : start + 16, None] - training_features[None]
            nearest.append(np.sqrt((between**2).sum(axis=-1)).min(axis=1))
        return np.concatenate(nearest) if nearest else np.zeros(0)
    """


FID: tuple[Misconception, ...] = (
    _distance("fid-shift-not-squared", edits=((_SHIFT, "np.linalg.norm(shift)"),)),
    _distance("fid-shift-averaged", edits=((_SHIFT, "(shift**2).mean()"),)),
    _distance("fid-shift-left-out", edits=((f"{_SHIFT} + ", ""),)),
    _distance("fid-root-once", edits=((_ROOT, _ROOT.removeprefix("2 * ")),)),
    _distance("fid-root-left-out", edits=((f" - {_ROOT}", ""),)),
    _distance("fid-root-added", edits=((f"- {_ROOT}", f"+ {_ROOT}"),)),
    _distance("fid-root-of-each-number", edits=(("np.sqrt(of_product)", "np.sqrt(np.diag(sigma_1 @ sigma_2).clip(min=0))"),)),
    _distance(
        "fid-product-of-each-number",
        edits=(("of_product = np.linalg.eigvalsh(root @ sigma_2 @ root)", "of_product = np.linalg.eigvals(sigma_1 * sigma_2).real"),),
    ),
    _distance("fid-product-of-roots", edits=(("values, vec", f"{_ROOT_OF}values, vec"), (_SUM, "np.trace(root @ root_of(sigma_2))"))),
    _distance("fid-trace-of-the-product", edits=((_SUM, "np.trace(sigma_1 @ sigma_2)"),)),
    _distance("fid-root-of-the-trace", edits=((_SUM, "np.sqrt(np.trace(sigma_1 @ sigma_2))"),)),
    _distance("fid-roots-of-the-diagonals", edits=((_SUM, "np.sqrt(np.diag(sigma_1) * np.diag(sigma_2)).sum()"),)),
    _distance("fid-distance-not-squared", edits=(("return float(", "return float(max(0, "), (f"{_SUM})", f"{_SUM}) ** 0.5)"))),
    _distance("fid-one-trace", edits=((_TRACES, "np.trace(sigma_1)"),)),
    _distance(
        "fid-left-complex",
        "Your distance seems to be a complex number: rounding leaves an imaginary part in the root of Σ₁ Σ₂. Look at its type.",
        body="""
            shift = mu_1 - mu_2
            root = np.sqrt(np.linalg.eigvals(sigma_1 @ sigma_2).astype(complex)).sum()
            return shift @ shift + np.trace(sigma_1) + np.trace(sigma_2) - 2 * root
        """,
    ),
    _distance(
        "fid-by-cholesky",
        "Your root seems to need covariances that are positive definite. Those of fewer images than dimensions are singular.",
        body="""
            left = np.linalg.cholesky(sigma_1)
            shift = mu_1 - mu_2
            of_product = np.linalg.eigvalsh(left.T @ sigma_2 @ left).clip(min=0)
            return float(shift @ shift + np.trace(sigma_1) + np.trace(sigma_2) - 2 * np.sqrt(of_product).sum())
        """,
    ),
    _distance(
        "fid-roots-of-negative-numbers",
        "Your distance seems to become NaN where rounding leaves eigenvalues a little below 0, as for fewer images than dimensions.",
        edits=(("eigvalsh(root @ sigma_2 @ root).clip(min=0)", "eigvalsh(root @ sigma_2 @ root)"),),
    ),
    _nearest("nearest-squared", edits=((".min() for", ".min() ** 2 for"),)),
    _nearest("nearest-of-absolute-values", edits=(("feature, axis=1)", "feature, ord=1, axis=1)"),)),
    _nearest("nearest-root-of-the-mean", edits=((".min() for", ".min() / features.shape[1] ** 0.5 for"),)),
    _nearest("nearest-farthest", edits=((".min()", ".max()"),)),
    _nearest("nearest-mean", edits=((".min()", ".mean()"),)),
    _nearest("nearest-of-each-training-feature", edits=((_LEAST, _LEAST_OF_EACH),)),
    _nearest("nearest-second-nearest", edits=((_LEAST, _SECOND),)),
    _nearest("nearest-the-place", edits=((".min()", ".argmin()"),)),
    _nearest("nearest-of-all", edits=(("return np.array(nearest)", "return np.array(nearest).min()"),)),
    _nearest(
        "nearest-among-themselves",
        "Your distances seem to be those among the features themselves, each to itself the nearest. Look at which two sets you compare.",
        edits=(("norm(training_features -", "norm(features -"),),
        is_no_work=True,
    ),
    _nearest(
        "nearest-last-chunk-left-out",
        "The last features seem to get no distance. Look at where the loop over chunks ends.",
        body=_of_chunks("len(features) // 16 * 16"),
    ),
    _nearest(
        "nearest-in-a-part-of-the-training-set",
        "Some of the training features seem not to be looked at. Look at where the loop over them ends.",
        edits=(("norm(training_features -", "norm(training_features[: max(1, len(training_features) // 100 * 100)] -"),),
    ),
    _nearest(
        "nearest-by-angle",
        "Your distances seem to be those of directions, in which a copy that is twice as bright is the same. Euclidean ones are asked for.",
        edits=((_LEAST, _COSINES),),
    ),
)  # fmt: skip
