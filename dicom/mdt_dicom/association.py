"""Who talks DICOM with us: peers, the allow-list, TLS, and the presentation contexts of storage."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import AllStoragePresentationContexts, build_context
from pynetdicom.presentation import PresentationContext

from oncology.errors import InputError

# An AE title: 1 to 16 characters of the default repertoire without backslash, not only spaces (PS3.5 section 6.2).
_TITLE = re.compile(r"[!-\[\]-~][ -\[\]-~]{0,15}")
STORED_SYNTAXES: tuple[UID, ...] = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
)


@dataclass(frozen=True)
class Peer:
    """An application that listens: AE title, host and port."""

    title: str
    host: str
    port: int


@dataclass(frozen=True)
class Rule:
    """One line of the allow-list; what it leaves open, any value fits."""

    title: str | None = None
    network: IPv4Network | IPv6Network | None = None

    def permits(self, title: str, address: str) -> bool:
        """True when both the calling AE title and the address fit."""
        if self.title is not None and self.title != title.strip():
            return False
        return self.network is None or _plain(ip_address(address)) in self.network


LOCAL_ONLY = (Rule(network=ip_network("127.0.0.0/8")), Rule(network=ip_network("::1/128")))


@dataclass(frozen=True)
class Tls:
    """Files of TLS, all PEM.

    Attributes:
        authorities: who may have signed the other side's certificate. A server with it refuses clients without one.
    """

    certificate: Path
    key: Path
    authorities: Path | None = None

    def server_context(self) -> ssl.SSLContext:
        """For the receiving side, TLS 1.2 or newer (BCP 195 profile, PS3.15 annex B.9).

        Raises:
            InputError: a file cannot be read or does not hold what it should.
        """
        context = self._context(ssl.PROTOCOL_TLS_SERVER)
        if self.authorities is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_context(self) -> ssl.SSLContext:
        """For the sending side; the server must show a certificate of `authorities` (or of the system's)."""
        context = self._context(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # DICOM devices are known by certificate, rarely by host name
        if self.authorities is None:
            context.load_default_certs()
        return context

    def _context(self, protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.authorities is not None:
                context.load_verify_locations(self.authorities)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"the files of TLS cannot be used ({type(error).__name__}); expected certificate, key and authorities "
                "in PEM that belong together; check them and their permissions"
            ) from error
        return context


def parse_title(text: str) -> str:
    """An AE title.

    Raises:
        InputError: too long, or with characters that no AE title has.
    """
    title = text.strip()
    if not _TITLE.fullmatch(title):
        raise InputError("an AE title has 1 to 16 printable characters without backslash; another was given")
    return title


def parse_rule(text: str) -> Rule:
    """`TITLE`, `TITLE@ADDRESS` or `@ADDRESS`; the address may be a network such as 10.1.0.0/16.

    >>> parse_rule("CT1@10.1.0.0/16").permits("CT1", "10.1.2.3")
    True
    """
    title, _, address = text.partition("@")
    if not title.strip() and not address.strip():
        raise InputError("an entry of the allow-list is empty; expected TITLE, TITLE@ADDRESS or @ADDRESS")
    try:
        network = ip_network(address.strip(), strict=False) if address.strip() else None
    except ValueError:
        raise InputError(
            "an entry of the allow-list has no valid address; expected an IP address or a network such as 10.1.0.0/16"
        ) from None
    return Rule(parse_title(title) if title.strip() else None, network)


def parse_peer(text: str) -> Peer:
    """`TITLE@HOST:PORT`.

    >>> parse_peer("PACS@pacs.example.org:104")
    Peer(title='PACS', host='pacs.example.org', port=104)
    """
    title, _, place = text.partition("@")
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InputError("a peer is written TITLE@HOST:PORT, with a port of 1 to 65535; another form was given")
    return Peer(parse_title(title), host.strip("[]"), int(port))


def permitted(rules: Sequence[Rule], title: str, address: str) -> bool:
    """True when a rule lets this peer in."""
    return any(rule.permits(title, address) for rule in rules)


def storage_contexts() -> list[PresentationContext]:
    """Every storage class, in every transfer syntax that intake reads."""
    syntaxes = list(STORED_SYNTAXES)
    return [build_context(context.abstract_syntax, syntaxes) for context in AllStoragePresentationContexts]


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address that came over an IPv6 socket, as IPv4."""
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address
