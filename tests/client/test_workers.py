"""Several server processes on PostgreSQL behind one port."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.client.live import ADMIN_KEY, running


def test_two_workers_on_postgresql_answer_count_together_and_drain(
    postgres_url: str, tmp_path: Path
) -> None:
    environ = {
        "REGISTRUM_DATABASE_URL": postgres_url,
        "REGISTRUM_SECRET_KEY": "s" * 40,
        "REGISTRUM_WORKERS": "2",
    }
    upgrade = [sys.executable, "-m", "registrum", "db", "upgrade", "--database-url", postgres_url]
    subprocess.run(upgrade, check=True, timeout=60)
    with running(tmp_path / "data", tmp_path / "home", environ=environ) as server:
        for _ in range(20):
            with urllib.request.urlopen(f"{server.url}/readyz", timeout=30) as answer:
                assert json.load(answer)["status"] == "ready"
        viewer = server.graphql(server.admin, "query V { viewer { username } }")["viewer"]
        assert viewer == {"username": "admin"}
        with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as answer:
            counted = answer.read().decode()
        assert 'http_requests_total{area="readyz",method="GET",status="200"} 20.0' in counted
        server.stop()
        assert server.process.returncode == 0
    assert "Traceback" not in "".join(server.log)
    assert ADMIN_KEY not in "".join(line for line in server.log if "path=" in line)
