"""Objects by URL, `file:///folder` or `s3://bucket/prefix`, behind one interface."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app.core.copies import Copies
from app.core.s3.bucket import Bucket, Credentials, where
from app.core.s3.folder import Folder
from app.core.s3.store import ScanSource, Store, StoredObject

__all__ = ["Credentials", "ScanSource", "Store", "StoredObject", "store_at"]


def store_at(
    url: str,
    *,
    endpoint: str | None = None,
    region: str | None = None,
    credentials: Credentials | None = None,
    kms_key: str | None = None,
    copies: Copies | None = None,
) -> Store:
    """The store at `url`; the rest is for S3, where what is not given is found as every AWS program finds it.

    Args:
        url: `file:///folder`, made if it is not there, or `s3://bucket/prefix`.
        endpoint: an S3 server that is not AWS.
        region: of the bucket.
        credentials: instead of the role or variables of the machine.
        kms_key: encrypts new objects; otherwise the bucket's own rule holds.
        copies: where this machine keeps copies of objects, of this store and no other.

    Raises:
        ValueError: the URL is neither.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc:
        return Folder(Path(url2pathname(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        at = where(endpoint=endpoint, region=region, credentials=credentials, kms_key=kms_key)
        return Bucket(parts.netloc, prefix=parts.path.strip("/"), at=at, copies=copies)
    raise ValueError(f"{url!r} is neither file:///folder nor s3://bucket/prefix")
