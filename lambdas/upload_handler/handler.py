"""`incoming/` Object Created -> intake -> `raw/`."""

from app.pipeline.incoming import take_in
from lambdas.door import Answer, Context, tell


def handle(event: object, context: Context) -> Answer:
    """Receive the delivery once all of it is there; whichever of its objects comes last completes it."""
    return tell(event, context, take_in)
