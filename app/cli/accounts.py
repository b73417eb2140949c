"""`quantyfy account|key|user|company`: what whoever runs the service does for its customers, on the machine itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from app.cli.words import console, table
from app.domain.access import Scope
from app.domain.cnpj import Cnpj

if TYPE_CHECKING:
    from app.core.clients import Clients
    from app.core.database import AccountId
    from app.pipeline.access import Key

_ACTOR = "operator"

account = typer.Typer(help="Contas.", no_args_is_help=True)
key = typer.Typer(help="Chaves de acesso.", no_args_is_help=True)
user = typer.Typer(help="Pessoas de uma conta.", no_args_is_help=True)
company = typer.Typer(help="Empresas de uma conta.", no_args_is_help=True)

Account = Annotated[str | None, typer.Option("--account", help="Identificador da conta, se houver mais de uma.")]
Scopes = Annotated[list[Scope] | None, typer.Option("--scope", help="upload, read ou admin; repita para várias.")]


@account.command("new")
def new_account(context: typer.Context, name: Annotated[str, typer.Argument(help="Nome da conta.")]) -> None:
    """Cria uma conta com a sua primeira chave, mostrada só desta vez."""
    from app.pipeline.companies import open_account

    with _opened(context) as clients:
        made, secret = open_account(clients, name=name, key_name="primeira chave")
    typer.echo(f"{made} {secret}")


@account.command("list")
def accounts(context: typer.Context) -> None:
    """Mostra as contas."""
    from app.pipeline.companies import list_accounts

    with _opened(context) as clients:
        rows = [(str(found.id), found.name) for found in list_accounts(clients)]
    console().print(table("Contas", ("Conta", "Nome"), rows, text_columns=2))


@key.command("new")
def new_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Para que serve a chave.")],
    scope: Scopes = None,
    cnpj: Annotated[list[str] | None, typer.Option(help="Só estas empresas; repita para várias.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Dias até vencer; sem isso, não vence.")] = None,
    per_minute: Annotated[int | None, typer.Option(min=1, help="Pedidos por minuto.")] = None,
    account: Account = None,
) -> None:
    """Cria uma chave, mostrada só desta vez."""
    from app.pipeline.access import WantedKey, make_account_key

    wanted = WantedKey(
        name=name,
        scopes=scope or (Scope.UPLOAD, Scope.READ),
        cnpjs=[Cnpj.parse(each) for each in cnpj] if cnpj else None,
        requests_per_minute=per_minute,
        expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
    )
    with _opened(context) as clients:
        typer.echo(make_account_key(clients, _chosen(clients, account), wanted, actor=_ACTOR)[1])


@key.command("list")
def keys(context: typer.Context, account: Account = None) -> None:
    """Mostra as chaves de uma conta, sem o segredo."""
    from app.pipeline.access import list_keys

    with _opened(context) as clients:
        rows = [_key_row(each) for each in list_keys(clients, _chosen(clients, account))]
    headings = ("Chave", "Nome", "Começo", "Permissões", "Empresas", "Vence", "Último uso", "Revogada")
    console().print(table("Chaves", headings, rows, text_columns=len(headings)))


@key.command("revoke")
def revoke(context: typer.Context, key_id: UUID, account: Account = None) -> None:
    """Revoga uma chave, na hora e para sempre."""
    from app.pipeline.access import revoke_key

    with _opened(context) as clients:
        ended = revoke_key(clients, _chosen(clients, account), key_id, actor=_ACTOR, now=datetime.now(UTC))
    typer.echo(f"Chave {ended.prefix}… revogada.")


@user.command("new")
def new_user(context: typer.Context, email: str, name: str, scope: Scopes = None, account: Account = None) -> None:
    """Cria uma pessoa e mostra o link em que ela define a senha."""
    from app.pipeline.people import make_user

    scopes = scope or (Scope.UPLOAD, Scope.READ)
    with _opened(context) as clients:
        chosen = _chosen(clients, account)
        made = make_user(clients, chosen, email=email, name=name, scopes=scopes, actor=_ACTOR)
        typer.echo(_link(context, clients, chosen, made.email))


@user.command("link")
def new_link(context: typer.Context, email: str, account: Account = None) -> None:
    """Mostra um novo link de senha, que vale uma vez, por um dia."""
    with _opened(context) as clients:
        typer.echo(_link(context, clients, _chosen(clients, account), email))


@user.command("list")
def users(context: typer.Context, account: Account = None) -> None:
    """Mostra as pessoas de uma conta."""
    from app.pipeline.people import list_users

    with _opened(context) as clients:
        found = list_users(clients, _chosen(clients, account))
    rows = [(each.email, each.name, ", ".join(each.scopes)) for each in found]
    console().print(table("Pessoas", ("E-mail", "Nome", "Permissões"), rows, text_columns=3))


@company.command("list")
def companies(context: typer.Context, account: Account = None) -> None:
    """Mostra as empresas de uma conta."""
    from app.pipeline.companies import list_companies

    with _opened(context) as clients:
        found = list_companies(clients, _chosen(clients, account))
    rows = [(each.cnpj.formatted, each.name) for each in found]
    console().print(table("Empresas", ("CNPJ", "Nome"), rows, text_columns=2))


@company.command("erase")
def erase(context: typer.Context, cnpj: str, account: Account = None) -> None:
    """Apaga uma empresa para sempre: sai do ar na hora, e o worker apaga os arquivos."""
    from app.pipeline.erasure import erase_company

    with _opened(context) as clients:
        chosen, now = _chosen(clients, account), datetime.now(UTC)
        receipt = erase_company(clients, chosen, Cnpj.parse(cnpj), actor=_ACTOR, now=now)
    typer.echo(f"Recibo {receipt.id}: {receipt.removed}")


@contextmanager
def _opened(context: typer.Context) -> Iterator["Clients"]:
    from app import bootstrap

    with bootstrap.opened(context.obj) as clients, bootstrap.told_when_away(clients.database.url):
        clients.database.check()
        yield clients


def _chosen(clients: "Clients", wanted: str | None) -> "AccountId":
    from app.pipeline.companies import list_accounts

    found = [each for each in list_accounts(clients) if wanted is None or str(each.id).startswith(wanted)]
    if len(found) != 1:
        raise typer.BadParameter("diga qual conta com --account; veja quantyfy account list")
    return found[0].id


def _link(context: typer.Context, clients: "Clients", account: "AccountId", email: str) -> str:
    from app.pipeline.people import make_link

    secret = make_link(clients, account, email=email, now=datetime.now(UTC))
    return f"{context.obj.service_url}/session/links/{secret}"


def _key_row(each: "Key") -> tuple[str, ...]:
    moments = (f"{at:%d/%m/%Y %H:%M}" if at else "–" for at in (each.expires_at, each.last_used_at, each.revoked_at))
    return str(each.id), each.name, each.prefix, ", ".join(each.scopes), ", ".join(each.cnpjs or ["todas"]), *moments
