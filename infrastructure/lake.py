"""Who may do what beneath which prefix of the bucket: one sentence a role, and nothing that is not said here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3


@dataclass(frozen=True)
class Access:
    """Prefixes that a role reads, adds objects to, and removes objects from."""

    reads: Sequence[str] = field(default=())
    adds: Sequence[str] = field(default=())
    removes: Sequence[str] = field(default=())
    lists: Sequence[str] = field(default=())


UPLOAD = Access(reads=["incoming", "raw"], adds=["raw"], removes=["incoming"], lists=["incoming"])
PROCESS = Access(reads=["raw", "processed"], adds=["processed"], lists=["raw"])
PREDICT = Access(reads=["processed"], adds=["predictions"], lists=["processed"])
# The API signs addresses in incoming/ with its own role, takes uploads in, and reads what is published.
API = Access(
    reads=["incoming", "raw", "processed", "predictions"],
    adds=["incoming", "raw"],
    removes=["incoming"],
    lists=[""],
)
# The worker does every stage, and retention and erasure besides.
WORKER = Access(
    reads=["incoming", "raw", "processed", "predictions"],
    adds=["raw", "processed", "predictions"],
    removes=["incoming", "raw", "processed", "predictions"],
    lists=[""],
)


def allow(role: iam.IGrantable, bucket: s3.IBucket, access: Access) -> None:
    """Give a role exactly this access."""
    for action, prefixes in (
        ("s3:GetObject", access.reads),
        ("s3:PutObject", access.adds),
        ("s3:DeleteObject", access.removes),
    ):
        if prefixes:
            objects = [bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes]
            _add(role, iam.PolicyStatement(actions=[action], resources=objects))
    listing = {} if "" in access.lists else {"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in access.lists]}}
    _add(role, iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn], conditions=listing))


def allow_key(role: iam.IGrantable, key: kms.IKey, access: Access, *, region: str) -> None:
    """Give a role the use of the lake's key, through S3 alone, for what it reads and adds."""
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    for action, prefixes in (("kms:Decrypt", access.reads), ("kms:GenerateDataKey", access.adds)):
        if prefixes:
            _add(role, iam.PolicyStatement(actions=[action], resources=[key.key_arn], conditions=through_s3))


def _add(role: iam.IGrantable, statement: iam.PolicyStatement) -> None:
    role.grant_principal.add_to_principal_policy(statement)
