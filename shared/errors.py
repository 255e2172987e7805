"""错误 The errors of the domain; `shared.http` turns each into an RFC 9457 problem document.

    FengsuiError
    ├── Invalid            422  a field is wrong
    │   └── PackError      425/422, with file and line
    ├── TooLarge           413
    ├── Unauthorized       401
    ├── Forbidden          403  outside_area, wrong_role, wrong_realm
    ├── NotFound           404
    ├── Refused            409  the step is not possible now: refused:<reason>
    ├── StaleVersion       412
    ├── Gone               410
    ├── PackUnknown        425
    ├── TooMany            429
    └── Unavailable        503  storage, queue full, not the owner
    InvariantBroken              a bug; never caught as a domain error

Every error carries a stable ``code``, the ``field`` it is about, and a sentence in Chinese and in English.
"""

from __future__ import annotations

from typing import Any


class FengsuiError(Exception):
    """业务错误 Root of all errors that a caller can understand and act on."""

    status = 400
    code = "bad_request"

    def __init__(
        self,
        en: str,
        zh: str | None = None,
        *,
        code: str | None = None,
        field: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh or en
        self.code = code or type(self).code
        self.field = field
        self.extra = extra


class Invalid(FengsuiError):
    """输入有误 A field of the input is wrong; the message says what would be right."""

    status = 422
    code = "invalid"


class OtherDistrict(FengsuiError):
    """另一区县 A pack of one district over the data of another; nothing of either is changed."""

    code = "other_district"


class TooLarge(FengsuiError):
    """过大 The input exceeds its size limit."""

    status = 413
    code = "too_large"


class Unauthorized(FengsuiError):
    """未登录 No token, or one that is expired or not ours."""

    status = 401
    code = "unauthorized"


class Forbidden(FengsuiError):
    """无权限 The token's roles, areas or realms do not allow this."""

    status = 403
    code = "forbidden"


class NotFound(FengsuiError):
    """不存在"""

    status = 404
    code = "not_found"


class Refused(FengsuiError):
    """拒绝 The object's state does not allow the step: ``refused:<reason>``."""

    status = 409
    code = "refused"

    def __init__(self, reason: str, en: str, zh: str | None = None, **extra: Any) -> None:
        super().__init__(en, zh, code=f"refused:{reason}", **extra)
        self.reason = reason


class StaleVersion(FengsuiError):
    """版本已变 If-Match names another version than the stored one; both are shown."""

    status = 412
    code = "stale_version"


class Gone(FengsuiError):
    """已过期 The asked position is older than what is kept."""

    status = 410
    code = "gone"


class PackUnknown(FengsuiError):
    """未知区县包 The message was made with a district pack that this service does not have yet: try again."""

    status = 425
    code = "pack_unknown"


class TooMany(FengsuiError):
    """过于频繁 A rate limit."""

    status = 429
    code = "too_many"


class Unavailable(FengsuiError):
    """暂不可用 Storage, queue or ownership; the caller keeps what it has and tries again."""

    status = 503
    code = "storage_unavailable"


class InvariantBroken(AssertionError):
    """不变量被破坏 A bug of ours; stops the transaction."""


def require(condition: object, message: str) -> None:
    """Guard an invariant before save and after load; survives ``python -O``."""
    if not condition:
        raise InvariantBroken(message)
