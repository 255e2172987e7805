"""报到请求 The bodies of the check-in API: few fields, all but the kind optional: no cry for help fails for its form.

Text is cleaned rather than refused: what cannot be printed is dropped. A position comes whole or not at all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.dispatch.checkins.checkin import Kind, Look, Looked, Need, Receiver, Report
from shared.errors import Invalid
from shared.ids import sha256_hex

BODY_BYTES_MAX = 4_096
NAME_MAX = 40
PHONE_MAX = 24
PLACE_MAX = 64
WORDS_MAX = 200
DEVICE_MAX = 100
PEOPLE_MAX = 999
LOOK_WORDS_MAX = 500


def cleaned(text: str | None) -> str | None:
    """One line without what cannot be printed; None where nothing is left."""
    if text is None:
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or None


Name = Annotated[str | None, Field(max_length=NAME_MAX), AfterValidator(cleaned)]
Phone = Annotated[str | None, Field(max_length=PHONE_MAX), AfterValidator(cleaned)]
Place = Annotated[str | None, Field(max_length=PLACE_MAX), AfterValidator(cleaned)]
Words = Annotated[str | None, Field(max_length=WORDS_MAX), AfterValidator(cleaned)]


class CheckInBody(BaseModel):
    """报到"""

    model_config = ConfigDict(extra="forbid")
    kind: Kind
    needs: Annotated[list[Need], Field(max_length=len(Need))] = []
    people: Annotated[int, Field(ge=1, le=PEOPLE_MAX)] | None = None
    name: Name = None
    phone: Phone = None
    place: Place = None
    place_text: Words = None
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    accuracy_m: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] | None = None
    words: Words = None
    device: Annotated[str | None, Field(max_length=DEVICE_MAX)] = None
    lang: Annotated[str | None, Field(max_length=8), AfterValidator(cleaned)] = None
    happened_at: AwareDatetime | None = None
    entered_late: bool = False

    def report(self, now: datetime, by: str | None) -> Report:
        """What was said; the phone's random mark is kept as a digest only."""
        if (self.lat is None) != (self.lon is None):
            raise Invalid("lat and lon come together", "lat 与 lon 须同时给出", field="lat")
        return Report(
            receipt="",
            at=now,
            kind=self.kind,
            needs=tuple(self.needs),
            people=self.people,
            name=self.name,
            phone=self.phone,
            device=sha256_hex(self.device.encode())[:32] if self.device else None,
            place=self.place,
            place_text=self.place_text,
            lat=self.lat,
            lon=self.lon,
            accuracy_m=self.accuracy_m if self.lat is not None else None,
            words=self.words,
            lang=self.lang,
            said_at=self.happened_at,
            entered_late=self.entered_late and by is not None,
            by=by,
        )


class LookBody(BaseModel):
    """查看"""

    model_config = ConfigDict(extra="forbid")
    act: Look
    to: Receiver | None = None
    words: Annotated[str, Field(max_length=LOOK_WORDS_MAX)] = ""
    happened_at: AwareDatetime | None = None
    entered_late: bool = False

    def looked(self, by: str, now: datetime) -> Looked:
        return Looked(
            act=self.act,
            by=by,
            at=now,
            to=self.to,
            words=cleaned(self.words) or "",
            happened_at=self.happened_at,
            entered_late=self.entered_late,
        )
