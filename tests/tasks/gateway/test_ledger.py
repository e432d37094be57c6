"""Who may ask, what it costs, and where the money ends."""

from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.test import override_settings

from tasks import providers
from tasks.gateway import access, sealing
from tasks.gateway.ledger import Books, Exchange, Refused
from tasks.gateway.prices import Rates, Tokens, cost
from tasks.models import ModelAccess, ModelRequest, Outcome, Provider, Run, Spending
from tests import factories

MODEL = "southbank-large"
USED = Exchange("openai-chat", Outcome.ANSWERED, status=200, tokens=Tokens(1_000, 2_000, 500, 100))
USED_COST = Decimal("0.03352500")  # (1000·3 + 2000·15 + 500·0.3 + 100·3.75) / 1e6


@pytest.fixture
def provider(db: None) -> Provider:
    return factories.make_provider(models=[MODEL])


@pytest.fixture
def run(provider: Provider) -> Run:
    versions = [
        factories.make_agent_version(model=MODEL, provider=provider.name, served_by=provider)
        for _ in range(2)
    ]
    task = factories.make_task(versions=versions)
    return factories.start_run(task.turns.get().pair(1)[0])


@pytest.fixture
def door(run: Run) -> ModelAccess:
    return ModelAccess.objects.create(agent_version=run.candidate.origin.agent_version, run=run)


@pytest.fixture
def books() -> Books:
    return Books(factories.GATEWAY_KEY)


def experiment_of(run: Run):
    return run.candidate.turn.task.experiment


def test_a_grant_names_model_and_key(books, door, provider):
    grant = books.admit(door.token, 10)

    assert (grant.model, grant.key, grant.base_url) == (MODEL, "sk-real-secret", provider.base_url)
    assert "sk-real-secret" not in repr(grant)


def test_what_was_used_is_priced_and_added_up(books, door, run):
    for _ in range(2):
        books.record(books.admit(door.token, 10), USED)

    run.refresh_from_db()
    assert run.cost == 2 * USED_COST
    assert {row.cost for row in ModelRequest.objects.all()} == {USED_COST}
    scopes = {row.key.partition(":")[0]: row.spent for row in Spending.objects.all()}
    assert scopes == dict.fromkeys(("run", "task", "experiment", "month"), 2 * USED_COST)


def test_cost_is_rounded_once_and_half_to_even():
    rates = Rates(Decimal("0.005"), Decimal("0.015"), Decimal(0), Decimal(0))

    assert cost(Tokens(input=1), rates) == Decimal("0.00000000")
    assert cost(Tokens(output=1), rates) == Decimal("0.00000002")
    assert cost(Tokens(input=1, output=1), rates) == Decimal("0.00000002")


@pytest.mark.parametrize("scope", ["run", "task", "experiment", "month"])
def test_each_budget_stops_the_next_request(books, door, run, provider, scope):
    bound = Decimal("0.05")
    if scope == "month":
        Provider.objects.update(monthly_budget=bound)
    else:
        field = "provider_budget" if scope == "experiment" else f"{scope}_budget"
        type(experiment_of(run)).objects.update(**{field: bound})

    books.record(books.admit(door.token, 10), USED)
    books.record(books.admit(door.token, 10), USED)

    with pytest.raises(Refused, match=f"budget of this {scope}") as refused:
        books.admit(door.token, 10)
    assert refused.value.outcome is Outcome.BUDGET


@override_settings(RUN_BUDGET=Decimal("0.0004"))
def test_requests_under_way_count_before_they_are_answered(books, door):
    first = books.admit(door.token, 100)

    with pytest.raises(Refused):
        books.admit(door.token, 100)
    books.release(first)
    books.admit(door.token, 100)


def test_without_a_price_nothing_is_asked(books, door):
    door.agent_version.model = "unknown-model"
    door.agent_version.save()

    with pytest.raises(Refused, match="no price"):
        books.admit(door.token, 10)


def test_a_price_holds_from_its_day_on(books, door, provider):
    old = books.admit(door.token, 10)
    dear = dict.fromkeys(("input", "output", "cache_read", "cache_write"), Decimal(100))
    providers.set_price(provider, MODEL, dear, by=None)

    assert books.record(old, USED) == USED_COST
    assert books.admit(door.token, 10).rates.input == 100


def test_a_refused_key_pauses_the_provider_once(books, door, provider):
    refused = Exchange("openai-chat", Outcome.REFUSED, "It refuses our key.", status=401, stops_provider=True)
    two = [books.admit(door.token, 10), books.admit(door.token, 10)]
    for grant in two:
        books.record(grant, refused)

    provider.refresh_from_db()
    assert (provider.state, provider.pause_reason) == ("paused", "It refuses our key.")
    assert access.is_held(door.agent_version.__class__.objects.get(pk=door.agent_version.pk))
    with pytest.raises(Refused, match="paused"):
        books.admit(door.token, 10)


def test_an_access_ends_with_its_run(books, door, run):
    assert books.still_open(None) == {door.token}

    run.end(Run.State.LOST)

    assert books.still_open({door.token}) == set()
    with pytest.raises(Refused, match="ended"):
        books.admit(door.token, 10)


def test_only_the_last_request_tells_whose_failure_it_is(books, door):
    opened = access.Opened(door, None)
    for outcome in (Outcome.PROVIDER, Outcome.ANSWERED):
        books.record(books.admit(door.token, 10), Exchange("openai-chat", outcome, "It said so."))
    assert opened.fault() is None

    late = Exchange("openai-chat", Outcome.PROVIDER, "It was busy.", status=429, retry_after=30.0)
    books.record(books.admit(door.token, 10), late)
    fault = opened.fault()
    assert fault
    assert (fault.kind, fault.retry_after, fault.is_agents) == ("provider", 30.0, False)

    books.note_refusal(door.token, "openai-chat", Refused(Outcome.BUDGET, "It is spent."))
    assert opened.fault().is_agents


def test_a_key_opens_for_its_gateway_and_its_address_alone(provider):
    sealed = bytes(provider.secret.sealed)
    assert sealing.unseal(sealed, private=factories.GATEWAY_KEY, provider=provider) == "sk-real-secret"

    with pytest.raises(sealing.CannotOpen):
        sealing.unseal(sealed, private=X25519PrivateKey.generate(), provider=provider)
    provider.base_url = "https://thief.example.org/v1"
    with pytest.raises(sealing.CannotOpen):
        sealing.unseal(sealed, private=factories.GATEWAY_KEY, provider=provider)


def test_the_private_key_is_made_once_and_closed_to_others(tmp_path: Path):
    path = tmp_path / "gateway" / "private.key"

    first = sealing.read_or_make(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert sealing.public_of(sealing.read_or_make(path)) == sealing.public_of(first)
    path.chmod(0o644)
    with pytest.raises(sealing.KeyUnusable, match="0600"):
        sealing.read_or_make(path)


def test_an_agent_without_a_provider_gets_no_door(db):
    with access.opened(factories.make_agent_version()) as opened:
        assert opened.door is None
        assert opened.fault() is None
