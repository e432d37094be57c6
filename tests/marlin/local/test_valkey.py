"""The embedded Valkey: the address both clients read, and coming back."""

from __future__ import annotations

import redis
from kombu import Connection

from marlin.local.servers import Servers


def test_the_address_is_one_that_redis_py_reads(servers: Servers):
    with redis.Redis.from_url(servers.environment["REDIS_URL"]) as client:
        assert client.ping()


def test_the_address_is_one_that_kombu_reads_after_the_scheme(servers: Servers):
    url = servers.environment["REDIS_URL"].replace("unix://", "redis+socket://")

    with Connection(url) as connection:
        connection.ensure_connection(max_retries=1)

        assert connection.connected


def test_nobody_else_reaches_the_socket(servers: Servers):
    assert servers.valkey
    assert servers.valkey.socket.parent.stat().st_mode & 0o777 == 0o700


def test_a_killed_server_comes_back(servers: Servers):
    assert servers.valkey
    servers.valkey.kill()
    answered = servers.valkey.answers()

    restarted = servers.restart_dead()

    assert not answered
    assert restarted == ["valkey"]
    assert servers.valkey.answers()
