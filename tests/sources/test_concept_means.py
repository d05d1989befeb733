"""Concepts as means of what shows them, against plain numpy."""

import numpy as np
import pytest

from embedscope.sources.concept_means import concept_means


def test_a_concept_is_the_mean_of_its_images():
    rng = np.random.default_rng(0)
    x, owner = rng.normal(size=(9, 5)), np.array([0, 0, 1, 1, 1, 3, 3, 3, 3])
    found = concept_means(x, owner, 4)
    means = found.x
    for i in (0, 1, 3):
        np.testing.assert_allclose(means[i], x[owner == i].mean(axis=0))
    assert np.isnan(means[2]).all()
    assert found.count.tolist() == [2, 3, 0, 4]
    cosines = [x[i] @ means[o] / np.linalg.norm(x[i]) / np.linalg.norm(means[o]) for i, o in enumerate(owner)]
    assert found.cosine == pytest.approx(np.mean(cosines))
