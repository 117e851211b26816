"""The key and its certificate, the process that signs, and what the server does when that dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from tests.support.build import NOW

from tidings.delivery import signer as signer_module
from tidings.delivery import signing_process
from tidings.delivery.certificate import CERTIFICATE_FILE, KEY_FILE, load_identity
from tidings.delivery.signer import ProcessSigner
from tidings.domain.errors import Unavailable


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a key and its certificate."""
    folder = tmp_path_factory.mktemp("signing")
    load_identity(folder, "news.example", NOW)
    return folder


def is_signed(folder: Path, text: bytes, signature: str, algorithm: hashes.HashAlgorithm) -> bool:
    """Raises InvalidSignature."""
    public = x509.load_pem_x509_certificate((folder / CERTIFICATE_FILE).read_bytes()).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(b64decode(signature), text, padding.PKCS1v15(), algorithm)
    return True


def test_an_identity_is_made_once_and_named_by_its_content(folder: Path) -> None:
    first, again = load_identity(folder, "other.example", NOW), load_identity(folder, "news.example", NOW)
    assert first == again
    assert first.key_path == folder / KEY_FILE
    assert first.name == f"SimpleNotificationService-{first.digits}.pem"
    assert len(first.digits) == 32
    certificate = x509.load_pem_x509_certificate(first.certificate)
    assert certificate.subject.rfc4514_string() == "CN=news.example"
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("name", "common"), [("", "tidings"), ("x" * 100, "x" * 64)])
def test_any_host_has_a_common_name(tmp_path: Path, name: str, common: str) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"half of a first start")
    certificate = x509.load_pem_x509_certificate(load_identity(tmp_path, name, NOW).certificate)
    assert certificate.subject.rfc4514_string() == f"CN={common}"


# --- the process, run here -------------------------------------------------------------------------------------------------------------


class Pipes:
    """Standard input and output of the process: `chunks` are read one by one, each write takes at most `most` octets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, chunks: list[bytes], most: int = 1 << 20) -> None:
        self.written, self.writes = bytearray(), 0
        self.ignored: list[int] = []

        def write(_: int, data: bytes) -> int:
            self.writes += 1
            self.written += data[:most]
            return min(len(data), most)

        monkeypatch.setattr(signing_process.os, "read", lambda _, __: chunks.pop(0) if chunks else b"")
        monkeypatch.setattr(signing_process.os, "write", write)
        monkeypatch.setattr(signing_process.signal, "signal", lambda number, _: self.ignored.append(number))

    def signatures(self) -> list[str]:
        found, rest = [], bytes(self.written)
        while rest:
            length = int.from_bytes(rest[:2], "big")
            found.append(rest[2 : 2 + length].decode())
            rest = rest[2 + length :]
        return found


def request(text: bytes, algorithm: int = 2) -> bytes:
    return len(text).to_bytes(4, "big") + bytes([algorithm]) + text


def run_process(monkeypatch: pytest.MonkeyPatch, key: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["signing_process", str(key)])
    signing_process.main()


def test_requests_are_answered_in_order_however_they_are_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = request(b"one", 1) + request(b"") + request(b"three")
    pipes = Pipes(monkeypatch, [stream[:3], stream[3:6], stream[6:12], stream[12:]], most=100)
    run_process(monkeypatch, folder / KEY_FILE)
    one, empty, three = pipes.signatures()
    assert is_signed(folder, b"one", one, hashes.SHA1())
    assert is_signed(folder, b"", empty, hashes.SHA256())
    assert is_signed(folder, b"three", three, hashes.SHA256())
    assert pipes.ignored == [signal.SIGINT, signal.SIGTERM]


def test_many_answers_are_not_held_back_until_the_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipes = Pipes(monkeypatch, [request(b"x") * 14])
    run_process(monkeypatch, folder / KEY_FILE)
    assert len(pipes.signatures()) == 14
    assert pipes.writes == 2


def test_a_key_of_another_kind_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key").write_bytes(pem)
    Pipes(monkeypatch, [])
    with pytest.raises(SystemExit, match="not an RSA key"):
        run_process(monkeypatch, tmp_path / "key")


# --- the server's side -----------------------------------------------------------------------------------------------------------------


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not what():
            await asyncio.sleep(0.005)


@pytest.fixture
async def signer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProcessSigner]:
    monkeypatch.setattr(signer_module, "RESTART_S", 0.0)
    signer = ProcessSigner(folder / KEY_FILE, "https://news.example/certs/x.pem")
    await signer.start()
    yield signer
    await signer.close()
    await until(lambda: signer._transport is None)


def kill(signer: ProcessSigner) -> None:
    transport = signer._transport
    assert transport is not None
    pid = transport.get_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def test_the_process_signs_what_it_is_given(signer: ProcessSigner, folder: Path) -> None:
    texts = [b"text %d" % number for number in range(20)]
    found = await asyncio.gather(*(signer.sign(text, "sha256") for text in texts))
    assert all(
        is_signed(folder, text, signature, hashes.SHA256()) for text, signature in zip(texts, found, strict=True)
    )


async def test_a_process_that_dies_is_replaced_and_owes_nothing(signer: ProcessSigner, folder: Path) -> None:
    first = signer._transport
    kill(signer)
    asked = [asyncio.ensure_future(signer.sign(text, "sha256")) for text in (b"one", b"two")]
    await until(lambda: signer._transport is not first)
    asked.append(asyncio.ensure_future(signer.sign(b"three", "sha256")))
    found = await asyncio.gather(*asked)
    for text, signature in zip((b"one", b"two", b"three"), found, strict=True):
        assert is_signed(folder, text, signature, hashes.SHA256())


async def test_who_gave_up_waiting_disturbs_nobody(signer: ProcessSigner, folder: Path) -> None:
    gone = asyncio.ensure_future(signer.sign(b"gone", "sha256"))
    await asyncio.sleep(0)
    gone.cancel()
    assert is_signed(folder, b"next", await signer.sign(b"next", "sha256"), hashes.SHA256())


async def test_no_more_than_so_many_wait_inside(signer: ProcessSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signer_module, "WAITING_MAX", 4)
    asked = [asyncio.ensure_future(signer.sign(b"x", "sha1")) for _ in range(12)]
    await asyncio.sleep(0)
    assert len(signer._waiting) == 4
    assert len(set(await asyncio.gather(*asked))) == 1


def test_signatures_are_read_however_they_are_cut() -> None:
    class Asked(ProcessSigner):
        def __init__(self) -> None:
            self.got: list[str] = []

        def signed(self, signature: str) -> None:
            self.got.append(signature)

    stream = b"\x00\x03one\x00\x00\x00\x05three"
    for cut in range(len(stream)):
        asked = Asked()
        pipe = signer_module._Pipe(asked)
        pipe.pipe_data_received(1, stream[:cut])
        pipe.pipe_data_received(1, stream[cut:])
        assert asked.got == ["one", "", "three"]


async def test_after_the_end_nothing_is_signed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signer_module, "WAITING_MAX", 2)
    signer = ProcessSigner(folder / KEY_FILE, "")
    await signer.start()
    os.kill(signer._transport.get_pid(), signal.SIGSTOP)  # type: ignore[union-attr,arg-type]
    asked = [asyncio.ensure_future(signer.sign(b"x", "sha256")) for _ in range(4)]
    await asyncio.sleep(0)
    asked[0].cancel()
    await asyncio.sleep(0)
    await signer.close()
    await until(lambda: signer._transport is None)
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in found] == [asyncio.CancelledError, Unavailable, Unavailable, Unavailable]
    with pytest.raises(Unavailable):
        await signer.sign(b"x", "sha256")


async def test_an_end_between_two_processes_starts_no_other(
    signer: ProcessSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer_module, "RESTART_S", 600.0)
    kill(signer)
    await until(lambda: signer._transport is None)
    asked = asyncio.ensure_future(signer.sign(b"x", "sha256"))
    await asyncio.sleep(0)
    await signer.close()
    with pytest.raises(Unavailable):
        await asked
    await asyncio.sleep(0)
    assert not signer._restarts
