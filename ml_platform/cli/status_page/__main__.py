"""`python -m ml_platform.cli.status_page`: serves the status page; `ml-platform up` starts it."""

import argparse

from ml_platform.cli.status_page.app import status_app
from ml_platform.settings import Settings


def main() -> None:
    """Serve until ended."""
    import uvicorn

    parser = argparse.ArgumentParser(prog="python -m ml_platform.cli.status_page")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=3090)
    asked = parser.parse_args()
    app = status_app(Settings.from_environment(), host=asked.host)
    uvicorn.run(app, host=asked.host, port=asked.port, log_level="warning")


if __name__ == "__main__":
    main()
