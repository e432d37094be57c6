"""Inputs made to break a diff page: by what they hold, how they are called, what they claim and what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Files = Mapping[str, bytes]

MARKUP = {
    "script": b"<script>alert(1)</script>\n",
    "attribute": b"\"'><img src=x onerror=alert(1)>\n",
    "end of table": b"</td></tr></tbody></table><form action=/x hx-get=/x hx-trigger=load>\n",
    "end of page": b"</details></main></body></html><iframe src=javascript:alert(1)>\n",
    "style": b"</style><style>*{background:url(//x)}</style><link rel=stylesheet href=//x>\n",
    "entities": b"&lt;script&gt; &#60;b&#62; &amp &quot\n",
    "comment": b"<!-- --><![CDATA[<b>]]><?xml version='1.0'?><!doctype x>\n",
    "svg": b"<svg onload=alert(1)><math><mi//xlink:href=javascript:alert(1)>\n",
    "template": b"{% load x %}{{ 1|add:1 }}${7*7}<%= 1 %>\n",
    "fold of ours": b'<tr class="fold" id="f0-g1" data-gap="1"></tr>\n',
    "ansi": b"\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[2J\x9b31m\n",
    "nul late": b"x" * 9_000 + b"\n" + b"\x00\x00\n",
    "bidi": "if a: \u202e# b\u2066 \u2069\u2028\u2029\n".encode(),
    "invisible": "a\u200b\ufeff\u00ad\U000e0041\u3164\n".encode(),
    "noncharacters": "\ufffe\uffff\ufdd0\U0010ffff\n".encode(),
    "surrogates": b"\xed\xa0\x80\xed\xbf\xbf\n",
    "latin": b"caf\xe9 \x85\x80\xff\n",
    "overlong": b"\xc0\xbcscript\xc0\xbe\n",
    "carriage returns": b"one\rtwo\r\nthree\r\r\n\r\n",
    "no line feed": b"<b",
    "form feeds": b"a\x0cb\x0bc\x1cd\x1de\x1ef\n",
    "combining": ("a" + "\u0301" * 5_000 + "\n").encode(),
}
NAMES = {
    "markup": "<img src=x onerror=alert(1)>.py",
    "quotes": "\"a\" 'b'.py",
    "line feed": "a\nb\n+++ b/c.py",
    "escape": "a\x1b[2J\x07.py",
    "bidi": "a\u202eyp.txt",
    "tab": "a\tb.py",
    "two sides": "x b/y b/z.py",
    "null device": "dev/null",
    "dash": "--help",
    "arrow": "a => b.py",
    "braces": "{{ a }}/{% b %}.html",
    "long": "/".join(["d" * 200] * 15) + "/a.py",
    "blanks": " a .py ",
    "backslash": "a\\..\\b.py",
    "address": "javascript:alert(1).js",
    "entity": "&lt;b&gt;&#60;.html",
    "end of summary": "</bdi></summary></details>.md",
    "only a dot before": ".py",
    "many dots": "....py",
    "null of the C locale": "a\x01\x7f\x80.py",
    "emoji": "\U0001f30a/\U0001f468\u200d\U0001f4bb.py",
    "combining": "e" + "\u0301" * 60 + ".py",
    "percent": "%00%2e%2e%2f%s%n.py",
    "link of ours": "#f0-A1",
}
HUNK = "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
HEAD = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n"
BASE = b"one\ntwo\nthree\n"
#: Patches that are no patch of `a.py`, or not of this one. Each is refused in a sentence.
REFUSED = {
    "too few lines": HEAD + HUNK.replace("-1,3", "-1,9"),
    "too many lines": HEAD + HUNK.replace("-1,3 +1,3", "-1,2 +1,2"),
    "one side short": HEAD + HUNK.replace("+1,3", "+1,2"),
    "negative": HEAD + HUNK.replace("-1,3", "--1,3"),
    "letters": HEAD + HUNK.replace("-1,3", "-1,x"),
    "arabic digits": HEAD + HUNK.replace("-1,3", "-١,٣"),
    "no second mark": HEAD + HUNK.replace(" @@\n", "\n", 1),
    "endless length": HEAD + HUNK.replace("-1,3", "-1," + "9" * 100_000),
    "cut off": (HEAD + HUNK)[:-8],
    "cut off in the header": HEAD[:20],
    "cut off after the header": HEAD,
    "line after the hunk": HEAD + HUNK + "+more\n",
    "combined": "diff --cc a.py\n--- a/a.py\n+++ b/a.py\n@@@ -1 -1 +1 @@@\n--x\n++y\n",
    "prose": "I have fixed the bug.\n" * 100,
    "bytes": "\x00\x01\x02" * 1_000,
    "json": '{"patch": "diff"}',
    "other text": HEAD + HUNK.replace(" one", " eins"),
    "no such file": (HEAD + HUNK).replace("a.py", "b.py"),
    "parent": (HEAD + HUNK).replace("a.py", "../a.py"),
    "absolute": (HEAD + HUNK).replace("/a.py", "//etc/passwd"),
    "git folder": f"--- /dev/null\n+++ b/.git/hooks/x\n@@ -0,0 +1 @@\n+x\n{HEAD}{HUNK}",
    "git folder in capitals": "--- /dev/null\n+++ b/.GIT/config\n@@ -0,0 +1 @@\n+x\n",
    "new file that is there": "--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+x\n",
    "below a file": "--- /dev/null\n+++ b/a.py/x\n@@ -0,0 +1 @@\n+x\n",
    "through a link": (
        "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/tmp\n"
        "diff --git a/l/x b/l/x\nnew file mode 100644\n--- /dev/null\n+++ b/l/x\n@@ -0,0 +1 @@\n+x\n"
    ),
    "odd mode": "diff --git a/x b/x\nnew file mode 999999\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n",
    "binary damage": (
        "diff --git a/x b/x\nnew file mode 100644\nindex 0000000..1111111\nGIT binary patch\nliteral 5\nMc$!!\n\n"
    ),
    "two names": "diff --git a/a.py b/b.py\n" + HUNK,
    "parent inside": (HEAD + HUNK).replace("a.py", "x/../../a.py"),
    "drive": (HEAD + HUNK).replace("a.py", "C:\\a.py"),
    "quoted parent": (HEAD + HUNK)
    .replace("a/a.py", '"a/\\056\\056/a.py"')
    .replace("b/a.py", '"b/\\056\\056/a.py"'),
    "home": (HEAD + HUNK).replace("a.py", "~/a.py"),
    "zero lines that are there": HEAD + HUNK.replace("-1,3 +1,3", "-0,0 +0,0"),
    "hunk in a hunk": HEAD + HUNK.replace(" three", "@@ -1 +1 @@\n three"),
    "sign that is none": HEAD + HUNK.replace("-two", "*two"),
    "rename that is none": "diff --git a/a.py b/c.py\nsimilarity index 100%\nrename from no.py\nrename to c.py\n",
    "copy of nothing": "diff --git a/no.py b/c.py\nsimilarity index 100%\ncopy from no.py\ncopy to c.py\n",
    "delta without its base": (
        "diff --git a/x b/x\nnew file mode 100644\nindex 0000000..1111111\nGIT binary patch\ndelta 5\nMc$!!\n\n"
    ),
    "null device twice": "diff --git a/a.py b/a.py\n--- /dev/null\n+++ /dev/null\n" + HUNK,
}


#: What makes a careless regular expression or a stack go on for ever, in the language that falls for it.
BAIT = {
    "open comments": ("a.html", b"<!--" * 200),
    "open tags": ("a.html", b"<a " * 300),
    "attributes": ("a.xml", b"<a b='" * 150),
    "entities": ("a.xml", b"&" * 900),
    "quotes": ("a.py", b"'" * 900),
    "raw strings": ("a.cpp", b'R"(' * 300),
    "templates": ("a.js", b"`${" * 300),
    "regular expressions": ("a.js", b"/[" * 400),
    "braces": ("a.css", b"{" * 900),
    "slashes": ("a.scss", b"/*" * 400),
    "heredocs": ("a.rb", b"<<A " * 200),
    "percents": ("a.rb", b"%q{" * 300),
    "matches": ("a.pl", b"m{" * 450),
    "dollars": ("a.sh", b"$((" * 300),
    "backslashes": ("a.c", b"\\" * 900),
    "directives": ("a.c", b"#if(" * 220),
    "generics": ("a.java", b"A<" * 450),
    "lifetimes": ("a.rs", b"'a " * 300),
    "brackets": ("a.lua", b"[=[" * 300),
    "parentheses": ("a.lisp", b"(" * 900),
    "emphasis": ("a.md", b"*_" * 450),
    "links": ("a.md", b"[](" * 300),
    "roles": ("a.rst", b":a:`" * 220),
    "tables": ("a.rst", b"+-" * 450),
    "indents": ("a.yaml", b"- " * 450),
    "anchors": ("a.yaml", b"&a *a " * 150),
    "escapes": ("a.json", b'"\\u' * 220),
    "words": ("a.sql", b"select " * 120),
    "dollars of strings": ("a.sql", b"$a$" * 300),
    "macros": ("a.tex", b"\\a{" * 220),
    "tags of a template": ("a.jinja", b"{%{{" * 200),
    "php": ("a.php", b"<?php " * 150),
    "go": ("a.go", b"func(" * 180),
    "kotlin": ("a.kt", b'"${' * 300),
    "haskell": ("a.hs", b"{-" * 450),
    "ocaml": ("a.ml", b"(*" * 450),
    "diffs": ("a.diff", b"@@ -1 +1 @@ " * 70),
    "make": ("Makefile", b"$(a " * 220),
}


def _costly() -> Iterator[tuple[str, Files, Files]]:
    """Name, base and result: each small for a repository and large for a careless program."""
    bait = {
        "python": ("a.py", b"(" * 900),
        "javascript": ("a.js", b"x<" * 450),
        "rust": ("a.rs", b"r#" * 450),
        "scala": ("a.scala", b"[" * 900),
    }
    for name, (path, line) in bait.items():
        text = (line + b"\n") * (100_000 // (len(line) + 1))
        yield f"lexer {name}", {path: b"x\n" + text}, {path: b"y\n" + text}
    for name, (path, line) in BAIT.items():
        yield f"bait {name}", {path: b"x\n"}, {path: b"x\n" + (line + b"\n") * (120_000 // (len(line) + 1))}
    yield "megabyte line", {"a.py": b"x\n"}, {"a.py": b"x" * 1_000_000 + b"\n"}
    yield "megabyte line changed", {"a.js": b"x" * 1_000_000}, {"a.js": b"x" * 999_999 + b"y"}
    yield "two megabytes of odd characters", {"a.py": b"\n"}, {"a.py": (b"\x01" * 199 + b"\n") * 9_000}
    yield "odd characters on one line", {"a.py": b"\n"}, {"a.py": b"\x01" * 1_000_000}
    yield "deep brackets", {"a.json": b"[]"}, {"a.json": b"[" * 90_000 + b"]" * 90_000}
    yield "deep blanks", {"a.py": b"\n"}, {"a.py": b"".join(b" " * n + b"x\n" for n in range(1_500))}
    yield "only tabs", {"a.py": b"\n"}, {"a.py": b"\t" * 1_000_000 + b"x\n"}
    words = b" ".join(b"a b".split() * 50)
    other = b" ".join(b"b a c".split() * 33)
    yield (
        "alike words",
        {"a.txt": b"".join(b"%b %d\n" % (words, n) for n in range(4_000))},
        {"a.txt": b"".join(b"%b %d\n" % (other, n) for n in range(4_000))},
    )
    yield (
        "many pairs",
        {"a.txt": b"".join(words + b"\n" if n % 21 else b"%d\n" % n for n in range(8_000))},
        {"a.txt": b"".join(other + b"\n" if n % 21 else b"%d\n" % n for n in range(8_000))},
    )
    yield (
        "equal lines moved about",
        {"a.txt": b"".join(b"%d\n" % (n % 50) for n in range(9_000))},
        {"a.txt": b"".join(b"%d\n" % (n * 7 % 50) for n in range(9_000))},
    )
    yield (
        "many definitions",
        {"a.py": b"".join(b"def f%d(): 1\n" % n for n in range(15_000))},
        {"a.py": b"".join(b"def f%d(): %d\n" % (n, 1 + (n % 12 == 0)) for n in range(15_000))},
    )
    yield "many lines", {"a.txt": b"x\n"}, {"a.txt": b"y\n" * 400_000}
    yield "empty lines", {"a.txt": b"x\n"}, {"a.txt": b"\n" * 600_000}
    many = {f"d/{n}.py": b"x = %d\n" % n for n in range(300)}
    yield "many files", many, {path: text + b"y\n" for path, text in many.items()}
    yield "many new files", {"a.py": b"\n"}, {f"n/{n}.py": b"import x\n" for n in range(500)}


COSTLY = {name: (base, result) for name, base, result in _costly()}
CONTENT = {
    f"{name} in {path}": ({path: b"start\n"}, {path: b"start\n" + text})
    for name, text in MARKUP.items()
    for path in ("a.py", "a.html", "a.md", "a.js")
}
NAMED = {name: ({path: b"x\n"}, {path: b"<b>y</b>\n"}) for name, path in NAMES.items()}
