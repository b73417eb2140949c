"""`raw/` Object Created (an upload's receipt) -> preparation -> `processed/`."""

from functools import partial

from app.pipeline.handing import follow
from app.pipeline.preparation import prepare_upload
from lambdas.door import Answer, Context, is_nightly, tell, tell_missed


def handle(event: object, context: Context) -> Answer:
    """Prepare the upload; one that is prepared already is left as it is."""
    if is_nightly(event):
        return tell_missed("raw", context, prepare_upload)
    return tell(event, context, partial(follow, story=prepare_upload))
