"""What ends early: uploads cancelled in every state, companies erased while their jobs wait or run."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.queue import Job
from app.core.tables import AuditRow, CompanyRow, ErasureRow, PublishedRow, UploadRow
from app.domain.access import Action
from app.domain.errors import TooLateToCancel, UnknownCompany, UploadCancelled
from app.domain.uploads import UploadState
from app.pipeline import forecasting, intake, preparation
from app.pipeline.erasure import Erasure, erase_company, erase_objects, find_erasure
from app.pipeline.uploads import begin, cancel_upload, find_upload, give_up
from tests.shop import write_shop
from tests.test_pipeline.test_path import COMPANY, LATER, NOW, deliver, keys, run_all

Act = Callable[[Clients, Job], Any]


def _prepare(clients: Clients, job: Job) -> None:
    preparation.prepare_upload(clients, job, now=NOW)


def _begin_forecast(clients: Clients, job: Job) -> None:
    _prepare(clients, job)
    begin(clients, job, UploadState.FORECASTING)


BEFORE_THE_END: dict[UploadState, Act] = {
    UploadState.RECEIVED: lambda *_: None,
    UploadState.PREPARING: lambda clients, job: begin(clients, job, UploadState.PREPARING),
    UploadState.PREPARED: _prepare,
    UploadState.FORECASTING: _begin_forecast,
}
AT_THE_END: dict[UploadState, Act] = {
    UploadState.PUBLISHED: run_all,
    UploadState.FAILED: lambda clients, job: give_up(clients, job, OSError()),
}


@pytest.fixture
def job(clients: Clients, account: AccountId, tmp_path: Path) -> Job:
    return deliver(clients, account, write_shop(tmp_path / "files"))


@pytest.mark.parametrize("state", BEFORE_THE_END)
def test_what_is_on_its_way_can_be_cancelled_and_is_not_forecast(
    clients: Clients, job: Job, state: UploadState
) -> None:
    BEFORE_THE_END[state](clients, job)
    assert find_upload(clients, job.account, job.upload).state is state
    for _ in range(2):  # cancelling it again changes nothing
        assert cancel_upload(clients, job.account, job.upload, actor="test").state is UploadState.CANCELLED
    for story in (preparation.prepare_upload, forecasting.forecast_company):
        with pytest.raises(UploadCancelled):
            story(clients, job, now=NOW)
    give_up(clients, job, UploadCancelled())
    assert find_upload(clients, job.account, job.upload).state is UploadState.CANCELLED
    assert _runs_published(clients, job) == 0
    assert _noted(clients, job.account, Action.UPLOAD_CANCELLED) == 1


@pytest.mark.parametrize("state", AT_THE_END)
def test_what_has_ended_cannot_be_cancelled(clients: Clients, job: Job, state: UploadState) -> None:
    AT_THE_END[state](clients, job)
    with pytest.raises(TooLateToCancel):
        cancel_upload(clients, job.account, job.upload, actor="test")
    assert find_upload(clients, job.account, job.upload).state is state


@pytest.mark.parametrize("story", [preparation, forecasting], ids=lambda module: module.__name__.rpartition(".")[2])
def test_who_cancels_at_the_last_moment_is_in_time(
    clients: Clients,
    job: Job,
    story: Any,  # noqa: ANN401  a module
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if story is forecasting:
        _prepare(clients, job)
    before = _published(clients, job)
    finish = story._finish

    def cancelled_just_before(*positional: Any, **named: Any) -> None:  # noqa: ANN401
        cancel_upload(clients, job.account, job.upload, actor="test")
        finish(*positional, **named)

    monkeypatch.setattr(story, "_finish", cancelled_just_before)
    with pytest.raises(UploadCancelled):
        run_all(clients, job)
    assert _published(clients, job) == before
    assert find_upload(clients, job.account, job.upload).state is UploadState.CANCELLED


@pytest.mark.parametrize("state", [*BEFORE_THE_END, *AT_THE_END])
def test_a_company_is_erased_whole_whatever_its_jobs_do(clients: Clients, job: Job, state: UploadState) -> None:
    (BEFORE_THE_END | AT_THE_END)[state](clients, job)
    receipt = _erase(clients, job.account)
    assert _erase(clients, job.account) == receipt, "who lost the answer asks again"
    with clients.database.session(job.account) as session:
        waiting = session.execute(text("SELECT task_name FROM procrastinate_jobs WHERE lock = :lock"), _lock(job))
        assert waiting.scalars().all() == ["erase"]
    if state in BEFORE_THE_END:  # one that was running goes on until it asks, and then stops
        with pytest.raises(UploadCancelled):
            run_all(clients, job)
    give_up(clients, job, UploadCancelled())
    erasing = Job(job.account, job.company, receipt.id)
    finished = []
    for moment in (NOW, LATER):  # the worker may be killed after it and do it again
        erase_objects(clients, erasing, now=moment)
        finished.append(find_erasure(clients, job.account, receipt.id))
    assert finished[0] == finished[1] == _erase(clients, job.account)
    assert finished[0].finished_at == NOW
    assert keys(clients) == []
    with clients.database.session(job.account) as session:
        for table in (CompanyRow, UploadRow, PublishedRow):
            assert session.scalars(select(table)).all() == [], table
        assert session.scalar(select(func.count()).select_from(ErasureRow)) == 1
    assert _noted(clients, job.account, Action.ERASED) == 1


def test_twenty_who_erase_at_once_have_one_receipt(clients: Clients, job: Job) -> None:
    with ThreadPoolExecutor(20) as pool:
        receipts = list(pool.map(lambda _: _erase(clients, job.account), range(20)))
    assert {receipt.id for receipt in receipts} == {receipts[0].id}
    assert _noted(clients, job.account, Action.ERASED) == 1


def test_an_erasure_that_broke_off_is_finished_by_the_next_try(
    clients: Clients, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = _erase(clients, job.account)
    erasing = Job(job.account, job.company, receipt.id)
    with monkeypatch.context() as patched:
        patched.setattr(clients.store, "forget", _power_cut)
        with pytest.raises(OSError, match="power"):
            erase_objects(clients, erasing, now=NOW)
    assert find_erasure(clients, job.account, receipt.id).finished_at is None
    erase_objects(clients, erasing, now=LATER)
    assert find_erasure(clients, job.account, receipt.id).finished_at == LATER
    assert keys(clients) == []


@pytest.mark.parametrize("are_objects_gone", [False, True])
def test_files_that_arrive_while_their_company_is_erased_stay_nowhere(
    clients: Clients, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, are_objects_gone: bool
) -> None:
    enqueue = intake._enqueue

    def erased_just_before(*positional: Any, **named: Any) -> Any:  # noqa: ANN401
        receipt = _erase(clients, job.account)
        if are_objects_gone:
            erase_objects(clients, Job(job.account, job.company, receipt.id), now=NOW)
        return enqueue(*positional, **named)

    monkeypatch.setattr(intake, "_enqueue", erased_just_before)
    before = set(keys(clients))
    with pytest.raises(UnknownCompany):
        deliver(clients, job.account, write_shop(tmp_path / "more", bad_lines=1), now=LATER)
    assert set(keys(clients)) <= (set() if are_objects_gone else before)


def test_who_never_had_the_company_has_no_receipt(clients: Clients, account: AccountId) -> None:
    with pytest.raises(UnknownCompany):
        _erase(clients, account)


def _erase(clients: Clients, account: AccountId) -> Erasure:
    return erase_company(clients, account, COMPANY, actor="test", now=NOW)


def _power_cut(*_: object) -> None:
    raise OSError("power cut")


def _lock(job: Job) -> dict[str, str]:
    return {"lock": str(job.company)}


def _published(clients: Clients, job: Job) -> list[tuple[str, str]]:
    with clients.database.session(job.account) as session:
        return sorted((row.kind, row.key) for row in session.scalars(select(PublishedRow)))


def _runs_published(clients: Clients, job: Job) -> int:
    return sum(kind in forecasting.FRAMES for kind, _ in _published(clients, job))


def _noted(clients: Clients, account: AccountId, action: Action) -> int:
    with clients.database.session(account) as session:
        return len(session.scalars(select(AuditRow).where(AuditRow.action == action)).all())
