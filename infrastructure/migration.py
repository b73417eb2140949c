"""The task that migrates the database: a stack of its own, so that it is the new release's before anything serves it.

ECS lets nobody run a task definition with another image, so one inside `Service` could be had at the new release only
by deploying the new release.
"""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infrastructure.containers import add_container, task_definition
from infrastructure.data import OWNER, DataStack
from infrastructure.environments import Environment


class MigrationStack(Stack):
    """A task without a service, run once before a release serves, as the database's owner (docs/runbook.md)."""

    def __init__(self, scope: Construct, name: str, *, environment: Environment, data: DataStack, tag: str) -> None:
        super().__init__(scope, name, env={"region": environment.region})
        definition = task_definition(self, "Migration", environment.api)
        owner = secretsmanager.Secret.from_secret_complete_arn(self, "Owner", data.owner_secret_arn)
        add_container(
            self,
            "Migration",
            definition=definition,
            environment=environment,
            data=data,
            tag=tag,
            command=["quantyfy", "migrate"],
            settings={"QUANTYFY_OWNER_DATABASE_URL": data.database_url(OWNER)},
            secrets={"PGPASSWORD": ecs.Secret.from_secrets_manager(owner, "password")},
        )
        CfnOutput(self, "Task", value=definition.task_definition_arn)
