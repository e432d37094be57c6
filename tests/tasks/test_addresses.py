"""Which addresses of repositories we fetch from, and why not from the others."""

import pytest

from tasks.addresses import RefusedUrl, check_url


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.org/team/tide.git",
        "https://git.example.org:443/team/tide",
        "https://93.184.216.34/tide.git",
    ],
)
def test_an_https_address_of_a_public_host_is_given_back(url):
    assert check_url(url) == url


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://git.example.org:8443/tide", "must not name a port"),
        ("https://git.example.org:port/tide", "not an address we can read"),
        ("https://git.example.org/tide?token=1", "must not contain"),
        ("https://git.example.org/tide#main", "must not contain"),
        ("https://git.example.org/", "must name a repository"),
        ("https://tide/tide", "must name a host"),
        ("https://gateway.internal/tide", "private network"),
        ("https://2130706433/tide", "private network"),
        ("https://[::1]/tide", "private network"),
        ("https://[::ffff:10.0.0.1]/tide", "private network"),
        ("https://git.example.org/ti de", "must not be empty or contain spaces"),
        (" https://git.example.org/tide", "must not be empty or contain spaces"),
        ("https://git.example.org/tide\n", "must not be empty or contain spaces"),
        ("ftp://git.example.org/tide", "Only https://"),
        ("git@git.example.org:team/tide", "Only https://"),
        ("file:///srv/tide", "only by a development setting"),
    ],
)
def test_every_other_address_is_refused_with_its_reason(url, sentence):
    with pytest.raises(RefusedUrl, match=sentence):
        check_url(url)


@pytest.mark.parametrize("url", ["/srv/tide", "file:///srv/tide"])
def test_local_paths_are_for_development(url):
    assert check_url(url, allow_local=True) == url


def test_a_local_path_is_absolute():
    with pytest.raises(RefusedUrl, match="absolute path"):
        check_url("file://srv/tide", allow_local=True)
