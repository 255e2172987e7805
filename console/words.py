"""界面用语 The words of the pages, Chinese first; what a service says in codes, in words that a duty officer reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LANGS = ("zh", "en")

TEXT: Mapping[str, tuple[str, str]] = {
    "title": ("烽燧值班台", "Fengsui duty console"),
    "exercise": ("演练", "EXERCISE"),
    "exercise_note": ("演练，不是真实险情", "an exercise, no real danger"),
    "actual": ("实战", "ACTUAL"),
    "domain_clock": ("领域时间", "domain time"),
    "speed": ("倍速", "times speed"),
    "clock_stands": ("时钟停住", "the clock stands"),
    "status": ("总览", "Status"),
    "open_orders": ("在办措施", "open measures"),
    "waiting_signature": ("待签", "to be signed"),
    "unanswered": ("未应答", "unanswered"),
    "oldest": ("最久未答", "oldest unanswered"),
    "stale": ("断报站", "stale stations"),
    "parked": ("搁置消息", "parked messages"),
    "waiting": ("待送消息", "messages waiting"),
    "none": ("无", "none"),
    "not_known": ("不知道", "not known"),
    "fuses": ("监测告警", "Monitoring alarms"),
    "fuse": ("规则", "rule"),
    "place": ("地点", "place"),
    "level": ("级别", "level"),
    "verification": ("核实", "verification"),
    "why": ("依据", "why"),
    "since": ("起于", "since"),
    "board": ("叫应", "Calls"),
    "post": ("岗位", "post"),
    "state": ("状态", "state"),
    "tried": ("已叫", "tried"),
    "answer": ("应答", "answer"),
    "next_try": ("下次", "next try"),
    "orders": ("禁停撤疏措施", "Measures"),
    "measure": ("措施", "measure"),
    "issuer": ("签发", "issuer"),
    "due": ("时限", "due"),
    "people": ("人员", "people"),
    "timeline": ("时间线", "Timeline"),
    "no_fuses": ("没有告警，全部正常", "no alarms, all normal"),
    "no_calls": ("没有正在进行的叫应", "no calls"),
    "no_orders": ("没有措施", "no measures"),
    "no_events": ("尚无事件", "nothing yet"),
    "login": ("登录", "Log in"),
    "logout": ("退出", "Log out"),
    "username": ("用户名", "user name"),
    "password": ("口令", "password"),
    "token": ("或粘贴令牌", "or paste a token"),
    "login_failed": ("用户名或口令错误", "user or password is wrong"),
    "login_away": ("登录服务暂不可达，请稍后再试", "the login service cannot be reached; try again"),
    "link_used": ("登录链接已用过或已失效；请用口令登录", "this link was used already; log in with a password"),
    "expired": ("登录已过期，请重新登录", "the login has expired"),
    "too_many": ("尝试过多，请五分钟后再试", "too many tries; wait five minutes"),
    "live": ("实时", "live"),
    "away": ("断开，以下为断开前所知", "cut off: what is shown is from before"),
    "connecting": ("连接中", "connecting"),
    "wrong": ("异常", "wrong"),
    "reload": ("刷新", "reload"),
    "blind": ("盲区", "blind"),
    "latched": ("锁定，待人工解除", "latched, waits for release"),
    "silent": ("失联", "silent"),
    "confirm_until": ("待核实至", "to be confirmed by"),
    "realm": ("领域", "realm"),
    "ago": ("前", "ago"),
    "as_of": ("截至", "as of"),
    "no_js": (
        "未启用脚本：本页每 10 秒自动刷新",
        "without scripts: this page reloads every 10 seconds",
    ),
}

CODES: Mapping[str, tuple[str, str]] = {
    # levels
    "normal": ("正常", "normal"),
    "blue": ("蓝", "blue"),
    "yellow": ("黄", "yellow"),
    "orange": ("橙", "orange"),
    "red": ("红", "red"),
    # verification
    "confirmed": ("已核实", "confirmed"),
    "unconfirmed": ("待核实", "unconfirmed"),
    "unverified": ("无人核实", "nobody verified"),
    "refuted": ("已否定", "refuted"),
    # orders
    "proposed": ("建议", "proposed"),
    "awaiting_signature": ("待签", "to be signed"),
    "in_force": ("生效", "in force"),
    "acknowledged": ("已签收", "acknowledged"),
    "in_progress": ("执行中", "in progress"),
    "complete": ("已落实", "complete"),
    "expired_not_lifted": ("到期未解除", "expired, not lifted"),
    "lifted": ("已解除", "lifted"),
    "revoked": ("已撤销", "revoked"),
    "ban": ("禁", "ban"),
    "stop": ("停", "stop"),
    "evacuate": ("撤", "evacuate"),
    "disperse": ("疏", "disperse"),
    # lines of the call board
    "calling": ("叫应中", "calling"),
    "climbing": ("升级叫应", "escalated"),
    "top_reached": ("已升至最高", "top reached"),
    "answered": ("已应答", "answered"),
    "closed": ("已结", "closed"),
    # answers and attempts
    "acting": ("已行动", "acting"),
    "understood": ("明白", "understood"),
    "heard": ("听到", "heard"),
    "cannot_act": ("无法行动", "cannot act"),
    "wrong_person": ("非本人", "wrong person"),
    "busy": ("占线", "busy"),
    "keyed": ("按键应答", "answered by key"),
    "part_heard": ("没听完", "heard in part"),
    "hung_up": ("挂断（疑似拦截）", "hung up"),
    "no_answer": ("无人接", "no answer"),
    "machine": ("答录机", "machine"),
    "unreachable": ("不在服务区", "unreachable"),
    "bad_number": ("空号", "dead number"),
    "delivered": ("短信已达", "text delivered"),
    "carrier_failed": ("通道故障", "carrier failed"),
    "expired": ("通道无回执", "no word from carrier"),
    "queued": ("待拨", "queued"),
    "accepted": ("通道已受理", "accepted"),
    "ringing": ("振铃", "ringing"),
    "ended": ("已结束", "ended"),
    # people of an order
    "expected": ("应转", "expected"),
    "shelter": ("集中安置", "in shelters"),
    "relatives": ("投亲靠友", "with relatives"),
    "away": ("外出", "away"),
    "refused": ("拒转", "refused"),
    "not_found": ("未联系上", "not found"),
    "returned": ("擅自返回", "went back"),
    # why a fuse moved
    "threshold": ("达到标准", "threshold"),
    "quorum": ("多站达到标准", "quorum"),
    "notice": ("通知", "notice"),
    "late": ("迟到数据", "late data"),
    "hold": ("逐级下降", "stepped down"),
    "veto": ("上游仍告警", "upstream alarm"),
    "silence": ("测站失联", "silence"),
    "unknown": ("情况不明", "unknown"),
    "armed": ("上游来水", "armed"),
    "release": ("人工解除", "released"),
    "manual": ("人工触发", "by hand"),
    "shelved": ("搁置", "shelved"),
    # statistics
    "sum": ("累计", "sum"),
    "value": ("实测", "value"),
    "rise": ("涨幅", "rise"),
    "rate": ("涨率", "rate"),
}


class Words:
    """界面用语 in one language; an unknown code is shown as it is, never hidden."""

    def __init__(self, lang: str) -> None:
        self.lang = lang if lang in LANGS else LANGS[0]
        self._column = LANGS.index(self.lang)

    def __call__(self, name: str) -> str:
        return TEXT[name][self._column]

    def code(self, value: Any) -> str:
        if value is None or value == "":
            return "—"
        found = CODES.get(str(value))
        return found[self._column] if found else str(value)

    def pick(self, both: Any) -> str:
        """Of ``{zh, en}`` the one for this language."""
        if isinstance(both, Mapping):
            return str(both.get(self.lang) or both.get("zh") or both.get("en") or "")
        return "" if both is None else str(both)
