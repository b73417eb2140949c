"""One of each, for the OpenAPI document: every error as it would be told, and a value of every schema."""

from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from app.domain import errors
from app.domain.errors import AppError
from app.domain.text import Text

_UPLOAD: Final = "0b1f6a52-8f0e-4c3b-9a53-1f6a7d2c9e10"
_FACTS: Final[Mapping[str, object]] = {
    "value": "11222333000182",
    "reason": "os dois últimos números não conferem; há algum caractere trocado",
    "reason_en": "the two check digits do not match; some character is wrong",
    "file": "vendas_itens.csv",
    "column": "Quantidade",
    "found": "Pedido, Código, Cor",
    "field": "produto",
    "table": "vendas_itens",
    "heading": "Cód. Interno",
    "kind": "uma nota fiscal",
    "kind_en": "an invoice",
    "mend": "Exporte o relatório de itens vendidos.",
    "mend_en": "Export the report of items sold.",
    "limit_mb": 500,
    "cell": "XFD1048576",
    "millions": 20,
    "limit_kb": 16,
    "problems": Text("limit: deve ser no mínimo 1", "limit: must be at least 1"),
    "version": "2020-01-01",
    "seconds": 12,
    "scope": "read",
    "state": "published",
    "host": "10.0.0.7",
    "what": "ana@padaria.com.br",
    "cnpj": "12.ABC.345/01DE-35",
    "upload_id": _UPLOAD,
    "key": _UPLOAD,
    "webhook": _UPLOAD,
    "erasure": _UPLOAD,
    "days": 90,
    "part": errors.DATABASE,
    "where": "PostgreSQL",
    "method": "DELETE",
    "at": "0005",
    "needed": "0006",
}
_KNOWN: Final[Mapping[type[AppError], str]] = {
    errors.UnknownField: "pedido, sku, quantidade",
    errors.UnknownVersion: "2026-11-22",
    errors.NotAcceptable: "application/json, text/csv",
    errors.UnsupportedContent: "multipart/form-data",
}


def sample_of(kind: type[AppError]) -> AppError:
    """An error of this kind, with everything it tells of.

    Raises:
        KeyError: it tells of something there is no sample of.
    """
    names = {name for text in (*kind.explanation, kind.internal) for _, name, _, _ in Formatter().parse(text) if name}
    facts = {**_FACTS, **({"known": _KNOWN[kind]} if kind in _KNOWN else {})}
    return kind(**{name: facts[name] for name in names})


def value_of(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON is anything
    """A value of a schema: its own example, or one made of its parts'.

    Raises:
        LookupError: a text or number in it has no example to go by.
    """
    if "$ref" in schema:
        return value_of(components[schema["$ref"].rpartition("/")[2]], components)
    for own in ("examples", "enum"):
        if own in schema:
            return schema[own][0]
    for own in ("example", "const"):
        if own in schema:
            return schema[own]
    return _made(schema, components)


def _made(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON is anything
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return value_of(schema[several][0], components)
    match schema.get("type"):
        case "object":
            return {name: value_of(part, components) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [value_of(schema["items"], components)]
        case "null":
            return None
        case "boolean":
            return schema.get("default", False)
    if schema.get("format") not in _FORMATS:
        raise LookupError(f"no example of {schema}")
    return _FORMATS[schema["format"]]


_FORMATS: Final[Mapping[str, str]] = {
    "uuid": _UPLOAD,
    "date": "2026-11-22",
    "date-time": "2026-11-22T14:03:07.123456Z",
}
