"""The quantile of Student's t against scipy, an independent implementation."""

import pytest
from scipy.stats import t

from embedscope.stats.uncertainty import _t_quantile


@pytest.mark.parametrize("df", [*range(1, 20), 50, 101])
def test_against_scipy(df):
    assert _t_quantile(df) == pytest.approx(t.ppf(0.975, df), rel=1e-12)
