import time, os
from pathlib import Path
from prefect import flow
from buildstate_flows import milestone
from buildstate_flows import board


def test_it(prefect, worker_a, monkeypatch):
    @milestone(state=10)
    def base() -> int:
        return 1

    @flow
    def run(key):
        with worker_a.build(key=key) as b:
            for s in range(10, 90, 4):
                base.with_options(state=s)()

    run("warm")
    for round in range(2):
        for label, on in (("board", True), ("none", False)):
            with monkeypatch.context() as m:
                if not on:
                    m.setattr(board.Board, "here", classmethod(lambda *a, **k: None))
                for what in ("runs", "skips"):
                    t = time.perf_counter()
                    c = time.process_time()
                    run(f"{label}{round}")
                    print(
                        "BENCH",
                        label,
                        what,
                        round,
                        f"{time.perf_counter() - t:.2f} s wall {time.process_time() - c:.2f} cpu",
                    )
