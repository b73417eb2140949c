"""Words a customer reads, in Portuguese first and in English beside it."""

from typing import Final, Literal, NamedTuple

Language = Literal["pt-BR", "en"]
LANGUAGES: Final[tuple[Language, Language]] = ("pt-BR", "en")


class Text(NamedTuple):
    """One sentence in both languages; `{name}` places are filled by `format`."""

    pt: str
    en: str

    def format(self, **facts: object) -> "Text":
        """The same sentence with its places filled; a fact that is itself a `Text` in the sentence's language.

        Raises:
            KeyError: a place of the sentence has no fact.
        """
        portuguese, english = (
            {name: fact.to(language) if isinstance(fact, Text) else fact for name, fact in facts.items()}
            for language in LANGUAGES
        )
        return Text(self.pt.format(**portuguese), self.en.format(**english))

    def to(self, language: Language) -> str:
        """The sentence in the reader's language."""
        return self.en if language == "en" else self.pt
