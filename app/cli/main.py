"""The command `quantyfy`: one file a command, gathered here."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from app.cli import accounts, demo, forecast, inspect, remote, service
from app.core.config import Settings
from app.domain.errors import AppError
from app.utils import logger

app = typer.Typer(
    name="quantyfy",
    help="Previsão de vendas a partir das planilhas que o seu sistema já exporta.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("forecast")(forecast.forecast)
app.command("inspect")(inspect.inspect)
app.command("serve")(service.serve)
app.command("worker")(service.work)
app.command("migrate")(service.migrate_database)
app.command("demo")(demo.demo)
app.command("upload")(remote.upload)
app.command("predictions")(remote.predictions)
app.add_typer(accounts.account, name="account")
app.add_typer(accounts.key, name="key")
app.add_typer(accounts.user, name="user")
app.add_typer(accounts.company, name="company")


@app.callback()
def configure(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Mostra o andamento em linhas de log.")] = False,
) -> None:
    """Read the settings once, for every command."""
    settings = Settings()
    context.obj = settings
    logger.configure(style=settings.log_format, level="info" if verbose else settings.log_level)


def main() -> None:
    """Run a command; an error of ours is two plain lines and exit code 1."""
    try:
        app()
    except AppError as error:
        ours = f"\n{escape(str(error))}" if error.internal else ""  # whoever reads this runs the service
        Console(stderr=True).print(f"[bold red]{error.title()}[/]\n{error.detail()}{ours}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
