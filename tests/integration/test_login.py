"""How functions connect to Postgres on AWS: with verified TLS, and an IAM token as the password."""

import re
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from order_engine.adapters import aws
from order_engine.adapters.postgres import iam_token
from order_engine.adapters.postgres.database import Database
from order_engine.domain.errors import DatabaseUnavailable
from testing.polling import eventually

CERTIFICATES = Path("layers/order_engine/order_engine/adapters/postgres/certificates.pem")
_YEAR = timedelta(days=365)


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The credentials that Lambda gives a function."""
    for name, value in {"ACCESS_KEY_ID": "AKIA", "SECRET_ACCESS_KEY": "secret", "SESSION_TOKEN": "session"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    aws._session.cache_clear()
    yield
    aws._session.cache_clear()


@contextmanager
def server(behave: Any) -> Iterator[int]:
    """A TCP server on a free port; `behave` is called with each connection, in a thread."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            Thread(target=behave, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_the_token_equals_that_of_boto3(role: None) -> None:
    rds = boto3.Session().client("rds")  # the default session may have an earlier test's credentials

    def same() -> bool:
        """Both contain the time in seconds, which may change between the two calls."""
        ours = iam_token.login("postgresql://front_door@db.example:5432/orders?sslmode=verify-full")["password"]
        return bool(ours == rds.generate_db_auth_token("db.example", 5432, "front_door"))

    eventually(same, "two tokens of the same second are equal")


def test_a_url_with_a_password_needs_no_token() -> None:
    assert iam_token.login("postgresql://front_door:word@db.example/orders") == {}


async def test_each_connection_uses_a_new_token(role: None) -> None:
    passwords: list[str] = []

    def request_password(connection: socket.socket) -> None:
        with connection:
            (length,) = struct.unpack("!I", connection.recv(4))
            connection.recv(length)
            connection.sendall(b"R" + struct.pack("!II", 8, 3))
            passwords.append(connection.recv(8192)[5:-1].decode())

    with server(request_password) as port:
        database = Database(f"postgresql://front_door@127.0.0.1:{port}/orders?sslmode=disable&gssencmode=disable")
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await database.fetch("orders.ping")
    assert len(passwords) == 2
    assert all(
        password.startswith(f"127.0.0.1:{port}/?Action=connect&DBUser=front_door&X-Amz") for password in passwords
    )


def test_every_certificate_in_the_layer_is_a_root_that_is_valid_for_a_year() -> None:
    text = CERTIFICATES.read_text()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(CERTIFICATES)
    roots = context.get_ca_certs()
    assert len(roots) == text.count("BEGIN CERTIFICATE") > 50
    for root in roots:
        assert ssl.cert_time_to_seconds(str(root["notAfter"])) > time.time() + _YEAR.total_seconds()
    names = str([root["subject"] for root in roots])
    assert all(f"Amazon Root CA {number}" in names for number in (1, 2, 3, 4))  # the proxy's
    assert {"RSA2048", "RSA4096", "ECC384"} <= set(re.findall(r"Amazon RDS us-east-1 Root CA (\w+) G1", names))


class Authority:
    """A certificate authority, and TLS contexts of servers that it has signed."""

    def __init__(self, directory: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
        self._directory = directory
        directory.mkdir()
        self.root = directory / "root.pem"
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        self.root.write_bytes(self._signed(self._name, self._key.public_key(), constraint))

    def server(self, host: str) -> ssl.SSLContext:
        """The TLS context of a server with that name."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        file = self._directory / f"{host}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + self._signed(subject, key.public_key(), names))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> bytes:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number(), now, now + _YEAR)
        certificate = builder.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)


@contextmanager
def with_tls(url: str, context: ssl.SSLContext) -> Iterator[str]:
    """The database of `url` behind TLS, as on RDS; the Postgres used for tests is built without TLS."""
    target = urlsplit(url)

    def pipe(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            source.close()
            sink.close()

    def serve(connection: socket.socket) -> None:
        if connection.recv(8) != struct.pack("!II", 8, 80877103):  # the SSLRequest message
            return connection.close()
        connection.sendall(b"S")
        try:
            secured = context.wrap_socket(connection, server_side=True)
        except OSError:
            return connection.close()  # the client did not trust the certificate
        inner = socket.create_connection((target.hostname, target.port))
        Thread(target=pipe, args=(inner, secured), daemon=True).start()
        pipe(secured, inner)

    with server(serve) as port:
        yield target._replace(netloc=f"{target.username}:{target.password}@localhost:{port}").geturl()


def trusting(url: str, root: Path) -> str:
    return f"{url}?sslmode=verify-full&sslrootcert={root}&gssencmode=disable"


def test_clients_connect_only_to_a_server_with_a_trusted_certificate_for_its_name(
    database_url: str, tmp_path: Path
) -> None:
    ours, foreign = Authority(tmp_path / "ours"), Authority(tmp_path / "foreign")
    with with_tls(database_url, ours.server("localhost")) as url:
        with psycopg.connect(trusting(url, ours.root)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert connection.pgconn.ssl_in_use
        for root in (foreign.root, CERTIFICATES):
            with pytest.raises(psycopg.OperationalError, match=r"certificate verify failed|signature failure"):
                psycopg.connect(trusting(url, root))
    with (
        with_tls(database_url, ours.server("elsewhere.example")) as url,
        pytest.raises(psycopg.OperationalError, match="does not match host name"),
    ):
        psycopg.connect(trusting(url, ours.root))
