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

from mlx_manager_jupyter.errors.asking import (
    BadRequest,
    Forbidden,
    InvalidValue,
    NotFound,
    NotOffered,
    QueueFull,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    UnknownDownload,
    UnknownField,
    UnknownJob,
    UnknownModel,
    UnknownProfile,
    UnknownServer,
    UnsupportedField,
)
from mlx_manager_jupyter.errors.base import MLXManagerError
from mlx_manager_jupyter.errors.engines import (
    EngineCrashed,
    EngineMissing,
    InstallFailed,
    OutOfMemory,
    StartFailed,
    UpstreamFailed,
)
from mlx_manager_jupyter.errors.hub import (
    BadToken,
    ChangedOnHub,
    ChecksumMismatch,
    DownloadFailed,
    GatedModel,
    HubFailed,
    HubUnreachable,
    Offline,
    RateLimited,
)
from mlx_manager_jupyter.errors.models import (
    CorruptWeights,
    ModelUnusable,
    NoWeights,
    UnsupportedModel,
)
from mlx_manager_jupyter.errors.state import (
    AmbiguousModel,
    Conflict,
    DiskFull,
    ExtensionUnreachable,
    ModelInUse,
    NameTaken,
    NotEnoughMemory,
    NotReady,
    PortTaken,
    StoreUnusable,
)

__all__ = [
    "AmbiguousModel",
    "BadRequest",
    "BadToken",
    "ChangedOnHub",
    "ChecksumMismatch",
    "Conflict",
    "CorruptWeights",
    "DiskFull",
    "DownloadFailed",
    "EngineCrashed",
    "EngineMissing",
    "ExtensionUnreachable",
    "Forbidden",
    "GatedModel",
    "HubFailed",
    "HubUnreachable",
    "InstallFailed",
    "InvalidValue",
    "MLXManagerError",
    "ModelInUse",
    "ModelUnusable",
    "NameTaken",
    "NoWeights",
    "NotEnoughMemory",
    "NotFound",
    "NotOffered",
    "NotReady",
    "Offline",
    "OutOfMemory",
    "PortTaken",
    "QueueFull",
    "RateLimited",
    "StartFailed",
    "StoreUnusable",
    "TooLarge",
    "TooManyRequests",
    "Unauthorized",
    "UnknownDownload",
    "UnknownField",
    "UnknownJob",
    "UnknownModel",
    "UnknownProfile",
    "UnknownServer",
    "UnsupportedField",
    "UnsupportedModel",
    "UpstreamFailed",
]
