"""The form of `POST /upload`: read by ourselves as it comes, and described to others as FastAPI would."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, Json, ValidationError

from app.domain.states import State
from app.domain.uploads import LONGEST_TAB, Table

FILE_FIELDS: Final[Mapping[str, Table | None]] = {**{table.value: table for table in Table}, "files": None}
_FILE: Final = {"type": "string", "contentMediaType": "application/octet-stream"}


class UploadForm(BaseModel):
    """What a delivery says beside its files."""

    cnpj: str = Field(max_length=40, examples=["12.ABC.345/01DE-35"])
    company_name: str = Field(min_length=1, max_length=200, examples=["Padaria São João"])
    state: State | None = Field(
        default=None,
        description="Two letters (UF): the forecast then knows the state's own holidays. Remembered for later uploads.",
        examples=["SP"],
    )
    tab: str | None = Field(
        default=None,
        max_length=LONGEST_TAB,
        description="Name of the tab to read in the workbooks sent; without it, every visible tab that looks like a "
        "table.",
        examples=["Vendas"],
    )
    columns: Json[dict[Table, dict[str, str]]] | None = Field(
        default=None,
        description="JSON: per table, headings to fields (an empty field leaves a column unused). Remembered for files "
        "with the same headings.",
        examples=['{"vendas_itens": {"Cód. Interno": "sku"}}'],
    )

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> "UploadForm":
        """The form's fields, of which an empty one says nothing.

        Raises:
            RequestValidationError: one is missing, or not as it should be; or a file came as text, without a name.
        """
        nameless = [name for name in FILE_FIELDS if fields.get(name)]
        if nameless:
            raise RequestValidationError([{"type": "filename", "loc": ("body", name)} for name in nameless])
        try:
            return cls.model_validate({name: said for name, said in fields.items() if said})
        except ValidationError as error:
            wrong = [entry | {"loc": ("body", *entry["loc"])} for entry in error.errors()]
            raise RequestValidationError(wrong) from error

    @classmethod
    def as_request_body(cls) -> dict[str, Any]:
        """For the OpenAPI document."""
        schema = cls.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs")  # `Table` is described for its own sake
        schema["properties"] |= dict.fromkeys(map(str, Table), _FILE)
        several = {"type": "array", "items": _FILE, "description": "Files whose table we find out."}
        schema["properties"]["files"] = several
        shown = {name: schema["properties"][name]["examples"][0] for name in cls.model_fields}
        return {"required": True, "content": {"multipart/form-data": {"schema": schema, "example": shown}}}
