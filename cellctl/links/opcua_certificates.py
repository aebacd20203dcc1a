"""Our application instance certificate: made, read, and how long it lasts."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE_DAYS: Final = 5 * 365
_SKEW_DAYS: Final = 1  # a controller's clock may be behind ours
_KEY_BITS: Final = 2048  # what every controller takes


@dataclass(frozen=True, slots=True)
class Own:
    """What we show: the application URI that we announce is the one in the certificate."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    application_uri: str


def read_own(certificate_file: Path, key_file: Path) -> Own:
    """Raises OSError, or ValueError for files that are none, or not of each other."""
    certificate = x509.load_der_x509_certificate(certificate_file.read_bytes())
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError(f"{key_file} is not the key of {certificate_file.name}: remove both to get new ones")
    uris = _alternative_names(certificate).get_values_for_type(x509.UniformResourceIdentifier)
    return Own(certificate, key, uris[0])


def make_own(certificate_file: Path, key_file: Path, utc: str) -> None:
    """Make both. Raises OSError."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    certificate = _self_signed(key, socket.gethostname(), datetime.fromisoformat(utc))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # The certificate comes last: a key alone is made anew.
    write_whole(key_file, pem, 0o600)
    write_whole(certificate_file, certificate.public_bytes(Encoding.DER), 0o644)


def days_left(certificate_file: Path, utc: str) -> float:
    """Until a certificate ends. Raises OSError or ValueError."""
    certificate = x509.load_der_x509_certificate(certificate_file.read_bytes())
    return (certificate.not_valid_after_utc - datetime.fromisoformat(utc)) / timedelta(days=1)


def write_whole(file: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable for longer than it should be."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _self_signed(key: rsa.RSAPrivateKey, host: str, now: datetime) -> x509.Certificate:
    """An application instance certificate by OPC 10000-6, 6.2.2, for a client; a server of the cell may show it too."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"cellctl on {host}"[:64])])
    names = [x509.UniformResourceIdentifier(f"urn:{host}:cellctl"), x509.DNSName(host)]
    names += [x509.IPAddress(ip_address(address)) for address in _addresses(host)]
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True,
        key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    public = key.public_key()
    return (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=_SKEW_DAYS))
        .not_valid_after(now + timedelta(days=LIFE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(purposes, critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(address[0]).partition("%")[0] for *_, address in found})
