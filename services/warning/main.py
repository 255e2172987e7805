"""预警服务 Readings and notices in, alerts out: composes the platform, the pipeline, the broker link and the routes."""

from __future__ import annotations

import threading

from fastapi import FastAPI

from services.warning import features, packs
from services.warning.alerts import api as alerts_api
from services.warning.alerts.worker import AlertPublisher
from services.warning.alerts.worker import tick as watch_alerts
from services.warning.drills import api as drills_api
from services.warning.drills import service as drills
from services.warning.fuses import api as fuses_api
from services.warning.notices import api as notices_api
from services.warning.pipeline import Pipeline
from services.warning.readings import api as readings_api
from services.warning.readings.topics import receipts_topic, subscriptions
from services.warning.schema import metadata, tables
from services.warning.settings import WarningSettings
from services.warning.stations import api as stations_api
from services.warning.stations.worker import ReceiptPublisher, Sent
from shared.auth.keyfile import load_or_make
from shared.auth.tokens import TokenVerifier
from shared.clock import Clock
from shared.db.tx import Tx
from shared.frame import Frame
from shared.mqtt.link import Link, LinkOptions
from shared.realm import parse_time


def create_app(settings: WarningSettings, clock: Clock, *, verifier: TokenVerifier | None = None) -> FastAPI:
    """组装 The app of ``fengsui serve warning``."""
    frame = Frame(settings, clock, metadata, tables, verifier=verifier)
    pipeline = Pipeline(frame)
    frame.app.state.pipeline = pipeline  # beside the frame, for whoever drives the service by hand
    stopped_at = parse_time(settings.stopped_at) if settings.stopped_at else None
    frame.writer.on_owner.append(lambda tx: packs.on_owner(frame, pipeline.fuses.books, tx))
    frame.writer.on_owner.append(lambda tx: drills.on_owner(tx, stopped_at))
    for router in (
        drills_api.routes(frame),
        packs.routes(frame, pipeline.fuses.books),
        readings_api.routes(pipeline.ingest_one),
        stations_api.routes(),
        notices_api.routes(pipeline.enter_notice),
        fuses_api.routes(pipeline.fuses, pipeline.act),
        alerts_api.routes(),
        features.routes(pipeline.fuses),
    ):
        frame.include(router)
    frame.number("stations", stations_api.NUMBERS)
    frame.number("fuses", fuses_api.numbers(pipeline.fuses))
    frame.every("alert_watch", watch_alerts)
    if settings.mqtt_host is not None:
        connect_broker(frame, pipeline, settings, clock)
    return frame.app


def connect_broker(frame: Frame, pipeline: Pipeline, settings: WarningSettings, clock: Clock) -> Link:
    """接入消息总线 Link and receipts. It waits for a pack: without one no message could be judged."""
    link = Link(
        LinkOptions(
            host=str(settings.mqtt_host),
            port=settings.mqtt_port,
            client_id=f"fengsui-warning-{settings.district}",
            subscriptions=subscriptions(settings.district),
            probe_topic=f"fengsui/{settings.district}/_/probe/warning",
            username=settings.mqtt_user,
            password=settings.mqtt_password,
            ca_file=settings.mqtt_ca_file,
        ),
        clock,
        lambda signal: frame.writer.put(pipeline, signal),
    )
    pipeline.ack = link.ack
    pipeline.begin_cut_off()

    def topic_of(realm: str, station: str) -> str:
        return receipts_topic(realm, frame.default_realm(), settings.district, station)

    def publish(topic: str, payload: bytes) -> Sent | None:
        return link.publish(topic, payload, retain=True)

    key = load_or_make(settings.alert_key) if settings.alert_key else None
    released = AlertPublisher(frame.store, frame.writer, clock, publish, key)
    receipts = ReceiptPublisher(frame.store, frame.writer, clock, publish, topic_of)
    started = threading.Event()

    def start() -> None:
        if not started.is_set():
            started.set()
            link.start()

    def connect(tx: Tx) -> None:
        if not started.is_set() and tx.pack is not None:
            tx.after_commit(start)

    frame.every("broker", connect)
    for publisher in (receipts, released):
        frame.writer.on_commit.append(publisher.wake)
        frame.on_start(publisher.start)
        frame.on_stop(publisher.stop)
    frame.on_stop(link.stop)
    frame.ready("broker", lambda: _broker_state(link, demo=settings.mqtt_demo))
    frame.ready("receipts", receipts.problem)
    frame.ready("released_alerts", released.problem)
    return link


def _broker_state(link: Link, *, demo: bool) -> str | None:
    found = link.problem()
    if found is None and demo:
        return "note: demo broker: no access control, nothing kept on disk"
    return found
