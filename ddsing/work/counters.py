"""What `ddsing.work.counted` counts with; loading it decides whether the processes of a run count together."""

from prometheus_client import Histogram

TRANSFERS = Histogram(
    "ddsing_transfer_seconds",
    "Seconds from the start of a transfer to its end, by result.",
    ["result"],
    registry=None,
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
)
