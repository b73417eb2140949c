"""What a release replaces: the API behind its balancer, and the worker."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as aliases
from constructs import Construct

from infrastructure import lake
from infrastructure.containers import PORT, add_container, task_definition
from infrastructure.data import NETWORK, DataStack
from infrastructure.environments import Environment, Task

NAMESPACE = "Quantyfy"
ALIVE = "/health/live"


class ServiceStack(Stack):
    """API, worker."""

    def __init__(self, scope: Construct, name: str, *, environment: Environment, data: DataStack, tag: str) -> None:
        super().__init__(scope, name, env={"region": environment.region})
        self._environment, self._data = environment, data
        self._tag = tag
        # The database's clients as they are: the balancer's rules belong to the tasks' own group.
        self._clients = ec2.SecurityGroup.from_security_group_id(
            self, "DatabaseClients", data.clients.security_group_id, mutable=False
        )
        self._zone = route53.HostedZone.from_hosted_zone_attributes(
            self,
            "Zone",
            hosted_zone_id=environment.hosted_zone_id,
            zone_name=environment.hosted_zone,
        )
        self.balancer, self.api = self._api()
        self.worker, worker_log = self._worker()
        self.waiting = self._said(worker_log, "jobs waiting", name="JobsWaiting", value="$.count")
        self.heard = self.waiting.with_(statistic="SampleCount")  # lines, whatever they count
        self.given_up = self._said(worker_log, "job given up", name="JobsGivenUp", value="1")
        self._follow(self.waiting)

    def _api(self) -> tuple[elb.ApplicationLoadBalancer, ecs.FargateService]:
        size = self._environment.api
        definition = self._definition("Api", size, access=lake.API)
        add_container(
            self,
            "Api",
            definition=definition,
            environment=self._environment,
            data=self._data,
            tag=self._tag,
            command=["quantyfy", "serve", "--no-worker", "--host", "0.0.0.0"],  # noqa: S104  in its own network
            health_path=ALIVE,
            settings={
                "QUANTYFY_TRUSTED_PROXIES": NETWORK,  # where the balancer is
                "QUANTYFY_COPIES_MB": "10000",  # half of the task's disk
                # The worker's service always has one: it sweeps, and says how many jobs wait.
                "QUANTYFY_WORKERS_EXPECTED": "true" if self._environment.worker.least else "false",
            },
        )
        group = self._group("ApiDoor", "Tasks of the API")
        service = self._fargate("Api", definition, size, group=group, spot=False)
        balancer = self._balancer(group)
        listener = balancer.add_listener(
            "Https", port=443, certificates=[self._certificate()], ssl_policy=elb.SslPolicy.TLS13_RES
        )
        targets = listener.add_targets(
            "Api",
            port=PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[service],
            deregistration_delay=Duration.seconds(30),
            # Alive, not ready: while database or bucket are away for a moment, tasks that wait are better than tasks
            # that are replaced, and no task would be ready before them.
            health_check=elb.HealthCheck(path=ALIVE, interval=Duration.seconds(15)),
        )
        balancer.add_redirect()
        if size.most > size.least:
            grown = service.auto_scale_task_count(min_capacity=size.least, max_capacity=size.most)
            grown.scale_on_cpu_utilization("Cpu", target_utilization_percent=60)
            grown.scale_on_request_count("Requests", requests_per_target=3000, target_group=targets)
        return balancer, service

    def _worker(self) -> tuple[ecs.FargateService, logs.ILogGroup]:
        size = self._environment.worker
        definition = self._definition("Worker", size, access=lake.WORKER)
        log = add_container(
            self,
            "Worker",
            definition=definition,
            environment=self._environment,
            data=self._data,
            tag=self._tag,
            command=["quantyfy", "worker"],
        )
        group = self._group("WorkerDoor", "The worker, which nothing may reach")
        service = self._fargate("Worker", definition, size, group=group, spot=self._environment.worker_on_spot)
        return service, log

    def _follow(self, waiting: cloudwatch.Metric) -> None:
        """As many workers as there are jobs for: the worker says once a minute how many are due and wait."""
        size = self._environment.worker
        if size.most > size.least:
            self.worker.auto_scale_task_count(min_capacity=size.least, max_capacity=size.most).scale_on_metric(
                "Waiting",
                metric=waiting,
                adjustment_type=scaling.AdjustmentType.CHANGE_IN_CAPACITY,
                scaling_steps=[
                    scaling.ScalingInterval(upper=0, change=-1),
                    scaling.ScalingInterval(lower=4, change=1),
                    scaling.ScalingInterval(lower=20, change=4),
                ],
                cooldown=Duration.minutes(3),
            )

    def _said(self, log: logs.ILogGroup, event: str, *, name: str, value: str) -> cloudwatch.Metric:
        """A figure of the lines of a log that say `event`."""
        lines = logs.MetricFilter(
            self,
            name,
            log_group=log,
            filter_pattern=logs.FilterPattern.string_value("$.event", "=", event),
            metric_namespace=NAMESPACE,
            metric_name=f"{name}-{self._environment.name}",
            metric_value=value,
        )
        return lines.metric(statistic="max", period=Duration.minutes(1))

    def _definition(self, name: str, size: Task, *, access: lake.Access) -> ecs.FargateTaskDefinition:
        definition = task_definition(self, name, size)
        self._data.admit(definition.task_role, access)
        return definition

    def _fargate(
        self, name: str, definition: ecs.FargateTaskDefinition, size: Task, *, group: ec2.SecurityGroup, spot: bool
    ) -> ecs.FargateService:
        service = ecs.FargateService(
            self,
            name,
            cluster=self._data.cluster,
            task_definition=definition,
            desired_count=size.least,
            min_healthy_percent=100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT" if spot else "FARGATE", weight=1)
            ],
            # A public address to reach AWS and webhooks without a NAT; no rule lets anyone in but the balancer.
            assign_public_ip=True,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            security_groups=[group, self._clients],
        )
        if size.most > size.least:  # a release leaves the count that scaling has come to
            template = service.node.default_child
            assert isinstance(template, ecs.CfnService)  # noqa: S101  for the type checker
            template.add_property_deletion_override("DesiredCount")
        return service

    def _group(self, name: str, what: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, name, vpc=self._data.vpc, description=what)

    def _balancer(self, tasks: ec2.SecurityGroup) -> elb.ApplicationLoadBalancer:
        group = self._group("Door", "The balancer, which everyone may reach")
        tasks.add_ingress_rule(group, ec2.Port.tcp(PORT))
        balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=self._data.vpc,
            internet_facing=True,
            security_group=group,
            drop_invalid_header_fields=True,
            deletion_protection=self._environment.keeps_data,
        )
        balancer.log_access_logs(self._data.logs, "balancer")
        route53.ARecord(
            self,
            "Address",
            zone=self._zone,
            record_name=self._environment.domain,
            target=route53.RecordTarget.from_alias(aliases.LoadBalancerTarget(balancer)),
        )
        return balancer

    def _certificate(self) -> acm.ICertificate:
        return acm.Certificate(
            self,
            "Certificate",
            domain_name=self._environment.domain,
            validation=acm.CertificateValidation.from_dns(self._zone),
        )
