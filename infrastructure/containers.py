"""The one image as a task of Fargate: root read-only, its log, its settings."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from infrastructure.data import DataStack
from infrastructure.environments import Environment, Task
from infrastructure.logs import log_group

PORT = 8000


def task_definition(scope: Construct, name: str, size: Task) -> ecs.FargateTaskDefinition:
    """A task of the process `name`, for one container of the image."""
    return ecs.FargateTaskDefinition(
        scope,
        f"{name}Task",
        cpu=size.cpu,
        memory_limit_mib=size.memory_mb,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=ecs.CpuArchitecture.ARM64,
            operating_system_family=ecs.OperatingSystemFamily.LINUX,
        ),
        volumes=[ecs.Volume(name="tmp")],
    )


def add_container(
    scope: Construct,
    name: str,
    *,
    definition: ecs.FargateTaskDefinition,
    environment: Environment,
    data: DataStack,
    tag: str,
    command: Sequence[str],
    health_path: str | None = None,
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, ecs.Secret] | None = None,
) -> logs.LogGroup:
    """The image of release `tag` with a command; one with a `health_path` serves. Returns its log."""
    log = log_group(scope, name, environment=environment)
    container = definition.add_container(
        name,
        image=ecs.ContainerImage.from_ecr_repository(data.images, tag),
        command=list(command),
        environment={**data.settings(), **(settings or {})},
        secrets={**(secrets or {})},
        readonly_root_filesystem=True,
        stop_timeout=Duration.seconds(120),
        logging=ecs.LogDriver.aws_logs(stream_prefix=name.lower(), log_group=log),
        port_mappings=[ecs.PortMapping(container_port=PORT)] if health_path else [],
        health_check=_health_check(health_path) if health_path else None,
    )
    container.add_mount_points(
        ecs.MountPoint(container_path="/tmp", source_volume="tmp", read_only=False)  # noqa: S108  all that it may write
    )
    return log


def _health_check(path: str) -> ecs.HealthCheck:
    ask = f"from urllib.request import urlopen; urlopen('http://127.0.0.1:{PORT}{path}', timeout=4)"
    return ecs.HealthCheck(command=["CMD", "python", "-c", ask])
