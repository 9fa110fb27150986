"""The base of our REST handlers: records in, records out, errors that carry their own status."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado import web

from mlx_manager_jupyter.errors import BadRequest, InvalidValue, MLXManagerError, UnknownField
from mlx_manager_jupyter.extension.managers import SETTING, Managers
from mlx_manager_jupyter.names import nearest
from mlx_manager_jupyter.schema import Problem

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

T = TypeVar("T")

#: Our names for what the platform refuses by itself.
CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "bad_request"}

#: Of a number in a query: Python refuses to read thousands of them.
MAX_DIGITS = 18


class OwnErrors(web.RequestHandler):
    """An error that we raise on purpose is an answer, not a fault of the extension."""

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log what nobody meant; the access log has the rest."""
        if not isinstance(value, MLXManagerError):
            super().log_exception(typ, value, tb)


class RecordHandler(OwnErrors, APIHandler):
    """Verbs of at most ten lines: parse, one manager call, answer. No try/except in them."""

    auth_resource = "mlx-manager"
    _work: asyncio.Task[Any] | None = None

    @property
    def managers(self) -> Managers:
        """One of each noun."""
        return cast("Managers", self.settings[SETTING])

    def read(self, kind: type[T]) -> T:
        """The request's body as a record.

        Raises:
            BadRequest: saying which field is wrong.
        """
        try:
            return msgspec.json.decode(self.request.body or b"{}", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(f"{str(error).replace('`$.', '`')}.") from error

    async def while_asked(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work that is for nobody once the one who asked is gone: it is cancelled then."""
        task: asyncio.Task[T] = asyncio.create_task(work)
        self._work = task
        try:
            return await task
        except asyncio.CancelledError:
            raise web.Finish from None

    def on_connection_close(self) -> None:
        """The one who asked is gone."""
        super().on_connection_close()
        if self._work:
            self._work.cancel()

    def query(self, kind: type[T]) -> T:
        """The request's query as a record; a field that is a list may be given several times.

        Raises:
            UnknownField: naming the nearest one.
            InvalidValue: saying which field is wrong.
        """
        fields = {field.name: field for field in msgspec.structs.fields(kind)}  # type: ignore[arg-type]
        given: dict[str, Any] = {}
        for name in self.request.query_arguments:
            if name == "token" or name.isdigit():  # Jupyter's own: who, and when
                continue
            if name not in fields:
                hint = f"Did you mean {' or '.join(nearest(name, fields) or sorted(fields))}?"
                raise UnknownField(f"The query has no field {name[:40]!r}.", hint)
            values = self.get_query_arguments(name)
            given[name] = values if isinstance(fields[name].default, tuple) else values[-1]
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidValue(f"{str(error).replace('`$.', '`')}.") from error

    def count(self, name: str, default: int) -> int:
        """A whole number from the query.

        Raises:
            InvalidValue: when it is none, or negative.
        """
        text = self.get_query_argument(name, str(default))
        if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
            raise InvalidValue(f"{name!r} must be a whole number, not {text[:40]!r}.")
        return int(text)

    def answer(self, record: object, status: int = 200) -> None:
        """Finish with a record, or a list of them, as JSON."""
        self.set_status(status)
        self.finish(msgspec.json.encode(record))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Errors as `Problem`, those of the platform too."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        if isinstance(error, MLXManagerError):
            return self.answer(error.problem, error.status)
        words = error.log_message if isinstance(error, web.HTTPError) else None
        code = CODES.get(status_code, "internal")
        return self.answer(Problem(code=code, message=words or self._reason), status_code)
