"""What a repository is written in, by the names and sizes of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tasks.git.trees import LINK, SUBMODULE, TreeFile

MOST = 6  # languages that are told; the rest is left out
LEAST = 0.01  # share of the bytes below which a language is not worth a word

#: Languages that people program in, by what their files' names end in. Data, markup and what is generated do not count.
ENDINGS = {
    "c": "C", "h": "C", "cc": "C++", "cpp": "C++", "cxx": "C++", "hpp": "C++", "cs": "C#", "clj": "Clojure",
    "css": "CSS", "scss": "CSS", "dart": "Dart", "ex": "Elixir", "exs": "Elixir", "erl": "Erlang", "f90": "Fortran",
    "fs": "F#", "go": "Go", "hs": "Haskell", "html": "HTML", "java": "Java", "jl": "Julia", "js": "JavaScript",
    "jsx": "JavaScript", "mjs": "JavaScript", "cjs": "JavaScript", "kt": "Kotlin", "lua": "Lua", "m": "Objective-C",
    "ml": "OCaml", "pl": "Perl", "pm": "Perl", "php": "PHP", "ps1": "PowerShell", "py": "Python", "pyi": "Python",
    "pyx": "Cython", "r": "R", "rb": "Ruby", "rs": "Rust", "scala": "Scala", "sh": "Shell", "bash": "Shell",
    "sql": "SQL", "swift": "Swift", "ts": "TypeScript", "tsx": "TypeScript", "vue": "Vue", "zig": "Zig",
}  # fmt: skip
ASIDE = ("vendor/", "third_party/", "node_modules/", "dist/", "build/")


def languages(files: Iterable[TreeFile]) -> list[tuple[str, int]]:
    """(language, percent of the bytes of code), the largest first."""
    sizes: Counter[str] = Counter()
    for file in files:
        language = ENDINGS.get(file.path.rpartition(".")[2].lower())
        if language and file.mode not in (LINK, SUBMODULE) and not _is_aside(file.path):
            sizes[language] += file.size
    whole = sizes.total()
    told = [(name, size) for name, size in sizes.most_common(MOST) if size >= LEAST * whole and size]
    return [(name, round(100 * size / whole)) for name, size in told]


def _is_aside(path: str) -> bool:
    return any(path.startswith(folder) or f"/{folder}" in path for folder in ASIDE)
