"""表单 What an officer typed, kept through every refusal; and what a service said of it, in words beside the field.

A form carries a key of its own (``_key``): a double click is one act, and after a silence the same click may be made
again. It carries the version that was seen (``_match``), so that two officers on one thing see each other. Nothing
that was typed is lost: a refused form comes back filled, and so does one whose login had expired (`visit.to_the_door`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from console.peers import Asked
from console.session import same_origin
from console.times import read_field
from shared.chance import new_uuid
from shared.errors import Invalid, TooLarge

FORM_BYTES_MAX = 4_000_000
PART_BYTES_MAX = 2_000_000
FILE_BYTES_MAX = 1_000_000
FIELDS_MAX = 3000
KEY, MATCH, SEEN, RESUMED = "_key", "_match", "_seen", "_resumed"
Both = Mapping[str, str]
"""``{zh, en}``"""

SILENT: Both = {
    "zh": "没有收到答复，不知道是否已经办成。可以再按一次：同一次办理不会重复。",
    "en": "No answer came: it is not known whether this was done. Press again; the same act is never done twice.",
}
STALE: Both = {
    "zh": "您填写期间已有人办理过。下面是两个版本的对照；您填的内容还在，请核对后再办。",
    "en": "Somebody acted on it while you were typing. Both versions are shown and what you typed is kept.",
}
REUSED: Both = {
    "zh": "这张表单此前已经办成过一次，内容与现在不同。请先查看结果，需要再办请重新打开本页。",
    "en": "This form was taken once already, with other content. Look at the result; open the page anew to act again.",
}
NO_TIME: Both = {
    "zh": "时间写作 06-28 03:05（今天可只写 3:05）",
    "en": "write a time as 06-28 03:05, or of today 3:05",
}


@dataclass(frozen=True)
class Typed:
    """所填: every value of every field; an uploaded file is three fields, ``NAME_name _type _base64``."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The last value, without blanks around it; empty where there is none."""
        values = self.fields.get(name, ())
        return values[-1].strip() if values else ""

    def every(self, name: str) -> list[str]:
        return [value.strip() for value in self.fields.get(name, ()) if value.strip()]

    def pairs(self) -> list[tuple[str, str]]:
        return [(name, value) for name, values in self.fields.items() for value in values]

    def without(self, *names: str) -> Typed:
        return Typed({name: values for name, values in self.fields.items() if name not in names})

    @property
    def is_resumed(self) -> bool:
        """Brought back after a login: it is shown again, not sent."""
        return bool(self.text(RESUMED))


@dataclass(frozen=True, kw_only=True)
class Form:
    """表单 as a page shows it: what was typed, what is wrong with it and where."""

    typed: Typed = field(default_factory=Typed)
    errors: Mapping[str, Both] = field(default_factory=dict)
    problem: Both | None = None
    key: str = field(default_factory=new_uuid)
    match: str = ""
    name: str = ""

    def value(self, name: str, default: Any = "") -> str:
        given = self.typed.fields.get(name)
        return given[-1] if given else ("" if default is None else str(default))

    def values(self, name: str, default: Iterable[str] = ()) -> list[str]:
        given = self.typed.fields.get(name)
        return list(given if given is not None else default)

    def error(self, name: str) -> Both | None:
        return self.errors.get(name)

    @property
    def is_wrong(self) -> bool:
        return bool(self.errors) or self.problem is not None


def back(typed: Typed, *, match: str | None = None, name: str = "") -> Form:
    """The form as it was sent, with its key: the same click again stays the same click."""
    return Form(
        typed=typed.without(RESUMED),
        key=typed.text(KEY) or new_uuid(),
        match=typed.text(MATCH) if match is None else match,
        name=name,
    )


async def read_form(request: Request) -> Typed:
    """读表单 From a page of ours only; files and all within the limits. Read once, whoever asks again."""
    same_origin(request)
    read: Typed | None = getattr(request.state, "typed", None)
    if read is not None:
        return read
    size = request.headers.get("content-length", "")
    if not size.isdigit():
        raise Invalid("this form says no length", "表单缺少长度", field="Content-Length")
    if int(size) > FORM_BYTES_MAX:
        raise TooLarge(f"a form is at most {FORM_BYTES_MAX} bytes", "表单过大：附件最大 1 MB")
    fields: dict[str, list[str]] = {}
    async with request.form(max_files=1, max_fields=FIELDS_MAX, max_part_size=PART_BYTES_MAX) as given:
        for name, value in given.multi_items():
            if isinstance(value, UploadFile):
                for part, text in (await _file(value)).items():
                    fields[f"{name}_{part}"] = [text]  # a new file takes the place of one that was kept
            else:
                fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    request.state.typed = Typed({name: tuple(values) for name, values in fields.items()})
    return request.state.typed  # type: ignore[no-any-return]  # set in the line above


async def _file(upload: UploadFile) -> dict[str, str]:
    content = await upload.read()
    if not content and not upload.filename:
        return {}
    if len(content) > FILE_BYTES_MAX:
        raise TooLarge(f"a file is at most {FILE_BYTES_MAX} bytes", "附件最大 1 MB，请压缩或截图后再传", field="file")
    return {
        "name": (upload.filename or "file")[-200:],
        "type": upload.content_type or "application/octet-stream",
        "base64": base64.b64encode(content).decode("ascii"),
    }


@dataclass(frozen=True)
class Trouble:
    """未办成: why a service did not do it; ``is_stale``: somebody else acted since (412)."""

    text: Both
    field: str | None = None
    is_stale: bool = False


def trouble_of(asked: Asked) -> Trouble | None:
    """What kept it from being done; None where it was done."""
    if not asked.wrong:
        return None
    body = asked.body if isinstance(asked.body, dict) else {}
    if asked.status == 0 or (asked.status >= 500 and "title" not in body):
        return Trouble(SILENT)
    if asked.status == 412:
        return Trouble(STALE, None, is_stale=True)
    if body.get("code") == "key_reused":
        return Trouble(REUSED)
    en = str(body.get("detail") or asked.wrong)
    zh = str(body.get("title") or en)
    given = body.get("field")
    return Trouble({"zh": zh, "en": en}, str(given) if given else None)


def refused(form: Form, trouble: Trouble, fields: Iterable[str]) -> Form:
    """The form again, with the refusal beside the field that it is about, where the form has such a field.

    What was refused was not done, and warning keeps the refusal as the answer to its key: whoever presses again asks
    anew. Where nothing is known of the first click, or it was done, the key stays.
    """
    if trouble.text not in (SILENT, REUSED):
        form = replace(form, key=new_uuid())
    path = (trouble.field or "").split(".")
    name = next((each for each in (path[-1], path[0]) if each in set(fields)), None)
    if name is not None:
        return replace(form, errors={**form.errors, name: trouble.text})
    return replace(form, problem=trouble.text)


def on_version(forms: Mapping[str, Form], version: str) -> dict[str, Form]:
    """The forms that came back, now on the version that stands beside them: who goes on has seen it."""
    return {act: replace(form, match=version) for act, form in forms.items()}


def seen(facts: Mapping[str, str]) -> str:
    """What stood on the page, carried by the form, so that a later version can be laid beside it."""
    return json.dumps(dict(facts), ensure_ascii=False)


def was_seen(typed: Typed) -> dict[str, str]:
    try:
        read = json.loads(typed.text(SEEN) or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in read.items()} if isinstance(read, dict) else {}


@dataclass(frozen=True)
class Beside:
    """对照一行: before and now; ``changed`` where they differ"""

    name: str
    before: str
    now: str

    @property
    def changed(self) -> bool:
        return self.before != self.now


def beside(before: Mapping[str, str], now: Mapping[str, str]) -> list[Beside]:
    """两个版本对照: the rows that differ first."""
    rows = [Beside(name, before.get(name, ""), now.get(name, "")) for name in {**before, **now}]
    return sorted(rows, key=lambda row: not row.changed)


def when(typed: Typed, name: str, errors: dict[str, Both], now: datetime | None, *, needed: bool = False) -> str | None:
    """A time field read; what is wrong with it goes into ``errors``."""
    text = typed.text(name)
    if not text:
        if needed:
            errors[name] = NO_TIME
        return None
    at = read_field(text, now)
    if at is None:
        errors[name] = NO_TIME
        return None
    return at.isoformat()


def late(typed: Typed, errors: dict[str, Both], now: datetime | None) -> dict[str, Any]:
    """补录: both or neither of the two."""
    if not typed.text("entered_late"):
        return {}
    happened_at = when(typed, "happened_at", errors, now)
    if happened_at is None and "happened_at" not in errors:
        errors["happened_at"] = {"zh": "补录须写明何时发生", "en": "say when it happened, if it is entered late"}
    return {"entered_late": True, "happened_at": happened_at}
