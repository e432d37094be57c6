"""Which language a prompt is in, and that the desk says so when no experiment asks for it."""

from __future__ import annotations

import pytest

from tasks import scenarios as desk
from tasks.models import Experiment
from tasks.tongues import language_of
from tests import factories

GERMAN = (
    "Wenn ein Eintrag abgelaufen ist, soll der Cache ihn nicht mehr ausgeben, und die Statistik muss das auch "
    "zeigen. Das gilt für alle Einträge, die mit einer Frist abgelegt werden."
)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (factories.WRITTEN["prompt"], "English"),
        (GERMAN, "German"),
        (f"{GERMAN}\n```\nthe of and to is that it for with as be this are not when\n```", "German"),
        (
            "Quand une entrée est expirée, le cache ne doit pas la rendre et il faut que les chiffres le disent.",
            "French",
        ),
        (
            "Когда запись устарела, кэш не должен её возвращать, и статистика должна это показывать.",
            "Russian",
        ),
        ("期限が切れた項目をキャッシュが返してはいけません。統計にも表示してください。", "Japanese"),
        ("缓存不应返回已过期的条目，统计信息也必须显示这一点。", "Chinese"),
        ("Fix TideCache.get", ""),
        ("tide cache clock query entry age key value store file line word byte count", ""),
        ("", ""),
    ],
)
def test_a_language_is_told_by_its_words_or_letters_and_never_guessed(text, language):
    assert language_of(text) == language


def test_another_language_than_every_experiment_asks_for_is_told(riley):
    draft = factories.make_draft(riley)
    factories.make_experiment()
    Experiment.objects.update(language="English")

    told = [
        finding.sentence
        for finding in desk.warnings(draft, {"prompt": GERMAN})
        if finding.check == "language"
    ]
    fine = [finding.check for finding in desk.warnings(draft, {"prompt": factories.WRITTEN["prompt"]})]
    Experiment.objects.update(language="")

    assert told == ["This reads as German; the experiments take scenarios in English."]
    assert "language" not in fine
    assert "language" not in [finding.check for finding in desk.warnings(draft, {"prompt": GERMAN})]
