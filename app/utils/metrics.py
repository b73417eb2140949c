"""Prometheus metrics of the service. No label ever names an account, a company or a product."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Histogram(
    "quantyfy_http_request_seconds",
    "Time to answer, by route template.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
STAGES = Histogram(
    "quantyfy_stage_seconds",
    "Time of each stage of the pipeline.",
    ["stage"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900),
)
ROWS = Counter("quantyfy_rows_total", "Rows read from uploads, by what became of them.", ["outcome"])
SERIES = Counter("quantyfy_series_total", "Series forecast, by level.", ["level"])
UPLOADS = Counter("quantyfy_uploads_total", "Uploads that ended, by final state.", ["state"])
JOBS = Gauge("quantyfy_queue_jobs", "Jobs in the queue, by story and state.", ["job", "state"])
WORKERS = Gauge(
    "quantyfy_queue_workers",
    "Workers of the queue: alive by their heartbeat, or lost without having signed off.",
    ["state"],
)
WAPE = Gauge(
    "quantyfy_last_run_wape",
    "Backtest WAPE of the newest run of this process, ours beside seasonal naive.",
    ["model", "level", "horizon_days"],
)
COVERAGE = Gauge(
    "quantyfy_last_run_coverage",
    "Share of the backtest's truths that fell inside their p10-p90 range; 0.8 is the aim.",
    ["level", "horizon_days"],
)
COPIES = Counter(
    "quantyfy_copies_total", "Objects of the lake wanted as a copy: found, made, or passed over.", ["outcome"]
)
