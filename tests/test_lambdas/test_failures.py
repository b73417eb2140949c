"""What functions are asked that cannot be done: nothing is lost, nothing is doubled, and the dead letter says why."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest

from app.core.clients import Clients
from app.core.database import AccountId
from app.domain.uploads import UploadState
from app.pipeline.uploads import find_upload
from tests.shop import CNPJ
from tests.test_lambdas.conftest import RULES, Aws, created, reason

HOME = "padaria-sao-joao/11222333000181"
SOMEONE = UUID(int=5)


def spoilt(**changes: object) -> dict[str, object]:
    return created("raw/x") | {name.replace("_", "-"): value for name, value in changes.items()}


@pytest.mark.parametrize(
    "event",
    [
        None,
        "Object Created",
        [],
        {},
        spoilt(source="aws.ec2"),
        spoilt(detail_type="Object Deleted"),
        spoilt(detail={}),
        spoilt(detail={"bucket": {"name": "lake"}, "object": {"key": 7}}),
        created(""),
    ],
)
def test_a_malformed_event_lands_with_its_reason(aws: Aws, event: object) -> None:
    assert reason(aws.functions["process_handler"], event).startswith("ValidationError: ")


@pytest.mark.parametrize("name", RULES)
def test_an_object_of_another_bucket_or_outside_the_lake_is_refused(aws: Aws, name: str) -> None:
    function = aws.functions[name]
    assert "not an object of s3://lake/" in reason(function, created("raw/x/y/z", bucket="other"))
    function.dead.clear()
    assert "not an object of s3://lake/" in reason(function, created(f"raw/{HOME}/envio_x.json"))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("upload_handler", "incoming/x.csv"),
        ("upload_handler", f"incoming/{SOMEONE}/../envio.json"),
        ("upload_handler", f"raw/{HOME}/envio_x.json"),
        ("process_handler", "raw/envio_x.json"),
        ("process_handler", "raw/padaria/11222333000180/envio_x.json"),
        ("predict_handler", "processed/Padaria/11222333000181/preparo_x.json"),
    ],
)
def test_a_key_outside_the_layout_lands_with_its_reason(aws: Aws, name: str, key: str) -> None:
    said = reason(aws.functions[name], created(f"{aws.prefix}/{key}"))
    assert said.startswith("ValueError: not a key of the lake's layout")


def test_a_delivery_of_no_account_lands_with_its_reason(aws: Aws) -> None:
    key = f"incoming/{SOMEONE}/{SOMEONE}/envio.json"
    aws.lake.put(key, b"{}")
    assert "no account" in reason(aws.functions["upload_handler"], created(f"{aws.prefix}/{key}"))


def test_a_manifest_nobody_can_read_lands_with_its_reason(aws: Aws, account: AccountId) -> None:
    key = f"incoming/{account}/{SOMEONE}/envio.json"
    aws.lake.put(key, b'{"cnpj": "11222333000181"}')
    assert "not a manifest" in reason(aws.functions["upload_handler"], created(f"{aws.prefix}/{key}"))
    assert aws.lake.exists(key), "nothing is thrown away that was not understood"


def test_a_receipt_beneath_another_companys_prefix_is_refused(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    upload = deliver()
    receipt = aws.receive()
    forged = "raw/outra-padaria/11444777000161/2026/11/22/envio_x.json"
    aws.lake.put(forged, aws.lake.get(receipt))
    said = reason(aws.functions["process_handler"], created(f"{aws.prefix}/{forged}"))
    assert "of another company than its key" in said
    assert find_upload(clients, account, upload).state is UploadState.RECEIVED


def test_a_preparation_beneath_another_companys_prefix_is_refused(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    upload = deliver()
    aws.send("process_handler", aws.receive()).result()
    [receipt] = [stored.key for stored in aws.lake.list("processed") if "preparo_" in stored.key]
    forged = f"processed/outra-padaria/11444777000161/{receipt.rsplit('/', 1)[1]}"
    aws.lake.put(forged, aws.lake.get(receipt))
    said = reason(aws.functions["predict_handler"], created(f"{aws.prefix}/{forged}"))
    assert "of another company than its key" in said
    assert find_upload(clients, account, upload).state is UploadState.PREPARED
    assert list(aws.lake.list("predictions")) == []


def test_a_manifest_that_names_another_accounts_file_is_refused(
    aws: Aws, deliver: Callable[..., UUID], account: AccountId
) -> None:
    deliver()
    other = next(stored.key for stored in aws.lake.list("incoming"))
    key = f"incoming/{account}/{SOMEONE}/envio.json"
    file = {"key": f"../../{other.removeprefix('incoming/')}", "name": "vendas.csv"}
    aws.lake.put(key, json.dumps({"cnpj": CNPJ, "company_name": "Padaria", "files": [file]}).encode())
    assert "not a manifest" in reason(aws.functions["upload_handler"], created(f"{aws.prefix}/{key}"))
    assert aws.lake.exists(other)


def test_a_receipt_that_is_none_lands_with_its_reason(aws: Aws) -> None:
    key = f"raw/{HOME}/2026/11/22/envio_x.json"
    aws.lake.put(key, b"[1, 2]")
    assert "not a receipt" in reason(aws.functions["process_handler"], created(f"{aws.prefix}/{key}"))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("process_handler", f"raw/{HOME}/2026/11/22/envio_x.json"),
        ("predict_handler", f"processed/{HOME}/preparo_x.json"),
    ],
)
def test_a_receipt_deleted_before_the_function_ran_asks_for_nothing(aws: Aws, name: str, key: str) -> None:
    assert aws.send(name, key).result() == {"upload": None}


def test_a_delivery_deleted_before_the_function_ran_asks_for_nothing(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients
) -> None:
    deliver()
    keys = [stored.key for stored in aws.lake.list("incoming")]
    aws.lake.delete(keys)
    assert [aws.send("upload_handler", key).result() for key in keys] == [{"upload": None}] * len(keys)
    assert list(clients.store.list()) == []


def test_a_prepared_month_that_is_gone_fails_the_upload_and_lands_with_its_reason(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    upload = deliver()
    aws.send("process_handler", aws.receive()).result()
    stored = [stored.key for stored in aws.lake.list("processed")]
    [receipt] = [key for key in stored if "preparo_" in key]
    aws.lake.delete([key for key in stored if key != receipt])
    said = reason(aws.functions["predict_handler"], created(f"{aws.prefix}/{receipt}"))
    assert said.startswith("ObjectMissing: processed/")
    assert find_upload(clients, account, upload).state is UploadState.FAILED


def test_a_raw_file_that_is_gone_fails_the_upload_and_lands_with_its_reason(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    upload = deliver()
    receipt = aws.receive()
    aws.lake.delete([stored.key for stored in aws.lake.list("raw") if "vendas_itens" in stored.key])
    said = reason(aws.functions["process_handler"], created(f"{aws.prefix}/{receipt}"))
    assert said.startswith("ObjectMissing: raw/")
    found = find_upload(clients, account, upload)
    assert found.state is UploadState.FAILED
    assert found.error is not None
    assert found.error["code"] == "object-missing"
