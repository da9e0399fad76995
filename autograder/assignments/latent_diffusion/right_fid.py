"""Right versions of libs/fid.py of many shapes."""

from autograder.grading.mutants import Variant

_FILE = "libs/fid.py"
DISTANCE, NEAREST = f"{_FILE}:frechet_distance", f"{_FILE}:nearest_training_distance"
_AS_ARRAYS = "    mu_1, sigma_1, mu_2, sigma_2 = (np.asarray(given, dtype=np.float64) for given in (mu_1, sigma_1, mu_2, sigma_2))\n"
_AS_FEATURES = "    features, training_features = (np.asarray(given, dtype=np.float64) for given in (features, training_features))\n"
_IMPORT = "import numpy as np\n"

FID: tuple[Variant, ...] = (
    Variant("fid-by-sqrtm", "the root of a matrix by SciPy, and an offset where it is singular, as the usual program does", bodies={
        DISTANCE: """
            covmean = linalg.sqrtm(sigma_1.dot(sigma_2))
            if not np.isfinite(covmean).all():
                offset = np.eye(sigma_1.shape[0]) * 1e-6
                covmean = linalg.sqrtm((sigma_1 + offset).dot(sigma_2 + offset))
            covmean = np.real(covmean)
            diff = mu_1 - mu_2
            return diff.dot(diff) + np.trace(sigma_1) + np.trace(sigma_2) - 2 * np.trace(covmean)
        """,
        NEAREST: "return cdist(features, training_features).min(axis=1)",
    }, edits={_FILE: ((_IMPORT, _IMPORT + "from scipy import linalg\nfrom scipy.spatial.distance import cdist\n"),)}),
    Variant("fid-always-with-an-offset", "the offset on both diagonals, whether it is needed or not; a k-d tree", bodies={
        DISTANCE: """
            offset = 1e-6 * np.eye(len(mu_1))
            root = linalg.sqrtm((sigma_1 + offset) @ (sigma_2 + offset)).real
            return np.sum((mu_1 - mu_2) ** 2) + np.trace(sigma_1 + sigma_2 - 2 * root)
        """,
        NEAREST: "return cKDTree(training_features).query(features)[0]",
    }, edits={_FILE: ((_IMPORT, _IMPORT + "from scipy import linalg\nfrom scipy.spatial import cKDTree\n"),)}),
    Variant("fid-by-eigenvalues-of-the-product", "complex on the way; a table of all distances", bodies={
        DISTANCE: """
            eigenvalues = np.linalg.eigvals(sigma_1 @ sigma_2)
            root = np.sqrt(eigenvalues.astype(complex)).real.sum()
            return np.array(((mu_1 - mu_2) ** 2).sum() + sigma_1.trace() + sigma_2.trace() - 2 * root)
        """,
        NEAREST: """
            squares = (features**2).sum(1)[:, None] + (training_features**2).sum(1)[None] - 2 * features @ training_features.T
            return np.sqrt(np.maximum(squares, 0)).min(axis=1)
        """,
    }),
    Variant("fid-in-torch", "tensors as they come, in chunks", bodies={
        DISTANCE: """
            a = (mu_1 - mu_2).square().sum(dim=-1)
            b = sigma_1.trace() + sigma_2.trace()
            c = torch.linalg.eigvals(sigma_1 @ sigma_2).sqrt().real.sum(dim=-1)
            return a + b - 2 * c
        """,
        NEAREST: """
            least = [torch.cdist(chunk, training_features).min(dim=1).values for chunk in features.split(32)]
            return torch.cat(least)
        """,
    }, edits={_FILE: ((_IMPORT, "import numpy as np\nimport torch\n"), (_AS_ARRAYS, ""), (_AS_FEATURES, ""))}),
    Variant("fid-in-torch-of-single-precision", "float32 inside, chunks over the training set; lists of numbers", bodies={
        DISTANCE: """
            m_1, s_1, m_2, s_2 = (torch.as_tensor(given, dtype=torch.float64) for given in (mu_1, sigma_1, mu_2, sigma_2))
            values, vectors = torch.linalg.eigh(s_1)
            half = vectors * values.clamp(min=0).sqrt()
            root = torch.linalg.eigvalsh(half.T @ s_2 @ half).clamp(min=0).sqrt().sum()
            return ((m_1 - m_2).pow(2).sum() + torch.trace(s_1 + s_2) - 2 * root).item()
        """,
        NEAREST: """
            rows, least = torch.as_tensor(features).float(), torch.full((len(features),), float("inf"))
            for start in range(0, len(training_features), 500):
                chunk = torch.as_tensor(training_features[start : start + 500]).float()
                least = torch.minimum(least, torch.cdist(rows, chunk).amin(dim=1))
            return least.tolist()
        """,
    }, edits={_FILE: ((_IMPORT, "import numpy as np\nimport torch\n"),)}),
    Variant("fid-by-singular-values", "‖√Σ₁ √Σ₂‖ in the nuclear norm", bodies={
        DISTANCE: """
            def half(sigma):
                values, vectors = np.linalg.eigh(sigma)
                return np.sqrt(np.maximum(values, 0))[:, None] * vectors.T

            nuclear = np.linalg.svd(half(sigma_1) @ half(sigma_2).T, compute_uv=False).sum()
            total = np.square(mu_1 - mu_2).sum() + np.trace(sigma_1) + np.trace(sigma_2) - 2 * nuclear
            return max(float(total), 0.0)
        """,
        NEAREST: """
            least = np.full(len(features), np.inf)
            for other in training_features:
                least = np.minimum(least, ((features - other) ** 2).sum(axis=1))
            return np.sqrt(least)
        """,
    }),
)  # fmt: skip
