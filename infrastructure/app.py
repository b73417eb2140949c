"""Every environment's stacks: `python -m infrastructure.app`, or `cdk` by cdk.json. A release is `-c tag=...`."""

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infrastructure.data import DataStack
from infrastructure.environments import ALL, Environment
from infrastructure.functions import FromImage, FunctionsStack, Packaging
from infrastructure.service import ServiceStack
from infrastructure.suppressions import acknowledge
from infrastructure.watch import WatchStack

# As CDK names the bucket's ARN between stacks; cdk-nag names its findings by it.
LAKE_EXPORT = "ExportsOutputFnGetAttLake5F1B88EAArn65E67816"


def build(app: cdk.App) -> None:
    """All environments in one app; a release deploys one of them."""
    tag = app.node.try_get_context("tag") or "latest"
    cdk.Tags.of(app).add("project", "quantyfy")
    for environment in ALL:
        build_environment(app, environment, tag=tag)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def build_environment(app: cdk.App, environment: Environment, *, tag: str, packaging: Packaging | None = None) -> None:
    """The stacks of one environment, by lifetime; the functions come from the image unless packaged otherwise."""
    title = f"Quantyfy-{environment.name}"
    data = DataStack(app, f"{title}-Data", environment=environment)
    service = ServiceStack(app, f"{title}-Service", environment=environment, data=data, tag=tag)
    functions = None
    if environment.functions_up_to_mb:
        chosen = packaging or FromImage(data.images, tag)
        functions = FunctionsStack(app, f"{title}-Functions", environment=environment, data=data, packaging=chosen)
    watch = WatchStack(app, f"{title}-Watch", environment=environment, data=data, service=service, functions=functions)
    stacks = [stack for stack in (data, service, functions, watch) if stack is not None]
    acknowledge(stacks, lake_export=f"{title}-Data:{LAKE_EXPORT}", environment=environment)


if __name__ == "__main__":
    whole = cdk.App()
    build(whole)
    whole.synth()
