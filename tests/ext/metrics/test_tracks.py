"""The files by which workers share their figures, and what becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qapp.ext.metrics import Layout, gauge
from qapp.ext.metrics.tracks import HEAD, KEPT, RING, TrackFile, read_all
from tests.serving import ROOT

LAYOUT = Layout([gauge("level", "Level.", int), gauge("depth", "Depth.", int)])
OTHER = Layout([gauge("level", "Level.", int), gauge("height", "Height.", int)])

# Another process: it writes one row, says so, and is there until it is killed.
PROGRAM = """
import sys, time
from pathlib import Path
from qapp.ext.metrics import Layout, gauge
from qapp.ext.metrics.tracks import TrackFile
layout = Layout([gauge("level", "Level.", int), gauge("depth", "Depth.", int)])
file = TrackFile(Path(sys.argv[1]), layout)
file.write([time.monotonic(), 5, 6])
print("written", flush=True)
sys.stdin.read()
"""


def rows_of(folder: Path) -> list[tuple[float, ...]]:
    (track,) = read_all(folder, LAYOUT)
    return list(zip(*(track.column(index) for index in range(3)), strict=True))


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    file = TrackFile(tmp_path, LAYOUT)
    assert read_all(tmp_path, LAYOUT) == []
    file.write([1.5, 2, 3])
    file.write([2.5, 4, 5])
    assert rows_of(tmp_path) == [(1.5, 2, 3), (2.5, 4, 5)]
    (track,) = read_all(tmp_path, LAYOUT)
    assert track.pid == os.getpid()
    assert list(track.last) == [2.5, 4, 5]
    file.close()


def test_the_ring_keeps_the_newest_and_never_grows(tmp_path: Path) -> None:
    file = TrackFile(tmp_path, LAYOUT)
    for number in range(3 * RING + 7):
        file.write([float(number), number, -number])
    newest = range(3 * RING + 7 - KEPT, 3 * RING + 7)
    assert rows_of(tmp_path) == [(number, number, -number) for number in newest]
    (path,) = tmp_path.glob("*.rows")
    assert path.stat().st_size == HEAD.size + RING * LAYOUT.width * 8
    file.close()


def test_the_files_go_with_their_owner(tmp_path: Path) -> None:
    file = TrackFile(tmp_path / "metrics", LAYOUT)
    file.write([1, 2, 3])
    assert {path.suffix for path in (tmp_path / "metrics").iterdir()} == {".rows", ".lock"}
    assert (tmp_path / "metrics").stat().st_mode & 0o777 == 0o700
    file.close()
    assert list((tmp_path / "metrics").iterdir()) == []


def test_a_killed_process_is_forgotten_with_its_files_and_one_that_lives_is_not(
    tmp_path: Path,
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"written\n"
        pids = {process.pid for process in processes}
        assert {track.pid for track in read_all(tmp_path, LAYOUT)} == pids
        processes[0].send_signal(signal.SIGKILL)
        processes[0].wait()
        assert [track.pid for track in read_all(tmp_path, LAYOUT)] == [processes[1].pid]
        assert len(list(tmp_path.iterdir())) == 2
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_another_versions_figures_are_passed_over_and_left_alone(tmp_path: Path) -> None:
    other, file = TrackFile(tmp_path, OTHER), TrackFile(tmp_path, LAYOUT)
    other.write([1, 2, 3])
    file.write([4, 5, 6])
    assert rows_of(tmp_path) == [(4, 5, 6)]
    (track,) = read_all(tmp_path, OTHER)
    assert list(track.last) == [1, 2, 3]
    other.close()
    file.close()


@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 500, b"\xff" * 5000])
def test_what_is_no_such_file_is_passed_over(tmp_path: Path, content: bytes) -> None:
    file = TrackFile(tmp_path, LAYOUT)
    file.write([1, 2, 3])
    (path,) = tmp_path.glob("*.rows")
    path.write_bytes(content)
    assert read_all(tmp_path, LAYOUT) == []
    file.close()


def test_there_may_be_no_folder_yet(tmp_path: Path) -> None:
    assert read_all(tmp_path / "nowhere", LAYOUT) == []
