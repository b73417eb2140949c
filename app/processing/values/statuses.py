"""What became of a sale, in one vocabulary of four words.

Sources: the status lists of Bling, Tiny/Olist, Nuvemshop, Mercado Livre, Shopify, VTEX and the NF-e.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The four situations of a sale. Demand counts only what was completed."""

    COMPLETED = "concluida"
    CANCELLED = "cancelada"
    RETURNED = "devolvida"
    PENDING = "pendente"


# The first that fits the beginning wins, so what denies comes before what it denies ("nao entregue" before "entregue").
_CANCELLED: Final = (
    "cancel|nao pago|nao entreg|recus|void|estornado antes|denegad|inutilizad|rejeitad|negad|declined|expirad|abandon"
    "|perdid|excluid|unpaid"
)
_PENDING: Final = (
    "em aberto|abert|em andamento|em digitacao|dados incompletos|pagamento pendente|pendente|orcamento|aguard|pending"
    "|handling|manuseando|em analise|nao faturad|nao concluid|nao finalizad|nao aprovad|authorized|waiting|rascunho"
    "|draft|reservad|em separacao|proposta"
)
_RETURNED: Final = "devolv|devolu|reembols|refund|estorn|returned|chargeback|partially refunded"
_COMPLETED: Final = (
    "atendid|aprovad|faturad|verificad|enviad|envio|pronto|preparando|entreg|conclu|finaliz|pag|confirmad|fulfilled"
    "|paid|autorizad|emitid|a enviar|o comprador pode pedir|invoiced|complet|shipped|delivered|vend|fechad|ok"
    "|baixad|liquidad|quitad|despachad|a caminho|em transito|cheg|coleta|recebid|efetivad|normal"
    "|nao cancel|ativ|ready for handling|success|mediacao finalizada|retirad|processad"
)
_BEGINNINGS: Final = (
    (Status.CANCELLED, _CANCELLED),
    (Status.PENDING, _PENDING),
    (Status.RETURNED, _RETURNED),
    (Status.COMPLETED, _COMPLETED),
)
_RULES: Final = tuple((status, re.compile(rf"(?:{words})")) for status, words in _BEGINNINGS)
_BLING: Final = {
    "6": Status.PENDING,
    "9": Status.COMPLETED,
    "12": Status.CANCELLED,
    "15": Status.PENDING,
    "18": Status.COMPLETED,
    "21": Status.PENDING,
    "24": Status.COMPLETED,
}
_FLAGS: Final = {
    "s": Status.CANCELLED,
    "sim": Status.CANCELLED,
    "true": Status.CANCELLED,
    "1": Status.CANCELLED,
    "n": Status.COMPLETED,
    "nao": Status.COMPLETED,
    "false": Status.COMPLETED,
    "0": Status.COMPLETED,
}
_IDENTIFIER: Final = re.compile(r"^(\d+)\s*-?\s*(.*)$")


def status_of(text: str, *, says_cancelled: bool = False) -> Status | None:
    """The situation a system's word stands for; None when it is not known.

    Args:
        text: the word.
        says_cancelled: the column is called "cancelado", so that "S" means a cancelled sale.
    """
    word = _plain(text)
    coded = (_FLAGS if says_cancelled else _BLING).get(word)
    if coded:
        return coded
    numbered = _IDENTIFIER.match(word)
    if numbered:
        word = numbered.group(2)
    return next((status for status, beginning in _RULES if word and beginning.match(word)), None)


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", " ", letters).strip()


_INACTIVE: Final = frozenset(
    {"n", "nao", "inativo", "i", "0", "false", "desativado", "excluido", "e", "inactive", "draft"}
)


def is_active(text: str, *, heading_says_inactive: bool = False) -> bool:
    """Whether a product is for sale: S/N, SIM/NÃO, Ativo/Inativo, A/I, 1/0, true/false."""
    says_no = _plain(text) in _INACTIVE
    if heading_says_inactive and _plain(text) not in {"inativo", "ativo", "a", "i"}:
        return says_no
    return not says_no
