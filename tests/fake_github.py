"""A host whose API tells of pull requests as GitHub's does: over TLS, with a token, pages of files, and limits."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from marlin.sources import now

NAME = "api.tides.example"


@dataclass
class Github:
    """What it holds by number, what it was asked, and how it answers when it does not."""

    certificate: Path
    port: int = 0
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    #: (path, token)
    asked: list[tuple[str, str]] = field(default_factory=list)
    #: So many requests are answered, then this status with these headers.
    limit: int = 1_000
    status: int = 403
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"https://{NAME}/repos"

    def answer(self, path: str, accept: str) -> tuple[int, bytes]:
        if len(self.asked) > self.limit:
            return self.status, b"{}"
        parts = urlsplit(path)
        words = parts.path.split("/")  # "", repos, owner, name, pulls, number[, files]
        pull = self.pulls.get(int(words[5]))
        if pull is None:
            return 404, b"{}"
        if words[6:] == ["files"]:
            asked = parse_qs(parts.query)
            size, page = int(asked["per_page"][0]), int(asked["page"][0])
            return 200, json.dumps(pull["files"][(page - 1) * size : page * size]).encode()
        if accept.endswith("diff"):
            return 200, b"diff --git a/tide.py b/tide.py\n"
        return 200, json.dumps({key: value for key, value in pull.items() if key != "files"}).encode()


@contextmanager
def serve(folder: Path) -> Iterator[Github]:
    """It answers on a port of this machine until the block ends."""
    github = Github(certificate(folder, NAME))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            github.asked.append((self.path, self.headers.get("Authorization", "")))
            status, body = github.answer(self.path, self.headers["Accept"])
            self.send_response(status)
            for name, value in github.headers.items() if status != 200 else ():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(github.certificate)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    github.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certificate(folder: Path, host: str) -> Path:
    """Key and certificate of a host that signs for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "host.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path
