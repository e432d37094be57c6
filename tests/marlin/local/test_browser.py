"""Which Chromium the browser tests get. That a real one starts is what tests/browser shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from marlin.local import CannotServe, browser

RENDERS = "echo '<html></html>'"


@pytest.fixture(autouse=True)
def nothing_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose PATH has one empty folder."""
    programs = folder / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("MARLIN_CHROMIUM", raising=False)
    monkeypatch.setattr(browser.sys, "executable", str(programs / "python"))
    return programs


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", [*browser.SHELLS, *browser.NAMES])
def test_an_installed_one_is_taken(folder, nothing_installed, name):
    installed = program(nothing_installed / name, RENDERS)

    assert browser.find(folder / "var") == installed


@pytest.mark.parametrize("script", ["exit 1", "true", "echo '<html></html>'; exit 1"])
def test_one_that_does_not_render_is_passed_over(folder, nothing_installed, script):
    program(nothing_installed / "chromium", script)
    works = program(nothing_installed / "google-chrome", RENDERS)

    assert browser.find(folder / "var") == works


def test_a_shell_is_taken_before_a_whole_one(folder, nothing_installed):
    program(nothing_installed / "chromium", RENDERS)
    shell = program(nothing_installed / "chromium-headless-shell", RENDERS)

    assert browser.find(folder / "var") == shell


def test_the_shell_of_an_installed_one_is_fetched_once(folder, nothing_installed, monkeypatch, capfd):
    program(nothing_installed / "chromium", RENDERS)
    shared = folder / "usr/lib/chromium"
    program(shared / "icudtl.dat", "data")
    monkeypatch.setattr(browser, "SHARED", shared)
    packed = program(folder / "packed", RENDERS)
    program(nothing_installed / "dpkg-query", "printf 156.0")
    program(nothing_installed / "apt-get", 'echo "$@" >&2; : > shell.deb')
    program(
        nothing_installed / "dpkg-deb",
        f"export PATH=/usr/bin:/bin; mkdir -p $3{shared}; cp {packed} $3{shared}/chromium-headless-shell",
    )

    found = [browser.find(folder / "var") for _ in range(2)]

    home = folder / "var" / "headless-shell"
    assert found == [home / "chromium-headless-shell"] * 2
    assert (home / "icudtl.dat").read_text() == "#!/bin/sh\ndata\n"
    assert capfd.readouterr().err.count("chromium-headless-shell=156.0") == 1


def test_where_no_shell_can_be_had_the_whole_one_does(folder, nothing_installed, capfd):
    installed = program(nothing_installed / "chromium", RENDERS)

    assert [browser.find(folder / "var") for _ in range(2)] == [installed, installed]
    assert capfd.readouterr().err.count("Then the whole one is used.") == 1


def test_the_named_one_comes_first(folder, nothing_installed, monkeypatch):
    program(nothing_installed / "chromium", RENDERS)
    named = program(folder / "mine", RENDERS)
    monkeypatch.setenv("MARLIN_CHROMIUM", str(named))

    assert browser.find(folder / "var") == named


def test_a_named_one_that_does_not_start_is_refused_by_the_variable(folder, nothing_installed, monkeypatch):
    program(nothing_installed / "chromium", RENDERS)
    monkeypatch.setenv("MARLIN_CHROMIUM", "/nowhere/chromium")

    with pytest.raises(CannotServe, match="MARLIN_CHROMIUM is /nowhere/chromium"):
        browser.find(folder / "var")


def test_one_that_was_fetched_before_is_used_again(folder):
    fetched = program(folder / "var" / "chromium" / "chromium", RENDERS)

    assert browser.find(folder / "var") == fetched


def test_playwrights_download_is_found(folder):
    downloaded = program(folder / "var" / "playwright" / "chromium-1200" / "chrome-linux" / "chrome", RENDERS)

    assert browser.find(folder / "var") == downloaded


def test_where_none_can_be_had_the_message_says_what_to_do(folder, capfd):
    with pytest.raises(CannotServe, match="apt-get install chromium"):
        browser.find(folder / "var")

    tried = capfd.readouterr().err
    assert "install Debian's package" in tried
    assert "unpack Debian's package" in tried
    assert "download Playwright's" in tried


def test_the_starter_finds_libraries_and_fonts_beside_it(folder):
    tree = folder / "tree"
    (tree / "usr/lib/some-linux-gnu").mkdir(parents=True)
    (tree / "usr/lib/some-linux-gnu/libdraw.so.1").touch()
    program(
        tree / "usr/lib/chromium/chromium-headless-shell",
        'echo "$LD_LIBRARY_PATH $FONTCONFIG_FILE $1"; echo "<html>"',
    )

    browser._write_starter(folder, tree)

    assert browser.starts(folder / "chromium")
    assert f"{tree}/usr/lib/some-linux-gnu" in (folder / "chromium").read_text()
    assert f"{tree}/usr/share/fonts" in (folder / "fonts.conf").read_text()
