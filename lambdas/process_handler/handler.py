"""`raw/` Object Created (an upload's receipt) -> preparation -> `processed/`."""

from functools import partial

from app.pipeline.handing import follow
from app.pipeline.preparation import prepare_upload
from lambdas.door import Context, tell


def handle(event: object, context: Context) -> dict[str, str | None]:
    """Prepare the upload; one that is prepared already is left as it is."""
    return tell(event, context, partial(follow, story=prepare_upload))
