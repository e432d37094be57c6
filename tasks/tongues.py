"""Which language a text is written in, as far as its commonest words and its letters tell."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

SHORTEST = 12  # words; fewer tell nothing
LEAST = 0.12  # share of the words that must be common ones of the language
AHEAD = 2.0  # times as many as of English, in which code and its names are written anyway

#: The commonest words that hardly another language here has.
COMMON = {
    "English": "the of and to is that it for with as be this are not when should from an by or have",
    "German": "der die das und ist nicht ein eine zu den mit von auf für dass wenn soll werden auch oder sich",
    "French": "le la les des est une et que dans pour pas qui sur avec doit être au ce il lorsque quand",
    "Spanish": "el la los las que es una por con para del se cuando debe no y un al como está ser",
    "Portuguese": "o os as que é uma por com para do da não quando deve um ao como em ser está mais",
    "Italian": "il lo gli che è una per con del della non quando deve un di sono nel come essere alla",
    "Dutch": "de het een en is van dat niet voor met op als wordt moet zijn te er aan ook wanneer",
    "Polish": "nie się na jest że do to być gdy przez jak oraz dla powinien po który kiedy od czy lub",
}
#: By the first word of a letter's Unicode name.
SCRIPTS = {
    "CYRILLIC": "Russian",
    "CJK": "Chinese",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "GREEK": "Greek",
    "DEVANAGARI": "Hindi",
    "THAI": "Thai",
}
_WORDS = {language: frozenset(words.split()) for language, words in COMMON.items()}
_WORD = re.compile(r"[^\W\d_]+")
#: Code is of no language.
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


def language_of(text: str) -> str:
    """The English name of the language; "" when it cannot be told."""
    plain = _CODE.sub(" ", text[:20_000])
    letters = Counter(filter(None, map(_script, (char for char in plain if char.isalpha()))))
    if (
        letters
        and letters.total() > 0.3 * sum(char.isalpha() for char in plain)
        and letters.total() > SHORTEST
    ):
        # Japanese mixes its own letters with Chinese ones.
        return "Japanese" if letters["Japanese"] else letters.most_common(1)[0][0]
    words = [word.lower() for word in _WORD.findall(plain)]
    if len(words) < SHORTEST:
        return ""
    shares = {
        language: sum(word in common for word in words) / len(words) for language, common in _WORDS.items()
    }
    best = max(shares, key=lambda language: shares[language])
    if shares[best] < LEAST or (best != "English" and shares[best] < AHEAD * shares["English"]):
        return ""
    return best


def _script(char: str) -> str:
    if char.isascii():
        return ""
    return SCRIPTS.get(unicodedata.name(char, "").split("-")[0].split(" ")[0], "")
