"""措施请求 The bodies of the orders API. Every write takes ``happened_at`` and ``entered_late`` (补录, contract §6)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.dispatch.orders.model import Inspection
from services.dispatch.orders.people import Group, Outcome, Tally
from shared.vocabulary import Level, Measure

TEXT_MAX = 2000
ID_MAX = 200
Line = Annotated[str, Field(max_length=TEXT_MAX)]
Id = Annotated[str, Field(min_length=1, max_length=ID_MAX)]
Ids = Annotated[list[Id], Field(max_length=1000)]
Count = Annotated[int, Field(ge=0, le=100_000)]


class ActBody(BaseModel):
    """处置: who, if not oneself (``post``), and when, if not now"""

    model_config = ConfigDict(extra="forbid")
    post: Id | None = None
    happened_at: AwareDatetime | None = None
    entered_late: bool = False


class CallBack(BaseModel):
    """回拨记录: the signer's words, heard by somebody else on the registered number"""

    model_config = ConfigDict(extra="forbid")
    post: Id
    number: Annotated[str, Field(max_length=40)]
    words: Line
    recorded_by: Annotated[str, Field(max_length=ID_MAX)] | None = None


class SignBody(ActBody):
    """签发"""

    call_back: CallBack | None = None


class UnitsBody(ActBody):
    """签收、落实: no units means all of one's own area"""

    units: Ids = []
    note: Line | None = None


class PersonBody(BaseModel):
    """户或人"""

    model_config = ConfigDict(extra="forbid")
    ref: Id
    people: Count = 1
    outcome: Outcome
    returned: Count = 0
    with_them: Line | None = None
    note: Line | None = None


class NumbersBody(BaseModel):
    """分项人数"""

    model_config = ConfigDict(extra="forbid")
    shelter: Count = 0
    relatives: Count = 0
    away: Count = 0
    refused: Count = 0
    returned: Count = 0

    def tally(self) -> Tally:
        return Tally(**self.model_dump())


class PeopleBody(ActBody):
    """人员登记"""

    unit_id: Id
    people: Annotated[list[PersonBody], Field(max_length=5000)] = []
    numbers: NumbersBody | None = None
    expected: Count | None = None


class InspectionBody(BaseModel):
    """现场核查"""

    model_config = ConfigDict(extra="forbid")
    by: Id
    at: AwareDatetime
    safe: bool
    finding: Line

    def inspection(self) -> Inspection:
        return Inspection(by=self.by, at=self.at, safe=self.safe, finding=self.finding)


class ExtendBody(ActBody):
    """延期"""

    review_at: AwareDatetime
    ground: Line = ""


class LiftBody(ActBody):
    """解除"""

    ground: Line = ""
    units: Ids = []
    inspection: InspectionBody | None = None


class RevokeBody(ActBody):
    """撤销"""

    ground: Line = ""
    unsigned_only: bool = False


class ReturnBody(ActBody):
    """允许返回"""

    inspection: InspectionBody | None = None


class CreateBody(BaseModel):
    """拟制措施"""

    model_config = ConfigDict(extra="forbid")
    hazard: Id
    kind: Measure
    level: Level
    scope: Id
    wording_zh: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
    wording_en: Line = ""
    basis: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
    exemptions: Line | None = None
    units: Ids = []
    trip_id: Annotated[str, Field(max_length=ID_MAX)] | None = None
    incident_id: Id | None = None
    withdraw_first: bool = False


def group_of(body: PersonBody, by: str, at: AwareDatetime) -> Group:
    return Group(
        ref=body.ref,
        people=body.people,
        outcome=body.outcome,
        by=by,
        at=at,
        returned=body.returned,
        with_them=body.with_them,
        note=body.note,
    )
