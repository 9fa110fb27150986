"""One question to the Hub and its answer: bounded in time, in bytes and in number.

The client, the headers and the errors are huggingface_hub's own, so proxies, mirrors, tokens and
its environment variables mean here what they mean everywhere. Only its calls are not used: those
that list and describe models wait for ever and can't be cancelled.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, NamedTuple

from mlx_manager_jupyter.adapters.hub.errors import explained, offline
from mlx_manager_jupyter.errors import HubFailed, HubUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from httpx2 import URL, AsyncClient, Response

#: Questions at once. More only bring the Hub's limit nearer.
_AT_ONCE = 8
#: Before the second and last try: long enough for a connection that was cut to be gone.
_PAUSE_SECONDS = 0.3
_MEGABYTE = 1_000_000
_PACKAGE = "mlx-manager-jupyter"


class Answer(NamedTuple):
    """What the Hub said."""

    body: bytes
    next_page: str | None
    """Address of the page that follows, on the Hub itself."""


class Connection:
    """Asks the Hub. Belongs to the event loop that first uses it."""

    def __init__(
        self, *, offline: bool, timeout_seconds: float, endpoint: str | None = None
    ) -> None:
        self._offline = offline
        self._timeout = timeout_seconds
        self._endpoint = endpoint
        self._client: AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def get(
        self,
        address: str,
        parameters: Sequence[tuple[str, str]] = (),
        *,
        at_most: int,
        model: str | None = None,
        patience: float = 1.0,
    ) -> Answer:
        """Ask for a path of the Hub, or for the address of a next page.

        A connection that broke and a fault of the Hub are tried once more, within the time-out.

        Args:
            address: path that begins with a slash, or a whole address.
            parameters: of the query.
            at_most: bytes of the body, unpacked.
            model: whom errors shall name.
            patience: how many time-outs it may take.

        Raises:
            Offline: before anything is opened.
            HubFailed: or one of its kinds, among them no answer within the time-out.
            UnknownModel: no such repo or revision.
            NotFound: no such file.
        """
        self.refuse_offline()
        async with self._slots:
            client = await self._opened()
            try:
                async with asyncio.timeout(self._timeout * patience):
                    return await self._tried_twice(client, address, parameters, at_most, model)
            except TimeoutError as error:
                raise explained(error, model) from None

    def refuse_offline(self) -> None:
        """Without an import of huggingface_hub, which in offline mode nobody needs.

        Raises:
            Offline: by the settings, or by the variables that huggingface_hub goes by.
        """
        told = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
        if self._offline or told.upper() in {"1", "ON", "YES", "TRUE"}:
            raise offline()

    async def close(self) -> None:
        """Close what is open; the next question opens it again."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _opened(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                # In a thread: the import and the certificates take a third of a second.
                self._client = await asyncio.to_thread(_client)
            return self._client

    async def _tried_twice(
        self,
        client: AsyncClient,
        address: str,
        parameters: Sequence[tuple[str, str]],
        at_most: int,
        model: str | None,
    ) -> Answer:
        import httpx2  # noqa: PLC0415  opening the client imported it

        # Not joined: a mirror may live in a folder of its host.
        url = httpx2.URL(self._base() + address if address.startswith("/") else address)
        if parameters:
            url = url.copy_with(params=list(parameters))
        is_last = False
        while True:
            try:
                return await self._asked(client, url, at_most)
            # UnicodeEncodeError: a token that no header can hold.
            except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeEncodeError) as error:
                found = explained(error, model)
                may_try = isinstance(found, HubUnreachable) and found.retry_after_seconds is None
                if is_last or not may_try:
                    raise found from None
            is_last = True
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _asked(self, client: AsyncClient, url: URL, at_most: int) -> Answer:
        # In a thread: it reads the token's file, and may have to renew the token.
        headers = await asyncio.to_thread(_headers)
        # The time-out that counts is `get`'s, for all of it; httpx2's only knows one step.
        async with client.stream("GET", url, headers=headers, timeout=None) as response:
            _raise_for_status(response)
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > at_most:
                    raise HubFailed(
                        f"The Hub's answer has more than {at_most // _MEGABYTE} MB.",
                        "Nothing that is asked for here is so large.",
                    )
            return Answer(bytes(body), self._next_page(response))

    def _next_page(self, response: Response) -> str | None:
        import httpx2  # noqa: PLC0415  as above
        from huggingface_hub.utils import fix_hf_endpoint_in_url  # type: ignore[attr-defined]  # noqa: PLC0415

        told = response.links.get("next", {}).get("url")
        if told is None:
            return None
        # A mirror hands on the Hub's own addresses.
        url = response.url.join(fix_hf_endpoint_in_url(told, self._base()))
        home = httpx2.URL(self._base())
        if (url.scheme, url.host, url.port) != (home.scheme, home.host, home.port):
            raise HubFailed(
                f"The Hub's list goes on at another place, {url.host}, which is not asked.",
                "If HF_ENDPOINT names a mirror, choose another one.",
            )
        return str(url)

    def _base(self) -> str:
        from huggingface_hub import constants  # noqa: PLC0415

        return (self._endpoint or constants.ENDPOINT).rstrip("/")


def _client() -> AsyncClient:
    from huggingface_hub import get_async_session  # noqa: PLC0415

    return get_async_session()


def _headers() -> dict[str, str]:
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # noqa: PLC0415

    own: str | None = None
    with suppress(PackageNotFoundError):  # a checkout that is not installed
        own = version(_PACKAGE)
    headers: dict[str, str] = build_hf_headers(library_name=_PACKAGE, library_version=own)
    return headers


def _raise_for_status(response: Response) -> None:
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # noqa: PLC0415

    try:
        hf_raise_for_status(response)
    except (AttributeError, TypeError, UnicodeError):
        # A body that is not the Hub's: huggingface_hub stumbles over it. The status still counts.
        response.raise_for_status()
