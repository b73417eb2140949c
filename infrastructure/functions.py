"""The three functions, the rules that carry events to them, and where what cannot be done ends."""

from dataclasses import dataclass
from typing import Any, Protocol

from aws_cdk import Duration, Size, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infrastructure import lake
from infrastructure.data import DataStack
from infrastructure.environments import Environment, Function
from infrastructure.logs import log_group
from infrastructure.rules import KEYS

RETRIES = 2
KEEP_TRYING = Duration.hours(6)
LONGEST = Duration.minutes(15)  # what Lambda allows
NIGHTLY = ("process", "predict")  # these go round for receipts whose event was lost


class Packaging(Protocol):
    """How a function's code comes to AWS: `code`, `handler` and `runtime` of `aws_lambda.Function`."""

    def of(self, scope: Construct, name: str) -> dict[str, Any]:
        """For the function `name`."""


@dataclass(frozen=True)
class FromImage:
    """The image of the service, with another command."""

    repository: ecr.IRepository
    tag: str

    def of(self, scope: Construct, name: str) -> dict[str, Any]:
        """The entry point is the runtime client, the command the handler."""
        del scope
        code = lambda_.Code.from_ecr_image(
            self.repository,
            tag_or_digest=self.tag,
            entrypoint=["/srv/venv/bin/python", "-m", "awslambdaric"],
            cmd=[f"lambdas.{name}_handler.handler.handle"],
        )
        return {"code": code, "handler": lambda_.Handler.FROM_IMAGE, "runtime": lambda_.Runtime.FROM_IMAGE}


class FunctionsStack(Stack):
    """Functions, rules, failure queues, schedule."""

    def __init__(
        self, scope: Construct, name: str, *, environment: Environment, data: DataStack, packaging: Packaging
    ) -> None:
        super().__init__(scope, name, env={"region": environment.region})
        self._environment, self._data, self._packaging = environment, data, packaging
        self.failures: dict[str, sqs.Queue] = {}
        self.functions = {
            "upload": self._function("upload", environment.upload, lake.UPLOAD),
            "process": self._function("process", environment.process, lake.PROCESS),
            "predict": self._function("predict", environment.predict, lake.PREDICT),
        }
        self.undelivered = _queue(self, "Undelivered")
        for role, function in self.functions.items():
            self._on_new_objects(role, function)
        self._every_night()

    def _function(self, name: str, size: Function, access: lake.Access) -> lambda_.Function:
        self.failures[name] = _queue(self, f"{name.title()}Failures")
        log = log_group(self, name.title(), environment=self._environment)
        function = lambda_.Function(
            self,
            name.title(),
            **self._packaging.of(self, name),
            architecture=lambda_.Architecture.ARM_64,
            memory_size=size.memory_mb,
            ephemeral_storage_size=Size.mebibytes(size.disk_mb),
            timeout=LONGEST,
            role=self._role(name, log),
            log_group=log,
            environment=self._data.settings(),
            vpc=self._data.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[self._data.clients],
            reserved_concurrent_executions=self._environment.functions_at_once,
            retry_attempts=RETRIES,
            max_event_age=KEEP_TRYING,
            on_failure=destinations.SqsDestination(self.failures[name]),
        )
        self._data.admit(function, access)
        return function

    def _role(self, name: str, log: logs.ILogGroup) -> iam.Role:
        """Not AWS's managed policies: those may write any log. Network interfaces know no narrower resource."""
        role = iam.Role(self, f"{name.title()}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:CreateNetworkInterface",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                resources=["*"],
            )
        )
        return role

    def _on_new_objects(self, role: str, function: lambda_.IFunction) -> None:
        pattern = events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={"bucket": {"name": [self._data.lake.bucket_name]}, "object": {"key": [{"wildcard": KEYS[role]}]}},
        )
        events.Rule(self, f"{role.title()}Rule", event_pattern=pattern, targets=[self._target(function)])

    def _every_night(self) -> None:
        events.Rule(
            self,
            "Nightly",
            schedule=events.Schedule.cron(hour="6", minute="40"),  # 3:40 in Brasília
            targets=[self._target(self.functions[role]) for role in NIGHTLY],
        )

    def _target(self, function: lambda_.IFunction) -> events.IRuleTarget:
        return targets.LambdaFunction(
            function, dead_letter_queue=self.undelivered, retry_attempts=185, max_event_age=Duration.hours(24)
        )


def _queue(scope: Construct, name: str) -> sqs.Queue:
    return sqs.Queue(
        scope,
        name,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
