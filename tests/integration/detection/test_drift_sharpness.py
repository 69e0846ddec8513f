"""The benchmark's own question on fewer seeds: small corruptions of a column found, noise not."""

from tests.benchmarks.drift.measure import measure_sharpness


def test_a_tenth_of_a_column_is_found_and_a_fiftieth_of_a_sigma_is_not() -> None:
    rows = measure_sharpness(seeds=8, progress=lambda _: None)
    assert len(rows) == 2
    assert [row.value for row in rows] == [100.0, 100.0]
    assert all(row.ok for row in rows)
