"""The download process: one for each job, which outlives whoever started it.

``python -P -m mlx_manager_jupyter.adapters.hub.worker FOLDER``

huggingface_hub 2 can't go on where a download was cut off, and never checks what plain HTTP
brought. So large files are fetched here, by ranges, into the standard cache; the client is left
what it does well: small files, and what makes a folder a cache.

=============  =================================================================================
`job`          the handle: start, stop, ask; the only module that the extension imports
`folder`       the files of a job folder, by which handle and worker speak
`__main__`     lock, signals, settings of the client; then `run`
`run`          the order of things: plan, small files, large files, seal
`planning`     what is to be fetched, and whether it may be and fits
`stock`        what huggingface_hub fetches
`address`      where a large file is, by signed URLs that expire
`ranges`       one connection to that place
`part`         a large file on its way, and which of its bytes are there
`orphans`      what huggingface_hub leaves when it is killed
`transfer`     the connections that fetch all parts at once
`verifying`    checksums, and what a wrong one means
`placing`      from verified bytes to a file of the model
`patience`     when to try again and when to give up
`throttle`     the limit of bytes per second
`report`       ``state.json``
=============  =================================================================================
"""

from __future__ import annotations
