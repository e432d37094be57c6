"""Which servers are ours to start, and what the environment says about them."""

from __future__ import annotations

import pytest

from marlin.local import CannotServe
from marlin.local.area import area_at
from marlin.local.processes import MARK
from marlin.local.servers import URLS, Servers, servers_in, user_environment

THEIRS = dict.fromkeys(URLS, "postgresql://somebody:secret@database.example/marlin")


def test_with_every_address_given_nothing_is_started(folder):
    given = {**THEIRS, "REDIS_URL": "redis://broker.example/0"}

    with servers_in(area_at(folder), given) as servers:
        assert servers.postgres is None
        assert servers.valkey is None
        assert given.items() <= servers.environment.items()


def test_addresses_that_a_person_gave_are_not_written_down(folder):
    with servers_in(area_at(folder), {**THEIRS, "REDIS_URL": "redis://broker.example/0"}):
        assert "example" not in (folder / "env").read_text()


@pytest.mark.parametrize("missing", URLS)
def test_half_a_database_is_refused_by_the_name_of_the_missing_variable(folder, missing):
    given = {name: url for name, url in THEIRS.items() if name != missing}

    with pytest.raises(CannotServe, match=f"but {missing} is not"), servers_in(area_at(folder), given):
        pass


def test_a_broker_of_ones_own_goes_with_the_embedded_database(folder):
    with servers_in(area_at(folder), {"REDIS_URL": "redis://broker.example/0"}, fast=True) as servers:
        assert servers.postgres
        assert servers.valkey is None
        assert servers.environment["REDIS_URL"] == "redis://broker.example/0"


def test_the_file_for_settings_is_private_and_complete(servers: Servers):
    assert servers.postgres
    var = servers.postgres.log.parent.parent
    lines = (var / "env").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if not line.startswith("#")}

    assert (var / "env").stat().st_mode & 0o777 == 0o600
    assert (var / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert names >= {*URLS, "REDIS_URL", "SECRET_KEY", "MARLIN_WORK", "MARLIN_BWRAP", "MEDIA_ROOT"}


def test_what_a_person_sets_wins_over_what_we_find(folder):
    given = {**THEIRS, "REDIS_URL": "redis://broker.example/0", "SECRET_KEY": "chosen"}

    with servers_in(area_at(folder), given) as servers:
        assert servers.environment["SECRET_KEY"] == "chosen"


def test_what_another_start_exported_is_nobodys_wish(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "unix:///somewhere")
    monkeypatch.setenv("PORT", "9000")

    monkeypatch.setenv(MARK, "/somewhere/var")
    inherited = user_environment()
    monkeypatch.delenv(MARK)
    chosen = user_environment()

    assert "REDIS_URL" not in inherited
    assert inherited["PORT"] == "9000"
    assert chosen["REDIS_URL"] == "unix:///somewhere"
