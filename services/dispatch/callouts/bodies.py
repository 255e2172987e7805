"""叫应请求体 What may be sent to ``/v1/callouts`` and contacts (contract §6)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.dispatch.callouts.matter import Grade, Via

Name = Annotated[str, Field(min_length=1, max_length=64)]
Ground = Annotated[str, Field(max_length=500)]


class FeedbackBody(BaseModel):
    """反馈: the first facts; leave out what is not known"""

    model_config = ConfigDict(extra="forbid")
    commander: Annotated[str, Field(max_length=64)] | None = None
    villages: Annotated[int, Field(ge=0, le=10_000)] | None = None
    evacuating: bool | None = None
    moved: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class AnswerBody(BaseModel):
    """答复: contract §6"""

    model_config = ConfigDict(extra="forbid")
    post: Name
    person: Name | None = None
    grade: Grade
    via: Via = Via.APP
    by: Name | None = None
    ground: Ground | None = None
    matters: Annotated[dict[str, int], Field(max_length=100)] | None = None
    feedback: FeedbackBody | None = None
    happened_at: AwareDatetime | None = None
    entered_late: bool = False


class ByBody(BaseModel):
    """何人"""

    model_config = ConfigDict(extra="forbid")
    post: Name | None = None
    person: Name


class FindingBody(BaseModel):
    """核实结论"""

    model_config = ConfigDict(extra="forbid")
    trip_id: Annotated[str, Field(min_length=1, max_length=200)]
    verdict: Literal["confirm", "refute"]
    by: ByBody
    ground: Annotated[str, Field(min_length=1, max_length=1000)]
    happened_at: AwareDatetime | None = None
    entered_late: bool = False


class CloseBody(BaseModel):
    """结案"""

    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(min_length=1, max_length=300)]


class ContactBody(BaseModel):
    """补号码"""

    model_config = ConfigDict(extra="forbid")
    channel: Annotated[str, Field(max_length=16)]
    address: Annotated[str, Field(min_length=1, max_length=64)]
    ground: Annotated[str, Field(min_length=1, max_length=300)]
