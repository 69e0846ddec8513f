"""One run of Evidently's drift preset, defaults, in its own environment: the same JSON as ours."""

from __future__ import annotations

import importlib.metadata
import json
import resource
import sys
from time import perf_counter

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
from tables import make_table


def main(rows: int, columns: int) -> None:
    """Compare two draws of the same table; data frames are made before the clock starts."""
    before, now = (
        pd.DataFrame(make_table(rows=rows, columns=columns, seed=seed)) for seed in (1, 2)
    )
    started = perf_counter()
    found = Report([DataDriftPreset()]).run(now, before).dict()
    print(
        json.dumps(
            {
                "seconds": perf_counter() - started,
                "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "alarms": found["metrics"][0]["value"]["count"],
                "version": importlib.metadata.version("evidently"),
            }
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
