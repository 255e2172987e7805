"""门禁 The one check of role, realm and area (contract §8). Refusals are audited by the caller's transaction or log."""

from __future__ import annotations

from collections.abc import Iterable

from shared.auth.tokens import Actor
from shared.errors import Forbidden
from shared.pack.model import Pack
from shared.vocabulary import Role


def check(actor: Actor, roles: Iterable[Role], realm: str, area: str | None = None, pack: Pack | None = None) -> None:
    """Raise Forbidden unless the actor has one of the roles, may act in the realm, and the area lies in theirs.

    ``admin`` passes every role check but ``issuer`` and ``second_issuer``: who runs the machine signs no order.
    """
    wanted = frozenset(roles)
    held = {Role(role) for role in actor.roles if role in Role.__members__.values()}
    passes = held & wanted
    if Role.ADMIN in held and not wanted <= {Role.ISSUER, Role.SECOND_ISSUER, Role.SERVICE}:
        passes = held
    if not passes:
        names = ", ".join(sorted(wanted))
        raise Forbidden(f"this needs one of the roles: {names}", f"需要角色之一：{names}", code="wrong_role")
    if not actor.may_realm(realm):
        raise Forbidden(
            f"your token may not act in realm {realm}", f"令牌不得在领域 {realm} 中操作", code="wrong_realm"
        )
    if area is not None and not covers(actor.areas, area, pack):
        raise Forbidden(
            f"area {area} is outside yours", f"区域 {area} 不在您的辖区内", code="outside_area", field="area"
        )


def covers(areas: Iterable[str], area: str, pack: Pack | None) -> bool:
    """Whether one of the areas is the area or one of its ancestors; ``*`` covers all."""
    held = set(areas)
    if "*" in held or area in held:
        return True
    return pack is not None and any(code in held for code in pack.ancestors(area))
