"""Ten most retweeted Higgs users, explained live and offline, side by side."""
import json, math, subprocess, sys, os
from pathlib import Path
import pytest
from streams.sources import open_source
from tests.integration.stack import Stack
FILE = str(Path("../shared/data/higgs/higgs-activity_time.txt.gz").resolve())
TEN = "88 677 1988 14454 349 6948 283 5226 3571 519".split()

def leaves(a, b, at=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for k in sorted(set(a) | set(b)):
            yield from leaves(a.get(k), b.get(k), f"{at}.{k}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b)):
            yield from leaves(x, y, f"{at}[{i}]")
    elif isinstance(a, float | int) and isinstance(b, float | int):
        if not math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6): yield at, a, b
    elif a != b:
        yield at, a, b

@pytest.mark.timeout(900)
@pytest.mark.parametrize("model", ["plain", "clout-1"])
def test_ten(stack, model, capsys):
    events = list(open_source(FILE, "higgs"))
    house = stack(model=model, clock="stream", partitions=4)
    as_of = str(max(e.ts for e in events) + 60_000)
    env = {k: v for k, v in os.environ.items()} | house.environ()
    run = lambda *a: json.loads(subprocess.run([sys.executable, "-m", "agents.cli.main", *a], env=env, capture_output=True, text=True, check=True).stdout)
    with house.worker():
        house.feed(events); house.settled(len(events), 600)
        live = {u: run("score", f"twitter:{u}", "--explain", "--json", "--as-of", as_of) for u in TEN}
    off = {u: run("offline", FILE, "--format", "higgs", "--explain", f"twitter:{u}", "--json", "--as-of", as_of, "--model", model) for u in TEN}
    Path(f"/tmp/hx/{model}.json").write_text(json.dumps({"live": live, "off": off}))
    with capsys.disabled():
        for u in TEN:
            d = list(leaves(live[u], off[u]))
            print(model, u, live[u]["score"], off[u]["score"], len(d), d[:6])
