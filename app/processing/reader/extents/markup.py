"""XML read as it comes, in bounded memory, for where its elements stand and not for what they say."""

from collections.abc import Callable, Iterable
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate

_LONGEST_TOKEN: Final = 8 << 20  # bytes between one element and the next
_LAST_ASCII: Final = 0x7F
_CONTROLS: Final = frozenset(range(ord(" "))) - frozenset(b"\t\r\n")
# Text is not looked at: what a reader forgives in it must not stop us, nor an entity stand for more. Of names, and
# of where elements stand, nothing but ASCII is looked at.
_FORGIVING: Final = bytes(
    ord(" ") if code in _CONTROLS else ord("x") if code == ord("&") or code > _LAST_ASCII else code
    for code in range(256)
)


class Malformed(Exception):
    """The text is not well-formed, has a document type of its own, or a token without an end."""


def walk(chunks: Iterable[bytes], *, start: Callable[[str, dict[str, str]], None], end: Callable[[str], None]) -> None:
    """Call `start` and `end` for every element, whose names are ASCII whatever the encoding says.

    Raises:
        Malformed: the text cannot be walked to its end in bounded memory.
    """
    parser = ParserCreate("us-ascii")  # whatever the text itself says it is in
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = _refuse
    fed = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk.translate(_FORGIVING))
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > _LONGEST_TOKEN:
                raise Malformed
    except ExpatError as error:
        raise Malformed from error


def _refuse(*_: object) -> None:
    raise Malformed
