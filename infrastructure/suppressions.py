"""What the checkers find and we leave as it is, each with its reason."""

from collections.abc import Mapping, Sequence

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

from infrastructure.environments import Environment

EVERYWHERE = {
    "AwsSolutions-EC23": "The balancer is the door to the public: 443, and 80 that only redirects.",
    "AwsSolutions-ECS2": "Settings are no secrets: addresses and sizes. The one secret is injected by ECS.",
    "AwsSolutions-IAM5[Resource::*]": "Network interfaces of a function and ECR's token know no narrower resource.",
    "AwsSolutions-RDS11": "A port is no secret; the database has no public address and one security group.",
    "AwsSolutions-SQS3": "These queues are the dead-letter queues, of functions' destinations and rules' targets.",
    "W3010": "The zones are named so that a template can be made, and compared, without asking AWS.",
    "W3045": "The balancer's log delivery still needs the access list.",
}
WHERE_DATA_MAY_GO = {
    "AwsSolutions-RDS3": "No customer's data: a second zone doubles the price.",
    "AwsSolutions-ECS4": "Figures of each task cost more here than the tasks; the services' own are free.",
    "AwsSolutions-RDS10": "No customer's data: the environment is made and removed at will.",
}
PREFIX = "Each statement names one action and its prefixes of one bucket; tests hold who has which (lake.py)."
PREFIXES = ("incoming", "raw", "processed", "predictions")


def acknowledge(stacks: Sequence[Stack], *, lake_export: str, environment: Environment) -> None:
    """Say so to the checkers, for the stacks of one environment."""
    reasons = EVERYWHERE | {f"AwsSolutions-IAM5[Resource::{lake_export}/{prefix}/*]": PREFIX for prefix in PREFIXES}
    for stack in stacks:
        _acknowledge(stack, reasons if environment.keeps_data else reasons | WHERE_DATA_MAY_GO)


def _acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    for rule, reason in reasons.items():
        Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
