"""A server that speaks S3 on loopback, for tests."""

import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import suppress

import pytest

BUCKET = "fairtune"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class S3:
    """Moto's server in a process of its own, with an empty bucket."""

    def __init__(self):
        pytest.importorskip("moto.server")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MOTO_")}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while not self._has_bucket():
            assert self.process.poll() is None, "the S3 server ended"
            assert time.monotonic() < deadline, "no S3 server"
            time.sleep(0.1)

    def address(self, folder="runs"):
        """Of a folder in the bucket, as pyarrow has it."""
        query = urllib.parse.urlencode({"endpoint_override": f"127.0.0.1:{self.port}", "scheme": "http", "region": "us-east-1"})
        return f"s3://{BUCKET}/{folder}?{query}"

    def stop(self):
        self.process.kill()
        self.process.wait()

    def _has_bucket(self):
        with suppress(OSError):
            made = urllib.request.Request(f"http://127.0.0.1:{self.port}/{BUCKET}", method="PUT")
            urllib.request.urlopen(made, timeout=5).close()
            return True
        return False
