"""What the templates promise: `make infra-check` runs this with the tools of the `infra` group."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs
from cdk_nag import AwsSolutionsChecks

from infrastructure import permissions
from infrastructure.app import build_environment, check
from infrastructure.environments import ALL, PROD, Environment

ROOT = Path(__file__).parents[2]
Resource = dict[str, Any]
Template = dict[str, Resource]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cdk")
    app = cdk.App(outdir=str(out))
    for each in ALL:
        build_environment(app, each, tag="r1")
    check(app)
    app.synth()
    return out


@pytest.fixture(params=ALL, ids=lambda environment: environment.name)
def environment(request: pytest.FixtureRequest) -> Environment:
    chosen: Environment = request.param
    return chosen


@pytest.fixture
def template(assembly: Path, environment: Environment) -> Template:
    """All resources of an environment, of all its stacks."""
    return resources(assembly, environment, "*")


def resources(assembly: Path, environment: Environment, stack: str) -> Template:
    found: Template = {}
    for path in assembly.glob(f"Quantyfy-{environment.name}-{stack}.template.json"):
        found |= {f"{path.stem}/{name}": body for name, body in json.loads(path.read_text())["Resources"].items()}
    return found


def of_type(template: Template, kind: str) -> dict[str, Any]:
    return {name: body["Properties"] for name, body in template.items() if body["Type"] == f"AWS::{kind}"}


def statements(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, policy in of_type(template, "IAM::Policy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            yield name, statement


def actions(statement: dict[str, Any]) -> list[str]:
    said = statement["Action"]
    return [said] if isinstance(said, str) else said


def test_no_checker_has_a_word_left(assembly: Path) -> None:
    """cdk-nag and CloudFormation's own validation; what is acknowledged has its reason in suppressions.py."""
    assert findings(assembly) == set()


def test_the_checkers_bite(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path))
    aws_sqs.Queue(cdk.Stack(app, "Careless"), "Queue")
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS4"):
        app.synth()


def findings(assembly: Path) -> set[str]:
    report = json.loads((assembly / "validation-report.json").read_text())
    return {finding["ruleName"] for plugin in report["pluginReports"] for finding in plugin["violations"]}


def test_cfn_lint_finds_nothing(assembly: Path) -> None:
    templates = sorted(map(str, assembly.glob("*.template.json")))
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--ignore-checks",
        "W3005",
        "W3010",
        "W3045",
        "--",
        *templates,
    ]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout


READS, ADDS, REMOVES = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("UploadRole", {READS: {"incoming", "raw"}, ADDS: {"raw"}, REMOVES: {"incoming"}}),
        ("ProcessRole", {READS: {"raw", "processed"}, ADDS: {"processed"}}),
        ("PredictRole", {READS: {"processed"}, ADDS: {"predictions"}}),
        (
            "ApiTaskTaskRole",
            {READS: {"incoming", "raw", "processed", "predictions"}, ADDS: {"incoming", "raw"}, REMOVES: {"incoming"}},
        ),
        (
            "WorkerTaskTaskRole",
            {
                READS: {"incoming", "raw", "processed", "predictions"},
                ADDS: {"raw", "processed", "predictions"},
                REMOVES: {"incoming", "raw", "processed", "predictions"},
            },
        ),
    ],
)
def test_a_role_touches_its_own_prefixes_only(template: Template, role: str, allowed: dict[str, set[str]]) -> None:
    found: dict[str, set[str]] = {}
    for name, statement in statements(template):
        for action in actions(statement):
            if role in name and action.startswith("s3:") and action != "s3:ListBucket":
                found.setdefault(action, set()).update(prefixes(statement["Resource"]))
    assert found == allowed


def prefixes(resource: Any) -> set[str]:  # noqa: ANN401  as CloudFormation nests it
    listed = resource if isinstance(resource, list) else [resource]
    return {each["Fn::Join"][1][-1].strip("/").removesuffix("/*") for each in listed}


def test_the_document_of_permissions_says_what_the_templates_say(assembly: Path) -> None:
    written = (ROOT / "docs" / "aws-permissions.md").read_text()
    assert written == permissions.document(assembly), "make infra-permissions"


def test_the_lakes_key_serves_who_reads_and_adds_and_through_s3_alone(
    template: Template, environment: Environment
) -> None:
    uses = [(name, one) for name, one in statements(template) if any(a.startswith("kms:") for a in actions(one))]
    keys = of_type(template, "KMS::Key").values()
    assert len(keys) == environment.lake_key
    assert len(uses) == (5 * 2 if environment.lake_key else 0), "each of five roles reads and adds"
    assert all(key["EnableKeyRotation"] is True for key in keys)
    for _, statement in uses:
        assert statement["Resource"] != "*"
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": f"s3.{environment.region}.amazonaws.com"}}
    [lake] = [bucket for bucket in of_type(template, "S3::Bucket").values() if "VersioningConfiguration" in bucket]
    [rule] = lake["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    kind = rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
    assert kind == ("aws:kms" if environment.lake_key else "AES256")


def test_the_functions_list_their_own_prefix_only(template: Template) -> None:
    listing = {
        next(role for role in ("Upload", "Process", "Predict") if f"{role}Role" in name): statement["Condition"]
        for name, statement in statements(template)
        if actions(statement) == ["s3:ListBucket"] and "Functions" in name
    }
    assert listing == {
        role: {"StringLike": {"s3:prefix": [f"{prefix}/*"]}}
        for role, prefix in (("Upload", "incoming"), ("Process", "raw"), ("Predict", "processed"))
    }


def test_no_role_may_do_everything_and_none_has_a_managed_policy(template: Template) -> None:
    for _, statement in statements(template):
        assert all("*" not in action for action in actions(statement)), statement
        if statement["Resource"] == "*":
            assert all(action.startswith(("ec2:", "ecr:GetAuthorizationToken")) for action in actions(statement))
    for role in of_type(template, "IAM::Role").values():
        assert "ManagedPolicyArns" not in role, role


def test_only_the_migration_may_read_the_owners_password(template: Template) -> None:
    readers = {
        name for name, statement in statements(template) if "secretsmanager:GetSecretValue" in actions(statement)
    }
    assert len(readers) == 1
    assert "MigrationTaskExecutionRole" in readers.pop()


def test_the_bucket_tells_keeps_versions_and_refuses_plain_http(template: Template) -> None:
    [lake] = [bucket for bucket in of_type(template, "S3::Bucket").values() if "VersioningConfiguration" in bucket]
    assert lake["VersioningConfiguration"]["Status"] == "Enabled"
    assert lake["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"] is True
    assert all(lake["PublicAccessBlockConfiguration"].values())
    days = {rule["Id"]: rule.get("ExpirationInDays") for rule in lake["LifecycleConfiguration"]["Rules"]}
    assert days["incoming"] == 1
    assert days["raw"] is not None
    refusals = [
        statement
        for policy in of_type(template, "S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    assert len(refusals) == 2
    assert all(refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for refusal in refusals)


def test_the_database_is_encrypted_private_and_kept_where_customers_are(
    template: Template, environment: Environment
) -> None:
    [database] = of_type(template, "RDS::DBInstance").values()
    assert database["StorageEncrypted"] is True
    assert database["PubliclyAccessible"] is False
    assert database["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in database
    assert database["EnableIAMDatabaseAuthentication"] is True
    assert database["BackupRetentionPeriod"] >= 1
    if environment.name == "prod":
        assert database["MultiAZ"] is True
        assert database["DeletionProtection"] is True
        assert database["BackupRetentionPeriod"] >= 14


def test_every_function_ends_its_failures_in_a_queue_that_wakes_someone(template: Template) -> None:
    ends = of_type(template, "Lambda::EventInvokeConfig")
    assert len(ends) == len(of_type(template, "Lambda::Function")) == 3
    for end in ends.values():
        assert end["DestinationConfig"]["OnFailure"]["Destination"]
        assert end["MaximumRetryAttempts"] == 2
    for rule in of_type(template, "Events::Rule").values():
        assert all("DeadLetterConfig" in target for target in rule["Targets"])
    watched = [
        alarm for alarm in of_type(template, "CloudWatch::Alarm").values() if alarm.get("Namespace") == "AWS/SQS"
    ]
    assert len(watched) == len(of_type(template, "SQS::Queue")) == 4


def test_tasks_cannot_write_their_root_and_nobody_but_the_balancer_reaches_them(template: Template) -> None:
    for task in of_type(template, "ECS::TaskDefinition").values():
        assert all(container["ReadonlyRootFilesystem"] for container in task["ContainerDefinitions"])
    open_doors = [
        (name, rule["FromPort"])
        for name, group in of_type(template, "EC2::SecurityGroup").items()
        for rule in group.get("SecurityGroupIngress", [])
        if rule.get("CidrIp") == "0.0.0.0/0"
    ]
    assert sorted(port for _, port in open_doors) == [80, 443]
    assert len({name for name, _ in open_doors}) == 1
    tls = [one for one in of_type(template, "ElasticLoadBalancingV2::Listener").values() if one["Port"] == 443]
    assert [one["Protocol"] for one in tls] == ["HTTPS"]
    plain = [one for one in of_type(template, "ElasticLoadBalancingV2::Listener").values() if one["Port"] == 80]
    assert [action["Type"] for one in plain for action in one["DefaultActions"]] == ["redirect"]


def test_the_api_believes_its_balancer_and_keeps_copies_of_half_its_disk(template: Template) -> None:
    [api] = [task for name, task in of_type(template, "ECS::TaskDefinition").items() if "ApiTask" in name]
    [container] = api["ContainerDefinitions"]
    told = {variable["Name"]: variable["Value"] for variable in container["Environment"]}
    [network] = of_type(template, "EC2::VPC").values()
    assert told["QUANTYFY_TRUSTED_PROXIES"] == network["CidrBlock"]
    assert told["QUANTYFY_COPIES_MB"] == "10000"


def test_the_worker_grows_with_the_queue_and_stays_between_its_bounds(assembly: Path) -> None:
    whole = resources(assembly, PROD, "Service")
    bounds = [
        (target["MinCapacity"], target["MaxCapacity"])
        for name, target in of_type(whole, "ApplicationAutoScaling::ScalableTarget").items()
        if "Worker" in name
    ]
    assert bounds == [(PROD.worker.least, PROD.worker.most)]
    steps = [
        (step.get("MetricIntervalLowerBound"), step["ScalingAdjustment"])
        for policy in of_type(whole, "ApplicationAutoScaling::ScalingPolicy").values()
        if policy["PolicyType"] == "StepScaling"
        for step in policy["StepScalingPolicyConfiguration"]["StepAdjustments"]
    ]
    assert steps == [(None, -1), (0, 1), (16, 4)]
    depths = [
        alarm["MetricName"]
        for alarm in of_type(whole, "CloudWatch::Alarm").values()
        if alarm["Namespace"] == "Quantyfy"
    ]
    assert depths == ["JobsWaiting-prod"] * 2, "one alarm to grow by, one to shrink by"


def test_the_figures_of_the_worker_are_lines_that_the_worker_writes(template: Template) -> None:
    said = {
        filter_["MetricTransformations"][0]["MetricName"].split("-")[0]: filter_["FilterPattern"]
        for filter_ in of_type(template, "Logs::MetricFilter").values()
    }
    assert said == {
        "JobsWaiting": '{ $.event = "jobs waiting" }',
        "JobsGivenUp": '{ $.event = "job given up" }',
    }
    assert '"jobs waiting"' in (ROOT / "app" / "core" / "queue.py").read_text()
    assert '"job given up"' in (ROOT / "app" / "worker.py").read_text()


def test_a_database_that_is_away_for_a_moment_ends_no_task(template: Template) -> None:
    """Balancer and containers ask whether the process is alive; readiness is looked at by whoever deploys."""
    [targets] = of_type(template, "ElasticLoadBalancingV2::TargetGroup").values()
    assert targets["HealthCheckPath"] == "/health/live"
    checks = [
        " ".join(container["HealthCheck"]["Command"])
        for task in of_type(template, "ECS::TaskDefinition").values()
        for container in task["ContainerDefinitions"]
        if "HealthCheck" in container
    ]
    assert ["/health/live" in check for check in checks] == [True]
    image = (ROOT / "Dockerfile").read_text()
    assert "/health/live" in image.partition("HEALTHCHECK")[2]
    assert "/health/ready" not in image


RELEASE = {"env": "dev", "tag": "2026-11-28"}


@pytest.mark.parametrize(
    ("wrong", "missing"),
    [
        ({"env": None, "tag": None}, "-c env="),
        ({"env": None}, "-c env="),
        ({"env": "dev,prod"}, "-c env="),
        ({"env": "Dev"}, "-c env="),
        ({"env": ["dev"]}, "-c env="),
        ({"tag": None}, "-c tag="),
        ({"tag": ""}, "-c tag="),
        ({"tag": "latest"}, "-c tag="),
        ({"tag": "two words"}, "-c tag="),
        ({"tag": "-x"}, "-c tag="),
    ],
)
def test_a_command_that_does_not_name_environment_and_release_synthesises_nothing(
    tmp_path: Path, wrong: dict[str, Any], missing: str
) -> None:
    outcome = synthesise(tmp_path, {**RELEASE, **wrong})
    assert outcome.returncode == 1
    assert missing in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1, outcome.stderr
    assert not list(tmp_path.rglob("*.template.json"))


@pytest.mark.parametrize("name", [each.name for each in ALL])
def test_a_command_sees_the_environment_and_the_release_that_it_names(tmp_path: Path, name: str) -> None:
    outcome = synthesise(tmp_path, {**RELEASE, "env": name})
    assert outcome.returncode == 0, outcome.stderr
    templates = {path.name: path.read_text() for path in tmp_path.rglob("*.template.json")}
    stacks = ("Data", "Migration", "Service", "Functions", "Watch")
    assert templates.keys() == {f"Quantyfy-{name}-{stack}.template.json" for stack in stacks}
    tagged = {stack for stack in stacks if f":{RELEASE['tag']}" in templates[f"Quantyfy-{name}-{stack}.template.json"]}
    assert tagged == {"Migration", "Service", "Functions"}


def synthesise(folder: Path, context: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """As cdk.json has `cdk` do it."""
    command = [sys.executable, *json.loads((ROOT / "cdk.json").read_text())["app"].split()[1:]]
    told = {"CDK_CONTEXT_JSON": json.dumps({key: value for key, value in context.items() if value is not None})}
    environment = {**os.environ, **told, "CDK_OUTDIR": str(folder / "cdk.out")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_a_release_can_migrate_before_any_of_it_serves(assembly: Path, environment: Environment) -> None:
    """The migration's stack needs the data's alone, and says how its task is run."""
    manifest = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    needs = {
        each.removeprefix(f"Quantyfy-{environment.name}-")
        for each in manifest[f"Quantyfy-{environment.name}-Migration"]["dependencies"]
        if "assets" not in each
    }
    assert needs == {"Data"}
    said = {
        name: json.dumps(output["Value"])
        for stack in ("Data", "Migration")
        for name, output in json.loads((assembly / f"Quantyfy-{environment.name}-{stack}.template.json").read_text())[
            "Outputs"
        ].items()
    }
    assert "MigrationTask" in said["Task"]
    assert "Cluster" in said["TasksCluster"]
    assert "assignPublicIp=ENABLED" in said["TasksNetwork"]
    assert "DatabaseClients" in said["TasksNetwork"]


def test_the_migration_is_a_task_that_no_service_runs(template: Template) -> None:
    tasks = {name.split("/")[1]: task for name, task in of_type(template, "ECS::TaskDefinition").items()}
    served = {service["TaskDefinition"]["Ref"] for service in of_type(template, "ECS::Service").values()}
    [alone] = tasks.keys() - served
    assert tasks[alone]["ContainerDefinitions"][0]["Command"] == ["quantyfy", "migrate"]
    assert len(served) == 2


def test_someone_is_told_and_money_has_an_end(template: Template, environment: Environment) -> None:
    [topic] = of_type(template, "SNS::Subscription").values()
    assert (topic["Protocol"], topic["Endpoint"]) == ("email", environment.alarms_to)
    alarms = {
        name.split("/")[1]: alarm for name, alarm in of_type(template, "CloudWatch::Alarm").items() if "-Watch" in name
    }
    assert len(alarms) == 18
    silent = {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"}
    assert len(silent) == 1, "a worker that says nothing is none"
    assert all(name.startswith("NoWorker") for name in silent)
    assert all(alarm["AlarmActions"] for alarm in alarms.values())
    [board] = of_type(template, "CloudWatch::Dashboard").values()
    shown = json.dumps(board["DashboardBody"])
    assert all(name in shown for name in alarms)
    [budget] = of_type(template, "Budgets::Budget").values()
    assert budget["Budget"]["BudgetLimit"] == {"Amount": environment.budget_usd, "Unit": "USD"}


def test_a_night_has_its_round_and_each_layer_its_end(template: Template, environment: Environment) -> None:
    [nightly] = [rule for rule in of_type(template, "Events::Rule").values() if "ScheduleExpression" in rule]
    assert nightly["ScheduleExpression"] == "cron(40 6 * * ? *)"
    assert len(nightly["Targets"]) == 2
    [lake] = [bucket for bucket in of_type(template, "S3::Bucket").values() if "VersioningConfiguration" in bucket]
    rules = {rule["Id"]: rule for rule in lake["LifecycleConfiguration"]["Rules"]}
    assert rules["raw"]["ExpirationInDays"] == environment.raw_days
    told = {
        variables["QUANTYFY_RAW_RETENTION_DAYS"]
        for variables in (
            function["Environment"]["Variables"] for function in of_type(template, "Lambda::Function").values()
        )
    }
    assert told == {str(environment.raw_days)}, "the application knows as much"
    assert all(rule["NoncurrentVersionExpiration"]["NoncurrentDays"] <= 30 for rule in rules.values())


def test_the_switch_is_one_value() -> None:
    app = cdk.App()
    build_environment(app, replace(ALL[0], functions_up_to_mb=0), tag="x")
    assert [stack.stack_name for stack in app.node.children if isinstance(stack, cdk.Stack)] == [
        "Quantyfy-dev-Data",
        "Quantyfy-dev-Migration",
        "Quantyfy-dev-Service",
        "Quantyfy-dev-Watch",
    ]
