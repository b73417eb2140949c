"""The rules that files are held to, each with a stable code and a sentence on how to mend it."""

from enum import StrEnum
from typing import Final, NamedTuple

from app.domain.text import Text


class Severity(StrEnum):
    """What a finding did to its row. Rows in = rows accepted + rows rejected + rows skipped."""

    REJECTED = "rejected"  # set aside: the customer should mend it
    SKIPPED = "skipped"  # never a sale: totals, repeated headings, blank rows
    WARNING = "warning"  # accepted, and worth a look


class Rule(NamedTuple):
    """One rule of the input contract. `code` never changes."""

    code: str
    severity: Severity
    title: Text
    mend: Text


class RowCount(NamedTuple):
    """What became of the rows of one table. `rows_in == accepted + rejected + skipped` always."""

    rows_in: int
    accepted: int
    rejected: int
    skipped: int


def _rejected(code: str, title: Text, mend: Text) -> Rule:
    return Rule(code, Severity.REJECTED, title, mend)


def _skipped(code: str, title: Text, mend: Text) -> Rule:
    return Rule(code, Severity.SKIPPED, title, mend)


def _warning(code: str, title: Text, mend: Text) -> Rule:
    return Rule(code, Severity.WARNING, title, mend)


_NOTHING_TO_DO: Final = Text("Não precisa fazer nada.", "Nothing to do.")

# --- rows set aside -----------------------------------------------------------------------------------------------

TOO_MANY_CELLS: Final = _rejected(
    "too-many-cells",
    Text("A linha tem mais células que o cabeçalho", "The row has more cells than the heading"),
    Text(
        "Algum texto da linha contém o separador de colunas. No Excel, tire os ponto e vírgulas (ou vírgulas) de dentro"
        " das descrições e salve de novo como CSV.",
        "Some text of the row contains the column separator. Remove semicolons or commas from inside the texts in Excel"
        " and save as CSV again.",
    ),
)
MISSING_SALE_ID: Final = _rejected(
    "missing-sale-id",
    Text("Falta o número da venda", "The sale number is missing"),
    Text(
        "Preencha o número do pedido, do cupom ou da nota nesta linha.",
        "Fill in the order, receipt or invoice number on this row.",
    ),
)
MISSING_DATE: Final = _rejected(
    "missing-date",
    Text("Falta a data da venda", "The sale date is missing"),
    Text(
        "Preencha a data no formato dd/mm/aaaa, por exemplo 31/10/2026.",
        "Fill in the date as dd/mm/yyyy, for example 31/10/2026.",
    ),
)
UNREADABLE_DATE: Final = _rejected(
    "unreadable-date",
    Text("A data não pôde ser lida", "The date could not be read"),
    Text(
        "No Excel, selecione a coluna, escolha Formatar células > Data > dd/mm/aaaa e exporte de novo.",
        "In Excel, select the column, choose Format cells > Date > dd/mm/yyyy and export again.",
    ),
)
DATE_IN_THE_FUTURE: Final = _rejected(
    "date-in-the-future",
    Text("A data está no futuro", "The date is in the future"),
    Text(
        "Corrija a data. Se dia e mês estiverem trocados, exporte de novo no formato dd/mm/aaaa.",
        "Correct the date. If day and month are swapped, export again as dd/mm/yyyy.",
    ),
)
DATE_TOO_OLD: Final = _rejected(
    "date-too-old",
    Text("A data é anterior ao ano 2000", "The date is before the year 2000"),
    Text("Corrija o ano da data.", "Correct the year of the date."),
)
MISSING_SKU: Final = _rejected(
    "missing-sku",
    Text("Falta o código do produto", "The product code is missing"),
    Text(
        "Preencha o código (SKU) do produto, ou pelo menos a descrição.",
        "Fill in the product's code (SKU), or at least its description.",
    ),
)
SCIENTIFIC_CODE: Final = _rejected(
    "scientific-code",
    Text("O Excel transformou o código em notação científica", "Excel turned the code into scientific notation"),
    Text(
        "O código veio como 7,89E+12. No Excel, formate a coluna como Texto (ou Número sem casas decimais) e exporte de"
        " novo.",
        "The code came as 7.89E+12. In Excel, format the column as Text (or Number without decimals) and export again.",
    ),
)
MISSING_QUANTITY: Final = _rejected(
    "missing-quantity",
    Text("Falta a quantidade", "The quantity is missing"),
    Text("Preencha a quantidade vendida nesta linha.", "Fill in the quantity sold on this row."),
)
UNREADABLE_QUANTITY: Final = _rejected(
    "unreadable-quantity",
    Text("A quantidade não é um número", "The quantity is not a number"),
    Text(
        "Deixe só o número na célula, sem letras nem unidade, por exemplo 2 ou 1,5.",
        "Leave only the number in the cell, without letters or unit, for example 2 or 1.5.",
    ),
)
IMPLAUSIBLE_QUANTITY: Final = _rejected(
    "implausible-quantity",
    Text("A quantidade é grande demais", "The quantity is too large"),
    Text(
        "Parece um código de barras ou um preço na coluna de quantidade. Confira se as colunas não estão trocadas.",
        "It looks like a barcode or a price in the quantity column. Check that the columns are not swapped.",
    ),
)
ITEM_WITHOUT_SALE: Final = _rejected(
    "item-without-sale",
    Text("O item é de uma venda que não está no arquivo de vendas", "The item's sale is not in the sales file"),
    Text(
        "Exporte vendas e itens do mesmo período, ou inclua a data da venda no arquivo de itens.",
        "Export sales and items of the same period, or include the sale date in the items file.",
    ),
)
SALE_SET_ASIDE: Final = _rejected(
    "sale-set-aside",
    Text("A venda deste item foi recusada", "This item's sale was set aside"),
    Text(
        "Corrija no arquivo de vendas a linha desta venda e envie os dois arquivos de novo.",
        "Mend this sale's row in the sales file and send both files again.",
    ),
)
ANOTHER_COMPANY: Final = _rejected(
    "another-company",
    Text("A venda é de outra empresa", "The sale belongs to another company"),
    Text(
        "O CNPJ desta linha tem outra raiz. Envie as vendas de cada empresa no CNPJ dela; filiais da mesma raiz podem"
        " vir juntas.",
        "The CNPJ of this row has another root. Send each company's sales under its own CNPJ; branches of one root may"
        " come together.",
    ),
)
INVALID_BRANCH: Final = _warning(
    "invalid-branch",
    Text("O CNPJ da loja não é válido", "The branch's CNPJ is not valid"),
    Text(
        "Mantivemos a venda e guardamos o valor como nome da loja. Formate a coluna como Texto para não perder zeros.",
        "The sale was kept, with the value as the branch's name. Format the column as Text so that no zeros are lost.",
    ),
)
MISSING_DESCRIPTION: Final = _warning(
    "missing-description",
    Text("O produto está sem nome", "The product has no name"),
    Text("Preencha a descrição; até lá usamos o código.", "Fill in the description; until then the code is used."),
)

# --- rows that were never a sale ----------------------------------------------------------------------------------

BLANK_ROW: Final = _skipped("blank-row", Text("Linha em branco", "Blank row"), _NOTHING_TO_DO)
TOTAL_ROW: Final = _skipped("total-row", Text("Linha de total ou subtotal", "Total or subtotal row"), _NOTHING_TO_DO)
REPEATED_HEADER: Final = _skipped(
    "repeated-header", Text("Cabeçalho repetido no meio do arquivo", "Heading repeated in the file"), _NOTHING_TO_DO
)
PACKAGE_ROW: Final = _skipped(
    "package-row",
    Text('Linha "Pacote de N produtos", que só resume as seguintes', "Package row, a summary of the next ones"),
    _NOTHING_TO_DO,
)
ZERO_QUANTITY: Final = _skipped(
    "zero-quantity",
    Text("Quantidade zero: nada foi vendido nesta linha", "Quantity zero: nothing was sold on this row"),
    Text("Se houve venda, corrija a quantidade.", "If something was sold, correct the quantity."),
)
DELETED_ROW: Final = _skipped(
    "deleted-row", Text("Linha marcada como excluída pelo sistema", "Row the system marked as deleted"), _NOTHING_TO_DO
)
REPEATED_SALE: Final = _skipped(
    "repeated-sale",
    Text(
        "A venda aparece de novo mais abaixo ou em outro arquivo; vale a última",
        "The sale appears again below or in another file; the last one counts",
    ),
    _NOTHING_TO_DO,
)
REPEATED_ITEM: Final = _skipped(
    "repeated-item",
    Text(
        "O mesmo item da mesma venda aparece de novo mais abaixo ou em outro arquivo; vale o último",
        "The same item of the same sale appears again below or in another file; the last one counts",
    ),
    _NOTHING_TO_DO,
)
REPEATED_PRODUCT: Final = _skipped(
    "repeated-product",
    Text(
        "O produto aparece de novo mais abaixo ou em outro arquivo; vale o último",
        "The product appears again below or in another file; the last one counts",
    ),
    Text("Deixe uma linha só para cada código.", "Leave one row for each code."),
)
REPEATED_FILE: Final = _skipped(
    "repeated-file",
    Text(
        "O arquivo é igual a outro deste envio; contamos só um deles",
        "The file is the same as another of this upload; only one of them counts",
    ),
    Text(
        "Se era para ser outro período, exporte de novo e confira as datas; senão, não precisa fazer nada.",
        "If it was meant to be another period, export it again and check the dates; otherwise there is nothing to do.",
    ),
)

# --- rows accepted, worth a look ----------------------------------------------------------------------------------

IDENTICAL_LINE: Final = _warning(
    "identical-line",
    Text("Linha igual a outra da mesma venda", "Line identical to another of the same sale"),
    Text(
        "Contamos as duas. Se foi exportada em dobro, apague uma; uma coluna com o número do item evita a dúvida.",
        "Both were counted. If it was exported twice delete one; a column with the item number removes the doubt.",
    ),
)
UNKNOWN_STATUS: Final = _warning(
    "unknown-status",
    Text("Situação desconhecida, contada como concluída", "Unknown status, counted as completed"),
    Text(
        "Confira se esta situação quer dizer venda feita. Se for cancelada ou pendente, fale conosco.",
        "Check that this status means a sale was made. If it is cancelled or pending, tell us.",
    ),
)
UNKNOWN_PRODUCT: Final = _warning(
    "unknown-product",
    Text("Produto vendido que não está no arquivo de produtos", "Product sold that is not in the products file"),
    Text("Inclua o produto no cadastro e exporte de novo.", "Add the product to the catalogue and export again."),
)
SALE_WITHOUT_ITEMS: Final = _warning(
    "sale-without-items",
    Text("Venda sem nenhum item", "Sale without any item"),
    Text(
        "Exporte itens e vendas do mesmo período. Vendas só de serviço podem ficar assim.",
        "Export items and sales of the same period. Sales of services alone may stay like this.",
    ),
)
TOTAL_DOES_NOT_MATCH: Final = _warning(
    "total-does-not-match",
    Text("Quantidade vezes preço não dá o total da linha", "Quantity times price is not the row's total"),
    Text(
        "Usamos a quantidade. Confira se a vírgula dos decimais está certa e se o desconto está na coluna própria.",
        "The quantity was used. Check the decimal comma, and that the discount is in its own column.",
    ),
)
UNREADABLE_NUMBER: Final = _warning(
    "unreadable-number",
    Text("O valor não é um número", "The value is not a number"),
    Text(
        "A linha foi aceita sem este valor. Deixe só o número na célula, por exemplo 18,90.",
        "The row was accepted without this value. Leave only the number in the cell, for example 18.90.",
    ),
)
NEGATIVE_AMOUNT: Final = _warning(
    "negative-amount",
    Text("Valor negativo onde só cabe positivo", "A negative value where only positive ones fit"),
    Text(
        "A linha foi aceita sem este valor. Devolução se marca na quantidade, não no preço.",
        "The row was accepted without this value. A return is marked in the quantity, not in the price.",
    ),
)
SCIENTIFIC_BARCODE: Final = _warning(
    "scientific-barcode",
    Text(
        "O Excel transformou o código de barras em notação científica", "Excel turned the barcode into scientific form"
    ),
    Text(
        "O produto foi aceito sem o código de barras. No Excel, formate a coluna como Texto e exporte de novo.",
        "The product was accepted without its barcode. In Excel, format the column as Text and export again.",
    ),
)
OTHER_NUMBER_STYLE: Final = _warning(
    "other-number-style",
    Text("Número escrito de um jeito diferente do resto da coluna", "Number written unlike the rest of its column"),
    Text(
        "Lemos o único valor possível. Deixe a coluna toda com vírgula nos decimais.",
        "It was read in the only way possible. Write the whole column with one decimal mark.",
    ),
)
AMBIGUOUS_NUMBERS: Final = _warning(
    "ambiguous-numbers",
    Text(
        "Não dá para saber se o ponto ou a vírgula separa milhares ou decimais",
        "It cannot be told whether the mark separates thousands or decimals",
    ),
    Text(
        "Confira um valor desta coluna na previsão. Exporte com duas casas decimais para não haver dúvida.",
        "Check one value of this column. Export it with two decimals so that there is no doubt.",
    ),
)
AMBIGUOUS_DATES: Final = _warning(
    "ambiguous-dates",
    Text("Não dá para saber qual é o dia e qual é o mês", "It cannot be told which is the day and which the month"),
    Text(
        "Lemos como dia/mês/ano. Se for mês/dia/ano, exporte de novo no formato dd/mm/aaaa.",
        "Read as day/month/year. If it is month/day/year, export again as dd/mm/yyyy.",
    ),
)
MIXED_UNITS: Final = _warning(
    "mixed-units",
    Text("O mesmo produto aparece em unidades diferentes", "The same product appears in different units"),
    Text(
        "Contamos cada unidade como um produto à parte. Informe no cadastro os itens por caixa para somarmos.",
        "Each unit was counted as a product of its own. Give the items per box in the catalogue to add them up.",
    ),
)
SKU_FROM_DESCRIPTION: Final = _warning(
    "sku-from-description",
    Text("Sem código do produto: usamos a descrição", "No product code: the description was used"),
    Text(
        "Inclua a coluna do código (SKU), para que mudar o nome não vire outro produto.",
        "Include the code column (SKU), so that a changed name does not become another product.",
    ),
)
HIDDEN_TAB: Final = _warning(
    "hidden-tab",
    Text("A aba está oculta no Excel e não foi lida", "The tab is hidden in Excel and was not read"),
    Text(
        "Se ela tem vendas que devem contar, reexiba a aba, salve e envie de novo, ou diga que é ela a aba a ler.",
        "If it holds sales that should count, unhide it, save and send again, or name it as the tab to read.",
    ),
)
QUANTITY_ASSUMED: Final = _warning(
    "quantity-assumed",
    Text("Sem quantidade: cada linha contou uma unidade", "No quantity: each row counted as one unit"),
    Text("Inclua a coluna da quantidade na exportação.", "Include the quantity column in the export."),
)
OUT_OF_PATTERN: Final = _warning(
    "out-of-pattern",
    Text(
        "Venda grande demais para a loja: ficou fora da previsão",
        "A sale too large for the shop: left out of the forecast",
    ),
    Text(
        "Confira a quantidade. Se estiver errada, corrija e envie de novo; se for verdadeira, a venda continua"
        " guardada, só não entra na previsão.",
        "Check the quantity. If it is wrong, mend it and send it again; if it is right the sale is kept all the same,"
        " only the forecast goes without it.",
    ),
)

RULES: Final = {rule.code: rule for rule in tuple(globals().values()) if isinstance(rule, Rule)}
