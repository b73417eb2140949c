"""Sizes as typed values, one set an environment. What differs between environments differs here and nowhere else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Database:
    """RDS PostgreSQL."""

    instance: str  # class and size, `t4g.micro`
    storage_gb: int
    storage_limit_gb: int
    two_zones: bool
    backup_days: int
    performance_insights: bool


@dataclass(frozen=True)
class Task:
    """A Fargate task: `cpu` in 1/1024 of a core."""

    cpu: int
    memory_mb: int
    least: int
    most: int


@dataclass(frozen=True)
class Function:
    """A Lambda: its share of a core follows its memory (1,769 MB a core)."""

    memory_mb: int
    disk_mb: int


@dataclass(frozen=True)
class Environment:
    """Everything that tells one deployment from another."""

    name: str
    region: str
    domain: str
    hosted_zone: str
    hosted_zone_id: str
    alarms_to: str
    budget_usd: int
    database: Database
    api: Task
    worker: Task
    worker_on_spot: bool
    # The switch: uploads of up to this many MB are the functions' work, the rest the worker's; 0 means no functions.
    functions_up_to_mb: int
    functions_at_once: int | None  # of each; None leaves the account's limit
    upload: Function
    process: Function
    predict: Function
    raw_days: int
    log_days: int
    lake_key: bool  # whether the lake is encrypted with a KMS key of its own, or with S3's
    container_insights: bool  # figures of each task, billed by the metric
    keeps_data: bool  # whether deleting a stack leaves the bucket and the database

    @property
    def zones(self) -> list[str]:
        """Two availability zones: what an ALB and a database in two zones need."""
        return [f"{self.region}a", f"{self.region}b"]


DEV = Environment(
    name="dev",
    region="us-east-1",  # no customer's data, and a third cheaper than São Paulo
    domain="dev.quantyfy.example",
    hosted_zone="quantyfy.example",
    hosted_zone_id="Z000000000000000000DEV",
    alarms_to="dev@quantyfy.example",
    budget_usd=60,
    database=Database(
        instance="t4g.micro",
        storage_gb=20,
        storage_limit_gb=40,
        two_zones=False,
        backup_days=1,
        performance_insights=False,
    ),
    api=Task(cpu=256, memory_mb=512, least=1, most=1),
    worker=Task(cpu=256, memory_mb=1024, least=1, most=1),
    worker_on_spot=True,
    functions_up_to_mb=100,
    functions_at_once=None,
    upload=Function(memory_mb=1769, disk_mb=2048),
    process=Function(memory_mb=3008, disk_mb=4096),
    predict=Function(memory_mb=3008, disk_mb=1024),
    raw_days=30,
    log_days=7,
    lake_key=False,
    container_insights=False,
    keeps_data=False,
)

PROD = Environment(
    name="prod",
    region="sa-east-1",
    domain="api.quantyfy.example",
    hosted_zone="quantyfy.example",
    hosted_zone_id="Z00000000000000000PROD",
    alarms_to="operacao@quantyfy.example",
    budget_usd=900,
    database=Database(
        instance="m7g.large",
        storage_gb=100,
        storage_limit_gb=1000,
        two_zones=True,
        backup_days=14,
        performance_insights=True,
    ),
    api=Task(cpu=512, memory_mb=1024, least=2, most=8),
    worker=Task(cpu=2048, memory_mb=8192, least=1, most=10),
    worker_on_spot=False,
    functions_up_to_mb=100,
    functions_at_once=20,
    upload=Function(memory_mb=1769, disk_mb=2048),
    process=Function(memory_mb=3538, disk_mb=4096),
    predict=Function(memory_mb=5307, disk_mb=2048),
    raw_days=90,
    log_days=90,
    lake_key=True,
    container_insights=True,
    keeps_data=True,
)

ALL = (DEV, PROD)
