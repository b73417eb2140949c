"""Files a shop owner has at hand that are neither sales nor products, and what to send instead."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from app.domain.errors import WrongKindOfFile
from app.domain.text import Text
from app.processing.columns.headings import normalised


class Kind(NamedTuple):
    """A kind of file, told by headings (normalised) that only it has."""

    name: Text
    mend: Text
    headings: str
    enough: int


_SALES_REPORT: Final = Text(
    "Ele não tem os produtos vendidos. Envie o relatório de vendas por produto do seu sistema.",
    "It does not have the products sold. Send your system's report of sales by product.",
)
_KINDS: Final = (
    Kind(
        Text("o extrato da maquininha de cartão", "a card acquirer's statement"),
        _SALES_REPORT,
        "nsu|bandeira|taxa mdr|taxa mdr percentual|mdr|valor bruto|valor liquido|data pagamento|data transacao|terminal"
        "|autorizacao|codigo autorizacao|parcelas|numero parcelas|stone codigo|stonecode|data prevista pagamento"
        "|tipo transacao|numero terminal|adquirente|antecipacao|data recebimento|data credito",
        3,
    ),
    Kind(
        Text("um extrato bancário", "a bank statement"),
        _SALES_REPORT,
        "saldo|historico|lancamento|credito|debito|agencia|conta|conta corrente|documento|data lancamento",
        3,
    ),
    Kind(
        Text("um relatório financeiro (contas a pagar ou a receber)", "a financial report (payables or receivables)"),
        _SALES_REPORT,
        "vencimento|data vencimento|valor pago|valor pendente|conta receber|conta pagar|centro custo|plano contas|juros"
        "|multa|data competencia|forma pagamento|valor original|valor original parcela",
        3,
    ),
    Kind(
        Text("um cadastro de clientes", "a customer list"),
        Text(
            "Não precisamos dos seus clientes. Envie o relatório de vendas por produto, sem eles.",
            "Your customers are not needed. Send the report of sales by product without them.",
        ),
        "nome|cliente|cpf|cpf cnpj|email|telefone|celular|endereco|bairro|cep|cidade|data nascimento|uf",
        5,
    ),
)


def refuse_wrong_kind(headings: Sequence[str], *, name: str) -> None:
    """Refuses a file that is recognisably something else. Ask only about files that are no table of ours.

    Raises:
        WrongKindOfFile: with what it looks like and what to send instead.
    """
    names = {normalised(heading) for heading in headings}
    for kind in _KINDS:
        if len(names & set(kind.headings.split("|"))) >= kind.enough:
            raise WrongKindOfFile(
                file=name, kind=kind.name.pt, kind_en=kind.name.en, mend=kind.mend.pt, mend_en=kind.mend.en
            )
