"""Local HTTPS: a certificate authority of this data directory, a server certificate, a bundle for clients.

The authority signs one certificate and its key is then forgotten: it is never written, so whoever trusts the bundle
trusts this server and nothing else. Both are made anew together, when either is about to expire.
"""

from __future__ import annotations

import importlib.util
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from batchite.identity.files import write_atomically

LIFETIME = timedelta(days=397)  # Apple's limit for a server certificate; other clients accept it too.
RENEW_BEFORE = timedelta(days=30)
_NAMES = [
    x509.DNSName("localhost"),
    x509.IPAddress(ip_address("127.0.0.1")),
    x509.IPAddress(ip_address("::1")),
]
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of the PEM files. `bundle` is what clients trust: our authority and the public ones."""

    ca: Path
    bundle: Path
    certificate: Path
    key: Path


def ensure_certificates(
    directory: Path, environ: Mapping[str, str] = os.environ, now: datetime | None = None
) -> Certificates:
    """The certificates in `directory`, made when absent, damaged or within 30 days of their end.

    The bundle is written at every call: the public certificates it repeats may have changed.
    """
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    moment = now or datetime.now(UTC)
    made = Certificates(
        directory / "ca.pem", directory / "bundle.pem", directory / "server.pem", directory / "server-key.pem"
    )
    former = made.ca.read_text() if made.ca.is_file() else ""
    if not _usable(made, moment):
        _create(made, moment)
    public = [block for block in _public(environ) if block not in former]
    blocks = dict.fromkeys([*_PEM.findall(made.ca.read_text()), *public])
    write_atomically(made.bundle, ("\n".join(blocks) + "\n").encode(), 0o644)
    return made


def _usable(made: Certificates, now: datetime) -> bool:
    try:
        authority = x509.load_pem_x509_certificate(made.ca.read_bytes())
        leaf = x509.load_pem_x509_certificate(made.certificate.read_bytes())
        key = load_pem_private_key(made.key.read_bytes(), None)
        leaf.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - whatever is wrong with the files, they are made anew
        return False
    fresh = min(authority.not_valid_after_utc, leaf.not_valid_after_utc) - now > RENEW_BEFORE
    return fresh and key.public_key() == leaf.public_key()


def _create(made: Certificates, now: datetime) -> None:
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key, now)
    leaf = _leaf(server_key, authority, authority_key, now)
    private = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_atomically(made.key, private, 0o600)
    write_atomically(made.certificate, leaf.public_bytes(Encoding.PEM), 0o644)
    write_atomically(made.ca, authority.public_bytes(Encoding.PEM), 0o644)


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _name(f"Batchite local authority {os.urandom(4).hex()}")
    return (
        _dated(now)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, signer: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.Certificate:
    return (
        _dated(now)
        .subject_name(_name("localhost"))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_NAMES), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )


def _dated(now: datetime) -> x509.CertificateBuilder:
    """A builder valid from an hour ago, for clocks that differ a little between a container and its host."""
    start = now - timedelta(hours=1)
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    return builder.not_valid_before(start).not_valid_after(start + LIFETIME)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _public(environ: Mapping[str, str]) -> Iterable[str]:
    """The certificates this process was told to trust, else the system's; and certifi's where it is installed."""
    named = [Path(environ[name]) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE") if environ.get(name)]
    system = ssl.get_default_verify_paths().openssl_cafile
    for path in (named or [Path(system)]) + _certifi():
        if path.is_file():
            yield from _PEM.findall(path.read_text(errors="replace"))


def _certifi() -> list[Path]:
    found = importlib.util.find_spec("certifi")
    return [Path(found.origin).with_name("cacert.pem")] if found and found.origin else []
