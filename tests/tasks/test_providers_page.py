"""The admin's pages of providers: address, key, prices, pause."""

from io import StringIO

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from marlin.models import Event
from tasks import providers
from tasks.gateway import sealing
from tasks.models import Price, Provider, ProviderSecret, SealingKey
from tests import factories

TYPED = {
    "name": "Reef",
    "dialect": "anthropic",
    "base_url": "https://api.example.org/",
    "concurrency": "3",
    "monthly_budget": "250",
}


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def provider(db: None) -> Provider:
    return factories.make_provider(name="Southbank", models=["southbank-large"])


def page_of(provider: Provider, tail: str = "") -> str:
    return f"/providers/{provider.public_id}/{tail}"


def test_adding_one_serves_the_versions_that_name_it(admin):
    version = factories.make_agent_version(
        provider="Reef", settings={"argv": ["true"], "dialect": "anthropic"}
    )

    answer = admin.post("/providers/", TYPED, follow=True)

    added = Provider.objects.get(name="Reef")
    assert b"None yet, so nothing can be asked here." in answer.content
    assert (added.base_url, added.concurrency) == ("https://api.example.org", 3)
    version.refresh_from_db()
    assert version.served_by == added
    assert Event.objects.filter(name="provider.added", subject=str(added.public_id)).count() == 1


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://api.example.org", "Use https"),
        ("https://me:secret@api.example.org", "must not hold"),
        ("file:///etc/passwd", "An address looks like"),
    ],
)
def test_an_address_that_keys_must_not_go_to_is_refused(admin, address, says):
    answer = admin.post("/providers/", {**TYPED, "base_url": address})

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Provider.objects.exists()


def test_a_key_goes_in_and_never_comes_back(admin, provider):
    asked = admin.get(page_of(provider, "key"))
    admin.post(asked.url, {"password": factories.PASSWORD, "next": page_of(provider, "key")})
    answer = admin.post(page_of(provider, "key"), {"key": "sk-brand-new"}, follow=True)

    sealed = bytes(ProviderSecret.objects.get(provider=provider).sealed)
    assert sealing.unseal(sealed, private=factories.GATEWAY_KEY, provider=provider) == "sk-brand-new"
    assert b"sk-brand-new" not in answer.content
    assert b"sk-brand-new" not in admin.get(page_of(provider, "key")).content
    assert "sk-brand-new" not in str(Event.objects.values_list())


def test_a_key_is_not_kept_while_the_password_is_asked(client, ada, provider):
    client.force_login(ada)

    answer = client.post(page_of(provider, "key"), {"key": "sk-brand-new"})

    assert answer.status_code == 302
    assert all("sk-brand-new" not in str(each.get_decoded()) for each in Session.objects.all())
    assert client.get(page_of(provider, "key")).url.startswith("/account/reauthenticate/")


def test_another_address_needs_the_key_again(admin, provider):
    bounds = {"base_url": "https://elsewhere.example.org/v1", "concurrency": "4", "monthly_budget": ""}

    answer = admin.post(page_of(provider), bounds, follow=True)

    assert b"Set it again" in answer.content
    assert not ProviderSecret.objects.filter(provider=provider).exists()


def test_a_new_price_follows_the_old(admin, provider):
    amounts = {"input": "1", "output": "100", "cache_read": "0.1", "cache_write": "0"}

    answer = admin.post(page_of(provider, "price"), {"model": "southbank-large", **amounts}, follow=True)

    assert Price.objects.filter(provider=provider).count() == 2
    assert [each.amounts()["output"] for each in providers.prices_of(provider)] == ["100"]
    assert b'<td class="num">100</td>' in answer.content


def test_pausing_needs_a_reason_and_ends_when_resumed(admin, provider):
    admin.post(page_of(provider, "pause"), {"why": "  "})
    assert Provider.objects.get().state == "active"

    for _ in range(2):
        answer = admin.post(page_of(provider, "pause"), {"why": "Their status page is red."}, follow=True)
    assert b"Their status page is red." in answer.content
    admin.post(page_of(provider, "resume"))
    assert Provider.objects.get().state == "active"
    moves = Event.objects.filter(
        subject=str(provider.public_id), name__in=["provider.paused", "provider.active"]
    )
    assert [move.why for move in moves] == ["", ""], "web may read events: no words about guarded rows"


def test_the_command_seals_what_comes_by_standard_input(provider, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("sk-from-a-pipe\n"))

    call_command("set_provider_key", "Southbank", stdout=StringIO())

    sealed = bytes(ProviderSecret.objects.get(provider=provider).sealed)
    assert sealing.unseal(sealed, private=factories.GATEWAY_KEY, provider=provider) == "sk-from-a-pipe"
    with pytest.raises(CommandError, match="Southbank"):
        call_command("set_provider_key", "Nobody")


def test_before_the_gateway_ran_no_key_can_be_set(provider):
    ProviderSecret.objects.all().delete()
    SealingKey.objects.all().delete()

    with pytest.raises(providers.Refused, match="has not run yet"):
        providers.set_key(provider, "sk-early", by=None)
