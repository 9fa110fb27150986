"""What was asked can't be understood, is not allowed, is not there, or is too much."""

from __future__ import annotations

from mlx_manager_jupyter.errors.base import MLXManagerError


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


class TooLarge(MLXManagerError):
    """More than anybody may send at once."""

    status = 413
    code = "too_large"


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
