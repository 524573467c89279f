"""What the benchmarks of the engine share: data of the real shape, the built-in endpoint, one run with its costs."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "eyechart"

TASK = """
name = "bench"
[dataset]
file = "bench.jsonl"
[prompt]
text = "{{ question }}"
[generation]
max_tokens = 300
[[compare]]
target = "answer"
"""


def picture(number: int, size: int) -> bytes:
    """A JPEG of the demo's, made unique and as large as wanted by comment segments."""
    plain = (ROOT / "crates/eyechart/demo/images/scale.jpg").read_bytes()
    left, comments = size - len(plain), b""
    while left > 0:
        length = min(left, 65_000)
        text = (f"{number} " * length).encode()[:length]
        comments += b"\xff\xfe" + (length + 2).to_bytes(2, "big") + text
        left -= length
    return plain[:2] + comments + plain[2:]


def lay_out(folder: pathlib.Path, samples: int, picture_bytes: int = 0) -> pathlib.Path:
    """A task of so many samples, each with a picture of its own if they are to have any; its file."""
    folder.mkdir()
    (folder / "images").mkdir()
    with open(folder / "bench.jsonl", "w") as rows:
        for number in range(samples):
            row = {"question": f"What is in picture {number}?", "answer": "A scale."}
            if picture_bytes:
                row["image"] = f"images/{number}.jpg"
                (folder / row["image"]).write_bytes(picture(number, picture_bytes))
            rows.write(json.dumps(row) + "\n")
    task = TASK + ('[images]\ncolumn = "image"\n' if picture_bytes else "")
    (folder / "bench.toml").write_text(task)
    return folder / "bench.toml"


@contextlib.contextmanager
def endpoint(*arguments: str):
    """The address of `eyechart rehearse` in a process of its own."""
    command = [BINARY, "rehearse", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@dataclasses.dataclass
class Cost:
    """What one run took: seconds, CPU milliseconds a sample, peak MB; and where it is recorded."""

    seconds: float
    cpu: float
    memory: float
    folder: pathlib.Path

    def attempts(self):
        """Each attempt as (seconds since the first, seconds it took, status)."""
        with open(self.folder / "samples.jsonl") as lines:
            attempts = [attempt for line in lines for attempt in json.loads(line)["attempts"]]
        started = [since_midnight(attempt["started"]) for attempt in attempts]
        first = min(started)
        return sorted((at - first, attempt["seconds"], attempt.get("status")) for at, attempt in zip(started, attempts))


def since_midnight(instant: str) -> float:
    """Seconds; a benchmark that runs over midnight is run again."""
    hours, minutes, seconds = instant.split("T")[1].rstrip("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def run(task: pathlib.Path, samples: int, url: str, *arguments: str, under: tuple[str, ...] = ()) -> Cost:
    """Runs `task` without scoring, in a folder of its own; `under` another program, such as a profiler."""
    out = task.parent / f"runs-{time.monotonic_ns()}"
    command = [*under, BINARY, "run", task, "--model", "custom/bench", "--base-url", url, "--no-score", "--out", out, *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status != 0:
        sys.exit(f"the run failed with status {status}: {said}")
    folder = next(path for path in out.iterdir() if (path / "spec.json").exists())
    return Cost(seconds, (usage.ru_utime + usage.ru_stime) / samples * 1e3, usage.ru_maxrss / 1024, folder)
