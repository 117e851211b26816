"""The vault: opens what it sealed and nothing else; its key file is for its owner only."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.domain.errors import Unavailable
from tidings.store.vault import KEY_FILE, FileVault

VAULT = FileVault(b"k" * 32)


@given(st.binary(max_size=300))
def test_what_was_sealed_opens_again(plain: bytes) -> None:
    sealed = VAULT.seal(plain)
    assert VAULT.open(sealed) == plain
    assert len(plain) < 4 or plain not in sealed


def test_the_same_secret_is_never_sealed_the_same_way() -> None:
    assert VAULT.seal(b"secret") != VAULT.seal(b"secret")


@given(st.binary(max_size=80))
def test_what_was_not_sealed_here_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="not sealed by this vault"):
        VAULT.open(junk)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_one_changed_bit_is_noticed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(VAULT.seal(plain))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match="not sealed by this vault"):
        VAULT.open(bytes(sealed))


def test_another_key_does_not_open() -> None:
    with pytest.raises(ValueError, match="not sealed by this vault"):
        FileVault(b"o" * 32).open(VAULT.seal(b"secret"))


def test_every_use_has_a_key_of_its_own() -> None:
    assert VAULT.derive("links") == VAULT.derive("links")
    assert len({VAULT.derive("links"), VAULT.derive("sessions"), VAULT.derive("vault"), b"k" * 32}) == 4
    assert len(VAULT.derive("links")) == 32


def test_the_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = FileVault.load(tmp_path / "data")
    file = tmp_path / "data" / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == [KEY_FILE]
    assert FileVault.load(tmp_path / "data").open(first.seal(b"x")) == b"x"


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: FileVault.load(tmp_path), range(8)))
    assert len({vault.derive("links") for vault in vaults}) == 1
    assert os.listdir(tmp_path) == [KEY_FILE]


def test_a_missing_key_beside_a_database_is_told_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"secret\.key is missing"):
        FileVault.load(tmp_path, create=False)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_key_file_open_to_others_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    FileVault.load(tmp_path)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        FileVault.load(tmp_path)


def test_a_damaged_key_file_is_told(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("short\n")
    (tmp_path / KEY_FILE).chmod(0o600)
    with pytest.raises(Unavailable, match="damaged"):
        FileVault.load(tmp_path)


def test_the_setting_wins_over_the_file_and_writes_none(tmp_path: Path) -> None:
    vault = FileVault.load(tmp_path, "s" * 40)
    assert os.listdir(tmp_path) == []
    assert vault.derive("links") == FileVault(b"s" * 40).derive("links")
