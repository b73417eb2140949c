"""An upload in, predictions out, by the three functions alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import select

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys
from app.core.queue import JobName
from app.core.tables import UploadRow
from app.domain.uploads import UploadState
from app.pipeline.forecasting import FRAMES
from app.pipeline.incoming import receive_delivered
from app.pipeline.uploads import Upload, find_upload
from app.worker import given_up
from tests.shop import CNPJ, month_rows, raw_keys, sold_in, sold_in_months, write_months, write_tabs, write_workbook
from tests.test_lambdas.conftest import MEGABYTES, Aws


def uploads(clients: Clients, account: AccountId) -> list[Upload]:
    with clients.database.session(account) as session:
        ids = session.scalars(select(UploadRow.id)).all()
    return [find_upload(clients, account, upload) for upload in ids]


def layers(aws: Aws) -> list[str]:
    return [stored.key.split("/")[0] for stored in aws.lake.list()]


def test_files_in_the_bucket_become_predictions_in_the_bucket(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    upload = deliver(bad_lines=2)
    aws.carry_all()
    found = find_upload(clients, account, upload)
    assert found.state is UploadState.PUBLISHED
    assert found.report["lines"]["added"] > 200
    written = layers(aws)
    assert written.count("predictions") == len(FRAMES)
    assert written.count("incoming") == 0, "what was received leaves at once: it holds personal data"
    assert all(not function.dead for function in aws.functions.values())


def test_the_same_event_twenty_times_changes_nothing_more(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    deliver()
    key = next(stored.key for stored in aws.lake.list("incoming"))
    for invocation in [aws.send("upload_handler", key) for _ in range(20)]:
        invocation.result()
    aws.carry_all()
    before = sorted(stored.key for stored in aws.lake.list())
    for name, rule in (("process_handler", "envio_"), ("predict_handler", "preparo_")):
        [receipt] = [key for key in before if rule in key]
        for invocation in [aws.send(name, receipt) for _ in range(20)]:
            invocation.result()
    assert sorted(stored.key for stored in aws.lake.list()) == before
    assert [upload.state for upload in uploads(clients, account)] == [UploadState.PUBLISHED]


def test_objects_may_come_in_any_order_and_the_last_completes_the_delivery(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    upload = deliver()
    keys = {stored.key: aws.lake.get(stored.key) for stored in aws.lake.list("incoming")}
    aws.lake.delete(keys)
    for number, (key, content) in enumerate(reversed(keys.items()), start=1):
        aws.lake.put(key, content)
        answer = aws.send("upload_handler", key).result()
        assert answer == {"upload": str(upload) if number == len(keys) else None}
    assert [found.id for found in uploads(clients, account)] == [upload]


def test_a_file_nobody_can_read_is_told_to_the_customer_and_to_no_operator(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    upload = deliver()
    [items] = [stored.key for stored in aws.lake.list("incoming") if stored.key.endswith("/1.csv")]
    aws.lake.put(items, b"", if_absent=False)
    aws.carry_all()
    found = find_upload(clients, account, upload)
    assert found.state is UploadState.FAILED
    assert found.error is not None
    assert found.error["code"] == "empty-file"
    assert layers(aws) == []
    assert all(not function.dead for function in aws.functions.values())


def test_of_a_workbook_in_the_bucket_the_tab_that_its_manifest_names_is_read(
    aws: Aws, clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    keys = IncomingKeys(account, uuid4())
    aws.lake.put(keys.file("ano.xlsx"), write_workbook(tmp_path / "ano.xlsx", tabs=["Setembro", "Outubro"]))
    file = {"key": "ano.xlsx", "name": "ano.xlsx", "tab": "Outubro"}
    manifest = {"cnpj": CNPJ, "company_name": "Padaria São João Ltda", "files": [file]}
    aws.lake.put(keys.manifest, json.dumps(manifest).encode())
    assert aws.send("upload_handler", keys.manifest).result() == {"upload": str(keys.upload)}
    [read] = find_upload(clients, account, keys.upload).report["recognised"]
    assert read["dialect"]["tab"] == "Outubro"


def test_a_file_a_month_and_a_workbook_in_the_bucket_all_count_and_a_hidden_tab_does_not(
    aws: Aws, clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    tabs = {"Rascunho": month_rows(9), "Mar": month_rows(3), "Abr": month_rows(4)}
    book = write_tabs(tmp_path / "ano.xlsx", tabs, hidden={"Rascunho": "hidden"})
    keys, paths = IncomingKeys(account, uuid4()), [*write_months(tmp_path / "files", [1, 2]), book]
    for path in paths:
        aws.lake.put(keys.file(path.name), path)
    files = [{"key": path.name, "name": path.name} for path in paths]
    manifest = {"cnpj": CNPJ, "company_name": "Padaria São João Ltda", "files": files}
    aws.lake.put(keys.manifest, json.dumps(manifest).encode())
    aws.carry_all()
    upload = find_upload(clients, account, keys.upload)
    assert upload.state is UploadState.PUBLISHED
    assert sold_in(aws.lake) == sold_in_months([1, 2, 3, 4])
    assert raw_keys(aws.lake) == [file["key"] for file in upload.files]
    assert len(upload.files) == 4
    found = [finding["rule"] for table in upload.report["tables"] for finding in table["findings"]]
    assert found == ["hidden-tab"]
    assert all(not function.dead for function in aws.functions.values())


def test_a_delivery_too_large_for_a_function_stays_for_the_worker(
    aws: Aws, clients: Clients, account: AccountId
) -> None:
    keys = IncomingKeys(account, uuid4())
    aws.lake.put(keys.file("itens.zip"), bytes(MEGABYTES * 100_001))  # packed, so ten times that; in truth nothing
    file = {"key": "itens.zip", "name": "itens.zip"}
    manifest = {"cnpj": CNPJ, "company_name": "Padaria São João Ltda", "files": [file]}
    aws.lake.put(keys.manifest, json.dumps(manifest).encode())
    assert [sent.result() for sent in aws.carry(set())] == [{"upload": None}] * 2
    assert layers(aws) == ["incoming"] * 2
    assert uploads(clients, account) == []
    story = partial(receive_delivered, clients, now=datetime.now(UTC))
    clients.queue.work({JobName.RECEIVE: story}, give_up=partial(given_up, clients), concurrency=1, until_idle=True)
    [told] = uploads(clients, account)
    assert (told.id, told.state, told.error and told.error["code"]) == (keys.upload, UploadState.FAILED, "empty-file")
    assert layers(aws) == []
