"""预警处置接口 What officers do with ``/v1/alerts/{id}``: to-sign, approve, return, reject, hand-over, released,
update, cancel, end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from services.warning.alerts import acts, releasing, store_life
from services.warning.alerts import life as lives
from services.warning.alerts.acts import Case, Deed, Signature
from services.warning.alerts.bulletin import RESPONSES, VALID_MAX, VALID_MIN, Draft, Words, basis_of
from services.warning.alerts.life import Act, Purpose, Refusal
from services.warning.alerts.releasing import ReleasedBy
from services.warning.alerts.signing import REFUSALS, CallBack
from shared.auth.keys import canonical
from shared.db.tx import Tx
from shared.errors import Forbidden, NotFound, StaleVersion
from shared.http.context import Answer, Context, Ctx
from shared.vocabulary import AlertScope, Level, Role

NO_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no NUL in text
MAY_READ = tuple(Role)
MAY_DRAFT = (Role.DRAFTER, Role.DUTY_OFFICER, Role.COMMANDER)
MAY_SIGN = (Role.ISSUER, Role.SECOND_ISSUER)
MAY_SIGN_WITH_VOICE = (*MAY_SIGN, Role.DUTY_OFFICER, Role.COMMANDER)
MAY_SEND_BACK = (*MAY_SIGN, Role.DUTY_OFFICER, Role.COMMANDER)
MAY_RELEASE = (*MAY_SIGN, Role.DUTY_OFFICER, Role.COMMANDER)
MAY: Mapping[Act, Sequence[Role]] = {
    Act.UPDATE: MAY_DRAFT,
    Act.APPROVE: MAY_SIGN_WITH_VOICE,
    Act.RETURN: MAY_SEND_BACK,
    Act.REJECT: MAY_SEND_BACK,
    Act.HAND_OVER: MAY_RELEASE,
    Act.RELEASE: MAY_RELEASE,
    Act.CANCEL: MAY_RELEASE,
    Act.END: MAY_RELEASE,
}
WRONG_ROLE = ("your role does not do this", "您的角色不能办理此项")
HEADLINE_MAX = 140  # what receivers show whole (Google's profile of CAP)
WRITE = ConfigDict(extra="forbid")

Text = Annotated[str, Field(pattern=NO_NUL, min_length=1, max_length=200)]
Reason = Annotated[str, Field(pattern=NO_NUL, min_length=1, max_length=1000)]


class DeedBody(BaseModel):
    """处置: with its reason; written down afterwards (补录) with both times."""

    model_config = WRITE
    reason: Reason
    happened_at: AwareDatetime | None = None
    entered_late: bool = False


class CallBackBody(BaseModel):
    """回拨: the signer's post, the registered number that was rung, the words, who wrote them down."""

    model_config = WRITE
    post: Text
    number: Annotated[str, Field(pattern=NO_NUL, min_length=3, max_length=40)]
    words: Reason
    recorded_by: Text


class ApproveBody(DeedBody):
    """批准: ``signature`` over the bytes of ``to-sign``, base64url. ``act`` says of which message it is."""

    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    key_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{20,64}$")]
    signature: Annotated[str, Field(max_length=200)]
    reason: Annotated[str, Field(pattern=NO_NUL, max_length=1000)] = ""
    call_back: CallBackBody | None = None
    act: Purpose = Purpose.PUBLISH


class WordsBody(BaseModel):
    """中英文本: without ``en`` the English stays the default; a Chinese text never stands as English."""

    model_config = WRITE
    zh: Annotated[str, Field(pattern=NO_NUL, min_length=1, max_length=4000)]
    en: Annotated[str | None, Field(pattern=NO_NUL, min_length=1, max_length=4000)] = None


class HeadlineBody(WordsBody):
    """标题"""

    zh: Annotated[str, Field(pattern=NO_NUL, min_length=1, max_length=HEADLINE_MAX)]
    en: Annotated[str | None, Field(pattern=NO_NUL, min_length=1, max_length=HEADLINE_MAX)] = None


class UpdateBody(DeedBody):
    """改稿: what is not given stays as it was drafted for this situation, else as by default."""

    headline: HeadlineBody | None = None
    description: WordsBody | None = None
    instruction: WordsBody | None = None
    response_types: list[Literal[RESPONSES]] | None = Field(default=None, min_length=1, max_length=4)  # type: ignore[valid-type]  # a constant tuple of CAP's words
    scope: Literal["Public", "Restricted"] | None = None
    level: Level | None = None
    valid_for_s: int | None = Field(default=None, ge=int(VALID_MIN.total_seconds()), le=int(VALID_MAX.total_seconds()))


class HandOverBody(DeedBody):
    """移交: to which release body, by what way, and who took it."""

    body: Text
    via: Text
    received_by: Text | None = None


class ReleasedBody(BaseModel):
    """发布登记: the release body, its number, when it released."""

    model_config = WRITE
    body: Text
    number: Text | None = None
    at: AwareDatetime | None = None
    reason: Annotated[str, Field(pattern=NO_NUL, max_length=1000)] = ""
    entered_late: bool = False


class WithdrawBody(ReleasedBody):
    """撤销或解除: as a release, with its reason."""

    body: Text = "本级"
    reason: Reason


Step = Callable[[Tx, Case, Deed], dict[str, Any]]


def add_routes(router: APIRouter) -> None:
    _signing(router)
    _steps(router)
    _release(router)


def _signing(router: APIRouter) -> None:
    @router.get("/v1/alerts/{alert_id}/to-sign")
    def to_sign(
        alert_id: str,
        ctx: Ctx,
        act: Annotated[Purpose, Query(description="publish | cancel | end")] = Purpose.PUBLISH,
        digest: Annotated[str | None, Query(max_length=80, description="of what a voice still owes")] = None,
    ) -> JSONResponse:
        """The RFC 8785 bytes to sign, their digest, what they say, and how that differs from what stands in public.

        With ``digest``: the words that were approved by telephone, whatever became of the alert since, to countersign.
        """
        ctx.require(MAY_READ)
        with ctx.read() as conn:
            case = acts.open_case(conn, ctx.realm, ctx.frame.require_pack(), alert_id)
            sheet = acts.to_sign(case, act) if digest is None else _owed(conn, case, digest)
            return JSONResponse(sheet, headers={"ETag": f'"{case.version}"'})

    @router.get("/v1/alerts/{alert_id}/hand-over")
    def hand_over_sheet(alert_id: str, ctx: Ctx) -> dict[str, Any]:
        """What the release body gets: the approved words, their digest and signatures."""
        ctx.require(MAY_READ)
        with ctx.read() as conn:
            return releasing.sheet(acts.open_case(conn, ctx.realm, ctx.frame.require_pack(), alert_id))

    @router.post("/v1/alerts/{alert_id}/approve")
    def approve(alert_id: str, body: ApproveBody, ctx: Ctx) -> JSONResponse:
        """Approve with an enrolled key; a key and a recorded call-back make two persons. Also to countersign.

        Whose voice approved may countersign in whatever role; signing alone needs the role of a signer.
        """
        owes_only = body.call_back is None and not ctx.actor.roles & set(MAY_SIGN)
        signed = Signature(digest=body.digest, key_id=body.key_id, signature=body.signature)
        call_back = CallBack(**body.call_back.model_dump()) if body.call_back else None

        def step(tx: Tx, case: Case, deed: Deed) -> dict[str, Any]:
            return acts.approve(tx, case, body.act, signed, call_back, deed, owes_only=owes_only)

        return _act(ctx, alert_id, MAY_SIGN_WITH_VOICE, body, step, steps_matter=False)


def _owed(conn: Connection, case: Case, digest: str) -> dict[str, Any]:
    """待补签内容 What a voice approved and still owes its own signature for."""
    rows = [row for row in store_life.call_backs_of(conn, case.realm, case.alert.alert_id) if row.digest == digest]
    owing = [row.person for row in rows if row.countersigned_at is None]
    if not rows:
        raise NotFound("nothing of this digest was approved by telephone", "没有该摘要的电话批准", field="digest")
    message: dict[str, Any] = rows[0].message
    return {
        "district": message["district"],
        "realm": case.realm,
        "alert_id": case.alert.alert_id,
        "version": case.alert.version,
        "state": case.life.state.value,
        "act": message["act"],
        "digest": digest,
        "canonical": canonical(message).decode("utf-8"),
        "message": message,
        "against": None,
        "diff": [],
        "persons": {
            "needed": len(rows),
            "have": sorted({row.person for row in rows} - set(owing)),
            "missing": len(owing),
        },
        "owing": owing,
        "drafters": [],
        "voices": [],
        "blocked": None,
    }


def _steps(router: APIRouter) -> None:
    @router.post("/v1/alerts/{alert_id}/return")
    def send_back(alert_id: str, body: DeedBody, ctx: Ctx) -> JSONResponse:
        """Return it to be drafted again; approvals are void."""
        return _act(
            ctx, alert_id, MAY_SEND_BACK, body, lambda tx, case, deed: acts.step_back(tx, case, Act.RETURN, deed)
        )

    @router.post("/v1/alerts/{alert_id}/reject")
    def reject(alert_id: str, body: DeedBody, ctx: Ctx) -> JSONResponse:
        """These words shall not be said; the internal alarm goes on."""
        return _act(
            ctx, alert_id, MAY_SEND_BACK, body, lambda tx, case, deed: acts.step_back(tx, case, Act.REJECT, deed)
        )

    @router.post("/v1/alerts/{alert_id}/hand-over")
    def hand_over(alert_id: str, body: HandOverBody, ctx: Ctx) -> JSONResponse:
        """It went to the release body."""

        def step(tx: Tx, case: Case, deed: Deed) -> dict[str, Any]:
            return acts.hand_over(tx, case, deed, body=body.body, via=body.via, received_by=body.received_by)

        return _act(ctx, alert_id, MAY_RELEASE, body, step)

    @router.post("/v1/alerts/{alert_id}/update")
    def update(alert_id: str, body: UpdateBody, ctx: Ctx) -> JSONResponse:
        """Draft words of one's own; who drafts never approves."""

        def step(tx: Tx, case: Case, deed: Deed) -> dict[str, Any]:
            return acts.redraft(tx, case, _drafted(case, body), deed)

        return _act(ctx, alert_id, MAY_DRAFT, body, step)


def _release(router: APIRouter) -> None:
    @router.post("/v1/alerts/{alert_id}/released")
    def released(alert_id: str, body: ReleasedBody, ctx: Ctx) -> JSONResponse:
        """The release body has released the approved words: they are public from now on."""

        def step(tx: Tx, case: Case, deed: Deed) -> dict[str, Any]:
            return releasing.release(tx, case, _by(body), deed)

        return _act(ctx, alert_id, MAY_RELEASE, body, step)

    @router.post("/v1/alerts/{alert_id}/cancel")
    def cancel(alert_id: str, body: WithdrawBody, ctx: Ctx) -> JSONResponse:
        """Take back what should not have been said (CAP Cancel); approved like a release (to-sign?act=cancel)."""
        return _withdraw(ctx, alert_id, body, Purpose.CANCEL)

    @router.post("/v1/alerts/{alert_id}/end")
    def end(alert_id: str, body: WithdrawBody, ctx: Ctx) -> JSONResponse:
        """All-clear once the alarm is over; approved like a release (to-sign?act=end). Not leave to return."""
        return _withdraw(ctx, alert_id, body, Purpose.END)


def _withdraw(ctx: Context, alert_id: str, body: WithdrawBody, purpose: Purpose) -> JSONResponse:
    def step(tx: Tx, case: Case, deed: Deed) -> dict[str, Any]:
        return releasing.withdraw(tx, case, purpose, _by(body), deed)

    return _act(ctx, alert_id, MAY_RELEASE, body, step)


def _act(
    ctx: Context,
    alert_id: str,
    roles: Sequence[Role],
    body: DeedBody | ReleasedBody,
    step: Step,
    *,
    steps_matter: bool = True,
) -> JSONResponse:
    """One act in the writer: role, area, If-Match, then the step; answers the alert as it is then."""
    realm, pack = ctx.realm, ctx.frame.require_pack()
    ctx.require(roles)
    if not ctx.actor.roles & set(roles):
        raise Forbidden("who runs the machine signs and releases nothing", "系统管理员不得签批", code="wrong_role")
    with ctx.read() as conn:
        ctx.require(roles, area=acts.open_case(conn, realm, pack, alert_id).alert.region)
    happened_at = body.happened_at if isinstance(body, DeedBody) else body.at
    deed = Deed(by=ctx.actor.sub, reason=body.reason, happened_at=happened_at, entered_late=body.entered_late)

    def apply(tx: Tx) -> Answer:
        case = acts.open_case(tx.conn, realm, pack, alert_id)
        _match(ctx, case, steps_matter=steps_matter)
        made = step(tx, case, deed)
        return Answer(made, version=f"{made['version']}.{made['life']['step']}")

    return ctx.write(apply)


def _match(ctx: Context, case: Case, *, steps_matter: bool) -> None:
    """If-Match names the version, or the version and the step. A second signature does not mind the first."""
    wanted = ctx.if_match
    if wanted in (None, "*", str(case.alert.version), case.version):
        return
    if not steps_matter and str(wanted).partition(".")[0] == str(case.alert.version):
        return
    raise StaleVersion(
        f"you act on version {wanted}, but it is at {case.version} now",
        f"您处理的是版本 {wanted}，当前已是 {case.version}",
        yours=wanted,
        current=case.version,
        object=acts.to_sign(case, Purpose.PUBLISH),
    )


def choices(conn: Connection, ctx: Context, alert_id: str) -> list[dict[str, Any]]:
    """可办事项 What the asker may do next, and why not the rest; the steps themselves decide again."""
    case = acts.open_case(conn, ctx.realm, ctx.frame.require_pack(), alert_id)
    out = []
    for act, roles in MAY.items():
        if not ctx.actor.roles & set(roles):
            reason, (en, zh) = "wrong_role", WRONG_ROLE
        elif (refused := _refused(conn, ctx, case, act)) is not None:
            reason, (en, zh) = refused.value, REFUSALS[refused]
        else:
            reason, en, zh = "", "", ""
        out.append({"act": act.value, "state": "refused" if reason else "open", "reason": reason, "zh": zh, "en": en})
    return out


def _refused(conn: Connection, ctx: Context, case: Case, act: Act) -> Refusal | None:
    life, facts = case.life, case.facts
    if act is Act.UPDATE:
        return lives.redraft(life, "", ctx.actor.sub, facts).refused
    if act is Act.APPROVE:
        return acts.blocked(case, Purpose.PUBLISH)
    if act in (Act.RETURN, Act.REJECT, Act.HAND_OVER):
        return lives.simple(life, act).refused
    keys = ctx.frame.tables.keys
    if act is Act.RELEASE:
        return lives.may_release(life, acts.approvers(conn, keys, case, Purpose.PUBLISH), facts)
    purpose = Purpose.CANCEL if act is Act.CANCEL else Purpose.END
    if case.public is None:
        return lives.may_withdraw(life, purpose, frozenset(), facts, 0)
    return lives.may_withdraw(
        life, purpose, acts.approvers(conn, keys, case, purpose), facts, acts.needed(case, purpose)
    )


def _drafted(case: Case, body: UpdateBody) -> Draft:
    known = case.draft if case.draft.basis == basis_of(case.alert) else Draft(scope=case.draft.scope)
    changes: dict[str, Any] = {"basis": basis_of(case.alert)}
    for name in ("headline", "description", "instruction"):
        given: WordsBody | None = getattr(body, name)
        if given is not None:
            changes[name] = Words(zh=given.zh, en=given.en or "")
    if body.response_types is not None:
        changes["response_types"] = tuple(body.response_types)
    if body.scope is not None:
        changes["scope"] = AlertScope(body.scope)
    if body.level is not None:
        changes["level"] = body.level
    if body.valid_for_s is not None:
        changes["valid_for_s"] = body.valid_for_s
    return replace(known, **changes)


def _by(body: ReleasedBody) -> ReleasedBy:
    return ReleasedBy(body=body.body, number=body.number, at=body.at)
