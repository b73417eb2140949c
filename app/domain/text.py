"""Words a customer reads, in Portuguese first and in English beside it."""

from typing import Literal, NamedTuple

Language = Literal["pt-BR", "en"]


class Text(NamedTuple):
    """One sentence in both languages; `{name}` places are filled by `format`."""

    pt: str
    en: str

    def format(self, **facts: object) -> "Text":
        """The same sentence with its places filled.

        Raises:
            KeyError: a place of the sentence has no fact.
        """
        return Text(self.pt.format(**facts), self.en.format(**facts))

    def to(self, language: Language) -> str:
        """The sentence in the reader's language."""
        return self.en if language == "en" else self.pt
