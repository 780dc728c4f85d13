"""The dashboard of Grafana: it is what Grafana reads, and asks for metrics that there are, with labels that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.servers import ROOT, left_out

BOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboards/clout.json").read_text())
PANELS = [one for one in BOARD["panels"] if one["type"] != "row"]
_METRIC = re.compile(r"\bclout_\w+")


def read(name: str) -> Any:
    """A file of deploy, as YAML."""
    try:
        from ruamel.yaml import YAML
    except ImportError:
        left_out("ruamel.yaml is not installed (it comes with check-jsonschema, on Linux on x86-64)")
    return YAML(typ="safe").load((ROOT / "deploy" / name).read_text())


def asked() -> Iterator[str]:
    """Every expression of every panel."""
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])


def known() -> set[str]:
    """Names of all metrics, as the documentation lists them."""
    listed = (ROOT / "agents/README.md").read_text()
    return set(re.findall(r"`(clout_\w+)", listed))


def test_metrics_are_there() -> None:
    """No panel asks for a metric that nobody tells, and each panel asks for one."""
    for expression in asked():
        names = {name.removesuffix("_bucket") for name in _METRIC.findall(expression)}
        assert names
        assert names <= known(), expression


def test_labels_are_theirs() -> None:
    """What is summed by is a label of the metric, and what the legend shows is kept by the sum."""
    for panel in PANELS:
        for target in panel["targets"]:
            kept = {one.strip() for some in re.findall(r"by \(([^)]*)\)", target["expr"]) for one in some.split(",")}
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept, target["expr"]
            assert kept <= {"partition", "reason", "topic", "rule", "cause", "why", "channel", "outcome", "state", "le"}


def test_sums_by_a_label_are_divided_by_a_number() -> None:
    """Prometheus pairs what has the same labels: a sum by one, divided by a sum without, is nothing at all."""
    for expression in asked():
        assert not re.search(r"\bby \([^)]*\) \([^()]*\) [-+*/] (?!scalar\()", expression), expression


def test_panels_are_whole() -> None:
    """Each has a title, a sentence, Prometheus as its source, an id of its own, and a place that no other has."""
    assert len({one["id"] for one in BOARD["panels"]}) == len(BOARD["panels"])
    places: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & places, panel["title"]
        places |= cells
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert all(target["datasource"] == {"type": "prometheus", "uid": "prometheus"} for target in panel["targets"])


def test_it_is_provisioned_from_these_files() -> None:
    """The data source has the uid that panels name; folders of the provisioning are those that compose.yaml mounts."""
    source = read("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    assert (source["uid"], source["type"], source["url"]) == ("prometheus", "prometheus", "http://prometheus:9090")
    provider = read("grafana/provisioning/dashboards/clout.yaml")["providers"][0]
    services = read("compose.yaml")["services"]
    mounted = dict(one.removesuffix(":ro").split(":") for one in services["grafana"]["volumes"])
    assert mounted["./grafana/dashboards"] == provider["options"]["path"]
    assert mounted["./grafana/provisioning"] == "/etc/grafana/provisioning"
    assert all((ROOT / "deploy" / one).exists() for one in mounted)


def test_prometheus_asks_what_listens() -> None:
    """Every service that it names is there, and opens that port to others."""
    found = read("grafana/prometheus.yaml")["scrape_configs"][0]["dns_sd_configs"][0]
    services = read("compose.yaml")["services"]
    for name in found["names"]:
        command = " ".join(services[name]["command"])
        assert f"--port {found['port']}" in command
        assert "--host 0.0.0.0" in command
