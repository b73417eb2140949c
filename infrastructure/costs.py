"""What the service costs on AWS, on paper: `python -m infrastructure.costs` prints the tables of the runbook.

US$ a month, on demand, without tax, free tier or discount. Nothing here was measured on AWS: prices are written down
with their date, the load is assumed, sizes come from `environments.py`. A test holds the runbook to what this prints.
"""

from dataclasses import dataclass, replace
from math import ceil

from infrastructure.environments import DEV, PROD, Database, Environment, Task

HOURS = 730
DAYS = 30
BEGIN, END = "<!-- costs: python -m infrastructure.costs -->", "<!-- end of costs -->"


@dataclass(frozen=True)
class Prices:
    """Of one region, as of `seen`; to be checked in AWS's calculator before money depends on them."""

    seen: str
    vcpu_hour: float  # Fargate, arm64
    memory_gb_hour: float
    spot_share: float  # of the price on demand
    database_hour: dict[str, float]  # one zone
    database_gb: float  # one zone
    balancer_hour: float
    balancer_unit_hour: float  # LCU
    address_hour: float
    function_gb_second: float  # arm64
    function_call: float
    object_gb: float
    object_write: float
    object_read: float
    out_gb: float
    log_gb: float


# Fargate, t4g and storage of us-east-1 as published price guides had them in 2026; the rest from memory of AWS's lists.
VIRGINIA = Prices(
    seen="2026-11",
    vcpu_hour=0.03238,
    memory_gb_hour=0.00356,
    spot_share=0.3,
    database_hour={"t4g.micro": 0.016},
    database_gb=0.115,
    balancer_hour=0.0225,
    balancer_unit_hour=0.008,
    address_hour=0.005,
    function_gb_second=0.0000133334,
    function_call=0.0000002,
    object_gb=0.023,
    object_write=0.000005,
    object_read=0.0000004,
    out_gb=0.09,
    log_gb=0.50,
)
SAO_PAULO = replace(
    VIRGINIA,
    vcpu_hour=0.05568,
    memory_gb_hour=0.00608,
    database_hour={"m7g.large": 0.29, "r7g.2xlarge": 1.63},
    database_gb=0.219,
    balancer_hour=0.034,
    balancer_unit_hour=0.011,
    object_gb=0.0405,
    object_write=0.000007,
    object_read=0.00000056,
    out_gb=0.15,
    log_gb=0.90,
)
ALARM, KEY, SECRET, ZONE, METRIC = 0.10, 1.00, 0.40, 0.50, 0.30  # each a month


@dataclass(frozen=True)
class Company:
    """What one company asks for in a day, and how long the stages take it."""

    uploads: int = 1
    seconds_upload: float = 3
    seconds_process: float = 5
    seconds_predict: float = 15
    writes: int = 15  # objects an upload
    reads: int = 60  # objects an upload; readers' are mostly answered from copies
    kept_gb: float = 0.2
    requests: int = 300
    answer_kb: float = 20
    log_kb_request: float = 0.5
    log_kb_upload: float = 10


COMPANY = Company()
PEAK = 4  # busiest hour beside the mean
TASK_REQUESTS_S = 50  # what scaling aims at for one task of the API
WORKER_LOAD = 0.7
LARGE_SHARE, LARGE_SECONDS = 0.02, 60  # uploads too large for functions, the worker's
ALARMS, METRICS_OF_INSIGHTS = 20, 25


@dataclass(frozen=True)
class Load:
    """A column of the table."""

    title: str
    companies: int
    environment: Environment
    prices: Prices
    balancer_units: float


LARGE = replace(PROD, database=replace(PROD.database, instance="r7g.2xlarge", storage_gb=1000))
LOADS = (
    Load("dev", 1, DEV, VIRGINIA, 0.1),
    Load("10 companies", 10, PROD, SAO_PAULO, 0.2),
    Load("1,000", 1_000, PROD, SAO_PAULO, 1),
    Load("100,000", 100_000, LARGE, SAO_PAULO, 25),
)


def costs(load: Load) -> dict[str, float]:
    """US$ a month by what it is for."""
    environment, prices = load.environment, load.prices
    api, workers = _tasks(load)
    uploads = load.companies * COMPANY.uploads * DAYS
    requests = load.companies * COMPANY.requests * DAYS
    logs = (requests * COMPANY.log_kb_request + uploads * COMPANY.log_kb_upload) / 1e6
    insights = METRICS_OF_INSIGHTS * METRIC if environment.container_insights else 0
    return {
        "database": _database(environment.database, prices),
        "API tasks": api * task_month(environment.api, prices),
        "worker": workers
        * task_month(environment.worker, prices)
        * (prices.spot_share if environment.worker_on_spot else 1),
        "balancer, public addresses": HOURS
        * (
            prices.balancer_hour
            + load.balancer_units * prices.balancer_unit_hour
            + (2 + api + workers) * prices.address_hour
        ),
        "functions": uploads * upload_by_functions(environment, prices),
        "S3": load.companies * COMPANY.kept_gb * prices.object_gb
        + uploads * (COMPANY.writes * prices.object_write + COMPANY.reads * prices.object_read),
        "traffic out": requests * COMPANY.answer_kb / 1e6 * prices.out_gb,
        "logs, alarms, keys": logs * prices.log_gb
        + ALARMS * ALARM
        + insights
        + SECRET
        + ZONE
        + KEY * environment.lake_key,
    }


def _tasks(load: Load) -> tuple[int, int]:
    """How many tasks of the API and workers run."""
    second = load.companies * COMPANY.requests / 86_400
    api = max(load.environment.api.least, ceil(PEAK * second / TASK_REQUESTS_S))
    large = load.companies * COMPANY.uploads * LARGE_SHARE * LARGE_SECONDS / 86_400 / WORKER_LOAD
    return api, max(load.environment.worker.least, ceil(large))


def _database(database: Database, prices: Prices) -> float:
    zones = 2 if database.two_zones else 1
    return zones * (HOURS * prices.database_hour[database.instance] + database.storage_gb * prices.database_gb)


def task_month(task: Task, prices: Prices) -> float:
    """A task that runs all month, on demand."""
    return HOURS * (task.cpu / 1024 * prices.vcpu_hour + task.memory_mb / 1024 * prices.memory_gb_hour)


def upload_by_functions(environment: Environment, prices: Prices) -> float:
    """One upload through the three functions."""
    seconds = (
        (environment.upload, COMPANY.seconds_upload),
        (environment.process, COMPANY.seconds_process),
        (environment.predict, COMPANY.seconds_predict),
    )
    used = sum(function.memory_mb / 1024 * lasted for function, lasted in seconds)
    return used * prices.function_gb_second + len(seconds) * prices.function_call


def upload_by_worker(environment: Environment, prices: Prices) -> float:
    """One upload by workers that are kept as busy as is wise, each stage as long as in a function."""
    seconds = COMPANY.seconds_upload + COMPANY.seconds_process + COMPANY.seconds_predict
    return task_month(environment.worker, prices) / (HOURS * 3600) * seconds / WORKER_LOAD


def tables() -> str:
    """What stands in the runbook between its marks."""
    columns = [costs(load) for load in LOADS]
    lines = [f"| | {' | '.join(load.title for load in LOADS)} |", "|---|" + "---|" * len(LOADS)]
    lines += [f"| {name} | {' | '.join(_dollars(column[name]) for column in columns)} |" for name in columns[0]]
    sums = [sum(column.values()) for column in columns]
    lines.append(f"| **together** | {' | '.join(f'**{_dollars(each)}**' for each in sums)} |")
    each = [_dollars(total / load.companies) for total, load in zip(sums, LOADS, strict=True)]
    lines.append(f"| a company | {' | '.join(each)} |")
    lines.append(f"| tasks of the API, workers | {' | '.join('{}, {}'.format(*_tasks(load)) for load in LOADS)} |")
    functions, worker = upload_by_functions(PROD, SAO_PAULO), upload_by_worker(PROD, SAO_PAULO)
    lines.append("")
    lines.append(
        f"An upload of `{PROD.name}` costs {functions:.4f} by the functions, {worker:.4f} by workers kept "
        f"{WORKER_LOAD:.0%} busy. Prices as of {SAO_PAULO.seen}."
    )
    return "\n".join(lines) + "\n"


def _dollars(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.2f}"  # noqa: PLR2004  cents matter below ten


if __name__ == "__main__":
    print(tables(), end="")  # noqa: T201  that is what it is for
