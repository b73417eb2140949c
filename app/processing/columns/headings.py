"""One spelling for all systems' headings: `Qtde. Vendida`, `QTD VENDIDA` and `quantidade_vendida` are the same."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_NOISE: Final = re.compile(r"\(d{1,2}[/.-]m{1,2}[/.-](?:a{2,4}|y{2,4})[^)]*\)|\(brl\)|\(r\$\)|r\$|\(kg\)|\(un\)")
_PERCENT: Final = re.compile(r"%")  # a discount in percent is not one in reais
_JOINED: Final = (("n o", "numero"), ("u m", "unidade"), ("e mail", "email"))
_MEANING: Final = {
    "n": "numero",
    "no": "numero",
    "na": "numero",
    "nr": "numero",
    "nro": "numero",
    "num": "numero",
    "cod": "codigo",
    "qtd": "quantidade",
    "qtde": "quantidade",
    "qte": "quantidade",
    "quant": "quantidade",
    "vl": "valor",
    "vlr": "valor",
    "val": "valor",
    "dt": "data",
    "desc": "descricao",
    "descr": "descricao",
    "un": "unidade",
    "und": "unidade",
    "unid": "unidade",
    "um": "unidade",
    "unit": "unitario",
    "prod": "produto",
    "pag": "pagamento",
    "end": "endereco",
    "cat": "categoria",
}
_FILLERS: Final = frozenset({"de", "da", "do", "das", "dos"})


@lru_cache(maxsize=8192)
def normalised(heading: str) -> str:
    """The heading in lower case without accents, punctuation, abbreviations or fillers; empty when nothing is left."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode("ascii").lower()
    words = re.sub(r"[^a-z0-9]+", " ", _NOISE.sub(" ", _PERCENT.sub(" percentual ", plain))).strip()
    for spelled, meant in _JOINED:
        words = re.sub(rf"\b{spelled}\b", meant, words)
    return " ".join(_MEANING.get(word, word) for word in words.split() if word not in _FILLERS)
