"""The fetcher: one document by its address, from hop to hop."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from pydantic import BaseModel, ConfigDict

from pipeline.errors import Failure, Permanent, RateLimited, Timeout, Transient
from pipeline.fetching.address import AddressRefused, Ip, WebAddress, read_address
from pipeline.fetching.body import Intake
from pipeline.fetching.connection import Deadline, Pinned, Resolve, resolved, system_addresses
from pipeline.fetching.names import name_of
from pipeline.fetching.networks import why_not
from pipeline.fetching.settings import FetchSettings
from pipeline.retry_after import asked_wait

if TYPE_CHECKING:
    from pipeline.blobs import Blobs


#: Told how many bytes have come, and of how many if that is known; what it raises ends the fetch.
Pulse = Callable[[int, int | None], None]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOUND = frozenset({200, 203})
_LATER = frozenset({408, 421, 425})


class Fetched(BaseModel):
    """A document that was fetched."""

    model_config = ConfigDict(frozen=True)

    address: str
    name: str
    content_type: str = ""
    bytes: int
    #: The blob it was put into, if it was.
    blob: str = ""


class Fetcher:
    """Fetches by address within settings; ``resolve`` stands for the system's resolver."""

    def __init__(self, settings: FetchSettings | None = None, *, resolve: Resolve = system_addresses) -> None:
        self.settings = FetchSettings.current() if settings is None else settings
        self._resolve = resolve

    def fetch(self, address: str, into: IO[bytes], *, pulse: Pulse | None = None) -> Fetched:
        """Write what is at an address into a file, and tell its name; at most ``max_bytes``, within ``timeout``.

        Raises ``AddressRefused`` for an address that is not fetched from and for what is too large, ``Permanent`` for
        what is not there, ``RateLimited`` and ``Transient`` for what may be there later.
        """
        deadline = Deadline(self.settings.timeout)
        place, seen = read_address(address), set[str]()
        while True:
            if str(place) in seen or len(seen) > self.settings.redirects:
                raise AddressRefused(f"{place.shown} leads in a circle, or through too many redirects")
            seen.add(str(place))
            further = self._hop(place, into, deadline, pulse)
            if isinstance(further, Fetched):
                return further
            if place.scheme == "https" and further.scheme == "http":
                raise AddressRefused(f"{place.shown} redirects to an address that is not encrypted")
            place = further

    def fetch_blob(self, address: str, blobs: Blobs, *, pulse: Pulse | None = None) -> Fetched:
        """Put what is at an address into the blob store; raises as ``fetch`` does, and ``ResourceExhausted``."""
        with tempfile.TemporaryDirectory(prefix="dramaturg-fetch-") as folder:
            file = Path(folder) / "document"
            with file.open("wb") as into:
                fetched = self.fetch(address, into, pulse=pulse)
            return fetched.model_copy(update={"blob": blobs.put(file)})

    def _hop(self, place: WebAddress, into: IO[bytes], deadline: Deadline, pulse: Pulse | None) -> Fetched | WebAddress:
        addresses = self._reachable(place, deadline)
        with _in_plain_words(place), self._asked(place, Pinned(addresses, deadline)) as (status, headers, body):
            if status in _REDIRECTS and "location" in headers:
                return place.follow(headers["location"])
            if status not in _FOUND:
                _refuse(place, status, headers)
            intake = Intake(headers.get("content-encoding", ""), self.settings.max_bytes, place.shown)
            total = intake.expect(headers.get("content-length", ""))
            for block in body:
                deadline.left()
                for piece in intake.take(block):
                    into.write(piece)
                if pulse is not None:
                    pulse(intake.came, total)
            intake.finish()
        return Fetched(
            address=place.shown,
            name=name_of(place, headers.get("content-disposition", "")),
            content_type=headers.get("content-type", "")[:200],
            bytes=intake.made,
        )

    def _reachable(self, place: WebAddress, deadline: Deadline) -> list[Ip]:
        """Give the addresses of a host if every one of them may be reached."""
        spoken = self.settings.why_not(place.host, place.port)
        if spoken:
            raise AddressRefused(f"{place.shown} is not fetched: {spoken}")
        addresses = [place.ip] if place.ip is not None else resolved(self._resolve, place.host, deadline)
        for ip in addresses:
            kind = why_not(ip, self.settings.private_networks)
            if kind:
                raise AddressRefused(
                    f"{place.shown} is not fetched: it leads to {kind} (see DRAMATURG_FETCH_PRIVATE_NETWORKS)"
                )
        return addresses

    @contextmanager
    def _asked(self, place: WebAddress, network: Pinned) -> Iterator[tuple[int, dict[str, str], Iterator[bytes]]]:
        """Ask for a document; gives status, headers in lower case and what comes."""
        httpcore2 = _transport()
        origin = httpcore2.Origin(place.scheme.encode(), place.host.encode(), place.port)
        asked = httpcore2.Request(
            "GET",
            httpcore2.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=place.target.encode()),
            headers={
                "Host": place.authority,
                "User-Agent": "dramaturg (fetches documents)",
                "Accept": "*/*",
                "Accept-Encoding": "gzip",
                "Connection": "close",
            },
        )
        tls = self._tls if place.scheme == "https" else None
        backend: Any = network  # it has the shape of the library's class, which is not imported to declare it
        with closing(httpcore2.HTTPConnection(origin, ssl_context=tls, network_backend=backend)) as connection:
            answer = connection.handle_request(asked)
            yield answer.status, _told(answer.headers), answer.iter_stream()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context: ssl.SSLContext = _transport().default_ssl_context()
        if self.settings.ca_file is not None:
            context.load_verify_locations(self.settings.ca_file)
        return context


def _transport() -> Any:
    # Below httpx2: its client would write addresses with their queries to the log, and resolve names by itself.
    try:
        import httpcore2
    except ImportError:
        raise Permanent("Fetching by address needs another package: pip install 'dramaturg[http]'.") from None
    return httpcore2


def _told(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        known = name.decode("latin-1").lower()
        headers[known] = f"{headers[known]}, {text}" if known in headers else text
    return headers


@contextmanager
def _in_plain_words(place: WebAddress) -> Iterator[None]:
    """Say what went wrong on the way as one of our failures, with the address and without its query."""
    httpcore2 = _transport()
    try:
        yield
    except Timeout as error:
        raise Timeout(f"{place.shown} was not fetched in time: {error}") from error
    except TimeoutError as error:
        raise Timeout(f"{place.shown} was not fetched in time: nobody took the connection") from error
    except ssl.SSLCertVerificationError as error:
        raise Transient(f"{place.shown} shows a certificate that is not good: {error.verify_message}") from error
    except httpcore2.ProtocolError as error:
        raise Transient(f"{place.shown} broke off, or answered what is not HTTP") from error
    except (ConnectionError, ssl.SSLError) as error:
        raise Transient(f"{place.shown} took no connection, or dropped it ({type(error).__name__})") from error


def _refuse(place: WebAddress, status: int, headers: Mapping[str, str]) -> NoReturn:
    wait = asked_wait(headers)
    told: Failure
    if status == 429:  # noqa: PLR2004 - HTTP's own number
        told = RateLimited(f"{place.shown} asks to be called later (429)", retry_after=wait)
    elif status >= 500 or status in _LATER:  # noqa: PLR2004 - HTTP's own number
        told = Transient(f"{place.shown} cannot answer now ({status})", retry_after=wait)
    elif status in (401, 403, 407):
        told = Permanent(f"{place.shown} is not shown to everybody ({status})")
    elif status in (404, 410):
        told = Permanent(f"there is nothing at {place.shown} ({status})")
    else:
        told = Permanent(f"{place.shown} answered without a document ({status})")
    told.status = status
    raise told
