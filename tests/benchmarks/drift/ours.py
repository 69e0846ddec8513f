"""One run of our drift judge in a process of its own: seconds, peak memory and alarms as JSON."""

from __future__ import annotations

import json
import resource
import sys
from time import perf_counter

from recsysops.detection.table_drift import judge_table
from recsysops.detection.table_profile import NumberColumn, deal_groups, profile_table

from tests.benchmarks.drift.tables import make_table


def main(rows: int, columns: int) -> None:
    """Profile a reference and judge another draw of the same table."""
    before, now = (
        {
            name: NumberColumn(values)
            for name, values in make_table(rows=rows, columns=columns, seed=seed).items()
        }
        for seed in (1, 2)
    )
    groups = deal_groups(rows)
    started = perf_counter()
    profile = profile_table(before, groups=groups)
    profiled = perf_counter()
    drift = judge_table(profile, now, groups=groups)
    done = perf_counter()
    print(
        json.dumps(
            {
                "seconds": done - started,
                "judging": done - profiled,
                "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "alarms": len(drift.alarms),
            }
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
