"""What Typer says of a command line it does not understand, in the words of whoever typed it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from typer.exceptions import TyperException


def mistyped(error: TyperException) -> tuple[str, str]:
    """What is wrong, and what to do about it: two lines."""
    kinds = (kind.__name__ for kind in type(error).__mro__)
    tell = next((_KINDS[name] for name in kinds if name in _KINDS), _not_understood)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "quantyfy"
    return tell(error), f"Veja {command} --help."


def _missing(error: Any) -> str:  # noqa: ANN401  Typer's own kinds of error are private
    return f"Falta informar {_parameter(error)}."


def _unknown_option(error: Any) -> str:  # noqa: ANN401  as above
    return f"A opção {error.option_name} não existe."


def _incomplete_option(error: Any) -> str:  # noqa: ANN401  as above
    return f"A opção {error.option_name} não foi usada como se deve."


def _bad_value(error: Any) -> str:  # noqa: ANN401  as above
    """Without a parameter it is a command of ours that speaks."""
    if error.param is None:
        return f"{error.message[:1].upper()}{error.message[1:].rstrip('.')}."
    return f"O valor dado a {_parameter(error)} não serve."


def _not_understood(error: TyperException) -> str:
    del error
    return "O comando não foi entendido."


def _parameter(error: Any) -> str:  # noqa: ANN401  as above
    """An option as it is typed, an argument by its name in capitals."""
    parameter = error.param
    if parameter is None:
        return "um valor"
    name = str(parameter.name).upper()
    return str(parameter.opts[0]) if parameter.param_type_name == "option" else name


_KINDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "MissingParameter": _missing,
    "NoSuchOption": _unknown_option,
    "BadOptionUsage": _incomplete_option,
    "BadParameter": _bad_value,
}
