"""评分 Judges a drill of the running system by its APIs and prints the sheet (``fengsui drill``)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from services.command.access import Access
from services.command.datadir import replace_file
from services.command.score.gather import gather
from services.command.score.sheet import Sheet, judge
from services.command.score.words import lines_of
from services.dispatch.callouts.clocks import FILE as CLOCKS_FILE
from services.dispatch.callouts.clocks import read_clocks
from shared.clock import Clock
from shared.errors import FengsuiError
from shared.pack.model import Pack

TIMEOUT_S = 60.0
DRAIN_S = 60.0
DRAIN_EVERY_S = 0.2
SETTLE_S = 1.0
PASSED, FAILED = 0, 1
OFFICER = "duty_officer"


class Unscored(FengsuiError):
    """无法评分 A service did not answer, or the pack cannot be read."""

    code = "unscored"


def score_of(
    access: Access, realm: str, pack: Pack, clock: Clock, pause: Callable[[float], object], allow_s: float
) -> Sheet:
    """评分 Once what is on its way has arrived. ``pause(seconds)`` waits.

    What it was judged by is kept beside the logs, so that a difference can be looked into afterwards.
    """
    clocks, problems = read_clocks(pack.documents[CLOCKS_FILE], pack)
    if clocks is None:
        raise Unscored(f"{CLOCKS_FILE} of the drill's pack cannot be read: {problems[0]}")
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as http:

        def get(service: str, path: str, query: Mapping[str, Any]) -> Any:
            headers = {"Authorization": f"Bearer {access.token(OFFICER)}"}
            try:
                answer = http.get(access.url(service) + path, params=dict(query), headers=headers)
                if path != "/readyz":  # 503 is an answer there
                    answer.raise_for_status()
                return answer.json()
            except (httpx.HTTPError, ValueError) as error:
                raise Unscored(
                    f"{service} does not answer {path}: {error}", f"{service} 未答复 {path}：{error}"
                ) from error

        facts = gather(get, realm, lambda: pause(SETTLE_S))
        deadline = clock.monotonic() + DRAIN_S
        while _on_the_way(facts["ready"]) and clock.monotonic() < deadline:
            pause(DRAIN_EVERY_S)
            for name, before in facts["ready"].items():
                facts["ready"][name] = least(before, get(name, "/readyz", {}))
    kept = access.data / "logs" / f"drill-{realm.removeprefix('x-')}.facts.json"
    replace_file(kept, json.dumps(facts, ensure_ascii=False).encode(), 0o600)
    return judge(facts, pack, clocks, allow_s=allow_s)


def _on_the_way(ready: Mapping[str, Any]) -> bool:
    """A message that is being carried this moment is not one that was left over."""
    return any(box.get("waiting") or box.get("error") for state in ready.values() for box in state["outbox"])


def least(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The newest state, with each outbox as it was when it held the least: what was there before has then arrived.

    The drill's clock goes on while we look, so that there is always something new on the way.
    """
    held = {box["receiver"]: box for box in before["outbox"] if "receiver" in box}
    boxes = [min(box, held.get(box.get("receiver"), box), key=_left) for box in now["outbox"]]
    return {**now, "outbox": boxes}


def _left(box: Mapping[str, Any]) -> tuple[bool, int]:
    return bool(box.get("error")), int(box.get("waiting") or 0)


def tell(sheet: Sheet, zone: str, say: Callable[[str], None], *, as_json: bool) -> int:
    """The sheet on the terminal, or as one JSON object; the exit code."""
    if as_json:
        say(json.dumps(sheet.as_dict(), ensure_ascii=False, sort_keys=True))
    else:
        for line in lines_of(sheet, zone):
            say(line)
    return PASSED if sheet.passed else FAILED
