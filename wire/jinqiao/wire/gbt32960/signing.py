"""Signatures of real-time data of 2025: RSA PKCS #1 v1.5 with SHA-256 (algorithm 02: it stands in R, S is empty)."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from jinqiao.base.errors import EnvironmentFault

__all__ = ["Signer", "is_signed_by"]

_BITS, _EXPONENT = 2048, 65_537


class Signer:
    """A key pair of its own, drawn anew; a real vehicle's stands in its security chip."""

    def __init__(self, bits: int = _BITS) -> None:
        self._key = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=bits)

    @property
    def signature_bytes(self) -> int:
        return self._key.key_size // 8

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def public_pem(self) -> bytes:
        """The public key, SubjectPublicKeyInfo in PEM."""
        return self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def write_public(self, file: Path) -> None:
        """Write the public key; EnvironmentFault if the file cannot be written."""
        try:
            file.write_bytes(self.public_pem())
        except OSError as error:
            raise EnvironmentFault(f"{file} cannot be written: {error.strerror}") from error


def is_signed_by(public_pem: bytes, data: bytes, signature: bytes) -> bool:
    """Whether this is that key's signature over these bytes."""
    key = serialization.load_pem_public_key(public_pem)
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
