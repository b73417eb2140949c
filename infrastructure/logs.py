"""Where processes write, and for how long it is kept."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infrastructure.environments import Environment

RETENTION = {7: logs.RetentionDays.ONE_WEEK, 90: logs.RetentionDays.THREE_MONTHS}  # as CloudWatch names days


def log_group(scope: Construct, name: str, *, environment: Environment) -> logs.LogGroup:
    """The log of the process `name`; it goes with its stack."""
    return logs.LogGroup(
        scope,
        f"{name}Log",
        retention=RETENTION[environment.log_days],
        removal_policy=RemovalPolicy.DESTROY,
    )
