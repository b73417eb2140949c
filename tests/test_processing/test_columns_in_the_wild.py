"""Every heading line known from real exports, and what must become of its columns."""

import csv
import io
from typing import NamedTuple

import polars as pl
import pytest

from app.domain.errors import MissingColumn
from app.domain.uploads import Table
from app.processing.columns.matching import match_columns
from app.processing.columns.personal import personal_headings
from tests.test_processing.at_hand import Desk, lines_of, rows


class Export(NamedTuple):
    """A heading line as a system writes it, some cells as it fills them, and the truth about its columns."""

    system: str
    table: Table
    delimiter: str
    heading: str
    fields: dict[str, str]  # field: heading
    personal: tuple[str, ...] = ()
    cells: tuple[tuple[str, tuple[str, ...]], ...] = ()  # heading: values that decide
    lacks: tuple[str, ...] = ()  # required fields that the export does not have


EXPORTS = [
    Export(
        "Bling produtos",
        Table.PRODUCTS,
        ", ",
        "ID, Código, Descrição, Unidade, NCM, Origem, Preço, Valor IPI fixo, Observações, Situação, Estoque,"
        " Preço de custo,"
        " Cód no fornecedor, Fornecedor, Localização, Estoque maximo, Estoque minimo, Peso líquido (Kg),"
        " Peso bruto (Kg),"
        " GTIN/EAN, GTIN/EAN da embalagem, Largura do Produto, Altura do Produto, Profundidade do produto,"
        " Data Validade,"
        " Descrição do Produto no Fornecedor, Descrição Complementar, Itens p/ caixa, Produto Variação,"
        " Tipo Produção,"
        " Classe de enquadramento do IPI, Código da lista de serviços, Tipo do item, Grupo de Tags/Tags, Tributos,"
        " Código Pai,"
        " Código Integração, Grupo de produtos, Marca, CEST, Volumes, Descrição Curta, Cross-Docking,"
        " URL Imagens Externas,"
        " Link Externo, Meses Garantia no Fornecedor, Clonar dados do pai, Condição do produto, Frete Grátis,"
        " Número FCI,"
        " Vídeo, Departamento, Unidade de medida, Preço de compra, Valor base ICMS ST para retenção,"
        " Valor ICMS ST para retenção, Valor ICMS próprio do substituto",
        {
            "sku": "Código",
            "descricao": "Descrição",
            "unidade": "Unidade",
            "ncm": "NCM",
            "preco_venda": "Preço",
            "preco_custo": "Preço de custo",
            "situacao": "Situação",
            "estoque_atual": "Estoque",
            "estoque_maximo": "Estoque maximo",
            "estoque_minimo": "Estoque minimo",
            "ean": "GTIN/EAN",
            "itens_por_caixa": "Itens p/ caixa",
            "sku_pai": "Código Pai",
            "categoria": "Grupo de produtos",
            "marca": "Marca",
            "fornecedor": "Fornecedor",
            "prazo_reposicao_dias": "Cross-Docking",
        },
        personal=("Observações",),
    ),
    Export(
        "Bling produtos, later variant",
        Table.PRODUCTS,
        ", ",
        "SKU, Nome, Preço, Unidade por Caixa",
        {"sku": "SKU", "descricao": "Nome", "preco_venda": "Preço", "itens_por_caixa": "Unidade por Caixa"},
    ),
    Export(
        "Bling pedidos",
        Table.ITEMS,
        "; ",
        "Quantidade; Preço de lista; Valor total; Custo de Frete; Taxa de Comissão; Situação;"
        " Existe Nota Fiscal gerada (Sim/Não); Número da nota; Código (SKU); Nome da plataforma; Número do pedido;"
        " Número do pedido multiloja; Data; Descrição",
        {
            "id_venda": "Número do pedido",
            "data_venda": "Data",
            "situacao": "Situação",
            "sku": "Código (SKU)",
            "descricao": "Descrição",
            "quantidade": "Quantidade",
            "valor_total": "Valor total",
            "canal": "Nome da plataforma",
        },
    ),
    Export(
        "Tiny pedidos",
        Table.ITEMS,
        ", ",
        "ID, Número do pedido, Data, Data prevista, ID contato, Nome do contato, Tipo de Pessoa, CPF/CNPJ, RG/IE,"
        " CEP,"
        " Município, UF, Endereço, Endereço Nro, Complemento, Bairro, Fone, Celular, e-mail,"
        " Desconto pedido (% ou valor),"
        " Frete, Observações, Situação, ID produto, Descrição, Quantidade, Valor unitário, Desconto item %,"
        " Código de rastreamento, Número da ordem de compra, Vendedor, Despesas, Desconto do pedido rateado,"
        " Frete pedido rateado, Despesas pedido rateado, Destinatário, CPF/CNPJ entrega, CEP entrega,"
        " Município entrega,"
        " UF entrega, Endereço entrega, Endereço Nro entrega, Complemento entrega, Bairro entrega, Fone entrega,"
        " Código (SKU)",
        {
            "id_venda": "Número do pedido",
            "data_venda": "Data",
            "situacao": "Situação",
            "sku": "Código (SKU)",
            "descricao": "Descrição",
            "quantidade": "Quantidade",
            "preco_unitario": "Valor unitário",
        },
        personal=(
            *(
                "ID contato",
                "Nome do contato",
                "Tipo de Pessoa",
                "CPF/CNPJ",
                "RG/IE",
                "CEP",
                "Endereço",
                "Endereço Nro",
            ),
            *("Complemento", "Bairro", "Fone", "Celular", "e-mail", "Observações", "Vendedor", "Destinatário"),
            *("CPF/CNPJ entrega", "CEP entrega", "Endereço entrega", "Endereço Nro entrega", "Complemento entrega"),
            *("Bairro entrega", "Fone entrega"),
        ),
    ),
    Export(
        "Tiny relatório de vendas por produto",
        Table.ITEMS,
        ";",
        "Número;Data;Situação;Cliente;Código;Descrição;Quantidade;Nota Fiscal;Data da nota;Situação da nota",
        {
            "id_venda": "Número",
            "data_venda": "Data",
            "situacao": "Situação",
            "sku": "Código",
            "descricao": "Descrição",
            "quantidade": "Quantidade",
        },
        personal=("Cliente",),
    ),
    Export(
        "Olist e-commerce",
        Table.ITEMS,
        ", ",
        "Nome do cliente, CPF/CNPJ, Número do pedido no e-commerce, E-commerce, Código (SKU), Descrição do produto,"
        " Preço total, Total de itens, Data da venda, Forma de envio, Valor do frete, Número (Nota Fiscal),"
        " Data de Emissão, Quantidade de produtos, Quantidade de volumes",
        {
            "id_venda": "Número do pedido no e-commerce",
            "data_venda": "Data da venda",
            "sku": "Código (SKU)",
            "descricao": "Descrição do produto",
            "quantidade": "Quantidade de produtos",
            "valor_total": "Preço total",
            "canal": "E-commerce",
        },
        personal=("Nome do cliente", "CPF/CNPJ"),
    ),
    Export(
        "Nuvemshop vendas",
        Table.ITEMS,
        ", ",
        "Número do Pedido, E-mail, Data, Status do Pedido, Status do Pagamento, Status do Envio, Moeda, Subtotal,"
        " Desconto,"
        " Valor do Frete, Total, Nome do comprador, CPF / CNPJ, Telefone, Nome para a entrega,"
        " Telefone para a entrega,"
        " Endereço, Número, Complemento, Bairro, Cidade, Código postal, Estado, País, Forma de Entrega,"
        " Forma de Pagamento,"
        " Cupom de Desconto, Anotações do Comprador, Anotações do Vendedor, Data de pagamento, Data de envio,"
        " Nome do Produto, Valor do Produto, Quantidade Comprada, SKU, Canal, Código de rastreio do envio,"
        " Identificador da transação no meio de pagamento, Identificador do pedido, Produto Fisico,"
        " Pessoa que registrou a venda, Local de venda, Vendedor, Data e hora do cancelamento,"
        " Motivo do cancelamento",
        {
            "id_venda": "Número do Pedido",
            "data_venda": "Data",
            "situacao": "Status do Pedido",
            "sku": "SKU",
            "descricao": "Nome do Produto",
            "quantidade": "Quantidade Comprada",
            "preco_unitario": "Valor do Produto",
            "canal": "Canal",
            "loja": "Local de venda",
            "valor_pedido": "Total",
        },
        cells=(("Estado", ("São Paulo", "Minas Gerais")),),
        personal=(
            *(
                "E-mail",
                "Nome do comprador",
                "CPF / CNPJ",
                "Telefone",
                "Nome para a entrega",
                "Telefone para a entrega",
            ),
            *("Endereço", "Número", "Complemento", "Bairro", "Código postal", "Anotações do Comprador"),
            *("Anotações do Vendedor", "Identificador da transação no meio de pagamento"),
            *("Pessoa que registrou a venda", "Vendedor"),
        ),
    ),
    Export(
        "Nuvemshop produtos",
        Table.PRODUCTS,
        ";",
        "Identificador URL;Nome;Categorias;Nome da variação 1;Valor da variação 1;Nome da variação 2;"
        "Valor da variação 2;"
        "Nome da variação 3;Valor da variação 3;Preço;Preço promocional;Peso;Altura;Largura;Comprimento;Estoque;SKU;"
        "Exibir na loja;Frete gratis;Descrição;Tags;Código de barras;Marca",
        {
            "id_externo": "Identificador URL",
            "sku": "SKU",
            "descricao": "Nome",
            "categoria": "Categorias",
            "preco_venda": "Preço",
            "estoque_atual": "Estoque",
            "situacao": "Exibir na loja",
            "ean": "Código de barras",
            "marca": "Marca",
        },
    ),
    Export(
        "Mercado Livre vendas",
        Table.ITEMS,
        ", ",
        "N.º de venda, Data da venda, Estado, Descrição do status, Pacote de diversos produtos, Pertence a um kit,"
        " Unidades,"
        " Receita por produtos (BRL), Receita por acréscimo no preço (pago pelo comprador),"
        " Taxa de parcelamento equivalente ao acréscimo, Tarifa de venda e impostos (BRL), Receita por envio (BRL),"
        " Tarifas de envio (BRL), Custo de envio com base nas medidas e peso declarados,"
        " Custo por diferenças nas medidas e no peso do pacote, Descontos e bônus, Cancelamentos e reembolsos (BRL),"
        " Total (BRL), Mês de faturamento das suas tarifas, Venda por publicidade, SKU, # de anúncio,"
        " Título do anúncio,"
        " Variação, Preço unitário de venda do anúncio (BRL), Tipo de anúncio, NF-e em anexo,"
        " Dados pessoais ou da empresa, Tipo e número do documento, Endereço",
        {
            "id_venda": "N.º de venda",
            "data_venda": "Data da venda",
            "situacao": "Estado",
            "quantidade": "Unidades",
            "valor_total": "Receita por produtos (BRL)",
            "valor_pedido": "Total (BRL)",
            "sku": "SKU",
            "descricao": "Título do anúncio",
            "variacao": "Variação",
            "preco_unitario": "Preço unitário de venda do anúncio (BRL)",
        },
        cells=(("Estado", ("Entregue", "Coleta do dia 12 de maio")),),
        personal=("Dados pessoais ou da empresa", "Tipo e número do documento", "Endereço"),
    ),
    Export(
        "VTEX pedidos",
        Table.ITEMS,
        ", ",
        "Origin, Order, Sequence, Creation Date, Client Name, Client Last Name, Client ID, Client Document, Email,"
        " Phone, UF,"
        " City, Address Identification, Postal Code, Street, Number, Complement, Neighborhood, Reference, Status,"
        " Last Change Date, Card First Digits, Card Last Digits, Payment Value, Quantity_SKU, ID_SKU,"
        " Category Ids Sku,"
        " Reference Code, SKU Name, SKU Value, SKU Selling Price, SKU Total Price, Shipping Value, Total Value,"
        " Discounts Totals, Seller Name, Canceled By, Output Invoices Numbers, Input Invoices Numbers,"
        " Status raw value (temporary), Cancellation Data",
        {
            "id_venda": "Order",
            "data_venda": "Creation Date",
            "situacao": "Status",
            "sku": "Reference Code",
            "descricao": "SKU Name",
            "quantidade": "Quantity_SKU",
            "preco_unitario": "SKU Selling Price",
            "valor_total": "SKU Total Price",
            "valor_pedido": "Total Value",
            "canal": "Origin",
        },
        personal=(
            *("Client Name", "Client Last Name", "Client ID", "Client Document", "Email", "Phone"),
            *("Address Identification", "Postal Code", "Street", "Number", "Complement", "Neighborhood", "Reference"),
            *("Card First Digits", "Card Last Digits"),
        ),
    ),
    Export(
        "Shopify",
        Table.ITEMS,
        ",",
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,"
        "Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,"
        "Refunded Amount,Billing Name,Shipping Street,Note Attributes",
        {
            "id_venda": "Name",
            "data_venda": "Created at",
            "situacao": "Financial Status",
            "sku": "Lineitem sku",
            "descricao": "Lineitem name",
            "quantidade": "Lineitem quantity",
            "preco_unitario": "Lineitem price",
            "valor_pedido": "Total",
        },
        personal=("Email", "Billing Name", "Shipping Street", "Note Attributes"),
    ),
    Export(
        "Loja Integrada produtos",
        Table.PRODUCTS,
        ", ",
        "id, tipo, sku-pai, sku, ativo, usado, destaque, ncm, gtin, mpn, nome, seo-tag-title, seo-tag-description,"
        " descricao-completa, url-video-youtube, estoque-gerenciado, estoque-quantidade, estoque-situacao-em-estoque,"
        " estoque-situacao-sem-estoque, preco-sob-consulta, preco-custo, preco-cheio, preco-promocional, marca,"
        " peso-em-kg,"
        " altura-em-cm, largura-em-cm, comprimento-em-cm, categoria-nome-nivel-1, categoria-nome-nivel-2, imagem-1",
        {
            "id_externo": "id",
            "tipo": "tipo",
            "sku_pai": "sku-pai",
            "sku": "sku",
            "situacao": "ativo",
            "ncm": "ncm",
            "ean": "gtin",
            "descricao": "nome",
            "estoque_atual": "estoque-quantidade",
            "preco_custo": "preco-custo",
            "preco_venda": "preco-cheio",
            "marca": "marca",
            "categoria": "categoria-nome-nivel-1",
            "subcategoria": "categoria-nome-nivel-2",
        },
    ),
    Export(
        "Via marketplace",
        Table.ITEMS,
        ", ",
        "Número do pedido, Origem da venda, Status do pedido, Data da compra, Data de aprovação,"
        " Data limite de expedição,"
        " Nome do produto, SKU da loja, Forma de pagamento, Valor do produto, Valor do frete, Valor total,"
        " Número (NF-e),"
        " Série (NF-e), CNPJ emissor (NF-e), Chave de acesso",
        {
            "id_venda": "Número do pedido",
            "canal": "Origem da venda",
            "situacao": "Status do pedido",
            "data_venda": "Data da compra",
            "descricao": "Nome do produto",
            "sku": "SKU da loja",
            "preco_unitario": "Valor do produto",
            "cnpj_estabelecimento": "CNPJ emissor (NF-e)",
            "chave_nfe": "Chave de acesso",
        },
        lacks=("quantidade",),
    ),
    Export(
        "TOTVS Protheus SD2",
        Table.ITEMS,
        ",",
        "D2_FILIAL,D2_DOC,D2_SERIE,D2_ITEM,D2_COD,D2_UM,D2_QUANT,D2_PRCVEN,D2_TOTAL,D2_DESCON,D2_CF,D2_TES,"
        "D2_CLIENTE,"
        "D2_LOJA,D2_EMISSAO,D2_QTDEDEV,D_E_L_E_T_",
        {
            "loja": "D2_FILIAL",
            "id_venda": "D2_DOC",
            "linha": "D2_ITEM",
            "sku": "D2_COD",
            "unidade": "D2_UM",
            "quantidade": "D2_QUANT",
            "preco_unitario": "D2_PRCVEN",
            "valor_total": "D2_TOTAL",
            "valor_desconto": "D2_DESCON",
            "cfop": "D2_CF",
            "data_venda": "D2_EMISSAO",
            "quantidade_devolvida": "D2_QTDEDEV",
            "excluido": "D_E_L_E_T_",
        },
        personal=("D2_CLIENTE",),
    ),
    Export(
        "Seta ERP (Linx)",
        Table.ITEMS,
        ", ",
        "Descrição, Quantidade, Total Horizontal, Custo, Markup",
        {"descricao": "Descrição", "quantidade": "Quantidade", "valor_total": "Total Horizontal"},
        lacks=("id_venda", "sku", "data_venda"),
    ),
    Export(
        "Portal da Transparência, itens de NF-e",
        Table.ITEMS,
        ", ",
        "CHAVE DE ACESSO, MODELO, SÉRIE, NÚMERO, NATUREZA DA OPERAÇÃO, DATA EMISSÃO, CPF/CNPJ Emitente,"
        " RAZÃO SOCIAL EMITENTE, NÚMERO PRODUTO, DESCRIÇÃO DO PRODUTO/SERVIÇO, CÓDIGO NCM/SH,"
        " NCM/SH (TIPO DE PRODUTO), CFOP, QUANTIDADE, UNIDADE, VALOR UNITÁRIO, VALOR TOTAL",
        {
            "chave_nfe": "CHAVE DE ACESSO",
            "id_venda": "NÚMERO",
            "data_venda": "DATA EMISSÃO",
            "cnpj_estabelecimento": "CPF/CNPJ Emitente",
            "linha": "NÚMERO PRODUTO",
            "descricao": "DESCRIÇÃO DO PRODUTO/SERVIÇO",
            "cfop": "CFOP",
            "quantidade": "QUANTIDADE",
            "unidade": "UNIDADE",
            "preco_unitario": "VALOR UNITÁRIO",
            "valor_total": "VALOR TOTAL",
        },
        lacks=("sku",),
    ),
]
LIKELY = {  # what a cell of each field looks like when the case does not say
    "data_venda": "31/10/2026",
    "quantidade": "2",
    "valor_total": "37,80",
    "linha": "1",
    "quantidade_devolvida": "0",
    **dict.fromkeys(("preco_unitario", "valor_desconto", "preco_venda", "preco_custo"), "18,90"),
    **dict.fromkeys(("estoque_atual", "estoque_minimo", "estoque_maximo", "itens_por_caixa"), "12"),
    "prazo_reposicao_dias": "7",
}


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.system)
def test_a_real_heading_line_maps(export: Export) -> None:
    headings = export.heading.split(export.delimiter)
    sample = sample_of(export, headings)
    personal = personal_headings(headings)
    matches = match_columns(headings, sample, table=export.table, personal=personal)
    found = {match.field: headings[place] for place, match in matches.items()}
    assert {field: found.get(field) for field in export.fields} == export.fields
    assert [heading for heading, is_personal in zip(headings, personal, strict=True) if is_personal] == [
        heading for heading in headings if heading in export.personal
    ]
    assert not set(export.lacks) & set(found)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.system)
def test_a_real_export_is_read_to_its_last_row(export: Export, desk: Desk) -> None:
    headings = export.heading.split(export.delimiter)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerows([headings, *sample_of(export, headings).iter_rows()])
    try:
        prepared = desk.prepare(desk.file(text.getvalue(), table=export.table))
    except MissingColumn:
        assert export.table is Table.ITEMS
        assert {"id_venda", "data_venda"} - set(export.fields)
        return
    assert rows(prepared, export.table)[0] == len(text.getvalue().splitlines()) - 1


def sample_of(export: Export, headings: list[str]) -> pl.DataFrame:
    by_heading = {heading: field for field, heading in export.fields.items()}
    return pl.DataFrame(
        {
            str(place): dict(export.cells).get(heading, (LIKELY.get(by_heading.get(heading, ""), "texto 1"),) * 2)
            for place, heading in enumerate(headings)
        }
    )


def test_shopees_order_total_is_not_the_lines(desk: Desk) -> None:
    text = "ID do pedido,Data de criação do pedido,Número de referência SKU,Preço acordado,Quantidade,Valor Total,"
    text += "Subtotal do produto\nA1,2026-09-18 10:02,S1,19.90,2,49.80,39.80\n"
    assert lines_of(desk.items(text))["valor_total"].to_list() == [39.8]


VIA = "Número do pedido,Data da compra,SKU da loja,{}Valor do produto,Valor do frete,Valor total\n"


@pytest.mark.parametrize(("named", "units"), [("", ""), ("Quantidade,", "1,")], ids=["one unit a row", "units named"])
def test_a_total_with_the_freight_in_it_is_not_what_the_products_brought_in(desk: Desk, named: str, units: str) -> None:
    rows_sent = (
        f'1001,18/09/2026,S1,{units}"999,90","150,00","1149,90"\n'
        f'1002,18/09/2026,S2,{units}"80,00","12,50","92,50"\n'
        f'1003,19/09/2026,S2,{units}"80,00","0,00","80,00"\n'
    )
    prepared = desk.items(VIA.format(named) + rows_sent)
    assert lines_of(prepared)["valor_total"].to_list() == [999.9, 80.0, 80.0]
    assert "total-does-not-match" not in set(prepared.findings["rule"])


def test_freight_beside_a_total_of_products_leaves_it_alone(desk: Desk) -> None:
    text = VIA.format("Quantidade,") + '1001,18/09/2026,S1,2,"10,00","5,00","19,00"\n'
    assert lines_of(desk.items(text))["valor_total"].to_list() == [19.0]


@pytest.mark.parametrize(
    "heading",
    [
        "Número do pedido;Data (dd/mm/aaaa);Código (SKU);Quantidade;Custo de Frete",
        "Nº do Pedido;Data de Faturamento;Código do Produto;Quantidade;Valor do frete",
        "Order;Date;SKU;Qty;Shipping",
    ],
)
def test_other_systems_call_the_same_columns_otherwise(desk: Desk, heading: str) -> None:
    """The freight of the order stands beside many an item, and is not used."""
    assert rows(desk.items(f"{heading}\n1;18/09/2026;A;2;15,00\n")) == (1, 1, 0, 0)
