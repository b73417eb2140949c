"""What wakes someone, what shows how it goes, and what it may cost."""

from collections.abc import Iterator

from aws_cdk import Duration, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infrastructure.data import DataStack
from infrastructure.environments import Environment
from infrastructure.functions import FunctionsStack
from infrastructure.service import ServiceStack

FIVE_MINUTES = Duration.minutes(5)
GIGABYTE = 1_000_000_000


class WatchStack(Stack):
    """Alarms, a dashboard, a budget."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        environment: Environment,
        data: DataStack,
        service: ServiceStack,
        functions: FunctionsStack | None,
    ) -> None:
        super().__init__(scope, name, env={"region": environment.region})
        self._topic = self._post(environment)
        alarms = [*self._of_data(data), *self._of_service(service, environment)]
        if functions is not None:
            alarms += self._of_functions(functions)
        board = cloudwatch.Dashboard(self, "Board")
        for alarm in alarms:
            alarm.add_alarm_action(actions.SnsAction(self._topic))
            board.add_widgets(cloudwatch.AlarmWidget(alarm=alarm))
        self._budget(environment)

    def _post(self, environment: Environment) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        topic.add_subscription(subscriptions.EmailSubscription(environment.alarms_to))
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[topic.topic_arn],
            )
        )
        return topic

    def _of_data(self, data: DataStack) -> Iterator[cloudwatch.Alarm]:
        database = data.database
        yield self._alarm("DatabaseBusy", database.metric_cpu_utilization(period=FIVE_MINUTES), above=80, times=6)
        yield self._alarm("DatabaseFull", database.metric_free_storage_space(), below=4 * GIGABYTE)
        yield self._alarm("DatabaseConnections", database.metric_database_connections(), above=60)

    def _of_service(self, service: ServiceStack, environment: Environment) -> Iterator[cloudwatch.Alarm]:
        metrics = service.balancer.metrics
        yield self._alarm(
            "ApiErrors", metrics.http_code_target(elb.HttpCodeTarget.TARGET_5XX_COUNT, period=FIVE_MINUTES), above=5
        )
        yield self._alarm(
            "ApiSlow", metrics.target_response_time(statistic="p95", period=FIVE_MINUTES), above=1, times=3
        )
        yield self._alarm("JobsWaiting", service.waiting, above=50, times=30)
        if environment.worker.least:  # one that may sleep says nothing, and is missed by nobody
            yield self._alarm("NoWorker", service.heard, below=1, times=5, silence_is_bad=True)
        yield self._alarm("JobsGivenUp", service.given_up, above=0)

    def _of_functions(self, functions: FunctionsStack) -> Iterator[cloudwatch.Alarm]:
        """One failure is enough: each is a customer who waits."""
        for name, queue in {**functions.failures, "undelivered": functions.undelivered}.items():
            metric = queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES)
            yield self._alarm(f"{name.title()}Failed", metric, above=0)
        for name, function in functions.functions.items():
            yield self._alarm(f"{name.title()}Throttled", function.metric_throttles(period=FIVE_MINUTES), above=0)
            slow = function.metric_duration(statistic="max", period=FIVE_MINUTES)
            yield self._alarm(f"{name.title()}NearItsEnd", slow, above=12 * 60 * 1000)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        *,
        above: float = 0,
        below: float | None = None,
        times: int = 1,
        silence_is_bad: bool = False,
    ) -> cloudwatch.Alarm:
        side = cloudwatch.ComparisonOperator
        missing = cloudwatch.TreatMissingData
        return cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=above if below is None else below,
            comparison_operator=side.GREATER_THAN_THRESHOLD if below is None else side.LESS_THAN_THRESHOLD,
            evaluation_periods=times,
            treat_missing_data=missing.BREACHING if silence_is_bad else missing.NOT_BREACHING,
        )

    def _budget(self, environment: Environment) -> None:
        who = [budgets.CfnBudget.SubscriberProperty(address=environment.alarms_to, subscription_type="EMAIL")]
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=environment.budget_usd, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN", notification_type=kind, threshold=share
                    ),
                    subscribers=who,
                )
                for kind, share in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )
