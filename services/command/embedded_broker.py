"""内嵌代理 ``python -m services.command.embedded_broker CONFIG``: iotcore, for machines without Mosquitto."""

from __future__ import annotations

import logging
import sys

from iotcore.iotcore import IotCoreBroker


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: python -m services.command.embedded_broker CONFIG", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)  # it reports every packet as an error
    broker = IotCoreBroker(config_path=sys.argv[1])
    print(f"demo broker (iotcore) on {', '.join(broker.listeners())}: no access list, no disk", flush=True)
    broker.run_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
