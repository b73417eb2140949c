"""The stacks deployed: files into the bucket, forecasts out of it, by the deployed rules and functions alone."""

import json
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import aws_cdk as cdk
import pytest

from app.core import migrations
from app.core.database import AccountId, Database
from app.core.embedded_postgres import running as postgres_running
from app.core.lake import IncomingKeys
from app.core.tables import AccountRow
from app.pipeline.forecasting import FRAMES
from infrastructure.app import build_environment
from infrastructure.environments import DEV
from tests.conftest import sqlalchemy_url
from tests.s3_server import free_ports
from tests.shop import CNPJ, write_shop
from tests.test_infrastructure.ministack import Cloud, FromZip, known_part, running, with_settings
from tests.test_lambdas.conftest import created

STACKS = ("Data", "Migration", "Service", "Functions", "Watch")
PATIENCE_S = 180


class Deployed(NamedTuple):
    """The cloud, its bucket, and an account to deliver for."""

    cloud: Cloud
    bucket: str
    account: AccountId


@pytest.fixture(scope="module")
def account_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AccountId, str]]:
    with postgres_running(tmp_path_factory.mktemp("postgres")) as owner:
        migrations.upgrade(sqlalchemy_url(owner))
        url = owner.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@")
        account = AccountId(uuid4())
        with Database(sqlalchemy_url(url)) as database, database.session(account) as session:
            session.add(AccountRow(id=account, name="Conta de teste"))
        yield account, url


@pytest.fixture(scope="module")
def deployed(account_url: tuple[AccountId, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("ministack")
    app = cdk.App(outdir=str(folder / "cdk.out"))
    build_environment(app, DEV, tag="local", packaging=FromZip())
    app.synth()
    account, url = account_url
    with running(folder, port=free_ports(1)[0], region=DEV.region) as cloud:
        cloud.bootstrap()
        cloud.upload_code(folder)
        settings = {
            "QUANTYFY_DATABASE_URL": url,
            "QUANTYFY_S3_ENDPOINT": cloud.endpoint,
            "PYTHONPATH": sysconfig.get_path("purelib"),
        }
        for stack in STACKS:
            path = folder / "cdk.out" / f"Quantyfy-dev-{stack}.template.json"
            whole = with_settings(json.loads(path.read_text()), settings, without="QUANTYFY_DATABASE_IAM_REGION")
            part, left_out = known_part(whole)
            made = cloud.deploy(path.stem.removesuffix(".template"), part)
            sys.stdout.write(f"{stack}: {made} of {len(whole['Resources'])} resources; not known: {left_out}\n")
        yield Deployed(cloud, lake_of(cloud), account)


def lake_of(cloud: Cloud) -> str:
    resources = cloud.client("cloudformation").list_stack_resources(StackName="Quantyfy-dev-Data")
    [bucket] = [
        resource["PhysicalResourceId"]
        for resource in resources["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::S3::Bucket" and resource["LogicalResourceId"].startswith("Lake")
    ]
    return str(bucket)


def keys(deployed: Deployed, prefix: str) -> list[str]:
    listing = deployed.cloud.client("s3").list_objects_v2(Bucket=deployed.bucket, Prefix=prefix)
    return [stored["Key"] for stored in listing.get("Contents", [])]


def put_in_parts(s3: Any, bucket: str, key: str, content: bytes) -> None:  # noqa: ANN401  a client of boto3
    """As customers' tools send what is large: the event comes with the last request."""
    begun = s3.create_multipart_upload(Bucket=bucket, Key=key)
    upload = {"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=content)
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})


def transcript(cloud: Cloud) -> Iterator[str]:
    """What the functions wrote, in the order of time."""
    logs = cloud.client("logs")
    lines = [
        (event["timestamp"], event["message"].strip())
        for group in logs.describe_log_groups()["logGroups"]
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
    ]
    return (line for _, line in sorted(lines) if '"function ' in line)


def until(found: Any, what: str) -> Any:  # noqa: ANN401  whatever is waited for
    for _ in range(PATIENCE_S * 2):
        if result := found():
            return result
        time.sleep(0.5)
    raise AssertionError(f"{what} did not come")


def test_files_in_the_deployed_bucket_become_forecasts(deployed: Deployed, tmp_path: Path) -> None:
    s3 = deployed.cloud.client("s3")
    delivery = IncomingKeys(deployed.account, uuid4())
    files = write_shop(tmp_path)
    for number, file in enumerate(files):
        put_in_parts(s3, deployed.bucket, delivery.file(f"{number}.csv"), file.path.read_bytes())
    listed = [{"key": f"{number}.csv", "name": file.name} for number, file in enumerate(files)]
    manifest = {"cnpj": CNPJ, "company_name": "Padaria São João Ltda", "files": listed}
    s3.put_object(Bucket=deployed.bucket, Key=delivery.manifest, Body=json.dumps(manifest).encode())
    until(lambda: len(keys(deployed, "predictions/")) == len(FRAMES), "the forecasts")
    written = {key.rsplit("/", 1)[1].split("_")[0] for key in keys(deployed, "predictions/")}
    assert written == set(FRAMES)
    assert keys(deployed, "incoming/") == []
    sys.stdout.write("".join(f"{line}\n" for line in transcript(deployed.cloud)))
    for layer in ("raw/", "processed/", "predictions/"):
        sys.stdout.write("".join(f"{key}\n" for key in keys(deployed, layer)))


def test_what_cannot_be_done_lands_in_the_failure_queue_with_its_reason(deployed: Deployed) -> None:
    """Sent as EventBridge sends it on AWS, asynchronously: ministack's own rules know no retries and no destination."""
    functions = deployed.cloud.client("lambda")
    [name] = [one["FunctionName"] for one in functions.list_functions()["Functions"] if "UploadRole" in one["Role"]]
    event = created("incoming/perdido.csv", bucket=deployed.bucket)
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode())
    sqs = deployed.cloud.client("sqs")
    [queue] = [url for url in sqs.list_queues()["QueueUrls"] if "UploadFailures" in url]
    [message] = until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "the failure")
    told = json.loads(message["Body"])
    assert told["requestPayload"]["detail"]["object"]["key"] == "incoming/perdido.csv"
    assert "not a key of the lake's layout" in told["responsePayload"]["errorMessage"]
    sys.stdout.write(f"{told['responsePayload']['errorType']}: {told['responsePayload']['errorMessage']}\n")
