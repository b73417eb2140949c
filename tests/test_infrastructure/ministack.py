"""AWS on this machine: `ministack` takes the templates, carries the events, and runs the functions' own code.

What it cannot show: signatures and permissions (it checks neither), images, networks, Fargate.
"""

import json
import os
import subprocess
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from botocore.config import Config
from constructs import Construct

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / ".cache" / "ministack" / "bin" / "ministack"
CODE = "functions-code"
# The types it does not know, found by deploying; nothing on the way of an upload.
UNKNOWN = (
    "AWS::ApplicationAutoScaling::",
    "AWS::Budgets::",
    "AWS::EC2::FlowLog",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::Route53::RecordSet",  # it knows the type, and wants the zone, which is not ours to make
)
Template = dict[str, Any]


@dataclass(frozen=True)
class FromZip:
    """Code as a zip in a bucket: functions from an image would need Docker there."""

    def of(self, scope: Construct, name: str) -> dict[str, Any]:
        """The code of this checkout."""
        bucket = s3.Bucket.from_bucket_name(scope, f"{name}Code", CODE)
        return {
            "code": lambda_.Code.from_bucket(bucket, "functions.zip"),
            "handler": f"lambdas.{name}_handler.handler.handle",
            "runtime": lambda_.Runtime.PYTHON_3_11,
        }


class Cloud:
    """Clients of one ministack."""

    def __init__(self, endpoint: str, region: str) -> None:
        self.endpoint = endpoint
        self._region = region

    def client(self, service: str) -> Any:  # noqa: ANN401  boto3 makes its clients at run time
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self._region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  it asks for one and looks at none
            config=Config(s3={"addressing_style": "path"}),
        )

    def bootstrap(self) -> None:
        """What `cdk bootstrap` leaves and every template asks for."""
        name = "/cdk-bootstrap/hnb659fds/version"
        self.client("ssm").put_parameter(Name=name, Value="30", Type="String")

    def upload_code(self, folder: Path) -> None:
        """Put `app` and `lambdas` where the functions' templates look."""
        path = folder / "functions.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for package in ("app", "lambdas"):
                for file in sorted((ROOT / package).rglob("*")):
                    if file.is_file() and "__pycache__" not in file.parts:
                        archive.write(file, file.relative_to(ROOT))
        self.client("s3").create_bucket(Bucket=CODE)
        self.client("s3").upload_file(str(path), CODE, "functions.zip")

    def deploy(self, name: str, template: Template) -> int:
        """Create a stack; how many resources came of it.

        Raises:
            AssertionError: one could not be created.
        """
        client = self.client("cloudformation")
        client.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
        for _ in range(600):
            status = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            if not status.endswith("IN_PROGRESS"):
                break
            time.sleep(0.1)
        events = client.describe_stack_events(StackName=name)["StackEvents"]
        failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
        assert status == "CREATE_COMPLETE", [(e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in failed]
        made = client.list_stack_resources(StackName=name)["StackResourceSummaries"]
        assert all(resource["ResourceStatus"] == "CREATE_COMPLETE" for resource in made)
        return len(made)


def known_part(template: Template) -> tuple[Template, list[str]]:
    """The template less what ministack does not know; and what that was."""
    template = _with_secret(template)
    left_out = [name for name, body in template["Resources"].items() if body["Type"].startswith(UNKNOWN)]
    resources = {name: body for name, body in template["Resources"].items() if name not in left_out}
    for body in resources.values():
        wanted = body.get("DependsOn", [])
        body["DependsOn"] = [name for name in ([wanted] if isinstance(wanted, str) else wanted) if name not in left_out]
    kinds = sorted({template["Resources"][name]["Type"] for name in left_out})
    return template | {"Resources": resources}, kinds


def _with_secret(value: Any) -> Any:  # noqa: ANN401  any part of a template
    """RDS tells where it keeps the owner's password; ministack's does not."""
    if isinstance(value, dict):
        if value.get("Fn::GetAtt", [""])[-1] == "MasterUserSecret.SecretArn":
            return "arn:aws:secretsmanager:us-east-1:000000000000:secret:rds!db-owner-AbCdEf"
        return {name: _with_secret(part) for name, part in value.items()}
    return [_with_secret(part) for part in value] if isinstance(value, list) else value


def with_settings(template: Template, settings: Mapping[str, str], *, without: str) -> Template:
    """The functions told where this machine has what AWS would have."""
    for body in template["Resources"].values():
        if body["Type"] == "AWS::Lambda::Function":
            variables = body["Properties"]["Environment"]["Variables"]
            variables.pop(without, None)
            variables.update(settings)
    return template


@contextmanager
def running(folder: Path, *, port: int, region: str) -> Iterator[Cloud]:
    """One ministack, on the loopback alone, with its retries in a hurry."""
    told = os.environ | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
        "MINISTACK_REGION": region,
        "HOME": str(folder),
    }
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen([COMMAND], cwd=folder, env=told, stdout=log, stderr=log, start_new_session=True)
    cloud = Cloud(f"http://127.0.0.1:{port}", region)
    try:
        _wait(cloud, process)
        yield cloud
    finally:
        os.killpg(process.pid, 9)  # with the functions' processes; a polite end was seen to be ignored
        process.wait()


def _wait(cloud: Cloud, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        assert process.poll() is None, "ministack does not start"
        try:
            cloud.client("s3").list_buckets()
        except Exception:  # noqa: BLE001  whatever it says before it is up
            time.sleep(0.2)
        else:
            return
    raise AssertionError("ministack does not answer")
