"""Real and real-looking files, mutated: nothing but our own errors may come out, nothing may hang, no row may be lost.

    python tests/fuzz/fuzz_files.py [--mutations 20000] [--seed 1] [--processes 2]

A mutation cuts, repeats, swaps or breaks bytes, lines and cells of a file, or writes it in another encoding. Each
mutated file is recognised, prepared, and, every tenth time, also written raw and prepared from that. For every file
that is taken, rows in must be rows accepted + rejected + skipped, and every rejected or skipped row must have a
finding.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before Polars is imported: small files gain nothing from more

import polars as pl

from app.domain.errors import AppError
from app.domain.findings import RULES, Severity
from app.domain.uploads import IncomingFile, Table
from app.processing.cleaner.preparing import Prepared, prepare
from app.processing.reader.recognition import recognise, write_raw
from app.processing.reader.sheets import Limits

TODAY = date(2026, 11, 22)
HANG_SECONDS = 5.0
RESTAURANT = Path(__file__).parents[1] / "data" / "restaurant"
SAMPLES = {
    "tiny": (
        "Relatório de vendas por produto\r\nPeríodo: 08/09/2026 a 08/09/2026\r\n"
        "Número;Data;Situação;Cliente;Código;Descrição;Quantidade;Nota Fiscal\r\n"
        + "".join(
            f"{n};{n % 28 + 1:02}/09/2026;Faturada;José;C{n % 5};Café {n % 5};{n % 4 + 1};{n}\r\n" for n in range(1, 30)
        )
        + "Total;;;;;;11;\r\n"
    ).encode("cp1252"),
    "nuvemshop": (
        "Número do Pedido;E-mail;Data;Status do Pedido;Total;Nome do Produto;Valor do Produto;Quantidade Comprada;SKU\n"
        + "".join(
            f"{n // 3};{'a@b.com' if n % 3 == 0 else ''};{'27/09/2026 11:00:58' if n % 3 == 0 else ''};Confirmado;9;"
            f'"Caneca ""{n}""\nazul";R$ {n},50;{n % 3 + 1};S{n % 4}\n'
            for n in range(30)
        )
    ).encode(),
    "shopify": (
        "Name,Email,Financial Status,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku\n"
        + "".join(
            f'#{n},a@b.co,paid,2026-05-{n % 28 + 1:02} 10:00:00 +0200,1,TV 32" n,{n}.90,K{n % 6}\n' for n in range(30)
        )
    ).encode(),
    "produtos": (
        "Código;Descrição;Unidade;Preço;Estoque;Itens p/ caixa;Situação\n"
        + "".join(f'C{n};"Café; {n}";UN;{n},90;{n * 3};12;Ativo\n' for n in range(30))
    ).encode("cp850"),
    "unicode": ("Número\tData\tCódigo\tQuantidade\r\n" + "1\t08/09/2026\tA\t1,5\r\n" * 20).encode("utf-16"),
}

Mutation = Callable[[bytes, random.Random], bytes]


def originals() -> list[bytes]:
    """The head of every real file, and the look of others."""
    heads = [path.read_bytes()[:6000] for path in sorted(RESTAURANT.glob("*.csv"))]
    return [*heads, *SAMPLES.values()]


def flip(text: bytes, rng: random.Random) -> bytes:
    """Some bytes become others."""
    changed = bytearray(text)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] = rng.choice(
            (0, 10, 13, 34, 44, 59, 9, 39, 61, 0x80, 0xC3, 0xFF, rng.randrange(256))
        )
    return bytes(changed)


def cut(text: bytes, rng: random.Random) -> bytes:
    """A piece goes, anywhere."""
    start = rng.randrange(len(text))
    return text[:start] + text[start + rng.randint(1, 200) :]


def cut_short(text: bytes, rng: random.Random) -> bytes:
    """The end goes."""
    return text[: rng.randrange(len(text))]


def repeat(text: bytes, rng: random.Random) -> bytes:
    """A piece comes again."""
    start = rng.randrange(len(text))
    return text[:start] + text[start : start + rng.randint(1, 300)] * rng.randint(2, 4) + text[start:]


def insert(text: bytes, rng: random.Random) -> bytes:
    """Something that means something is put in."""
    place = rng.randrange(len(text))
    return text[:place] + rng.choice(TOKENS) + text[place:]


def shuffle_lines(text: bytes, rng: random.Random) -> bytes:
    """Two lines change places."""
    lines = text.split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def change_cell(text: bytes, rng: random.Random) -> bytes:
    """A cell says something else."""
    lines = text.split(b"\n")
    line = rng.randrange(len(lines))
    mark = max((b";", b",", b"\t"), key=lines[line].count)
    cells = lines[line].split(mark)
    cells[rng.randrange(len(cells))] = rng.choice(CELLS)
    lines[line] = mark.join(cells)
    return b"\n".join(lines)


def recode(text: bytes, rng: random.Random) -> bytes:
    """Another encoding."""
    return text.decode("cp1252", "replace").encode(
        rng.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp850")), "replace"
    )


def other_breaks(text: bytes, rng: random.Random) -> bytes:
    """Other line breaks."""
    return text.replace(b"\r\n", b"\n").replace(b"\n", rng.choice((b"\r", b"\r\n", b"\n\n", b"\n\r")))


def other_delimiter(text: bytes, rng: random.Random) -> bytes:
    """Another delimiter, quotes or not."""
    return text.replace(b";", rng.choice((b",", b"\t", b"|", b";;", b'";"')))


TOKENS = (
    *(
        b'"',
        b'""',
        b"\x00",
        b"\n",
        b"\r",
        b";",
        b"\t",
        b"\xef\xbb\xbf",
        b"=cmd",
        b"\xff\xfe",
        b"'",
        b"\x1a",
        b"\xc2\xa0",
    ),
    *(b"Total;;;", b";" * 50, b"A" * 3000, "ção".encode(), b"529.982.247-25", b"<html>", b"{", b"%PDF", b"PK\x03\x04"),
)
CELLS = (
    *(
        b"",
        b"0",
        b"-1",
        b"1e309",
        b"nan",
        b"inf",
        b"1.234,56",
        b"1,234.56",
        b"7,89E+12",
        b"31/02/2026",
        b"99999",
        b"99/99/9999",
    ),
    *(
        b"0001-01-01",
        b"9999-12-31",
        b"12/31/2026",
        b"-0",
        b"(5,00)",
        b"5,00-",
        b"1" * 400,
        b'"',
        b'"a',
        b'a"b',
        b"Total",
    ),
    *(b"\xe7\xe3o", b"=1+1", b"11.222.333/0001-81", b"33.000.167/0001-01", b"191", b"a@b.com", b"-9223372036854775809"),
)
MUTATIONS: tuple[Mutation, ...] = (
    *(flip, cut, cut_short, repeat, insert, insert, shuffle_lines, change_cell, change_cell, change_cell, recode),
    *(other_breaks, other_delimiter),
)


def mutated(text: bytes, rng: random.Random) -> bytes:
    """One to four mutations on top of each other."""
    for _ in range(rng.randint(1, 4)):
        text = rng.choice(MUTATIONS)(text, rng) or b"\n"
    return text


def outcome(files: list[IncomingFile], folder: Path, *, also_raw: bool) -> str:
    """`taken`, the code of our error, or what went wrong."""
    try:
        prepared = read(files, folder)
        if also_raw:
            copies = [folder / f"raw-{number}.csv" for number, _ in enumerate(prepared.sheets)]
            for sheet, copy in zip(prepared.sheets, copies, strict=True):
                write_raw(sheet, copy)
            again = [
                IncomingFile(c.name, c, s.table, s.dialect.encoding)
                for c, s in zip(copies, prepared.sheets, strict=True)
            ]
            if read(again, folder).counts != prepared.counts:
                return "LOST: the raw copy gives other counts"
    except AppError as error:
        return error.code if error.detail("pt-BR") and error.detail("en") else "SILENT"
    except Exception as error:  # noqa: BLE001  any other is the finding
        return f"CRASH: {type(error).__name__}: {str(error)[:200]}"
    return lost(prepared) or "taken"


def read(files: list[IncomingFile], folder: Path) -> Prepared:
    """Recognised and prepared."""
    return prepare(recognise(files, workdir=folder, limits=Limits()), today=TODAY, workdir=folder)


def lost(prepared: Prepared) -> str | None:
    """What does not add up."""
    json.dumps(prepared.report())
    for table, count in prepared.counts.items():
        if count.rows_in != count.accepted + count.rejected + count.skipped:
            return f"LOST: {table} {count}"
        for severity, number in ((Severity.REJECTED, count.rejected), (Severity.SKIPPED, count.skipped)):
            codes = [code for code, rule in RULES.items() if rule.severity is severity]
            told = (
                prepared.findings.filter(table=table.value)
                .filter(prepared_rule(codes))
                .select("file", "line")
                .n_unique()
            )
            if told != number:
                return f"LOST: {table} {severity}: {number} rows, {told} reported"
    lines = sum(prepared.lines(month).height for month in prepared.months)
    accepted = prepared.counts[Table.ITEMS].accepted if Table.ITEMS in prepared.counts else 0
    return None if lines == accepted else f"LOST: {accepted} accepted, {lines} lines"


def prepared_rule(codes: list[str]) -> pl.Expr:
    """Findings of these rules."""
    return pl.col("rule").is_in(codes)


def fuzz(seed: int, mutations: int) -> tuple[Counter[str], float, list[tuple[str, bytes]]]:
    """One process's share: outcomes, the slowest file in seconds, and the files that went wrong."""
    rng, sources = random.Random(seed), originals()  # noqa: S311  not a secret
    outcomes: Counter[str] = Counter()
    slowest, wrong = 0.0, []
    with tempfile.TemporaryDirectory(prefix="quantyfy-fuzz-") as name:
        folder = Path(name)
        for number in range(mutations):
            text = mutated(rng.choice(sources), rng)
            path = folder / "file.csv"
            path.write_bytes(text)
            start = time.process_time()  # a busy machine is not a hang
            what = outcome([IncomingFile("file.csv", path)], folder, also_raw=number % 10 == 0)
            took = time.process_time() - start
            what = f"HANG: {took:.1f} s" if took > HANG_SECONDS else what
            slowest = max(slowest, took)
            outcomes[what.split(":")[0]] += 1
            if what[0].isupper():
                wrong.append((what, text))
    return outcomes, slowest, wrong


def keep(text: bytes, number: int) -> Path:
    """A file that went wrong, for whoever mends it."""
    path = Path(tempfile.gettempdir()) / f"quantyfy-fuzz-{number}.csv"
    path.write_bytes(text)
    return path


def main() -> int:
    """Runs the shares, prints the summary, keeps the files that went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    share = -(-options.mutations // options.processes)
    start = time.perf_counter()
    with ProcessPoolExecutor(options.processes) as pool:
        seeds = range(options.seed, options.seed + options.processes)
        shares = list(pool.map(fuzz, seeds, [share] * options.processes))
    outcomes = sum((counted for counted, _, _ in shares), Counter[str]())
    wrong = [case for _, _, cases in shares for case in cases]
    slowest = max(slow for _, slow, _ in shares)
    took = time.perf_counter() - start
    summary = [
        f"{outcomes.total()} mutations of {len(originals())} files in {took:.0f} s, slowest file {slowest:.2f} s",
        *(f"{number:>8}  {what}" for what, number in outcomes.most_common()),
        *(f"{what}\n          kept as {keep(text, number)}" for number, (what, text) in enumerate(wrong[:20])),
    ]
    sys.stdout.write("\n".join(summary) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
