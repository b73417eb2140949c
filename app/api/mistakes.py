"""What is wrong with a field of a request, in the reader's language: pydantic says it in English alone."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.domain.text import Text

UNFORESEEN: Final = Text("o valor não é aceito", "the value is not accepted")
_WHOLE: Final = Text("deve ser um número inteiro", "must be a whole number")
_NUMBER: Final = Text("deve ser um número", "must be a number")
_YES_OR_NO: Final = Text("deve ser true ou false", "must be true or false")
_TEXT: Final = Text("deve ser um texto", "must be a text")
_DAY: Final = Text(
    "deve ser uma data que existe, como 2026-11-22", "must be a date of the calendar, such as 2026-11-22"
)
_MOMENT: Final = Text(
    "deve ser data e hora, como 2026-11-22T14:03:00-03:00", "must be a date and time, such as 2026-11-22T14:03:00-03:00"
)
_UUID: Final = Text(
    "deve ser um UUID, como 0b1f6a52-8f0e-4c3b-9a53-1f6a7d2c9e10",
    "must be a UUID, such as 0b1f6a52-8f0e-4c3b-9a53-1f6a7d2c9e10",
)
_LIST: Final = Text("deve ser uma lista", "must be a list")
_OBJECT: Final = Text("deve ser um objeto JSON", "must be a JSON object")
_JSON: Final = Text("não é JSON válido", "is not valid JSON")
_ONE_OF: Final = Text("deve ser {expected}", "must be {expected}")

# By pydantic's type of error, https://docs.pydantic.dev/latest/errors/validation_errors/; places are of its `ctx`.
_SAID: Final[Mapping[str, Text]] = {
    "missing": Text("faltou informar", "is missing"),
    "extra_forbidden": Text("este campo não existe aqui", "there is no such field here"),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), _NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), _YES_OR_NO),
    **dict.fromkeys(("string_type", "string_unicode", "string_sub_type"), _TEXT),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DAY),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "datetime_object_invalid"), _MOMENT
    ),
    **dict.fromkeys(("uuid_type", "uuid_parsing", "uuid_version"), _UUID),
    **dict.fromkeys(("enum", "literal_error"), _ONE_OF),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), _LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "mapping_type"), _OBJECT),
    **dict.fromkeys(("json_invalid", "json_type"), _JSON),
    "greater_than_equal": Text("deve ser no mínimo {ge}", "must be at least {ge}"),
    "greater_than": Text("deve ser maior que {gt}", "must be more than {gt}"),
    "less_than_equal": Text("deve ser no máximo {le}", "must be at most {le}"),
    "less_than": Text("deve ser menor que {lt}", "must be less than {lt}"),
    "string_too_short": Text(
        "deve ter no mínimo {min_length} caracteres", "must have at least {min_length} characters"
    ),
    "string_too_long": Text("deve ter no máximo {max_length} caracteres", "must have at most {max_length} characters"),
    "string_pattern_mismatch": Text("deve seguir o padrão {pattern}", "must follow the pattern {pattern}"),
    "too_short": Text("deve ter no mínimo {min_length} itens", "must have at least {min_length} items"),
    "too_long": Text("deve ter no máximo {max_length} itens", "must have at most {max_length} items"),
    # our own, raised in `app.api.schemas`
    "control_characters": Text("não pode ter caracteres de controle", "must have no control characters"),
    "cnpj": Text("{pt}", "{en}"),
    "filename": Text("deve vir como arquivo, com filename", "must come as a file, with a filename"),
}


_MOST: Final = 10  # problems named: nobody mends more at a time, and strangers may send any number
_LONGEST_PLACE: Final = 100
_AND_MORE: Final = Text("; e mais {count}", "; and {count} more")


def told(wrong: Sequence[Mapping[str, Any]]) -> Text:
    """Pydantic's errors as one text, each with its place: `limit: deve ser no mínimo 1`.

    The first ten are named, and the others counted.
    """
    said = [(_place(entry["loc"]), _sentence(entry)) for entry in wrong[:_MOST]]
    more = _AND_MORE.format(count=len(wrong) - _MOST) if len(wrong) > _MOST else Text("", "")
    return Text(
        "; ".join(f"{place}: {text.pt}" for place, text in said) + more.pt,
        "; ".join(f"{place}: {text.en}" for place, text in said) + more.en,
    )


def _place(loc: Sequence[object]) -> str:
    """Where it is, without saying that it is in the query or the body, unless that is all there is to say.

    The sender makes up the names of fields: a long one is cut.
    """
    place = ".".join(str(part) for part in loc[1:] or loc)
    return place if len(place) <= _LONGEST_PLACE else f"{place[:_LONGEST_PLACE]}…"


def _sentence(entry: Mapping[str, Any]) -> Text:
    facts = dict(entry.get("ctx", {}))
    if "expected" in facts:  # "'totals' or 'daily'"
        facts["expected"] = Text(facts["expected"].replace(" or ", " ou "), facts["expected"])
    return _SAID.get(entry["type"], UNFORESEEN).format(**facts)
