"""Files that a command is given: whether they can be read, and whether what comes of them can be written."""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.domain.errors import CannotOpen, CannotWrite
from app.domain.text import Text

_MISSING: Final = Text("não existe: confira o nome e a pasta", "does not exist: check its name and folder")
_FOLDER: Final = Text("é uma pasta, e não um arquivo", "is a folder and no file")
_LOCKED: Final = Text("não pode ser lido por este usuário", "may not be read by this user")
_UNKNOWN: Final = Text("o sistema não deixou (erro {number})", "the system refused (error {number})")
_WRITING: Final[Mapping[int, Text]] = {
    errno.EACCES: Text("falta permissão para gravar", "writing there is not permitted"),
    errno.EPERM: Text("falta permissão para gravar", "writing there is not permitted"),
    errno.EROFS: Text("o disco só pode ser lido", "the disk may only be read"),
    errno.ENOSPC: Text("o disco está cheio", "the disk is full"),
    errno.EDQUOT: Text("o espaço deste usuário acabou", "this user's space is used up"),
    errno.EEXIST: Text("já existe um arquivo com esse nome", "a file of that name exists already"),
    errno.ENOTDIR: Text("há um arquivo no lugar da pasta", "a file stands where the folder should"),
    errno.EISDIR: Text("há uma pasta no lugar do arquivo", "a folder stands where the file should"),
    errno.ENAMETOOLONG: Text("o nome é longo demais", "the name is too long"),
    errno.ENOENT: Text("essa pasta não pode ser criada", "that folder cannot be made"),
}


def require_files(paths: Iterable[Path]) -> None:
    """Make sure that each is a file this user may read.

    Raises:
        CannotOpen: the first that is not, and why.
    """
    for path in paths:
        reason = _refusal(path)
        if reason is not None:
            raise CannotOpen(file=path, reason=reason)


def require_folder(folder: Path, *, names: Iterable[str]) -> None:
    """Make the folder, and make sure that files of these names can be written in it.

    Raises:
        CannotWrite: they cannot, and why.
    """
    with told_when_unwritable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    for name in names:
        if (folder / name).is_dir():
            raise CannotWrite(file=folder / name, reason=_WRITING[errno.EISDIR])


@contextmanager
def told_when_unwritable(place: Path) -> Iterator[None]:
    """Turn the system's refusal to write into words.

    Raises:
        CannotWrite: it refused in the block.
    """
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        reason = _WRITING.get(number, _UNKNOWN.format(number=number))
        raise CannotWrite(file=error.filename or place, reason=reason) from error


def _refusal(path: Path) -> Text | None:
    try:
        if path.is_dir():
            return _FOLDER
        if not path.exists():
            return _MISSING
    except OSError:  # a name longer than the system takes, a folder on the way that may not be entered
        return _MISSING
    return None if os.access(path, os.R_OK) else _LOCKED
