"""ZIP files, opened without trusting what they say about themselves."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from app.domain.errors import NotATable, UploadTooLarge
from app.domain.uploads import IncomingFile
from app.processing.reader.extents.area import Areas
from app.processing.reader.extents.package import UNREADABLE, check_parts, format_of
from app.processing.reader.sheets import Limits

MAGIC: Final = b"PK\x03\x04"
EMPTY_MAGIC: Final = b"PK\x05\x06"
_MEGABYTE: Final = 1_000_000
_CHUNK: Final = 1 << 20
_RATIO_MATTERS_FROM: Final = 10 * _MEGABYTE
_ENCRYPTED: Final = 0x1


def is_zip(head: bytes) -> bool:
    """Whether the bytes begin like a ZIP, which an XLSX also is."""
    return head.startswith((MAGIC, EMPTY_MAGIC))


def workbook_format(path: Path) -> str | None:
    """Which workbook a ZIP is in truth, by the ending of its usual name; None: none.

    Raises:
        NotATable: the ZIP is broken.
    """
    with _opened(path, path.name) as archive:
        return format_of(archive)


def check_workbook(file: IncomingFile, limits: Limits) -> None:
    """Refuses a workbook that would unpack, or whose cells would be laid out, to more than is read here.

    Raises:
        NotATable: it is packed too tightly, or it does not tell the truth about itself.
        UploadTooLarge: it would unpack to more than an upload may weigh.
        TooManyCells: its cells reach too far.
    """
    with _opened(file.path, file.name) as archive:
        for member in archive.infolist():
            _check_ratio(file, member, limits)
        if sum(member.file_size for member in archive.infolist()) > 4 * limits.max_bytes:  # XML is wordy
            raise UploadTooLarge(limit_mb=limits.max_bytes // _MEGABYTE)
        try:
            check_parts(archive, Areas(file.name))
        except UNREADABLE as error:
            raise _broken(file.name) from error


def unpacked(file: IncomingFile, *, workdir: Path, limits: Limits) -> Iterator[IncomingFile]:
    """The files of a ZIP, written to `workdir` under names of our own.

    Raises:
        NotATable: broken, encrypted, nested, or with too many files.
        UploadTooLarge: more bytes than an upload may weigh, or packed too tightly to be a spreadsheet.
    """
    with _opened(file.path, file.name) as archive:
        members = [member for member in archive.infolist() if _is_table_file(member)]
        if len(members) > limits.max_zip_files:
            raise _refusal(
                file, f"tem mais de {limits.max_zip_files} arquivos", f"it has over {limits.max_zip_files} files"
            )
        left = limits.max_bytes
        names = _told_apart(members)
        for number, member in enumerate(members):
            _check_ratio(file, member, limits)
            target = workdir / f"{file.path.stem}-{number}{Path(member.filename).suffix.lower()[:5]}"
            left -= _extract(archive, member, target, file=file, at_most=left, limits=limits)
            table = file.table if len(members) == 1 else None
            yield IncomingFile(names[number], target, table, tab=file.tab)


def _opened(path: Path, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _broken(name) from error


def _is_table_file(member: zipfile.ZipInfo) -> bool:
    parts = Path(member.filename).parts
    return not member.is_dir() and "__MACOSX" not in parts and not _shown(member.filename).startswith(".")


def _told_apart(members: Sequence[zipfile.ZipInfo]) -> list[str]:
    """What each file is called, with its folder if another has its name: `loja 2/vendas.csv`."""
    last = [_shown(member.filename) for member in members]
    return [
        name if last.count(name) == 1 else _shown(member.filename, parts=2)
        for name, member in zip(last, members, strict=True)
    ]


def _shown(name: str, *, parts: int = 1) -> str:
    """The last parts of a path inside a ZIP: only ever shown, never opened."""
    last = "/".join(name.replace("\\", "/").rstrip("/").rsplit("/", parts)[-parts:])
    return "".join(character for character in last if character.isprintable())[:120]


def _check_ratio(file: IncomingFile, member: zipfile.ZipInfo, limits: Limits) -> None:
    if member.file_size > _RATIO_MATTERS_FROM and member.file_size > limits.max_zip_ratio * max(
        member.compress_size, 1
    ):
        raise _refusal(
            file, "está compactado demais para ser uma planilha", "it is packed too tightly to be a spreadsheet"
        )


def _extract(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, *, file: IncomingFile, at_most: int, limits: Limits
) -> int:
    if member.flag_bits & _ENCRYPTED:
        raise _refusal(file, "está protegido por senha", "it is protected by a password")
    try:
        with archive.open(member) as source, target.open("wb") as sink:
            return _copied(source, sink, at_most=at_most, limits=limits)
    except UNREADABLE as error:
        raise _broken(file.name) from error


def _copied(source: IO[bytes], sink: IO[bytes], *, at_most: int, limits: Limits) -> int:
    """Copies what is really there, whatever the directory claims."""
    written = 0
    while chunk := source.read(_CHUNK):
        written += len(chunk)
        if written > at_most:
            raise UploadTooLarge(limit_mb=limits.max_bytes // _MEGABYTE)
        sink.write(chunk)
    return written


def _broken(name: str) -> NotATable:
    return NotATable(file=name, reason="o ZIP está danificado", reason_en="the ZIP is broken")


def _refusal(file: IncomingFile, reason: str, reason_en: str) -> NotATable:
    return NotATable(file=file.name, reason=f"o ZIP {reason}", reason_en=f"of the ZIP, {reason_en}")
