#!/usr/bin/env bash
# With curl alone: upload, events, findings, predictions as CSV, Parquet and JSON. Prints what it asks and what it is told.
# Usage: API=http://127.0.0.1:8000 KEY=qk_... docs/transcript.sh FOLDER   (of vendas.csv, vendas_itens.csv, produtos.csv)
set -euo pipefail
cd "$1"
tell() { printf '\n$ %s\n' "$*"; eval "$*"; }
AUTH="Authorization: Bearer $KEY"
CNPJ=11222333000181
tell 'curl -sS -D answer.txt -H "$AUTH" -F cnpj=$CNPJ -F company_name="Padaria da Ana" -F vendas=@vendas.csv -F vendas_itens=@vendas_itens.csv -F produtos=@produtos.csv $API/upload'
UPLOAD=$(sed -n 's/^location: \([^\r]*\).*/\1/p' answer.txt)
tell 'curl -sSN -H "$AUTH" $API$UPLOAD/events'
tell 'curl -sS -H "$AUTH" $API$UPLOAD/findings?format=csv | head -3'
tell 'curl -sS -H "$AUTH" -H "Accept: text/csv" "$API/predictions/$CNPJ?level=company"'
tell 'curl -sS -H "$AUTH" -H "Accept: application/vnd.apache.parquet" -o totals.parquet -w "%{http_code} %{content_type} %{size_download} bytes\n" $API/predictions/$CNPJ'
tell 'head -c 4 totals.parquet; echo'
tell 'curl -sS -H "$AUTH" "$API/predictions/$CNPJ?level=product&horizon_days=30"'
