"""What a caller may do, and what is written down of it."""

from enum import StrEnum


class Scope(StrEnum):
    """What a key or a person may do. `admin` may everything."""

    UPLOAD = "upload"  # send files, follow and cancel uploads
    READ = "read"  # read what is published
    ADMIN = "admin"  # keys, people, webhooks, audit, export and erasure


class Action(StrEnum):
    """What the audit log tells of."""

    UPLOADED = "uploaded"
    UPLOAD_CANCELLED = "upload-cancelled"
    READ = "read"
    DOWNLOADED = "downloaded"
    EXPORTED = "exported"
    ERASED = "erased"
    EXPIRED = "expired"
    KEY_MADE = "key-made"
    KEY_REVOKED = "key-revoked"
    USER_MADE = "user-made"
    PASSWORD_SET = "password-set"  # noqa: S105  the name of an event
    LOGGED_IN = "logged-in"
    WEBHOOK_MADE = "webhook-made"
    WEBHOOK_REMOVED = "webhook-removed"
