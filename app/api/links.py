"""Where an answer leads: which operation comes next, and which part of the answer it needs (OpenAPI Link Objects)."""

from typing import Any, Final, NamedTuple


class _Way(NamedTuple):
    """From an operation's success to others, which take `parameters` from it (runtime expressions of OpenAPI)."""

    source: str
    targets: tuple[str, ...]
    parameters: dict[str, str]


_READINGS: Final = ("predictions", "products", "sales", "accuracy", "runs")
_UPLOAD: Final = {"upload_id": "$response.body#/id"}
# None leads from a list to what ends something: a program that follows every link must harm nothing by it.
_WAYS: Final = (
    _Way("upload", ("upload_status", "events", "findings", "cancel"), _UPLOAD),
    _Way("announce_upload", ("complete_upload",), _UPLOAD),
    _Way("announce_upload", ("put_file",), _UPLOAD | {"at": "0"}),
    _Way("complete_upload", ("upload_status", "events", "findings", "cancel"), _UPLOAD),
    _Way("upload_status", ("events", "findings", "rejected", "accepted", "cancel"), _UPLOAD),
    _Way("upload_status", _READINGS, {"cnpj": "$response.body#/cnpj"}),
    _Way("uploads", ("upload_status",), {"upload_id": "$response.body#/uploads/0/id"}),
    _Way("companies", (*_READINGS, "export"), {"cnpj": "$response.body#/companies/0/cnpj"}),
    _Way("erase", ("erasure",), {"erasure_id": "$response.body#/id"}),
    _Way("make_key", ("revoke",), {"key_id": "$response.body#/id"}),
    _Way("add_webhook", ("delivery_log", "drop_webhook"), {"webhook_id": "$response.body#/id"}),
    _Way("webhooks", ("delivery_log",), {"webhook_id": "$response.body#/webhooks/0/id"}),
)


def add_links(operation: dict[str, Any]) -> None:
    """Say at the operation's answer what may follow it; where there are two successes, at the one that did the work."""
    links = {
        target: {"operationId": target, "parameters": way.parameters}
        for way in _WAYS
        if way.source == operation["operationId"]
        for target in way.targets
    }
    if links:
        done = max(status for status in operation["responses"] if status.startswith("2"))
        operation["responses"][done]["links"] = links
