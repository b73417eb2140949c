"""Names of the frame columns that cross from one room to another.

What a customer sends keeps the customer's words (the input contract is Portuguese); what is computed from it has the
field's English terms. Types in brackets are Polars'.
"""

from typing import Final

# Clean sales lines: one row an accepted item line. Parquet `itens_*`.
ID_VENDA: Final = "id_venda"  # [String] the sale, as the shop's system names it
LINHA: Final = "linha"  # [UInt32] item number, or occurrence of the sku inside the sale
DATA_VENDA: Final = "data_venda"  # [Date] local wall date
SITUACAO: Final = "situacao"  # [String] concluida, cancelada, devolvida, pendente
SKU: Final = "sku"  # [String]
DESCRICAO: Final = "descricao"  # [String, null]
QUANTIDADE: Final = "quantidade"  # [Float64] sold, in `unidade`; negative is a return
QUANTIDADE_DEVOLVIDA: Final = "quantidade_devolvida"  # [Float64] returned later, >= 0
UNIDADE: Final = "unidade"  # [String]
PRECO_UNITARIO: Final = "preco_unitario"  # [Float64, null] BRL per unit
VALOR_TOTAL: Final = "valor_total"  # [Float64, null] BRL of the line after discount
CANAL: Final = "canal"  # [String, null]
LOJA: Final = "loja"  # [String, null]

# Catalogue: one row a product. Parquet `produtos_*`. It has sku, descricao, unidade and:
CATEGORIA: Final = "categoria"  # [String, null]
PRECO_VENDA: Final = "preco_venda"  # [Float64, null] BRL
PRECO_CUSTO: Final = "preco_custo"  # [Float64, null] BRL
ESTOQUE_ATUAL: Final = "estoque_atual"  # [Float64, null]

# Demand: one row a product and day with a sale or return; a day without a row sold nothing. Parquet `features_*`.
DATE: Final = "date"  # [Date]
QUANTITY: Final = "quantity"  # [Float64] gross units sold, >= 0
REVENUE: Final = "revenue"  # [Float64] BRL, >= 0
RETURNED: Final = "returned"  # [Float64] units, >= 0

# Forecasts. `forecast`: level, id, date, mean, p10, p50, p90.
# `totals`: level, id, horizon_days, mean, p10, p50, p90, revenue_mean.
# `accuracy`: level, horizon_days, model, mape, rmse, wape, rmsse, bias, coverage.
LEVEL: Final = "level"  # [String] a `forecasts.Level`
ID: Final = "id"  # [String] company: its CNPJ; category: its name; product: its sku
HORIZON_DAYS: Final = "horizon_days"  # [Int32] 30, 60, 90
MEAN: Final = "mean"  # [Float64] units
P10: Final = "p10"
P50: Final = "p50"
P90: Final = "p90"
REVENUE_MEAN: Final = "revenue_mean"  # [Float64] BRL
MODEL: Final = "model"  # [String]
MAPE: Final = "mape"
RMSE: Final = "rmse"
WAPE: Final = "wape"
RMSSE: Final = "rmsse"
BIAS: Final = "bias"
COVERAGE: Final = "coverage"

# Findings: one row a thing noticed about one line of one file.
TABLE: Final = "table"  # [String] an `uploads.Table`
LINE: Final = "line"  # [UInt32] line of the original file where the record starts, 1 is the first
COLUMN: Final = "column"  # [String, null] heading as the customer wrote it
VALUE: Final = "value"  # [String, null] as found, shortened
RULE: Final = "rule"  # [String] code of a `findings.Rule`
