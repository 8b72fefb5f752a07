"""The account process: `python -m lab.account --ready FILE --state DIR [--port N]`."""

import argparse
import logging
import os
import signal
import threading
from pathlib import Path

from lab.processes import exit_with_parent, write_ready

# Loaded while the first clients are still starting, the slowest and most wanted first.
_WARM = (
    *("cloudformation", "stepfunctions", "lambda", "iam", "sts", "dynamodb", "cloudwatch", "s3"),
    *("ssm", "events", "elbv2", "ec2", "autoscaling", "fis", "rds", "sns", "logs", "scheduler"),
)


def main() -> None:
    """Serve until SIGTERM, or until the parent is gone."""
    arguments = _arguments()
    region = _environment()
    from lab.account import connections
    from lab.account import server as servers
    from lab.account.clients import Clients
    from lab.account.cloudwatch import Metrics
    from lab.account.events import Bus
    from lab.account.fis import Experiments
    from lab.account.functions import Functions
    from lab.account.parts import Parts
    from lab.account.schedules import Clock
    from lab.account.seams.events import current_schedules
    from lab.account.watch import Watch

    server = connections.listen(arguments.port)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    clients = Clients(url, region)
    parts = Parts(
        region=region,
        state=arguments.state.resolve(),
        functions=Functions(
            state=arguments.state.resolve(),
            layers_root=arguments.layers_root,
            region=region,
            endpoint=url,
            credentials=clients.variables,
        ),
        metrics=Metrics(),
        bus=Bus(clients.own, clients.of_role),
        experiments=Experiments(clients.own),
        client=clients.own,
        role_client=clients.of_role,
    )
    exit_with_parent(before_exit=parts.functions.stop)
    application = servers.Application(parts)
    server.app = application

    def stop(*_: object) -> None:
        parts.functions.stop()
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    write_ready(arguments.ready, {"url": url, "region": region})
    for service in _WARM:
        application.load(service)
    Clock(lambda: current_schedules(parts)).start()
    Watch(parts.metrics, parts.state, parts.client).start()
    threading.Event().wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.account", description=__doc__)
    parser.add_argument("--ready", type=Path, required=True, help="written when it answers")
    parser.add_argument("--state", type=Path, required=True, help="directory for logs and files")
    parser.add_argument("--port", type=int, default=0, help="default: the OS chooses")
    parser.add_argument("--layers-root", type=Path, help="stands for /opt in functions")
    return parser.parse_args()


def _environment() -> str:
    """Prepare this process for moto; the account's region."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    # It prints the whole parse tree of a state for every error that a state catches.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    region = region or "ap-northeast-2"
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    os.environ |= {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_EC2_METADATA_DISABLED": "true",
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    }
    return region


if __name__ == "__main__":
    main()
