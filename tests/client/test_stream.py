from __future__ import annotations

import pytest

from mlx_manager_jupyter.client.stream import frames

WHOLE = (
    b": still here\n\n"
    b'id: e-1\nevent: snapshot\ndata: {"a": 1}\n\n'
    b"data:no space\r\n\r\n"
    b"data: two\ndata: lines\n\n"
    + "data: caf\u00e9 \u2028 \U0001f600\n\n".encode()
    + b"data: cut off in the midd"
)
FRAMES = [
    ("snapshot", b'{"a": 1}'),
    ("message", b"no space"),
    ("message", b"two\nlines"),
    ("message", "caf\u00e9 \u2028 \U0001f600".encode()),
]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_frames_are_the_same_however_the_bytes_are_cut(size: int) -> None:
    chunks = [WHOLE[start : start + size] for start in range(0, len(WHOLE), size)]
    assert list(frames(chunks)) == FRAMES


def test_comments_are_told_to_who_wants_them() -> None:
    told: list[bytes] = []
    assert list(frames([WHOLE], told.append)) == FRAMES
    assert told == [b"still here"]
