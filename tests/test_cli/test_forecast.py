"""`quantyfy forecast`: the command a shop owner runs on her files."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from app.cli.main import app
from app.domain.errors import EmptyFile
from app.domain.forecasts import HORIZONS
from tests.shop import FIRST_DAY, PETROL, bread_sold, month_rows, write_months, write_shop, write_tabs

RESTAURANT = Path(__file__).parent.parent / "data" / "restaurant"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_the_files_become_a_table_and_four_files(tmp_path: Path) -> None:
    files = [file.path for file in write_shop(tmp_path / "files", bad_lines=1)]
    out = tmp_path / "out"
    outcome = run("forecast", *files, "--out", out)
    assert outcome.exit_code == 0
    for words in ("Próximos 30 dias", "Faixa provável", "Pão francês", "A corrigir", "Erro médio"):
        assert words in outcome.stdout
    totals = pl.read_parquet(out / "totals.parquet")
    assert set(totals["horizon_days"]) == set(HORIZONS)
    assert totals.columns == ["level", "id", "horizon_days", "mean", "p10", "p50", "p90", "revenue_mean"]
    forecast = pl.read_parquet(out / "forecast.parquet")
    assert forecast.columns == ["level", "id", "date", "mean", "p10", "p50", "p90"]
    accuracy = pl.read_parquet(out / "accuracy.parquet")
    named = ["level", "horizon_days", "model", "mape", "rmse", "wape", "rmsse", "bias", "coverage"]
    assert accuracy.columns == named
    findings = pl.read_csv(out / "findings.csv", separator=";")
    assert findings.height == 1


def test_what_comes_after_the_day_asked_for_is_hidden_and_then_compared(tmp_path: Path) -> None:
    files = [file.path for file in write_shop(tmp_path / "files", days=300)]
    as_of = date(2025, 6, 30)
    answer = json.loads(run("forecast", *files, "--as-of", as_of, "--json").stdout)
    assert answer["last_day"] == "2025-06-30"
    company = {row["horizon_days"]: row for row in answer["hindsight"] if row["level"] == "company"}
    seen, month = (as_of - FIRST_DAY).days + 1, 30
    sold = bread_sold(days=seen + month) - bread_sold(days=seen)
    assert company[30]["sold"] == pytest.approx(sold + 3 * 4)  # four Saturdays of three cakes
    assert company[30]["wape"] < 0.05


def test_months_in_files_and_in_tabs_are_one_history_without_the_tab_that_is_hidden(tmp_path: Path) -> None:
    months = write_months(tmp_path / "files", [1, 2, 3])
    tabs = {"Rascunho": month_rows(9), "Abr": month_rows(4), "Mai": month_rows(5)}
    book = write_tabs(tmp_path / "ano.xlsx", tabs, hidden={"Rascunho": "hidden"})
    answer = json.loads(run("forecast", *months, book, "--as-of", "2025-03-28", "--json").stdout)
    [entry] = answer["report"]["tables"]
    assert entry["rows"] == {"in": 140, "accepted": 140, "rejected": 0, "skipped": 0}
    assert [finding["rule"] for finding in entry["findings"]] == ["hidden-tab"]
    [first] = [row for row in answer["hindsight"] if (row["level"], row["horizon_days"]) == ("company", 30)]
    assert first["sold"] == 4 * 27, "of April, the days until the 27th"
    named = json.loads(run("forecast", book, "--tab", "rascunho", "--json").stdout)
    assert named["last_day"] == "2025-09-28"


def test_a_sale_too_large_for_the_shop_is_shown_and_left_out(tmp_path: Path) -> None:
    files, plain = (
        [file.path for file in write_shop(tmp_path / name, petrol=petrol)]
        for name, petrol in (("files", date(2025, 6, 2)), ("plain", None))
    )
    out = tmp_path / "out"
    said = run("forecast", *files, "--out", out).stdout
    shown = next(line for line in said.splitlines() if "02/06/2025" in line)
    assert "Venda grande demais para a loja: ficou fora da previsão" in said
    assert shown.split() == ["GASOLINA", "02/06/2025", "30.080"]
    found = pl.read_csv(out / "findings.csv", separator=";").filter(pl.col("rule") == "out-of-pattern")
    assert found["value"].to_list() == ["GASOLINA: 30080 em 02/06/2025"]
    told, untold = (json.loads(run("forecast", *each, "--json").stdout) for each in (files, plain))
    assert told["report"]["forecast"]["findings"][0]["count"] == 1
    assert untold["report"]["forecast"] == {"findings": []}
    assert told["totals"][:3] == untold["totals"][:3]


def test_what_really_sold_is_compared_without_a_sale_too_large_for_the_shop(tmp_path: Path) -> None:
    files = [file.path for file in write_shop(tmp_path / "files", days=300, petrol=date(2025, 7, 10))]
    answer = json.loads(run("forecast", *files, "--as-of", "2025-06-30", "--json").stdout)
    company = {row["horizon_days"]: row for row in answer["hindsight"] if row["level"] == "company"}
    assert company[30]["sold"] < PETROL
    assert company[30]["wape"] < 0.05


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    files = [file.path for file in write_shop(tmp_path / "files")]
    for out in ("one", "two"):
        run("forecast", *files, "--out", tmp_path / out)
    for name in ("forecast", "totals", "accuracy"):
        first, second = ((tmp_path / out / f"{name}.parquet").read_bytes() for out in ("one", "two"))
        assert first == second, name


def test_a_state_is_one_of_the_27(tmp_path: Path) -> None:
    files = [file.path for file in write_shop(tmp_path / "files")]
    assert run("forecast", *files, "--state", "SP", "--json").exit_code == 0
    assert run("forecast", *files, "--state", "XX").exit_code == 2


def test_items_that_carry_their_date_are_enough(tmp_path: Path) -> None:
    items = tmp_path / "itens.csv"
    days = (date(2025, 1, 1 + at) for at in range(28))
    rows = [f"{day:%d}{at};{day:%d/%m/%Y};A;2" for day in days for at in range(2)]
    items.write_text("\n".join(["Pedido;Data;SKU;Qtd", *rows]), encoding="utf-8")
    assert "Próximos 30 dias" in run("forecast", items).stdout


def test_an_empty_file_is_refused_with_words_that_help(tmp_path: Path) -> None:
    empty = tmp_path / "vendas_itens.csv"
    empty.write_bytes(b"")
    with pytest.raises(EmptyFile, match=r"vendas_itens\.csv"):
        run("forecast", empty)


def test_the_restaurant_is_forecast_better_than_by_repeating_last_week() -> None:
    answer = json.loads(run("forecast", *sorted(RESTAURANT.glob("*.csv")), "--as-of", "2019-05-01", "--json").stdout)
    errors = {
        (row["horizon_days"], row["model"]): row["wape"] for row in answer["accuracy"] if row["level"] == "product"
    }
    assert errors[90, "quantyfy"] < errors[90, "seasonal_naive"]
    products = {row["horizon_days"]: row["wape"] for row in answer["hindsight"] if row["level"] == "product"}
    assert products[90] < 0.25
