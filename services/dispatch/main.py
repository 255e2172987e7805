"""调度服务 People called, measures carried out: wires the concepts onto the frame."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from fastapi import FastAPI

from services.dispatch.accounts import api as accounts_api
from services.dispatch.accounts import service as accounts
from services.dispatch.accounts.account import Account
from services.dispatch.callouts import api as callouts_api
from services.dispatch.callouts import store as case_store
from services.dispatch.callouts.service import Callouts
from services.dispatch.callouts.worker import Ringing, is_wanted
from services.dispatch.channels.worker import Sender, Wanted
from services.dispatch.checkins import api as checkins_api
from services.dispatch.checkins import worker as checkins_worker
from services.dispatch.checkins.service import CheckIns
from services.dispatch.incidents import api as incidents_api
from services.dispatch.incidents.service import Incidents
from services.dispatch.intake import Intake
from services.dispatch.orders import api as orders_api
from services.dispatch.orders import features as order_features
from services.dispatch.orders import worker as orders_worker
from services.dispatch.orders.calling import SignerCalls
from services.dispatch.orders.service import Orders
from services.dispatch.schema import metadata, tables
from services.dispatch.settings import DispatchSettings
from shared.auth.tokens import Actor, TokenSigner, TokenVerifier
from shared.clock import Clock
from shared.db.tx import Tx
from shared.errors import FengsuiError
from shared.frame import Frame
from shared.realm import ACTUAL
from shared.vocabulary import Role

OWN_TOKEN_S = 3600
OWN_TOKEN_EARLY = timedelta(minutes=5)


def create_app(settings: DispatchSettings, clock: Clock) -> FastAPI:
    """The dispatch service's app (调度服务); its `Frame` is ``app.state.frame``."""
    signer = TokenSigner.from_file(settings.key_file)
    frame = Frame(
        settings,
        clock,
        metadata,
        tables,
        verifier=TokenVerifier(local=signer.jwks),
        tokens=_OwnTokens(signer, settings.service, clock),
    )
    callouts = Callouts(frame.packs.get, settings.carriers)
    ringing = Ringing(callouts)
    orders = Orders(SignerCalls(callouts))
    incidents = Incidents(orders)
    checkins = CheckIns(incidents)
    Intake(frame, incidents, orders, callouts, ringing)

    sender = Sender(
        frame.store,
        frame.writer,
        clock,
        settings.carriers,
        settings.callback_url or f"http://{settings.host}:{settings.port}",
        settings.district,
        lambda tx, stored: ringing.attempt_ended(tx, stored, tx.domain_now(stored.realm)),
        Wanted(is_wanted, lambda tx, stored: ringing.withdraw(tx, stored, tx.domain_now(stored.realm))),
    )
    frame.app.state.desk = Desk(callouts, ringing, orders, incidents, sender)
    frame.every("callouts", ringing.tick)
    frame.every("orders", orders_worker.ticking(orders))
    frame.every("checkins", checkins_worker.ticking(checkins, frame.active_pack))
    frame.writer.on_commit.append(sender.wake)
    frame.on_start(sender.start)
    frame.on_stop(sender.stop)
    frame.ready("carriers", sender.probe)
    frame.ready("callouts", ringing.probe)
    if settings.accounts_file is not None:
        known = _read_accounts(settings.accounts_file)
        frame.writer.on_owner.append(lambda tx: _keep_accounts(tx, known))

    frame.writer.on_owner.append(case_store.keep_tallies)
    frame.number("orders", orders_api.COUNTS)
    frame.number("callouts", callouts_api.unanswered(callouts))
    frame.number("checkins", checkins_api.NUMBERS)
    frame.number("to_sign", orders_api.TO_SIGN)
    frame.number("cases", callouts_api.open_cases(callouts))
    frame.number("newest", incidents_api.newest())
    frame.include(accounts_api.routes(frame, signer))
    frame.include(callouts_api.routes(callouts, ringing.receipt, settings.carriers))
    frame.include(orders_api.routes(frame, orders))
    frame.include(incidents_api.routes(frame, incidents, callouts))
    frame.include(checkins_api.routes(frame, checkins))
    frame.include(order_features.routes())
    return frame.app


@dataclass(frozen=True)
class Desk:
    """调度台: the composed parts, as ``app.state.desk`` beside the frame, for whoever drives the service by hand"""

    callouts: Callouts
    ringing: Ringing
    orders: Orders
    incidents: Incidents
    sender: Sender


class _OwnTokens:
    """自用令牌: this service signs its own, so that it needs nobody to tell the others who it is."""

    def __init__(self, signer: TokenSigner, name: str, clock: Clock) -> None:
        self._signer, self._clock = signer, clock
        self._actor = Actor(f"service:{name}", frozenset({Role.SERVICE.value}), ("*",), ("*", ACTUAL))
        self._token: str | None = None
        self._until: datetime | None = None

    def get(self) -> str | None:
        now = self._clock.now()
        if self._token is None or self._until is None or now >= self._until:
            self._token = self._signer.sign(self._actor, now=now, lifetime_s=OWN_TOKEN_S)
            self._until = now + timedelta(seconds=OWN_TOKEN_S) - OWN_TOKEN_EARLY
        return self._token

    def forget(self) -> None:
        self._token = None


def _read_accounts(path: Path) -> list[tuple[Account, str]]:
    """The supervisor's accounts file; what is wrong with it names the file and the entry."""
    try:
        return [accounts.account_from(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError, FengsuiError) as error:
        raise FengsuiError(f"{path}: accounts cannot be read: {error}", code="bad_accounts") from error


def _keep_accounts(tx: Tx, known: list[tuple[Account, str]]) -> None:
    accounts.ensure_keys(tx, known, by="supervisor")
