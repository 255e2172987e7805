"""资源服务 on real HTTP with the sample pack: ``with resources_service(dsn, packs_dir) as (url, app): …``"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx

from services.resources.main import create_app
from services.resources.schema import metadata
from services.resources.settings import ResourcesSettings
from shared.auth.tokens import TokenVerifier
from shared.clock import Clock, SystemClock, poll_until
from shared.frame import Frame
from shared.pack.canonical import copy_definitions
from shared.pack.model import Pack
from tests.support.packs import loaded, sample_pack_dir
from tests.support.platform import SIGNER, FixedTokens, bearer
from tests.support.serving import serving

READY_S = 20.0
READER = bearer("reader", "duty_officer")


@cache
def sample_pack() -> Pack:
    """The sample pack, read once a process."""
    return loaded(sample_pack_dir())


def freeze_sample(packs_dir: Path) -> str:
    """Deliver the sample pack as an operator would; its version."""
    version = sample_pack().version
    copy_definitions(sample_pack_dir(), packs_dir, version)
    return version


@contextmanager
def resources_service(
    dsn: str, schema: str, packs_dir: Path, *, clock: Clock | None = None, pack: bool = True
) -> Iterator[tuple[httpx.Client, Frame]]:
    """The service with its books open, and a client for it.

    Without ``pack`` it has none yet: freeze one with `freeze_sample` and send it the message that activates it.
    """
    version = sample_pack().version
    settings = ResourcesSettings(
        service="resources",
        district="500114",
        dsn=dsn,
        schema=schema,
        packs_dir=packs_dir,
        pack=version if pack else None,
        boot="boot-1",
        tick_s=0.05,
    )
    app = create_app(
        settings, clock or SystemClock(), verifier=TokenVerifier(local=SIGNER.jwks), tokens=FixedTokens("resources")
    )
    frame: Frame = app.state.frame
    if pack:
        frame.packs.put(sample_pack())  # read once a process, not once a test
    frame.store.ensure_schema()
    with frame.store.write() as conn:
        metadata.create_all(conn)
    with serving(app) as url, httpx.Client(base_url=url, timeout=20) as client:
        if pack:
            opened = poll_until(lambda: client.get("/v1/events?after=0", headers=READER).json()["items"], READY_S)
            assert opened, "the books were not opened"
        yield client, frame
