"""Certificates of the tests' own: an authority, and what it signs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate and its key.

    Attributes:
        certificate: A PEM file.
        key: A PEM file.
        both: One file with the two, as Python's servers take it.
    """

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates, and trusts itself: `file` is what a client needs to trust them."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._count = 0
        self._own = self._build(name, self._key, [], is_authority=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))

    def sign(self, name: str = "127.0.0.1", *others: str, expired: bool = False) -> Signed:
        """A certificate for a host, by its names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._build(name, key, [name, *others], expired=expired)
        self._count += 1
        files = [self._folder / f"{self._name}-{self._count}.{ending}" for ending in ("crt", "key", "pem")]
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = made.public_bytes(serialization.Encoding.PEM)
        for file, content in zip(files, (public, private, private + public), strict=True):
            file.write_bytes(content)
            file.chmod(0o644)
        return Signed(*files)

    def _build(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        hosts: list[str],
        is_authority: bool = False,
        expired: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        issuer = name if is_authority else self._name
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * DAY)
            .not_valid_after(now - DAY if expired else now + DAY)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
