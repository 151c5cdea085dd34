"""The machine's limits: the arithmetic of shares and ratios, and that measuring them leaves BLAS as it was."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from benchmarks import limits
from benchmarks.limits import Limit, Part, Row


def test_a_row_says_figure_peer_ratio_and_share_with_its_arithmetic():
    limit = Limit((Part("products", 100e9, multiply_adds=1.5e9), Part("weights", 20e9, n_bytes=400e6)))
    assert limit.seconds == pytest.approx(2 * 1.5 / 100 + 0.4 / 20)
    row = Row("CREPE full", 0.1, per="second of audio", peer="Keras", peer_s=1.234, limit=limit)
    assert row.ratio == pytest.approx(12.34) and row.share == pytest.approx(0.5)
    assert row.text() == (
        "CREPE full: 0.1 s per second of audio; Keras 1.23 s, 12.3 times as long; "
        "50% of the limit (2 × 1.5 G / 100 G/s products + 400 MB / 20 GB/s weights = 0.05 s)"
    )
    assert Row("a page", 0.25).text() == "a page: 0.25 s"
    assert row.to_json()["share"] == row.share


def test_each_level_is_measured_with_what_fits_there_and_no_lower():
    sizes = limits.cache_bytes()
    l2, l3, ram = map(limits.working_set_bytes, limits.LEVELS)
    assert l2 < sizes["L2"] < l3 < ram and ram >= 4 * sizes["L3"]


def test_measuring_gives_rates_and_leaves_blas_with_its_threads(monkeypatch):
    monkeypatch.setattr(limits, "REPEATS", 1)
    monkeypatch.setattr(limits, "_MOVED_BYTES", 1)
    before = [library["num_threads"] for library in threadpool_info()]
    rates = [limits.matrix_product_flops(size=64), limits.matrix_product_flops(2, complex_numbers=True, size=64)]
    rates += [limits.memory_bandwidth("L2", copy=copy) for copy in (False, True)]
    assert np.all(np.isfinite(rates)) and min(rates) > 0.0
    assert [library["num_threads"] for library in threadpool_info()] == before
