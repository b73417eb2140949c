"""The command `quantyfy`: one file a command, gathered here."""

import sys
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from typer.exceptions import TyperException

from app.cli import accounts, demo, forecast, inspect, remote, service
from app.cli.mistyped import mistyped
from app.core.config import Settings
from app.domain.errors import AppError, WrongSetting
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
    try:
        settings = Settings()
    except ValidationError as error:
        names = {f"QUANTYFY_{str(wrong['loc'][0]).upper()}" for wrong in error.errors() if wrong["loc"]}
        raise WrongSetting(names=", ".join(sorted(names))) from None  # its words show values, and those are secrets
    context.obj = settings
    logger.configure(style=settings.log_format, level="info" if verbose else settings.log_level)


def main() -> None:
    """Run a command; an error of ours is two plain lines and exit code 1, a slip of the keyboard two and 2."""
    try:
        sys.exit(app(standalone_mode=False))
    except AppError as error:
        ours = f"\n{error}" if error.internal else ""  # whoever reads this runs the service
        _tell(error.title(), f"{error.detail()}{ours}")
        sys.exit(1)
    except TyperException as error:
        if type(error).__name__ != "NoArgsIsHelpError":  # that one has shown the help
            _tell(*mistyped(error))
        sys.exit(error.exit_code)


def _tell(title: str, detail: str) -> None:
    """Whole lines: a log or a narrow window breaks them better than we can."""
    told = f"[bold red]{escape(title)}[/]\n{escape(detail)}"
    Console(stderr=True).print(told, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
