"""谁可办理 Which roles may read orders, sign, write down a voice, carry out, revoke; posts and areas narrow further."""

from __future__ import annotations

from shared.vocabulary import Role

READERS = [
    Role.DUTY_OFFICER,
    Role.COMMANDER,
    Role.DRAFTER,
    Role.ISSUER,
    Role.SECOND_ISSUER,
    Role.VERIFIER,
    Role.TOWNSHIP,
    Role.VILLAGE,
    Role.WAREHOUSE_KEEPER,
    Role.SERVICE,
]
SIGNERS = [Role.ISSUER, Role.SECOND_ISSUER, Role.COMMANDER]
RECORDERS = [Role.DUTY_OFFICER, Role.COMMANDER]
DOERS = [Role.DUTY_OFFICER, Role.COMMANDER, Role.TOWNSHIP, Role.VILLAGE]
REVOKERS = [*SIGNERS, Role.DUTY_OFFICER]
