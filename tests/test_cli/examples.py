"""The page of example files with what Quantyfy says of each, as the command line prints it.

python -m tests.test_cli.examples      writes docs/exemplos.md
"""

from pathlib import Path
from typing import Final

from typer.testing import CliRunner

from app.cli.main import app

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "exemplos.md"
_WIDE: Final = {"COLUMNS": "130"}
_INTRODUCTION: Final = """# Três arquivos como eles vêm, e o que dizemos deles

<!-- Gerado por `python -m tests.test_cli.examples`, dos arquivos em `docs/exemplos`. Não edite. -->

Antes de enviar, veja como o seu arquivo seria lido. Nada é guardado. O que cada aviso quer dizer está em
[formato-dos-arquivos.md](formato-dos-arquivos.md).
"""
EXAMPLES: Final = {
    "O relatório do ERP": (
        "Duas linhas de título, um total no pé, texto do Windows e o nome de cada cliente.",
        ("relatorio-do-erp.csv",),
    ),
    "O caixa da loja": (
        "Tudo numa planilha só, saída de um programa antigo e passada pelo Excel, com CPF na nota.",
        ("caixa-da-loja.csv",),
    ),
    "As três planilhas": (
        "Vendas, itens e produtos que não combinam em tudo.",
        ("vendas.csv", "vendas_itens.csv", "produtos.csv"),
    ),
}


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_INTRODUCTION, *map(_section, EXAMPLES)])


def _section(title: str) -> str:
    about, names = EXAMPLES[title]
    command = " ".join(["./quantyfy inspect", *(f"docs/exemplos/{name}" for name in names)])
    return f"## {title}\n\n{about}\n\n```console\n$ {command}\n{_told(names)}\n```\n"


def _told(names: tuple[str, ...]) -> str:
    files = [str(DOCS / "exemplos" / name) for name in names]
    answer = CliRunner(env=_WIDE).invoke(app, ["inspect", *files], catch_exceptions=False)
    return "\n".join(line.rstrip() for line in answer.stdout.rstrip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
