"""How good and how new generated images are: the Fréchet distance of features, and the nearest training image, a bonus task.

Features are whatever a network makes of images, one row for each image: of an Inception network for the FID of the literature, of a classifier
of digits for MNIST. What is made of them here knows no network.
"""

import numpy as np


def frechet_distance(mu_1, sigma_1, mu_2, sigma_2):
    """The squared Fréchet distance between N(mu_1, sigma_1) and N(mu_2, sigma_2), a number (Heusel et al. 2017, Eq. 6).

    It is the FID of features with these means, (D,), and covariances, (D, D). With fewer images than D the covariances are singular, and it exists
    all the same.
    """
    mu_1, sigma_1, mu_2, sigma_2 = (np.asarray(given, dtype=np.float64) for given in (mu_1, sigma_1, mu_2, sigma_2))
    ######## TODO fid: frechet_distance ########
    # Heusel et al., Eq. 6. The trace of the root of Σ₁ Σ₂ is the sum of the roots of its eigenvalues, which are real and not negative, but for
    # rounding. (about 6 lines)
    raise NotImplementedError("TODO fid: frechet_distance")
    ######## END TODO ########


def nearest_training_distance(features, training_features):
    """How far each of `features`, (N, D), is from the nearest of `training_features`, (M, D): Euclidean distances, (N,).

    About 0 for a copy of a training image; what is near for an image that is none, the same distance of images tells that were held back.
    """
    features, training_features = (np.asarray(given, dtype=np.float64) for given in (features, training_features))
    ######## TODO fid: nearest_training_distance ########
    # The training set may be so large that not all N · M distances fit into memory at once: take the features one by one, or a few at a time.
    # (about 4 lines)
    raise NotImplementedError("TODO fid: nearest_training_distance")
    ######## END TODO ########
