"""What outlives every release: the network, the bucket, the database, the images, the cluster that tasks run in."""

from aws_cdk import CfnOutput, Duration, Fn, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infrastructure import lake
from infrastructure.environments import Environment

DATABASE_NAME = "quantyfy"
OWNER = "quantyfy_owner"
APPLICATION_ROLE = "quantyfy_app"  # made by the first migration
PORT = 5432
NETWORK = "10.0.0.0/16"


class DataStack(Stack):
    """Network, bucket, database, images, cluster."""

    def __init__(self, scope: Construct, name: str, *, environment: Environment) -> None:
        super().__init__(scope, name, env={"region": environment.region}, termination_protection=environment.keeps_data)
        self._environment = environment
        self._removal = RemovalPolicy.RETAIN if environment.keeps_data else RemovalPolicy.DESTROY
        self.vpc = self._network()
        self.images = self._images()
        self.logs = self._log_bucket()
        self.key = self._key() if environment.lake_key else None
        self.lake = self._lake()
        self.clients = ec2.SecurityGroup(self, "DatabaseClients", vpc=self.vpc, description="May reach the database")
        self.database = self._database()
        self.cluster = self._cluster()
        self._tell_where_tasks_run()

    def _network(self) -> ec2.Vpc:
        """Two zones, no NAT: tasks have public addresses that nothing may reach, functions need the bucket alone."""
        vpc = ec2.Vpc(
            self,
            "Network",
            ip_addresses=ec2.IpAddresses.cidr(NETWORK),
            availability_zones=self._environment.zones,
            nat_gateways=0,
            restrict_default_security_group=False,  # nothing is in it, and the rule would bring a function of its own
            subnet_configuration=[
                ec2.SubnetConfiguration(name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24),
                ec2.SubnetConfiguration(name="inner", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
        )
        vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        log = logs.LogGroup(
            self, "RefusedTraffic", retention=logs.RetentionDays.ONE_MONTH, removal_policy=self._removal
        )
        vpc.add_flow_log(
            "Refused",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

    def _images(self) -> ecr.Repository:
        repository = ecr.Repository(
            self,
            "Images",
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            removal_policy=self._removal,
        )
        repository.add_lifecycle_rule(max_image_count=20, description="Twenty releases back is far enough")
        return repository

    def _log_bucket(self) -> s3.Bucket:
        return s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(self._environment.log_days))],
            removal_policy=self._removal,
        )

    def _key(self) -> kms.Key:
        return kms.Key(
            self, "LakeKey", description="Objects of the lake", enable_key_rotation=True, removal_policy=self._removal
        )

    def _lake(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Lake",
            versioned=True,
            encryption=s3.BucketEncryption.KMS if self.key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=self.key,
            bucket_key_enabled=self.key is not None,  # one request to KMS for many objects
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            server_access_logs_bucket=self.logs,
            server_access_logs_prefix="lake/",
            lifecycle_rules=[*_lifetimes(self._environment)],
            removal_policy=self._removal,
        )
        # The L2 construct turns EventBridge on by a function of its own; the bucket can say it itself.
        template = bucket.node.default_child
        assert isinstance(template, s3.CfnBucket)  # noqa: S101  for the type checker
        template.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", value=True
        )
        return bucket

    def _database(self) -> rds.DatabaseInstance:
        size = self._environment.database
        group = ec2.SecurityGroup(self, "DatabaseDoor", vpc=self.vpc, allow_all_outbound=False)
        group.add_ingress_rule(self.clients, ec2.Port.tcp(PORT))
        version = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_18_3)
        instance = rds.DatabaseInstance(
            self,
            "Database",
            engine=version,
            instance_type=ec2.InstanceType(size.instance),
            vpc=self.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[group],
            database_name=DATABASE_NAME,
            port=PORT,
            credentials=rds.Credentials.from_password(OWNER, SecretValue.unsafe_plain_text("kept by RDS, see below")),
            iam_authentication=True,
            multi_az=size.two_zones,
            allocated_storage=size.storage_gb,
            max_allocated_storage=size.storage_limit_gb,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            backup_retention=Duration.days(size.backup_days),
            copy_tags_to_snapshot=True,
            deletion_protection=self._environment.keeps_data,
            removal_policy=RemovalPolicy.SNAPSHOT if self._environment.keeps_data else RemovalPolicy.DESTROY,
            enable_performance_insights=size.performance_insights,
            cloudwatch_logs_exports=["postgresql"],
            cloudwatch_logs_retention=None,
            auto_minor_version_upgrade=True,
            preferred_backup_window="07:00-07:30",
            preferred_maintenance_window="sun:08:00-sun:08:30",
            parameter_group=rds.ParameterGroup(self, "Settings", engine=version, parameters={"rds.force_ssl": "1"}),
        )
        template = instance.node.default_child
        assert isinstance(template, rds.CfnDBInstance)  # noqa: S101  for the type checker
        # RDS makes the owner's password, keeps it in Secrets Manager and renews it every week.
        template.add_property_deletion_override("MasterUserPassword")
        template.add_property_override("ManageMasterUserPassword", value=True)
        self.owner_secret_arn = template.get_att("MasterUserSecret.SecretArn").to_string()
        return instance

    def _cluster(self) -> ecs.Cluster:
        """Empty, it costs nothing; here, so that a release can migrate before any of its tasks serves."""
        insights = self._environment.container_insights
        cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=self.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED if insights else ecs.ContainerInsights.DISABLED,
        )
        cluster.enable_fargate_capacity_providers()
        return cluster

    def _tell_where_tasks_run(self) -> None:
        """For `aws ecs run-task`: the cluster, and the public subnets (there is no NAT) with the database's clients."""
        subnets = Fn.join(",", [subnet.subnet_id for subnet in self.vpc.public_subnets])
        group = self.clients.security_group_id
        network = f"awsvpcConfiguration={{subnets=[{subnets}],securityGroups=[{group}],assignPublicIp=ENABLED}}"
        CfnOutput(self, "TasksCluster", value=self.cluster.cluster_name)
        CfnOutput(self, "TasksNetwork", value=network)

    def admit(self, who: iam.IGrantable, access: lake.Access) -> None:
        """Let a role of the application into the lake, as far as `access` goes, and into the database."""
        lake.allow(who, self.lake, access)
        if self.key:
            lake.allow_key(who, self.key, access, region=self._environment.region)
        self.database.grant_connect(who.grant_principal, APPLICATION_ROLE)

    def settings(self) -> dict[str, str]:
        """What every process of the application is told."""
        return {
            "QUANTYFY_DATABASE_URL": self.database_url(APPLICATION_ROLE),
            "QUANTYFY_DATABASE_IAM_REGION": self._environment.region,
            "QUANTYFY_LAKE_URL": f"s3://{self.lake.bucket_name}",
            "QUANTYFY_S3_REGION": self._environment.region,
            "QUANTYFY_FUNCTIONS_UP_TO_MB": str(self._environment.functions_up_to_mb),
            "QUANTYFY_RAW_RETENTION_DAYS": str(self._environment.raw_days),
        }

    def database_url(self, user: str) -> str:
        """How `user` reaches the database, its password apart."""
        host = self.database.db_instance_endpoint_address
        return f"postgresql://{user}@{host}:{PORT}/{DATABASE_NAME}?sslmode=verify-full&sslrootcert=/etc/ssl/rds-ca.pem"


def _lifetimes(environment: Environment) -> list[s3.LifecycleRule]:
    """Retention in the application removes by company; these are the ends that no company outlives."""
    old = Duration.days(1)
    return [
        s3.LifecycleRule(
            id="incoming",
            prefix="incoming/",
            expiration=Duration.days(1),
            noncurrent_version_expiration=old,
        ),
        s3.LifecycleRule(
            id="raw",
            prefix="raw/",
            transitions=[
                s3.Transition(storage_class=s3.StorageClass.INFREQUENT_ACCESS, transition_after=Duration.days(30))
            ]
            if environment.raw_days > 30  # noqa: PLR2004  the class takes nothing younger, and bills thirty days
            else [],
            expiration=Duration.days(environment.raw_days),
            noncurrent_version_expiration=Duration.days(30),
        ),
        s3.LifecycleRule(
            id="what-was-removed",
            noncurrent_version_expiration=Duration.days(30),
            abort_incomplete_multipart_upload_after=Duration.days(1),
            expired_object_delete_marker=True,
        ),
    ]
