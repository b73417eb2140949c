"""The input contract: every field of the three tables, its kind, and what a shop owner should put there.

`docs/formato-dos-arquivos.md` is generated from this file. Money is in BRL; dates are local wall dates.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from app.domain import columns as c
from app.domain.uploads import Table


class Kind(StrEnum):
    """How the text of a field is read."""

    CODE = "código"  # text that must not be taken for a number
    TEXT = "texto"
    NUMBER = "número"  # may be negative
    AMOUNT = "valor"  # BRL or a count, never negative
    DATE = "data"
    STATUS = "situação"
    IGNORED = "só conferência"  # recognised, kept in the raw copy, not used


class Field(NamedTuple):
    """One column of the contract."""

    name: str
    kind: Kind
    meaning: str
    example: str
    required: bool = False


CHAVE_NFE: Final = "chave_nfe"
CNPJ_ESTABELECIMENTO: Final = "cnpj_estabelecimento"
DATA_CADASTRO: Final = "data_cadastro"
DATA_DESCONTINUACAO: Final = "data_descontinuacao"
DATA_ESTOQUE: Final = "data_estoque"
EAN: Final = "ean"
EXCLUIDO: Final = "excluido"
ESTOQUE_MAXIMO: Final = "estoque_maximo"
ESTOQUE_MINIMO: Final = "estoque_minimo"
FORNECEDOR: Final = "fornecedor"
ID_EXTERNO: Final = "id_externo"
ITENS_POR_CAIXA: Final = "itens_por_caixa"
LOTE_MINIMO: Final = "lote_minimo"
MARCA: Final = "marca"
PRAZO_REPOSICAO_DIAS: Final = "prazo_reposicao_dias"
SKU_PAI: Final = "sku_pai"
SUBCATEGORIA: Final = "subcategoria"
TIPO: Final = "tipo"
VALOR_DESCONTO: Final = "valor_desconto"

_SALE: Final = Field(
    c.ID_VENDA, Kind.CODE, "número do pedido, cupom ou nota; o mesmo nos dois arquivos", "10045", required=True
)
_BRANCH: Final = (
    Field(
        CNPJ_ESTABELECIMENTO,
        Kind.CODE,
        "CNPJ da loja ou filial que vendeu; tem de ter a mesma raiz da empresa",
        "11.222.333/0002-62",
    ),
    Field(c.LOJA, Kind.TEXT, "nome ou número da loja", "Centro"),
    Field(c.CANAL, Kind.TEXT, "por onde vendeu: loja física, site, Mercado Livre...", "Loja física"),
)

SALES: Final = (
    _SALE,
    Field(c.DATA_VENDA, Kind.DATE, "dia da venda (não o da entrega nem o do pagamento)", "31/10/2026", required=True),
    Field("hora_venda", Kind.IGNORED, "hora da venda, se vier separada da data", "14:42"),
    Field(c.SITUACAO, Kind.STATUS, "situação do pedido; sem ela, toda venda conta como concluída", "Concluída"),
    *_BRANCH,
    Field("valor_produtos", Kind.IGNORED, "soma dos produtos", "98,70"),
    Field(VALOR_DESCONTO, Kind.IGNORED, "desconto do pedido", "5,00"),
    Field("valor_frete", Kind.IGNORED, "frete do pedido", "12,00"),
    Field(c.VALOR_TOTAL, Kind.IGNORED, "total do pedido", "105,70"),
    Field(CHAVE_NFE, Kind.IGNORED, "chave de acesso da nota, 44 caracteres", ""),
    Field(EXCLUIDO, Kind.IGNORED, "marca de linha excluída do Protheus; linhas marcadas não contam", ""),
)

ITEMS: Final = (
    _SALE,
    Field(c.LINHA, Kind.AMOUNT, "número do item dentro da venda", "1"),
    Field(c.DATA_VENDA, Kind.DATE, "dia da venda; obrigatória se você não enviar o arquivo de vendas", "31/10/2026"),
    Field("hora_venda", Kind.IGNORED, "hora da venda, se vier separada da data", "14:42"),
    Field(c.SITUACAO, Kind.STATUS, "situação do pedido, se não houver arquivo de vendas", "Concluída"),
    Field(
        c.SKU,
        Kind.CODE,
        "código do produto na sua loja; sem ele, usamos a descrição como código",
        "000123",
        required=True,
    ),
    Field(EAN, Kind.CODE, "código de barras", "7891000100103"),
    Field(c.DESCRICAO, Kind.TEXT, "nome do produto", "Café torrado 500 g"),
    Field("variacao", Kind.TEXT, "cor, tamanho, voltagem", "Azul / M"),
    Field(
        c.QUANTIDADE,
        Kind.NUMBER,
        "quantidade vendida; negativa quando é devolução; sem a coluna, cada linha conta 1",
        "2",
        required=True,
    ),
    Field(c.UNIDADE, Kind.TEXT, "unidade da quantidade: UN, KG, CX...", "UN"),
    Field(c.PRECO_UNITARIO, Kind.AMOUNT, "preço de uma unidade, já com o desconto do item se possível", "18,90"),
    Field(VALOR_DESCONTO, Kind.NUMBER, "desconto da linha, em reais", "0,00"),
    Field(c.VALOR_TOTAL, Kind.NUMBER, "valor da linha depois do desconto", "37,80"),
    Field("valor_pedido", Kind.IGNORED, "total do pedido repetido em cada item; nunca é somado", "105,70"),
    Field("valor_frete", Kind.IGNORED, "frete do pedido repetido em cada item; nunca é somado", "12,00"),
    Field(c.QUANTIDADE_DEVOLVIDA, Kind.AMOUNT, "quanto desta linha voltou depois", "0"),
    Field("cfop", Kind.IGNORED, "CFOP da nota", "5102"),
    *_BRANCH,
    Field(CHAVE_NFE, Kind.IGNORED, "chave de acesso da nota, 44 caracteres", ""),
    Field(EXCLUIDO, Kind.IGNORED, "marca de linha excluída do Protheus; linhas marcadas não contam", ""),
)

PRODUCTS: Final = (
    Field(c.SKU, Kind.CODE, "código do produto, o mesmo dos itens", "000123", required=True),
    Field(c.DESCRICAO, Kind.TEXT, "nome do produto", "Café torrado 500 g", required=True),
    Field(c.CATEGORIA, Kind.TEXT, "categoria, grupo ou departamento", "Mercearia"),
    Field(SUBCATEGORIA, Kind.TEXT, "subcategoria ou família", "Cafés"),
    Field(MARCA, Kind.TEXT, "marca ou fabricante", "Serra Alta"),
    Field(FORNECEDOR, Kind.TEXT, "de quem você compra", "Distribuidora Serra"),
    Field(c.UNIDADE, Kind.TEXT, "unidade de venda e de estoque: UN, KG, CX...", "UN"),
    Field(ITENS_POR_CAIXA, Kind.AMOUNT, "quantas unidades vêm numa caixa ou fardo", "12"),
    Field(EAN, Kind.CODE, "código de barras", "7891000100103"),
    Field("ncm", Kind.CODE, "classificação fiscal", "09012100"),
    Field(c.PRECO_VENDA, Kind.AMOUNT, "preço de venda", "18,90"),
    Field(c.PRECO_CUSTO, Kind.AMOUNT, "preço de custo", "11,50"),
    Field(c.ESTOQUE_ATUAL, Kind.NUMBER, "quanto há hoje", "40"),
    Field(DATA_ESTOQUE, Kind.DATE, "dia em que o estoque foi contado; sem ela, o dia do envio", "31/10/2026"),
    Field(ESTOQUE_MINIMO, Kind.AMOUNT, "estoque mínimo", "10"),
    Field(ESTOQUE_MAXIMO, Kind.AMOUNT, "estoque máximo", "80"),
    Field(PRAZO_REPOSICAO_DIAS, Kind.AMOUNT, "dias corridos entre pedir e receber; sem ela, 7", "7"),
    Field(LOTE_MINIMO, Kind.AMOUNT, "compra mínima ou múltiplo de compra", "12"),
    Field(SKU_PAI, Kind.CODE, "código do produto pai, nas variações", "000120"),
    Field(TIPO, Kind.TEXT, "simples, variação ou kit", "simples"),
    Field(c.SITUACAO, Kind.STATUS, "ativo ou inativo", "Ativo"),
    Field(DATA_CADASTRO, Kind.DATE, "quando o produto entrou", "02/01/2025"),
    Field(DATA_DESCONTINUACAO, Kind.DATE, "quando saiu de linha", ""),
    Field(ID_EXTERNO, Kind.CODE, "identificação do produto no sistema de origem", "9981"),
)

CONTRACT: Final = {Table.SALES: SALES, Table.ITEMS: ITEMS, Table.PRODUCTS: PRODUCTS}


def field(table: Table, name: str) -> Field:
    """The field of a table by its name.

    Raises:
        KeyError: the table has no such field.
    """
    for candidate in CONTRACT[table]:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
