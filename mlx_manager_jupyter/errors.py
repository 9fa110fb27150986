"""One error tree, shared by the extension and the kernel side.

::

    MLXManagerError                 500  internal
    ├── BadRequest                  400  bad_request
    │   ├── UnknownField            400  unknown_field
    │   ├── InvalidValue            400  invalid_value
    │   └── UnsupportedField        400  unsupported_field
    ├── Unauthorized                401  unauthorized
    ├── Forbidden                   403  forbidden
    ├── NotFound                    404  not_found
    │   ├── UnknownModel            404  unknown_model
    │   ├── UnknownProfile          404  unknown_profile
    │   ├── UnknownServer           404  unknown_server
    │   ├── UnknownDownload         404  unknown_download
    │   └── UnknownJob              404  unknown_job
    ├── Conflict                    409  conflict
    │   ├── NameTaken               409  name_taken
    │   ├── PortTaken               409  port_taken
    │   ├── ModelInUse              409  model_in_use
    │   ├── NotEnoughMemory         409  not_enough_memory (with smaller builds as candidates)
    │   └── AmbiguousModel          409  ambiguous_model   (with candidates)
    ├── ModelUnusable               422  model_unusable
    │   ├── NoWeights               422  no_weights
    │   ├── CorruptWeights          422  corrupt_weights
    │   └── UnsupportedModel        422  unsupported_model
    ├── EngineMissing               424  engine_missing
    ├── InstallFailed               502  install_failed
    ├── StartFailed                 502  start_failed
    │   ├── OutOfMemory             502  out_of_memory
    │   └── EngineCrashed           502  engine_crashed
    ├── UpstreamFailed              502  upstream_failed
    ├── HubFailed                   502  hub_failed
    │   ├── HubUnreachable          503  hub_unreachable
    │   ├── Offline                 503  offline
    │   ├── RateLimited             503  rate_limited
    │   ├── GatedModel              403  gated
    │   └── BadToken                403  bad_token
    ├── DownloadFailed              502  download_failed
    │   ├── ChecksumMismatch        502  checksum
    │   └── ChangedOnHub            409  changed_on_hub
    ├── DiskFull                    507  disk_full
    ├── NotReady                    503  not_ready
    ├── TooLarge                    413  too_large
    ├── TooManyRequests             429  too_many_requests
    ├── QueueFull                   503  queue_full
    ├── NotOffered                  501  not_offered
    ├── StoreUnusable               500  store_unusable
    └── ExtensionUnreachable        503  extension_unreachable   (client side only)

Each carries the HTTP status, a stable ``code``, a message that says what happened and a hint that
says what to do next. The extension sends them as `Problem`; the client raises the same class again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mlx_manager_jupyter.schema import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable


class MLXManagerError(Exception):
    """Base of every error this package raises on purpose."""

    status: int = 500  # of its kind; one that is told elsewhere than usual may have another
    code: ClassVar[str] = "internal"
    retry_after: float | None = None  # seconds until another try may fare better

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        log_tail: Iterable[str] = (),
        candidates: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.log_tail, self.candidates = tuple(log_tail), tuple(candidates)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    @property
    def problem(self) -> Problem:
        """The record that crosses the wire."""
        return Problem(
            code=self.code,
            message=self.message,
            hint=self.hint,
            log_tail=self.log_tail,
            candidates=self.candidates,
        )

    @staticmethod
    def of(problem: Problem) -> MLXManagerError:
        """The same error on the other side of the wire; an unknown code becomes the base class."""
        kind = _by_code(MLXManagerError).get(problem.code, MLXManagerError)
        return kind(problem.message, problem.hint, problem.log_tail, problem.candidates)


class BadRequest(MLXManagerError):
    """The request could not be understood."""

    status = 400
    code = "bad_request"


class UnknownField(BadRequest):
    """No such field; the message names the nearest one."""

    code = "unknown_field"


class InvalidValue(BadRequest):
    """A value outside its type or range."""

    code = "invalid_value"


class UnsupportedField(BadRequest):
    """The chosen engine, or its installed version, can't honour this field."""

    code = "unsupported_field"


class Unauthorized(MLXManagerError):
    """No key, or one that does not open this door."""

    status = 401
    code = "unauthorized"


class Forbidden(MLXManagerError):
    """A key that opens other profiles than this."""

    status = 403
    code = "forbidden"


class NotFound(MLXManagerError):
    """No such thing."""

    status = 404
    code = "not_found"


class UnknownModel(NotFound):
    """Neither a folder, nor a model of the local cache, nor a served name."""

    code = "unknown_model"


class UnknownProfile(NotFound):
    """No profile of that name."""

    code = "unknown_profile"


class UnknownServer(NotFound):
    """No server of that name."""

    code = "unknown_server"


class UnknownDownload(NotFound):
    """No download of that id."""

    code = "unknown_download"


class UnknownJob(NotFound):
    """No installation of that id."""

    code = "unknown_job"


class Conflict(MLXManagerError):
    """The request contradicts what is there."""

    status = 409
    code = "conflict"


class NameTaken(Conflict):
    """Another profile or server has this name."""

    code = "name_taken"


class PortTaken(Conflict):
    """Another program listens on that port."""

    code = "port_taken"


class ModelInUse(Conflict):
    """A server or a download works with the model's files."""

    code = "model_in_use"


class NotEnoughMemory(Conflict):
    """It would take more memory than is free now; ``candidates`` names smaller builds."""

    code = "not_enough_memory"


class AmbiguousModel(Conflict):
    """The words mean several models; ``candidates`` names them, best first."""

    code = "ambiguous_model"


class ModelUnusable(MLXManagerError):
    """The model's files can't be served."""

    status = 422
    code = "model_unusable"


class NoWeights(ModelUnusable):
    """The folder lacks weights, or some of them."""

    code = "no_weights"


class CorruptWeights(ModelUnusable):
    """A weight file is damaged or cut short."""

    code = "corrupt_weights"


class UnsupportedModel(ModelUnusable):
    """The engine does not know this architecture."""

    code = "unsupported_model"


class EngineMissing(MLXManagerError):
    """The engine is not installed."""

    status = 424
    code = "engine_missing"


class InstallFailed(MLXManagerError):
    """An engine could not be installed; what was there before is there still."""

    status = 502
    code = "install_failed"


class StartFailed(MLXManagerError):
    """The engine did not come up."""

    status = 502
    code = "start_failed"


class OutOfMemory(StartFailed):
    """The engine ran out of memory."""

    code = "out_of_memory"


class EngineCrashed(StartFailed):
    """The engine ended by itself."""

    code = "engine_crashed"


class UpstreamFailed(MLXManagerError):
    """The engine refused or broke off a request."""

    status = 502
    code = "upstream_failed"


class HubFailed(MLXManagerError):
    """The Hugging Face Hub did not give what was asked for."""

    status = 502
    code = "hub_failed"

    retry_after_seconds: float | None = None
    """How long the Hub asked to wait. Stays in this process: the hint says it to people."""


class HubUnreachable(HubFailed):
    """No answer from the Hub: no network, a time-out, or a fault on its side."""

    status = 503
    code = "hub_unreachable"


class Offline(HubFailed):
    """The settings say that the Hub is never asked."""

    status = 503
    code = "offline"


class RateLimited(HubFailed):
    """The Hub wants fewer requests."""

    status = 503
    code = "rate_limited"


class GatedModel(HubFailed):
    """The model's authors want to be asked first, or its files need a token."""

    status = 403
    code = "gated"


class BadToken(HubFailed):
    """The Hub refuses the token of this machine."""

    status = 403
    code = "bad_token"


class DownloadFailed(MLXManagerError):
    """A download did not come to its end."""

    status = 502
    code = "download_failed"


class ChecksumMismatch(DownloadFailed):
    """What arrived is not what the Hub says the file is."""

    code = "checksum"


class ChangedOnHub(DownloadFailed):
    """The repo changed while it was downloaded."""

    status = 409
    code = "changed_on_hub"


class DiskFull(MLXManagerError):
    """No room on the disk."""

    status = 507
    code = "disk_full"


class NotReady(MLXManagerError):
    """The server is known but does not answer yet, or no longer."""

    status = 503
    code = "not_ready"


class TooLarge(MLXManagerError):
    """More than anybody may send at once."""

    status = 413
    code = "too_large"


class TooManyRequests(MLXManagerError):
    """This key has asked as often as it may."""

    status = 429
    code = "too_many_requests"


class QueueFull(MLXManagerError):
    """As many requests wait already as may."""

    status = 503
    code = "queue_full"


class NotOffered(MLXManagerError):
    """The engine behind this model does not do that."""

    status = 501
    code = "not_offered"


class StoreUnusable(MLXManagerError):
    """The state file can't be read or written."""

    code = "store_unusable"


class ExtensionUnreachable(MLXManagerError):
    """No Jupyter server with the extension answers."""

    status = 503
    code = "extension_unreachable"


def _by_code(root: type[MLXManagerError]) -> dict[str, type[MLXManagerError]]:
    found = {root.code: root}
    for kind in root.__subclasses__():
        found |= _by_code(kind)
    return found
