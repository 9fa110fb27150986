"""What msgspec learns about records is learnt before threads read any: else it may crash."""

from __future__ import annotations

import subprocess
import sys

FIRST_READS = """
import sys
import msgspec
from mlx_manager_jupyter import schema
from mlx_manager_jupyter.adapters.hub.worker.folder import JobSpec, JobState

KINDS = {*filter(schema.is_record, vars(schema).values()), JobSpec, JobState}

learnt = []

def watch(frame, event, _):
    if event == "call" and frame.f_code.co_name == "get_class_annotations":
        learnt.append(frame.f_locals.get("obj"))

sys.setprofile(watch)
for kind in KINDS:
    try:
        msgspec.convert({}, kind)
    except msgspec.ValidationError:
        pass
sys.setprofile(None)
print(learnt, len(KINDS))
class Unknown(msgspec.Struct):
    field: int
sys.setprofile(watch)
msgspec.convert({"field": 1}, Unknown)
sys.setprofile(None)
print(len(learnt))
"""


def test_nothing_is_learnt_about_a_record_when_it_is_read() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_READS], capture_output=True, text=True, check=True
    )
    known, watched = done.stdout.splitlines()
    assert known.startswith("[] "), known
    assert watched == "1", "the watch sees it when something is learnt"
