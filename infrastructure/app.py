"""The stacks of one environment at one release: `cdk ... -c env=ENV -c tag=TAG` runs `python -m infrastructure.app`."""

import re
import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infrastructure.data import DataStack
from infrastructure.environments import ALL, Environment
from infrastructure.functions import FromImage, FunctionsStack, Packaging
from infrastructure.migration import MigrationStack
from infrastructure.service import ServiceStack
from infrastructure.suppressions import acknowledge
from infrastructure.watch import WatchStack

# As CDK names the bucket's ARN between stacks; cdk-nag names its findings by it.
LAKE_EXPORT = "ExportsOutputFnGetAttLake5F1B88EAArn65E67816"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")  # as ECR takes them
_MOVING = "latest"


class ReleaseNotNamed(ValueError):
    """A command of cdk does not say which environment, or which release, it is about."""


def build(app: cdk.App) -> None:
    """The stacks of the environment and release that the command names, and no others.

    Raises:
        ReleaseNotNamed: it does not name both.
    """
    environment, tag = _named(app)
    build_environment(app, environment, tag=tag)
    check(app)


def build_environment(app: cdk.App, environment: Environment, *, tag: str, packaging: Packaging | None = None) -> None:
    """The stacks of one environment, by lifetime; the functions come from the image unless packaged otherwise."""
    cdk.Tags.of(app).add("project", "quantyfy")
    title = f"Quantyfy-{environment.name}"
    data = DataStack(app, f"{title}-Data", environment=environment)
    migration = MigrationStack(app, f"{title}-Migration", environment=environment, data=data, tag=tag)
    service = ServiceStack(app, f"{title}-Service", environment=environment, data=data, tag=tag)
    functions = None
    if environment.functions_up_to_mb:
        chosen = packaging or FromImage(data.images, tag)
        functions = FunctionsStack(app, f"{title}-Functions", environment=environment, data=data, packaging=chosen)
    watch = WatchStack(app, f"{title}-Watch", environment=environment, data=data, service=service, functions=functions)
    stacks = [stack for stack in (data, migration, service, functions, watch) if stack is not None]
    acknowledge(stacks, lake_export=f"{title}-Data:{LAKE_EXPORT}", environment=environment)


def check(app: cdk.App) -> None:
    """Let cdk-nag look at everything in `app` when it is synthesised."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def _named(app: cdk.App) -> tuple[Environment, str]:
    known = {environment.name: environment for environment in ALL}
    name, tag = (app.node.try_get_context(key) for key in ("env", "tag"))
    if not isinstance(name, str) or name not in known:
        raise ReleaseNotNamed(f"say which environment: -c env={'|'.join(known)}")
    if not isinstance(tag, str) or not _TAG.fullmatch(tag) or tag == _MOVING:
        raise ReleaseNotNamed("say which release: -c tag=TAG, the tag its image was pushed under")
    return known[name], tag


def main() -> None:
    """Synthesise what the command names; one plain line when it names too little."""
    whole = cdk.App()
    try:
        build(whole)
    except ReleaseNotNamed as error:
        sys.exit(str(error))
    whole.synth()


if __name__ == "__main__":
    main()
