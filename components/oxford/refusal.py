"""What a transfer that failed means, and what its reader can do about it."""

import socket
import ssl
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from components.oxford.archive import Archive
from ibid.stage.contract import BadInputError, IbidError, TemporaryError

# Worth another try a moment later.
PASSING = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}

_MIRROR = "a mirror will do: ibid fetch oxford DIR --from URL"


def passing(error: OSError) -> bool:
    """Say whether a transfer that failed so may go on a moment later."""
    if isinstance(error, HTTPError):
        return error.code in PASSING
    return not isinstance(error, URLError)  # which says that nobody was reached


def of_transfer(error: OSError, url: str, folder: Path) -> IbidError:
    """Say what ended a transfer for good."""
    if isinstance(error, HTTPError):
        return _of_status(error, url, folder)
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return BadInputError(
            f"Expected a certificate that this machine trusts, from {url}.",
            received=reason.verify_message,
            hint="a proxy that opens TLS needs its own: SSL_CERT_FILE=/path/to/its.pem",
        )
    if str(reason).startswith("Tunnel connection failed: 407"):
        return _of_proxy(url)
    expected = "the network" if isinstance(reason, socket.gaierror) else f"an answer from {url}"
    return TemporaryError(
        f"Expected {expected}{_through(url)}.", received=reason, hint=_by_hand(url, folder)
    )


def of_size(archive: Archive, url: str, received: int) -> IbidError:
    """Say that what would come is not the pinned file, before it comes."""
    return BadInputError(
        f"Expected {archive.size} bytes from {url}{_through(url)}.",
        received=f"{received} bytes: another file, or a page in its place",
        hint=f"open the address in a browser; {_MIRROR}",
    )


def of_range(url: str, there: int, told: str, part: str) -> IbidError:
    """Say that a server sends another piece than it was asked for."""
    return BadInputError(
        f"Expected the bytes from {there} on from {url}{_through(url)}.",
        received=told or "bytes of which it does not say where they belong",
        hint=f"rm {part}, and run the same command again",
    )


def of_bytes(archive: Archive, where: str, digest: str) -> IbidError:
    """Say that what came is not the pinned file."""
    return BadInputError(
        f"Expected {archive.name} with the sha256 {archive.sha256}.",
        received=f"{digest}, from {where}; it was removed",
        hint=f"run the same command again; {_MIRROR}",
    )


def of_room(folder: Path, needed: int, received: object) -> IbidError:
    """Say how much room is missing, and that what is there counts."""
    return TemporaryError(
        f"Expected room for {needed} bytes more in {folder.absolute()}.",
        received=received,
        hint="free as much, then run the same command: it goes on where it stopped",
    )


def _of_status(error: HTTPError, url: str, folder: Path) -> IbidError:
    if error.code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return _of_proxy(url)
    received = f"{error.code} {error.reason}"
    if error.code in PASSING:
        return TemporaryError(
            f"Expected {url}{_through(url)}.",
            received=received,
            hint="run the same command later: it goes on where it stopped",
        )
    return BadInputError(
        f"Expected {url}{_through(url)}.", received=received, hint=_by_hand(url, folder)
    )


def _of_proxy(url: str) -> IbidError:
    return BadInputError(
        f"Expected to be let through{_through(url)}.",
        received="407 Proxy Authentication Required",
        hint="name and password: https_proxy=http://NAME:PASSWORD@HOST:PORT",
    )


def _by_hand(url: str, folder: Path) -> str:
    name = url.rpartition("/")[2]
    return (
        f"check the network, or set https_proxy; {_MIRROR}; or bring {name} into {folder} yourself"
    )


def _through(url: str) -> str:
    """Name the proxy, without its password."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.hostname or ""):
        return ""
    return f" through the proxy {proxy.rpartition('@')[2].removeprefix(f'{parts.scheme}://')}"
